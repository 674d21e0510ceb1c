# %% [markdown] tags=["header"]
# # 12 · Make embeddings smaller without losing the search
#
# Fewer dimensions, fewer bits, rescoring, a Matryoshka student of your own, and a million vectors searched ten ways.
#
# **Time:** 60 minutes · **Builds on:** [05 · Search by meaning and measure how well it works](05_semantic_search.ipynb), [09 · Encode large corpora and read the errors](09_memory_and_errors.ipynb)

# %% [markdown]
# Ten million texts, 1,024 numbers each: the vectors alone take 38 GiB. Do we buy a larger machine, or do we need all these numbers, and
# all these digits?
#
# We cut vectors shorter, round them, and in the end keep only the signs. Each time we count the bytes and measure what the search loses.
#
# ## What you'll be able to do
#
# - Say in GiB what fewer dimensions and fewer bits save.
# - Cut vectors with `truncate_dim`, and say when they must be normalized again.
# - Tell a Matryoshka model from another one, and train one from links of your own.
# - Quantize vectors to `int8` by hand and by the library, and avoid three traps.
# - Search by bits, rescore the hits, and choose the number of candidates by what is lost.
# - Read a comparison of searches over a million vectors, and choose one.

# %% tags=["setup"]
from helpers import catalog, corpus, encoding, evaluation, exercises, hub, plots, widgets
from helpers.benchmark import search
from helpers.tables import Table

hub.activate()

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.util.quantization import quantize_embeddings, semantic_search_faiss

# %% [markdown]
# ## Count what there is to save
#
# The older guide's `estimate_memory` knows `float32`, `float16` and `int8`, and calls GiB "GB"
# ([lesson 09](09_memory_and_errors.ipynb)). Here is the whole table for ten million texts, in GiB:

# %%
precisions, texts = ["float32", "float16", "int8", "binary"], 10_000_000
rows = []
for dimensions in [4096, 1024, 768, 384, 256, 128, 64]:
    sizes = [encoding.embedding_bytes(texts, dimensions, precision) / 2**30 for precision in precisions]
    rows.append((f"{dimensions:,}", *[f"{size:.2f}" for size in sizes]))
Table(("dimensions", *precisions), tuple(rows))

# %% [markdown]
# A lower row has fewer dimensions, a column further right fewer bits. The two multiply: from the upper left to the lower right it is a
# factor of 2,048. Which of them costs less quality, the table does not say.

# %%
exercise_1 = exercises.get("12.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1)

# %% [markdown]
# ## Fix the measure before you cut
#
# We search the documentation corpus as in [lesson 05](05_semantic_search.ipynb): an entry's own vector is the query, and its authors'
# "See Also" links are what should be found. Later we train on such links. So two thirds of the entries, drawn at random, are for
# training, and we measure with queries from the **last third** only.

# %%
docs = corpus.api_docs()
model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
vectors = model.encode_document([doc.text for doc in docs])
questions = model.encode_query([query.text for query in corpus.queries()])

place = {doc.name: i for i, doc in enumerate(docs)}
links = [[place[name] for name in doc.see_also] for doc in docs]
training = np.zeros(len(docs), dtype=bool)
training[np.random.default_rng(0).permutation(len(docs))[: len(docs) * 2 // 3]] = True
asked = np.array([i for i, found in enumerate(links) if found and not training[i]])
print(f"{len(docs)} entries, {training.sum()} for training; {len(asked)} queries from the others")


# %% [markdown]
# Two measures, both on a table of scores (queries × entries): `recalls` asks for the links; `kept` asks for the ten hits that the full
# `float32` vectors have.

# %%
def top(scores, k=10, queries=asked):
    scores = scores.astype(np.float32)
    scores[range(len(queries)), queries] = -np.inf  # an entry must not find itself
    return np.argpartition(-scores, k, axis=1)[:, :k]


def recalls(scores, queries=asked):
    pairs = zip(top(scores, queries=queries), queries, strict=True)
    return np.array([np.isin(links[i], hits).mean() for hits, i in pairs])


def kept(scores):
    return search.overlap(top(scores), exact)


# %% [markdown]
# What do 384 numbers in `float32` reach?

# %%
scores = vectors[asked] @ vectors.T
exact, full = top(scores), recalls(scores)
low, high = evaluation.bootstrap_interval(full)
print(f"recall@10 of the links: {full.mean():.2f}, interval {low:.2f} to {high:.2f}")

# %% [markdown]
# `kept` is the harder judge of the two: a hit that is lost may not have been worth finding.
#
# ## Cut dimensions, and normalize again
#
# The ***truncation dimension*** is the number of first dimensions that are kept: `truncate_dim` of `encode` or of the model. **Predict:**
# is it the same as cutting the finished vectors? And what happens with one that is too large?

# %%
few = [doc.text for doc in docs[:3]]
cut, uncut = [model.encode(few, truncate_dim=size) for size in (64, 1000)]
print("the first 64 of 384:", np.allclose(cut, vectors[:3, :64], atol=1e-5))
print("lengths:", np.linalg.norm(cut, axis=1).round(2), "- with truncate_dim=1000:", uncut.shape)


# %% [markdown]
# It is a slice, so stored vectors can be cut without the model. A piece of a unit vector is shorter than 1, and each has another length.
# A size that is too large is ignored in silence.
#
# Does the length matter? A dot product grows with it. We search with the pieces as they are, and normalized again
# (`normalize_embeddings=True` in `encode`):

# %%
def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


sizes = [384, 256, 192, 128, 96, 64, 32]
print("dimensions  as cut  normalized")
first = {}
for size in sizes:
    piece = vectors[:, :size]
    first[size] = recalls(unit(piece)[asked] @ unit(piece).T)
    print(f"{size:>10}  {recalls(piece[asked] @ piece.T).mean():>6.2f}  {first[size].mean():>10.2f}")

# %% [markdown]
# Without normalization the loss is about twice as large: long pieces win where they should not. Cosine (`model.similarity`) divides by the
# lengths itself; a vector index that computes dot products does not. **Cut, then normalize, then store.**
#
# ### Myth: "Cut an ordinary model's vectors, and the meaning is gone"
#
# So [a blog](https://explore.n1n.ai/blog/scaling-vector-search-quantization-matryoshka-embeddings-2026-03-13) says. The table shows a slow
# decline, and MiniLM was not trained to be cut. How do we know that it was not? Its first dimensions should then be better than any others.
# We compare them with five random choices, and with PCA, the directions along which the training entries vary most
# ([lesson 07](07_custom_pooling.ipynb)).

# %%
from sklearn.decomposition import PCA

pca = PCA(random_state=0).fit(vectors[training])
turned = pca.transform(vectors)
generator = np.random.default_rng(0)
principal, chance = {}, {}
print("dimensions  first  random  PCA")
for size in sizes:
    choices = [unit(vectors[:, generator.permutation(384)[:size]]) for _ in range(5)]
    chance[size] = np.mean([recalls(some[asked] @ some.T) for some in choices], axis=0)
    principal[size] = recalls(unit(turned[:, :size])[asked] @ unit(turned[:, :size]).T)
    means = [recall[size].mean() for recall in (first, chance, principal)]
    print(f"{size:>10}  {means[0]:>5.2f}  {means[1]:>6.2f}  {means[2]:.2f}")
low, high = evaluation.bootstrap_interval(first[64] - chance[64])
print(f"64 first minus 64 random: {low:+.2f} to {high:+.2f}")

# %% [markdown]
# MiniLM's first dimensions are no better than random ones: **it isn't a Matryoshka model.** It still loses slowly, because its dimensions
# repeat each other. PCA makes use of that: it gathers in front what varies, needs no labels, and hardly loses anything down to a third of
# the size. A shorter vector must beat *this*.
#
# A ***Matryoshka model*** is trained so that the first dimensions of its vectors are a good embedding on their own, like the smaller doll
# in the larger. The training names the sizes:

# %%
names = ["embeddinggemma-300m", "Qwen3-Embedding-0.6B", "nomic-embed-text-v1.5", "static-retrieval-mrl-en-v1"]
catalog.table([*names, "all-MiniLM-L6-v2"], ["dimensions", "matryoshka"])

# %% [markdown]
# Take a size from the model's list, cut queries and documents alike, and normalize. "Unconfirmed" is what our table is for.
#
# ## Train a Matryoshka student
#
# The guide sends its readers to a `cookbook/matryoshka.md` that does not exist. Here is what would stand there, small enough to watch: MiniLM
# stays as it is, and one layer behind it learns from the links. `MultipleNegativesRankingLoss` wants an entry closer to its linked
# one than to all others of the batch; `MatryoshkaLoss` asks for that at five sizes at once.

# %%
from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss, MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.modules import Dense


def all_sizes(head):
    return MatryoshkaLoss(head, MultipleNegativesRankingLoss(head), [384, 256, 128, 64, 32])


def trained(pairs, make_loss, epochs=10):
    torch.manual_seed(0)
    layer = Dense(384, 384, bias=False, activation_function=None, init_weight=torch.eye(384))
    head = SentenceTransformer(modules=[layer], device="cpu")
    loss, optimizer = make_loss(head), torch.optim.Adam(head.parameters(), lr=1e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(pairs)).split(128):
            columns = torch.from_numpy(vectors[pairs[batch]]).unbind(dim=1)  # entries, and what they link to
            optimizer.zero_grad()
            loss([{"sentence_embedding": column} for column in columns], None).backward()
            optimizer.step()
    return vectors @ layer.linear.weight.detach().numpy().T, layer


# %% [markdown]
# The layer begins as the identity: before training, the student *is* MiniLM. A pair with an end outside the training part stays out. As a
# control, a second layer learns from the same pairs without `MatryoshkaLoss`.

# %%
def pairs_inside(part):
    return np.array([(i, j) for i in np.flatnonzero(part) for j in links[i] if part[j]])


pairs = pairs_inside(training)
matryoshka, layer = trained(pairs, all_sizes)
control, _ = trained(pairs, MultipleNegativesRankingLoss)
students = {"trained on links": control, "the same, Matryoshka": matryoshka}
print(f"{len(pairs)} pairs for {layer.linear.weight.numel():,} weights")

# %% [markdown]
# **Predict:** at which size is the student, cut, as good as MiniLM in full? The queries are entries that it has not seen.

# %%
curves = {"MiniLM, cut": first, "MiniLM, PCA": principal}
for name, student in students.items():
    pieces = {size: unit(student[:, :size]) for size in sizes}
    curves[name] = {size: recalls(piece[asked] @ piece.T) for size, piece in pieces.items()}
means = {name: [curve[size].mean() for size in sizes] for name, curve in curves.items()}
figure = plots.lines(sizes, means, xlabel="dimensions kept", ylabel="recall@10 of the links")
figure.axes[0].set_xscale("log", base=2)
figure.axes[0].set_xticks(sizes, sizes)
figure.axes[0].axhline(full.mean(), color="black", ls="--", lw=0.8)
told = "; ".join(f"{name} {row[0]:.2f}, {row[5]:.2f}, {row[6]:.2f}" for name, row in means.items())
plots.show(figure, f"Recall at 384, 64 and 32 dimensions: {told}. Dashed: MiniLM in full.")
learned, doll = [curves[name] for name in students]
gains = {"64 minus MiniLM in full": doll[64] - full, "32 minus control": doll[32] - learned[32]}
for name, gain in gains.items():
    low, high = evaluation.bootstrap_interval(gain)
    print(f"Matryoshka, {name}: {gain.mean():+.2f}, the interval holds 0: {low <= 0 <= high}")

# %% [markdown]
# With a sixth of the numbers, the student can't be told from MiniLM in full. Two things came together, and the control takes them apart:
# most of the gain is the training on links, and **Matryoshka adds its part where it gets tight**: clearly at 32. In full it adds nothing.
# (Some of the links' gain is not real: [lesson 15](15_beyond_one_vector.ipynb) measures what leaks through such a split.)
#
# What does the picture *not* show? The queries are new, but their libraries are not. We train again without scipy, and ask for scipy's
# links only:

# %%
scipy = np.array([doc.library == "scipy" for doc in docs])
newcomers = np.array([i for i in np.flatnonzero(scipy) if links[i]])
stranger, _ = trained(pairs_inside(~scipy), all_sizes)
for name, rows in {"MiniLM": vectors, "a student that never saw scipy": stranger}.items():
    pieces = [unit(rows[:, :size]) for size in (384, 64)]
    found = [recalls(piece[newcomers] @ piece.T, newcomers).mean() for piece in pieces]
    print(f"{name:31} 384: {found[0]:.2f}   64: {found[1]:.2f}")

# %% [markdown]
# On texts of another kind the training **costs**. A few thousand pairs teach these libraries' habits, not the language. A Matryoshka
# model for everybody is trained on all kinds of texts, and the whole network learns. For your own corpus, such a layer is worth a try.
#
# To use it, we append it to MiniLM's modules:

# %%
student = SentenceTransformer(modules=[*model, layer], device="cpu")
short = student.encode(few, truncate_dim=64, normalize_embeddings=True)
print(short.shape, "as above:", np.allclose(short, unit(matryoshka[:3, :64]), atol=1e-4))

# %% [markdown]
# ## Store a number in one byte
#
# ***Scalar quantization*** rounds each number to one of a few levels: with `int8`, to a whole number from -128 to 127. By hand it is one
# factor for all, and a rounding:

# %%
codes = np.round(vectors * 127 / np.abs(vectors).max()).astype(np.int8)
wide = codes.astype(np.float32)
judged = [kept(wide[asked] @ wide.T), recalls(wide[asked] @ wide.T).mean()]
print(f"bytes: 1/{vectors.nbytes / codes.nbytes:.0f}, hits kept {judged[0]:.2f}, links {judged[1]:.2f}")

# %% [markdown]
# A quarter of the bytes for one hit in a hundred. A common factor changes no ranking, so these codes can be compared as they are.
#
# The library's `quantize_embeddings` gives each dimension a range of its own, from its lowest value to its highest in the vectors handed
# over (or in `calibration_embeddings`). That is finer. Is it better?

# %%
ranges = np.vstack([vectors.min(axis=0), vectors.max(axis=0)])
library = quantize_embeddings(vectors, "int8", ranges=ranges).astype(np.float32)
decoded = (library + 128) * (ranges[1] - ranges[0]) / 255 + ranges[0]
print(f"as they are: {kept(library[asked] @ library.T):.2f}  decoded: {kept(vectors[asked] @ decoded.T):.2f}")

# %% [markdown]
# **First trap.** Each dimension has its own zero and its own step, so the codes' dot product is not the vectors'. Decoded, they lose almost
# nothing; as they are, one hit in six. That is not the rounding's fault. And queries need the *documents'* ranges
# ([lesson 03](03_encoding_text.ipynb)).
#
# ### Myth: "int8 vectors make the search faster"
#
# Two such vectors are compared by "an integer dot product, which is faster than float on most hardware", we
# [read](https://www.zeroentropy.dev/concepts/embedding-quantization/). The hardware can do it. What do our programs do? numpy first, with
# the square of a length, which can't be negative:

# %%
one = codes[1]
print("numpy, int8:", one @ one, " the truth:", one.astype(int) @ one)

# %% [markdown]
# **Second trap:** numpy stays in `int8` and overflows without a word. So we convert first, and save nothing but storage. Now the
# library's search with FAISS. How many bytes does its index hold for each vector?

# %%
as_bytes = quantize_embeddings(vectors, "uint8", ranges=ranges)
options = {"corpus_precision": "uint8", "ranges": ranges, "output_index": True}
*_, index = semantic_search_faiss(questions, as_bytes, **options)
print(type(index).__name__, index.sa_code_size(), "bytes a vector; the codes have", as_bytes[0].nbytes)

# %% [markdown]
# **Third trap:** a flat `float32` index, four times as large as the codes. FAISS has one that does keep bytes (`IndexScalarQuantizer`);
# we time it below. `int8` saves memory; speed depends on the program.

# %%
exercise_2 = exercises.get("12.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2, vectors=vectors, kept=kept, asked=asked)

# %% [markdown]
# ## Keep the sign only
#
# ***Binary quantization*** keeps one bit of each number: is it above zero? Eight bits share a byte. The ***Hamming distance*** of two such
# vectors is the number of bits in which they differ; a processor compares 64 of them with two instructions. **Predict:** how many of
# the ten hits survive, with 1 of 32 bits left?

# %%
bits = np.packbits(vectors > 0, axis=1)
print("as the library's:", np.array_equal(bits, quantize_embeddings(vectors, "ubinary")))
print(f"bytes: 1/{vectors.nbytes / bits.nbytes:.0f}, {bits.shape[1]} a vector")


# %% [markdown]
# (`"binary"` instead of `"ubinary"` gives the same bits as signed bytes.) A bit differs where the exclusive or, `^`, is one:

# %%
def hamming(queries, documents):
    return np.stack([np.bitwise_count(query ^ documents).sum(axis=1, dtype=np.int32) for query in queries])


near = -hamming(bits[asked], bits)
print(f"hits kept: {kept(near):.2f};  links: {recalls(near).mean():.2f}, in float32: {full.mean():.2f}")

# %% [markdown]
# Seven of ten, and of the links nearly as many as before. 384 signs together say much; the shorter a vector, the less its signs can.
#
# ## Rescore the hits
#
# The three lost hits are not far. ***Rescoring*** takes more candidates than needed with the cheap vectors, and sorts these few by
# better ones, which may lie on disk: a hundred rows are read for a query, not a million.
#
# We sort by the `float32` vectors, by our `int8` codes, and by the documents' **bits against the query's floats**, which needs nothing
# stored besides the bits.

# %%
better = {"float32": vectors, "int8": wide, "bits": np.unpackbits(bits, axis=1).astype(np.float32)}


def rescored(queries, candidates, stored, k=10, skip=None):
    distances = hamming(np.packbits(queries > 0, axis=1), bits).astype(np.float32)
    if skip is not None:
        distances[range(len(skip)), skip] = np.inf  # an entry must not find itself
    rows = np.argpartition(distances, candidates, axis=1)[:, :candidates]
    scores = np.einsum("qcd,qd->qc", stored[rows], queries)
    return np.take_along_axis(rows, np.argsort(-scores, axis=1)[:, :k], axis=1)


# %% [markdown]
# How many candidates does it take? We ask with the questions, and with entries:

# %%
exact_answers = np.argsort(-(questions @ vectors.T), axis=1)[:, :10]
counts, shares = [10, 20, 50, 100, 200, 400], {}
for name, stored in better.items():
    found = [rescored(questions, count, stored) for count in counts]
    shares[f"questions, by {name}"] = [search.overlap(hits, exact_answers) for hits in found]
found = [rescored(vectors[asked[:200]], count, vectors, skip=asked[:200]) for count in counts]
shares["entries, by float32"] = [search.overlap(hits, exact[:200]) for hits in found]
figure = plots.lines(counts, shares, xlabel="candidates", ylabel="exact hits kept")
figure.axes[0].set_xscale("log")
figure.axes[0].set_xticks(counts, counts)
told = "; ".join(f"{name} {row[3]:.2f} with 100, {row[4]:.2f} with 200" for name, row in shares.items())
plots.show(figure, f"Share of the exact ten hits kept, by number of candidates: {told}.")

# %% [markdown]
# With 200 candidates of more than four thousand, the questions keep over nine and a half of ten hits, whether `float32` or `int8` sorts
# them. Entries need 50. **So measure with your real queries.** Sorting by the bits helps as well, but stays far behind.
#
# The library has this search: `semantic_search_faiss` with `"ubinary"`. Which of the lines is it?

# %%
for times in (2, 20):
    results, _ = semantic_search_faiss(questions, bits, corpus_precision="ubinary", rescore_multiplier=times)
    hits = [[hit["corpus_id"] for hit in row] for row in results]
    print(f"{10 * times:>3} candidates: {search.overlap(hits, exact_answers):.2f} kept")

# %% [markdown]
# That of the bits: an index of bits has nothing else to sort by. Nearly a third of the hits is lost, and more candidates than the default
# of 2 × 10 don't bring them back. Keep `int8` codes beside the bits, and rescore by them.

# %%
exercise_3 = exercises.get("12.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots
exercise_3.check(answer_3, small=matryoshka, vectors=vectors, asked=asked, exact=exact)


# %% [markdown]
# ## See it all in one picture
#
# Recall of the links against bytes a vector: up and to the left is better. Ways can be combined: the student's 64 dimensions in `int8`,
# or all its signs. "Binary and int8" is rescoring with 100 candidates; only 48 of its bytes are read for every vector.

# %%
def in_bytes(rows):
    return np.round(rows * 127 / np.abs(rows).max()).astype(np.int8).astype(np.float32)


def found_by(rows):
    return recalls(rows[asked] @ rows.T).mean()


names = {"MiniLM, cut": first, "MiniLM, PCA": principal, "Matryoshka": doll}
lines = {name: [(4 * size, curve[size].mean()) for size in sizes] for name, curve in names.items()}
lines["MiniLM, PCA, int8"] = [(size, found_by(in_bytes(unit(turned[:, :size])))) for size in sizes]
lines["Matryoshka, int8"] = [(size, found_by(in_bytes(unit(matryoshka[:, :size])))) for size in sizes]
lines["MiniLM, binary"] = [(48, found_by(np.sign(vectors)))]
hits = rescored(vectors[asked], 100, wide, skip=asked)
share = np.mean([np.isin(links[i], row).mean() for i, row in zip(asked, hits, strict=True)])
lines["MiniLM, binary and int8"] = [(48 + 384, share)]
lines["Matryoshka, binary"] = [(size / 8, found_by(np.sign(matryoshka[:, :size]))) for size in sizes]
figure, axes = plots.new_figure(7.5, 4.4)
for (name, points), marker, color in zip(lines.items(), plots.MARKERS, plots.COLORS, strict=False):
    axes.plot(*zip(*points, strict=True), marker=marker, color=color, label=name)
axes.set(xscale="log", xlabel="bytes a vector", ylabel="recall@10 of the links", ylim=(0.4, 0.85))
axes.set_xticks(ticks := [4, 16, 48, 128, 384, 1536], ticks)
axes.axhline(full.mean(), color="black", ls="--", lw=0.8)
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
told = "; ".join(f"{name} {points[0][1]:.2f} at {points[0][0]:.0f} bytes" for name, points in lines.items())
plots.show(figure, f"Recall against bytes a vector: {told}. Dashed: MiniLM in full, {full.mean():.2f}.")

# %% [markdown]
# Rounding to a byte costs nothing that one could see. PCA costs slowly, and its 64 dimensions in `int8` are level with all of MiniLM's
# signs, at about the same bytes. **So first `int8`, then fewer dimensions; bits where speed counts, with rescoring.** What the training
# gained holds for texts like these only.
#
# Turn the knobs yourself: with the questions as queries, and the exact hits as judge. **Predict:** does PCA help the signs as well?

# %%
widgets.SizeSlider(vectors, questions)

# %% [markdown]
# Short vectors gain much by PCA, the signs of all 384 lose: it gathers in a few dimensions what the signs would have shared evenly. With
# your own vectors, `SizeSlider` takes a matrix of documents and one of queries.
#
# ## Search a million vectors
#
# How long does that take? `compare_searches` builds each index and times them in turns ([lesson 14](14_benchmarking.ipynb) explains why), one
# query at a time and a hundred together. We have no million texts here. So the vectors are **mixes of three real ones** each: bytes, and
# the time of a search that looks at all of them, do not depend on the values. Recall does, and theirs is that of a made-up set. Here
# 50,000, on your machine:

# %% reason="times depend on the machine" tags=["nbval-ignore-output"]
mixed = search.mixed_vectors(vectors[:-58], 50_000)
batch = np.vstack([questions, vectors[-58:]])
quick = [name for name in search.METHODS if "HNSW" not in name]
report = search.compare_searches(mixed, batch, methods=quick, candidates=500)
assert report.ratio("binary + float32 rescoring") > 1.5
report.table

# %% [markdown]
# The graphs of HNSW take minutes to build for many vectors. Here is the million, **as recorded** on another machine. The command
# `python -m helpers benchmark-search` measures yours, if it has about 10 GiB of memory to spare.

# %%
recorded = search.SearchReport.read("measured/search_1000000.json")
processor, cores, memory, _ = recorded.machine.values()
print(processor, f"cores: {cores}", memory, f"{recorded.candidates} candidates", sep=" · ")
recorded.table

# %% [markdown]
# *Index* is what answering takes. *Process grew* leaves out the vectors that numpy, torch and rescoring use where they lie.
#
# Before you read on: which column would decide for you? And how many times as fast are bits, which are 32 times less to read?

# %%
print("times as fast as the fastest exact search: one query, in a batch")
for name in ("binary + int8 rescoring", "binary + float32 rescoring", "FAISS IVF", "FAISS HNSW"):
    print(f"{name:27} {recorded.ratio(name):5.1f} {recorded.ratio(name, batch=True):5.1f}")
print("bytes of the bits: 1 /", recorded.row("numpy, exact").bytes / recorded.row("binary alone").bytes)

# %% [markdown]
# - **One query** reads every vector once: 1.4 GiB pass through the processor, or 46 MiB of bits. The gain is far below 32:
#   most of the time goes into comparing the bits (*binary alone*), the rest into rescoring. Against FAISS' flat index the table shows more
#   than twice the gain. **Whoever tells you a ratio has chosen what to divide by.**
# - **A batch** reads the vectors once for all its queries. Then arithmetic counts, matrix products are good at it, and more than half of
#   the factor is gone.
# - **IVF and HNSW** look at a part of the vectors. HNSW wins in time by far but, set as it is, misses a quarter of the hits here; IVF is
#   faster than bits for one query and level with them in a batch. Both need *more* memory than the vectors alone, and time to build.
# - **Recall** is against exact search on mixes. On your own vectors, measure it as in the section on rescoring.
#
# | you are short of | try first |
# |---|---|
# | nothing yet (up to some 100,000 vectors) | exact search in `float32` |
# | memory, and a little | `int8`; PCA or a truncation dimension |
# | memory, and a lot | bits in memory, `int8` or `float32` on disk for rescoring |
# | time, and memory is there | IVF or HNSW, after a look at their recall |
# | time and memory, one query at a time | bits with rescoring |
# | nothing but the exact hits will do | matrix products, in batches |

# %% [markdown]
# ## Summary
#
# - Texts × dimensions × bits / 8 / 2³⁰ are GiB; fewer dimensions and fewer bits multiply.
# - `truncate_dim` slices; before a dot product, pieces must be normalized again, or the loss doubles.
# - MiniLM's first dimensions are no better than random ones; `MatryoshkaLoss` around another loss trains a layer whose first ones are,
#   for texts like those it was trained on.
# - `int8` by one factor is a quarter of the bytes at hardly any loss; the library's codes must be decoded, numpy overflows, and a FAISS
#   index may store floats again.
# - Signs are 1/32 of the bytes; some candidates more, rescored with better vectors, bring the lost hits back.
# - Over a million vectors, bits with rescoring are several times as fast as exact search, most of all for single queries, and take the least
#   memory; HNSW is faster still, and takes the most.

# %% [markdown]
# ## Copy and paste
#
# A search that keeps 48 bytes a text in memory and rescores with `int8` codes. Those may lie in a file: `np.save`, then
# `np.load(…, mmap_mode="r")`.

# %% tags=["copy-paste"]
import numpy as np
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("all-MiniLM-L6-v2")
texts = ["Sort a list in place.", "Open a file for reading.", "Split a string.", "Remove a file from disk."]
vectors = model.encode_document(texts, normalize_embeddings=True)

bits = np.packbits(vectors > 0, axis=1)  # 1/32 of the bytes: stays in memory
codes = np.round(vectors * 127 / np.abs(vectors).max()).astype(np.int8)  # 1/4: may lie in a file


def find(question, k=2, candidates=200):
    """The k best texts: candidates by Hamming distance, sorted by the dot product with their int8 codes."""
    query = model.encode_query(question, normalize_embeddings=True)
    distances = np.bitwise_count(np.packbits(query > 0) ^ bits).sum(axis=1, dtype=np.int32)
    near = np.argsort(distances, kind="stable")[:candidates]
    scores = codes[near].astype(np.float32) @ query  # float32: int8 would overflow
    return [texts[i] for i in near[np.argsort(-scores)[:k]]]


print(bits[0].nbytes, "and", codes[0].nbytes, "bytes a text instead of", vectors[0].nbytes)
print(find("delete a document"))

# %% [markdown]
# ## Further reading
#
# - The library on [Matryoshka embeddings](https://sbert.net/examples/sentence_transformer/training/matryoshka/README.html) and on
#   [embedding quantization](https://sbert.net/examples/sentence_transformer/applications/embedding-quantization/README.html)
# - Kusupati and others (2022), [Matryoshka Representation Learning](https://arxiv.org/abs/2205.13147)
# - FAISS on [choosing an index](https://github.com/facebookresearch/faiss/wiki/Guidelines-to-choose-an-index)

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. You keep MiniLM's first 128 numbers, and your index computes dot products. What is missing?**
#
# <details><summary>A.&nbsp;A Matryoshka training, or nothing is found.</summary>Not quite. MiniLM declines slowly, although it had none.</details>
# <details><summary>B.&nbsp;<code>truncate_dim</code>: a slice gives other numbers.</summary>Not quite. It is a slice; stored vectors can be cut.</details>
# <details><summary>C.&nbsp;Normalizing again.</summary>Right. Pieces differ in length, and dot products favor long ones.</details><br>
#
# **2. The library's `int8` codes, compared as they are, lose hits. Why?**
#
# <details><summary>A.&nbsp;Each dimension has a scale of its own.</summary>Right. Decode them, or take one factor for all.</details>
# <details><summary>B.&nbsp;A byte is too coarse for a dimension.</summary>Not quite. Decoded, the same codes lose almost nothing.</details>
# <details><summary>C.&nbsp;The codes must be normalized again before they are compared.</summary>Not quite. Lengths are not the trouble, scales are.</details><br>
#
# **3. Searched by bits alone, three of ten hits are lost. How do they come back?**
#
# <details><summary>A.&nbsp;With signed bytes, <code>binary</code> instead of <code>ubinary</code>.</summary>Not quite. Both hold the same bits, packed alike.</details>
# <details><summary>B.&nbsp;More candidates, sorted by <code>int8</code> codes.</summary>Right. The lost hits are near; better vectors find them.</details>
# <details><summary>C.&nbsp;More candidates, sorted by their bits.</summary>Not quite. In the library's search, that brought little back.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [13 · Keep a growing collection embedded](13_batch_pipelines.ipynb). One encoder in one process, on many machines, and in a table that embeds only what changed and survives a kill.
# - **Before:** [11 · Make encoding faster, and prove it](11_faster_inference.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
