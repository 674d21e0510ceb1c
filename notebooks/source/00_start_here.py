# %% [markdown] tags=["header"]
# # 00 · Search 4,000 documents by meaning
#
# From an empty page to a search over real documents, and a picture of what an embedding is.
#
# **Time:** 15 minutes · **Builds on:** nothing but Python

# %% [markdown]
# You need a function that finds strange values in your data, and you do not know what it is called. NumPy, SciPy, scikit-learn,
# PyTorch and Matplotlib document more than 4,000 functions and classes. **Can a program find the right one from a sentence
# in our own words?** In ten minutes and about thirty short cells, ours can, most of the time, and we see when it cannot.

# %% [markdown]
# ## What you'll be able to do
#
# - Turn a sentence into a list of numbers and say what its shape means.
# - Compare sentences by meaning and read the scores.
# - Draw a map of sentences and say how much the map hides.
# - Search thousands of documents by meaning in three lines.
# - Name queries for which the search fails, and say why a first hit proves nothing.
# - Check your answers to the exercises, and check this machine.

# %% [markdown]
# This first cell, the setup, prepares everything the lesson needs. Run it with **Shift+Enter**, then go on in the same way.

# %% tags=["setup"]
from helpers import corpus, doctor, exercises, hub, plots

hub.activate()

from sentence_transformers import SentenceTransformer

# %% [markdown]
# ## Look for a word and miss the meaning
#
# Our ***corpus***, the collection of texts that we search, is the documentation of the five libraries as it is installed here:
# there is nothing to download. Each ***document***, one searchable text of the corpus, is a function's name with the first
# paragraph of its description.

# %%
docs = corpus.api_docs()
print(f"{len(docs):,} documents, for example:")
for doc in docs[500::900]:
    print("-", doc.text[:100])

# %% [markdown]
# We ask for those strange values: "detect unusual observations". Such a text, for which we want the documents that answer it,
# is a ***query***. The oldest way to search is to look for the query's words. **Predict:** how many documents contain at least
# one of the three words, and do they help us?

# %%
import re


def words(text):
    return set(re.findall("[a-z]+", text.lower()))


query = "detect unusual observations"
matches = [doc for doc in docs if words(query) & words(doc.text)]
print(len(matches), "documents share a word with the query, among them:")
for doc in matches[::4]:
    print("-", doc.text[:100])

# %% [markdown]
# They share a word with us and nothing else: distances, averages, a debugging aid. Statisticians call an unusual observation an
# *outlier*. Do the libraries have something for outliers, and did our words find it?

# %%
answers = [doc for doc in docs if "outlier" in doc.text.lower()]
print(len(answers), "documents speak of outliers;", sum(doc in matches for doc in answers), "of them share a word with our query")

# %% [markdown]
# The answers are there, and plain word matching reaches none of them: we would have had to know the word. What we want is
# ***semantic search***: to rank documents by how close their meaning is to the query's, whatever words they use.
#
# ## Load a model
#
# An ***embedding model*** is a neural network that turns a text into a list of numbers, such that texts with similar meaning get
# similar numbers. We load a small and widely used one. It is the real all-MiniLM-L6-v2: the published weights, byte
# for byte, from an installed Python package. The setup cell has compared them with their SHA-256.

# %%
model = SentenceTransformer("all-MiniLM-L6-v2")
parameters = sum(parameter.numel() for parameter in model.parameters())
print(f"{parameters:,} learned parameters; {model.get_embedding_dimension()} numbers for a text")

# %% [markdown]
# ### Myth: "An embedding model needs the network, an API key or a GPU"
#
# Let us pull the plug. While the next cell runs, every attempt to connect to another machine fails and is counted. We refuse to
# send a key (`token=False`), ask for the CPU, load the model once more and use it.

# %%
import socket
from unittest.mock import patch

with patch.object(socket.socket, "connect", side_effect=OSError("the plug is pulled")) as connect:
    offline = SentenceTransformer("all-MiniLM-L6-v2", device="cpu", token=False)
    print(offline.encode("Does this still work?").shape, "from the", offline.device)
print("attempts to connect:", connect.call_count)

# %% [markdown]
# It loads and works, and does not even try to connect. A GPU makes large jobs faster, and a model has to reach the disk once;
# after that, your texts need not leave your machine.
#
# ## Encode one sentence
#
# To encode is to run a text through the model. **Predict:** what comes out for one sentence, and how large is it?

# %%
embedding = model.encode("The weather is nice today")
print(embedding.shape, embedding.dtype)
print("starts with", *(f"{number:.3f}" for number in embedding[:5]))

# %% [markdown]
# This list of numbers is the sentence's ***embedding***: the vector by which the model represents what a text means. Each position
# in the vector is a ***dimension***; this model's embeddings have 384. A single number says nothing that we could read.
# **Predict** the shape for one word, and for a text two hundred words long.

# %%
for text in ["weather", "The weather is nice today. " * 40]:
    print(f"{len(text.split()):3} words -> shape {model.encode(text).shape}")

# %% [markdown]
# The shape is always the same. That is what makes any two texts comparable, and it is a warning too: a long text has to fit into
# as many numbers as a word. (What is too long is cut without a word: lesson 03 shows where.)
#
# ## Compare a handful of sentences
#
# Here are six sentences, and hardly two of them share a word that matters. **Predict** before you run the second cell: which pair
# is closest, and which sentences have nothing to do with each other?

# %%
handful = [
    "The weather is nice today",
    "It's a beautiful day outside",
    "The function returns an empty list when nothing matches",
    "A missing bracket stopped the whole script",
    "He pays back the loan in monthly installments",
    "The bank charged a fee for the late payment",
]
embeddings = model.encode(handful)
print(embeddings.shape)

# %% [markdown]
# Six sentences, six rows. `model.similarity` compares every row with every row. For this model its score is the cosine
# similarity: 1 for the same direction, about 0 for unrelated texts.

# %%
scores = model.similarity(embeddings, embeddings)
labels = [f"{text[:24]}…" for text in handful]
figure = plots.heatmap(scores, labels, title="How similar are the six sentences?")
plots.show(figure, f"Six by six scores; the pairs: weather {scores[0, 1]:.2f}, code {scores[2, 3]:.2f}, money {scores[4, 5]:.2f}.")

# %% [markdown]
# Each sentence is closest to its partner, and equal to itself (1.00). The two on the weather are close although they share no
# word. Note how far below 1 the other partners stay: they have a topic in common and say different things. Scores order texts;
# there is no level from which on texts "mean the same". Lesson 04 takes scores apart.
#
# ## Draw a map of sentences
#
# Nobody can picture 384 dimensions. Principal component analysis (PCA) finds the two directions along which the points spread
# most, and gives us a map. We encode forty sentences on eight topics, five each, and draw the four topics
# that the map separates best.

# %%
topics, sentences = zip(*corpus.SENTENCES)
sentence_embeddings = model.encode(sentences)
print(sentence_embeddings.shape, "topics:", *dict.fromkeys(topics))

# %%
from sklearn.decomposition import PCA

shown = [index for index, topic in enumerate(topics) if topic in {"weather", "programming", "music", "money"}]
pca = PCA(n_components=2)
points = pca.fit_transform(sentence_embeddings[shown])
kept = f"{pca.explained_variance_ratio_.sum():.0%}"
labels = [f"{sentences[index][:21]}…" for index in shown]
figure = plots.text_map(points, [topics[index] for index in shown], labels, title=f"Twenty sentences; the map keeps {kept} of the variance")
plots.show(figure, f"Twenty sentences as points, four topics in four regions; the map keeps {kept} of the variance.")

# %% [markdown]
# The model was told nothing about topics, and yet sentences gather by topic. Now the small print: the title says how
# much of the spread the map keeps. The rest happens in directions that we do not see, so points that touch here may be far
# apart, such as the two neighbors from money and programming. A map is for looking; for measuring, use the scores.

# %% [markdown]
# Your turn. The next cell shows an exercise, the one after it is yours. Replace the three dots and run it as often as you like.

# %%
exercise_1 = exercises.get("00.1")
exercise_1

# %% tags=["exercise"]
new_sentence = "Python is a snake that eats mice"
answer_1 = ...  # replace the three dots

exercise_1.check(answer_1)

# %% [markdown]
# ## Search the documentation by meaning
#
# Now the 4,000. One call encodes them all; this is the one slow cell of the lesson. **Predict** how long your machine takes. On
# two cores it was about 25 seconds when we measured; a bar shows the progress. It has to be done only once, because the embeddings
# serve every query that follows.

# %%
doc_embeddings = model.encode_document([doc.text for doc in docs], show_progress_bar=True)
print(doc_embeddings.shape == (len(docs), 384), f"{doc_embeddings.nbytes / 1e6:.1f} MB")

# %% [markdown]
# The same question as at the beginning: "detect unusual observations". The search itself is three lines: encode the query,
# compare it with every document, take the best three.

# %%
query_embedding = model.encode_query(query)
scores = model.similarity(query_embedding, doc_embeddings)[0]
best = scores.topk(3)

for score, index in zip(best.values, best.indices):
    print(f"{score:.2f}  {docs[index].text[:100]}")

# %% [markdown]
# All three are detectors of outliers, and not one shares a word with the query. We never said "outlier".
# (`encode_document` and `encode_query` do for this model what `encode` does; some models treat the two sides differently,
# and with these names the code stays right for them.)
#
# Where do query and hits lie? The same kind of map, now of the whole documentation.

# %%
pca = PCA(n_components=2).fit(doc_embeddings)
points, star = pca.transform(doc_embeddings), pca.transform([query_embedding])
figure, axes = plots.new_figure(8.2, 5.2)
for library, color, marker in zip(sorted({doc.library for doc in docs}), plots.COLORS, plots.MARKERS):
    chosen = points[[doc.library == library for doc in docs]]
    axes.scatter(*chosen.T, s=8, alpha=0.5, color=color, marker=marker, label=library)
axes.scatter(*points[best.indices].T, s=110, facecolor="none", edgecolor="black", linewidth=1.5, label="three best hits")
axes.scatter(*star.T, s=240, marker="*", color="black", edgecolor="white", label="query")
axes.set(xticks=[], yticks=[], title=f"{len(docs):,} documents; the map keeps {pca.explained_variance_ratio_.sum():.0%} of the variance")
axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, markerscale=1.5)
plots.show(figure, "The documents as a cloud for each library, torch apart from the rest; query and hits lie together beside sklearn's.")


# %% [markdown]
# Five libraries, five regions, and PyTorch a continent of its own. Do not read too much into it: a document begins with the
# library's name, which pulls its entries together, and the map keeps even less of the variance than the one before.
#
# ## Play with it
#
# We put the three lines into a function. Then it is your turn to ask.

# %%
def search(query, k=3):
    scores = model.similarity(model.encode_query(query), doc_embeddings)[0]
    best = scores.topk(k)
    for score, index in zip(best.values, best.indices):
        print(f"{score:.2f}  {docs[index].text[:90]}")


search("split my data into train and test parts")  # put your own words here

# %% [markdown]
# `train_test_split` comes first, with a clear lead. The next queries avoid the words of the documentation. **Predict**
# what should come first for each.

# %%
for query in ["the number in the middle", "the quickest route through a network", "fight overfitting by switching off neurons at random"]:
    search(query, k=1)

# %% [markdown]
# A median, shortest paths in a graph, dropout: a colleague would have answered the same. Which brings us to the temptation.
#
# ### Myth: "The model understands, so the first hit is right"
#
# scikit-learn's DBSCAN groups points without being told how many groups there are. **Predict:** where does it come for this query?

# %%
search("find groups of points without choosing k")
dbscan = [doc.name for doc in docs].index("sklearn.cluster.DBSCAN")
scores = model.similarity(model.encode_query("find groups of points without choosing k"), doc_embeddings)[0]
print(f"\nDBSCAN is at rank {int((scores > scores[dbscan]).sum()) + 1}. Its document:\n{docs[dbscan].text}")

# %% [markdown]
# The first hits are full of k, the very thing that we did not want, and DBSCAN is nowhere near. Its document says what it is and not what
# it is good for, and the model knows only what is written there. Three more ways to fail:

# %%
for query in ["throw dice", "undo the exponential", "what should I cook tonight?"]:
    search(query, k=1)

# %% [markdown]
# The Dice dissimilarity has a word in common with us and no meaning. "Undo" got lost: we asked for a logarithm.
# And there is always a first hit, even where no document answers. The score gives no warning: dice scores higher than the
# median, which was right. A hit is a candidate, not an answer. Lesson 05 measures how often the right document comes first.
#
# Two exercises for the road: the second is for fun, and harder than it looks.

# %%
exercise_2 = exercises.get("00.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots

exercise_2.check(answer_2, docs=docs, doc_embeddings=doc_embeddings)

# %%
exercise_3 = exercises.get("00.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots

exercise_3.check(answer_3, model=model, docs=docs, doc_embeddings=doc_embeddings)

# %% [markdown]
# ## See how the course works
#
# Exercises check themselves. A wrong answer gets a hint that fits the mistake; `.hint()` gives one more each time, and
# `.solution()` shows code that works. Here is somebody who answers the first exercise by guessing:

# %%
exercise_1.check("A fox slipped through the hedge at dusk")
exercise_1.hint()

# %% [markdown]
# - **Run.** Shift+Enter runs a cell; *Run → Run All Cells* runs the lesson. Cells share one memory, the kernel: when something looks
#   odd, *Kernel → Restart Kernel and Run All Cells* starts afresh.
# - **Change anything.** Every cell is yours to edit. *File → Save* keeps your answers; `git restore notebooks` brings the original back.
# - **Trust the outputs.** Each lesson has one source, in `notebooks/source`. The notebook is built from it, and its outputs are
#   compared with a fresh run by the course's tests.
# - **Stay offline.** No cell connects to another machine.
# - **Find your way.** The [README](../README.md#lessons) lists the lessons. Each builds on the ones before it.
#
# ## Check this machine
#
# The last question is whether this machine is ready for all lessons. Each line says `ok`, or what to do.

# %% tags=["nbval-ignore-output"] reason="what is reported depends on the machine: memory, disk, device"
ready = doctor.report()

# %% [markdown]
# The same report is one command away in a terminal: `python -m helpers doctor`.

# %% [markdown]
# ## Summary
#
# - `model.encode` turns a text of any length into one embedding; this model's has 384 dimensions.
# - `model.similarity` scores every pair; the closer in meaning, the higher, and the scores are for ordering.
# - PCA draws a map of embeddings; the share of variance it keeps says how much the map hides.
# - Semantic search is three lines: encode the query, score all documents, take the top k.
# - The search fails on shared words, on "without" and "undo", and where nothing answers; a first hit is a candidate.
# - `.check`, `.hint` and `.solution` go with each exercise, and `doctor.report()` with each machine.

# %% [markdown]
# ## Copy and paste
#
# A search over your own texts, with nothing of this course in it. Replace `documents` and `query`.

# %% tags=["copy-paste"]
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("all-MiniLM-L6-v2")
documents = [
    "Reset your password under Settings, Security.",
    "Invoices are sent on the first day of each month.",
    "Our office is closed on public holidays.",
    "You can return a product within 30 days.",
]
document_embeddings = model.encode_document(documents)

query = "I want my money back"
scores = model.similarity(model.encode_query(query), document_embeddings)[0]
best = scores.topk(2)
for score, index in zip(best.values, best.indices):
    print(f"{score:.2f}  {documents[index]}")

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [01 · Install the library and check that it works](01_installation.ipynb). CPU or CUDA, extras, pins, what is installed here, and what changed from version 3 to 6.
# - **All lessons:** [the README's table](../README.md#lessons)
