"""Options of ``encode`` that functions here pass on to it, batch by batch, and those they cannot."""

from typing import Any

from helpers import arguments

# Options of encode that would make its result something else than an array with one vector a text.
NOT_TAKEN = ("output_value", "convert_to_tensor", "convert_to_numpy", "pool", "chunk_size")


@arguments.typed
def take_progress_bar(options: dict[str, Any], function: str) -> bool:
    """Take ``show_progress_bar`` out of the options, which is the function's to show, and refuse those that change the kind of result."""
    for name in NOT_TAKEN:
        if name in options:
            raise arguments.wrong_value(name, options[name], f"left out: {function} gives an array with one vector a text")
    if isinstance(options.get("device"), list):
        raise arguments.wrong_value("device", options["device"], "a single device")
    if (precision := options.get("precision")) in ("int8", "uint8"):
        # encode finds the range of int8 in the texts of one call: batches would get different ones
        raise arguments.wrong_value("precision", precision, "float32 or binary; make int8 of the result with quantize_embeddings")
    show_progress_bar = options.pop("show_progress_bar", None)
    return False if show_progress_bar is None else arguments.boolean(show_progress_bar, "show_progress_bar")
