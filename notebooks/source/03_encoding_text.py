# %% [markdown] tags=["header"]
# # 03 · Encode text into vectors
#
# One text or many, batches, tensors, precision, processes, silent truncation, chunks and bad inputs.
#
# **Time:** 50 minutes · **Builds on:** [02 · Load a model and look inside it](02_loading_models.ipynb)

# %% [markdown]
# You have a folder of texts, you call `model.encode`, and you get numbers back without any complaint. Did the model read
# every text to its end? Did the blank line in row 17 become a vector too? Would the same text give the same numbers
# in a longer list? This lesson looks at what happens between your texts and your vectors.

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
from helpers import corpus, encoding, exercises, hub, plots, widgets
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
# A text gives a vector. A list gives a matrix with one row per text, even if the list holds one text only.
#
# The default result is a numpy array. Two flags change the container, not the numbers:

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
# The tensor and the list stay on the model's device. On a GPU they keep the vectors of all batches in GPU memory, while the
# array moves to main memory batch by batch. Ask for a tensor when the next step runs on the same device.
#
# ## See what a batch is
#
# A model reads several texts in one go: a ***batch*** is the group of texts that pass through the model together. It is one
# rectangular table of token numbers, yet texts differ in length. What fills the gap?

# %%
table = model.tokenizer(["Rain", "Heavy rain in the north"], padding=True)
for ids, mask in zip(table["input_ids"], table["attention_mask"], strict=True):
    print(model.tokenizer.convert_ids_to_tokens(ids), mask)

# %% [markdown]
# ***Padding*** is the filling with `[PAD]` tokens that makes the short rows of a batch as long as its longest. The
# ***attention mask*** is the row of ones and zeros beside it: 1 for a token to read, 0 for padding to ignore. The mask
# keeps padding out of the meaning, but the processor computes those positions all the same.
#
# ### Myth: "without batch_size, encode loads everything at once"
#
# We mix 40 sentences and 24 paragraphs, and a hook on the first module notes the size of each table that goes in: how many
# texts, how many tokens wide. (A hook is a function that PyTorch calls before the module runs.)

# %%
sentences = [sentence for _, sentence in corpus.SENTENCES]
paragraphs = [paragraph for passage in corpus.passages() for paragraph in passage.text.split("\n\n")]
texts = sorted(sentences + paragraphs)

shapes = []


def note_shape(module, inputs):
    shapes.append(tuple(inputs[0]["input_ids"].shape))


hook = model[0].register_forward_pre_hook(note_shape)
embeddings = model.encode(texts, show_progress_bar=True)
model.encode(texts, batch_size=16)
hook.remove()
print("default:      ", shapes[:2])
print("batch_size=16:", shapes[2:])

# %% [markdown]
# We set no batch size, and `encode` took 32 texts at a time. Look at the second numbers, too: the first tables are wide and
# the last ones narrow, although our list mixes lengths. `encode` sorts the texts, longest first.
#
# How much work does that save? We count the tokens of our 64 texts in batches of 8, in both orders.

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
# One long paragraph makes its whole batch as wide as itself; sorted, little padding is left. (`encode` sorts by characters,
# which is nearly as good.) So hand over the whole list: a loop of your own over small pieces undoes the sorting.
#
# Do the numbers of a text depend on its neighbors in the batch? Predict the three answers:

# %%
together = model.encode(texts[:16])
again = model.encode(texts[:16])
one_by_one = np.stack([model.encode(text) for text in texts[:16]])
print("the same call twice, bit for bit:      ", np.array_equal(again, together))
print("one by one and together, bit for bit:  ", np.array_equal(one_by_one, together))
print("one by one and together, within 1e-5:  ", np.allclose(one_by_one, together, atol=1e-5))

# %% [markdown]
# Row `i` belongs to text `i`, sorted or not. The numbers differ in the last bits, because floating-point sums depend on the
# shape of the table. Compare embeddings with `np.allclose`, not with `==`, and store them where you need the same bits again.
#
# What does a batch buy? Guess the time per text for batches of 1, 8, 32 and 128 short sentences, then measure. We keep the
# fastest of three rounds, because whatever else runs on the machine can only add time.

# %% reason="times depend on the machine" tags=["nbval-ignore-output"]
import time

sizes = [1, 8, 32, 128]


def ms_per_text(batch_size):
    sample = (sentences * 4)[: max(batch_size, 32)]
    start = time.perf_counter()
    model.encode(sample, batch_size=batch_size)
    return 1000 * (time.perf_counter() - start) / len(sample)


rounds = [[ms_per_text(size) for size in sizes] for _ in range(3)]
per_text = np.min(rounds, axis=0)
assert per_text[2] < per_text[0], "batches of 32 should beat single texts"
labels = [f"batch_size={size}" for size in sizes]
picture = plots.bars(per_text, labels, unit="ms", decimals=1, title="Time per short text")
told = ", ".join(f"{ms:.1f} at batch size {size}" for size, ms in zip(sizes, per_text, strict=True))
plots.show(picture, f"Milliseconds per text: {told}.")

# %% [markdown]
# Single texts pay the fixed cost of a call each time; a batch shares it. On a processor the default is a good start, and
# the older guide's `batch_size=64` is not needed. On a GPU larger batches can help, until one no longer fits its memory;
# the widest batch runs first, so a failure shows at once.
#
# ## Check the length of a vector before you compare
#
# A ***unit vector*** is a vector of length 1, and ***normalization*** (to be exact, L2 normalization) divides a vector by
# its length to make it one. For unit vectors the dot product (multiply number by number, add up) is the cosine, the score
# of [04 · Compare texts with similarity scores](04_similarity.ipynb).
#
# ### Myth: "normalize_embeddings=True is needed for cosine similarity"
#
# The older guide sets the flag before it compares. What does it change for this model?

# %%
norms = np.linalg.norm(embeddings, axis=1)
print(f"last module: {type(model[-1]).__name__}, lengths: {norms.min():.3f} to {norms.max():.3f}")
flagged = model.encode(texts, normalize_embeddings=True)
print("equal with the flag:", np.allclose(flagged, embeddings, atol=1e-6))

# %% [markdown]
# Nothing: the model ends in a module that normalizes already. Besides, cosine divides by the lengths itself. The flag
# matters for plain dot products of vectors of other lengths: those of models without that last module, and those of a call
# that keeps only the first dimensions:

# %%
for flag in [False, True]:
    cut = model.encode(texts, truncate_dim=128, normalize_embeddings=flag)
    norms = np.linalg.norm(cut, axis=1)
    print(f"normalize_embeddings={flag!s:5}  {cut.shape}  lengths {norms.min():.2f} to {norms.max():.2f}")

# %% [markdown]
# `truncate_dim` slices after the model's own normalization, and a piece of a unit vector is shorter than 1. The flag acts
# after the slice and repairs that. Whether 128 dimensions still carry the meaning, this cell does not say.

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
# ***Precision*** is the number type in which each dimension is stored; `encode` offers five. Which of them keep 384 columns?

# %% tags=["shows-stderr"]
for precision in ["float32", "int8", "uint8", "binary", "ubinary"]:
    stored = model.encode(texts, precision=precision)
    bytes_per_text = stored.nbytes // len(stored)
    print(f"{precision:8} {stored.dtype!s:8} {stored.shape!s:10} {bytes_per_text:5} bytes per text")

# %% [markdown]
# The byte types need a quarter of the memory. Binary keeps one bit per dimension and packs eight into a byte, hence the
# 48 columns. The log lines come from the byte types: they stretch each dimension from the lowest to the highest value *in
# this call* (this is called quantization), and from fewer than 100 texts that range is a poor guess. From a single text
# there is no range at all:

# %% tags=["raises-exception"]
model.encode("A single text", precision="int8")

# %% [markdown]
# So a query cannot be encoded with `precision="int8"` on its own, and two calls use two different scales: the ranges must
# be computed once and kept. No cell here shows what each type costs in quality.
#
# ## Notice when a text is cut off
#
# A model has a limit of tokens. How many of 5,000 equal words does it read? We compare with a text of 254 words.

# %%
print("limit:", model.max_seq_length, "tokens")
endless = model.encode("word " * 5000)
short = model.encode("word " * 254)
print("5,000 words equal 254 words, bit for bit:", np.array_equal(endless, short))

# %% [markdown]
# ***Truncation*** is the cutting of a text at the model's limit: here it keeps 254 tokens of the text and two special ones
# and drops the rest, without warning, error or log line. With equal words that harms nobody. The next text is a story of
# six paragraphs, and the answer to our question stands in the last one. `preprocess` makes the tokens that `encode` would
# read, and `decode` turns them back into words. Where does the model stop reading? And how bad is that? The last line compares
# the question with the story, and with 40 sentences that have nothing to do with it. (All are unit vectors, so `@` gives the
# cosine.)

# %%
story = corpus.passages()[0]
tokens = model.preprocess([story.text])["input_ids"][0]
read = model.tokenizer.decode(tokens, skip_special_tokens=True)
print("question:", story.question)
print("answer:  ", story.answer)
print("reads until: …", read[-80:])
print("the answer is in what the model reads:", story.answer in read)

question = model.encode(story.question)
whole = model.encode(story.text) @ question
others = model.encode(sentences) @ question
print(f"the story: {whole:.2f}, but {others.max():.2f} for: {sentences[others.argmax()]}")

# %% [markdown]
# It stops long before the answer. A sentence about garlic beats the text that holds it, and `encode` gave no sign. To watch the
# cut, we play with a short text and a low limit. **Predict:** which pieces count most in the vector? Then raise the limit (arrow
# keys work) until the doorbell is read, and type a text of your own. What is cut is struck through; each percentage says how far a
# piece's own vector reaches in the direction of the text's.

# %%
diary = "The kitten slept unbelievably well. Nobody woke it until noon, when the doorbell rang."
widgets.TokenExplorer(model, diary, limit=16)

# %% [markdown]
# The fragments of the rare word count little each, a full stop as much as a word: the shares say what the vector is made of, not
# what the text is about. In code, we count the tokens ourselves, without truncation; `verbose=False` keeps the tokenizer from
# logging what we are about to find out. `truncation_report` of this course's package does the same for a list.

# %%
count = len(model.tokenizer(story.text, truncation=False, verbose=False)["input_ids"])
print("tokens:", count, "· too long:", count > model.max_seq_length)

passages = corpus.passages()
reports = encoding.truncation_report(model, [passage.text for passage in passages])
for passage, report in zip(passages, reports, strict=True):
    print(f"{passage.title:35} {report}")

# %% [markdown]
# Each of the four texts loses more than half. Count in every corpus that you have not written yourself.
#
# ### Myth: "encode(truncate=True, max_length=256) controls it"
#
# Tutorials pass these arguments. We try it, and then what the library does offer for a single call:

# %%
try:
    model.encode("word " * 100, truncate=True, max_length=16)
except ValueError as error:
    print("ValueError:", str(error).partition(":")[0])

short = model.encode("word " * 100, processing_kwargs={"text": {"max_length": 16, "truncation": True}})
print("processing_kwargs reads 14 words:", np.array_equal(short, model.encode("word " * 14)))

# %% [markdown]
# The arguments do not exist, and `encode` refuses what it does not know, a misspelled `normalise_embeddings` as well. For one
# call there is `processing_kwargs`; the lasting setting is `model.max_seq_length`. Lowering either makes the model read less.
# To have everything read, cut the text before you encode it.

# %%
inbox = ["word " * 254, passages[1].text, "Thank you!"]
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
    spans = encoded["offset_mapping"]  # for each token, where it starts and ends in the text
    chunks = []
    for first in range(0, len(spans), size - overlap):
        part = spans[first : first + size]
        chunks.append(text[part[0][0] : part[-1][1]])
        if first + size >= len(spans):
            break
    return chunks


chunks = chunk_by_tokens(story.text)
print(len(chunks), "chunks; the last one begins:", chunks[-1][:60])
print("its beginning is in the chunk before:", chunks[-1][:60] in chunks[-2])

# %% [markdown]
# Now each chunk gets a vector. Which chunk will the question find? And what if we average all chunk vectors into one?

# %%
chunk_vectors = model.encode(chunks)
scores = chunk_vectors @ question
average = chunk_vectors.mean(axis=0)
average_score = float(average @ question / np.linalg.norm(average))

numbers = range(1, len(chunks) + 1)
holders = [number for number in numbers if story.answer in chunks[number - 1]]
print("chunks that hold the answer:", holders)
labels = ["whole text, cut off", *[f"chunk {number}" for number in numbers], "average of the chunks"]
picture = plots.bars([whole, *scores, average_score], labels, title="Cosine with the question")
best = f"the best chunk {scores.max():.2f} (number {scores.argmax() + 1})"
plots.show(picture, f"Bars: the whole text {whole:.2f}, {best}, the average {average_score:.2f}.")

# %% [markdown]
# The two chunks that hold the answer (the overlap put it into both) stand out, and the average of all chunks falls far behind
# them. So keep the chunk vectors apart, and score a text by its best chunk.
#
# One story is an anecdote. Here are all four texts with `encoding.chunk`, which works like our function but ends its chunks
# between two words; its size includes the two special tokens. Does the best chunk hold the answer each time?

# %%
for passage in passages:
    pieces = encoding.chunk(passage.text, model.tokenizer, 102, overlap=20)
    ask = model.encode(passage.question)
    whole_score, piece_scores = model.encode(passage.text) @ ask, model.encode(pieces) @ ask
    score_of_answer = max(piece_scores[i] for i, piece in enumerate(pieces) if passage.answer in piece)
    place = 1 + (piece_scores > score_of_answer).sum()
    print(f"{passage.title:35} whole {whole_score:.2f}  best chunk {piece_scores.max():.2f}", end="  ")
    print(f"answer in the chunk ranked {place} of {len(pieces)}")

# %% [markdown]
# It does for two of four. The question about the bicycle speaks of a ticking noise, and so does its first chunk; the chunk
# with the answer speaks of a stone. Chunks make the fact *visible* to the search; they do not make every question find it
# first. Nor does a cell here show that 100 tokens is the best size.

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
empty = model.encode("")
print("empty and blank give the same vector:", np.allclose(empty, model.encode("   "), atol=1e-6))
print(f"its length: {np.linalg.norm(empty):.1f}")
print("an empty list:", model.encode([]).shape, model.encode([]).dtype)

shelf = ["Our dog barks whenever the doorbell rings", "", "The soup needs a little more salt"]
scores = model.encode(shelf) @ model.encode("?")
print("best match for '?':", repr(shelf[int(scores.argmax())]))

# %% [markdown]
# None of them. The empty text gets a vector like any other, made of the special tokens alone, and it even wins a search. The
# empty list gives neither 384 columns nor `float32`, so a later line may fail, far from the cause. What of other types?

# %%
wrong = {
    "None": None,
    "NaN": float("nan"),
    "number": 42,
    "set": {"a"},
    "generator": (text for text in texts),
    "a hole": ["Hi", None],
}
for name, value in wrong.items():
    try:
        model.encode(value)
    except ValueError as error:
        print(f"{name:10} ValueError: {str(error).partition('.')[0]}")

pair = [["New York", "Paris"]]
tokens = model.preprocess(pair)["input_ids"][0]
print("list of lists:", model.encode(pair).shape, "read as:", model.tokenizer.decode(tokens))

# %% [markdown]
# These are good errors, except that one hole stops the whole list and the message does not name the row. The last line is
# worse, for nothing is refused: a list inside the list counts as a *pair* and is read as one text with a separator in the
# middle. Rows fresh from a CSV reader have this form.
#
# So check that each entry is a string with something in it, and remember which rows stayed.

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
# `device` also takes a list, for two GPUs `["cuda:0", "cuda:1"]`: `encode` then starts one process per device, each with a copy
# of the model, and stops them at the end. A *pool* keeps the processes running for several calls. We try both on the CPU, with
# our 64 texts. Which call will be the slowest?

# %% reason="times depend on the machine" tags=["nbval-ignore-output"]
def seconds(**options):
    start = time.perf_counter()
    vectors = model.encode(texts, **options)
    end = time.perf_counter()
    assert np.allclose(vectors, embeddings, atol=1e-5), "the vectors must be the same"
    return end - start


one_process = min(seconds(), seconds())
two_devices = seconds(device=["cpu", "cpu"])
assert two_devices > one_process, "starting processes should cost more than 64 texts"

pool = model.start_multi_process_pool(["cpu", "cpu"])
with_pool = min(seconds(pool=pool), seconds(pool=pool))
model.stop_multi_process_pool(pool)
del pool  # its queues hold locks of the operating system
print(f"one process: {one_process:.1f} s, two devices: {two_devices:.1f} s")
print(f"a call with a pool that is running already: {with_pool:.1f} s")

# %% [markdown]
# The vectors agree, as the cell asserts, but the list of devices is slow: each new process starts Python and imports PyTorch
# before it reads a word. A pool pays that price once. Even then one CPU has little to gain, since PyTorch uses its cores
# already; processes are for several GPUs and minutes of work.
#
# A script has one more trap: a new process begins by importing the script that started it. To watch that, we write a small
# script without any model. It prints the name under which it is read and starts one process. Which lines will it print?

# %%
import subprocess
import sys
import tempfile
from pathlib import Path


def run_script(text):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file = Path(folder, "script.py")
        file.write_text(text)
        return subprocess.run([sys.executable, file], capture_output=True, text=True, timeout=250)


script = """
from multiprocessing import get_context
print("read as", __name__, flush=True)
if __name__ == "__main__":
    process = get_context("spawn").Process(target=print, args=["work done in the new process"])
    process.start()
    process.join()
"""
print(run_script(script).stdout)

# %% [markdown]
# Python read the script twice: first as `__main__`, the script that we started, then as `__mp_main__`, in the new process. That
# name kept the new process out of the lines below the *guard*, `if __name__ == "__main__":`. Now we replace the guard by
# `if True:`. What will the new process do when it reaches `process.start()`?

# %%
unguarded = run_script(script.replace('if __name__ == "__main__":', "if True:"))
error = unguarded.stderr.partition("RuntimeError:")[2].partition(".")[0]
print(unguarded.stdout)
print("RuntimeError:", " ".join(error.split()))

# %% [markdown]
# It tries to start a process of its own, Python stops it with this error, and no work is done. With a model it is worse: the
# script goes on waiting for the process that has died (on Linux, ours was still there after minutes). So in a script, put
# the lines that encode in several processes below the guard. A notebook needs none: new processes do not import its cells.
#
# ### Myth: "encode(sentences=…)" and "encode_multi_process(…)"
#
# Much code on the web names the first argument `sentences`, and the older guide gives its pool to `encode_multi_process`. We
# turn the warning of the latter into an error, to read it without starting anything:

# %% tags=["teaches-deprecated"]
import warnings

print(model.encode(sentences=["Hello world"]).shape)
with warnings.catch_warnings():
    warnings.simplefilter("error", DeprecationWarning)
    try:
        model.encode_multi_process(texts, pool=None)
    except DeprecationWarning as warning:
        print("we hear:", warning)

# %% [markdown]
# Both still work, with a remark. Pass the texts first and without a name, and use `encode` for the pool too.
#
# ## Summary
#
# - One text gives a vector and a list gives a matrix: a numpy array by default, a tensor or a list of tensors on the model's
#   device if you ask.
# - `encode` sorts and batches by itself, 32 texts at a time. Padding costs time, the mask keeps it out of the meaning, and
#   the batch size changes only the last bits.
# - This model's vectors are unit vectors already; the normalizing flag matters after `truncate_dim`. Byte types need many
#   texts to find their range.
# - A text beyond the limit is cut without a sign. Count its tokens, cut it into overlapping chunks, and score it by its
#   best chunk.
# - Empty texts become valid vectors, pairs melt into one, and holes stop the list: filter first and keep the positions.
# - Processes pay for long work on several GPUs, not here; a script needs `if __name__ == "__main__":`.
#
# ## Copy and paste
#
# Vectors for any list: entries without text are left out, long texts are cut into chunks, and `positions` says which entry
# each row comes from.

# %% tags=["copy-paste"]
import numpy as np
from sentence_transformers import SentenceTransformer


def cut_into_chunks(model, text, size=200, overlap=40):
    encoded = model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    spans = encoded["offset_mapping"]
    chunks = []
    for first in range(0, len(spans), size - overlap):
        part = spans[first : first + size]
        chunks.append(text[part[0][0] : part[-1][1]])
        if first + size >= len(spans):
            break
    return chunks


def encode_entries(model, entries):
    positions, chunks = [], []
    for position, entry in enumerate(entries):
        if isinstance(entry, str) and entry.strip():
            for chunk in cut_into_chunks(model, entry):
                positions.append(position)
                chunks.append(chunk)
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

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. The last page of a long report answers a question, yet the search misses the report. Why?**
#
# <details><summary>A.&nbsp;Its vector is an average of too many words.</summary>Not quite. The last page never got in to be averaged.</details>
# <details><summary>B.&nbsp;The model never read that page.</summary>Right. It cuts at its limit in silence; encode chunks.</details>
# <details><summary>C.&nbsp;Words count less toward the end of a text.</summary>Not quite. Of what is read, the mean weighs every place alike.</details><br>
#
# **2. A text is encoded alone and in a batch. The vectors differ in the seventh decimal. What now?**
#
# <details><summary>A.&nbsp;Leave out padding: it changes the meaning.</summary>Not quite. The mask keeps padding out of the meaning.</details>
# <details><summary>B.&nbsp;Fix the random seed.</summary>Not quite. Nothing is random: equal calls give equal bits.</details>
# <details><summary>C.&nbsp;Compare with <code>np.allclose</code>.</summary>Right. Sums are rounded differently in tables of other shapes.</details><br>
#
# **3. A list from a spreadsheet holds empty strings. What does `encode` do with them?**
#
# <details><summary>A.&nbsp;It gives each a vector like any other.</summary>Right. It can even win a search: filter first.</details>
# <details><summary>B.&nbsp;It raises a <code>ValueError</code> that names the row.</summary>Not quite. That comes for <code>None</code>, and names no row.</details>
# <details><summary>C.&nbsp;It returns rows of zeros.</summary>Not quite. The special tokens alone make a vector of length 1.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [04 · Compare texts with similarity scores](04_similarity.ipynb). Dot, cosine and Euclidean by hand and by the library; what a score means, thresholds, clusters and traps.
# - **Before:** [02 · Load a model and look inside it](02_loading_models.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
