# %% [markdown] tags=["header"]
# # 03 · Encode text into vectors
#
# One text or many, batches, tensors, precision, processes, silent truncation, chunks and bad inputs.
#
# **Time:** 50 minutes · **Builds on:** [02 · Load a model and look inside it](02_loading_models.ipynb)

# %% [markdown]
# You have a folder of texts, you call `model.encode`, and you get numbers back. It never complains. Did the model read
# every text to its end? Did the blank line in row 17 become a vector too? Would the same text give the same numbers
# tomorrow, in a longer list? This lesson looks at what happens between your texts and your vectors.

# %% [markdown]
# ## What you'll be able to do
#
# - Encode one text or many, and choose what comes back: an array, a tensor or a list
# - Explain what batches and padding do to speed and to the numbers, and pick a batch size
# - Tell whether vectors need normalizing, and store them in a smaller type
# - Detect a text that the model cuts off, and cut it into overlapping chunks that it reads to the end
# - Keep empty, missing and malformed entries out without losing track of the rows
# - Decide whether several processes pay, and write the guard that a script needs

# %% tags=["setup"]
from helpers import corpus, encoding, exercises, hub, plots

hub.activate()
import numpy as np
from sentence_transformers import SentenceTransformer

# %% [markdown]
# ## Turn one text, or many, into vectors
#
# `encode` takes a text or a list of texts. Before you run the cell: what shapes do you expect for one text, for three
# texts, and for a list that holds one text?

# %%
model = SentenceTransformer("all-MiniLM-L6-v2")
documents = ["First document", "Second document", "Third document"]

print("one text:   ", model.encode("Hello world").shape)
print("three texts:", model.encode(documents).shape)
print("list of one:", model.encode(["Hello world"]).shape)

# %% [markdown]
# A text gives a vector, a list gives a matrix with one row a text, and a list of one text is still a list. Code that
# expects a matrix breaks on the first shape, so pass a list even where you have one text.
#
# The default result is a numpy array. Two flags change the container, not the numbers.

# %%
array = model.encode(documents, convert_to_numpy=True)  # the default, written out
tensor = model.encode(documents, convert_to_tensor=True)
rows = model.encode(documents, convert_to_numpy=False)

print(type(array).__name__, array.dtype, array.shape)
print(type(tensor).__name__, tensor.dtype, tuple(tensor.shape), "on the model's device:", tensor.device == model.device)
print(type(rows).__name__, "of", len(rows), type(rows[0]).__name__, tuple(rows[0].shape))

# %% [markdown]
# The tensor and the list stay on the model's device. On a GPU that keeps the vectors of all batches in GPU memory until
# you let go of them; the array moves to main memory batch by batch. Ask for a tensor when the next step runs on the same
# device, for a list when you want to handle rows one by one, and for neither otherwise.
#
# ### Myth: "the argument is called sentences"
#
# Much code on the web writes `encode(sentences=...)`. The library renamed the argument. What does the old name do?

# %% tags=["teaches-deprecated"]
model.encode(sentences=["Hello world"]).shape

# %% [markdown]
# It works, with a remark in the log. Pass the texts as the first argument without a name, as this course does, and the
# question never comes up.
#
# ## See what a batch is
#
# A model reads several texts in one go: a ***batch*** is the group of texts that pass through the model together. A batch
# is one rectangular table of token numbers, yet texts differ in length. Here are two texts in one table:

# %%
table = model.tokenizer(["Rain", "Heavy rain in the north"], padding=True)

for ids, mask in zip(table["input_ids"], table["attention_mask"], strict=True):
    print(model.tokenizer.convert_ids_to_tokens(ids), mask)

# %% [markdown]
# ***Padding*** is the filling with `[PAD]` tokens that makes the short rows of a batch as long as its longest. The
# ***attention mask*** is the row of ones and zeros beside it: 1 for a token to read, 0 for padding to ignore. The mask
# keeps padding out of the meaning; the processor multiplies it all the same.
#
# ### Myth: "without batch_size, encode loads everything at once"
#
# We need texts of mixed length: 40 sentences and 24 paragraphs in alphabetical order. A hook on the first module writes
# down the shape of each table that goes in: texts times tokens. In JupyterLab, `show_progress_bar=True` draws a bar that
# counts the batches.

# %%
sentences = [sentence for _, sentence in corpus.SENTENCES]
paragraphs = [paragraph for passage in corpus.passages() for paragraph in passage.text.split("\n\n")]
texts = sorted(sentences + paragraphs)

seen = []
hook = model[0].register_forward_pre_hook(lambda module, inputs: seen.append(tuple(inputs[0]["input_ids"].shape)))
embeddings = model.encode(texts, show_progress_bar=True)
model.encode(texts, batch_size=16)
hook.remove()
print("default:      ", seen[:2])
print("batch_size=16:", seen[2:])

# %% [markdown]
# Without a word from us, `encode` took 32 texts at a time: that is the default, and no list is too long for it. Look at
# the second numbers as well. The first tables are wide and the last ones narrow, although our list mixes lengths:
# `encode` sorts the texts, longest first. How much work does that save? We count the tokens of 64 texts in batches of 8,
# padding included, in both orders.

# %%
from matplotlib import pyplot

lengths = np.array([len(ids) for ids in model.tokenizer(texts)["input_ids"]])
orders = {"as they come": lengths, "sorted by length": np.sort(lengths)[::-1]}
figure, panels = pyplot.subplots(1, 2, figsize=(8, 4), sharex=True, sharey=True)
computed = []
for panel, (name, order) in zip(panels, orders.items(), strict=True):
    padded = order.reshape(-1, 8).max(axis=1).repeat(8)
    computed.append(int(padded.sum()))
    panel.barh(range(64), padded, height=1, facecolor="white", edgecolor=plots.COLORS[1], hatch="////", lw=0.3, label="padding")
    panel.barh(range(64), order, height=1, color=plots.COLORS[0], label="tokens of the text")
    panel.set(title=f"{name}: {computed[-1]:,} tokens", xlabel="tokens in the row", ylim=(64, -1))
panels[0].set_ylabel("text, in batches of 8")
panels[1].legend(frameon=False, loc="lower right")
figure.tight_layout()
plots.show(
    figure,
    f"64 texts of {lengths.sum():,} tokens in batches of 8: {computed[0]:,} tokens with padding as they come, {computed[1]:,} sorted.",
)

# %% [markdown]
# One long paragraph makes the whole batch around it as wide as itself. Sorted, long texts share batches with long ones
# and hardly any padding is left. `encode` sorts by the number of characters, which is cheaper than counting tokens and
# nearly as good. It follows that you should hand over the whole list: a loop of your own over small pieces takes the
# sorting away.
#
# Does the order of the results suffer, or do the numbers depend on the neighbors in the batch?

# %%
alone = model.encode(texts, batch_size=1)

print("the same call twice, bit for bit:       ", np.array_equal(model.encode(texts), embeddings))
print("batches of 1 against 32, bit for bit:   ", np.array_equal(alone, embeddings))
print("largest difference is smaller than 1e-6:", np.abs(alone - embeddings).max() < 1e-6)

# %% [markdown]
# Row `i` of the result is text `i` of the list: the rows agree with those of texts encoded one at a time. They do not
# agree in the last bits, because floating-point sums depend on the shape of the table. Compare embeddings with
# `np.allclose`, not with `==`, and store them where you need the same bits again.
#
# What does a batch buy? Guess the time per text for batches of 1, 8, 32 and 128 short sentences, then measure. The rounds
# are interleaved, so that a busy moment of the machine hits all sizes alike.

# %% tags=["nbval-ignore-output"] reason="times depend on the machine"
import time

sample, sizes = (sentences * 4)[:128], [1, 8, 32, 128]


def seconds(batch_size):
    start = time.perf_counter()
    model.encode(sample, batch_size=batch_size)
    return time.perf_counter() - start


rounds = np.array([[seconds(size) for size in sizes] for _ in range(3)])
per_text = 1000 * np.median(rounds, axis=0) / len(sample)
assert per_text[2] < per_text[0], "batches of 32 should beat single texts"
picture = plots.bars(per_text, [f"batch_size={size}" for size in sizes], unit="ms", title="Time per short text")
plots.show(picture, "Milliseconds per text: " + ", ".join(f"{ms:.1f} at batch size {size}" for size, ms in zip(sizes, per_text, strict=True)))

# %% [markdown]
# Single texts pay the fixed cost of a call each time, so the first bar is the longest; the others are much closer to each
# other. The older guide sets `batch_size=64`. On a processor the default is a good start. On a GPU larger batches can
# help, until the longest batch no longer fits its memory; that one runs first, so the failure comes at once. The picture
# says nothing about long texts, nor about your machine: measure with your own.
#
# ## Check the length of a vector before you compare
#
# A ***unit vector*** is a vector of length 1, and ***normalization*** (to be exact, L2 normalization) divides a vector by
# its length to make it one. For unit vectors the dot product is the cosine, and lesson 04 relies on that.
#
# ### Myth: "normalize_embeddings=True is needed for cosine similarity"
#
# The older guide sets the flag before it compares. What does the flag change for this model?

# %%
norms = np.linalg.norm(embeddings, axis=1)
flagged = model.encode(texts, normalize_embeddings=True)

print("last module:", type(model[-1]).__name__)
print(f"lengths without the flag: {norms.min():.3f} to {norms.max():.3f}")
print("largest change by the flag is smaller than 1e-6:", np.abs(flagged - embeddings).max() < 1e-6)

# %% [markdown]
# Nothing: the model ends in a module that normalizes already. Besides, cosine divides by the lengths itself, so no model
# needs the flag for a cosine. It matters where you take plain dot products of vectors that are not of length 1. Those
# come from models without that last module, and from a call that keeps only the first dimensions:

# %%
cut = model.encode(texts, truncate_dim=128)
cut_unit = model.encode(texts, truncate_dim=128, normalize_embeddings=True)

print("shape:", cut.shape)
for name, matrix in {"truncate_dim=128": cut, "with the flag too": cut_unit}.items():
    lengths_of_rows = np.linalg.norm(matrix, axis=1)
    print(f"{name:17}  lengths {lengths_of_rows.min():.2f} to {lengths_of_rows.max():.2f}")

# %% [markdown]
# `truncate_dim` slices after the model's own normalization, and a piece of a unit vector is shorter than 1. The flag acts
# after the slice and repairs that. Whether 128 dimensions still carry the meaning is another question, and this cell
# does not answer it.

# %%
music = [sentence for topic, sentence in corpus.SENTENCES if topic == "music"]
exercise_1 = exercises.get("03.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1, model=model, texts=music)

# %% [markdown]
# ## Choose the type of the numbers
#
# ***Precision*** is the number type in which each dimension is stored; `encode` offers five. Four bytes times 384
# dimensions is little for one text and a lot for ten million. Which rows of the table do you expect to keep 384 columns?

# %% tags=["shows-stderr"]
for precision in ["float32", "int8", "uint8", "binary", "ubinary"]:
    stored = model.encode(texts, precision=precision)
    print(f"{precision:8} {stored.dtype!s:8} shape {stored.shape!s:10} {stored.nbytes // len(stored):5} bytes a text")

# %% [markdown]
# A byte a dimension is a quarter of the size. Binary keeps one bit a dimension and packs eight into a byte, hence the 48
# columns. The log lines come from the byte types: they stretch each dimension from the lowest to the highest value *in
# this call*, and with fewer than 100 texts that range is a poor guess. With a single text there is no range at all:

# %% tags=["raises-exception"]
model.encode("A single text", precision="int8")

# %% [markdown]
# So a query cannot be encoded with `precision="int8"` on its own, and two calls use two different scales. The ranges must
# be computed once and kept. How to do that, and what each type costs in quality, is a lesson of its own; until then we
# stay with `float32`.
#
# ## Notice when a text is cut off
#
# A model has a limit of tokens. How many of 5,000 equal words does it read? We compare with a short text.

# %%
print("limit:", model.max_seq_length, "tokens")
print("5,000 words equal 254 words, bit for bit:", np.array_equal(model.encode("word " * 5000), model.encode("word " * 254)))

# %% [markdown]
# ***Truncation*** is the cutting of a text at the model's limit: 254 tokens of its own and two special ones, and the rest
# is dropped. No warning, no error, no log line. With equal words that harms nobody. A story of five pages is different:
# in this one, the fact that answers the question stands in the last paragraph. Where does the model stop reading?

# %%
story = corpus.passages()[0]
read = model.tokenizer(story.text, truncation=True, max_length=model.max_seq_length)["input_ids"]

print("question:", story.question)
print("answer:  ", story.answer)
print("the model reads up to: …", model.tokenizer.decode(read[-16:-1]))
print("the answer is in what it reads:", story.answer in model.tokenizer.decode(read))

# %% [markdown]
# It stops at breakfast, and the lens is polished in the evening. A search cannot find what no vector contains. How bad is
# it? We score the story for the question, and 40 sentences that have nothing to do with lighthouses. All are unit
# vectors, so `@` gives the cosine.

# %%
question = model.encode(story.question)
whole = float(model.encode(story.text) @ question)
others = model.encode(sentences) @ question

print(f"the story: {whole:.2f}")
print("unrelated sentences above it:", int((others > whole).sum()))
print("the best of them:", sentences[int(others.argmax())])

# %% [markdown]
# A sentence about garlic beats the text that holds the answer, and nothing in the output of `encode` gave a sign. The
# sign has to come from us: count the tokens without truncation. `verbose=False` keeps the tokenizer from logging what we
# are about to find out. `truncation_report` of this course's package does the same for a list and adds what is lost.

# %%
count = len(model.tokenizer(story.text, truncation=False, verbose=False)["input_ids"])
print("tokens:", count, "· too long:", count > model.max_seq_length)

for passage, report in zip(corpus.passages(), encoding.truncation_report(model, [p.text for p in corpus.passages()]), strict=True):
    print(f"{passage.title:35} {report}")

# %% [markdown]
# Each of the four stories loses more than half, and counting costs next to nothing beside encoding. Make it a habit for
# any corpus that you have not written yourself.
#
# ### Myth: "encode(truncate=True, max_length=256) controls it"
#
# Tutorials pass these arguments. We pass them too, and then what the library does offer for a single call:

# %%
try:
    model.encode("word " * 100, truncate=True, max_length=16)
except ValueError as error:
    print("ValueError:", str(error).partition(". ")[0])

short = model.encode("word " * 100, processing_kwargs={"text": {"max_length": 16, "truncation": True}})
print("processing_kwargs reads 14 words:", np.array_equal(short, model.encode("word " * 14)))

# %% [markdown]
# The arguments do not exist, and unknown ones are refused, which also catches a misspelled `normalise_embeddings`. For
# one call there is `processing_kwargs`; the lasting setting is `model.max_seq_length`. Either can lower what is read. To
# have everything read, the text must be cut before it is encoded, and the next section does that.

# %%
inbox = ["word " * 254, corpus.passages()[1].text, "Thank you!", "antidisestablishmentarianism " * 60, "I am. " * 80, "word " * 255]
exercise_2 = exercises.get("03.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2, model=model, texts=inbox)


# %% [markdown]
# ## Cut a long text into chunks
#
# A ***chunk*** is a piece of a text, short enough for the model to read to the end, that gets a vector of its own. If one
# chunk ended where the next begins, a sentence at the border would be torn in two. The ***overlap*** is what a chunk
# repeats from the end of the one before it, so that such a sentence is whole in one of them. The tokenizer tells where
# each token begins and ends in the text:

# %%
def chunk_by_tokens(text, size=100, overlap=20):
    encoded = model.tokenizer(text, add_special_tokens=False, truncation=False, return_offsets_mapping=True, verbose=False)
    spans = encoded["offset_mapping"]  # (first character, last character + 1) of each token
    starts = range(0, max(len(spans) - overlap, 1), size - overlap)
    return [text[spans[start][0] : spans[min(start + size, len(spans)) - 1][1]] for start in starts]


chunks = chunk_by_tokens(story.text)
print(len(chunks), "chunks; the last one begins:", chunks[-1][:60])
print("its beginning is in the chunk before:", chunks[-1][:60] in chunks[-2])

# %% [markdown]
# Now one vector a chunk. Which chunk will the question find? And what of the shortcut that some tutorials take, to
# average the vectors of all chunks into one for the whole text?

# %%
chunk_vectors = model.encode(chunks)
scores = chunk_vectors @ question
average = chunk_vectors.mean(axis=0)
average_score = float(average @ question / np.linalg.norm(average))

labels = ["whole text, cut off", *[f"chunk {number}" for number in range(1, len(chunks) + 1)], "average of the chunks"]
values = [whole, *scores, average_score]
print("the answer is in chunk", 1 + max(range(len(chunks)), key=lambda i: story.answer in chunks[i]))
plots.show(
    plots.bars(values, labels, title="Cosine with the question"),
    f"Bars: the whole text {whole:.2f}, the best chunk {scores.max():.2f} (number {scores.argmax() + 1}), the average {average_score:.2f}.",
)

# %% [markdown]
# The two chunks about the lens stand out, and the one with the answer is the highest: several times the score of the
# whole text. The average lies in between. It has seen the answer, and drowned it in six chunks about cabbages and
# visitors. Keep the chunk vectors apart, and score a text by its best chunk.
#
# One story is an anecdote. Here are all four, with `encoding.chunk`, which works like our function and ends its chunks
# between two words; its size includes the two special tokens. Does the best chunk hold the answer each time?

# %%
for passage in corpus.passages():
    pieces = encoding.chunk(passage.text, model.tokenizer, 102, overlap=20)
    vectors, ask = model.encode(pieces), model.encode(passage.question)
    ranked = [pieces[i] for i in np.argsort(-(vectors @ ask), kind="stable")]
    place = 1 + next(i for i, piece in enumerate(ranked) if passage.answer in piece)
    scored = f"whole {model.encode(passage.text) @ ask:.2f}  best chunk {(vectors @ ask).max():.2f}"
    print(f"{passage.title:35} {scored}  answer in the chunk ranked {place} of {len(pieces)}")

# %% [markdown]
# Three times it does. The bicycle is the honest exception: the question speaks of a ticking noise and the first chunk
# speaks of nothing else, while the chunk with the answer speaks of a stone. Chunks make the fact *visible* to the search;
# they do not make every question find it. The size of 100 tokens is a choice as well, and no cell here shows that it is
# the best one.

# %%
exercise_3 = exercises.get("03.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots by the name of your function
exercise_3.check(answer_3, model=model)

# %% [markdown]
# ## Keep bad input out
#
# Real lists have holes. Which of these will `encode` refuse: an empty text, a text of blanks, an empty list?

# %%
empty, blank = model.encode(["", "   "])
print("the same vector:", np.array_equal(empty, blank), f"· length {np.linalg.norm(empty):.1f}")
print("an empty list:", model.encode([]).shape, model.encode([]).dtype)

shelf = ["Our dog barks whenever the doorbell rings", "", "The soup needs a little more salt"]
print("best match for '?':", repr(shelf[int((model.encode(shelf) @ model.encode("?")).argmax())]))

# %% [markdown]
# None of them. The empty text gets a vector as valid as any, made of the special tokens alone, and it even wins a search.
# The empty list gives neither 384 columns nor `float32`, so the next line that expects a matrix fails far from the cause.
# Other types are refused, with the same sentence each time:

# %%
wrong = {"None": None, "NaN": float("nan"), "number": 42, "set": {"a"}, "generator": (text for text in texts), "hole in a list": ["Hi", None]}
for name, value in wrong.items():
    try:
        model.encode(value)
    except ValueError as error:
        print(f"{name:15} ValueError: {str(error).partition('.')[0]}")

# %% [markdown]
# Good errors, with one drawback: a single hole stops the whole list, and the message does not say in which row. One wrong
# form is not refused at all. What does a list of *lists* mean to `encode`?

# %%
pair = model.encode([["New York", "Paris"]])
joined = model.preprocess([["New York", "Paris"]])["input_ids"][0]
print("shape:", pair.shape, "· read as:", model.tokenizer.decode(joined))

# %% [markdown]
# A pair: both texts in one row, with a separator between them. Rows fresh from a CSV reader have this form, and two
# columns melt into one vector without a word. Check that each entry is a string with something in it. Then remember
# the rows that stayed, because the vectors no longer line up with the list.

# %%
messy = ["A fox in the hedge", None, "", "   ", 42, "Two whales near the boat", float("nan"), "A kitten asleep"]
exercise_4 = exercises.get("03.4")
exercise_4

# %% tags=["exercise"]
answer_4 = ...  # replace the three dots by two things: positions, vectors
exercise_4.check(answer_4, model=model, entries=messy)

# %% [markdown]
# ## Spread the work over processes, where it pays
#
# A list of devices starts one process for each, and each gets its own copy of the model: `["cuda:0", "cuda:1"]` for two
# GPUs. We have texts for a second of work and two processes on the CPU. Will it be faster?

# %%
start = time.perf_counter()
one_process = model.encode(texts)
middle = time.perf_counter()
two_processes = model.encode(texts, device=["cpu", "cpu"])
end = time.perf_counter()

print("the same vectors:", np.allclose(two_processes, one_process, atol=1e-6))
print("two processes were faster:", end - middle < middle - start)

# %% [markdown]
# The vectors agree and the time does not pay: each process starts Python anew and imports PyTorch before it reads a
# word. On one CPU there is little to gain in any case, since PyTorch uses its cores already. Processes pay with several
# GPUs and minutes of work. For several calls, `start_multi_process_pool` keeps them running. A model with a class defined
# in the notebook fails, because a new process cannot import it from there: put such a class in a module.
#
# In a script there is one more trap. A new process begins by importing the script, and runs what stands at its top level.
# To see it, we need a function that runs a script as a process of its own and returns whether it got stuck: whether it
# still runs a few seconds after its first error. It cleans up behind itself.

# %%
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil


def run_script(script, patience=200):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file, log = Path(folder, "script.py"), Path(folder, "log.txt")
        file.write_text(script)
        with log.open("w") as output:
            process = subprocess.Popen([sys.executable, str(file)], stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + patience
            while process.poll() is None and "Error" not in log.read_text() and time.monotonic() < deadline:
                time.sleep(0.2)
            time.sleep(3)
            return process.poll() is None, log.read_text()
        finally:
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.kill()
            process.wait()
            for child in psutil.wait_procs(children, timeout=5)[1]:  # they end with their parent; this is for one that does not
                child.kill()


# %% [markdown]
# The two scripts differ in one line: `if __name__ == "__main__":`, which is true in the script that you start and false
# in a process that imports it. Which of the two prints the shape?

# %%
from concurrent.futures import ThreadPoolExecutor
from textwrap import indent

imports = "from sentence_transformers import SentenceTransformer\n"
work = """
model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
pool = model.start_multi_process_pool(["cpu", "cpu"])
print("shape:", model.encode(["one", "two", "three"], pool=pool).shape)
model.stop_multi_process_pool(pool)
"""
with ThreadPoolExecutor() as threads:  # both at once, to save time
    guarded, bare = threads.map(run_script, [f'{imports}if __name__ == "__main__":{indent(work, "    ")}', imports + work])

print("with the guard:   ", "stuck ·" if guarded[0] else "ended ·", guarded[1].splitlines()[0])
print("without the guard:", "stuck ·" if bare[0] else "ended ·", "RuntimeError:", *bare[1].partition("RuntimeError:")[2].split()[:17])

# %% [markdown]
# Without the guard, each new process runs the script from the top and wants to start processes of its own. Python stops
# it with the error above, and the parent waits for an answer that never comes. A notebook needs no guard, as the
# cell with two processes has shown: new processes do not import its cells.
#
# ### Myth: "use encode_multi_process for several GPUs"
#
# The older guide starts a pool and calls `encode_multi_process`. The name still exists. We turn its warning into an error
# to read it without starting anything:

# %% tags=["teaches-deprecated"]
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("error", DeprecationWarning)
    try:
        model.encode_multi_process(texts, pool=None)
    except DeprecationWarning as warning:
        print(f"{type(warning).__name__}: {warning}")

# %% [markdown]
# Its replacement is what we have used: `encode` with a list of devices, or with `pool=`. The guide also starts the pool
# without naming devices; name them, and you know how many processes you get.
#
# ## Summary
#
# - One text gives a vector and a list gives a matrix; numpy by default, a tensor or a list of tensors on the model's
#   device if you ask.
# - `encode` batches and sorts by itself, 32 texts at a time. Padding costs time, the mask keeps it out of the meaning, and
#   batch sizes change the last bits only.
# - This model's vectors are unit vectors already; the normalizing flag matters after `truncate_dim`. Byte types need many
#   texts to find their range.
# - A text beyond the limit is cut without a sign. Count its tokens, cut it into overlapping chunks, and score it by its
#   best chunk.
# - Empty texts become valid vectors, pairs melt into one, and holes stop the list: filter first and keep the positions.
# - Processes pay for long work on several GPUs, not here; a script needs `if __name__ == "__main__":`.
#
# ## Copy and paste
#
# Vectors for any list: entries without text are left out, long texts are cut into chunks, and `positions` says for each
# row which entry it comes from.

# %% tags=["copy-paste"]
import numpy as np
from sentence_transformers import SentenceTransformer


def cut_into_chunks(model, text, size=200, overlap=40):
    spans = model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    starts = range(0, max(len(spans) - overlap, 1), size - overlap)
    return [text[spans[start][0] : spans[min(start + size, len(spans)) - 1][1]] for start in starts]


def encode_entries(model, entries):
    usable = [(position, entry) for position, entry in enumerate(entries) if isinstance(entry, str) and entry.strip()]
    pieces = [(position, chunk) for position, entry in usable for chunk in cut_into_chunks(model, entry)]
    if not pieces:
        return [], np.empty((0, model.get_embedding_dimension()), dtype=np.float32)
    return [position for position, _ in pieces], model.encode([chunk for _, chunk in pieces], normalize_embeddings=True)


model = SentenceTransformer("all-MiniLM-L6-v2")
positions, vectors = encode_entries(model, ["A short text", None, "", "A long text. " * 100])
print(positions, vectors.shape, vectors.dtype)

# %% [markdown]
# Set `size` below your model's limit, with room for the special tokens.
#
# ## Further reading
#
# - [SentenceTransformer.encode](https://sbert.net/docs/package_reference/sentence_transformer/model.html): every argument
# - [Computing embeddings](https://sbert.net/examples/sentence_transformer/applications/computing-embeddings/README.html):
#   prompts, input length and several processes, by the library's authors
# - [Python: safe importing of the main module](https://docs.python.org/3/library/multiprocessing.html#the-spawn-and-forkserver-start-methods):
#   why a script needs the guard

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [04 · Compare texts with similarity scores](04_similarity.ipynb). Dot, cosine and Euclidean by hand and by the library; what a score means, thresholds, clusters and traps.
# - **Before:** [02 · Load a model and look inside it](02_loading_models.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
