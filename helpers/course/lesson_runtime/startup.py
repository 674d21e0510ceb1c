"""What a kernel runs before a lesson's first cell, in the build and in the tests (never for a learner).

A deprecation that the lesson's own code causes is an error, and progress bars stay away: their text carries timings, which
no stored output can repeat.
"""


def _prepare() -> None:  # a function, so that a lesson finds none of these names already there
    import warnings
    from collections.abc import Callable
    from typing import Any

    import tqdm.notebook
    import tqdm.std

    for category in (DeprecationWarning, FutureWarning):
        # The library warns on behalf of its caller, but in its own name or the import system's. Others may deprecate among themselves.
        warnings.filterwarnings("error", category=category, module=r"__main__|sentence_transformers|importlib")

    def without_bar(original: Callable[..., None]) -> Callable[..., None]:
        def init(self: object, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = True
            original(self, *args, **kwargs)

        return init

    for bar in (tqdm.std.tqdm, tqdm.notebook.tqdm_notebook):
        bar.__init__ = without_bar(bar.__init__)


_prepare()
del _prepare
