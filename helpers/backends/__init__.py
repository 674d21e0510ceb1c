"""Export a SentenceTransformer to ONNX or OpenVINO as one graph, and load it back as a SentenceTransformer.

    backends.export(model, "exported", format="onnx")
    model = backends.load("exported")       # encode, similarity, prompts … as before, computed by ONNX Runtime

    choice = backends.best(model, texts)     # or: measure all of them here, on these texts, and take the fastest that is good enough
    model = choice.model

The graph holds the whole chain of the model's modules (encoder, pooling, dense layers, normalization): token ids in, finished
embedding out. The library's own ``backend="onnx"`` exports the encoder alone, and needs packages that cannot be installed beside
version 6 of the library today.
"""

from helpers.backends.choice import Choice, best
from helpers.backends.exporting import PRECISIONS, export
from helpers.backends.loading import load
from helpers.backends.runtimes import processor

__all__ = ["PRECISIONS", "Choice", "best", "export", "load", "processor"]
