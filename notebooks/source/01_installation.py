# %% [markdown] tags=["header"]
# # 01 · Install the library and check that it works
#
# CPU or CUDA, extras, pins, what is installed here, and what changed from version 3 to 6.
#
# **Time:** 40 minutes · **Builds on:** [00 · Search 4,000 documents by meaning](00_start_here.ipynb)

# %% [markdown]
# Three colleagues install the same library. One gets six gigabytes, one gets version 5.7 instead of 6.2, and one gets an error.
# None of it is chance. How do we choose what pip brings, and how do we check what it left behind?

# %% [markdown]
# ## What you'll be able to do
#
# - Read which versions of the library and of its dependencies an environment holds, and how much space they take.
# - Choose a CPU or a CUDA build of torch, and write the two commands that install it.
# - Predict what pip does with `--index-url`, with `[all]`, and with an extra that cannot be met.
# - Pin an environment, and find which packages stand in the way of a version.
# - Replace the names that changed between versions 3 and 6, including those that give no warning.
# - Check an installation with a few lines, and tell from a failure what is wrong.

# %% [markdown]
# This lesson installs nothing: we read what is there, and watch pip at work on folders of our own.

# %% tags=["setup"]
from helpers import exercises, hub, plots
hub.activate()
from sentence_transformers import SentenceTransformer

# %% [markdown]
# ## See what is installed here
#
# Every installed package keeps its metadata beside its code, and `importlib.metadata` reads it. It names the package's
# dependencies: a ***dependency*** is a package that another package needs, and that pip installs along with it.

# %%
from importlib import metadata
from packaging.requirements import Requirement

def installed(package):
    return metadata.version(package).partition("+")[0]  # without the name of a build, such as +cpu

needs = [Requirement(text) for text in metadata.requires("sentence-transformers")]
base = [need for need in needs if need.marker is None]  # the others belong to extras, which come below
print("sentence-transformers", installed("sentence-transformers"), "needs")
print("  Python            ", metadata.metadata("sentence-transformers")["Requires-Python"])
for need in base:
    specifier = str(need.specifier)
    print(f"  {need.name:18} {specifier:16} here: {installed(need.name)}")


# %% [markdown]
# The middle column is the specifier: it says which versions will do. torch computes, and transformers holds the models'
# architectures. Version 6.2 works with transformers **5** and no other, so it cannot share an environment with a package that
# insists on transformers 4. We meet one below.
#
# Which of these packages takes the most space, and how much of the total is the library's own? Guess, then run.

# %% reason="the size of torch depends on its build: CPU or CUDA, Linux or macOS" tags=["nbval-ignore-output"]
def megabytes(package):
    return sum(file.size or 0 for file in metadata.files(package)) / 1e6

names = ["sentence-transformers", *(need.name for need in base)]
sizes = {name: megabytes(name) for name in names}
order = sorted(sizes, key=sizes.get, reverse=True)
figure = plots.bars([sizes[name] for name in order], order, unit="MB", decimals=0, title="Size on disk")
plots.show(figure, "Bars, in MB: " + ", ".join(f"{name} {sizes[name]:.0f}" for name in order))

# %%
ratio = sizes["torch"] / sizes["sentence-transformers"]
print(f"largest: {order[0]} | more than 20 times the library: {ratio > 20}")

# %% [markdown]
# The library is small; torch is what we wait for. The picture shows neither the models, which come on top, nor NVIDIA's
# packages, which a CUDA build of torch brings along.

# %% [markdown]
# ## Choose CPU or CUDA before you install
#
# CUDA is how programs compute on NVIDIA's GPUs. A CPU build of torch runs everywhere; a CUDA build also drives those GPUs,
# and is far larger: an environment of ours with the OpenVINO extra took 6.0 GB with CUDA and 1.6 GB without. Which build is here?

# %% reason="the build of torch and the devices differ from machine to machine" tags=["nbval-ignore-output"]
import torch

print("CUDA version that torch was built for:", torch.version.cuda)
print("a CUDA device can be used:", torch.cuda.is_available())
print("Apple's GPU can be used:  ", torch.backends.mps.is_available())
assert not torch.cuda.is_available() or torch.version.cuda or torch.version.hip

# %% [markdown]
# `None` means a build without CUDA. No driver and no setting makes it use an NVIDIA GPU; only another build does. (The `assert` lets
# AMD's builds pass, which say `hip`.) Which one comes without asking?
#
# | machine | `pip install sentence-transformers` brings | if you want the other |
# |---|---|---|
# | Linux | a CUDA build, GPU or not | no GPU: install the CPU build first |
# | Windows | a CPU build | NVIDIA GPU: install the CUDA build first |
# | macOS | the one build there is; Apple's GPU is `mps` | |
#
# (Source: the guide of uv, another installer, under Further reading.) "First" is the trick: pip leaves alone what satisfies
# the specifier. Does a build with a suffix satisfy it?

# %%
torch_needed = next(need.specifier for need in base if need.name == "torch")
for version in ["2.13.0", "2.13.0+cpu", "2.13.0+cu130", "2.1.2+cu121"]:
    print(f"{version:12} satisfies torch{torch_needed}: {version in torch_needed}")

# %% [markdown]
# The last one fails for its version; the build does not matter. So we take the build we want from PyTorch's own index, and
# everything else from PyPI, Python's public package index, in **two** commands:
#
# ```bash
# python -m pip install torch --index-url https://download.pytorch.org/whl/cpu   # or your CUDA version's address
# python -m pip install "sentence-transformers==6.2.0"
# ```
#
# The selector on [pytorch.org](https://pytorch.org/get-started/locally/) shows the address. The older guide has **one** command.
# What comes of it?

# %% [markdown]
# ## Watch pip in a package index of our own
#
# An index is a set of web pages, one for each package, with links to its files. A ***wheel*** is such a file: a zip archive
# with a package's code and metadata, ready to unpack. So we can build indexes in a folder, and watch the real pip without a network.

# %%
import tempfile
import zipfile
from pathlib import Path

workshop = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # is deleted when the kernel stops

def publish(index, name, version, *requirements, python=">=3.10"):
    """Put a wheel with metadata and no code into an index, and a link to it on the package's page."""
    page = Path(workshop.name) / index / name
    page.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    about = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *requirements]
    with zipfile.ZipFile(page / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{stem}.dist-info/METADATA", "\n".join(about))
        wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    with open(page / "index.html", "a", encoding="utf-8") as html:
        html.write(f'<a href="{stem}-py3-none-any.whl" data-requires-python="{python}">{stem}</a>\n')


# %% [markdown]
# "PyPI" gets the library and torch, each also in a version newer than the course's; the newer library asks for a Python that
# nobody has. "PyTorch" gets torch only, as a CPU build.

# %%
publish("pypi", "sentence-transformers", "6.2.0")
publish("pypi", "sentence-transformers", "7.0.0", python=">=3.99")
publish("pypi", "torch", "2.13.0")
publish("pypi", "torch", "2.15.0")
publish("pytorch", "torch", "2.13.0+cpu")
for file in sorted(Path(workshop.name).rglob("*.whl")):
    print(file.parts[-3], "has", file.name)

# %% [markdown]
# A dry run does everything but install. We print the exit status, where 0 says success, and pip's results, errors and
# warnings. `--isolated` and the variable shut out the settings of this machine, so that pip asks no index but ours.

# %%
import os
import subprocess
import sys

pypi = (Path(workshop.name) / "pypi").as_uri()
pytorch = (Path(workshop.name) / "pytorch").as_uri()
NEW = "--ignore-installed --no-deps "  # as if nothing were installed, and only the packages we name

def pip_install(options):
    pip = [sys.executable, "-m", "pip", "--isolated", "--no-color", "--disable-pip-version-check"]
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    command = [*pip, "install", "--dry-run", *options.split()]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    said = (done.stdout + done.stderr).splitlines()
    verdict = [line for line in said if line.startswith(("Would", "ERROR", "WARNING: sentence"))]
    print(f"exit status {done.returncode}", *(verdict or said[-1:]), sep="\n  ")


# %% [markdown]
# ### Myth: "`pip install sentence-transformers torch --index-url …/whl/cu121` adds GPU support"
#
# So says the older guide. Predict: which of the two packages does pip find?

# %%
pip_install(NEW + f"sentence-transformers torch --index-url {pytorch}")

# %% [markdown]
# `--index-url` does not add an index. It **replaces** PyPI, for every package in the command. (The cell shows pip's rule, not
# what the real index holds: torch and its companions, but not our library.) Now two commands, each to the index that has
# the package. Predict the version of the library:

# %%
pip_install(NEW + f"torch --index-url {pytorch}")
pip_install(NEW + f"sentence-transformers --index-url {pypi}")

# %% [markdown]
# 7.0.0 is passed over without a word, because it does not take our Python. That is how an old Python gets an old library: pip
# takes the newest version that fits, and reports success.
#
# The option that adds an index is `--extra-index-url`. With both open, does pip take the CPU build?

# %%
pip_install(NEW + f"torch --index-url {pytorch} --extra-index-url {pypi}")
pip_install(NEW + f"torch==2.13.0 --index-url {pytorch} --extra-index-url {pypi}")

# %% [markdown]
# pip ranks versions and not indexes: first the newer torch from "PyPI" wins, whatever its build. Then both indexes have a 2.13.0,
# and `2.13.0+cpu` counts as newer. Two commands need no such rule: each asks one index.

# %% [markdown]
# ## Ask for extras by name, in quotes
#
# An ***extra*** is a named group of optional dependencies, which pip installs only if we put its name in square brackets behind
# the package's. In the metadata, a marker behind a requirement says which extra it belongs to. How many does each have?

# %%
extras = metadata.metadata("sentence-transformers").get_all("Provides-Extra")
for extra in extras:
    members = [need for need in needs if need.marker and need.marker.evaluate({"extra": extra})]
    first = [str(need).partition(";")[0] for need in members[:3]]
    print(f"{extra:9} {len(members):2}  {', '.join(first)}")

# %% [markdown]
# To embed text, none is needed. `image`, `audio` and `video` are for models that read more than text, `train` is for training,
# `merge` makes one model of several, `onnx` and `openvino` are other engines to run a model on (later in the course), and `dev`
# is for work on the library itself.
#
# ### Myth: "`pip install sentence-transformers[all]` installs all optional dependencies"
#
# The older guide again. The list has no such name; what does pip make of it?

# %%
print("'all' is an extra:", "all" in extras)
pip_install("sentence-transformers[all] --no-index")

# %% [markdown]
# A warning, and exit status 0: success, as far as any script can tell. What we get is the library without extras.
#
# And why the quotes? To a shell, brackets in the name of a file stand for "one of these letters".

# %%
from fnmatch import fnmatch

for file in ["sentence-transformersa", "sentence-transformers[train]"]:
    print(f"{file:28} fits the pattern: {fnmatch(file, 'sentence-transformers[train]')}")

# %% [markdown]
# The pattern fits another name, and not itself. Where no such file exists, bash passes the text on as it is; zsh, the shell of
# macOS, stops with `no matches found`. With quotes, both pass it on.
#
# One extra exists and cannot be had. `onnx` asks for optimum-onnx, whose version 0.1.0 wants a transformers below 4.58. We publish
# what these packages ask of each other on PyPI, with a library 5.7.0, which still took transformers 4. Predict both verdicts:

# %%
onnx = ["Provides-Extra: onnx", 'Requires-Dist: optimum-onnx; extra == "onnx"']
publish("pypi", "sentence-transformers", "6.2.0", "Requires-Dist: transformers<6.0.0,>=5.0.0", *onnx)
publish("pypi", "sentence-transformers", "5.7.0", "Requires-Dist: transformers<6.0.0,>=4.41.0", *onnx)
publish("pypi", "optimum-onnx", "0.1.0", "Requires-Dist: transformers<4.58.0,>=4.36")
publish("pypi", "transformers", "4.57.6")
publish("pypi", "transformers", "5.23.0")
pip_install(f"--ignore-installed sentence-transformers[onnx]==6.2.0 --index-url {pypi}")
pip_install(f"--ignore-installed sentence-transformers[onnx] --index-url {pypi}")

# %% [markdown]
# No transformers is below 4.58 and at least 5: a conflict. The second verdict is worse, because it is a success: pip goes back to
# 5.7.0 and transformers 4.57.6, and no line warns us. The real PyPI gave us the same versions.
#
# An extra can also undo a choice: `openvino` brought us torchvision, which replaced our CPU build of torch by a newer CUDA build.
# So look at `torch.version.cuda` again after an installation.
#
# Your turn, with the metadata alone.

# %%
exercise_1 = exercises.get("01.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1)

# %% [markdown]
# ## Pin what you depend on
#
# A ***pin*** is a requirement that accepts one version, written with `==`. Other signs leave a choice, and pip takes the newest
# version that fits on the day it runs. Which of these would take version 7?

# %%
from packaging.specifiers import SpecifierSet
for text in ["==6.2.0", ">=6.2", "~=6.2", ">=6.2,<7"]:
    allowed = SpecifierSet(text).filter(["6.1.0", "6.2.0", "6.9.1", "7.0.0"])
    print(f"{text:9} allows {', '.join(allowed)}")

# %% [markdown]
# A floor such as `>=6.2` takes whatever comes, including the version that removes what we use. `~=6.2` means the same as the last
# line, and fits a library that others install beside theirs. An application, a paper or a course takes `==`.
#
# ### Myth: "`sentence-transformers==3.0.1` makes an installation reproducible"
#
# The older guide pins one package. How many of its own dependencies does the library pin?

# %%
pinned = [need for need in base if "==" in str(need.specifier)]
print(f"{len(pinned)} of {len(base)} dependencies are pinned by sentence-transformers itself")


# %% [markdown]
# None, so each day's newest versions come along. The guide's line brought us transformers 4.57.6 and numpy 2.4.6, and may bring
# you others. So an environment is pinned as a whole, dependencies of dependencies included. This course does that in
# `requirements.txt`. Does this environment keep to it?

# %%
def is_kept(pin):
    try:
        return metadata.version(pin.name) in pin.specifier
    except metadata.PackageNotFoundError:
        return False

lines = Path("../requirements.txt").read_text(encoding="utf-8").splitlines()
texts = [line.partition("#")[0].strip() for line in lines]  # without comments
pins = [Requirement(text) for text in texts if text]
due = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
print("more than 100 pins:", len(due) > 100, "| broken here:", [str(pin) for pin in due if not is_kept(pin)])

# %% [markdown]
# Some lines end in a marker, such as `; sys_platform == 'win32'`: where that is not true, pip skips the line, and so do we.
# Nobody types such a file. `python -m pip freeze` writes one from an environment that works, and `uv pip compile` resolves one
# from the few lines that we choose. `python -m pip check` tells whether what is installed agrees with itself.
#
# Now for a colleague's machine.

# %%
colleague = {
    "transformers": "4.57.6", "tokenizers": "0.9.4", "huggingface-hub": "1.21.0", "torch": "2.13.0+cpu",
    "numpy": "1.26.4", "scikit-learn": "1.10.0", "scipy": "1.17.1", "typing_extensions": "4.7.1",
    "tqdm": "4.70.1", "accelerate": "0.9.0",
}
exercise_2 = exercises.get("01.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2, colleague=colleague)

# %% [markdown]
# ## Know which version a snippet was written for
#
# | version | released | what came |
# |---|---|---|
# | 3.0 | May 2024 | `model.similarity`, a new trainer; in 3.2 `backend="onnx"` and `"openvino"` |
# | 4.0 | March 2025 | a new trainer for cross-encoders, models that score a pair of texts |
# | 5.0 | July 2025 | `encode_query`, `encode_document`, sparse encoders (vectors of mostly zeros), several devices in `encode` |
# | 5.4 | April 2026 | images, audio and video; modules move, many names change |
# | 6.0 | August 2026 | transformers 5 only, `MultiVectorEncoder` (a vector for each token) |
# | 6.2 | after that | the version of this course |
#
# (Dates of the tags in the library's repository.)
#
# ### Myth: "Version 3.0 or later will do"
#
# `LIBRARY_VERSION: 3.0+`, says the older guide. What would be missing?

# %%
from packaging.version import Version

since = {'backend="onnx"': "3.2", "encode_query": "5.0"}
since |= {"get_embedding_dimension": "5.4", "MultiVectorEncoder": "6.0"}
for version in ["3.0.1", "4.1.0", "5.7.0", installed("sentence-transformers")]:
    missing = [name for name, first in since.items() if Version(version) < Version(first)]
    print(f"{version} lacks: {', '.join(missing) or 'nothing'}")

# %% [markdown]
# The floor of a program is the newest feature it uses; the guide itself wants ONNX, which 3.0 does not have. And what is missing
# does not always raise. In 3.4 and 4.1, `encode` swallows arguments that it does not know, so a call written for 5.x runs
# there and does less. Version 6.2 refuses:

# %% tags=["raises-exception"]
model = SentenceTransformer("all-MiniLM-L6-v2")
model.encode("Hello world", normalise_embeddings=True)

# %% [markdown]
# One letter is wrong (the name is `normalize_embeddings`), and the error quotes it.
#
# Names that changed in 5.4 still work in 6.2. The old ones make themselves heard on three channels:
#
# | old | new | what we hear |
# |---|---|---|
# | `get_sentence_embedding_dimension()` | `get_embedding_dimension()` | `FutureWarning` |
# | `sentence_transformers.models` | `sentence_transformers.sentence_transformer.modules` | `DeprecationWarning` |
# | `sentence_transformers.losses` | `sentence_transformers.sentence_transformer.losses` | `DeprecationWarning` |
# | `sentence_transformers.quantization` | `sentence_transformers.util.quantization` | `DeprecationWarning` |
# | `encode(sentences=…)` | `encode(inputs=…)`, or by position | a line in the log |
# | `tokenizer_kwargs=…` | `processor_kwargs=…` | a line in the log |
# | `model.tokenize(…)` | `model.preprocess(…)` | a line in the log |
#
# The migration guide has the rest. One of each channel, a method first:

# %% tags=["teaches-deprecated"]
import warnings

with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    same = model.get_sentence_embedding_dimension() == model.get_embedding_dimension()
print("same answer:", same)
print("we hear:", heard[0].message)

# %% [markdown]
# Then an argument. It goes to the log and is no warning to Python: `python -W error`, which turns warnings into errors, lets
# it pass. And it comes once in a process; run the cell a second time.

# %% tags=["teaches-deprecated"]
import logging
from logging.handlers import BufferingHandler

log = BufferingHandler(capacity=100)
logging.getLogger("sentence_transformers").addHandler(log)
model.encode(sentences="Hello world")
logging.getLogger("sentence_transformers").removeHandler(log)
messages = [record.getMessage() for record in log.buffer]
print("we hear:", messages or "nothing")


# %% [markdown]
# And an import, the one that the older guide uses for pooling. Predict what we hear.

# %% tags=["teaches-deprecated"]
def import_the_old_name():
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        from sentence_transformers.models import Pooling
    messages = [str(warning.message) for warning in heard]
    print("the class is in", Pooling.__module__)
    print("we hear:", messages or "nothing")

import_the_old_name()

# %% [markdown]
# Nothing! The warning comes with the first import in a process, and ours is not the first: the model's own files name the old
# module, so loading the model has imported it. Make Python forget that, and the warning is there:

# %% tags=["teaches-deprecated"]
print("was imported before:", sys.modules.pop("sentence_transformers.models", None) is not None)
import_the_old_name()

# %% [markdown]
# So a run without warnings is no proof that a notebook is up to date. Search the code for the names in the table instead.
#
# The older guide opens with a list of variables. Two of its values are no names to the library: `weighted_mean`, a way of
# pooling (of making one vector out of many), and `pytorch`, a format.

# %%
from sentence_transformers.sentence_transformer.modules import Pooling

try:
    Pooling(384, "weighted_mean")
except ValueError as error:
    print(error)
try:
    SentenceTransformer("all-MiniLM-L6-v2", backend="pytorch")
except ValueError as error:
    print(error)

# %% [markdown]
# Both messages list the right names.

# %% [markdown]
# ## Install into the environment that you run
#
# "But I have installed it!" Yes: there, and not here. A ***virtual environment*** is a folder with its own `python` and its
# own packages, apart from all others. We make an empty one, and ask its python for the library.

# %%
import venv

with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    venv.create(folder, symlinks=os.name != "nt")
    python = Path(folder) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    command = [python, "-I", "-c", "import sentence_transformers"]
    plain = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=plain)
print(done.stderr.splitlines()[-1])

# %% [markdown]
# It does not see ours. A bare `pip` belongs to whichever environment comes first on the `PATH`; `python -m pip` belongs to
# the `python` that we name. In a notebook, `sys.executable` is that python, so our `pip_install` starts with it. From nothing
# to a working environment:
#
# ```bash
# python3 -m venv .venv                    # Windows: py -m venv .venv
# source .venv/bin/activate                # Windows: .venv\Scripts\Activate.ps1
# python -m pip install "sentence-transformers==6.2.0"     # torch first, if the build matters
# python -m pip install jupyterlab         # into the same environment, so that notebooks find it
# ```

# %% [markdown]
# ## Check an installation
#
# An import that succeeds proves little: a model cache with a file missing can load without a word and give other vectors. So we
# compare with what we know: the vector of "Hello world" starts -0.034, 0.031, 0.007, 0.026, and the limit is 256 tokens.

# %%
vector = model.encode("Hello world")
print(vector.shape, [f"{value:.3f}" for value in vector[:4]], model.max_seq_length)

# %% [markdown]
# That is the right model. We compare three decimals, because the fourth may differ between processors. What a failure means:
#
# | what you see | what is wrong |
# |---|---|
# | `ModuleNotFoundError` for the library | another environment: compare `sys.executable` |
# | the version is 5.7 or older | an old Python, or a package that holds transformers below 5 |
# | `OSError: We couldn't connect to …` | no network and no model in the cache, or a misspelled name |
# | `Torch not compiled with CUDA enabled` | a CPU build of torch: install the CUDA build first |
# | other numbers, or 512 tokens | a file of the model is missing: delete its folder in the cache, load again |
#
# [02 · Load a model and look inside it](02_loading_models.ipynb) provokes the last one. One exercise for all of it:

# %%
exercise_3 = exercises.get("01.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots
exercise_3.check(answer_3)

# %% [markdown]
# ## Summary
#
# - `importlib.metadata` tells versions, dependencies and sizes; torch is the large one, and 6.2 takes transformers 5 only.
# - The build of torch decides about the GPU: torch first, from PyTorch's index, then the library from PyPI, in two commands.
# - `--index-url` replaces PyPI, `[all]` is a warning and a base install, and `[onnx]` contradicts 6.2.0 or brings 5.7.0.
# - `==` pins one package, a file of pins holds an environment, and a specifier tells which version stands in the way.
# - Old names from before 5.4 still work; they answer with a warning, with a line in the log, or not at all.
# - A check compares version, vector and token limit with known values; a wrong environment shows in `sys.executable`.

# %% [markdown]
# ## Copy and paste
#
# The check as a script. It loads all-MiniLM-L6-v2 from the cache, or downloads its 91 MB once.

# %% tags=["copy-paste"]
import numpy as np
import sentence_transformers
from packaging.version import Version
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
vector = model.encode("Hello world")
print("version 6.2 or later:", Version(sentence_transformers.__version__) >= Version("6.2"))
print("right vector:        ", np.allclose(vector[:4], [-0.0345, 0.0310, 0.0067, 0.0261], atol=1e-3))
print("right token limit:   ", model.max_seq_length == 256)

# %% [markdown]
# ## Further reading
#
# - [Installation](https://sbert.net/docs/installation.html) and [migration guide](https://sbert.net/docs/migration_guide.html) of
#   the library
# - [Using uv with PyTorch](https://docs.astral.sh/uv/guides/integration/pytorch/): which builds of torch are where
# - [pip install](https://pip.pypa.io/en/stable/cli/pip_install/): how pip finds packages, and why a further index can be a risk
# - [Dependency specifiers](https://packaging.python.org/en/latest/specifications/dependency-specifiers/): requirements, extras, markers

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. A Linux server without a GPU should get the small torch. What works?**
#
# <details><summary>A.&nbsp;Two commands: torch from PyTorch's index, then the library.</summary>Right. pip keeps a torch that satisfies the requirement.</details>
# <details><summary>B.&nbsp;One command for the library, with <code>--index-url …/whl/cpu</code>.</summary>Not quite. The option replaces PyPI, and that index lacks the library.</details>
# <details><summary>C.&nbsp;Installing as usual, and loading with <code>device="cpu"</code>.</summary>Not quite. By then the large CUDA build is on the disk.</details><br>
#
# **2. Your requirements are one line, `sentence-transformers==6.2.0`. A year later, what is sure to be the same?**
#
# <details><summary>A.&nbsp;Every package in the environment.</summary>Not quite. The library pins none of its dependencies.</details>
# <details><summary>B.&nbsp;The library and what it needs directly.</summary>Not quite. For these, the newest versions that fit come along.</details>
# <details><summary>C.&nbsp;The library's own version.</summary>Right. For the rest, pin the whole environment.</details><br>
#
# **3. A notebook runs under 6.2 without a warning. Does it use current names only?**
#
# <details><summary>A.&nbsp;Yes: old names raise an error.</summary>Not quite. Names that changed in 5.4 still work in 6.2.</details>
# <details><summary>B.&nbsp;Perhaps: search the code for old names.</summary>Right. Some write to the log only, and an import warns once.</details>
# <details><summary>C.&nbsp;Perhaps: run it with <code>python -W error</code> to be sure.</summary>Not quite. What goes to the log only passes that, too.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [02 · Load a model and look inside it](02_loading_models.ipynb). By name, from a folder, on a device, offline; modules, tokenizer, pooling, and the failures that say nothing.
# - **Before:** [00 · Search 4,000 documents by meaning](00_start_here.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
