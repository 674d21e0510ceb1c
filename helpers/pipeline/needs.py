"""The engines come from a second requirements file: whoever has not installed it is told so in one sentence."""

import importlib
import types

from helpers import arguments

INSTALL = "python -m pip install -r requirements-beyond.txt"
SAID_CHARACTERS = 200


def engine(name: str) -> types.ModuleType:
    """Import an engine, for example ``lancedb``.

    Raises:
        ModuleNotFoundError: It is not installed; the message says what to run.
    """
    name = arguments.text(name, "name", empty=False)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != name.split(".")[0]:
            raise
        raise ModuleNotFoundError(f"helpers.pipeline needs {name}, which is not installed: run {INSTALL}", name=name) from None


@arguments.typed
def first_line(error: BaseException) -> str:
    """What an engine says of an error, in one line: the rest are places in its own source."""
    return (str(error).splitlines() or [type(error).__name__])[0][:SAID_CHARACTERS]
