# %% [markdown] tags=["header"]
# # 05 · Search by meaning and measure how well it works
#
# Brute force, queries and documents, evaluation beside BM25 and chance, a FAISS index, and the failures.
#
# **Time:** 60 minutes · **Builds on:** [04 · Compare texts with similarity scores](04_similarity.ipynb)

# %% [markdown]
# "We have four thousand pages of documentation. Can people search them by asking a question? And when somebody says that the old
# keyword search was better, how do we find out who is right?"
#
# The first half takes ten lines, which we write ourselves before we let the library do it. The second half needs labels, measures, a
# baseline and a look at what goes wrong, and takes most of this lesson.

# %% [markdown]
# ## What you'll be able to do
#
# - Search a corpus by brute force in numpy and with `util.semantic_search`, and show that both find the same.
# - Restrict a search with a filter, and say why the best hit may still be no answer.
# - Compute recall@k, reciprocal rank and nDCG by hand, with a helper and with the library's evaluator.
# - Compare embeddings with BM25 and with chance, with an interval beside each figure.
# - Read single failures and name what to try next.
# - Build a FAISS index, measure what it loses, and save it so that the wrong model is refused.

# %% tags=["setup"]
from helpers import corpus, evaluation, exercises, hub, plots
hub.activate()
import numpy as np
from sentence_transformers import SentenceTransformer, util

# %% [markdown]
# ## Search five sentences by hand
#
# We start with the example of the older guide: five sentences and one question. Queries and documents each have their own method,
# `encode_query` and `encode_document`; the next section says why.

# %%
model = SentenceTransformer("all-MiniLM-L6-v2")
sentences = [
    "Python is a programming language",
    "Machine learning uses algorithms",
    "Natural language processing handles text",
    "Deep learning requires neural networks",
    "Data science combines statistics and coding",
]
sentence_vectors = model.encode_document(sentences)
question_vector = model.encode_query("What programming languages are used for AI?")
sentence_vectors.shape, question_vector.shape

# %% [markdown]
# The vectors have length 1, so a dot product is a cosine similarity, and **one matrix product compares the question with every
# sentence**. Sorting by score, best first, gives the ***ranking***. Predict before you go on: which sentence comes second?

# %%
scores = sentence_vectors @ question_vector
ranking = np.argsort(-scores)
for i in ranking[:3]:
    print(f"{scores[i]:.3f}  {sentences[i]}")

# %% [markdown]
# Because no sentence was left out, this is an ***exact search***: no document with a higher score can have been missed. What it does
# not show: none of these sentences answers the question. A ranking puts *something* first, always.
#
# The library has the same in one call.

# %%
hits = util.semantic_search(question_vector, sentence_vectors, top_k=3)[0]
print("same ranking:", [hit["corpus_id"] for hit in hits] == ranking[:3].tolist())
print("same scores: ", np.allclose([hit["score"] for hit in hits], scores[ranking[:3]], atol=1e-5))

# %% [markdown]
# The result is a list with one entry a query, hence the `[0]`. The older guide imports `torch` for this and never uses it: numpy
# arrays go in as they are. It also prints four decimals, of which the last may change with the processor; we stop at three.
# What the call adds is thrift: it takes queries and documents in chunks, so that the table of all scores need not fit into memory.

# %% [markdown]
# ## Encode questions and documents each with their own method
#
# A short question looks for a longer text that answers it: this is ***asymmetric search***. (Duplicate tickets are symmetric: both
# sides are of one kind.) Some models are trained to treat the sides differently, with a prompt such as `query: ` in front. Predict:
# what do the two methods add for our model?

# %%
text = "sort an array"
print(model.prompts)
print("encode_query equals encode:   ", np.array_equal(model.encode_query(text), model.encode(text)))
print("encode_document equals encode:", np.array_equal(model.encode_document(text), model.encode(text)))

# %% [markdown]
# Nothing: both prompts are empty, and a text gets one vector, whichever method we call. We use `encode_query` and
# `encode_document` all the same: the code then stays right with a model that has prompts, as in lesson 06, where the plain `encode`
# leaves them out without a word.

# %% [markdown]
# ## Search four thousand documents
#
# Now a real corpus: the documentation of numpy, scipy, scikit-learn, torch and matplotlib, one entry for each public function or
# class. We encode it **once** and use the matrix for the rest of the lesson.
# This is the slow cell: tens of seconds on two cores.

# %%
docs = corpus.api_docs()
names = np.array([doc.name for doc in docs])
documents = model.encode_document([doc.text for doc in docs], show_progress_bar=True)
print(docs[0].text, f"{len(docs)} entries, {documents.shape}, {documents.nbytes / 1e6:.1f} MB", sep="\n")


# %% [markdown]
# Searching is the same matrix product. Sorting everything to show five hits would be wasteful: `np.argpartition` moves the `k` best
# to the front, and only those get sorted.

# %%
def search(question, k=5):
    scores = documents @ model.encode_query(question)
    best = np.argpartition(-scores, k)[:k]
    best = best[np.argsort(-scores[best])]
    return [(str(names[i]), float(scores[i])) for i in best]


for name, score in search("split my data into train and test parts"):
    print(f"{score:.2f}  {name}")

# %% [markdown]
# The first hit is the one we want, and the second does the same job in another library. From the third on, the hits are of no use,
# but nothing in the scores says "stop here".

# %% [markdown]
# ## Filter before you rank, and doubt the first hit
#
# People often know where to look: "only torch". A filter is a mask over the documents. The tempting way is to search first and
# throw away what does not fit. Predict how many of the ten best hits for *draw random numbers from a normal distribution* are torch's.

# %%
is_torch = np.array([doc.library == "torch" for doc in docs])
scores = documents @ model.encode_query("draw random numbers from a normal distribution")
print("torch among the ten best:", is_torch[np.argsort(-scores)[:10]].sum())
print("best of torch:", ", ".join(names[np.argsort(-np.where(is_torch, scores, -np.inf))[:6]]))

# %% [markdown]
# Filtering afterward leaves two hits of ten; filtering first gives as many as we ask for. The mask costs next to nothing, and the
# score $-\infty$ keeps the positions, so that `names[i]` still fits.
#
# Now the opposite problem: a question that this corpus cannot answer.

# %%
for question in ("draw a bar chart", "get the same random numbers every time I run the script", "bake bread"):
    name, score = search(question, k=1)[0]
    print(f"{score:.2f}  {question:<56} {name}")

# %% [markdown]
# Bread finds the pie chart. Its score is low, so a threshold as in [lesson 04](04_similarity.ipynb) would help here.
# But look at the second line: a fair question with a useless hit scores in between. A threshold removes the hopeless; it does not
# tell right from wrong.

# %%
exercise_1 = exercises.get("05.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1, docs=docs, documents=documents, model=model)

# %% [markdown]
# ## Judge one ranking by hand
#
# To measure, we need to know what should have been found: a ***relevance label*** says that a certain document answers a certain query.
# `corpus.queries()` holds questions in everyday words, written for this course, with their labels. We mark the hits of one ranking;
# the last line of the output holds the labels.

# %%
query = next(item for item in corpus.queries() if item.text == "compute a definite integral numerically")
found = [name for name, _ in search(query.text, k=5)]
is_hit = np.array([name in query.relevant for name in found])
print(*[f"{name in query.relevant!s:<6} {name}" for name in found], f"labels: {query.relevant}", sep="\n")

# %% [markdown]
# Three measures, three questions, all between 0 and 1:
#
# - ***Recall@k***: which share of the relevant documents stands among the first k?
# - The ***reciprocal rank*** is 1 divided by the rank of the first relevant document: how far must I read? Its mean over queries is
#   called MRR.
# - ***nDCG***, normalized discounted cumulative gain: a hit at rank r counts 1 / log2(r + 1), and the sum is divided by the best
#   possible one. Do the relevant ones stand at the top?
#
# Work them out on paper for the ranking above, then run the cell. With three labels, the best possible hits are at ranks 1, 2 and 3.

# %%
recall, reciprocal_rank = is_hit.sum() / len(query.relevant), 1 / (is_hit.argmax() + 1)
ndcg = (is_hit / np.log2([2, 3, 4, 5, 6])).sum() / (1 / np.log2([2, 3, 4])).sum()
print(f"by hand: {recall:.3f}, {reciprocal_rank:.3f}, {ndcg:.3f}")
evaluation.evaluate([found], [query.relevant], k=5)


# %% [markdown]
# The helper agrees. One warning: look at the hits that do *not* count. `tanhsinh` computes definite integrals too, but is not on our
# list. An unlabeled hit counts as wrong, so such figures compare systems better than they grade one.

# %% [markdown]
# ## Measure many questions
#
# One query is an anecdote. We have two sets of labels, and need one function: the names of the best ten in each row of scores.
#
# - **Questions**: the hand-written ones. Realistic, but few, and written by people who knew the answers.
# - **See Also**: the authors of the five libraries linked related entries. Many, and not ours; but a link means "related", not
#   "answers a question". Here an entry's own text is the query, and the entry itself is excluded.

# %%
def top_names(scores, k=10):
    return names[np.argsort(-scores, axis=1, kind="stable")[:, :k]]


labeled = corpus.queries()
questions = model.encode_query([item.text for item in labeled])
question_scores, question_labels = questions @ documents.T, [item.relevant for item in labeled]

linked = [i for i, doc in enumerate(docs) if doc.see_also]
link_scores, link_labels = documents[linked] @ documents.T, [docs[i].see_also for i in linked]
link_scores[range(len(linked)), linked] = -np.inf

print("Questions", evaluation.evaluate(top_names(question_scores), question_labels), sep="\n")
print("See Also", evaluation.evaluate(top_names(link_scores), link_labels), sep="\n")

# %% [markdown]
# Most of what should be found stands among the first ten of more than four thousand. The two sets ask different things, so the
# difference between them is no verdict.
#
# The library brings the same measures. `InformationRetrievalEvaluator` takes three dictionaries and the model. It would encode the
# corpus again; `corpus_embeddings` hands it our matrix.

# %%
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

evaluator = InformationRetrievalEvaluator(
    queries={item.text: item.text for item in labeled},
    corpus={doc.name: doc.text for doc in docs},
    relevant_docs={item.text: set(item.relevant) for item in labeled},
)
result = evaluator(model, corpus_embeddings=documents)
for measure in ("cosine_recall@10", "cosine_mrr@10", "cosine_ndcg@10"):
    print(f"{measure:<17} {result[measure]:.3f}")

# %% [markdown]
# The same three figures. In a project, the evaluator is the one to use.

# %%
exercise_2 = exercises.get("05.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2, scores=question_scores, relevant=question_labels, names=names)

# %% [markdown]
# ## Compare with keyword search and with chance
#
# A figure alone says little: we need a ***baseline***, a simpler method that a new one must beat. The usual one is ***BM25***, the
# classic keyword score. It adds up, over the words of the query, how often each occurs in the document, with less and less weight
# for repetitions. Rare words count more than common ones. Long documents are marked down, because they contain more words by chance.
#
# BM25 sees words only, so **what counts as a word** decides. In code, `train_test_split` should also be found by its parts.

# %%
import re

import bm25s


def words(text):
    found = re.findall(r"\w+", text)
    split = [re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", word).split() for word in found]
    parts = [part for pieces in split if len(pieces) > 1 for part in pieces]
    return [word.lower() for word in found + parts]


print(words("use GridSearchCV or train_test_split"))
bm25 = bm25s.BM25()
bm25.index([words(doc.text) for doc in docs], show_progress=False)


def keyword_scores(queries):
    return np.array([bm25.get_scores(words(query)) for query in queries])


for phrase in ("grid search", "bake bread"):
    [row] = keyword_scores([phrase])
    print(f"{phrase:<11}  best score {row.max():.1f}  {names[row.argmax()]}")


# %% [markdown]
# "Grid search" works because the name was split. For "bake bread" the best score is 0, for no document contains either word: BM25 can
# say "nothing found", which an embedding search never does.
#
# Now both methods on both sets, beside chance. To know how far a figure can be trusted, we draw the queries anew 2,000 times, with
# repetition, and keep the middle 95 % of the means: a bootstrap interval.

# %%
def recalls(scores, labels):
    pairs = zip(top_names(scores), labels, strict=True)
    return np.array([evaluation.recall_at_k(found, wanted, 10) for found, wanted in pairs])


def interval(values):
    means = np.random.default_rng(0).choice(values, (2000, len(values))).mean(axis=1)
    return np.quantile(means, [0.025, 0.975])


keyword_questions = keyword_scores([item.text for item in labeled])
keyword_links = keyword_scores([docs[i].text for i in linked])
keyword_links[range(len(linked)), linked] = -np.inf

# %%
runs = {
    "questions, embeddings": (question_scores, question_labels),
    "questions, BM25": (keyword_questions, question_labels),
    "See Also, embeddings": (link_scores, link_labels),
    "See Also, BM25": (keyword_links, link_labels),
}
print(f"{'':<22} {'n':>5} {'recall@10':>10} {'95 % interval':>15} {'MRR@10':>8} {'nDCG@10':>8}")
for name, (scores, labels) in runs.items():
    got, (low, high) = evaluation.evaluate(top_names(scores), labels), interval(recalls(scores, labels))
    figures = f"{got.recall:>10.3f} {low:>7.2f} to {high:.2f} {got.mrr:>9.2f} {got.ndcg:>8.2f}"
    print(f"{name:<22} {got.queries:>5} {figures}")
print(f"{'chance':<22} {'':>5} {evaluation.random_baseline(len(docs), 1, 10):>10.3f}")
difference = recalls(question_scores, question_labels) - recalls(keyword_questions, question_labels)
low, high = interval(difference)
print(f"embeddings minus BM25, paired by question: {difference.mean():+.2f} ({low:+.2f} to {high:+.2f})")

# %% [markdown]
# Both are far above chance, embeddings ahead on both sets.

# %%
means = [recalls(*run).mean() for run in runs.values()] + [evaluation.random_baseline(len(docs), 1, 10)]
seen = "Bars of recall@10: embeddings ahead of BM25 on questions and See Also links; chance close to zero."
plots.show(plots.bars(means, [*runs, "chance"], decimals=3, title="Recall@10"), seen)

# %% [markdown]
# With so few questions, their two intervals overlap. But both methods answered *the same* questions: the last line of the table takes
# the difference question by question, and its interval stays above zero. Which kind of query would turn it around?
#
# ### Myth: "semantic search replaces keyword search"
#
# Engineers paste names. We take every twentieth entry of the corpus and search for its bare name, such as `argrelmax`.

# %%
bare = [doc.name.split(".")[-1] for doc in docs[::20]]
wanted = [[name for name in names if name.split(".")[-1] == one] for one in bare]
print("BM25", evaluation.evaluate(top_names(keyword_scores(bare)), wanted), sep="\n")
print("embeddings", evaluation.evaluate(top_names(model.encode_query(bare) @ documents.T), wanted), sep="\n")

# %% [markdown]
# BM25 wins, and most clearly at the top of the list: for BM25, a rare name is one exact word that hardly any other entry has. Neither
# method replaces the other; lesson 15 adds them up.

# %%
exercise_3 = exercises.get("05.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots
exercise_3.check(answer_3, docs=docs, documents=documents, model=model, keyword_scores=keyword_scores)


# %% [markdown]
# ## Read the failures one by one
#
# An average hides its reasons. For each question we look up the rank of its first relevant entry, and list the questions where
# the embeddings have none among the first ten, or where BM25 is ahead.

# %%
def first_ranks(scores):
    rankings = names[np.argsort(-scores, axis=1, kind="stable")]
    pairs = zip(rankings, question_labels, strict=True)
    return [int(np.isin(ranked, labels).argmax()) + 1 for ranked, labels in pairs]


print("embeddings  BM25   rank of the first relevant entry for")
rows = zip(labeled, first_ranks(question_scores), first_ranks(keyword_questions), strict=True)
for item, dense, keyword in sorted(rows, key=lambda row: row[1]):
    if dense > 10 or keyword < dense:
        print(f"{min(dense, 100):>10} {min(keyword, 100):>5}   {item.text}")

# %% [markdown]
# 100 stands for 100 or worse. Where BM25 is ahead, it is ahead by a place. The failures below are another matter, because **BM25 fails
# there too**: *two pictures next to each other* never says "subplot". Adding BM25 will not repair these.
#
# Three kinds of failure, side by side:

# %%
asked = ("argrelmax", "find groups of points without choosing k", "density-based clustering", "sort an array")
for question in (*asked, "do not sort an array"):
    print(f"{question:<40}", ", ".join(name for name, _ in search(question, k=3)))

# %% [markdown]
# - The bare name `argrelmax` brings other names, and not the function itself.
# - Asked what it is *good for*, the search takes "k" and "points" at their word and shows k-means and nearest neighbors. Asked in the
#   documentation's own words, it finds `HDBSCAN` at once.
# - **Negation hardly counts.** With "do not" in front, the same three entries come back: a text and its denial share their topic.
#
# | what fails | what to try next |
# |---|---|
# | exact names, such as `argrelmax` | keyword search beside it: hybrid search (lesson 15) |
# | the right entry is there, but far down | a reranker over the first 50 or 100 (lesson 15) |
# | the document never says what it is for | richer document text: examples, synonyms, typical questions |
# | negation, "only", "without" | a filter on data, not on meaning |

# %% [markdown]
# ## Use a FAISS index, and measure what it loses
#
# A ***vector index*** is a data structure that holds vectors and answers "which are nearest to this one?". FAISS is a library of
# them. The plainest, `IndexFlatIP`, compares inner products (dot products) with everything, as we did. Predict: do its results differ
# from ours?

# %%
import faiss

faiss.omp_set_num_threads(1)  # one thread builds the same index each time

exact = np.argsort(-question_scores, axis=1, kind="stable")[:, :10]
flat = faiss.IndexFlatIP(documents.shape[1])
flat.add(documents)
_, by_faiss = flat.search(questions, 10)
print("same ten hits for each question:", np.array_equal(by_faiss, exact))


# %% [markdown]
# ### Myth: "FAISS is more accurate"
#
# It cannot be: the scores are the model's, and the exact search already returns the best of them. What other indexes offer is speed
# through ***approximate nearest neighbor search***: they look at a part of the vectors only, and may miss some. `IndexIVFFlat`
# sorts the vectors into buckets, here 64, and visits the `nprobe` buckets closest to the query. `IndexHNSWFlat` links each vector to a
# few neighbors and walks along the links; `efSearch` is how many candidates it keeps on the way.

# %%
def kept(found):
    return np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, exact, strict=True)])


size = documents.shape[1]
centers = faiss.IndexFlatIP(size)
ivf = faiss.IndexIVFFlat(centers, size, 64, faiss.METRIC_INNER_PRODUCT)
ivf.train(documents)
ivf.add(documents)
hnsw = faiss.IndexHNSWFlat(size, 16, faiss.METRIC_INNER_PRODUCT)
hnsw.add(documents)

# %%
print("index  setting       vectors compared  exact hits kept")
for nprobe in (1, 4, 16, 64):
    ivf.nprobe = nprobe
    faiss.cvar.indexIVF_stats.reset()
    _, found = ivf.search(questions, 10)
    compared = faiss.cvar.indexIVF_stats.ndis / question_scores.size
    print(f"IVF    nprobe   {nprobe:>3}  {compared:>16.0%}  {kept(found):>15.0%}")
for breadth in (16, 32, 64, 128):
    hnsw.hnsw.efSearch = breadth
    faiss.cvar.hnsw_stats.reset()
    _, found = hnsw.search(questions, 10)
    compared = faiss.cvar.hnsw_stats.ndis / question_scores.size
    print(f"HNSW   efSearch {breadth:>3}  {compared:>16.0%}  {kept(found):>15.0%}")

# %% [markdown]
# With one bucket, **half of the exact hits are gone**, and no message says so. Visiting all buckets gives everything back and saves
# nothing. HNSW needs fewer comparisons for the same share, but it too loses some at its default of 16. Measure such a setting with
# your own queries: these figures hold for these questions and vectors.
#
# ### Myth: "you need a vector database for 4,000 documents"
#
# Guess how long our numpy search takes, and how long the model needs to encode the question. The figures below depend on the machine.

# %% reason="times depend on the machine" tags=["nbval-ignore-output"]
from timeit import repeat

one = questions[:1]
ways = {
    "encode the question": lambda: model.encode_query("shortest path in a graph"),
    "numpy, exact": lambda: np.argpartition(-(documents @ one[0]), 10)[:10],
    "util.semantic_search, top_k=10": lambda: util.semantic_search(one, documents, top_k=10),
    "util.semantic_search, top_k=4000": lambda: util.semantic_search(one, documents, top_k=4000),
    "FAISS flat, exact": lambda: flat.search(one, 10),
    "FAISS HNSW, approximate": lambda: hnsw.search(one, 10),
}
times = {way: min(repeat(run, number=5, repeat=9)) / 5 * 1000 for way, run in ways.items()}
for way, milliseconds in times.items():
    print(f"{milliseconds:>8.2f} ms  {way}")
assert times["numpy, exact"] < times["encode the question"] and times["numpy, exact"] < 50

# %% [markdown]
# The exact search takes far less time than encoding the question: a faster index would save a part of almost nothing. The cost of an
# exact search grows with the number of documents, so work out from your own line where it begins to hurt. Two habits keep it low: all
# vectors in **one matrix**, and a `top_k` no larger than you need, because `util.semantic_search` builds a dictionary for each hit.
# Its documentation puts its range at corpora of up to about a million entries.

# %% [markdown]
# ## Save the index, and refuse the wrong model
#
# An index holds numbers: no texts, and no note of which model made them. We save three things together: the index, the texts, and a
# note. `np.save(file, documents)` would do instead of `faiss.write_index` where numpy does the searching.

# %%
import json
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
note = {"model": "sentence-transformers/all-MiniLM-L6-v2", "size": size, "texts": [doc.text for doc in docs]}
faiss.write_index(flat, str(folder / "index.faiss"))
(folder / "note.json").write_text(json.dumps(note), encoding="utf-8")
restored = faiss.read_index(str(folder / "index.faiss"))
print("same hits after reloading:", np.array_equal(restored.search(questions, 10)[1], by_faiss))

# %% [markdown]
# Later, somebody loads the index with another model. If the sizes differ, the search fails. Would the messages tell you why?

# %%
from_a_256_model = question_vector[:256]  # stands for a vector of another size
for attempt in (lambda: restored.search(from_a_256_model[None], 10), lambda: documents @ from_a_256_model):
    try:
        attempt()
    except (AssertionError, ValueError) as error:
        print(f"{type(error).__name__}: {str(error)[:60]!r}")

# %% [markdown]
# FAISS says nothing at all, and numpy speaks of core dimensions. That is the lucky case. **With the same size, nothing fails.** We try
# two models with 384 numbers: MiniLM's own weights under another pooling, and a rotated MiniLM. The rotation keeps every similarity
# among its own vectors but uses the directions differently, as a model from another training run would.

# %%
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

repooled = SentenceTransformer(modules=[model[0], Pooling(size, "cls"), Normalize()])
rotation, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((size, size)))
other_scores = {
    "the index's own model": questions @ documents.T,
    "the same, other pooling": repooled.encode_query([item.text for item in labeled]) @ documents.T,
    "rotated": questions @ rotation @ documents.T,
    "rotated on both sides": questions @ rotation @ (documents @ rotation).T,
}
for kind, scores in other_scores.items():
    print(f"recall@10 {recalls(scores, question_labels).mean():.2f}  {kind}")


# %% [markdown]
# The rotated model is as good as the original with its own index, and useless with ours. The repooled one is worse in a way that
# a few results would not reveal. A name in the note helps only if somebody compares it; the vectors are the better witness. **Encode
# one stored text again and compare it with its stored vector.**

# %%
def refuse_wrong_model(index, note, model):
    again = model.encode_document(note["texts"][0])
    if again.shape != (index.d,):
        raise ValueError(f"Index size {index.d}, model size {len(again)}: use {note['model']}.")
    if (agreement := float(again @ index.reconstruct(0))) < 0.99:
        raise ValueError(f"Model and index disagree (cosine {agreement:.2f}): use {note['model']}.")
    return "model and index fit"


note = json.loads((folder / "note.json").read_text(encoding="utf-8"))
for candidate in (model, repooled):
    try:
        print(refuse_wrong_model(restored, note, candidate))
    except ValueError as error:
        print(error)

# %% [markdown]
# One text is enough, because such a change moves every vector. The bar just below 1 leaves room for another processor or precision.

# %% [markdown]
# ## Summary
#
# - Brute force is one matrix product and a sort; `util.semantic_search` finds the same hits with the same scores.
# - A filter belongs before the ranking, as a mask; a ranking always has a first hit, also for bread.
# - Recall@k, reciprocal rank and nDCG come out the same by hand, from the helper and from `InformationRetrievalEvaluator`.
# - Embeddings are ahead of BM25 on questions in everyday words and on related entries, far above chance; BM25 is ahead on bare names.
# - Single failures point to different remedies: hybrid search, reranking, richer texts, or a filter.
# - A flat FAISS index equals brute force, approximate ones lose hits that you can count; an index saved with its texts and a check
#   refuses the wrong model.

# %% [markdown]
# ## Copy and paste
#
# A complete search in plain numpy: encode, filter, rank, measure, save, reload, check.

# %% tags=["copy-paste"]
import tempfile
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

MODEL = "all-MiniLM-L6-v2"
model = SentenceTransformer(MODEL)
texts = ["Sort a list in place.", "Open a file for reading.", "Split a string.", "Remove a file from disk."]
vectors = model.encode_document(texts, normalize_embeddings=True)


def search(question, k=3, allowed=None):
    """The k best texts as (score, position); `allowed` is a boolean mask over the texts."""
    scores = vectors @ model.encode_query(question, normalize_embeddings=True)
    scores = scores if allowed is None else np.where(allowed, scores, -np.inf)
    return [(float(scores[i]), int(i)) for i in np.argsort(-scores)[:k] if np.isfinite(scores[i])]


def recall_at_k(question, relevant, k):
    """The share of the relevant positions among the first k hits."""
    return len({i for _, i in search(question, k)} & set(relevant)) / len(relevant)


path = Path(tempfile.mkdtemp()) / "index.npz"
np.savez(path, vectors=vectors, texts=texts, model=MODEL)
stored = np.load(path)
again = model.encode_document(str(stored["texts"][0]), normalize_embeddings=True)
assert again @ stored["vectors"][0] > 0.99, f"Use {stored['model']} with this index."
for allowed in (None, np.array(["read" in text for text in texts])):
    print([(f"{score:.2f}", texts[i]) for score, i in search("delete a document", k=2, allowed=allowed)])
print(f"recall@1 {recall_at_k('delete a document', relevant=[3], k=1):.2f}")

# %% [markdown]
# ## Further reading
#
# - The library on [semantic search](https://sbert.net/examples/sentence_transformer/applications/semantic-search/README.html) and on
#   its [evaluators](https://sbert.net/docs/package_reference/sentence_transformer/evaluation.html)
# - FAISS on [choosing an index](https://github.com/facebookresearch/faiss/wiki/Guidelines-to-choose-an-index)
# - Järvelin and Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques", the source of nDCG

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Before:** [04 · Compare texts with similarity scores](04_similarity.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
