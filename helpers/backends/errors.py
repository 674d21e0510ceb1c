"""What goes wrong with exports, in sentences of our own."""

from pathlib import Path

from helpers import arguments


class ExportError(RuntimeError):
    """A model cannot be exported, or an export is asked for what it does not hold. The message says what to do."""


@arguments.typed
def damaged(folder: Path, what: str) -> ValueError:
    """The error for a folder that was an export."""
    return ValueError(f"folder must be a complete export, got {str(folder)!r}: {what}. Export the model again.")


@arguments.typed
def first_line(error: BaseException) -> str:
    """The first line of an error's message, for a sentence of our own."""
    text = str(error).strip()
    return (text.splitlines()[0][:200] if text else type(error).__name__).rstrip(".")
