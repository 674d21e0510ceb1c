"""A model as one graph: traced once by torch, written for ONNX Runtime or for OpenVINO, in float32 or int8."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from helpers.backends import runtimes
from helpers.backends.errors import ExportError, first_line

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Above it, the weights lie in a file of their own: a single ONNX file holds at most 2 GB.
MOST_BYTES_IN_ONE_FILE = 1_500_000_000

# Longer texts are cut for the calibration, which holds every number of the graph for one text at a time.
MOST_TOKENS_TO_CALIBRATE = 512

# The first that has an operator for attention as a whole: in pieces it takes ONNX Runtime half as long again.
_OPSET = 23
_OUTPUT = "sentence_embedding"  # one named "embedding" would collide with a name inside the graph
_TALKATIVE = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir", "nncf", "openvino", "root")


class Traced:
    """A model's whole chain of modules as torch.export records it, and the graphs that are made of the record, each once.

    Args:
        model: A SentenceTransformer that ``exporting`` found fit.
    """

    def __init__(self, model: "SentenceTransformer") -> None:
        import torch

        self.model = model
        features = model.preprocess(["two texts", "of different lengths, so that one of them is padded"])
        self._tokens = {name: tensor for name, tensor in features.items() if isinstance(tensor, torch.Tensor)}

    @property
    def inputs(self) -> list[str]:
        """The names of the graph's inputs, in their order."""
        return list(self._tokens)

    def write(self, path: Path, precision: str, texts: Sequence[str]) -> None:
        """Write the graph; the suffix says for which runtime. ``texts`` calibrate OpenVINO's int8.

        Raises:
            ExportError: A step fails.
        """
        with _quiet():
            if path.suffix == ".onnx":
                _write_onnx(self._onnx, path, precision, large=_bytes(self.model) > MOST_BYTES_IN_ONE_FILE)
            else:
                graph = self._openvino if precision != "int8" else self._calibrated(texts)
                _number_the_names(graph)
                runtimes.openvino().save_model(graph, path, compress_to_fp16=False)

    @cached_property
    def _program(self) -> Any:
        import torch

        shape = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
        with torch.no_grad(), _failing_as("torch cannot trace this model"):
            return torch.export.export(
                _whole_chain(self.model, self.inputs), tuple(self._tokens.values()), dynamic_shapes=(tuple(shape for _ in self.inputs),)
            )

    @cached_property
    def _onnx(self) -> Any:
        import torch

        with _failing_as("torch cannot export this model to ONNX"):
            program = torch.onnx.export(
                self._program,
                tuple(self._tokens.values()),
                input_names=self.inputs,
                output_names=[_OUTPUT],
                opset_version=_OPSET,
                dynamo=True,
                verbose=False,
            )
        assert program is not None
        _forget_where_it_was_made(program)
        return program

    @cached_property
    def _openvino(self) -> Any:
        """Straight from torch's record: by way of ONNX, attention falls into pieces that OpenVINO does not put together again."""
        openvino = runtimes.openvino()
        with _failing_as("OpenVINO cannot convert this model"):
            graph = openvino.convert_model(self._program)
        for port, name in zip(graph.inputs, self.inputs, strict=True):
            port.get_tensor().set_names({name})
            port.get_node().set_friendly_name(name)
        graph.outputs[0].get_tensor().set_names({_OUTPUT})
        return graph

    def _calibrated(self, texts: Sequence[str]) -> Any:
        """The graph with int8 in its matrix products, their ranges taken from what the texts make of them."""
        nncf = runtimes.nncf()
        with _failing_as("NNCF cannot quantize this model"), _without_progress_bars():
            return nncf.quantize(
                self._openvino,
                nncf.Dataset(list(texts), self._tokenized),
                model_type=nncf.ModelType.TRANSFORMER,
                subset_size=len(texts),
            )

    def _tokenized(self, text: str) -> dict[str, Any]:
        longest = min(self.model.max_seq_length or MOST_TOKENS_TO_CALIBRATE, MOST_TOKENS_TO_CALIBRATE)
        prompt = self.model.prompts.get(self.model.default_prompt_name or "")
        features = self.model.preprocess([text], prompt=prompt, processing_kwargs={"text": {"max_length": longest}})
        return {name: features[name].numpy() for name in self.inputs}


def _whole_chain(model: "SentenceTransformer", inputs: list[str]) -> Any:
    """A torch module from token tensors to the finished embedding: all modules of the model, one after the other."""
    import torch

    class WholeChain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tokens: torch.Tensor) -> torch.Tensor:
            return self.model(dict(zip(inputs, tokens, strict=True)))["sentence_embedding"]

    return WholeChain().eval()


def _write_onnx(program: Any, path: Path, precision: str, *, large: bool) -> None:
    if precision == "fp32":
        program.save(path, external_data=large)
        return
    source, prepared = path.with_name("source.onnx"), path.with_name("prepared.onnx")
    program.save(source, external_data=large)
    runtimes.onnxruntime()
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    # Without the preparation the quantizer misses what it would have to know: the mean cosine to float32 falls from 0.99 to 0.96.
    with _failing_as("ONNX Runtime cannot quantize this model"):
        quant_pre_process(source, prepared, skip_symbolic_shape=True, save_as_external_data=large, all_tensors_to_one_file=large)
        quantize_dynamic(
            prepared,
            path,
            op_types_to_quantize=["MatMul", "Gather"],  # and not attention, for which it writes an operator that ONNX Runtime refuses
            per_channel=True,
            weight_type=QuantType.QInt8,
            use_external_data_format=large,
        )
    for left in (*path.parent.glob("source.onnx*"), *path.parent.glob("prepared.onnx*")):
        left.unlink()


def _forget_where_it_was_made(program: Any) -> None:
    """Remove torch's notes on each node: they quote source lines and paths of this machine."""
    for node in program.model.graph:
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()


def _number_the_names(graph: Any) -> None:
    """OpenVINO numbers names through the whole process: the same export would have other bytes the second time."""
    graph.set_friendly_name("model")
    for number, operation in enumerate(graph.get_ordered_ops()):
        if operation.get_type_name() != "Parameter":
            operation.set_friendly_name(f"{operation.get_type_name()}_{number}")


def _bytes(model: "SentenceTransformer") -> int:
    return sum(tensor.nbytes for tensor in model.state_dict().values())


@contextlib.contextmanager
def _failing_as(what: str) -> Iterator[None]:
    try:
        yield
    except (ExportError, ModuleNotFoundError):
        raise
    except Exception as error:
        raise ExportError(f"{what}: {first_line(error)}.") from error


# Silence: no remark of the exporters asks the reader to do anything


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name if name != "root" else None) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextlib.contextmanager
def _without_progress_bars() -> Iterator[None]:
    """NNCF draws several, in a notebook outside of standard output."""
    from nncf.common.logging import track_progress

    def hidden(kind: Any) -> Any:
        return lambda *columns, **options: kind(*columns, **{**options, "disable": True})

    with (
        patch.object(track_progress, "Progress", hidden(track_progress.Progress)),
        patch.object(track_progress, "WeightedProgress", hidden(track_progress.WeightedProgress)),
    ):
        yield
