# %% [markdown] tags=["header"]
# # 15 · Search with more than one vector a text
#
# BM25 and embeddings fused, fine-tuning, cross-encoders, sparse vectors and late interaction, measured on a split that doesn't leak.
#
# **Time:** 75 minutes · **Builds on:** [05 · Search by meaning and measure how well it works](05_semantic_search.ipynb), [12 · Make embeddings smaller without losing the search](12_smaller_embeddings.ipynb)

# %% [markdown]
# Our search finds by meaning, and misses `argrelmax`. Keyword search finds the name, and misses whatever is said in other words. Must we
# choose? And what would a second look at the first hits gain?
#
# We try each idea by hand, then with the library, then train a small model and ask whether it helps **on texts that it
# has not seen**. Not everything will.
#
# ## What you'll be able to do
#
# - Split linked texts so that the test doesn't leak into the training, and show what a leak pretends.
# - Fuse BM25 and embeddings, by ranks and by scores, and say for which queries that pays.
# - Fine-tune MiniLM with the library's trainer and measure it before and after.
# - Rerank first hits with a cross-encoder, and say what its score is not.
# - Compute a sparse score and a MaxSim score by hand, and get the same from the library.
# - Choose by one table: quality with its interval, bytes a text, texts read for a query.

# %% tags=["setup"]
# This lesson needs more than the others: python -m pip install -r requirements-beyond.txt
from helpers import corpus, evaluation, exercises, hub, plots
hub.activate()
hub.provide("cross-encoder/ms-marco-MiniLM-L6-v2", "naver/splade-cocondenser-ensembledistil")
import logging
import tempfile
import bm25s
import numpy as np
import torch
import transformers
from datasets import Dataset
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sentence_transformers import CrossEncoder, MultiVectorEncoder, SentenceTransformer, SparseEncoder
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

transformers.logging.set_verbosity_error()  # no list of the layers that we leave out on purpose
logging.getLogger("sentence_transformers").setLevel("ERROR")

# %% [markdown]
# ## Split so that nothing leaks
#
# As in [lesson 12](12_smaller_embeddings.ipynb), an entry's text is the query, and its authors' "See Also" links are what should be
# found. Training and test must have nothing to do with each other. **Predict:** how many links are set in both directions? How many
# entries have a *twin*, with the same summary word for word?

# %%
docs = corpus.api_docs()
model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
vectors = model.encode_document([doc.text for doc in docs])  # once, for the whole lesson
place = {doc.name: i for i, doc in enumerate(docs)}
pairs = np.array([(i, place[name]) for i, doc in enumerate(docs) for name in doc.see_also])
directed = {tuple(pair) for pair in pairs.tolist()}
mutual = np.mean([(j, i) in directed for i, j in directed])
first_with = {}
twin_of = np.array([first_with.setdefault(doc.summary, i) for i, doc in enumerate(docs)])
shared = np.isin(twin_of, twin_of[twin_of != np.arange(len(docs))])
print(f"{len(docs)} entries, {len(pairs)} links, set in both directions: {mutual:.0%}")
print(f"{shared.sum()} entries share a summary, for example", end=" ")
print([docs[i].name for i in np.flatnonzero(twin_of == place["numpy.fmod"])])

# %% [markdown]
# Split the links at random, and for many test links the training has seen the same two texts, the other way round. Split the *entries*,
# and a twin, often an alias, may stand on the other side. That is ***leakage***: the training has seen what the test asks for, so the
# test measures memory. Our remedy: twins stay together, the training sees neither end of a test link, and links across are dropped.

# %%
held_out = (np.random.default_rng(0).random(len(docs)) < 1 / 3)[twin_of]
to_train, to_test = ~held_out[pairs].any(axis=1), held_out[pairs].all(axis=1)
print(f"{held_out.sum()} entries held out; {to_train.sum()} links to train, {to_test.sum()} to test")


# %% [markdown]
# How much does a leak pretend? We train lesson 12's layer behind MiniLM, in short the *head*, and measure its gain in nDCG@10 over MiniLM:

# %%
def ndcgs(scores, labels):
    best = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    return np.array([evaluation.ndcg_at_k(row, wanted, 10) for row, wanted in zip(best, labels, strict=True)])


def trained_head(pairs):
    torch.manual_seed(0)
    layer = Dense(384, 384, bias=False, activation_function=None, init_weight=torch.eye(384))
    head = SentenceTransformer(modules=[layer], device="cpu")
    loss, optimizer = MultipleNegativesRankingLoss(head), torch.optim.Adam(head.parameters(), lr=1e-3)
    for _ in range(5):
        for batch in torch.randperm(len(pairs)).split(128):
            columns = torch.from_numpy(vectors[pairs[batch]]).unbind(dim=1)
            optimizer.zero_grad()
            loss([{"sentence_embedding": column} for column in columns], None).backward()
            optimizer.step()
    rows = vectors @ layer.linear.weight.detach().numpy().T
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def gain(training, test):
    asked = np.unique(pairs[test, 0])[::2]
    labels = [pairs[test & (pairs[:, 0] == i), 1] for i in asked]
    others = pairs[~test & np.isin(pairs[:, 0], asked)]  # links that this split does not ask for
    results = []
    for rows in (vectors, trained_head(pairs[training])):
        scores = rows[asked] @ rows.T
        scores[range(len(asked)), asked] = -1  # an entry must not find itself
        scores[np.searchsorted(asked, others[:, 0]), others[:, 1]] = -1
        results.append(ndcgs(scores, labels))
    return results[1] - results[0]


# %% [markdown]
# **Predict** the gain under four splits: links at random; entries at random, as in lesson 12; ours; and whole **families**, where whatever
# hangs together by a chain of links or twins stays on one side.

# %% reason="what a training gains differs a little from one processor to the next" tags=["nbval-ignore-output"]
edges = np.vstack([pairs, np.column_stack([np.arange(len(docs)), twin_of])])
_, family = connected_components(coo_matrix((np.ones(len(edges)), edges.T)), directed=False)
chance = np.random.default_rng(0).random(len(pairs)) < 1 / 3
by_entry, by_family = chance[: len(docs)][pairs], chance[family[pairs[:, 0]]]
splits = {"links": (~chance, chance), "entries": (~by_entry.any(axis=1), by_entry[:, 0])}
splits |= {"ours": (to_train, to_test), "families": (~by_family, by_family)}
gains = {name: gain(*split) for name, split in splits.items()}
for name, gained in gains.items():
    low, high = evaluation.bootstrap_interval(gained)
    print(f"{name:8}  gain {gained.mean():+.2f} ({low:+.2f} to {high:+.2f})")
assert gains["links"].mean() > 0.08 > gains["entries"].mean() > gains["families"].mean() < 0.02

# %% [markdown]
# **The cleaner the split, the less is left**; for families that it never saw, the head has nothing to offer. Splitting by entries, as
# lesson 12 does, probably flatters. The right split resembles your future: new documents of known families (ours), or new families.
#
# ## Measure three kinds of query
#
# - **See Also**: a held-out entry looks for its links among the held-out entries.
# - **Bare names**: `argrelmax` for `scipy.signal.argrelmax`, among the same.
# - **Questions**: the 42 in everyday words, over the whole corpus.
#
# BM25 and its words are those of [lesson 05](05_semantic_search.ipynb).

# %%
from helpers.widgets.search_box import split_words

links = [[place[name] for name in doc.see_also] for doc in docs]


def search(texts, text_vectors, rows, own=None):
    bm25 = bm25s.BM25()
    bm25.index([split_words(docs[i].text) for i in rows], show_progress=False)
    by_words = np.array([bm25.get_scores(split_words(text)) for text in texts])
    by_meaning = text_vectors @ vectors[rows].T
    if own is not None:  # an entry must not find itself: -1 is below all other scores
        by_words[range(len(own)), own] = by_meaning[range(len(own)), own] = -1
    return by_words, by_meaning


def kinds_in(part):
    rows = np.flatnonzero(part)
    at = {row: k for k, row in enumerate(rows)}
    own = [at[row] for row in rows if any(part[links[row]])]
    last = np.array([docs[row].name.split(".")[-1] for row in rows])
    texts, names = [docs[rows[k]].text for k in own], last[own].tolist()
    linked = [[at[j] for j in links[rows[k]] if j in at] for k in own]
    namesakes = [np.flatnonzero(last == name) for name in names]
    return {
        "See Also": (*search(texts, vectors[rows[own]], rows, own), linked),
        "bare names": (*search(names, model.encode_query(names), rows), namesakes),
    }


# %% [markdown]
# **Predict** who wins which: BM25 or the embeddings?

# %%
test = kinds_in(held_out)
questions = [query.text for query in corpus.queries()]
answers = [[place[name] for name in query.relevant] for query in corpus.queries()]
test["questions"] = (*search(questions, model.encode_query(questions), range(len(docs))), answers)

print("                         n  recall@10   MRR  nDCG@10  95 % interval")
for kind, (*tables, labels) in test.items():
    for method, scores in zip(("BM25", "MiniLM"), tables, strict=True):
        best = np.argsort(-scores, axis=1, kind="stable")[:, :10]
        got = evaluation.evaluate(best, labels)
        low, high = evaluation.bootstrap_interval(ndcgs(scores, labels))
        print(f"{kind:10} {method:10} {got.queries:>4} {got.recall:>10.2f}", end="")
        print(f" {got.mrr:>5.2f} {got.ndcg:>8.2f}  {low:.2f} to {high:.2f}")

# %% [markdown]
# Embeddings win on links, BM25 on names; on 42 questions the intervals overlap. A search box gets all kinds, and no query says which it is.
#
# ## Fuse two rankings
#
# Searching by words and by meaning together is called ***hybrid search***. The scores can't be added as they are: a cosine ends at 1,
# BM25 doesn't. ***Reciprocal rank fusion*** (RRF) uses ranks only: each list gives a document 1 / (60 + rank), and the sum counts; 60 is
# its authors' choice. By hand:

# %%
by_words, by_meaning = ["bar", "barh", "hist"], ["hist", "bar", "stairs"]
for name in ("bar", "barh", "hist", "stairs"):
    ranks = [found.index(name) + 1 for found in (by_words, by_meaning) if name in found]
    print(f"{name:6} {sum(1000 / (60 + r) for r in ranks):.1f} / 1000 from", [f"1/{60 + r}" for r in ranks])


# %% [markdown]
# Who stands in both lists comes first. For all entries at once, two `argsort` make ranks of scores. An entry without a shared word
# must get *no* points from BM25: its rank there only says where it stands in the file.

# %%
def rrf(*tables):
    ranks = [np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1) + 1 for scores in tables]
    return sum(np.where(scores > 0, 1 / (60 + rank), 0) for scores, rank in zip(tables, ranks, strict=True))


# %% [markdown]
# The other way is a **weighted sum** of scores on a common scale: BM25 is divided by its best score for the query. The weight is a
# parameter, so we choose it **on the training part**: eleven values, every third query.

# %%
def weighted(by_words, by_meaning, weight):
    best = by_words.max(axis=1, keepdims=True)
    return weight * by_words / np.where(best > 0, best, 1) + (1 - weight) * by_meaning


weights, curves = np.linspace(0, 1, 11), {}
for kind, tables in kinds_in(~held_out).items():
    by_words, by_meaning, labels = [table[::3] for table in tables]
    curves[kind] = [ndcgs(weighted(by_words, by_meaning, weight), labels).mean() for weight in weights]
weight = weights[np.mean(list(curves.values()), axis=0).argmax()]
figure = plots.lines(weights, curves, xlabel="weight of BM25", ylabel="nDCG@10, training part")
figure.axes[0].axvline(weight, color="black", ls="--", lw=0.8)
told = "; ".join(f"{kind} {row[0]:.2f}, {max(row):.2f}, {row[-1]:.2f}" for kind, row in curves.items())
plots.show(figure, f"nDCG with embeddings alone, at best, with BM25 alone: {told}. Chosen: {weight:.1f}.")

# %% [markdown]
# A little BM25 is enough for names. Now the held-out part, once. *Mixed* joins its links and names, half and half: a share that we
# made up. **Predict** where fusion wins.

# %%
results = {}
for kind, (by_words, by_meaning, labels) in test.items():
    fused = {"RRF": rrf(by_words, by_meaning), "weighted": weighted(by_words, by_meaning, weight)}
    tables = {"BM25": by_words, "MiniLM": by_meaning} | fused
    results[kind] = {method: ndcgs(scores, labels) for method, scores in tables.items()}
both = [results["See Also"], results["bare names"]]
results["mixed"] = {method: np.concatenate([part[method] for part in both]) for method in both[0]}

print(f"{'nDCG@10':10}", *[f"{method:>10}" for method in both[0]], " weighted minus the better of the two")
for kind, got in results.items():
    better = max(got["BM25"], got["MiniLM"], key=np.mean)
    low, high = evaluation.bootstrap_interval(got["weighted"] - better)
    print(f"{kind:10}", *[f"{values.mean():10.3f}" for values in got.values()], f" {low:+.3f} to {high:+.3f}")

# %% [markdown]
# ### Myth: "Hybrid search is always better"
#
# On links and questions no interval is clear of 0, and RRF is on average even behind the embeddings: it gives the weaker list an equal
# vote. On names the weighted sum gains a little, on the mix clearly. **Fusion pays where queries differ, and each method has what the
# other lacks.** Which queries change? Beside each stands the rank of its first link:

# %%
by_words, by_meaning, labels = test["See Also"]
change = results["See Also"]["weighted"] - results["See Also"]["MiniLM"]
asked = np.unique(pairs[to_test, 0])
print(f"better {(change > 0.01).sum()}, worse {(change < -0.01).sum()}, of {len(change)} queries")
for k in [*np.argsort(change)[-3:][::-1], *np.argsort(change)[:3]]:
    ranks = [1 + (table[k] > table[k, labels[k]].max()).sum() for table in (by_words, by_meaning)]
    print(f"{change[k]:+.2f}  by words {ranks[0]:>3}, by meaning {ranks[1]:>2}  {docs[asked[k]].text[:66]}")

# %% [markdown]
# Shared words help the first three queries and mislead the last three. A fused list inherits both.

# %%
exercise_1 = exercises.get("15.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1)


# %% [markdown]
# ## Fine-tune the model itself
#
# The head gained little on clean texts. Does training not help? ***Fine-tuning*** goes on training the whole of a finished model, in
# small steps (`learning_rate`), on texts of one's own. The library's trainers take a model, settings, data and a loss. What all our
# trainings share, and the verdict, where *surely* means that the whole interval lies above 0.01:

# %%
def train(trainer_class, settings_class, model, loss, data, **settings):
    settings |= {"num_train_epochs": 1, "warmup_steps": 0.1, "seed": 0, "use_cpu": True}
    quiet = {"report_to": "none", "save_strategy": "no", "disable_tqdm": True, "dataloader_pin_memory": False}
    with tempfile.TemporaryDirectory() as folder:
        arguments = settings_class(folder, **settings, **quiet)
        trainer = trainer_class(model=model, args=arguments, loss=loss, train_dataset=Dataset.from_dict(data))
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()


def judge(name, scores, some=slice(None)):
    scores[range(len(scores)), own[some]] = -1
    outcome[name] = ndcgs(scores, labels[some])
    low, _ = evaluation.bootstrap_interval(outcome[name] - outcome["MiniLM"][some])
    print(f"{name} gains more than 0.01, surely:", low > 0.01)


# %% [markdown]
# Each entry should come closer to the one it links to than to any other linked text of its batch. One pass over 1,200 links; the lower
# three of six layers stay as they are, which saves time. **Predict:** will that gain more than the head did?

# %%
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments

texts = np.array([doc.text for doc in docs], dtype=object)
chosen = pairs[np.random.default_rng(0).permutation(np.flatnonzero(to_train))]
data = {"entry": texts[chosen[:1200, 0]].tolist(), "linked": texts[chosen[:1200, 1]].tolist()}
tuned = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
tuned.max_seq_length = 40
for part in (tuned[0].model.embeddings, *tuned[0].model.encoder.layer[:3]):
    part.requires_grad_(False)
trainer = SentenceTransformerTrainer, SentenceTransformerTrainingArguments
settings = {"per_device_train_batch_size": 64, "learning_rate": 2e-4, "batch_sampler": "no_duplicates"}
train(*trainer, tuned, MultipleNegativesRankingLoss(tuned), data, **settings)

tuned.max_seq_length = 256
entries, labels = np.flatnonzero(held_out), np.array(labels, dtype=object)
own, outcome = np.searchsorted(entries, asked), results["See Also"]
rows = tuned.encode_document(texts[entries].tolist())
judge("fine-tuned", rows[own] @ rows.T)

# %% [markdown]
# Half of those links, and now they help (the table at the end says how much): the network changes how it *reads*, where the head
# could only bend finished vectors. On new families, expect less.
#
# ## Read query and document together
#
# An embedding model reads a document before anyone asks. A ***cross-encoder*** reads query and document **as one text** and returns one
# number, so each word of one can look at each word of the other. What does it read for a query and the first of three sentences?

# %%
query = "put numbers in order"
sentences = ["Return a sorted copy of an array.", "Draw a bar chart.", "Return the order of a polynomial."]
print(model.tokenizer.decode(model.tokenizer(query, sentences[0])["input_ids"]))
reader = CrossEncoder("cross-encoder/ms-marco-MiniLM-L6-v2", device="cpu")

# %% [markdown]
# The rest is a transformer, and a layer that makes one number of the first token's vector. By hand and by the library, with a **STAND-IN**
# for `ms-marco-MiniLM-L6-v2`: the same steps, scores that mean nothing.

# %%
together = reader.tokenizer([query] * 3, sentences, padding=True, return_tensors="pt")
by_hand = reader.model.classifier(reader.model.bert(**together).pooler_output)[:, 0].detach().numpy()
print("the same:", np.allclose(reader.predict([(query, one) for one in sentences]), by_hand, atol=1e-5))

# %% [markdown]
# Nothing can be computed in advance: 50 documents are 50 passes through the model, for every query. So a cross-encoder only puts
# the **first hits** of a cheaper search in a new order. That is ***reranking***; `reader.rank(query, sentences)` does it.
#
# Published rerankers learned from hundreds of thousands of labeled pairs. We have a minute: half of MiniLM's layers, the mean of the
# token vectors, one number. It sees links (label 1), and beside each three times a ***hard negative*** (label 0): a wrong answer that
# looks right, here a near neighbor.

# %%
from sentence_transformers import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

seen, shown = np.flatnonzero(~held_out), []
for i, j in chosen[:300]:
    near = seen[np.argsort(-(vectors[seen] @ vectors[i]))[:30]].tolist()
    wrong = [k for k in near if k != i and k not in links[i] and i not in links[k]]
    shown += [(i, j, 1.0), *[(i, k, 0.0) for k in wrong[::5][:3]]]
left, right, is_link = zip(*shown, strict=True)
pairs_to_learn = {"query": texts[list(left)].tolist(), "text": texts[list(right)].tolist(), "label": is_link}

minilm = "sentence-transformers/all-MiniLM-L6-v2"
half = Transformer(minilm, max_seq_length=80, config_kwargs={"num_hidden_layers": 3})
to_score = Dense(384, 1, activation_function=None, module_output_name="scores")
reranker = CrossEncoder(modules=[half, Pooling(384, "mean"), to_score], device="cpu")
trainer = CrossEncoderTrainer, CrossEncoderTrainingArguments
options = {"per_device_train_batch_size": 32, "learning_rate": 3e-4}
options["learning_rate_mapping"] = {"linear": 3e-3}  # the new layer learns faster
train(*trainer, reranker, BinaryCrossEntropyLoss(reranker), pairs_to_learn, **options)

# %% [markdown]
# Now MiniLM's first 50 hits, for every fourth query: in the reranker's order, and with its score added to the first stage's, by the weight
# from above. What the 50 don't hold, no reranker can find.

# %%
some = np.arange(0, len(own), 4)
hits = np.argsort(-by_meaning[some], axis=1, kind="stable")[:, :50]
to_read = [(texts[asked[q]], texts[entries[k]]) for q, row in zip(some, hits, strict=True) for k in row]
promised = reranker.predict(to_read, batch_size=64).reshape(hits.shape)
second_look = np.zeros((len(some), len(entries)))
np.put_along_axis(second_look, hits, promised, axis=1)
linked = np.array([np.isin(row, labels[q]) for q, row in zip(some, hits, strict=True)])
print(f"{linked.sum() / sum(len(labels[q]) for q in some):.2f} of the links are among the first 50")
judge("first 50 + reranker", weighted(second_look, by_meaning[some], weight), some)
judge("first 50 reranked", second_look, some)

# %% [markdown]
# No gain to be sure of, although nearly all links are there. Twelve hundred pairs make no reranker of a model that never read two texts
# at once. **A slower model isn't a better one.**
#
# ### Myth: "A cross-encoder's score is a probability"
#
# `predict` ends in a sigmoid here, which squeezes any number into 0 to 1. If these were probabilities, their sum would be about the
# number of links:

# %%
print("at least twice as many links promised as there are:", promised.sum() > 2 * linked.sum())

# %% [markdown]
# It promises too many: in training one pair of four was a link, of a query's 50 hits one or two are. And
# [`ms-marco-MiniLM-L6-v2`](https://sbert.net/docs/cross_encoder/pretrained_models.html) has no sigmoid at all: its scores go
# below 0. Use them to *order*; for a decision, calibrate a threshold ([lesson 04](04_similarity.ipynb)).
#
# ## Let a model choose the keywords
#
# BM25 finds the words that are there. A learned sparse model gives words weights and **adds words that are not there**. By hand, with
# weights that we made up:

# %%
wanted = {"numbers": 0.5, "order": 1.0, "sorted": 0.6}
weighed = [{"sorted": 1.2, "copy": 0.6, "array": 0.9, "order": 0.7}, {"draw": 1.0, "bar": 1.1, "chart": 1.2}]
weighed.append({"order": 0.9, "polynomial": 1.4, "degree": 0.8})
[round(sum(value * text.get(word, 0) for word, value in wanted.items()), 2) for text in weighed]

# %% [markdown]
# The first one wins by "order", which stands in its list and not in its text. SPLADE asks at each token which words of the vocabulary fit
# there, and keeps for each word log(1 + its largest value above 0). Again a **STAND-IN**:

# %%
splade = SparseEncoder("naver/splade-cocondenser-ensembledistil", device="cpu")
features = splade[0](splade.preprocess(sentences))
fits = (features["token_embeddings"].relu() * features["attention_mask"].unsqueeze(-1)).amax(dim=1).log1p()
torch.allclose(splade.encode_document(sentences).to_dense(), fits, atol=1e-5), (fits > 0).sum(dim=1).tolist()

# %% [markdown]
# Of 30,522 dimensions this stand-in leaves six to eight above 0. Such vectors are not compared with each document: they are looked up.
#
# The older guide promises them for BGE-M3, "using the model directly". `encode` gives its dense vector only;
# [lesson 10](10_choosing_a_model.ipynb) builds the rest.

# %%
exercise_2 = exercises.get("15.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2)

# %% [markdown]
# Now one with real weights. MiniLM has no layer that names words, so we make one by least squares: it guesses, from the vector that
# MiniLM's first layer gives a token, which token it is. `SpladeLoss` trains it on links, at a price for each weight that is not zero.

# %%
from sentence_transformers import SparseEncoderTrainer, SparseEncoderTrainingArguments
from sentence_transformers.sparse_encoder.losses import SparseMultipleNegativesRankingLoss, SpladeLoss
from sentence_transformers.sparse_encoder.modules import SpladePooling

body = Transformer(minilm, max_seq_length=40, config_kwargs={"num_hidden_layers": 1}).requires_grad_(False)
reading = SentenceTransformer(modules=[body], device="cpu")
known = torch.cat(list(reading.encode(texts[seen].tolist(), output_value="token_embeddings")))
pieces = body.tokenizer(texts[seen].tolist(), truncation=True, max_length=40)["input_ids"]
pieces, at, count = torch.from_numpy(np.concatenate(pieces)).unique(return_inverse=True, return_counts=True)
rare = known * torch.log(len(at) / count)[at, None]
toward = torch.zeros(384, len(pieces)).index_add_(1, at, rare.T)
start = torch.linalg.solve(known.T @ known + 10 * torch.eye(384), toward)
per_token = {"module_input_name": "token_embeddings", "module_output_name": "token_embeddings"}
first_guess = {"init_weight": 2 * start.T, "init_bias": torch.full((len(pieces),), -0.5)}
naming = Dense(384, len(pieces), activation_function=None, **first_guess, **per_token)
sparse = SparseEncoder(modules=[body, naming, SpladePooling("max")], device="cpu")
ranking = SparseMultipleNegativesRankingLoss(sparse, scale=1.0)
loss = SpladeLoss(sparse, ranking, document_regularizer_weight=3e-3, use_document_regularizer_only=True)
settings |= {"per_device_train_batch_size": 32, "learning_rate": 1e-3}
train(SparseEncoderTrainer, SparseEncoderTrainingArguments, sparse, loss, data, **settings)

# %%
codes = sparse.encode_document(texts[entries].tolist(), max_active_dims=32).to_dense().numpy()
judge("sparse", codes[own] @ codes.T)
print("on average better than BM25:", outcome["sparse"].mean() > outcome["BM25"].mean())

# %% [markdown]
# With its 32 strongest words a text, it stays behind MiniLM and BM25. Published ones start from a model trained to guess hidden words,
# and learn from far more pairs.
#
# ## Keep a vector for every token
#
# Late interaction ([lesson 10](10_choosing_a_model.ipynb)) keeps all token vectors of a document. ***MaxSim*** is its score: each token of
# the query takes its best match, and these are added up. By hand, with MiniLM's own token vectors:

# %%
found = model.encode([query, *sentences], output_value="token_embeddings")
asking, *answering = [torch.nn.functional.normalize(one, dim=1) for one in found]
by_hand = [(asking @ one.T).amax(dim=1).sum().item() for one in answering]
print("MaxSim:", *[f"{score:.2f}" for score in by_hand])

# %%
rows, columns = [model.tokenizer(text).tokens() for text in (query, sentences[2])]
figure = plots.heatmap((asking @ answering[2].T).numpy(), rows, columns)
plots.show(figure, f"Token similarities; the best of each row add up to {by_hand[2]:.2f}.")

# %% [markdown]
# In each row one cell counts, the best. "Order" finds itself, and the polynomial wins: the wrong one. A token's vector stays close to its
# word, which finds names and misleads here. The library builds the same from parts:

# %%
end = [MultiVectorMask(), Normalize(module_input_name="token_embeddings")]
late = MultiVectorEncoder(modules=[model[0], *end], device="cpu")
scores = late.similarity(late.encode_query([query]), late.encode_document(sentences))
print("the same:", np.allclose(scores[0], by_hand, atol=1e-3))

# %% [markdown]
# In one table for many documents, short ones are filled up. What goes wrong then?

# %%
exercise_3 = exercises.get("15.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots
exercise_3.check(answer_3)

# %% [markdown]
# So the filling is left out; the library does that too. Does a vector for each token find more? First as it is; then with a layer that
# makes 64 numbers of 384, trained on our links.

# %%
from sentence_transformers import MultiVectorEncoderTrainer, MultiVectorEncoderTrainingArguments
from sentence_transformers.multi_vector_encoder.losses import MultiVectorMultipleNegativesRankingLoss

body = Transformer(minilm, max_seq_length=40).requires_grad_(False)
torch.manual_seed(0)
shorter = Dense(384, 64, bias=False, activation_function=None, **per_token)
small = MultiVectorEncoder(modules=[body, shorter, *end], device="cpu")
settings["learning_rate"] = 2e-3
trainer = MultiVectorEncoderTrainer, MultiVectorEncoderTrainingArguments
train(*trainer, small, MultiVectorMultipleNegativesRankingLoss(small), data, **settings)
for name, encoder in {"MaxSim": late, "MaxSim, 64": small}.items():
    found = encoder.encode_document(texts[entries].tolist())
    judge(name, encoder.similarity([found[k] for k in own], found).numpy())

# %% [markdown]
# Not beyond doubt. In the table below, MaxSim as it is stands level with one vector, at 26 times the bytes; with 64 trained numbers a
# token, a little ahead, at four times.
#
# ## Choose by quality and cost
#
# All methods on the same held-out links (the reranker on every fourth query, so compare its *difference*). Bytes are those of a text, 8
# for each word of BM25 and of the sparse vectors; *texts read* is what a model reads for a query.

# %% reason="what a training gains differs a little from one processor to the next" tags=["nbval-ignore-output"]
keywords = 8 * np.mean([len(set(split)) for split in map(split_words, texts[entries])])
cost = dict.fromkeys(outcome, (1536, 1)) | {"BM25": (keywords, 0), "sparse": (8 * 32, 1)}
cost |= dict.fromkeys(("RRF", "weighted"), (1536 + keywords, 1))
tokens = np.mean([len(one) for one in found])
cost |= dict.fromkeys([name for name in outcome if "first" in name], (1536, 51))
cost |= {"MaxSim": (1536 * tokens, 1), "MaxSim, 64": (256 * tokens, 1)}
gains = {name: got - outcome["MiniLM"][some if "first" in name else ...] for name, got in outcome.items()}
order = sorted(gains, key=lambda name: -gains[name].mean())
print("                    nDCG@10  interval      minus MiniLM     bytes  texts read")
spans = np.array([evaluation.bootstrap_interval(gains[name]) for name in order])
for name, (less, more) in zip(order, spans, strict=True):
    low, high = evaluation.bootstrap_interval(outcome[name])
    print(f"{name:20} {outcome[name].mean():.3f}  {low:.2f} to {high:.2f}", end="")
    print(f"  {less:+.2f} to {more:+.2f}  {cost[name][0]:7,.0f}  {cost[name][1]:3}")
figure, axes = plots.new_figure(6.5, 3.4)
axes.errorbar(spans.mean(axis=1), order, xerr=np.ptp(spans, axis=1) / 2, fmt="none", elinewidth=6)
axes.set(xlabel="nDCG@10 minus MiniLM's, 95 % interval", ylim=(len(order) - 0.5, -0.5))
axes.axvline(0, color="black", lw=0.8)
told = [f"{name} {less:+.2f} to {more:+.2f}" for name, (less, more) in zip(order, spans, strict=True)]
plots.show(figure, "nDCG@10 minus MiniLM's: " + "; ".join(told))

# %% [markdown]
# - **Fine-tuning** is the one step well clear of 0, at no cost for a search. We had tried its settings on such links: expect a little less.
# - **Fusion** costs a few bytes and protects against queries that embeddings miss.
# - **Reranking, sparse and late interaction** are not refuted: our training took a minute. Judge a published one by such a table.
#
# | you see | try first |
# |---|---|
# | names, codes, rare words are missed | fusion, with a weight chosen on your queries |
# | special vocabulary, and links or clicks | fine-tuning, judged on a split by texts or families |
# | the right answer at rank 10 to 50 | a published reranker, measured |
# | memory to spare | a published late-interaction model |

# %% [markdown]
# ## Summary
#
# - Links in both directions and twins leak: the cleaner the split, the smaller the gain of the same training.
# - RRF adds ranks, the weighted sum scores; fusion pays for a mix of queries, and showed no gain for links alone.
# - Fine-tuning the network for one pass over 1,200 links gained on texts that it had not seen.
# - A cross-encoder reads query and hit together, one pass each; its score orders and is no probability, and ours did not help.
# - A sparse score is a dot product over few words, MaxSim a sum of best matches; a few lines give the library's numbers.
# - A method has to win, interval included, to be worth its bytes and the texts it reads.

# %% [markdown]
# ## Copy and paste
#
# Hybrid search in twenty lines.

# %% tags=["copy-paste"]
import bm25s
import numpy as np
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("all-MiniLM-L6-v2")
texts = ["argrelmax finds relative maxima", "sort a list in place", "remove a file from disk", "find a peak"]
vectors = model.encode_document(texts, normalize_embeddings=True)
bm25 = bm25s.BM25()
bm25.index([text.split() for text in texts], show_progress=False)


def find(query, k=2):  # the k best texts by reciprocal rank fusion
    by_words = bm25.get_scores(query.lower().split())
    by_meaning = vectors @ model.encode_query(query, normalize_embeddings=True)
    ranks = [np.argsort(np.argsort(-scores, kind="stable")) + 1 for scores in (by_words, by_meaning)]
    fused = np.where(by_words > 0, 1 / (60 + ranks[0]), 0) + 1 / (60 + ranks[1])
    return [texts[i] for i in np.argsort(-fused, kind="stable")[:k]]


print(find("argrelmax"), find("delete a document", k=1))

# %% [markdown]
# ## Further reading
#
# - The library on training [embedding models](https://sbert.net/docs/sentence_transformer/training_overview.html),
#   [cross-encoders](https://sbert.net/docs/cross_encoder/training_overview.html) and
#   [sparse encoders](https://sbert.net/docs/sparse_encoder/training_overview.html)
# - Cormack, Clarke and Büttcher (2009), "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods"
# - Khattab and Zaharia (2020), [ColBERT](https://arxiv.org/abs/2004.12832); Formal and others (2021),
#   [SPLADE](https://arxiv.org/abs/2107.05720)

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. Links are split at random into training and test. Why does the test flatter?**
#
# <details><summary>A.&nbsp;There are fewer links to test with.</summary>Not quite. That widens the interval, it doesn't raise the mean.</details>
# <details><summary>B.&nbsp;Most links are there both ways.</summary>Right. The training has seen the same two texts, turned around.</details>
# <details><summary>C.&nbsp;The links were set by the authors.</summary>Not quite. Whoever set them, seen ones must not be tested.</details><br>
#
# **2. BM25 is clearly weaker on your queries. What may RRF do?**
#
# <details><summary>A.&nbsp;Fall behind the embeddings.</summary>Right. It gives both lists the same vote.</details>
# <details><summary>B.&nbsp;It can't be worse than either list.</summary>Not quite. In the lesson, it was.</details>
# <details><summary>C.&nbsp;Nothing, because ranks need no scale.</summary>Not quite. No scale is needed, but the weaker list still votes.</details><br>
#
# **3. Why is a cross-encoder used for the first 50 hits only?**
#
# <details><summary>A.&nbsp;It accepts no more than 50 texts.</summary>Not quite. It takes as many pairs as you have time for.</details>
# <details><summary>B.&nbsp;Its score is no probability.</summary>Not quite. To put hits in order, a score is enough.</details>
# <details><summary>C.&nbsp;It reads each document again for every query.</summary>Right. Nothing can be computed in advance.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Before:** [14 · Benchmark models on your own machine and texts](14_benchmarking.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
