# %% [markdown] tags=["header"]
# # 05 · Search by meaning and measure how well it works
#
# Brute force, queries and documents, evaluation beside BM25 and chance, a FAISS index, and the failures.
#
# **Time:** 60 minutes · **Builds on:** [04 · Compare texts with similarity scores](04_similarity.ipynb)

# %% [markdown]
# "Our documentation has four thousand entries. Can people search it by asking a question? And when somebody says that the old keyword
# search was better, how do we find out who is right?"
#
# The first half takes a few lines. The second takes most of this lesson: labels, measures, something to compare with, and a look at
# what goes wrong.

# %% [markdown]
# ## What you'll be able to do
#
# - Search a corpus by brute force in numpy and with `util.semantic_search`, and show that both find the same.
# - Restrict a search with a filter, and say why the first hit may be no answer.
# - Compute recall@k, reciprocal rank and nDCG by hand, with a helper and with the library's evaluator.
# - Compare embeddings with BM25 and with chance, with an interval beside each figure.
# - Read single failures and name what to try next.
# - Build a FAISS index, measure what it loses, and save it so that a wrong model is noticed.

# %% tags=["setup"]
from helpers import corpus, evaluation, exercises, hub, plots, widgets
hub.activate()
import numpy as np
from sentence_transformers import SentenceTransformer, util

# %% [markdown]
# ## Search five sentences by hand
#
# We start with the older guide's example. Queries and documents each have a method of their own, `encode_query` and
# `encode_document`; the next section says why.

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
# Because every sentence was compared, this is an ***exact search***: no better hit can have been missed. But look at the hits: none of
# these sentences answers the question. A ranking always puts *something* first.
#
# The library does the same in one call.

# %%
hits = util.semantic_search(question_vector, sentence_vectors, top_k=3)[0]
for hit in hits:
    print(f"{hit['score']:.3f}  {sentences[hit['corpus_id']]}")
print("our ranking:", [hit["corpus_id"] for hit in hits] == ranking[:3].tolist())

# %% [markdown]
# The result holds one list of hits for each query, hence the `[0]`. The older guide imports `torch` here and never uses it: numpy
# arrays go in as they are. What the call adds: it works block by block, so that the table of all scores need not fit into memory.

# %% [markdown]
# ## Encode questions and documents each with their own method
#
# A short question looks for a longer text that answers it: this is ***asymmetric search***. (A search for duplicate tickets is
# symmetric: both sides are of one kind.) Some models are trained with a different prompt for each side, such as `query: ` in front of
# the question. Predict: what do the two methods add for our model?

# %%
text = "sort an array"
print(model.prompts)
print("encode_query equals encode:   ", np.array_equal(model.encode_query(text), model.encode(text)))
print("encode_document equals encode:", np.array_equal(model.encode_document(text), model.encode(text)))

# %% [markdown]
# Nothing: both prompts are empty. We use the two methods all the same: the code then stays right with a model that has prompts, where
# plain `encode` leaves them out without a word (lesson 06).

# %% [markdown]
# ## Search four thousand documents
#
# Now a real corpus: the documentation of numpy, scipy, scikit-learn, torch and matplotlib. An entry is the name and summary of one
# function or class. We encode them all **once**, for the rest of the lesson. This is the one slow cell: half a minute or more on two
# processor cores.

# %%
docs = corpus.api_docs()
names, libraries = np.array([(doc.name, doc.library) for doc in docs]).T
documents = model.encode_document([doc.text for doc in docs], show_progress_bar=True)
print(docs[0].text, f"{len(docs)} entries, {documents.shape}, {documents.nbytes / 1e6:.1f} MB", sep="\n")


# %% [markdown]
# Searching is the same matrix product. We show five hits and need not sort the rest: `np.argpartition` moves the `k` best to the front
# in any order, and we sort those.

# %%
def search(question, k=5):
    scores = documents @ model.encode_query(question)
    best = np.argpartition(-scores, k - 1)[:k]
    best = best[np.argsort(-scores[best])]
    return [(str(names[i]), float(scores[i])) for i in best]


for name, score in search("split my data into train and test parts"):
    print(f"{score:.2f}  {name}")

# %% [markdown]
# The first hit is the one we want, and the second does the same job in another library. The rest is of no use, but no score says
# "stop here".

# %% [markdown]
# ## Filter before you rank, and doubt the first hit
#
# People often know where to look: "only torch". The tempting way is to search first and throw away what does not fit. Predict how many
# of the ten best hits for *draw random numbers from a normal distribution* are torch's. The other way is a mask before the ranking.

# %%
scores = documents @ model.encode_query("draw random numbers from a normal distribution")
print("torch among the ten best:", (libraries[np.argsort(-scores)[:10]] == "torch").sum())
torch_scores = np.where(libraries == "torch", scores, -np.inf)
print("best of torch:", ", ".join(names[np.argsort(-torch_scores)[:5]]))

# %% [markdown]
# Filtering afterward leaves two hits of ten; filtering first gives as many as we ask for. A score of $-\infty$ sends the others to the
# end and keeps all positions, so that `names[i]` still fits.
#
# Now the opposite problem. Which of these three questions has no good answer here, and will the score tell?

# %%
for question in ("draw a bar chart", "the same random numbers on every run", "bake bread"):
    name, score = search(question, k=1)[0]
    print(f"{score:.2f}  {question:<37} {name}")

# %% [markdown]
# Bread finds the pie chart. Its score is low, so a threshold as in [lesson 04](04_similarity.ipynb) would help. But the second question
# is a fair one (it needs a seed), its hit is of no use, and its score is in between. A threshold removes what is far off; it does not
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
# `corpus.queries()` holds questions in everyday words, written and labeled for this course. We take one: its labels, then its hits.

# %%
query = next(item for item in corpus.queries() if item.text == "compute a definite integral numerically")
found = [name for name, _ in search(query.text, k=5)]
is_hit = np.array([name in query.relevant for name in found])
query.relevant, dict(zip(found, is_hit.tolist(), strict=True))

# %% [markdown]
# Three measures answer three questions. All lie between 0 and 1:
#
# - ***Recall@k***: which share of the relevant documents stands among the first k?
# - The ***reciprocal rank*** is 1 divided by the rank of the first relevant document: how far must I read? Its mean over queries is
#   called MRR.
# - ***nDCG***, normalized discounted cumulative gain: do the relevant ones stand at the top? A hit at rank r counts 1 / log2(r + 1), and
#   the sum is divided by the best one possible.
#
# Work them out on paper for the ranking above, then run the cell. With three labels, the best ranking has its hits at 1, 2 and 3; the
# code adds 1 because `argmax` counts from 0.

# %%
recall, reciprocal_rank = is_hit.sum() / len(query.relevant), 1 / (is_hit.argmax() + 1)
ndcg = (is_hit / np.log2([2, 3, 4, 5, 6])).sum() / (1 / np.log2([2, 3, 4])).sum()
print(f"by hand: {recall:.3f}, {reciprocal_rank:.3f}, {ndcg:.3f}")
evaluation.evaluate([found], [query.relevant], k=5)


# %% [markdown]
# The helper agrees. But look at the first hit: `tanhsinh` integrates numerically too, and is not on our list. A hit without a label
# counts as wrong, so these figures compare two systems better than they grade one.

# %% [markdown]
# ## Measure many questions
#
# One query is an anecdote. We have two sets of labels:
#
# - **Questions**: the hand-written ones. Realistic, but few, and written by people who knew the answers.
# - **See Also**: the links that the libraries' authors set. Many, and not ours; but a link says "related", not "answers the question".
#   Here an entry's own text is the query, and the entry itself is excluded.

# %%
def top_names(scores, k=10):
    return names[np.argsort(-scores, axis=1, kind="stable")[:, :k]]


labeled = corpus.queries()
questions = model.encode_query([item.text for item in labeled])
question_scores = questions @ documents.T
question_labels = [item.relevant for item in labeled]

linked = [i for i, doc in enumerate(docs) if doc.see_also]
link_scores = documents[linked] @ documents.T
link_scores[range(len(linked)), linked] = -np.inf  # an entry must not find itself
link_labels = [docs[i].see_also for i in linked]

print("For example,", docs[linked[0]].name, "links to", ", ".join(link_labels[0]))
print("Questions", evaluation.evaluate(top_names(question_scores), question_labels), sep="\n")
print("See Also", evaluation.evaluate(top_names(link_scores), link_labels), sep="\n")

# %% [markdown]
# Most of what should be found stands among the first ten of more than four thousand. Do not compare the two sets with each other: they
# ask different things.
#
# The library brings the same measures. `InformationRetrievalEvaluator` would encode the corpus again; with `corpus_embeddings` we hand
# it our matrix.

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
# The same three figures: in a project, there is no need to write measures of your own.

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
# classic keyword score. It counts how often each word of the query occurs in a document: repetitions add less and less, rare words
# count more, and long documents count less, because they contain more words anyway.
#
# BM25 sees words only, so **what counts as a word** decides. A name such as `train_test_split` should be found by its parts too.

# %%
import re

import bm25s


def words(text):
    found = re.findall(r"\w+", text)
    split = [re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", word).split() for word in found]
    parts = [part for pieces in split if len(pieces) > 1 for part in pieces]
    return [word.lower() for word in found + parts]  # the name as a whole, and its parts


print(words("use GridSearchCV or train_test_split"))
bm25 = bm25s.BM25()
bm25.index([words(doc.text) for doc in docs], show_progress=False)


def keyword_scores(queries):
    return np.array([bm25.get_scores(words(query)) for query in queries])


for phrase in ("grid search", "bake bread"):
    row = keyword_scores([phrase])[0]
    print(f"{phrase:<11}  best score {row.max():.1f}  documents with a score: {(row > 0).sum()}")


# %% [markdown]
# For "bake bread" no document has a score, because none contains either word. BM25 can say "nothing found"; an embedding search never
# does.
#
# Now both methods on both sets, beside random scores. How far can we trust a mean over so few questions? We draw the queries again
# 2,000 times, with repetition, and keep the middle 95 % of the means: a bootstrap interval.

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
random_links = np.random.default_rng(0).random(link_scores.shape)

# %%
runs = {
    "questions, embeddings": (question_scores, question_labels),
    "questions, BM25": (keyword_questions, question_labels),
    "See Also, embeddings": (link_scores, link_labels),
    "See Also, BM25": (keyword_links, link_labels),
    "See Also, random": (random_links, link_labels),
}
recalls_of = {name: recalls(*run) for name, run in runs.items()}
print(f"{'':<22} {'n':>4}  recall@10  95 % interval  MRR@10  nDCG@10")
for name, (scores, labels) in runs.items():
    got = evaluation.evaluate(top_names(scores), labels)
    low, high = interval(recalls_of[name])
    print(f"{name:<22} {got.queries:>4}  {got.recall:>9.3f}", end="")
    print(f"   {low:.2f} to {high:.2f}  {got.mrr:>6.2f}  {got.ndcg:>7.2f}")
difference = recalls_of["questions, embeddings"] - recalls_of["questions, BM25"]
low, high = interval(difference)
print(f"questions, embeddings minus BM25: {difference.mean():+.2f} ({low:+.2f} to {high:+.2f})")

# %% [markdown]
# Random scores find next to nothing, and embeddings are ahead of BM25 on both sets. Is that lead more than luck?

# %%
intervals = np.array([interval(values) for values in recalls_of.values()])
middle = intervals.mean(axis=1)
figure, axes = plots.new_figure(7.0, 2.4)
axes.errorbar(middle, list(runs), xerr=intervals[:, 1] - middle, fmt="none", elinewidth=6)
axes.plot([values.mean() for values in recalls_of.values()], list(runs), "o", color="black")
axes.set(xlim=(-0.02, 1), xlabel="recall@10 and its 95 % interval")
axes.invert_yaxis()
spans = [f"{name}: {low:.2f} to {high:.2f}" for name, (low, high) in zip(runs, intervals, strict=True)]
plots.show(figure, "Recall@10, 95 % intervals as bars. " + "; ".join(spans))

# %% [markdown]
# On See Also the intervals are narrow and apart. On the few questions they overlap. But both methods answered *the same* questions: the
# last line of the table takes the difference question by question, and its interval stays above zero. Which kind of query would turn
# this around?
#
# ### Myth: "semantic search replaces keyword search"
#
# Engineers paste names. We take every 19th entry of the corpus and search for its bare name, such as `sort` for `numpy.sort`.

# %%
bare = [doc.name.split(".")[-1] for doc in docs[::19]]
wanted = [[name for name in names if name.split(".")[-1] == one] for one in bare]
print("BM25", evaluation.evaluate(top_names(keyword_scores(bare)), wanted), sep="\n")
print("embeddings", evaluation.evaluate(top_names(model.encode_query(bare) @ documents.T), wanted), sep="\n")

# %% [markdown]
# BM25 wins, and most clearly at the top of the list: for it, a rare name is one word that hardly any other entry has. Neither method
# replaces the other; the search box adds them up: its third list sums 1 / (60 + rank) over the other two. **Predict** what each list
# shows for *bake bread* and for *two pictures next to each other*; then type them.

# %%
texts = [doc.text for doc in docs]
widgets.SearchBox(model, texts, documents, names=names, words=words, query="argrelmax")

# %% [markdown]
# For the bare name, the sum keeps BM25's hit at the top. For bread BM25 finds nothing, and the sum is the embeddings' list. For the
# pictures, both first hits are wrong, and the sum puts a third one first: adding up did not repair what both had missed. Hand the box
# your own texts, and it shows what your users will see.

# %%
exercise_3 = exercises.get("05.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots
exercise_3.check(answer_3, docs=docs, documents=documents, model=model, keyword_scores=keyword_scores)


# %% [markdown]
# ## Read the failures one by one
#
# An average hides its reasons. We list the questions for which the embeddings have no relevant entry among the first ten, or BM25 has
# one earlier: the ranks of the first relevant entry, the question, and what the embeddings put first.

# %%
def first_rank(scores, relevant):
    ranked = names[np.argsort(-scores, kind="stable")]
    return int(np.isin(ranked, relevant).argmax()) + 1


rows = []
for item, dense, keyword in zip(labeled, question_scores, keyword_questions, strict=True):
    ranks = first_rank(dense, item.relevant), first_rank(keyword, item.relevant)
    rows.append((*ranks, item.text, names[dense.argmax()]))

print("embeddings  BM25  question")
for dense_rank, bm25_rank, text, first in sorted(rows):
    if dense_rank > 10 or bm25_rank < dense_rank:
        print(f"{min(dense_rank, 100):>10} {min(bm25_rank, 100):>5}  {text:<61} {first}")

# %% [markdown]
# 100 stands for 100 or worse. Which words led the model to the entry on the right? Where BM25 is ahead, it is by one place. On the other
# lines **BM25 fails as well**, and adding it will not repair them: *two pictures next to each other* never says "subplot".
#
# Three kinds of failure, side by side:

# %%
asked = ["argrelmax", "find groups of points without choosing k", "density-based clustering"]
for question in [*asked, "sort an array", "do not sort an array"]:
    print(f"{question:<40}", ", ".join(name for name, _ in search(question, k=3)))

# %% [markdown]
# - **A bare name** such as `argrelmax` brings other names, and not the function itself.
# - **A purpose** is not in the text, which says what a thing *is*. Asked for groups without choosing k, the search even offers
#   `kmeans2`, which needs a k. Asked in the documentation's own words, it finds `HDBSCAN` at once.
# - **A negation** hardly counts: with "do not" in front, the same three entries come back.
#
# | what fails | what to try next |
# |---|---|
# | exact names | keyword search beside it, as in the search box: hybrid search |
# | the right entry stands far down | a slower model that reorders the first 50 or 100 hits: a reranker (`CrossEncoder` in the library) |
# | the document never says what it is for | more text in the document: examples, synonyms, typical questions |
# | "not", "only", "without" | a filter on data, as above, not on meaning |

# %% [markdown]
# ## Use a FAISS index, and measure what it loses
#
# A ***vector index*** is a data structure that holds vectors and answers "which are nearest to this one?". FAISS is a library of
# them. The plainest, `IndexFlatIP`, computes the inner product (dot product) with every vector, as we did. Do its results differ?

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
# through ***approximate nearest neighbor search***: they look at a part of the vectors only, and may miss some.
#
# - `IndexIVFFlat` sorts the vectors into buckets, here 64, each with a center, and visits the `nprobe` buckets closest to the query.
# - `IndexHNSWFlat` links each vector to a few neighbors and walks along the links; `efSearch` is how many candidates it keeps on the
#   way.

# %%
def share_kept(found):
    pairs = zip(found, exact, strict=True)
    return np.mean([np.isin(row, exact_row).sum() / 10 for row, exact_row in pairs])


size = documents.shape[1]
centers = faiss.IndexFlatIP(size)
ivf = faiss.IndexIVFFlat(centers, size, 64, faiss.METRIC_INNER_PRODUCT)
ivf.train(documents)
ivf.add(documents)
hnsw = faiss.IndexHNSWFlat(size, 16, faiss.METRIC_INNER_PRODUCT)
hnsw.add(documents)

# %%
all_pairs = question_scores.size  # what an exact search compares
print("index  setting       compared  exact hits kept")
for nprobe in (1, 4, 16, 64):
    ivf.nprobe = nprobe
    faiss.cvar.indexIVF_stats.reset()
    _, found = ivf.search(questions, 10)
    compared = (faiss.cvar.indexIVF_stats.ndis + 64 * len(questions)) / all_pairs
    print(f"IVF    nprobe   {nprobe:>3}  {compared:>8.0%}  {share_kept(found):>15.0%}")
for breadth in (16, 32, 64, 128):
    hnsw.hnsw.efSearch = breadth
    faiss.cvar.hnsw_stats.reset()
    _, found = hnsw.search(questions, 10)
    compared = faiss.cvar.hnsw_stats.ndis / all_pairs
    print(f"HNSW   efSearch {breadth:>3}  {compared:>8.0%}  {share_kept(found):>15.0%}")

# %% [markdown]
# "Compared" is relative to an exact search, the 64 centers included. With one bucket, the default, **about half of the exact hits are
# gone**, and no message says so. Visiting all buckets gives everything back and saves nothing. HNSW needs fewer comparisons for the same
# share, but its default of 16 loses some too. Other vectors give other figures: measure your own.
#
# ### Myth: "you need a vector database for 4,000 documents"
#
# Which is slower: encoding the question, or searching with numpy? FAISS runs on one thread here, and both approximate indexes are
# set to keep nine of ten exact hits.

# %% reason="times depend on the machine" tags=["nbval-ignore-output"]
from timeit import repeat

one = questions[:1]
ivf.nprobe, hnsw.hnsw.efSearch = 16, 64
ways = {
    "encode the question": lambda: model.encode_query("shortest path in a graph"),
    "numpy, exact": lambda: np.argpartition(-(documents @ one[0]), 9)[:10],
    "util.semantic_search, top_k=10": lambda: util.semantic_search(one, documents, top_k=10),
    "util.semantic_search, top_k=4000": lambda: util.semantic_search(one, documents, top_k=4000),
    "FAISS flat, exact": lambda: flat.search(one, 10),
    "FAISS IVF, nprobe 16": lambda: ivf.search(one, 10),
    "FAISS HNSW, efSearch 64": lambda: hnsw.search(one, 10),
}
times = {way: min(repeat(run, number=5, repeat=9)) / 5 * 1000 for way, run in ways.items()}
for way, milliseconds in times.items():
    print(f"{milliseconds:>8.2f} ms  {way}")
assert times["numpy, exact"] < times["encode the question"]

# %% [markdown]
# The exact search takes less time than encoding the question, so a faster index saves little here. Its cost grows with the number of
# documents: work out from your own times how many it takes until the search is the slower part. Keep all vectors in **one matrix**, and
# `top_k` as small as you can: `util.semantic_search` builds a dictionary for each hit. Its documentation names about a million entries
# as its limit.

# %% [markdown]
# ## Save the index, and refuse the wrong model
#
# An index holds numbers: no texts, and no word on which model made them. We save it with a note that holds both. With numpy alone,
# `np.save(file, documents)` takes the place of `faiss.write_index`. Later, somebody searches the index with another model. If the
# sizes differ, the search fails. Does the message say why?

# %%
import json
import tempfile
from pathlib import Path

note = {"model": "all-MiniLM-L6-v2", "texts": [doc.text for doc in docs]}
with tempfile.TemporaryDirectory() as folder:  # in a project: a folder that stays
    index_file, note_file = Path(folder) / "index.faiss", Path(folder) / "note.json"
    faiss.write_index(flat, str(index_file))
    note_file.write_text(json.dumps(note), encoding="utf-8")
    restored = faiss.read_index(str(index_file))
    note = json.loads(note_file.read_text(encoding="utf-8"))
print("same hits after reloading:", np.array_equal(restored.search(questions, 10)[1], by_faiss))
try:
    restored.search(question_vector[None, :256], 10)  # as if from a model with 256 dimensions
except AssertionError as error:
    print(f"AssertionError with the message {str(error)!r}")

# %% [markdown]
# It does not, but this is the lucky case. **With the same size, nothing fails.** We try two models with 384 dimensions: MiniLM with
# another pooling, and MiniLM with all vectors rotated. The rotated one stands for a model trained apart from ours: as good, but its
# directions mean something else.

# %%
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

repooled = SentenceTransformer(modules=[model[0], Pooling(size, "cls"), Normalize()])
repooled_questions = repooled.encode_query([item.text for item in labeled])
rotation, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((size, size)))
other_scores = {
    "our model, our index": questions @ documents.T,
    "repooled model, our index": repooled_questions @ documents.T,
    "rotated model, our index": questions @ rotation @ documents.T,
    "rotated model, its own index": questions @ rotation @ (documents @ rotation).T,
}
for kind, scores in other_scores.items():
    print(f"recall@10 {recalls(scores, question_labels).mean():.2f}  {kind}")


# %% [markdown]
# The rotated model is as good as ours with its own index, and useless with our index. The repooled one loses a part, which is harder to
# notice. A name in the note helps only if somebody compares it. The vectors are the better witness: **encode one stored text again and
# compare it with its stored vector** (`reconstruct` reads it).

# %%
def refuse_wrong_model(index, note, model):
    again = model.encode_document(note["texts"][0])
    if len(again) != index.d:
        raise ValueError(f"Index size {index.d}, model size {len(again)}: use {note['model']}.")
    agreement = again @ index.reconstruct(0)
    if agreement < 0.99:
        raise ValueError(f"Model and index disagree (cosine {agreement:.2f}): use {note['model']}.")


for candidate in (model, repooled):
    try:
        refuse_wrong_model(restored, note, candidate)
        print("model and index fit")
    except ValueError as error:
        print(error)

# %% [markdown]
# ## Summary
#
# - Brute force is one matrix product and a sort; `util.semantic_search` finds the same hits with the same scores.
# - A filter belongs before the ranking, as a mask; a ranking always has a first hit, even for bread.
# - Recall@k, reciprocal rank and nDCG come out the same by hand, from the helper and from `InformationRetrievalEvaluator`.
# - Embeddings are ahead of BM25 on questions in everyday words and on related entries, both far ahead of chance; on bare names BM25 is.
# - Single failures point to different remedies: hybrid search, reranking, richer texts, or a filter.
# - A flat FAISS index equals brute force, approximate ones lose hits that you can count; saved with its texts, an index can be checked
#   against the model.

# %% [markdown]
# ## Copy and paste
#
# A complete search in numpy: encode, save, reload, check, filter, rank, measure.

# %% tags=["copy-paste"]
import tempfile
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

MODEL = "all-MiniLM-L6-v2"
model = SentenceTransformer(MODEL)
texts = ["Sort a list in place.", "Open a file for reading.", "Split a string.", "Remove a file from disk."]
vectors = model.encode_document(texts, normalize_embeddings=True)


def find_texts(question, k=3, allowed=None):
    """The k best texts as (score, position); `allowed` is a boolean mask over the texts."""
    scores = vectors @ model.encode_query(question, normalize_embeddings=True)
    if allowed is not None:
        scores = np.where(allowed, scores, -np.inf)
    return [(scores[i], i) for i in np.argsort(-scores)[:k] if np.isfinite(scores[i])]


def recall_at_k(question, relevant, k):
    """The share of the relevant positions among the first k hits."""
    found = {i for _, i in find_texts(question, k)}
    return len(found & set(relevant)) / len(relevant)


with tempfile.TemporaryDirectory() as folder:  # in a project: a folder that stays
    path = Path(folder) / "index.npz"
    np.savez(path, vectors=vectors, texts=texts, model=MODEL)
    with np.load(path) as stored:
        vectors, texts, name = stored["vectors"], stored["texts"].tolist(), str(stored["model"])

again = model.encode_document(texts[0], normalize_embeddings=True)
assert again @ vectors[0] > 0.99, f"Use {name} with this index."

for score, i in find_texts("delete a document", k=2):
    print(f"{score:.2f}  {texts[i]}")
only_reading = np.array(["read" in text for text in texts])
for score, i in find_texts("delete a document", k=2, allowed=only_reading):
    print(f"{score:.2f}  {texts[i]} (with the filter)")
print(f"recall@1 {recall_at_k('delete a document', relevant=[3], k=1):.2f}")

# %% [markdown]
# ## Further reading
#
# - The library on [semantic search](https://sbert.net/examples/sentence_transformer/applications/semantic-search/README.html) and on
#   its [evaluators](https://sbert.net/docs/package_reference/sentence_transformer/evaluation.html)
# - FAISS on [choosing an index](https://github.com/facebookresearch/faiss/wiki/Guidelines-to-choose-an-index)
# - Järvelin and Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques", the source of nDCG

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. On the same 42 questions, method A has recall@10 0.80 and B 0.76. Is A better?**
#
# <details><summary>A.&nbsp;Yes, by four points.</summary>Not quite. With 42 questions, that may be luck.</details>
# <details><summary>B.&nbsp;Look at the differences question by question.</summary>Right. If their interval stays above zero, it is.</details>
# <details><summary>C.&nbsp;No, if the intervals of the two means overlap.</summary>Not quite. Overlap settles nothing where both answered the same questions.</details><br>
#
# **2. People paste names such as `argrelmax`, and the embedding search misses them. What do you try?**
#
# <details><summary>A.&nbsp;Keyword search beside it.</summary>Right. To BM25, a rare name is one rare word.</details>
# <details><summary>B.&nbsp;A FAISS index.</summary>Not quite. At best it returns the same hits, faster.</details>
# <details><summary>C.&nbsp;A lower threshold for the scores.</summary>Not quite. That moves no document up in the ranking.</details><br>
#
# **3. Only entries of torch are wanted. Where does the filter go?**
#
# <details><summary>A.&nbsp;After the ranking, on the ten best hits.</summary>Not quite. In the lesson, two of the ten were left.</details>
# <details><summary>B.&nbsp;Into the query, as the words “only torch”.</summary>Not quite. A filter works on data, “only” hardly on meaning.</details>
# <details><summary>C.&nbsp;Before the ranking, as a mask.</summary>Right. Then you get as many hits as you want.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [06 · Put the right prompt before a text](06_prompts.ipynb). E5, BGE, Qwen3 and EmbeddingGemma by name; queries against documents, and the prompts that are silently lost.
# - **Before:** [04 · Compare texts with similarity scores](04_similarity.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
