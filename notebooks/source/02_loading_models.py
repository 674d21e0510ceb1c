# %% [markdown] tags=["header"]
# # 02 · Load a model and look inside it
#
# By name, from a folder, on a device, offline; modules, tokenizer, pooling, and the failures that say nothing.
#
# **Time:** 50 minutes · **Builds on:** [00 · Search 4,000 documents by meaning](00_start_here.ipynb), [01 · Install the library and check that it works](01_installation.ipynb)

# %% [markdown]
# One line loads a model. What did that line load, from where, and **how would we notice if it had loaded the wrong thing?**
#
# We load one small model in many ways, break it on purpose, and take it apart until we can compute by hand what `encode` returns.
#
# ## What you'll be able to do
#
# - Load a model by its name, at a fixed revision, or from a folder, with or without a network, and read the errors.
# - Choose a device and a dtype, and say how many MB the weights take.
# - Decide whether a model needs `trust_remote_code=True`.
# - Name the modules of a model, and go from a text to its embedding by hand.
# - Count a model's parameters, and say how far its maximum sequence length can be raised.
# - Catch a model that loads without an error and gives wrong vectors.

# %% tags=["setup"]
from helpers import exercises, hub, plots
hub.activate()

from sentence_transformers import SentenceTransformer

# %% [markdown]
# ## Load a model by its name
#
# We ask for the course's model and for the two figures to know of any model: how many numbers a text becomes, and how much text it
# reads, in tokens: words or parts of words. `device="cpu"` gives everybody the same numbers; devices come below.

# %%
model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
print(model.get_embedding_dimension(), "numbers per text, at most", model.max_seq_length, "tokens of text")

# %% [markdown]
# Where do the files come from? The library looks into the ***hub cache***: the folder in which models downloaded from the Hugging Face
# Hub, the site where most are published, are kept. As a rule it is `~/.cache/huggingface/hub`; the variable `HF_HUB_CACHE` or, for one
# load, `cache_folder=` names another. What is missing there is downloaded. This course has a cache of its own, filled from a package.
#
# Our model's folder in it is `models--sentence-transformers--all-MiniLM-L6-v2/snapshots/<40 hex digits>/`, and `snapshot_download`
# returns its path, here without a download. **Predict:** of ten files, how many hold the network's weights?

# %%
from pathlib import Path

from huggingface_hub import constants, snapshot_download

snapshot = Path(snapshot_download("sentence-transformers/all-MiniLM-L6-v2", local_files_only=True))
for path in sorted(path for path in snapshot.rglob("*") if path.is_file()):
    print(f"{path.stat().st_size:12,} bytes  {path.relative_to(snapshot).as_posix()}")

# %% [markdown]
# One file, `model.safetensors`. The others say what to do with it, and we will see what happens when one is lost.
#
# The folder is named after a ***revision***: one exact state of a model's files, written as 40 hexadecimal digits (on the Hub, a commit;
# in this course's cache, an id of our own). Without `revision=` we get the newest; with it, no update of the model can change our vectors.
#
# A name without a slash gets `sentence-transformers/` in front, except for a few old names such as `bert-base-uncased`. So these four
# should be one model. Are they?

# %%
import numpy as np

loaded = {
    "short name": SentenceTransformer("all-MiniLM-L6-v2", device="cpu"),
    "long name": SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2", device="cpu"),
    "revision": SentenceTransformer("all-MiniLM-L6-v2", revision=snapshot.name, device="cpu"),
    "folder": SentenceTransformer(str(snapshot), device="cpu"),
}
text = "The weather is nice today"
for way, found in loaded.items():
    print(f"{way:10}  same vector: {np.array_equal(found.encode(text), model.encode(text))}")

# %% [markdown]
# Equal to the last bit. A folder works wherever a name works, which is how a model reaches a machine without a network: save it, copy
# the folder, load the folder. Our folder is a temporary one that goes away with this notebook's kernel.

# %%
import tempfile

temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
workshop = Path(temporary.name)  # everything that this lesson writes goes there

model.save_pretrained(str(workshop / "my-model"))
print(sorted(path.name for path in (workshop / "my-model").iterdir()))
copy = SentenceTransformer(str(workshop / "my-model"), device="cpu")
print("same vector:", np.array_equal(copy.encode(text), model.encode(text)))

# %% [markdown]
# ### Myth: "`SentenceTransformer('/path/to/local/model')` loads your model"
#
# The older guide's path is a placeholder. Here are four loads that cannot work: two folders, a model and a revision that are not here.
# (`local_files_only=True` keeps one load away from the network.) **Predict:** which errors say what is wrong?

# %% tags=["shows-stderr"]
import textwrap

names = ["/path/to/local/model", "./my-model", "my-company/my-model", "all-MiniLM-L6-v2"]
revisions = [None, None, None, "v9"]
for name, revision in zip(names, revisions, strict=True):
    try:
        SentenceTransformer(name, revision=revision, local_files_only=True, device="cpu")
    except OSError as error:
        print(f"{name}, revision {revision}\n   ", type(error).__name__, textwrap.shorten(str(error), 90))

# %% [markdown]
# The first error does. `./my-model` is a folder that is not here, yet the error and the line in the log are about names on the Hub: **a
# missing path with at most one slash is taken for a name**. The last two errors are the same sentence. Offline, a typo, a model never
# downloaded and a missing revision look alike.
#
# ## Load without a network
#
# `HF_HUB_OFFLINE=1` forbids downloads to a whole program; `hub.activate()` sets it here. Without a network, set it even if the model is
# in the cache: when we left it out, the library tried again and again to reach the Hub for each optional file, and the load took
# minutes. **When** must it be set? We try to take it back now:

# %%
import os
os.environ["HF_HUB_OFFLINE"] = "0"
print("still offline after setting it to 0:", constants.HF_HUB_OFFLINE)
os.environ["HF_HUB_OFFLINE"] = "1"

# %% [markdown]
# Too late: `huggingface_hub` reads the variable once, when it is imported. Set it in the shell, or in Python **before** the first import
# of `sentence_transformers`. Your own programs will then log `Could not reach the Hub … Using cached commit hash`. That is no error;
# `HF_HUB_VERBOSITY=error` silences it, as it does here.
#
# ## Choose a device
#
# Without `device=`, the library takes an NVIDIA GPU (`cuda`) if there is one, else an Apple GPU (`mps`), then rarer ones, and last the
# processor (`cpu`). We ask for each and time a short text. **Predict:** what happens for a device that this machine does not have?

# %% reason="devices and times depend on the machine" tags=["nbval-ignore-output"]
import timeit

for device in [None, "cpu", "cuda", "mps"]:
    try:
        found = SentenceTransformer("all-MiniLM-L6-v2", device=device)
    except (AssertionError, RuntimeError) as error:
        print(f"device={device!r}: {type(error).__name__}: {str(error).splitlines()[0]}")
        continue
    seconds = timeit.repeat("found.encode(text)", number=1, repeat=6, globals=globals())
    milliseconds = 1000 * np.median(seconds[1:])  # the first call prepares the device
    assert 0.1 < milliseconds < 20_000
    print(f"device={device!r}: on {found.device}, {milliseconds:.1f} ms for a text of five words")

# %% [markdown]
# ### Myth: "MiniLM takes about 20 ms on a CPU and 2 ms on a GPU"
#
# The older guide prints both as properties of the model. They are properties of a machine, a text length and a batch size. Where your
# lines come near 20, your neighbor's need not, and even two lines for the same device differ.
#
# ### Myth: "Write `device='cuda'` to be fast"
#
# And where there is no such GPU, does the library fall back to the CPU? To see it on any machine, we ask for a device that is not
# there (no machine has both of these):

# %%
import torch

absent = "cuda" if torch.backends.mps.is_available() else "mps"
try:
    SentenceTransformer("all-MiniLM-L6-v2", device=absent)
except (AssertionError, RuntimeError):
    print("an error, and no model: nothing falls back")

# %% [markdown]
# Leave `device` out, and the same code runs on a laptop and on a server. Name a device only where you do *not* want the automatic
# choice, as we do with `"cpu"`.
#
# ## Choose a dtype and know the size
#
# A ***parameter*** is one number that training has set; the file of weights holds all of them. The ***dtype*** is the format in which
# a number is stored: `float32` takes four bytes, `float16` and `bfloat16` take two and are called half precision. It goes into
# `model_kwargs`. **Predict:** what happens to the size, and what to the similarity of two sentences?

# %%
pair = ["The weather is nice today", "It's a beautiful day outside"]
for dtype in ["float32", "float16", "bfloat16"]:
    found = SentenceTransformer("all-MiniLM-L6-v2", device="cpu", model_kwargs={"dtype": dtype})
    megabytes = sum(weights.nbytes for weights in found.parameters()) / 1e6
    vectors = found.encode(pair)
    similarity = found.similarity(vectors[0], vectors[1]).item()
    print(f"{dtype:9} {megabytes:.1f} MB of weights, vectors in {vectors.dtype}, similarity {similarity:.2f}")

# %% [markdown]
# Half the bytes, the same similarity to two decimals. One pair does not show that no ranking ever changes. Note the vectors: `float16`
# comes out as `float16`, while numpy has no `bfloat16`, so these arrive as `float32`.
#
# ### Myth: "MiniLM needs 44 MB"
#
# The older guide's figure comes near the second line, and the code beside it loads the first.
#
# What if the *saved* weights are in half precision? Then you get half precision without asking:

# %% tags=["shows-stderr"]
folder = str(workshop / "half")
found.save_pretrained(folder)  # the bfloat16 model from the last round above
print("loaded as saved:", SentenceTransformer(folder, device="cpu").dtype)
print("loaded as asked:", SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": "float32"}).dtype)

# %% [markdown]
# Qwen3-Embedding (`bfloat16`) and mxbai-embed-large-v1 (`float16`) are published this way. The library warns because half precision can
# be much slower on a CPU; the last load is the cure.
#
# ### Myth: "Pass `fp16=True`, `device_map='auto'` or `max_seq_length=512` when loading"
#
# Tutorials show these. Which arguments are there?

# %%
import inspect
known = inspect.signature(SentenceTransformer).parameters
for name in ["fp16", "device_map", "max_seq_length", "device", "model_kwargs"]:
    print(f"{name:14} is an argument: {name in known}")

# %% [markdown]
# None of the three is: each ends in a `TypeError`. The dtype and the `device_map` (to spread a model over devices; it also wants the
# package accelerate) go into `model_kwargs`, and `max_seq_length` is an attribute, set after loading. The older guide's
# `get_sentence_embedding_dimension()` is `get_embedding_dimension()` now: see
# [01 · Install the library and check that it works](01_installation.ipynb).
#
# ## Decide whether to trust a model's code
#
# Weights are numbers. But a model's folder may also bring Python code. Here is the smallest such folder: a class that does nothing, in a
# file that says when it runs. `modules.json` names the class.

# %%
import json

tiny = workshop / "tiny"
tiny.mkdir(exist_ok=True)
(tiny / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": "hello.Hello"}]))
(tiny / "hello.py").write_text("""
import torch
print("hello.py is running, and may do whatever you may do")
class Hello(torch.nn.Module):
    @classmethod
    def load(cls, *args, **kwargs):
        return cls()
""")
try:
    SentenceTransformer(str(tiny), device="cpu")
except ValueError as error:
    print(str(error).replace(str(tiny), "tiny"))

# %% [markdown]
# Refused, and nothing of `hello.py` has run. Even in a folder of your own, a module class from outside the library needs your consent.
# With it:

# %%
trusted = SentenceTransformer(str(tiny), device="cpu", trust_remote_code=True)

# %% [markdown]
# The file ran while the model was loading, before any text was encoded. `trust_remote_code=True` does not mean "load this model
# properly". It means: **run this folder's code with my rights**. Read the code first, and pin the `revision` that you have read.
#
# ### Myth: "`BAAI/bge-m3` and Qwen3-Embedding need `trust_remote_code=True`"
#
# The older guide says so for both. A model needs no code of its own when transformers brings its architecture and its modules are the
# library's. We ask transformers for the architectures that the configurations of three models name:

# %%
from transformers import CONFIG_MAPPING

architectures = {
    "BAAI/bge-m3": "xlm-roberta",
    "Qwen/Qwen3-Embedding-0.6B": "qwen3",
    "Alibaba-NLP/gte-base-en-v1.5": "new",
}
for name, architecture in architectures.items():
    print(f"{name:28} {architecture:12} is part of transformers: {architecture in CONFIG_MAPPING}")

# %% [markdown]
# The guide's two are built in. The third [brings its own code](https://huggingface.co/Alibaba-NLP/gte-base-en-v1.5) and needs the flag.
# The cell does not show the real models loading, which needs their downloads; the library's own tests load the first two without the
# flag. So: load without it first. If it is needed, the error says so, as ours did.
#
# ## Follow a text through the modules
#
# A `SentenceTransformer` is a chain of steps. Each step is a ***module***: it takes what the one before has made, and adds to it. We list
# them, with the settings of one (`print(model)` shows all).

# %%
for position, module in enumerate(model):
    print(position, type(module).__name__)
print(model[1])


# %% [markdown]
# The ***tokenizer*** cuts a text into pieces that the model knows by number. Each piece is a ***token***: a word, a part of a word, a
# punctuation mark or a special mark.
#
# **Predict:** is "embeddings" one token?

# %%
def tokens(text):
    return model.tokenizer.convert_ids_to_tokens(model.tokenizer(text)["input_ids"])


print(tokens("Embeddings turn texts into vectors."))
print(tokens("CAFÉ, café, 😀, 🚀"))
print(f"{len(model.tokenizer):,} tokens are known; special:", *sorted(model.tokenizer.all_special_tokens))

# %% [markdown]
# "Embeddings" is four tokens; `##` marks a piece that continues a word. `[CLS]` opens every text, `[SEP]` closes it. Case and accents
# are gone before the network sees anything, and what the vocabulary lacks becomes `[UNK]`: to this model, the smile and the rocket
# are the same token.
#
# `model.preprocess` makes the numbers that module 0 takes:

# %%
sentences = ["Cats sleep.", "Embeddings turn texts into vectors."]
features = model.preprocess(sentences)
print(features["input_ids"])
print(features["attention_mask"])

# %% [markdown]
# One row a text, one number a token: 101 is `[CLS]`, 102 is `[SEP]`. The shorter text is filled up with `[PAD]`, number 0, to make a
# rectangle. The mask says which places are real.
#
# Module 0, the network, turns every token into a vector that depends on the tokens around it. (`inference_mode` says that we do not
# train; without it, `.numpy()` refuses the result.)

# %%
with torch.inference_mode():
    features = model[0](features)
token_vectors = features["token_embeddings"]
print(tuple(token_vectors.shape), "= texts, tokens, numbers per token")

# %% [markdown]
# Eleven vectors for a text, and we want one. ***Pooling*** makes one vector for a text from the vectors of its tokens: here, their mean.
# The padding must not count, so we multiply by the mask, sum, and divide by the number of real tokens. Does module 1 do the same?

# %%
mask = features["attention_mask"].unsqueeze(-1)  # shape: texts, tokens, 1
by_hand = (token_vectors * mask).sum(dim=1) / mask.sum(dim=1)
features = model[1](features)
print("our mean equals model[1]:", torch.allclose(by_hand, features["sentence_embedding"], atol=1e-6))

# %% [markdown]
# The mean as a picture. Look for columns of one color, and for single dark fields:

# %%
shown = torch.cat([token_vectors[1], by_hand[1:2]])[:, :60]
figure, axes = plots.new_figure(8.4, 3.8)
image = axes.imshow(shown, cmap="PuOr", vmin=-1.5, vmax=1.5, aspect="auto")
axes.set_yticks(range(len(shown)), [*tokens(sentences[1]), "mean"])
axes.axhline(len(shown) - 1.5, color="black")
axes.set(xlabel="the first 60 of 384 numbers", title="Eleven token vectors become one")
figure.colorbar(image)

alternative = (
    "Heat map, one row for each of the eleven tokens of 'Embeddings turn texts into vectors.', "
    "and below a line their mean. The rows differ; columns on which most tokens agree keep their color "
    "in the mean, others fade."
)
plots.show(figure, alternative)

# %% [markdown]
# Where the tokens agree, the mean keeps the color; where they differ, it fades. No single number can be read as a meaning.
#
# Module 2, `Normalize`, divides each vector by its length. If nothing else is hidden in `encode`, we now have what it returns:

# %%
embeddings = model[2](dict(features))["sentence_embedding"]  # dict: a copy, so that the cell can run twice
print("lengths before:", *[f"{length:.1f}" for length in by_hand.norm(dim=1)])
print("lengths after: ", *[f"{length:.1f}" for length in embeddings.norm(dim=1)])
print("equal to encode:", np.allclose(embeddings, model.encode(sentences), atol=1e-6))

# %% [markdown]
# That is all of it: tokenizer → `Transformer` → `Pooling` → `Normalize`. Around it, `encode` makes batches, sorts by length and converts
# to numpy.

# %%
exercise_1 = exercises.get("02.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1, model=model)

# %% [markdown]
# ## See where the parameters sit
#
# The older guide says 22M parameters. We count them, and ask which part of the network holds them: the table with one row of numbers
# for every known token (`word_embeddings`), or the six layers that work on them (`encoder.layer`)? **Predict.**

# %%
from collections import Counter

parts = Counter()
for name, weights in model[0].model.named_parameters():
    parts[".".join(name.split(".")[:2])] += weights.numel()
print(f"{sum(parts.values()):,} parameters")

millions = [count / 1e6 for count in parts.values()]
figure = plots.bars(millions, list(parts), unit="million", title="Parameters of all-MiniLM-L6-v2 by part")
alternative = (
    "Bars: the token table embeddings.word_embeddings holds 11.72 million parameters, all six layers of "
    "the encoder 10.65 million, the position table 0.20, the pooler 0.15, the rest next to none."
)
plots.show(figure, alternative)

# %% [markdown]
# 22.7 million, and more than half of them are a table to look tokens up in. In `float32` they take the 90.9 MB that we saw above.
# `pooler.dense` takes no part in an embedding: our handmade one used `token_embeddings` only and came out right.

# %%
exercise_2 = exercises.get("02.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2, model=model)

# %% [markdown]
# ## Raise the maximum sequence length, and hit the wall
#
# The ***maximum sequence length*** is the number of tokens after which the library cuts a text, special tokens included. It cuts in
# silence. Ours stands in `sentence_bert_config.json`. The network has a limit of its own: its position table, with a row for each place
# in a text. Our text speaks of the weather first and of Python later. **Predict:** does its vector change when we raise the limit?

# %%
wide = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
print("limit:", wide.max_seq_length, "| position table:", wide[0].model.config.max_position_embeddings)
long_text = "The weather is nice today. " * 60 + "I love programming in Python. " * 60
before = wide.encode(long_text)
wide.max_seq_length = 512
similarity = wide.similarity(before, wide.encode(long_text)).item()
print(f"similarity of the vectors at 256 and 512: {similarity:.2f}")

# %% [markdown]
# The first 256 tokens hold the weather only; at 512 Python comes into view, and the vector moves. Whether it is *better*, this cell does
# not test; the publishers set 256. And 1,024?

# %% tags=["raises-exception"]
wide.max_seq_length = 1024
wide.encode(long_text)

# %% [markdown]
# Our text has 722 tokens, the position table 512 rows, and no setting adds one. The attribute accepts any number; the error comes with
# the first text that is long enough, perhaps weeks later. Longer texts are cut into chunks:
# [03 · Encode text into vectors](03_encoding_text.ipynb).
#
# ## Catch the failures that say nothing
#
# ### Myth: "It loaded without an error, so it is the model"
#
# A copy script forgets a file. We remove `modules.json`, which lists the modules, and load. **Predict:** which error?

# %%
import shutil


def copy_without(*names):
    folder = Path(tempfile.mkdtemp(dir=workshop))
    shutil.copytree(snapshot, folder, dirs_exist_ok=True)
    for name in names:
        (folder / name).unlink(missing_ok=True)
    return str(folder)


broken = SentenceTransformer(copy_without("modules.json"), device="cpu")
print([type(module).__name__ for module in broken], "at most", broken.max_seq_length, "tokens")
for example in [text, long_text]:
    right, wrong = model.encode(example), broken.encode(example)
    cosine = model.similarity(right, wrong).item()
    print(f"length {np.linalg.norm(wrong):.1f}, cosine with the right vector {cosine:.2f}")

# %% [markdown]
# None. There is one line in the log, on level INFO, which Python does not show by default. The library guesses: `Transformer` and mean
# pooling, no `Normalize`, 512 tokens. For a short text the direction happens to be right, as this model does use the mean; the length
# is not 1. For a long text both are wrong.
#
# Who notices? Cosine similarity hides the length; a vector database that uses the dot product does not. Here are the dot products of
# one question and four documents, from both models:

# %%
query, documents = hub.GOLDEN_QUERY, hub.GOLDEN_DOCUMENTS
print(query)
wrong_vectors = broken.encode(documents)
right_scores = model.encode(documents) @ model.encode(query)
wrong_scores = wrong_vectors @ broken.encode(query)
for document, vector, right, wrong in zip(documents, wrong_vectors, right_scores, wrong_scores, strict=True):
    print(f"right {right:.2f} | broken {wrong:.1f}, length {np.linalg.norm(vector):.1f} | {document[:38]}…")


# %% [markdown]
# The right model answers "Mars". The broken one answers "Saturn": that vector is the longest, and the dot product rewards length.
#
# The defense is two lines: compare **a vector you know, and the limit you know**. Our tolerance of 0.01 leaves room for other devices
# and half precision. We try the check on copies that each lack something. **Predict:** which losses raise an error, which are caught?

# %%
def is_right(found):
    start = found.encode("The weather is nice today")[:3]
    return found.max_seq_length == 256 and np.allclose(start, [-0.036, 0.091, 0.141], atol=0.01)


losses = ["", "modules.json", "sentence_bert_config.json", "tokenizer.json", "tokenizer.json vocab.txt"]
losses += ["1_Pooling/config.json", "config.json", "model.safetensors"]
for names in losses:
    folder, label = copy_without(*names.split()), names or "nothing is missing"
    try:
        found = SentenceTransformer(folder, device="cpu")
    except Exception as error:
        print(f"{label:25} raises {type(error).__name__}")
        continue
    cosine = model.similarity(found.encode(text), model.encode(text)).item()
    verdict = "right" if is_right(found) else "CAUGHT"
    print(f"{label:25} loads, cosine {cosine:.2f}, limit {found.max_seq_length}: {verdict}")

# %% [markdown]
# Three losses raise, one is harmless (the tokenizer is rebuilt from `vocab.txt`), and three load a wrong
# model in silence. The check catches these. In the last of them, without any vocabulary, every word becomes `[UNK]`, and the vector has
# next to nothing to do with the right one.

# %%
exercise_3 = exercises.get("02.3")
exercise_3

# %% tags=["exercise"]
from helpers.exercises.lesson_02 import mystery_folders
folders = mystery_folders(snapshot, workshop)
answer_3 = ...  # replace the three dots; load folders["A"], folders["B"], folders["C"] in new cells
exercise_3.check(answer_3)

# %% [markdown]
# ## Summary
#
# - A name, a revision and a folder load the same model. A missing short path is taken for a name, and `HF_HUB_OFFLINE=1` counts only if
#   set before the import.
# - Leave `device` out unless you mean it: an absent one is an error. `model_kwargs={"dtype": ...}` decides the bytes: parameters × 4 in
#   `float32`, × 2 in half precision.
# - `trust_remote_code=True` runs a stranger's code with your rights. Models whose architecture and modules are built in do not need it.
# - Tokenizer, `Transformer`, `Pooling`, `Normalize`: we ran each by hand and got what `encode` gives.
# - More than half of MiniLM's parameters sit in its token table. Its maximum sequence length of 256 can go up to 512, the size of its
#   position table, and no further.
# - A missing file may load in silence. A known vector and a known limit, checked after loading, catch it.
#
# ## Copy and paste
#
# A loader that refuses a wrong model. For a model of your own, put in what a load that you trust prints.

# %% tags=["copy-paste"]
import numpy as np
from sentence_transformers import SentenceTransformer

KNOWN_TEXT = "The weather is nice today"
KNOWN_START = [-0.036, 0.091, 0.141]  # of the vector of KNOWN_TEXT
KNOWN_LIMIT = 256


def load_checked(name, **options):
    """A model by name or folder; ValueError if it is not the one we know."""
    model = SentenceTransformer(name, **options)
    start = model.encode(KNOWN_TEXT)[:3]
    if model.max_seq_length != KNOWN_LIMIT or not np.allclose(start, KNOWN_START, atol=0.01):
        raise ValueError(f"{name} is another model: limit {model.max_seq_length}, vector starts with {start}")
    return model


model = load_checked("sentence-transformers/all-MiniLM-L6-v2")  # add revision="<the commit you tested>"
print("loaded and checked:", [type(module).__name__ for module in model])

# %% [markdown]
# ## Further reading
#
# - [SentenceTransformer, all arguments](https://sbert.net/docs/package_reference/sentence_transformer/SentenceTransformer.html)
# - [Custom models and their modules](https://sbert.net/docs/sentence_transformer/usage/custom_models.html)
# - [The hub cache](https://huggingface.co/docs/huggingface_hub/guides/manage-cache)

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. A copied model folder has lost its `modules.json`. What does loading do?**
#
# <details><summary>A.&nbsp;It raises a <code>FileNotFoundError</code>.</summary>Not quite. Some missing files raise an error; this one does not.</details>
# <details><summary>B.&nbsp;It gives the same model: the weights are complete.</summary>Not quite. Its vectors are no longer normalized, and the limit differs.</details>
# <details><summary>C.&nbsp;It gives another model, in silence.</summary>Right. The library guesses the modules. Compare a vector you know.</details><br>
#
# **2. A page tells you to pass `trust_remote_code=True`. What do you agree to?**
#
# <details><summary>A.&nbsp;The folder's Python files run with your rights.</summary>Right. They run while loading, before any text is encoded.</details>
# <details><summary>B.&nbsp;The weights are used without a checksum.</summary>Not quite. Weights are numbers; the flag is about code.</details>
# <details><summary>C.&nbsp;You use code that the Hub has approved.</summary>Not quite. Reading it, and pinning the revision, is up to you.</details><br>
#
# **3. You set `max_seq_length = 1024` on all-MiniLM-L6-v2. When does it fail?**
#
# <details><summary>A.&nbsp;At once.</summary>Not quite. The attribute accepts any number, without a look.</details>
# <details><summary>B.&nbsp;At the first text of more than 512 tokens.</summary>Right. There the position table ends, perhaps weeks later.</details>
# <details><summary>C.&nbsp;Never: it goes on cutting texts at 512 tokens.</summary>Not quite. It reads 1,024, and PyTorch raises a <code>RuntimeError</code>.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [03 · Encode text into vectors](03_encoding_text.ipynb). One text or many, batches, tensors, precision, processes, silent truncation, chunks and bad inputs.
# - **Before:** [01 · Install the library and check that it works](01_installation.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
