# %% [markdown] tags=["header"]
# # 08 · Save a model and export it to ONNX and OpenVINO
#
# Files and formats, versions that cannot read each other, and one graph that gives the same vectors without torch.
#
# **Time:** 55 minutes · **Builds on:** [02 · Load a model and look inside it](02_loading_models.ipynb), [06 · Put the right prompt before a text](06_prompts.ipynb)

# %% [markdown]
# The search works on our laptop. Now it has to move: to a server without a network, to a colleague with an older version of the library,
# to a service that has no room for PyTorch. **What do we carry over, and how do we know that it is still the same model?**
#
# "It loaded" is no answer. The answer is a vector that agrees with the one we had before.
#
# ## What you'll be able to do
#
# - Save a model, and say which settings its folder remembers.
# - Explain why weights are kept as safetensors, and read such a file by hand.
# - Write a model card, and say what `push_to_hub` uploads and who can see it.
# - Tell which library versions can load a folder, and rewrite it for older ones.
# - Export a model as one graph to ONNX and OpenVINO, verify it against torch, and run it without torch and without telemetry.
# - Read from package metadata why `backend="onnx"` does not install here, and load an export as a SentenceTransformer.

# %% tags=["setup"]
import inspect
import json
import pickle
import tempfile
from pathlib import Path

from helpers import backends, exercises, hub, plots

hub.activate()
hub.provide("BAAI/bge-small-en-v1.5")

import numpy as np
import torch
from huggingface_hub import snapshot_download
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense

# %% [markdown]
# The stand-in serves one section near the end, which needs no real weights. All else is the real all-MiniLM-L6-v2.
#
# ## Save a model and see what the folder remembers
#
# `save_pretrained` writes a folder, and the folder's path loads it again:
# [lesson 02](02_loading_models.ipynb) does that, and shows what happens when a file is lost. We write into a temporary folder that
# disappears with this notebook's kernel. **Predict:** how much of a saved model is weights? (A MiB is 2²⁰ bytes.)

# %%
temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
workshop = Path(temporary.name)
full, half = workshop / "full", workshop / "half"

model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
model.save_pretrained(str(full))
for path in sorted(full.rglob("*.*"), key=str):
    print(f"{path.stat().st_size / 2**20:7.3f} MiB  {path.relative_to(full).as_posix()}")

# %% [markdown]
# Nearly all of it. (The `README.md` is new, and has a section below.) Now we change three things about a model, save it, and load it from
# its folder. **Predict:** which of the three come back?

# %% tags=["shows-stderr"]
changed = SentenceTransformer("all-MiniLM-L6-v2", device="cpu", model_kwargs={"dtype": "float16"})
changed.max_seq_length, changed.similarity_fn_name = 128, "dot"
changed.save_pretrained(str(half))
loaded = SentenceTransformer(str(half), device="cpu")
print(loaded.dtype, loaded.max_seq_length, loaded.similarity_fn_name)

# %% [markdown]
# All three. (The red line warns of half precision on a CPU; lesson 02 explains it.) What no folder remembers is what we pass to `encode` at
# each call: `normalize_embeddings`, `batch_size`, a `prompt`. And the device is chosen anew.
#
# ### Myth: "Use `model.save('/path/to/my_model')`"
#
# The older guide's line still works. Is `save_pretrained` something else?

# %%
print(inspect.getsource(SentenceTransformer.save_pretrained).split('"""')[-1])  # the code after its docstring

# %% [markdown]
# It hands everything to `save`: two names for one thing. What we must not copy is the path: its leading slash asks for a folder at the
# root of the disk. And a folder that exists is written over without a question.

# %%
exercise_1 = exercises.get("08.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1, model=model)


# %% [markdown]
# ## Read the file of weights
#
# For years, weights were saved with ***pickle***, Python's format for storing any object. A pickle is not data but a small program that
# rebuilds the object, and the object decides what that program calls. Ours calls `print`:

# %%
class Surprise:
    def __reduce__(self):
        return print, ("This line ran while the file was loading.",)


weights = pickle.loads(pickle.dumps(Surprise()))
torch.save(Surprise(), workshop / "pytorch_model.bin")

# %% [markdown]
# It could as well have deleted files. A `pytorch_model.bin` like the one just written holds a pickle, too. **Predict:** does PyTorch run it?

# %%
try:
    torch.load(workshop / "pytorch_model.bin")
except pickle.UnpicklingError as error:
    print(type(error).__name__, "-", str(error).split(".")[0])

# %% [markdown]
# Refused: the line did not run. The message, of which we print the start, goes on to name the argument that would run it,
# `weights_only=False`. Before PyTorch 2.6 that was the default.
#
# ***Safetensors*** is a file format for weights that cannot run anything: eight bytes with the length of a header, the header in JSON, then
# the bare numbers. We need no library to read it:

# %%
raw = (full / "model.safetensors").read_bytes()
length = int.from_bytes(raw[:8], "little")
header = json.loads(raw[8 : 8 + length])
print(f"{length:,} bytes of header; the token table:", header["embeddings.word_embeddings.weight"])

# %% [markdown]
# Each tensor has a type, a shape, and the places where its numbers begin and end, counted from the end of the header. So a reader can take
# one tensor alone. You can write that reader:

# %%
exercise_2 = exercises.get("08.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2, files=[full / "model.safetensors", half / "model.safetensors"])

# %% [markdown]
# ### Myth: "`safe_serialization=False` saves the weights as a pickle"
#
# So says its documentation: "the traditional (but unsafe) PyTorch way". We give the model a second module with weights, and try:

# %%
longer = SentenceTransformer(modules=[*model, Dense(384, 8)], device="cpu")
longer.save_pretrained(str(workshop / "longer"), safe_serialization=False)
print(*sorted(path.name for path in (workshop / "longer").rglob("*") if "model." in path.name))

# %% [markdown]
# One of each. The transformer's weights become safetensors whatever we say; only the library's own `Dense` obeys. Leave the argument alone:
# its default, `True`, gives safetensors everywhere.
#
# ## Write a model card before you share
#
# A ***model card*** is the `README.md` of a model's folder: what the model is for, what it was trained on, its limits and its license. Our
# packaged model has none, so `save_pretrained` generated one. (A card that came with a model is kept.) Is it true?

# %%
card = (full / "README.md").read_text(encoding="utf-8")
print(*[line[:90] for line in card.splitlines() if "finetuned" in line or "Unknown" in line], sep="\n")

# %% [markdown]
# ### Myth: "The generated card describes the model"
#
# It says *finetuned*, and we changed nothing. It does not know the license (Apache 2.0) or the training data. These are ours to write. We
# replace the card, load the folder, and save once more:

# %%
mine = """---
license: apache-2.0
language: en
---
# Ticket search
all-MiniLM-L6-v2, unchanged. For English support tickets; reads the first 256 tokens of a text.
"""
(full / "README.md").write_text(mine, encoding="utf-8")
SentenceTransformer(str(full), device="cpu").save_pretrained(str(workshop / "again"))
print("our card came along:", (workshop / "again" / "README.md").read_text(encoding="utf-8") == mine)

# %% [markdown]
# The fields between the dashes are for the Hub, the text below them for people.
#
# To share the model, we would log in once (`hf auth login` in a terminal) and run this. The course never does:
#
# ```python
# model = SentenceTransformer("path/of/the/folder")
# model.push_to_hub("my-name/ticket-search", private=True)
# ```
#
# It saves into a temporary folder, uploads each of its files (the list that opens this lesson), and returns the address of the commit.
# **Predict:** without `private=True`, who could read the model?

# %%
parameters = inspect.signature(SentenceTransformer.push_to_hub).parameters
for name in ("private", "exist_ok", "replace_model_card", "revision", "create_pr"):
    print(f"{name:18} {parameters[name].default}")

# %% [markdown]
# `private=None` makes a new repository **public**, unless your organization has decided otherwise. `exist_ok=False` refuses a repository
# that is there, so an update needs `exist_ok=True`, or `create_pr=True` to propose it. A card on the Hub stays, unless you ask to
# replace it. Here `revision` is a *branch* to write to. The 40 digits at the end of the returned address are the revision to load, with
# `SentenceTransformer("my-name/ticket-search", revision="…")` as in lesson 02: no later upload changes what they name.
#
# ## Move a model between versions
#
# `modules.json` names the class of each module. Here are those of the published folder, made by version 2.0, and those of ours:

# %%
published = Path(snapshot_download("sentence-transformers/all-MiniLM-L6-v2", local_files_only=True))
for folder in (published, full):
    print(*[module["type"] for module in json.loads((folder / "modules.json").read_text())], sep="\n")

# %% [markdown]
# ### Myth: "A saved model loads in any version"
#
# Old to new works: 6.2 knows the old names, and we have used them all along. New to old does not. This is what older versions said to a
# folder saved by 6.2 when we tried:
#
# | version | `ModuleNotFoundError` |
# |---|---|
# | 5.7.0, 5.4.0 | `No module named 'sentence_transformers.base.modules.normalize'` |
# | 5.1.2, 4.1.0, 3.0.1 | `No module named 'sentence_transformers.base'` |
#
# The weights are not the problem; three small files are. The plainest cure is to pass on the folder that you downloaded. Where there is
# none, as after a training, we write the three as version 5.1 did. The names in this cell are deprecated: older versions know no others.

# %% tags=["teaches-deprecated"]
import shutil

portable = shutil.copytree(full, workshop / "portable", dirs_exist_ok=True)
modules = json.loads((full / "modules.json").read_text())
for module in modules:
    module["type"] = "sentence_transformers.models." + module["type"].split(".")[-1]
pooling = {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True}
limits = {"max_seq_length": 256, "do_lower_case": False}
files = {"modules.json": modules, "1_Pooling/config.json": pooling, "sentence_bert_config.json": limits}
for name, content in files.items():
    (portable / name).write_text(json.dumps(content))

# %% [markdown]
# Is it still the same model for 6.2?

# %%
text = "The weather is nice today"
old_style = SentenceTransformer(str(portable), device="cpu")
print("same vector:", np.array_equal(old_style.encode(text), model.encode(text)))
print("same limit: ", old_style.max_seq_length == model.max_seq_length)


# %% [markdown]
# It is. When we tried, 5.7.0, 5.4.0, and 5.1.2 with transformers 4.57.6 loaded it too: they warned that the folder is newer than they are,
# and gave the same vector and limit. The recipe fits this chain of modules; another one needs its own settings, and the same comparison.
#
# ## Export the model as one graph
#
# And where there is no PyTorch? A network is in the end a ***computation graph***: a list of operations, each with its inputs, outputs and
# constants. Written to a file, it needs no Python class to run. ***ONNX*** is an open format for such files, which ONNX Runtime and other
# programs run. ***OpenVINO*** is Intel's toolkit for the same purpose, with a format and a runtime of its own.
#
# We want *one* graph from token ids to the finished embedding. So we put the modules of lesson 02 into one: encoder, mean over the real
# tokens, length 1.

# %%
class OneGraph(torch.nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids, attention_mask, token_type_ids):
        tokens = self.encoder(input_ids, attention_mask, token_type_ids).last_hidden_state
        mask = attention_mask.unsqueeze(-1).float()
        mean = (tokens * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, dim=1)


inputs = ["input_ids", "attention_mask", "token_type_ids"]

# %% [markdown]
# `torch.onnx.export` traces it on an example and writes down the operations. `dynamic_shapes` says that batch and length may vary; without
# it, the graph takes texts of the example's length only. And the output must not be called `embedding`: the graph already has that name,
# and ONNX Runtime refuses the file.

# %%
import logging
import warnings

logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it talks about packages it does not need
features = model.preprocess(["A short text", "Another one, which has a few more tokens"])
onnx_file = workshop / "model.onnx"
with warnings.catch_warnings(action="ignore"):
    torch.onnx.export(
        OneGraph(model[0].model).eval(),
        tuple(features[name] for name in inputs),
        onnx_file,
        dynamo=True,
        external_data=False,  # the weights in the same file
        verbose=False,
        input_names=inputs,
        output_names=["sentence_embedding"],
        dynamic_shapes=[{0: "batch", 1: "length"}] * len(inputs),
    )
raw = onnx_file.read_bytes()
print(f"{len(raw) / 2**20:.0f} MiB; quotes Python files:", b"modeling_bert.py" in raw)

# %% [markdown]
# Before you publish such a file: torch notes for each operation which line of which Python file it comes from, with this machine's paths.
# (`helpers.backends` removes these notes.) What else is in it? Guess the most frequent operation before you look.

# %%
from collections import Counter

import onnx

nodes = [node.op_type for node in onnx.load(onnx_file).graph.node]
names, counts = zip(*Counter(nodes).most_common(8))
figure = plots.bars(counts, names, title=f"The eight most frequent of {len(nodes)} operations", decimals=0)
plots.show(figure, f"Bars: {', '.join(f'{name} {count}' for name, count in zip(names, counts))}.")
print("the last ones:", *nodes[-9:])

# %% [markdown]
# Additions and matrix products. The last ones are our pooling (two sums, a division) and the normalization (`ReduceL2`, a division).
#
# ### Myth: "A local model sends nothing"
#
# The model does not. Two programs that run it report their use unless told not to: ONNX Runtime to Microsoft, and OpenVINO, at its import,
# to Google Analytics. Here are the switches, and what ONNX Runtime says of itself:

# %%
import os
import sys
import textwrap

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import: later is too late
sys.modules["openvino_telemetry"] = None  # OpenVINO reports through this package, and works without it
import onnxruntime

notes = Path(onnxruntime.__file__).with_name("Privacy.md").read_text(encoding="utf-8")
for line in notes.splitlines():
    if "**ON**" in line or "TELEMETRY=1" in line:
        print(textwrap.shorten(line, 115))

# %% [markdown]
# Ours hold until the program ends. To make them last, set the variable for your whole system, and run `opt_in_out --opt_out`, which comes
# with OpenVINO and sends one last event. Now we test the graph, with texts that tend to break things:

# %%
hard = ["", " ", "🚀", "日本語のテキスト", "نص عربي", "word " * 5000, *hub.GOLDEN_DOCUMENTS]
by_torch = model.encode(hard)
batch = {name: tensor.numpy() for name, tensor in model.preprocess(hard).items() if name in inputs}
session = onnxruntime.InferenceSession(onnx_file, providers=["CPUExecutionProvider"])
by_onnx = session.run(None, batch)[0]
print(by_onnx.shape, "within 1e-5 of torch:", np.abs(by_onnx - by_torch).max() < 1e-5)

# %% [markdown]
# They agree, for another batch size and other lengths than the example's. Not to the last bit: another program adds in another order.
#
# ## Run the graph without torch
#
# `model.preprocess` still came from the library. The package tokenizers can do its work. This program imports neither torch nor
# sentence-transformers, and runs in a process of its own, because ours has imported both:

# %%
import subprocess

program = """
import sys, numpy, onnxruntime, tokenizers
folder, graph, text = sys.argv[1:]
tokenizer = tokenizers.Tokenizer.from_file(folder + "/tokenizer.json")
tokenizer.enable_truncation(256)
tokenizer.enable_padding()
rows = tokenizer.encode_batch([text, "A second text, to make a batch"])
columns = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
batch = {name: numpy.array([getattr(row, column) for row in rows]) for name, column in columns.items()}
vectors = onnxruntime.InferenceSession(graph).run(None, batch)[0]
print(vectors[0, :4].round(2), "torch was imported:", "torch" in sys.modules)
"""
command = [sys.executable, "-c", program, full, onnx_file, text]
print(subprocess.run(command, capture_output=True, text=True, check=True).stdout, end="")
print(model.encode(text)[:4].round(2), "by the model")

# %% [markdown]
# Three packages and two files serve the model. The graph does *not* hold the tokenizer, the limit of 256 tokens and the prompts: they stay
# the program's job.

# %%
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(str(full / "tokenizer.json"))
tokenizer.enable_truncation(256)
tokenizer.enable_padding()
exercise_3 = exercises.get("08.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots
exercise_3.check(answer_3, model=model)

# %% [markdown]
# ## Convert the graph to OpenVINO
#
# OpenVINO reads our ONNX file. `compress_to_fp16=False` keeps the weights as they are, and the hint `f32` asks for arithmetic in float32.
# (Its telemetry has been off since the switches above.)

# %%
import openvino

openvino.save_model(openvino.convert_model(onnx_file), workshop / "model.xml", compress_to_fp16=False)
precise = openvino.Core().compile_model(workshop / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
difference = np.abs(precise(batch)[0] - by_torch).max()
print("within 1e-5 of torch:", difference < 1e-5)

# %% [markdown]
# What if we leave the hint out? That depends on the processor:

# %% reason="the default precision depends on the processor" tags=["nbval-ignore-output"]
default = openvino.Core().compile_model(workshop / "model.xml", "CPU")
unasked = np.abs(default(batch)[0] - by_torch).max()
print(default.get_property("INFERENCE_PRECISION_HINT"), f"differs by {unasked:.0e}, f32 by {difference:.0e}")
assert difference < 1e-5 and unasked < 0.02

# %% [markdown]
# Where the line says `bfloat16`, the processor computes in half precision unasked, and the difference grows by orders of magnitude. That
# can be a good bargain, but it should be a decision.
#
# ## Find out why `backend="onnx"` is not installed
#
# The library has a switch for all this. A ***backend*** is the program that computes a model's numbers: `backend="torch"`, `"onnx"` or
# `"openvino"`. ONNX Runtime is installed, so this should work:

# %% tags=["raises-exception"]
SentenceTransformer("all-MiniLM-L6-v2", backend="onnx", device="cpu")

# %% [markdown]
# A bare `Exception`, and it misleads: ONNX Runtime is here; what is missing is Optimum. Nor is the advice harmless. We asked pip
# (`pip install --dry-run "sentence-transformers[onnx]"`): it would replace version 6.2 of the library by 5.7. Why? The library's metadata:

# %%
from importlib.metadata import requires

wanted = ("transformers<", "optimum-onnx[onnxruntime]", "optimum-intel")
print(*[line for line in requires("sentence-transformers") if line.startswith(wanted)], sep="\n")

# %% [markdown]
# And what do those two need? We copy one line from the metadata of each on PyPI; `packaging` reads it as pip does. **Look for a version of
# transformers that suits all three packages, and then for one that suits the first two:**

# %%
from packaging.specifiers import SpecifierSet

accepted = {
    "sentence-transformers 6.2.0": "<6.0.0,>=5.0.0",
    "optimum-onnx 0.1.0": "<4.58.0,>=4.36",
    "optimum-intel 2.2.0": "<5.6,>=4.51",
}
versions = ["4.57.6", "5.0.0", "5.5.4", "5.23.0"]
print(f"{'transformers':28}", *[f"{version:7}" for version in versions])
for package, specifier in accepted.items():
    verdicts = ["yes" if version in SpecifierSet(specifier) else "no" for version in versions]
    print(f"{package:28}", *[f"{verdict:7}" for verdict in verdicts])

# %% [markdown]
# The first two share no "yes": one wants 5 or more, the other less than 4.58. **No version of transformers suits both**, so pip gives up
# 6.2. The OpenVINO extra does install, with transformers up to 5.5, and so not beside this course's 5.23. For later releases, put their lines
# into the cell.
#
# ## Load an export as a SentenceTransformer
#
# Our graph is made for mean pooling, and has no `encode`. `helpers.backends` exports a model's modules as they are, compares the result with
# torch before it keeps it, and wraps it. BGE pools by `[CLS]` and wants a prompt for queries:

# %%
prompts = {"query": "Represent this sentence for searching relevant passages: "}
bge = SentenceTransformer("BAAI/bge-small-en-v1.5", device="cpu", prompts=prompts)
folders = [backends.export(bge, workshop / f"bge-{name}", format=name) for name in ("onnx", "openvino")]
print(*sorted(path.name for path in folders[0].iterdir()), sep="\n")

# %% [markdown]
# The graph, the tokenizer and the settings, prompts included. `backends.load` makes a model of each folder. Does it give what torch gives?
# A stand-in's scores mean nothing, but they must agree:

# %%
queries, documents = bge.encode_query(hard), bge.encode_document(hard)
print("the prompt changes the vectors:", np.abs(queries - documents).max() > 1e-3)
scores = bge.similarity(queries, documents)
for exported in map(backends.load, folders):
    new_queries, new_documents = exported.encode_query(hard), exported.encode_document(hard)
    print(type(exported).__name__, "by", exported.get_backend())
    print("  prompts:     ", exported.prompts == bge.prompts)
    print("  queries:     ", np.abs(new_queries - queries).max() < 1e-5)
    print("  documents:   ", np.abs(new_documents - documents).max() < 1e-5)
    print("  similarities:", np.allclose(exported.similarity(new_queries, new_documents), scores, atol=1e-5))

# %% [markdown]
# All as before, with the prompt. What an export cannot do, it refuses: token vectors, a GPU, half precision. And `backends.load` loads it,
# not plain `SentenceTransformer(folder)`.
#
# ### Myth: "Export to ONNX for 10x faster CPU inference"
#
# The older guide promises it. Is there at least less to compute with? Four forms of MiniLM (`model.bin` holds OpenVINO's weights):

# %%
files = ["full/model.safetensors", "half/model.safetensors", "model.onnx", "model.bin"]
sizes = [(workshop / name).stat().st_size / 2**20 for name in files]
figure = plots.bars(sizes, files, unit="MiB", title="all-MiniLM-L6-v2 on the disk", decimals=0)
plots.show(figure, "; ".join(f"{name}: {size:.0f} MiB" for name, size in zip(files, sizes)))

# %% [markdown]
# No: the same weights in float32, and so about the same size; only half precision is smaller. The
# [library's own measurements](https://sbert.net/docs/sentence_transformer/usage/efficiency.html) give ONNX in float32 on a CPU a median of
# 1.06 times the speed of torch. More comes from smaller numbers, and those change the vectors: a subject of its own.
#
# ## Summary
#
# - `save_pretrained` writes a folder that remembers dtype, limit, similarity function and prompts, and no argument of `encode`.
# - A pickle is a program; safetensors is a length, a header in JSON and numbers, and runs nothing.
# - A generated model card holds what the program knows: write the rest. `push_to_hub` uploads the whole folder, publicly by default.
# - Old folders load in 6.2; for older versions, up to three small files of a 6.2 folder have to be rewritten.
# - One graph from token ids to embeddings agrees with torch within 1e-5, runs without it, and needs the hint `f32` in OpenVINO. Both
#   runtimes report their use until they are told not to.
# - `optimum-onnx` 0.1.0 and version 6.2.0 share no transformers; `backends.load` gives a SentenceTransformer without either extra.
#
# ## Copy and paste
#
# Save, load, export and verify. It fits BERT models with mean pooling and normalization.

# %% tags=["copy-paste"]
import logging
import os
import tempfile
import warnings
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reports its use unless this is set before its import
import numpy as np
import onnxruntime
import torch
from sentence_transformers import SentenceTransformer


class OneGraph(torch.nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids, attention_mask, token_type_ids):
        tokens = self.encoder(input_ids, attention_mask, token_type_ids).last_hidden_state
        mask = attention_mask.unsqueeze(-1).float()
        mean = (tokens * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, dim=1)


texts = ["", "A short text", "word " * 5000]
inputs = ["input_ids", "attention_mask", "token_type_ids"]
logging.getLogger("torch.onnx").setLevel(logging.ERROR)
with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    SentenceTransformer("all-MiniLM-L6-v2", device="cpu").save_pretrained(folder)
    model = SentenceTransformer(folder, device="cpu")
    features = model.preprocess(texts)
    with warnings.catch_warnings(action="ignore"):
        torch.onnx.export(
            OneGraph(model[0].model).eval(),
            tuple(features[name] for name in inputs),
            Path(folder, "model.onnx"),
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=inputs,
            output_names=["sentence_embedding"],  # not "embedding": the graph has that name already
            dynamic_shapes=[{0: "batch", 1: "length"}] * len(inputs),
        )
    session = onnxruntime.InferenceSession(Path(folder, "model.onnx"), providers=["CPUExecutionProvider"])
    vectors = session.run(None, {name: features[name].numpy() for name in inputs})[0]
    print("saved and exported; as torch:", np.allclose(vectors, model.encode(texts), atol=1e-5))

# %% [markdown]
# ## Further reading
#
# - The library on [custom models](https://sbert.net/docs/sentence_transformer/usage/custom_models.html), with what is saved of each module.
# - PyTorch on [exporting to ONNX](https://docs.pytorch.org/docs/stable/onnx.html); the
#   [safetensors format](https://huggingface.co/docs/safetensors/index); [model cards](https://huggingface.co/docs/hub/model-cards).

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. A model is saved here and loaded elsewhere. Which setting is gone?**
#
# <details><summary>A.&nbsp;The dtype of its weights.</summary>Not quite. Weights come back in the type they had.</details>
# <details><summary>B.&nbsp;The changed <code>max_seq_length</code>.</summary>Not quite. The folder holds it, as it holds prompts.</details>
# <details><summary>C.&nbsp;<code>normalize_embeddings=True</code>.</summary>Right. It is an argument of each <code>encode</code> call.</details><br>
#
# **2. Why are safetensors safer than a pickle?**
#
# <details><summary>A.&nbsp;The file is encrypted and signed.</summary>Not quite. Its header is plain JSON, the rest plain numbers.</details>
# <details><summary>B.&nbsp;Reading them runs nothing.</summary>Right. A pickle is a program that may call anything.</details>
# <details><summary>C.&nbsp;Their loader takes numbers from trusted authors only.</summary>Not quite. The format does not know its author.</details><br>
#
# **3. The lesson's ONNX graph goes to a server. What must the server's program add?**
#
# <details><summary>A.&nbsp;Tokenizer, token limit and prompts.</summary>Right. The graph begins with token ids.</details>
# <details><summary>B.&nbsp;Pooling and normalization.</summary>Not quite. Both are operations of that graph.</details>
# <details><summary>C.&nbsp;PyTorch, which holds the model's weights.</summary>Not quite. The graph holds them; ONNX Runtime runs it.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [09 · Encode large corpora and read the errors](09_memory_and_errors.ipynb). What a vector, a model and a batch cost, an encoding that survives a kill, and every common error, raised and read.
# - **Before:** [07 · Pool token vectors your own way](07_custom_pooling.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
