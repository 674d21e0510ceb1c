# %% [markdown] tags=["header"]
# # 02 · Load a model and look inside it
#
# By name, from a folder, on a device, offline; modules, tokenizer, pooling, and the failures that say nothing.
#
# **Time:** 40 minutes · **Builds on:** [00 · Search 4,000 documents by meaning](00_start_here.ipynb), [01 · Install the library and check that it works](01_installation.ipynb)

# %% [markdown]
# One line loads a model. What did that line load, from where, and **how would we notice if it had loaded the wrong thing?**
#
# In this lesson we load the same small model in many ways, break it on purpose, and take it apart until `encode` holds no secret.
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
import json
import os
import shutil
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

from helpers import exercises, hub, plots
from helpers.exercises.lesson_02 import mystery_folders

hub.activate()

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
workshop = Path(temporary.name)  # everything that this lesson writes goes there

# %% [markdown]
# ## Load a model by its name
#
# We ask for the course's model and for the two figures to know of any model. We say `device="cpu"` so that everybody gets the same
# numbers; devices come below.

# %%
model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
print(model.get_embedding_dimension(), "numbers per text, at most", model.max_seq_length, "tokens of text")

# %% [markdown]
# Where do the files come from? The library looks into the ***hub cache***: the folder in which models downloaded from the Hugging Face Hub
# are kept. Our model's files lie there in `models--sentence-transformers--all-MiniLM-L6-v2/snapshots/<40 hex digits>/`, and
# `snapshot_download` returns that folder, here without a download.
#
# **Predict:** of ten files, how many hold the network's weights?

# %%
from huggingface_hub import snapshot_download

snapshot = Path(snapshot_download("sentence-transformers/all-MiniLM-L6-v2", local_files_only=True))
for path in sorted(path for path in snapshot.rglob("*") if path.is_file()):
    print(f"{path.stat().st_size:12,} bytes  {path.relative_to(snapshot).as_posix()}")
print("refs/main holds this folder's name:", (snapshot.parents[1] / "refs" / "main").read_text().strip() == snapshot.name)

# %% [markdown]
# One file, `model.safetensors`. The others say what to do with it, and we will see what happens when one is lost.
#
# The folder is named after a ***revision***: one exact state of a model's files, written as 40 hexadecimal digits (on the Hub, a commit;
# in this course's cache, an id of our own). The file `refs/main` says which revision is meant when we name none. Pin one with
# `revision=`, and an update of the model cannot change your vectors.
#
# A name without a slash gets `sentence-transformers/` in front. So these four should be one model. Are they?

# %%
ways = {
    "short name": {"model_name_or_path": "all-MiniLM-L6-v2"},
    "long name": {"model_name_or_path": "sentence-transformers/all-MiniLM-L6-v2"},
    "revision": {"model_name_or_path": "all-MiniLM-L6-v2", "revision": snapshot.name},
    "folder": {"model_name_or_path": str(snapshot)},
}
text = "The weather is nice today"
for way, arguments in ways.items():
    same = np.array_equal(SentenceTransformer(**arguments, device="cpu").encode(text), model.encode(text))
    print(f"{way:10}  same vector: {same}")

# %% [markdown]
# Equal to the last bit. A folder works wherever a name works, which is how a model reaches a machine without a network: save it where
# there is one, copy the folder, load the folder.

# %%
model.save_pretrained(str(workshop / "my-model"))
copy = SentenceTransformer(str(workshop / "my-model"), device="cpu")
print(sorted(path.name for path in (workshop / "my-model").iterdir()))
print("same vector:", np.array_equal(copy.encode(text), model.encode(text)))

# %% [markdown]
# ### Myth: "`SentenceTransformer('/path/to/local/model')` loads your model"
#
# The older guide's path is a placeholder; the folder has to exist. Four loads that cannot work, and what each of them says
# (`local_files_only=True` keeps one load away from the network):

# %% tags=["shows-stderr"]
for name, revision in (("/path/to/local/model", None), ("./my-model", None), ("my-company/my-model", None), ("all-MiniLM-L6-v2", "v9")):
    try:
        SentenceTransformer(name, revision=revision, local_files_only=True, device="cpu")
    except OSError as error:
        print(f"{name}, revision {revision}\n    {type(error).__name__}: {str(error)[:92]}…")

# %% [markdown]
# Only the first error says what is wrong. `./my-model` is a folder that is not here, yet error and log line lecture about repository names: **a
# short path that is not a folder is taken for a name**. The last two are the same sentence: offline, a typo, a missing download and a
# missing revision look alike.
#
# ## Load without a network
#
# `HF_HUB_OFFLINE=1` forbids downloads for a whole program. `hub.activate()` sets it here. Without it, a machine that has no network
# waits through retries for every optional file. **When** must it be set? We try to change it now:

# %%
from huggingface_hub import constants
os.environ["HF_HUB_OFFLINE"] = "0"
print("after setting it to 0, is the library still offline?", constants.HF_HUB_OFFLINE)
os.environ["HF_HUB_OFFLINE"] = "1"  # as it was

# %% [markdown]
# Too late: the value is read once, when `huggingface_hub` is imported. Set it in the shell, or in Python **before** the first import of
# `sentence_transformers`.
#
# ## Choose a device
#
# Without `device=`, the library takes the best device it finds. We ask for each and time a short text. What do you expect of a device
# this machine does not have?

# %% reason="devices and times depend on the machine" tags=["nbval-ignore-output"]
took = {}
for device in (None, "cpu", "cuda", "mps"):
    try:
        found = SentenceTransformer("all-MiniLM-L6-v2", device=device)
    except (AssertionError, RuntimeError) as error:
        print(f"device={device!r}: {type(error).__name__}: {str(error).splitlines()[0]}")
        continue
    times = []
    for _ in range(6):
        start = time.perf_counter()
        found.encode(text)
        times.append(time.perf_counter() - start)
    took[device] = 1000 * float(np.median(times[1:]))
    print(f"device={device!r}: on {found.device}, {took[device]:.1f} ms for a text of five words")
assert None in took and "cpu" in took and all(0.1 < ms < 20_000 for ms in took.values())

# %% [markdown]
# ### Myth: "MiniLM takes about 20 ms on a CPU and 2 ms on a GPU"
#
# The older guide prints both as properties of the model. They are properties of a machine, a text length and a batch size:
# compare your lines above with your neighbor's. Measure where the code will run.
#
# ### Myth: "Write `device='cuda'` to be fast"
#
# It makes the code fail everywhere else. To see that on any machine, we pick a device that is not there (no machine has both of these):

# %% tags=["raises-exception"]
absent = "cuda" if torch.backends.mps.is_available() else "mps"
SentenceTransformer("all-MiniLM-L6-v2", device=absent)

# %% [markdown]
# The message comes from PyTorch, and depends on how it was built. Leave `device` out, and code runs on a laptop and on a server. Name a
# device only to *refuse* the automatic choice, as we do with `"cpu"`.
#
# ## Choose a dtype and know the size
#
# A ***parameter*** is one number that training has set; the file of weights holds all of them. The ***dtype*** is the format in which
# a number is stored: `float32` takes four bytes, `float16` and `bfloat16` take two. It goes into `model_kwargs`.
#
# **Predict:** what happens to the size, and what to the similarity of two sentences?

# %%
for dtype in ("float32", "float16", "bfloat16"):
    found = SentenceTransformer("all-MiniLM-L6-v2", device="cpu", model_kwargs={"dtype": dtype})
    megabytes = sum(weights.nbytes for weights in found.parameters()) / 1e6
    vectors = found.encode(["The weather is nice today", "It's a beautiful day outside"])
    similarity = found.similarity(vectors, vectors)[0, 1].item()
    print(f"{dtype:9} {megabytes:5.1f} MB of weights, vectors are {vectors.dtype}, similarity {similarity:.2f}")

# %% [markdown]
# Half the bytes, the same similarity to two decimals. Note the vectors: `float16` comes out as `float16`, while numpy has
# no `bfloat16`, so these arrive as `float32`.
#
# ### Myth: "MiniLM needs 44 MB"
#
# The older guide's figure comes near the second line. The code beside it loads the first, and a running program with PyTorch needs
# more than its weights.
#
# What if the *saved* weights are in half precision? Then you get half precision without asking:

# %% tags=["shows-stderr"]
half = SentenceTransformer("all-MiniLM-L6-v2", device="cpu", model_kwargs={"dtype": "float16"})
half.save_pretrained(str(workshop / "half"))
print("loaded as saved:", SentenceTransformer(str(workshop / "half"), device="cpu").dtype)
print("asked for:", SentenceTransformer(str(workshop / "half"), device="cpu", model_kwargs={"dtype": "float32"}).dtype)

# %% [markdown]
# Several published models are saved this way. On a CPU the library warns, because half precision can be much slower there. The cell's last
# line is the cure.
#
# ### Myth: "Pass `fp16=True`, `device_map='auto'` or `max_seq_length=512` when loading"
#
# Tutorials show these, and the older guide asks for the dimension by an old name:

# %% tags=["teaches-deprecated"]
for wrong in ({"fp16": True}, {"device_map": "auto"}, {"max_seq_length": 512}):
    try:
        SentenceTransformer("all-MiniLM-L6-v2", **wrong)
    except TypeError as error:
        print(f"TypeError: {error}")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model.get_sentence_embedding_dimension()
print(f"{caught[0].category.__name__}: {caught[0].message}")

# %% [markdown]
# None of the three arguments exists: `dtype` and `device_map` go into `model_kwargs`, and `max_seq_length` is an attribute, set after
# loading.
#
# ## Decide whether to trust a model's code
#
# Weights are numbers. A model's folder may also name Python code of its own. Here is the smallest one we can make, with a class
# that does nothing, in a file that says when it runs:

# %%
tiny = workshop / "tiny"
tiny.mkdir(exist_ok=True)
(tiny / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": "hello.Hello"}]))
(tiny / "hello.py").write_text("""
import torch
print("hello.py is running, and may do whatever you may do")
class Hello(torch.nn.Module):
    load = classmethod(lambda cls, *args, **kwargs: cls())
""")
try:
    SentenceTransformer(str(tiny), device="cpu")
except ValueError as error:
    print(f"ValueError: {error}".replace(str(tiny), "tiny"))

# %% [markdown]
# Refused, although the folder is our own: any module class from outside the library needs your consent. With it:

# %%
trusted = SentenceTransformer(str(tiny), device="cpu", trust_remote_code=True)

# %% [markdown]
# `trust_remote_code=True` does not mean "load this model properly". It means: **run this folder's code with my rights**. Read the code
# first, and pin the `revision` you have read.
#
# ### Myth: "`BAAI/bge-m3` and Qwen3-Embedding need `trust_remote_code=True`"
#
# The older guide says so for both. A model needs no code of its own when transformers brings its architecture and its modules are the
# library's. We ask transformers about the architectures that these models' configurations name:

# %%
from transformers import CONFIG_MAPPING

for name, architecture in (("BAAI/bge-m3", "xlm-roberta"), ("Qwen/Qwen3-Embedding-0.6B", "qwen3"), ("an invented model", "my-own-bert")):
    print(f"{name:26} {architecture:12} comes with transformers: {architecture in CONFIG_MAPPING}")

# %% [markdown]
# Both are built in. This does not show the real models loading, which needs their downloads; the library's own tests load both without
# the flag. So: load without it first. If it is needed, the error says so.
#
# ## Follow a text through the modules
#
# A `SentenceTransformer` is a chain of steps. Each step is a ***module***: it takes what the one before has made, and adds to it.

# %%
for position, module in enumerate(model):
    print(position, type(module).__name__)
print(model[1])


# %% [markdown]
# Text comes before module 0. The ***tokenizer*** cuts it into pieces that the model knows by number. Each piece is a ***token***: a word,
# a part of a word, a punctuation mark or a special mark.
#
# **Predict:** is "embeddings" one token?

# %%
def tokens(text):
    return model.tokenizer.convert_ids_to_tokens(model.tokenizer(text)["input_ids"])


print(tokens("Embeddings turn texts into vectors."))
print(tokens("CAFÉ, café, 😀, 🚀"))
print(f"{len(model.tokenizer):,} tokens are known, among them", ", ".join(sorted(model.tokenizer.all_special_tokens)))

# %% [markdown]
# Four pieces; `##` marks a piece that continues a word. `[CLS]` opens, `[SEP]` closes. Case and accents are gone before the model
# sees anything, and what the vocabulary lacks becomes `[UNK]`: to this model, the smile and the rocket are one token.
#
# `model.preprocess` makes the numbers that module 0 takes:

# %%
sentences = ["Cats sleep.", "Embeddings turn texts into vectors."]
features = model.preprocess(sentences)
print(features["input_ids"])
print(features["attention_mask"])

# %% [markdown]
# The shorter text is filled up with `[PAD]`, id 0, to make a rectangle. The mask says which places are real.
#
# Module 0, the network, turns every token into a vector that depends on its neighbors:

# %%
with torch.inference_mode():
    features = model[0](features)
token_vectors = features["token_embeddings"]
print(tuple(token_vectors.shape), "= texts, tokens, numbers per token")

# %% [markdown]
# Eleven vectors for a text, and we want one. ***Pooling*** makes one vector for a text from the vectors of its tokens: here, their mean,
# without the padding. We compute it by hand, and ask module 1.

# %%
mask = features["attention_mask"].unsqueeze(-1)
by_hand = (token_vectors * mask).sum(dim=1) / mask.sum(dim=1)
features = model[1](features)
print("our mean equals model[1]:", torch.allclose(by_hand, features["sentence_embedding"], atol=1e-6))

# %% [markdown]
# The mean as a picture. Look for columns with one color from top to bottom, and for single dark fields:

# %%
shown = torch.cat([token_vectors[1], by_hand[1:2]])[:, :60]
figure, axes = plots.new_figure(8.4, 3.8)
image = axes.imshow(shown, cmap="PuOr", vmin=-1.5, vmax=1.5, aspect="auto")
axes.set_yticks(range(len(shown)), [*tokens(sentences[1]), "mean"])
axes.axhline(len(shown) - 1.5, color="black")
axes.set(xlabel="the first 60 of 384 numbers", title="Eleven token vectors become one")
figure.colorbar(image)
plots.show(
    figure,
    "Heat map with one row per token of 'Embeddings turn texts into vectors.', eleven in all, and below a line their mean. "
    "The token rows differ; columns that most tokens share keep their color in the mean, the others fade.",
)

# %% [markdown]
# Where the tokens agree, the mean keeps the color; where they differ, it fades. No single number can be read as a meaning: it is the
# pattern as a whole that is compared.
#
# Module 2 brings the mean to length 1. If nothing is hidden, the result is what `encode` gives:

# %%
print("lengths before:", [f"{length:.1f}" for length in features["sentence_embedding"].norm(dim=1)])
embeddings = model[2](dict(features))["sentence_embedding"].numpy()
print("lengths after: ", [f"{length:.1f}" for length in np.linalg.norm(embeddings, axis=1)])
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
# The older guide says 22M parameters. We count them, and ask which part of the network holds them.
# **Predict:** the six layers that do the reading, or the table with one row per token?

# %%
parts = Counter()
for name, weights in model[0].model.named_parameters():
    parts[".".join(name.split(".")[:2])] += weights.numel()
print(f"{sum(parts.values()):,} parameters")
figure = plots.bars(
    [count / 1e6 for count in parts.values()], list(parts), unit="million", title="Parameters of all-MiniLM-L6-v2 by part"
)
plots.show(
    figure,
    "Bars: the token table embeddings.word_embeddings holds 11.72 million parameters, all six layers of the encoder 10.65 million, "
    "the position table 0.20 million, the pooler 0.15 million, the rest next to none.",
)

# %% [markdown]
# More than half is a table to look tokens up in. `pooler.dense` is left over from pretraining: our hand-made embedding used
# `token_embeddings` only and matched without it.

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
# silence. Ours stands in `sentence_bert_config.json`. The network's own limit is another one:

# %%
wide = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
print("cut after", wide.max_seq_length, "tokens; positions in the network:", wide[0].model.config.max_position_embeddings)
long_text = "The weather is nice today. " * 60 + "I love programming in Python. " * 60
before = wide.encode(long_text)
wide.max_seq_length = 512
print(f"similarity of the vectors at 256 and 512: {wide.similarity(before, wide.encode(long_text)).item():.2f}")

# %% [markdown]
# The first 256 tokens hold the weather only; at 512 Python comes into view, and the vector moves. Whether it is *better* is another
# question: the publishers set 256, and quality beyond it is untested here. And 1,024?

# %% tags=["raises-exception"]
wide.max_seq_length = 1024
wide.encode(long_text)


# %% [markdown]
# The position table has 512 rows, and no setting adds one. The attribute accepts any number; the error comes with the first text that is
# long enough, perhaps weeks later. Longer texts are cut into chunks: [03 · Encode text into vectors](03_encoding_text.ipynb).
#
# ## Catch the failures that say nothing
#
# A download breaks off, a copy script forgets a file. We remove `modules.json`, a file of 349 bytes, and load.

# %%
def copy_without(*names):
    folder = Path(tempfile.mkdtemp(dir=workshop))
    shutil.copytree(snapshot, folder, dirs_exist_ok=True)
    for name in names:
        (folder / name).unlink()
    return str(folder)


broken = SentenceTransformer(copy_without("modules.json"), device="cpu")
print([type(module).__name__ for module in broken], "at most", broken.max_seq_length, "tokens")
for example in (text, long_text):
    right, wrong = model.encode(example), broken.encode(example)
    print(f"length {np.linalg.norm(wrong):.1f}, cosine with the right vector {model.similarity(right, wrong).item():.2f}")

# %% [markdown]
# No error, no warning. The library guesses: `Transformer` and mean pooling, no `Normalize`, 512 tokens. For a short text the direction
# happens to be right, as this model does use the mean; the length is not. For a long text both are wrong.
#
# Who notices? Cosine similarity hides the length. A vector database that uses the dot product does not:

# %%
query, documents = hub.GOLDEN_QUERY, hub.GOLDEN_DOCUMENTS
print(query)
right = model.encode(documents) @ model.encode(query)
wrong = broken.encode(documents) @ broken.encode(query)
for document, r, w in zip(documents, right, wrong, strict=True):
    right_best, wrong_best = ("best" if score == scores.max() else "" for score, scores in ((r, right), (w, wrong)))
    print(f"right {r:.2f} {right_best:4}  broken {w:.1f} {wrong_best:4}  {document[:31]}…")


# %% [markdown]
# The broken model answers "Saturn": its vector is longer, and the dot product rewards length. The answer looks plausible,
# and nothing in the program says that it is not.
#
# The defense is two lines: **a vector you know, and the limit you know**. The tolerance leaves room for other devices and
# half precision; wrong vectors miss by far more. We try it on copies that each lack a file:

# %%
def is_right(model):
    start = model.encode("The weather is nice today")[:3]
    return model.max_seq_length == 256 and np.allclose(start, [-0.036, 0.091, 0.141], atol=0.01)


losses = ["", "modules.json", "sentence_bert_config.json", "tokenizer.json", "tokenizer.json vocab.txt"]
for names in [*losses, "1_Pooling/config.json", "config.json", "model.safetensors"]:
    folder = copy_without(*names.split())
    try:
        found = SentenceTransformer(folder, device="cpu")
        cosine = found.similarity(found.encode(text), model.encode(text)).item()
        verdict = f"loads, cosine {cosine:.2f}, limit {found.max_seq_length}, {'right' if is_right(found) else 'CAUGHT'}"
    except Exception as error:
        verdict = f"raises {type(error).__name__}"
    print(f"{names or 'nothing missing':26} {verdict}")
    shutil.rmtree(folder, ignore_errors=True)

# %% [markdown]
# Three losses raise, one is harmless (the tokenizer is rebuilt from `vocab.txt`), and three load a wrong model in silence. The check
# catches all three. Without a vocabulary every word becomes `[UNK]`, and the vector has next to nothing to do with the right one.

# %%
exercise_3 = exercises.get("02.3")
exercise_3

# %% tags=["exercise"]
folders = mystery_folders(snapshot, workshop)
answer_3 = ...  # replace the three dots; load folders["A"], folders["B"], folders["C"] in cells of your own
exercise_3.check(answer_3)

# %% [markdown]
# ## Summary
#
# - A name, a revision and a folder load the same model. A short path that does not exist is taken for a name, and `HF_HUB_OFFLINE=1`
#   counts only if set before the import.
# - Leave `device` out unless you mean it. `model_kwargs={"dtype": ...}` decides the bytes: parameters × 4 in `float32`, × 2 in half
#   precision.
# - `trust_remote_code=True` runs a stranger's code with your rights. Models whose architecture and modules are built in do not need it.
# - Tokenizer, `Transformer`, `Pooling`, `Normalize`: we ran each by hand and got what `encode` gives.
# - More than half of MiniLM's parameters sit in its token table. Its maximum sequence length of 256 can go up to 512, the size of its
#   position table, and no further.
# - A missing file may load in silence. A known vector and a known limit, checked after loading, catch it.
#
# ## Copy and paste
#
# A loader that refuses a wrong model. For a model of your own, put in what a load you trust prints.

# %% tags=["copy-paste"]
import numpy as np
from sentence_transformers import SentenceTransformer

KNOWN_TEXT, KNOWN_START, KNOWN_LIMIT = "The weather is nice today", [-0.036, 0.091, 0.141], 256


def load_checked(name, **options):
    """A model by name or folder; ValueError if it is not the one we know."""
    model = SentenceTransformer(name, **options)
    start = np.asarray(model.encode(KNOWN_TEXT)[:3], dtype="float32")
    if model.max_seq_length != KNOWN_LIMIT or not np.allclose(start, KNOWN_START, atol=0.01):
        raise ValueError(f"{name} is not the model it should be: limit {model.max_seq_length}, a known vector starts with {start}")
    return model


model = load_checked("sentence-transformers/all-MiniLM-L6-v2")  # add revision="<the commit you tested>"
print("loaded and checked:", [type(module).__name__ for module in model])

# %% [markdown]
# ## Further reading
#
# - [SentenceTransformer, all arguments](https://sbert.net/docs/package_reference/sentence_transformer/SentenceTransformer.html)
# - [Custom models and their modules](https://sbert.net/docs/sentence_transformer/usage/custom_models.html)
# - [The hub cache](https://huggingface.co/docs/huggingface_hub/guides/manage-cache)

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [03 · Encode text into vectors](03_encoding_text.ipynb). One text or many, batches, tensors, precision, processes, silent truncation, chunks and bad inputs.
# - **Before:** [01 · Install the library and check that it works](01_installation.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
