# %% [markdown] tags=["header"]
# # 04 · Compare texts with similarity scores
#
# Dot, cosine and Euclidean by hand and by the library; what a score means, thresholds, clusters and traps.
#
# **Time:** 50 minutes · **Builds on:** [03 · Encode text into vectors](03_encoding_text.ipynb)

# %% [markdown]
# A colleague compares two sentences with a model and reads **0.69**. "Is that a lot? Are they 69 % the same? Do I merge the two
# tickets?"
#
# One number, three questions. The first needs a yardstick: what do other pairs get? The second rests on a mistake. The third needs
# a limit tested on pairs whose answer we know.

# %% [markdown]
# ## What you'll be able to do
#
# - Compute dot product, cosine similarity and Euclidean distance by hand, and say when they disagree.
# - Score texts with `model.similarity` and `similarity_pairwise`, and set the function that they use.
# - Explain why unit length makes the choice of function irrelevant for a ranking.
# - Read a score without mistaking it for a percentage, a probability or an opposite.
# - Calibrate a threshold on labeled pairs and report its precision and recall on other pairs.
# - Group texts, mine paraphrases, and recognize the pairs where the closest text is the wrong one.

# %% tags=["setup"]
from helpers import corpus, evaluation, exercises, hub, plots, widgets
hub.activate()
import numpy as np
from sentence_transformers import SentenceTransformer, util

# %% [markdown]
# ## Measure two vectors with three rulers
#
# An embedding is a list of numbers, so comparing texts means comparing lists. With two numbers each, we can draw them. Here `b` is
# twice `a`, and `c` points elsewhere. Predict before you go on: **which of `b` and `c` is closer to `a`?**

# %%
a, b, c = [3.0, 1.0], [6.0, 2.0], [1.0, 3.0]
figure = plots.arrows([b, a, c], ["b", "a", "c"])
plots.show(figure, "Arrows a = (3, 1), b = (6, 2) in the same direction, twice as long, and c = (1, 3).")


# %% [markdown]
# It depends on the ruler. There are three in common use:
#
# - The ***dot product*** multiplies the vectors number by number and adds up the products.
# - The ***cosine similarity*** is the dot product divided by both lengths, that is the cosine of the angle between the two: 1 for
#   the same direction, 0 for a right angle, −1 for the opposite direction.
# - The ***Euclidean distance*** is the straight line from tip to tip. It is a distance: *less* means closer.

# %%
def dot(v, w):
    return sum(x * y for x, y in zip(v, w, strict=True))


def cosine(v, w):
    return dot(v, w) / (dot(v, v) ** 0.5 * dot(w, w) ** 0.5)


def euclidean(v, w):
    return sum((x - y) ** 2 for x, y in zip(v, w, strict=True)) ** 0.5


print("          dot  cosine  distance")
for name, other in (("a", a), ("b", b), ("c", c)):
    print(f"a and {name} {dot(a, other):6.1f} {cosine(a, other):7.2f} {euclidean(a, other):9.2f}")

# %% [markdown]
# Dot product and cosine say `b`, the distance says `c`. Doubling `a` doubles the dot product (first and second line), leaves the
# cosine at 1, and moves the tip away: **length counts for dot and distance, not for cosine.**
#
# numpy and the library have the same three. Here they are for `a` and `c`. Do all agree?

# %%
v, w = np.array(a), np.array(c)
cosine_by_numpy = v @ w / (np.linalg.norm(v) * np.linalg.norm(w))
by_library = [function(v, w).item() for function in (util.dot_score, util.cos_sim, util.euclidean_sim)]
print(f"by hand  {dot(a, c):.3f}  {cosine(a, c):.3f}  {euclidean(a, c):.3f}")
print(f"numpy    {v @ w:.3f}  {cosine_by_numpy:.3f}  {np.linalg.norm(v - w):.3f}")
print("library  {:.3f}  {:.3f}  {:.3f}".format(*by_library))

# %% [markdown]
# They agree, but for one sign: the library **negates** distances, so that for each of its functions more means closer, and the
# best match is always the largest number. Whoever looks for the smallest there finds the worst match.

# %%
exercise_1 = exercises.get("04.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1)

# %% [markdown]
# ## Score sentences with the model
#
# Now the three sentences of the older guide, encoded to numpy arrays (its `convert_to_tensor=True` is not needed).
# `model.similarity(X, Y)` compares every row of `X` with every row of `Y` and returns a matrix: row *i*, column *j* holds the score
# of `X[i]` and `Y[j]`.

# %%
model = SentenceTransformer("all-MiniLM-L6-v2")
trio = ["The weather is nice today", "It's a beautiful day outside", "I love programming in Python"]
vectors = model.encode(trio)
matrix = model.similarity(vectors, vectors)
print(type(vectors).__name__, vectors.shape, "->", type(matrix).__name__, tuple(matrix.shape))
print(matrix.numpy().round(3))

# %% [markdown]
# Numpy arrays in, a torch tensor out: always, whatever the input was (`.numpy()` turns it back). On the diagonal each sentence
# meets itself. Above and below it stand the same numbers, because the score of two texts does not depend on their order.
#
# A larger matrix reads better as a picture. Five sentences about weather, three about money: what pattern do you expect?

# %%
topics, sentences = zip(*corpus.SENTENCES, strict=True)
embeddings = model.encode(list(sentences))
chosen = [i for i, topic in enumerate(topics) if topic in ("weather", "money")][:8]
block = model.similarity(embeddings[chosen], embeddings[chosen]).numpy()
figure = plots.heatmap(block, [f"{sentences[i][:24]}…" for i in chosen])
across = f"across the two topics they reach at most {block[:5, 5:].max():.2f}"
plots.show(figure, f"Scores of five weather and three money sentences; {across}.")

# %% [markdown]
# The weather block stands out. The money block hardly does: the falling shares score closer to the lifting fog than to the loan. A
# topic in our heads need not be a block in the matrix.
#
# ### Myth: "Compare the pairs in a loop"
#
# The older guide calls `util.cos_sim` pair by pair. The numbers are right, but each call returns a matrix of one row and one
# column, which is why the guide needs `.item()`. For pairs that stand side by side in two lists, `similarity_pairwise` returns one
# score a row and no matrix.

# %%
looped = [util.cos_sim(vectors[i], vectors[j]) for i, j in [(0, 1), (0, 2), (1, 2)]]
at_once = model.similarity_pairwise(vectors[[0, 0, 1]], vectors[[1, 2, 2]])
print(tuple(looped[0].shape), [f"{score.item():.3f}" for score in looped])
print(tuple(at_once.shape), [f"{score:.3f}" for score in at_once.tolist()])

# %% [markdown]
# The same scores. What does the loop cost? We compare one vector with 4,000, pair by pair and in one call.

# %% reason="times depend on the machine" tags=["nbval-ignore-output"]
from timeit import repeat

stored = np.tile(embeddings, (100, 1))
loop_s = min(repeat(lambda: [util.cos_sim(vectors[0], row).item() for row in stored], number=1, repeat=3))
cosine_s = min(repeat(lambda: util.cos_sim(vectors[0], stored), number=1, repeat=20))
dot_s = min(repeat(lambda: util.dot_score(vectors[0], stored), number=1, repeat=20))
print(f"{len(stored)} pairs in a loop: {loop_s * 1e3:.0f} ms")
print(f"in one call: cos_sim {cosine_s * 1e3:.1f} ms, dot_score {dot_s * 1e3:.1f} ms")
assert loop_s > cosine_s > dot_s

# %% [markdown]
# One call instead of a loop saves most of the time. The smaller step, from cosine to dot, we explain below.
#
# ## Choose the similarity function
#
# `model.similarity` follows `model.similarity_fn_name`. A model may bring its own; where it says nothing, it is cosine. Four names
# are allowed; the fourth, Manhattan, is the distance that adds up the differences of the single numbers. For each we score the
# first weather sentence with the second, and with Python. Predict the signs.

# %%
print("the model's own:", model.similarity_fn_name)
for name in ("dot", "euclidean", "manhattan", "cosine"):
    model.similarity_fn_name = name
    print(f"{name:10}", model.similarity(vectors[0], vectors[1:]).numpy().round(2))

# %% [markdown]
# Negated distances again: closer to zero is closer. The scales differ, so a threshold belongs to *one* function of *one* model. The
# loop ends with cosine, so the model is as it was. Any other name, such as the tempting `"cos"`, is refused:

# %% tags=["raises-exception"]
model.similarity_fn_name = "cos"

# %% [markdown]
# Another slip raises nothing: assigning a function to `model.similarity`. That looks like a setting, but it puts the function in
# place of the method, and `similarity_pairwise` knows nothing of it. We print first one, then the other.

# %%
model.similarity = util.euclidean_sim
print(f"the function:  {model.similarity(vectors[0], vectors[1]).item():5.2f}")
print(f"still cosine:  {model.similarity_pairwise(vectors[0], vectors[1]).item():5.2f}")
del model.similarity

# %% [markdown]
# Two functions, no warning. Set `similarity_fn_name` and leave the method alone.
#
# ## Use unit length
#
# In the table of four functions, cosine and dot gave the same numbers. That is no coincidence: this model ends in a module that
# scales every vector to length 1, and then dividing by the lengths changes nothing. The distance follows, too: *d*² = *v·v* + *w·w*
# − 2 *v·w*, and with unit lengths this is 2 − 2·cosine.

# %%
print("lengths:", np.unique(np.linalg.norm(embeddings, axis=1).round(3)))
cosines = util.cos_sim(embeddings, embeddings)
print("dot equals cosine:", np.allclose(util.dot_score(embeddings, embeddings), cosines, atol=1e-6))
squares = util.euclidean_sim(embeddings, embeddings) ** 2
print("d² = 2 − 2·cosine:", np.allclose(squares, 2 - 2 * cosines, atol=1e-5))

# %% [markdown]
# ### Myth: "Dot product and cosine rank differently"
#
# For vectors of length 1, the order cannot differ: a higher cosine *is* a higher dot product and a smaller distance. We rank 40
# sentences for one query, first as they are, then stretched to random lengths, to imitate a model that does not normalize.
# Sentences 0 to 4 are about weather, 3 about snow.

# %%
query = model.encode("Is it going to snow?")
lengths = np.random.default_rng(0).uniform(0.5, 2, (len(embeddings), 1)).astype(np.float32)
for kind, candidates in (("unit length", embeddings), ("other lengths", lengths * embeddings)):
    print(kind)
    for function in (util.cos_sim, util.dot_score, util.euclidean_sim):
        order = function(query, candidates)[0].argsort(descending=True)
        print(f"   {function.__name__:14} best five: {order[:5].tolist()}")

# %% [markdown]
# Unit length: one ranking, three ways to compute it. Other lengths: three rankings, and only cosine keeps the first one. Where a
# model does not normalize, use the function that its authors name.
#
# But the dot product is *faster*: `util.cos_sim` scales both sides to length 1 at every call, and `util.dot_score` does not, which
# is the smaller step in our timing. On normalized vectors it gives the same answer for less work.
#
# ## Read a score
#
# Back to 0.69. A score means nothing until we know what *unrelated* texts get. We have 40 sentences in eight topics, and so 700
# pairs from two different topics. Where do you expect their cosines: near −1, near 0, or in between?

# %%
topic_of = np.array(topics)
unlike = np.triu(topic_of[:, None] != topic_of)  # above the diagonal: each pair once
unrelated = model.similarity(embeddings, embeddings).numpy()[unlike]
low, middle, high = np.quantile(unrelated, [0.05, 0.5, 0.95])
print(f"{len(unrelated)} pairs: median {middle:.2f}, nine of ten from {low:.2f} to {high:.2f}")
figure, axes = plots.new_figure()
axes.hist(unrelated, bins=np.linspace(-1, 1, 61), color=plots.COLORS[0])
axes.set(xlabel="cosine similarity", ylabel="pairs", title="Sentences from two different topics")
extremes = f"{unrelated.min():.2f} and {unrelated.max():.2f}"
plots.show(figure, f"Histogram from -1 to 1: all pairs lie between {extremes}, most near 0.")

# %% [markdown]
# Unrelated sentences sit close to **0**, on both sides of it. Nothing comes near −1, so −1 is not the sign of "not similar". By this
# yardstick, 0.69 is a lot.
#
# ### Myth: "A negative score means the opposite"
#
# Then opposites ought to be negative. We score three pairs of them, and look up the most negative pair of our 700. Predict the
# signs.

# %%
up = model.encode(["I love this film.", "The price went up.", "hot"])
down = model.encode(["I hate this film.", "The price went down.", "cold"])
print("opposites:", model.similarity_pairwise(up, down).numpy().round(2))
print(f"lowest: {unrelated.min():.2f}", [sentences[i] for i in np.argwhere(unlike)[unrelated.argmin()]])

# %% [markdown]
# Opposites score *high*: they speak of the same thing, the sentences even in nearly the same words. The most negative pair holds no
# opposites: its two sentences have nothing to do with each other.
#
# ### Myth: "Cosine 0.7 means 70 % similar"
#
# A percentage would mean the same for every model. We ask which planet is known as the Red Planet, and score a document about
# Venus, which does not answer that, and one about Mars, which does.

# %%
query = model.encode_query("Which planet is known as the Red Planet?")
miss = model.encode_document("Venus is often called Earth's twin because of its similar size and proximity.")
hit = model.encode_document("Mars, known for its reddish appearance, is often referred to as the Red Planet.")
print(f"Venus {model.similarity(query, miss).item():.2f}, Mars {model.similarity(query, hit).item():.2f}")

# %% [markdown]
# The texts come from the library's own tests, which hold the scores expected of dozens of models. We copy six rows; ours agrees with
# what we measured.

# %%
published = {  # (Venus, Mars); source: huggingface/sentence-transformers,
    # tests/sentence_transformer/test_pretrained.py
    "snowflake-arctic-embed-m": (0.29, 0.46),
    "embeddinggemma-300m": (0.30, 0.64),
    "all-MiniLM-L6-v2": (0.46, 0.81),
    "bge-small-en-v1.5": (0.60, 0.83),
    "e5-large-v2": (0.77, 0.86),
    "gte-small": (0.84, 0.93),
}
names, (wrong, right) = list(published), zip(*published.values(), strict=True)
figure, axes = plots.new_figure(7, 3.2)
axes.hlines(names, wrong, right, color="#999999", zorder=1)
axes.scatter(wrong, names, marker="s", color=plots.COLORS[1], label="Venus (wrong)")
axes.scatter(right, names, marker="o", color=plots.COLORS[0], label="Mars (right)")
axes.axvline(0.7, color="black", ls="--", label="0.7")
axes.set(xlim=(0, 1), xlabel="cosine similarity of query and document")
axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False)
ends = f"from {published[names[0]]} for {names[0]} to {published[names[-1]]} for {names[-1]}"
plots.show(figure, f"For each of six models Venus scores lower than Mars, {ends}.")


# %% [markdown]
# Every one of the six prefers Mars. Yet "at least 0.7" accepts Venus for two models and rejects Mars for two others: gte-small
# gives the wrong document more than MiniLM gives the right one. An author of E5 says: [the relative order of the scores matters,
# not their absolute values](https://github.com/microsoft/unilm/issues/1216). Dot products may leave the scale altogether: in the
# same test file, msmarco-bert-base-dot-v5 gives Venus 163 and Mars 173.
#
# So a score is neither a percentage nor a probability, and **no threshold fits all models**. How do we find ours?
#
# ## Calibrate a threshold on labeled pairs
#
# We need pairs of which we *know* the answer. The course has 78, written and graded for it from 5 (the same meaning) to 0
# (unrelated). Predict: does the model give each grade a score of its own?

# %%
def score_pairs(pairs):
    firsts = model.encode([pair.first for pair in pairs])
    seconds = model.encode([pair.second for pair in pairs])
    return model.similarity_pairwise(firsts, seconds).numpy()


graded = corpus.graded_pairs()
grades = np.array([pair.grade for pair in graded])
scores = score_pairs(graded)
for grade in range(5, -1, -1):
    example, median = graded[list(grades).index(grade)], np.median(scores[grades == grade])
    print(f"grade {grade}: median {median:.2f}   {example.first} | {example.second}")

# %% [markdown]
# The scores follow the grades, except at the top: the model does not tell "the same" from "the same but for a detail". To put the
# agreement into one number, the field uses the ***Spearman correlation***: replace both lists by ranks, and correlate the ranks. It
# is 1 when both order the pairs alike, and it looks at nothing but the order.

# %%
from scipy.stats import rankdata, spearmanr

by_hand = np.corrcoef(rankdata(scores), rankdata(grades))[0, 1]
print(f"by hand {by_hand:.3f}, scipy {spearmanr(scores, grades).statistic:.3f}")

# %% [markdown]
# A good order is not yet a decision. For that we need a ***threshold***, the score from which on we call a pair a match, and a
# definition of a match that fits our purpose. Ours: grade 4 or 5 ("same meaning" below). Where would you draw the line?

# %%
labels = grades >= 4
figure = plots.score_distributions(scores, labels.astype(int), title="78 graded pairs")
overlap = f"from {scores[labels].min():.2f} to {scores[~labels].max():.2f}"
plots.show(figure, f"Histograms of matches and others, which overlap {overlap}.")


# %% [markdown]
# No line separates the two: wherever we draw it, some pairs fall on the wrong side. Three measures say how many.
# ***Precision (of a decision)***, no relative of lesson 03's number types, is the share of the pairs called a match that are
# one. ***Recall*** is the share of the matches that are found. ***F1*** is the harmonic mean of the two, high only if both are.
# Predict what happens to precision and recall as the line moves right.

# %%
def measure(scores, labels, threshold):
    called = scores >= threshold
    precision, recall = labels[called].mean(), called[labels].mean()
    f1 = 2 * precision * recall / (precision + recall)
    return f"{called.sum():3} called a match, precision {precision:.2f}, recall {recall:.2f}, F1 {f1:.2f}"


for threshold in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
    print(f"from {threshold}: {measure(scores, labels, threshold)}")

# %% [markdown]
# Recall can only fall. Precision mostly rises, but at 0.9 it drops: few pairs are left, and half of them mean different things. And
# 0.8, which sounds like a safe choice, misses more than a third of the matches.
#
# Now move the line yourself, over twelve of the texts: of their 66 pairs, four mean the same. **Predict:** is there a threshold
# without a ▲ (called a match, but none) and without a ○ (missed)? Drag, or use the arrow keys.

# %%
openings = ("A man is repairing", "A woman is slicing", "The team won", "The lake is frozen")
few = [pair for pair in graded if pair.grade >= 2 and pair.first.startswith(openings)]
lines = list(dict.fromkeys(text for pair in few for text in (pair.first, pair.second)))
same = [(pair.first, pair.second) for pair in few if pair.grade >= 4]
matrix = model.similarity(model.encode(lines), model.encode(lines))
widgets.SimilarityMatrix(lines, matrix, same, threshold=0.8)

# %% [markdown]
# There is none: low enough for the frozen lake, the line lets in four pairs about onions and the team that differ.
#
# `evaluation.calibrate_threshold` tries every score as a threshold and keeps the one with the highest F1. On the pairs that chose
# it, a threshold looks better than it is. So one half of the pairs chooses, and the other half, which it has not seen, judges.

# %%
known, new = slice(0, None, 2), slice(1, None, 2)
chosen_on_known = evaluation.calibrate_threshold(scores[known], labels[known])
print("known half:", chosen_on_known)
print("new half: ", measure(scores[new], labels[new], chosen_on_known.threshold))
print(evaluation.confusion(scores[new], labels[new], chosen_on_known.threshold))
print("chosen by the new half: ", evaluation.calibrate_threshold(scores[new], labels[new]))
final = evaluation.calibrate_threshold(scores, labels)
print("chosen by all the pairs:", final)

# %% [markdown]
# Precision and F1 are lower on the new half, and those are the numbers to report. The table shows what is behind them: no match is
# missed, but more than a third of the pairs called a match are none. (Some single sentences occur in both halves; use all-new texts
# for yours.) Is the threshold itself firm? In the last two lines the new half chooses, then all pairs.
#
# The halves disagree: 39 pairs fix the threshold only roughly. More pairs make it firmer; more decimals do not. We go on with the
# one from all pairs. But F1 treats both kinds of error alike, and your errors may not cost the same.

# %%
exercise_2 = exercises.get("04.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2, scores=scores, labels=labels)

# %% [markdown]
# ## Group texts without labels
#
# ***Clustering*** sorts texts into groups by their vectors alone, without being told what the groups are. Our 40 sentences
# come from eight topics. Does a clustering find them? The adjusted Rand index compares two groupings: 1 is the same grouping,
# about 0 is chance. KMeans gives each text to the nearest of eight centers, which start at random: we try several seeds.

# %%
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score

for seed in range(4):
    found = KMeans(n_clusters=8, n_init=10, random_state=seed).fit_predict(embeddings)
    print(f"KMeans, seed {seed}: {adjusted_rand_score(topics, found):.2f}")
found = AgglomerativeClustering(n_clusters=8).fit_predict(embeddings)
print(f"agglomerative:  {adjusted_rand_score(topics, found):.2f}")

# %% [markdown]
# The seed changes the result, although each line is already the best of ten starts (`n_init=10`): do not build on a single run.
# Agglomerative clustering, which merges the two closest groups again and again, has no seed, and comes closer to the topics here.
# For each cluster, we print its most frequent topic, and the sentences from other topics.

# %%
from collections import Counter

for cluster in dict.fromkeys(found):
    members = np.flatnonzero(found == cluster)
    topic, count = Counter(topic_of[members].tolist()).most_common(1)[0]
    strays = [sentences[i] for i in members if topics[i] != topic]
    print(f"{topic}: {count}", *strays, sep="  +  ")

# %% [markdown]
# Mostly one topic a line, with strays. A stray is not always a mistake: the whales beside a boat have joined the ferry, a
# reasonable group, only not ours. The vectors do not say which grouping you want.
#
# We had to say *eight*. `util.community_detection` asks for a threshold instead, and leaves out what is not close to anything:

# %%
print("defaults (0.75, at least 10 texts):", util.community_detection(embeddings))
for community in util.community_detection(embeddings, threshold=0.35, min_community_size=2):
    starts = " / ".join(sentences[i][:20] + "…" for i in community[:3])
    print(len(community), sorted({topics[i] for i in community}), starts)

# %% [markdown]
# The defaults find nothing: no sentence here has nine others that score at least 0.75. With a threshold for *one topic* instead of
# *one meaning*, five small groups appear, each of one topic, and most sentences stay alone.
#
# ***Paraphrase mining*** looks for the pairs of texts in a collection that say the same. `util.paraphrase_mining` encodes, compares
# all with all, and returns the best pairs first, as `[score, i, j]`. We hand it all sentences of the graded pairs, unpaired.

# %%
texts = list(dict.fromkeys(text for pair in graded for text in (pair.first, pair.second)))
mined = util.paraphrase_mining(model, texts)
for score, i, j in mined[:5]:
    print(f"{score:.2f}   {texts[i]} | {texts[j]}")

# %% [markdown]
# Look closely: *bought from* and *sold to*, *flooded* and *threatened to flood*. Mining only proposes pairs.

# %%
exercise_3 = exercises.get("04.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots with a function of embeddings
exercise_3.check(answer_3)

# %% [markdown]
# ## Know when the closest is wrong
#
# Here are 24 pairs that mean something *different*, by a negation, a number or a name, beside the 13 pairs of grade 5, which mean
# the same. Predict: how many of the 24 stay below our threshold?

# %%
traps = corpus.trap_pairs()
trap_scores = score_pairs(traps)
groups = {"same meaning": scores[grades == 5]}
for kind in ("negation", "number", "name"):
    groups[f"other {kind}"] = trap_scores[[trap.kind == kind for trap in traps]]
figure, axes = plots.new_figure(7, 2.8)
for (name, values), marker, color in zip(groups.items(), plots.MARKERS, plots.COLORS, strict=False):
    axes.scatter(values, [name] * len(values), marker=marker, color=color, alpha=0.7)
    over = (values >= final.threshold).sum()
    print(f"{name:15} median {np.median(values):.2f}, at or above the threshold: {over} of {len(values)}")
axes.axvline(final.threshold, color="black", ls="--")
axes.set(xlabel=f"score (dashed: threshold {final.threshold:.2f})")
axes.invert_yaxis()
passing = f"{(trap_scores >= final.threshold).sum()} of {len(traps)}"
plots.show(figure, f"{passing} pairs with another negation, number or name score at or above the threshold.")

# %% [markdown]
# Nearly all traps pass, while one true paraphrase does not. By the median, another number or name scores even *higher* than a true
# paraphrase: "Norway beat Sweden" and "Sweden beat Norway" share every word. No threshold repairs that. Where such a detail
# decides, compare it outside the vectors: digits with a regular expression, names with your own list, a negation by a person, or by
# another kind of model, tested on such pairs.
#
# One thing more that this score cannot tell: direction. If a dog runs, an animal moves; the reverse does not follow. Our matrices
# were symmetric: the score is the same both ways.

# %% [markdown]
# ## Summary
#
# - Dot product and distance depend on length, cosine does not, so they can disagree about which vector is closest; the library
#   negates distances.
# - `model.similarity` gives the whole matrix, `similarity_pairwise` one score a row, both as torch tensors; `similarity_fn_name`
#   takes one of four names.
# - At unit length, dot equals cosine and *d*² = 2 − 2·cosine, so all three rank alike; the choice changes the scale, not the order.
# - With this model unrelated texts score near 0 and opposites high, and each model has its own scale: a score is no percentage and
#   no probability.
# - A threshold comes from labeled pairs of your own; choose it on one part, report precision and recall on another, and let the
#   cost of errors decide.
# - Clustering and paraphrase mining propose groups and pairs; negations, numbers, names and direction need a check outside the
#   score.

# %% [markdown]
# ## Copy and paste
#
# Find likely duplicates in a list, with a threshold from a few labeled pairs. Replace the texts and the pairs with yours: with six
# pairs, the threshold is a placeholder.

# %% tags=["copy-paste"]
import numpy as np
from sentence_transformers import SentenceTransformer, util
from sklearn.metrics import precision_recall_curve

labeled = [  # (first, second, same meaning?)
    ("How do I reset my password?", "I forgot my password, how do I change it?", True),
    ("The app crashes on start", "App closes as soon as I open it", True),
    ("Invoice is missing", "I have not received my invoice", True),
    ("How do I reset my password?", "How do I change my user name?", False),
    ("The app crashes on start", "The app is slow to start", False),
    ("Invoice is missing", "Which cards do you accept?", False),
]
tickets = [
    "Cannot log in, password lost",
    "Where is my invoice?",
    "I lost my password and cannot log in",
    "My invoice never arrived",
]

model = SentenceTransformer("all-MiniLM-L6-v2")
firsts, seconds, matches = zip(*labeled, strict=True)
pair_scores = model.similarity_pairwise(model.encode(list(firsts)), model.encode(list(seconds))).numpy()
precision, recall, thresholds = precision_recall_curve(matches, pair_scores)
f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
threshold = thresholds[f1[:-1].argmax()]
print(f"threshold {threshold:.2f}")
for score, i, j in util.paraphrase_mining(model, tickets):
    if score >= threshold:
        print(f"{score:.2f}   {tickets[i]} | {tickets[j]}")

# %% [markdown]
# ## Further reading
#
# - The library on [semantic textual similarity](https://sbert.net/docs/sentence_transformer/usage/semantic_textual_similarity.html)
#   and on [its similarity functions](https://sbert.net/docs/package_reference/util/similarity.html).
# - scikit-learn on [clustering](https://scikit-learn.org/stable/modules/clustering.html), with what each method assumes.

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. Model X scores a pair 0.77, model Y 0.46. Which finds the two texts more alike?**
#
# <details><summary>A.&nbsp;X, because its score is higher.</summary>Not quite. Each model has a scale of its own.</details>
# <details><summary>B.&nbsp;X: it is 77 % sure, and Y 46 %.</summary>Not quite. A score is neither a percentage nor a probability.</details>
# <details><summary>C.&nbsp;That cannot be said.</summary>Right. Ask what unrelated texts get from each model.</details><br>
#
# **2. On the pairs that chose it, a threshold reaches F1 0.95. What do you report?**
#
# <details><summary>A.&nbsp;F1 on other labeled pairs.</summary>Right. On its own pairs, a threshold looks better than it is.</details>
# <details><summary>B.&nbsp;F1 0.95.</summary>Not quite. Pairs that chose the threshold cannot judge it.</details>
# <details><summary>C.&nbsp;The threshold, as a property of the model.</summary>Not quite. It depends on your pairs and your errors' costs.</details><br>
#
# **3. “We meet at 9” and “We meet at 6” score above your threshold. What helps?**
#
# <details><summary>A.&nbsp;A higher threshold.</summary>Not quite. Such traps scored above true paraphrases, by the median.</details>
# <details><summary>B.&nbsp;Comparing the digits themselves.</summary>Right. No score reveals them; a regular expression does.</details>
# <details><summary>C.&nbsp;The dot product instead of the cosine.</summary>Not quite. At unit length, both give the same score.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [05 · Search by meaning and measure how well it works](05_semantic_search.ipynb). Brute force, queries and documents, evaluation beside BM25 and chance, a FAISS index, and the failures.
# - **Before:** [03 · Encode text into vectors](03_encoding_text.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
