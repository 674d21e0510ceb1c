# %% [markdown] tags=["header"]
# # 09 · Encode large corpora and read the errors
#
# What a vector, a model and a batch cost, an encoding that survives a kill, and every common error, raised and read.
#
# **Time:** 60 minutes · **Builds on:** [03 · Encode text into vectors](03_encoding_text.ipynb)

# %% [markdown]
# Three million texts wait, the job takes a night, and the machine has 16 GiB of memory. What will be full first: the vectors, the model
# or the batch? And when the job dies at four in the morning, what is left?
#
# We count bytes first, kill a running job for real, and raise every error that we read.

# %% [markdown]
# ## What you'll be able to do
#
# - Estimate in GiB what vectors, a model and a batch take, before anything runs.
# - Choose between `float32`, `float16`, `bfloat16` and `int8` by bytes, difference and speed on the device at hand.
# - Encode a corpus of any size into a file, and resume after a kill.
# - Halve the batch when memory runs out, and at no other error.
# - Release a model, and share one between threads with a lock.
# - Read an error by its type and first line, and find the failure that raises none.

# %% tags=["setup"]
from helpers import benchmark, catalog, corpus, encoding, exercises, hub, plots, widgets
hub.activate()
import copy
import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
import numpy as np
import psutil
import torch
from sentence_transformers import SentenceTransformer

workshop = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # goes when the notebook's kernel stops
folder = Path(workshop.name)
name = "all-MiniLM-L6-v2"

# %% [markdown]
# ## Count the vectors in GiB
#
# Vectors are the easy part: texts × dimensions × bytes of one number. A ***GiB*** is 2³⁰ = 1,073,741,824 bytes; a GB is
# 1,000,000,000. (A MiB is 2²⁰ bytes.)
#
# ### Myth: "1 million documents with 384 dimensions take 1.43 GB"
#
# The older guide prints 1.43 GB, 3.81 GB and 15.26 GB for the three rows. Which unit did it compute? The last line is for ten million
# texts of 768 dimensions, in types in which finished vectors can be stored, whatever the model's ([lesson 03](03_encoding_text.ipynb)).

# %%
for dimensions in [384, 1024, 4096]:
    size = 1_000_000 * dimensions * 4  # float32: four bytes a number
    print(f"{dimensions:4} dimensions: {size / 2**30:5.2f} GiB = {size / 1e9:5.2f} GB")
print({dtype: encoding.gib(encoding.embedding_bytes(10_000_000, 768, dtype)) for dtype in encoding.BITS})

# %% [markdown]
# The figures are right and the label is wrong: they are GiB, and 7 % more in GB. With 16 GiB of memory, the third row leaves less than
# 1 GiB for everything else.
#
# ## Weigh the model
#
# A model's weights are parameters × bytes. ***Resident memory*** is the part of a process's memory that is in the machine's memory chips
# at the moment (RSS). Is this process about as large as its model?

# %%
model = SentenceTransformer(name, device="cpu")
weights = sum(parameter.nbytes for parameter in model.parameters())
print(f"weights: {weights:,} bytes = {weights / 2**20:.1f} MiB")
print("resident memory is more than twice that:", psutil.Process().memory_info().rss > 2 * weights)

# %% [markdown]
# PyTorch and the other libraries weigh more than this small model. A second model here costs its weights; a second process loads the
# libraries again.
#
# ### Myth: "bge-large takes 670 MB"
#
# The older guide has a table of memory and throughput, and one of times, without a machine. We ask `catalog` for those claims that can
# be checked by computing.

# %%
claims = [claim for claim in catalog.guide_claims() if claim.section == "Throughput by Model"]
catalog.claims_table([claim for claim in claims if claim.source == "computed"])

# %% [markdown]
# The memory is that of weights in two bytes a number, while the guide's code loads `float32`: twice as much, and no row includes
# libraries or a batch. The two tables contradict each other, once by a factor of two. A speed without its machine is no fact.
#
# ## Find what a batch needs
#
# While a batch passes through the model, every module makes an intermediate result: an ***activation***. Most are dropped soon, so the
# peak counts. PyTorch's profiler notes each allocation. What doubles the peak: twice the texts, or twice the tokens in each?

# %%
from torch.profiler import ProfilerActivity, profile

os.environ["KINETO_LOG_LEVEL"] = "99"  # or the profiler logs its start and its end


def peak_bytes(batch_size, tokens):
    texts = ["word " * (tokens - 2)] * batch_size  # and two special tokens
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as run:
        model.encode(texts, batch_size=batch_size)
    run.export_chrome_trace(str(folder / "trace.json"))
    events = json.loads((folder / "trace.json").read_text(encoding="utf-8"))["traceEvents"]
    return max(event["args"]["Total Allocated"] for event in events if event["name"] == "[memory]")


for batch_size, tokens in [(8, 32), (16, 32), (8, 64)]:
    peak = peak_bytes(batch_size, tokens)
    numbers = peak / 4 / (batch_size * tokens)
    print(f"{batch_size:2} texts of {tokens} tokens: {peak / 2**20:.1f} MiB, {numbers:.0f} numbers a token")

# %% [markdown]
# Both: only their product counts. At the peak each token holds 4,230 numbers: 11 times the 384 of a vector (one step of each layer works
# four times as wide), and its own entries in the table that goes in. So a batch takes about
# **texts × tokens × 11 × 384 × 4 bytes**. The lines below are this formula; the marks are measured.

# %%
figure, axes = plots.new_figure(6.4, 3.8)
lengths, gaps = np.array([8, 256]), []
batches = {8: [64, 256], 32: [32, 128], 128: [16, 32]}
for (batch_size, measured), color in zip(batches.items(), plots.COLORS, strict=False):
    estimate = batch_size * lengths * 11 * 384 * 4 / 2**20
    peaks = [peak_bytes(batch_size, tokens) / 2**20 for tokens in measured]
    expected = np.interp(measured, lengths, estimate)
    gaps.append(np.abs(peaks / expected - 1).max())
    axes.loglog(lengths, estimate, color=color)
    axes.loglog(measured, peaks, "o", color=color)
    axes.annotate(f" batch_size={batch_size}\n {estimate[1]:.0f} MiB", (256, estimate[1]), va="center")
axes.axhline(weights / 2**20, color="black", ls=":")
axes.annotate("the weights", (8.5, weights / 2**20 * 1.1))
axes.set(xlim=(8, 760), xlabel="tokens of the longest text", ylabel="MiB at the peak")
axes.set_xticks([8, 16, 32, 64, 128, 256], ["8", "16", "32", "64", "128", "256"])
axes.minorticks_off()
axes.set_yticks([1, 10, 100], ["1", "10", "100"])
told = f"128 texts of 256 tokens need {estimate[1]:.0f} MiB, the weights {weights / 2**20:.0f}"
plots.show(figure, f"Peak memory against tokens, measured within {max(gaps):.1%} of the formula: {told}.")

# %% [markdown]
# Padding makes every row as long as the longest: one long text among 127 short ones costs as much as 128 long ones. `encode` takes the
# longest first, so a batch that does not fit fails at once, not after hours. The factor 11 is this architecture's, with PyTorch's own
# attention (`"eager"` stores a table of tokens × tokens besides); measure another's in the same way.
#
# Now all three together, for your own figures. Here are the three million texts from above, with a larger model. **Predict:** what do
# ten times as many documents change, and what helps most? (The memory-mapped file comes further down.)

# %%
widgets.MemoryCalculator("bge-large-en-v1.5", documents=3_000_000, memory_gib=16)

# %% [markdown]
# The vectors grow with the documents; model and batch stay as they are. With thirty million, no smaller batch helps: fewer dimensions,
# fewer bits or a file do.

# %%
exercise_1 = exercises.get("09.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1)


# %% [markdown]
# ## Halve the bytes, and look at what changes
#
# ***Half precision*** stores a number in two bytes. `float16` keeps more digits, `bfloat16` the range of `float32`. `int8` stores a whole
# number from -127 to 127 in one byte, with a scale for each row of weights. We only round the weights to that and keep them in
# `float32`: this shows the differences, not the bytes.

# %%
def rounded_to_int8(model):
    rounded = copy.deepcopy(model)
    for layer in rounded.modules():
        if isinstance(layer, torch.nn.Linear | torch.nn.Embedding):
            scales = layer.weight.detach().abs().amax(dim=1, keepdim=True) / 127
            layer.weight.data = (layer.weight / scales).round() * scales
    return rounded


sentences = [sentence for _, sentence in corpus.SENTENCES]
models, exact = {}, model.encode(sentences)
for dtype in ["float32", "float16", "bfloat16"]:
    models[dtype] = SentenceTransformer(name, device="cpu", model_kwargs={"dtype": dtype})
for what, one in {**models, "int8, rounded": rounded_to_int8(model)}.items():
    mib = sum(parameter.nbytes for parameter in one.parameters()) / 2**20
    vectors = one.encode(sentences)
    difference = np.abs(vectors - exact).max()
    print(f"{what:13} {mib:.1f} MiB, gives {vectors.dtype!s:7}", end="  ")
    print(f"differs by less than 0.001: {difference < 0.001!s:5}  than 0.01: {difference < 0.01}")

# %% [markdown]
# Half the bytes, for differences in the third or fourth decimal. `bfloat16` is coarser; but beyond 65,504, `float16` has only infinity,
# and some models get there: EmbeddingGemma's [card](https://huggingface.co/google/embeddinggemma-300m) warns against it. A `float16`
# model gives `float16` vectors. `int8` weights take a quarter of the bytes in a quantized export (lesson 11;
# [lesson 08](08_saving_and_exporting.ipynb) exports `float32`). Many such exports round activations too, and differ more.
#
# ### Myth: "model.half() gives you a smaller copy"
#
# The older guide calls it after loading, "for memory savings".

# %%
loaded = SentenceTransformer(name, device="cpu")
halved = loaded.half()
print("a copy:", halved is not loaded, "· the model we had is now", next(loaded.parameters()).dtype)

# %% [markdown]
# It converts the model in place, after the `float32` weights have been in memory whole. `model_kwargs`, as above, loads the type you want.
#
# Is half precision faster? That depends on the processor's instructions. The rounds are interleaved, so that a machine whose speed drifts
# spoils no ratio.

# %% reason="times depend on the machine" tags=["nbval-ignore-output"]
tasks = {dtype: partial(one.encode, sentences[:16]) for dtype, one in models.items()}
exactly, *others = benchmark.measure(tasks, rounds=5)
print({timing.task: f"{exactly.median / timing.median:.1f} times as fast" for timing in others})
assert all(0.001 < exactly.median / timing.median < 50 for timing in others), "beyond all reports"

# %% [markdown]
# Yours replace ours. The span is wide: the library's own
# [measurements](https://sbert.net/docs/sentence_transformer/usage/efficiency.html) found half precision a hundred times *slower* on one
# desktop processor and nearly three times faster on a GPU. A GPU also counts its memory:

# %%
if torch.cuda.is_available():
    SentenceTransformer(name, device="cuda", model_kwargs={"dtype": "bfloat16"}).encode(sentences)
peak = torch.cuda.max_memory_allocated()
print("a CUDA device is there:", torch.cuda.is_available(), "· peak in MiB:", peak // 2**20)

# %% [markdown]
# Without such a device, no cell here speaks for a GPU.
#
# ## Encode a corpus that does not fit into memory
#
# The older guide's function for large corpora collects chunks and joins them at the end. Here are its statements as they stand (only
# the line breaks are ours), in a namespace that knows what the guide imports and nothing else.

# %% tags=["raises-exception"]
guides_code = """
import torch
import gc
def encode_large_corpus(texts, model, batch_size=32, chunk_size=10000):
    all_embeddings = []
    for i in range(0, len(texts), chunk_size):
        chunk = texts[i:i + chunk_size]
        embeddings = model.encode(chunk, batch_size=batch_size, convert_to_numpy=True, show_progress_bar=True)
        all_embeddings.append(embeddings)
        # Clear GPU cache periodically
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        gc.collect()
    return np.vstack(all_embeddings)
"""
guide = {}
exec(guides_code, guide)
guide["encode_large_corpus"](["a text"], model)

# %% [markdown]
# It encodes everything and *then* misses numpy: a night's vectors are gone. We repair that and measure its peak. `tracemalloc` counts what
# Python and numpy allocate; a stub stands in for the model. How many times the vectors' size will it be?

# %%
import tracemalloc


class Stub:
    def encode(self, texts, **options):
        return np.ones((len(texts), 384), dtype=np.float32)


def peak_of(call):
    tracemalloc.start()
    result = call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, result


guide["np"] = np
many = ["a text"] * 20_000
peak, joined = peak_of(lambda: guide["encode_large_corpus"](many, Stub(), chunk_size=2_000))
print(f"vectors: {joined.nbytes / 2**20:.0f} MiB, peak: {peak / joined.nbytes:.1f} times that")

# %% [markdown]
# `vstack` builds the second copy while the first is still there: where 20 GiB of vectors would fit, 40 are asked for.
#
# ### Myth: "Collect garbage after every chunk"
#
# What do they free in that loop? A weak reference tells whether an object still lives, without keeping it alive.

# %%
import weakref


def left_by_encode():
    gc.collect()  # what others have left
    model.encode(sentences[:4])
    return gc.collect()


vectors = model.encode(sentences[:4])
alive = weakref.ref(vectors)
del vectors
print("freed by del alone:", alive() is None)
print("left by encode for gc.collect():", min(left_by_encode() for _ in range(3)))
print("CUDA in use, with a cache to empty:", torch.cuda.is_initialized())


# %% [markdown]
# Nothing. Python frees an array with its last reference; the collector is for objects that refer to each other in circles, and `encode`
# leaves none. `torch.cuda.empty_cache` has no cache to empty; on a GPU, it gives memory back to *other* programs.
#
# The cure is to put each chunk where it belongs. A ***memory-mapped file*** is a file that is used like an array: the system reads and
# writes the parts that are touched. We run it with the stub, then with the model.

# %%
def encode_to_file(texts, model, path, chunk_size):
    shape = (len(texts), 384)
    stored = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for start in range(0, len(texts), chunk_size):
        stored[start : start + chunk_size] = model.encode(texts[start : start + chunk_size])
    stored.flush()
    return stored


peak, stored = peak_of(lambda: encode_to_file(many, Stub(), folder / "many.npy", 2_000))
print(f"peak: {peak / stored.nbytes:.1f} times the vectors · equal: {np.array_equal(stored, joined)}")

texts = [doc.text for doc in corpus.api_docs()[:150]]
encode_to_file(texts, model, folder / "ours.npy", 25)
opened = np.load(folder / "ours.npy", mmap_mode="r")
print(type(opened).__name__, opened.shape, f"{(folder / 'ours.npy').stat().st_size:,} bytes on disk")

# %% [markdown]
# One chunk of ten, and a file with 128 bytes of header and the vectors. `np.load` with `mmap_mode="r"` reads nothing until you touch a
# row. (Pages in use may count as resident memory; the system drops them when it needs the room.)
#
# ## Kill the job, and resume it
#
# Our file has full size from the first moment. After a kill, nothing says which rows are vectors and which are zeros. What is missing is a
# ***checkpoint***: a note on disk, written after each chunk, of what is safely done.
#
# `encode_large_corpus` of this course's package keeps one and takes any iterable. We test it hard: a script reads lines from a file and
# stops at line 90, where we kill it. On Linux and macOS that is SIGKILL, which no program can catch. With chunks of 25, how many vectors
# will be safe?

# %%
(folder / "texts.txt").write_text("\n".join(texts), encoding="utf-8")
script = """
import time
from sentence_transformers import SentenceTransformer
from helpers.encoding import encode_large_corpus

def lines():
    for number, line in enumerate(open("texts.txt", encoding="utf-8")):
        if number == 90:
            print("waiting at line 90", flush=True)
            time.sleep(600)
        yield line

model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
encode_large_corpus(model, lines(), "vectors.npy", chunk_size=25, show_progress_bar=False)
"""
with subprocess.Popen([sys.executable, "-c", script], cwd=folder, stdout=subprocess.PIPE, text=True) as job:
    print(job.stdout.readline(), end="")
    job.kill()
print("ended by itself:", job.returncode == 0, sorted(path.name for path in folder.glob("vectors.npy*")))

# %% [markdown]
# There is no `vectors.npy` yet, so nobody takes the half for the whole. The same call resumes, here from another process, this notebook;
# in JupyterLab the bar starts where the job died.

# %%
print("vectors that are safe:", json.loads((folder / "vectors.npy.progress.json").read_text())["rows"])
with open(folder / "texts.txt", encoding="utf-8") as lines:
    resumed = encoding.encode_large_corpus(model, lines, folder / "vectors.npy", chunk_size=25, total=150)
print("in the finished file:", resumed.shape)

# %% [markdown]
# An open file is an iterable of lines, and that is enough: neither texts nor vectors are ever in memory whole. Is the file that of a job
# which nobody killed?

# %%
with open(folder / "texts.txt", encoding="utf-8") as lines:
    encoding.encode_large_corpus(model, lines, folder / "whole.npy", chunk_size=25)
print("same bytes:", (folder / "vectors.npy").read_bytes() == (folder / "whole.npy").read_bytes())
print("same numbers as our loop:", np.allclose(resumed, opened, atol=1e-5))


# %% [markdown]
# One kill is an anecdote; the package's tests kill it at twenty random moments. A resume must *not* mix two corpora: we stop a run by a
# hole in its texts and go on wrongly. `first_line` runs a call and gives its error's type and first line.

# %%
def first_line(call):
    try:
        call()
    except Exception as error:
        line = str(error).replace(str(folder) + os.sep, "").splitlines()[0]
        cause = f" CAUSE: {error.__cause__}" if error.__cause__ else ""
        return f"{type(error).__name__}: {line.partition('{')[0]}{cause}"
    return "no error"


run = partial(encoding.encode_large_corpus, model, path=folder / "part.npy", chunk_size=10)
calls = {
    "a hole at 35": partial(run, [*sentences[:35], None]),
    "other corpus": partial(run, sentences[::-1]),
    "other setting": partial(run, sentences, truncate_dim=64),
    "mended": partial(run, sentences),
    "once more": partial(run, sentences),
}
for what, call in calls.items():
    print(f"{what:13} {first_line(call)[:110]}")

# %% [markdown]
# Each wrong way is refused before a byte is written, and the mended list goes on where the first run stopped.

# %%
exercise_2 = exercises.get("09.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2)


# %% [markdown]
# ## Halve the batch when memory runs out
#
# First we need to recognize it. We ask PyTorch and numpy for petabytes; for a GPU, a stub with room for a few texts raises what PyTorch
# raises there.

# %%
class Crowded:
    def __init__(self, fits):
        self.fits, self.tried = fits, []

    def encode(self, texts, batch_size=32, **options):
        self.tried.append(batch_size)
        if min(batch_size, len(texts)) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return np.array([[len(text)] for text in texts])


on_gpu = partial(Crowded(fits=8).encode, sentences)
for call in [partial(torch.empty, 10**15), partial(np.ones, 10**15), on_gpu]:
    print(first_line(call))
print("a MemoryError, such as numpy's, is a RuntimeError:", issubclass(MemoryError, RuntimeError))


# %% [markdown]
# Three ways to say the same, and only the third has the words that most code looks for. (On Windows, PyTorch's first says "not enough
# memory".) And one way has no error: when the machine is full, Linux may kill the process. Then only a checkpoint helps.
#
# The older guide's `safe_encode` halves the batch in a loop. Our stub takes 8 texts. Starting at 64, which sizes will be tried?

# %% tags=["shows-stderr"]
def guides_safe_encode(model, texts, **kwargs):
    max_retries = 3
    for attempt in range(max_retries):
        try:
            return model.encode(texts, **kwargs)
        except RuntimeError as e:
            if "out of memory" in str(e).lower():
                logging.warning(f"OOM on attempt {attempt + 1}, reducing batch size")
                kwargs["batch_size"] = kwargs.get("batch_size", 32) // 2
                if kwargs["batch_size"] < 1:
                    raise
                torch.cuda.empty_cache()
            else:
                raise
    raise RuntimeError("Failed after max retries")


crowded = Crowded(fits=8)
print(first_line(partial(guides_safe_encode, crowded, texts, batch_size=64)), crowded.tried)

# %% [markdown]
# The last halving, to the 8 that would have fitted, is made and never tried; the error says neither what failed nor why. And of our three
# errors, this function recognizes one.
#
# `encoding.safe_encode` halves down to 1 and keeps what is done. It tries again only *after* the `except` block: until then, the error
# holds the failed call's tensors in memory.

# %% tags=["shows-stderr"]
crowded = Crowded(fits=8)
got = encoding.safe_encode(crowded, texts, batch_size=64)
print("sizes tried:", list(dict.fromkeys(crowded.tried)))
print("in the order of the texts:", got[:, 0].tolist() == [len(text) for text in texts])

# %% [markdown]
# Two more cases: not even one text fits, and an error that is not about memory. How many
# attempts does each deserve?

# %% tags=["shows-stderr"]
crowded = Crowded(fits=0)
print(first_line(partial(encoding.safe_encode, crowded, ["A text.", "A longer text."])))
print("sizes tried:", crowded.tried)
print(first_line(partial(encoding.safe_encode, model, sentences, prompt_name="passage")))

# %% [markdown]
# The error names the text and carries the cause. The wrong prompt name comes through at once: no smaller batch would cure it.

# %%
exercise_3 = exercises.get("09.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots by the name of your function
exercise_3.check(answer_3)

# %% [markdown]
# ## Release a model
#
# "I deleted the model, and its memory is still taken." When is it free?

# %%
spare = SentenceTransformer(name, device="cpu")
alive = weakref.ref(spare)
del spare
print("by del:", alive() is None, "· by gc.collect() after it:", gc.collect() > 0 and alive() is None)

# %% [markdown]
# A model's parts refer to each other in circles, so here the collector is needed: once, after `del`. Any other reference prevents
# it, in a notebook also `_` and `Out[…]`, which keep what a cell has displayed. On a GPU, `torch.cuda.empty_cache()` comes last.
#
# ## Share one model between threads
#
# Web servers answer in several threads, with one model. Its tokenizer is one object, and a call writes its token limit there before it
# reads. What if another writes in between? That is rare, so we make each call pause there. Two threads ask for 16 and 256 tokens. A
# ***lock*** is an object that one thread at a time can hold, while the others wait.

# %%
import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

write_limit = model.tokenizer.set_truncation_and_padding


def write_and_pause(**settings):
    write_limit(**settings)
    time.sleep(1)


def tokens_read(limit, guard):
    options = {"text": {"max_length": limit, "truncation": True}}
    with guard:
        return model.preprocess(["word " * 300], processing_kwargs=options)["input_ids"].shape[1]


model.tokenizer.set_truncation_and_padding = write_and_pause
with ThreadPoolExecutor(2) as pool:
    for what, guard in {"no lock": contextlib.nullcontext(), "a lock": threading.Lock()}.items():
        read = list(pool.map(partial(tokens_read, guard=guard), [16, 256]))
        print(f"{what}: each read as asked: {read == [16, 256]}")
del model.tokenizer.set_truncation_and_padding  # the pause


# %% [markdown]
# Without a lock, one call reads with the other's limit: no error, a wrong vector. (Other versions of the tokenizers raise
# [`Already borrowed`](https://github.com/huggingface/transformers/issues/47085).) Put a lock around every call that uses the model,
# `encode` included. The variable `TOKENIZERS_PARALLELISM`, often set against such trouble, is about
# [forked processes](https://github.com/huggingface/transformers/issues/5486).
#
# ## Read the errors
#
# Type, then first line, then think: that settles most errors. First those of loading. Which lines would mislead you?

# %% tags=["shows-stderr"]
def with_option(key, value):
    return lambda: SentenceTransformer(name, model_kwargs={key: value})


(folder / "file").touch()
loading = {
    "absent folder": lambda: SentenceTransformer("/no/such/folder"),
    "absent folder, relative": lambda: SentenceTransformer("./nosuch"),
    "a file": lambda: SentenceTransformer(str(folder / "file")),
    "not cached, offline": lambda: SentenceTransformer("BAAI/bge-base-en-v1.5"),
    "no such device": lambda: SentenceTransformer(name, device="cuda"),
    "unknown backend": lambda: SentenceTransformer(name, backend="tensorrt"),
    "backend not installed": lambda: SentenceTransformer(name, backend="onnx"),
    "no flash attention": with_option("attn_implementation", "flash_attention_2"),
}
for what, call in loading.items():
    print(f"{what:23} {first_line(call)[:100]}")


# %% [markdown]
# Two mislead. A relative path that does not exist is taken for a model's name on the Hub (the line apart is a log, not the error). And
# "couldn't connect" may mean a typing error in the name: offline, every name that is not in the cache gets it.
#
# Now the errors of use:

# %%
def with_limit(limit):
    longer = SentenceTransformer(name, device="cpu")
    longer.max_seq_length = limit
    longer.encode("word " * limit)


using = {
    "batch of 0": lambda: model.encode(sentences, batch_size=0),
    "unknown precision": lambda: model.encode(sentences, precision="int4"),
    "unknown prompt": lambda: model.encode(sentences, prompt_name="passage"),
    "misspelled argument": lambda: model.encode(sentences, normalise_embeddings=True),
    "a hole in the list": lambda: model.encode(["Rain", None]),
    "two dimensions": lambda: model.similarity(exact, exact[:, :128]),
    "unknown similarity": lambda: setattr(model, "similarity_fn_name", "cos"),
    "limit beyond positions": lambda: with_limit(1024),
}
for what, call in using.items():
    print(f"{what:23} {first_line(call)[:100]}")


# %% [markdown]
# A `ValueError` is the library talking: it names the argument. A `RuntimeError` comes from PyTorch, deeper down, and talks of shapes: 384
# against 128 are two kinds of vectors, and 512 is the size of the position table ([lesson 02](02_loading_models.ipynb)).
#
# The worst failure raises nothing. We damage the weights of one word, as a broken file may.

# %%
def unusable(vectors):
    lengths = np.linalg.norm(vectors, axis=1)
    return np.flatnonzero(~np.isfinite(lengths) | (lengths == 0)).tolist()


damaged = SentenceTransformer(name, device="cpu")
with torch.no_grad():
    table = damaged[0].model.embeddings.word_embeddings.weight
    table[damaged.tokenizer.convert_tokens_to_ids("garlic")] = torch.nan
vectors = damaged.encode(sentences)
print("unusable:", [sentences[row] for row in unusable(vectors)], "· in the sound model:", unusable(exact))

# %% [markdown]
# NaN passes `encode`, gets saved, and never matches anything. Our function finds it, and rows of zeros as well.
#
# ## Summary
#
# - Vectors: texts × dimensions × bytes; model: parameters × bytes; batch: texts × longest text × a factor that one profile gives.
#   Divide by 2³⁰ for GiB.
# - Half precision halves the bytes and `int8` quarters them, for small differences; whether it is faster, only your device tells.
# - A memory-mapped file takes each chunk at once, a checkpoint says what is done, and a killed job resumes with the same bytes.
# - Out of memory has several types and messages: halve down to 1, keep the cause, and pass every other error on.
# - `del` and one `gc.collect()` release a model that nothing else refers to; a lock keeps threads from mixing their settings.
# - Type and first line tell who is talking; NaN says nothing, so look for it.
#
# ## Copy and paste
#
# A large corpus in a file, with a resume, a batch that shrinks, and a check. (It trusts you not to change corpus or model between
# two runs.)

# %% tags=["copy-paste"]
import tempfile
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def encode_shrinking(model, texts, batch_size=32):
    try:
        return model.encode(texts, batch_size=batch_size)
    except (MemoryError, RuntimeError) as error:
        said = any(words in str(error).lower() for words in OUT_OF_MEMORY)
        if batch_size == 1 or not (said or isinstance(error, MemoryError)):
            raise
    return encode_shrinking(model, texts, batch_size // 2)  # after except: the error and its tensors are gone


def encode_to_file(model, texts, path, chunk_size=10_000):
    note, new_note = path.with_suffix(".done"), path.with_suffix(".new")  # the checkpoint: rows that are safe
    done = int(note.read_text()) if note.exists() else 0
    shape = (len(texts), model.get_embedding_dimension())
    vectors = np.lib.format.open_memmap(path, mode="r+" if done else "w+", dtype=np.float32, shape=shape)
    for start in range(done, len(texts), chunk_size):
        chunk = encode_shrinking(model, texts[start : start + chunk_size])
        assert np.isfinite(chunk).all() and chunk.any(axis=1).all(), "some vectors are unusable"
        vectors[start : start + len(chunk)] = chunk
        vectors.flush()
        new_note.write_text(str(start + len(chunk)))
        new_note.replace(note)  # in one step, so that a kill never leaves half a note
    return vectors


model = SentenceTransformer("all-MiniLM-L6-v2")
with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:  # in a project: a folder that stays
    stored = encode_to_file(model, [f"Text number {i}" for i in range(100)], Path(place) / "vectors.npy", 40)
    print(stored.shape, stored.dtype, f"{stored.nbytes / 2**20:.2f} MiB")
    del stored

# %% [markdown]
# ## Further reading
#
# - The library on [speeding up inference](https://sbert.net/docs/sentence_transformer/usage/efficiency.html)
# - PyTorch on [CUDA memory](https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management) and on
#   [handling out of memory](https://docs.pytorch.org/docs/stable/notes/faq.html)
# - numpy on [memory-mapped files](https://numpy.org/doc/stable/reference/generated/numpy.lib.format.open_memmap.html)

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. In a batch, one long text stands among 127 short ones. What memory does it take?**
#
# <details><summary>A.&nbsp;That of 128 long texts.</summary>Right. Padding makes each row as long as the longest.</details>
# <details><summary>B.&nbsp;That of 128 texts of average length.</summary>Not quite. No row keeps its own length.</details>
# <details><summary>C.&nbsp;That of 127 short texts and a long one.</summary>Not quite. Padded places hold numbers like all others.</details><br>
#
# **2. After nine hours, a job that collects vectors in a list is killed. What would have saved them?**
#
# <details><summary>A.&nbsp;<code>gc.collect()</code> after every chunk.</summary>Not quite. It frees nothing here, and saves nothing.</details>
# <details><summary>B.&nbsp;A larger chunk size.</summary>Not quite. The list still dies with its process.</details>
# <details><summary>C.&nbsp;A file, with a checkpoint after each chunk.</summary>Right. The same call then goes on from there.</details><br>
#
# **3. Your retry loop meets a `ValueError` about a prompt name. What should it do?**
#
# <details><summary>A.&nbsp;Try again with half the batch.</summary>Not quite. No smaller batch cures a wrong name.</details>
# <details><summary>B.&nbsp;Pass the error on.</summary>Right. Only lack of memory deserves a smaller batch.</details>
# <details><summary>C.&nbsp;Log it, and fill the rows with zeros.</summary>Not quite. Such rows are wrong, and nobody sees it.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [10 · Choose a model for your own documents](10_choosing_a_model.ipynb). The popular models side by side with sources, a decision path, your own evaluation, and BGE-M3's three heads.
# - **Before:** [08 · Save a model and export it to ONNX and OpenVINO](08_saving_and_exporting.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
