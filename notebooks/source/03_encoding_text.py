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
print("one text:   ", model.encode("Hello world").shape)
print("three texts:", model.encode(["First document", "Second document", "Third document"]).shape)
print("list of one:", model.encode(["Hello world"]).shape)

# %% [markdown]
# A text gives a vector, a list gives a matrix with one row a text, and a list of one text is still a list.
#
# The default result is a numpy array. Two flags change the container, not the numbers.

# %%
documents = ["First document", "Second document", "Third document"]
array = model.encode(documents, convert_to_numpy=True)  # the default, written out
tensor = model.encode(documents, convert_to_tensor=True)
rows = model.encode(documents, convert_to_numpy=False)
print(type(array).__name__, array.dtype, array.shape)
print(type(tensor).__name__, tensor.dtype, tuple(tensor.shape))
print("on the model's device:", tensor.device == model.device)
print(type(rows).__name__, "of", len(rows), type(rows[0]).__name__, tuple(rows[0].shape))

# %% [markdown]
# The tensor and the list stay on the model's device. On a GPU that keeps the vectors of all batches in GPU memory; the
# array moves to main memory batch by batch. Ask for a tensor when the next step runs on the same device.
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
# We mix 40 sentences and 24 paragraphs, in alphabetical order. A hook on the first module writes down the shape of each
# table that goes in: texts times tokens. In JupyterLab, `show_progress_bar=True` draws a bar that counts the batches.

# %%
sentences = [sentence for _, sentence in corpus.SENTENCES]
paragraphs = [paragraph for passage in corpus.passages() for paragraph in passage.text.split("\n\n")]
texts = sorted(sentences + paragraphs)

seen = []
hook = model[0].register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0]["input_ids"].shape)))
embeddings = model.encode(texts, show_progress_bar=True)
model.encode(texts, batch_size=16)
hook.remove()
print("default:      ", seen[:2])
print("batch_size=16:", seen[2:])

# %% [markdown]
# Without a word from us, `encode` took 32 texts at a time, and no list is too long for that. Look at the second numbers,
# too: the first tables are wide and the last ones narrow, although our list mixes lengths. `encode` sorts the texts,
# longest first. How much work does that save? We count the tokens of our 64 texts in batches of 8, in both orders.

# %%
from matplotlib import pyplot

lengths = np.array([len(ids) for ids in model.tokenizer(texts)["input_ids"]])
orders = {"as they come": lengths, "sorted by length": np.sort(lengths)[::-1]}
figure, panels = pyplot.subplots(1, 2, figsize=(8, 4), sharex=True, sharey=True)
computed = []
for panel, (name, order) in zip(panels, orders.items(), strict=True):
    padded = order.reshape(-1, 8).max(axis=1).repeat(8)
    computed.append(int(padded.sum()))
    hatched = {"facecolor": "white", "edgecolor": plots.COLORS[1], "hatch": "////", "lw": 0.3}
    panel.barh(range(64), padded, height=1, **hatched, label="padding")
    panel.barh(range(64), order, height=1, color=plots.COLORS[0], label="tokens of the text")
    panel.set(title=f"{name}: {computed[-1]:,} tokens", xlabel="tokens in the row", ylim=(64, -1))
panels[0].set_ylabel("text, in batches of 8")
panels[1].legend(frameon=False, loc="lower right")
figure.tight_layout()
told = f"{computed[0]:,} with padding as they come, {computed[1]:,} sorted"
plots.show(figure, f"64 texts of {lengths.sum():,} tokens, in batches of 8: {told}.")

# %% [markdown]
# One long paragraph makes the whole batch around it as wide as itself. Sorted, long texts share batches with long ones
# and hardly any padding is left. (`encode` sorts by characters, which is nearly as good.) So hand over the whole list: a
# loop of your own over small pieces takes the sorting away.
#
# Does the order of the results suffer? Do the numbers depend on the neighbors in the batch?

# %%
alone, together = model.encode(texts[:16], batch_size=1), model.encode(texts[:16])
print("the same call twice, bit for bit:       ", np.array_equal(model.encode(texts[:16]), together))
print("one by one or in a batch, bit for bit:  ", np.array_equal(alone, together))
print("largest difference is smaller than 1e-6:", np.abs(alone - together).max() < 1e-6)

# %% [markdown]
# Row `i` of the result is text `i` of the list: the rows agree with those of texts encoded one by one. They differ in the
# last bits, because floating-point sums depend on the shape of the table. Compare embeddings with `np.allclose`, not
# with `==`, and store them where you need the same bits again.
#
# What does a batch buy? Guess the time per text for batches of 1, 8, 32 and 128 short sentences, then measure. The rounds
# are interleaved, so that a busy moment of the machine hits all sizes alike.

# %% reason="times depend on the machine" tags=["nbval-ignore-output"]
import time

sizes = [1, 8, 32, 128]


def ms_per_text(batch_size):
    sample = (sentences * 4)[: max(batch_size, 32)]
    start = time.perf_counter()
    model.encode(sample, batch_size=batch_size)
    return 1000 * (time.perf_counter() - start) / len(sample)


per_text = np.median([[ms_per_text(size) for size in sizes] for _ in range(3)], axis=0)
assert per_text[2] < per_text[0], "batches of 32 should beat single texts"
names = [f"batch_size={size}" for size in sizes]
picture = plots.bars(per_text, names, unit="ms", decimals=1, title="Time per short text")
told = ", ".join(f"{ms:.1f} at batch size {size}" for size, ms in zip(sizes, per_text, strict=True))
plots.show(picture, f"Milliseconds per text: {told}.")

# %% [markdown]
# Single texts pay the fixed cost of a call each time, and batches share it. The older guide sets
# `batch_size=64`; on a processor the default is a good start. On a GPU larger batches can help, until one no longer fits
# its memory. The widest batch runs first, so that failure comes at once. The picture says nothing about long texts.
#
# ## Check the length of a vector before you compare
#
# A ***unit vector*** is a vector of length 1, and ***normalization*** (to be exact, L2 normalization) divides a vector by
# its length to make it one. For unit vectors the dot product is the cosine, which
# [04 · Compare texts with similarity scores](04_similarity.ipynb) takes up.
#
# ### Myth: "normalize_embeddings=True is needed for cosine similarity"
#
# The older guide sets the flag before it compares. What does the flag change for this model?

# %%
norms = np.linalg.norm(embeddings, axis=1)
print("last module:", type(model[-1]).__name__, f"· lengths {norms.min():.3f} to {norms.max():.3f}")
flagged = model.encode(texts, normalize_embeddings=True)
print("largest change by the flag is smaller than 1e-6:", np.abs(flagged - embeddings).max() < 1e-6)

# %% [markdown]
# Nothing: the model ends in a module that normalizes already. Besides, cosine divides by the lengths itself. The flag
# matters where you take plain dot products of vectors of other lengths. They come from models without that last module,
# and from a call that keeps only the first dimensions:

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
# ***Precision*** is the number type in which each dimension is stored; `encode` offers five. Which rows of the table do you
# expect to keep 384 columns?

# %% tags=["shows-stderr"]
for precision in ["float32", "int8", "uint8", "binary", "ubinary"]:
    stored = model.encode(texts, precision=precision)
    print(f"{precision:8} {stored.dtype!s:8} {stored.shape!s:10} {stored.nbytes // len(stored):5} bytes each")

# %% [markdown]
# A byte a dimension is a quarter of the size. Binary keeps one bit a dimension and packs eight into a byte, hence the 48
# columns. The log lines come from the byte types: they stretch each dimension from the lowest to the highest value *in
# this call*, and with fewer than 100 texts that range is a poor guess. With a single text there is no range at all:

# %% tags=["raises-exception"]
model.encode("A single text", precision="int8")

# %% [markdown]
# So a query cannot be encoded with `precision="int8"` on its own, and two calls use two different scales: the ranges must
# be computed once and kept. How, and what each type costs in quality, is a lesson of its own. Until then we stay with
# `float32`.
#
# ## Notice when a text is cut off
#
# A model has a limit of tokens. How many of 5,000 equal words does it read? We compare with a short text.

# %%
print("limit:", model.max_seq_length, "tokens")
endless, short = model.encode("word " * 5000), model.encode("word " * 254)
print("5,000 words equal 254 words, bit for bit:", np.array_equal(endless, short))

# %% [markdown]
# ***Truncation*** is the cutting of a text at the model's limit: here it keeps 254 tokens of the text and two special ones
# and drops the rest, without warning, error or log line. With equal words that harms nobody. The next text is a story of
# six paragraphs, and the fact that answers our question stands in the last one. Where does the model stop reading?

# %%
story = corpus.passages()[0]
read = model.tokenizer.decode(model.preprocess([story.text])["input_ids"][0], skip_special_tokens=True)
print(f"question: {story.question}\nanswer:   {story.answer}\nread until: … {' '.join(read.split()[-15:])}")
print("the answer is in what the model reads:", story.answer in read)

# %% [markdown]
# It stops after breakfast, and the lens is polished in the evening. How bad is that? We score the story for the question,
# and 40 sentences that have nothing to do with it. All are unit vectors, so `@` gives the cosine.

# %%
question = model.encode(story.question)
whole, others = model.encode(story.text) @ question, model.encode(sentences) @ question
print(f"the story: {whole:.2f} · unrelated sentences above it: {(others > whole).sum()}")
print("the best of them:", sentences[int(others.argmax())])

# %% [markdown]
# A sentence about garlic beats the text that holds the answer, and `encode` gave no sign. The sign has to come from us:
# count the tokens without truncation. `verbose=False` keeps the tokenizer from logging what we are about to find out.
# `truncation_report` of this course's package does the same for a list and says what is lost.

# %%
count = len(model.tokenizer(story.text, truncation=False, verbose=False)["input_ids"])
print("tokens:", count, "· too long:", count > model.max_seq_length)
for passage in corpus.passages():
    print(f"{passage.title:35} {encoding.truncation_report(model, [passage.text])[0]}")

# %% [markdown]
# Each of the four stories loses more than half. Count in any corpus that you have not written yourself.
#
# ### Myth: "encode(truncate=True, max_length=256) controls it"
#
# Tutorials pass these arguments. So do we, and then what the library does offer for a single call:

# %%
try:
    model.encode("word " * 100, truncate=True, max_length=16)
except ValueError as error:
    print("ValueError:", str(error).partition(":")[0])

short = model.encode("word " * 100, processing_kwargs={"text": {"max_length": 16, "truncation": True}})
print("processing_kwargs reads 14 words:", np.array_equal(short, model.encode("word " * 14)))

# %% [markdown]
# The arguments do not exist, and unknown ones are refused, a misspelled `normalise_embeddings` as well. For one call there
# is `processing_kwargs`; the lasting setting is `model.max_seq_length`. Lowering either reads less. To have everything
# read, the text must be cut before it is encoded.

# %%
inbox = ["word " * 254, corpus.passages()[1].text, "Thank you!"]
inbox += ["antidisestablishmentarianism " * 60, "I am. " * 80, "word " * 255]
exercise_2 = exercises.get("03.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2, model=model, texts=inbox)


# %% [markdown]
# ## Cut a long text into chunks
#
# A ***chunk*** is a piece of a text, short enough for the model to read to the end, that gets a vector of its own. A border
# between two chunks may tear a sentence in two. The ***overlap*** is what a chunk repeats from the end of the one before
# it, so that a short sentence is whole in one of them. The tokenizer tells where each token stands in the text:

# %%
def chunk_by_tokens(text, size=100, overlap=20):
    encoded = model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    spans = encoded["offset_mapping"]  # (first character, last character + 1) of each token
    starts = range(0, max(len(spans) - overlap, 1), size - overlap)
    return [text[spans[start][0] : spans[min(start + size, len(spans)) - 1][1]] for start in starts]


chunks = chunk_by_tokens(story.text)
print(len(chunks), "chunks; the last one begins:", chunks[-1][:60])
print("its beginning is in the chunk before:", chunks[-1][:60] in chunks[-2])

# %% [markdown]
# Now one vector a chunk. Which chunk will the question find? And what of averaging all chunk vectors into one?

# %%
chunk_vectors = model.encode(chunks)
scores = chunk_vectors @ question
average = chunk_vectors.mean(axis=0)
average_score = float(average @ question / np.linalg.norm(average))

numbers = range(1, len(chunks) + 1)
print("chunks that hold the answer:", [number for number in numbers if story.answer in chunks[number - 1]])
labels = ["whole text, cut off", *[f"chunk {number}" for number in numbers], "average of the chunks"]
picture = plots.bars([whole, *scores, average_score], labels, title="Cosine with the question")
best = f"the best chunk {scores.max():.2f} (number {scores.argmax() + 1})"
plots.show(picture, f"Bars: the whole text {whole:.2f}, {best}, the average {average_score:.2f}.")

# %% [markdown]
# The two chunks that hold the answer (the overlap put it into both) stand out, at several times the score of the whole
# text. The average has seen the answer and drowned it in visitors and cabbages. Keep the chunk vectors apart, and score a
# text by its best chunk.
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
# It does for two of four. The history of Merrowby speaks of its bridge in two chunks, and the neighbor wins. The question
# about the bicycle speaks of a ticking noise; the first chunk speaks of nothing else, and the one with the answer of a
# stone. Chunks make the fact *visible* to the search; they do not make each question find it first. Nor does a cell here
# show that 100 tokens is the best size.

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
# The empty list gives neither 384 columns nor `float32`, so a later line fails, far from the cause. Other types are
# refused, all with the same sentence:

# %%
wrong = {"None": None, "NaN": float("nan"), "number": 42, "set": {"a"}, "a hole": ["Hi", None]}
wrong["generator"] = (text for text in texts)
for name, value in wrong.items():
    try:
        model.encode(value)
    except ValueError as error:
        print(f"{name:10} ValueError: {str(error).partition('.')[0]}")

pair = [["New York", "Paris"]]
read_as = model.tokenizer.decode(model.preprocess(pair)["input_ids"][0])
print("list of lists:", model.encode(pair).shape, "read as:", read_as)

# %% [markdown]
# Good errors, except that one hole stops the whole list and the message does not name the row. The last line is worse,
# for nothing is refused: a list inside the list counts as a *pair* and is read as one text with a separator in the
# middle. Rows fresh from a CSV reader have this form, and two columns melt into one vector.
#
# So check that each entry is a string with something in it, and remember which rows stayed: the vectors no longer line
# up with the list.

# %%
messy = ["A fox in the hedge", None, "", "   ", 42, "Two whales", float("nan"), "A kitten asleep"]
exercise_4 = exercises.get("03.4")
exercise_4

# %% tags=["exercise"]
answer_4 = ...  # replace the three dots by two things: positions, vectors
exercise_4.check(answer_4, model=model, entries=messy)

# %% [markdown]
# ## Spread the work over processes, where it pays
#
# A list of devices starts one process for each, with its own copy of the model: `["cuda:0", "cuda:1"]` for two GPUs. We
# have texts for a second or so of work, and two processes on the CPU. Will it be faster?

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
# GPUs and minutes of work; `start_multi_process_pool` keeps them running for several calls. A model with a class that you
# defined in the notebook fails, because a new process cannot import it from there: put such a class in a module.
#
# A script has one more trap. A new process begins by importing the script, and runs what stands at its top level. To see
# it, we need a function that runs a script as a process of its own, returns whether it is stuck (still there a few
# seconds after its first error), and cleans up.

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
            for child in psutil.wait_procs(children, timeout=20)[1]:  # for one that outlives its parent
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
    scripts = [f'{imports}if __name__ == "__main__":{indent(work, "    ")}', imports + work]
    (stuck, printed), (stuck_bare, printed_bare) = threads.map(run_script, scripts)

print("with the guard:   ", "stuck ·" if stuck else "ended ·", printed.splitlines()[0])
error = " ".join(printed_bare.partition("RuntimeError:")[2].split()[:17])
print("without the guard:", "stuck ·" if stuck_bare else "ended ·", "RuntimeError:", error)

# %% [markdown]
# Without the guard, each new process runs the script from the top and wants to start processes of its own. Python stops
# it with the error above, and the parent goes on waiting for its answer. A notebook needs no guard, as the cell with two processes has
# shown: new processes do not import its cells.
#
# ### Myth: "encode(sentences=…)" and "encode_multi_process(…)"
#
# Much code on the web gives the first argument a name, and the older guide starts a pool for `encode_multi_process`. We turn
# the warning of the latter into an error, to read it without starting anything:

# %% tags=["teaches-deprecated"]
import warnings

print(model.encode(sentences=["Hello world"]).shape)
with warnings.catch_warnings():
    warnings.simplefilter("error", DeprecationWarning)
    try:
        model.encode_multi_process(texts, pool=None)
    except DeprecationWarning as warning:
        print(f"{type(warning).__name__}: {warning}")

# %% [markdown]
# Both still work, with a remark. Pass the texts first and without a name, and use `encode` for everything else: it takes a
# list of devices or a `pool=`. The guide also starts its pool without naming devices; name them, and you know
# how many processes you get.
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
    encoded = model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    spans = encoded["offset_mapping"]
    starts = range(0, max(len(spans) - overlap, 1), size - overlap)
    return [text[spans[start][0] : spans[min(start + size, len(spans)) - 1][1]] for start in starts if spans]


def encode_entries(model, entries):
    usable = [(i, entry) for i, entry in enumerate(entries) if isinstance(entry, str) and entry.strip()]
    pieces = [(i, chunk) for i, entry in usable for chunk in cut_into_chunks(model, entry)]
    positions, chunks = [i for i, _ in pieces], [chunk for _, chunk in pieces]
    if not chunks:
        return positions, np.empty((0, model.get_embedding_dimension()), dtype=np.float32)
    return positions, model.encode(chunks, normalize_embeddings=True)


model = SentenceTransformer("all-MiniLM-L6-v2")
positions, vectors = encode_entries(model, ["A short text", None, "", "A long text. " * 100])
print(positions, vectors.shape, vectors.dtype)

# %% [markdown]
# Set `size` below your model's limit, with room for the special tokens.
#
# ## Further reading
#
# - [SentenceTransformer.encode](https://sbert.net/docs/package_reference/sentence_transformer/SentenceTransformer.html)
# - [Computing embeddings](https://sbert.net/examples/sentence_transformer/applications/computing-embeddings/README.html)
# - [Python: the spawn start method](https://docs.python.org/3/library/multiprocessing.html#the-spawn-and-forkserver-start-methods)

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [04 · Compare texts with similarity scores](04_similarity.ipynb). Dot, cosine and Euclidean by hand and by the library; what a score means, thresholds, clusters and traps.
# - **Before:** [02 · Load a model and look inside it](02_loading_models.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
