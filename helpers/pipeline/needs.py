"""The engines come from a second requirements file: whoever has not installed it is told so in one sentence."""

import importlib
import types

from helpers import arguments

INSTALL = "python -m pip install -r requirements-scale.txt"


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
