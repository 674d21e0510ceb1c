# %% [markdown] tags=["header"]
# # 06 · Put the right prompt before a text
#
# E5, BGE, Qwen3 and EmbeddingGemma by name; queries against documents, and the prompts that are silently lost.
#
# **Time:** 50 minutes · **Builds on:** [05 · Search by meaning and measure how well it works](05_semantic_search.ipynb)

# %% [markdown]
# "We replaced MiniLM by a model with a better reputation, and our search got worse. Nothing failed, nothing warned. What did we forget?"
#
# Perhaps a few characters. Many models were trained with a fixed piece of text before every text, and expect it ever after. Without it
# they still return vectors of the right shape.
#
# Such models are too large to ship with a course. Offline, each has a ***stand-in***: a tiny model with the real one's architecture,
# prompts and vector size, and random weights. It shows what goes in and what comes out, never how good it is. Quality we measure on the
# real MiniLM.

# %% [markdown]
# ## What you'll be able to do
#
# - Put a prompt before texts in several ways, and show that all give the same vector.
# - Say which prompt `encode`, `encode_query` and `encode_document` add.
# - Give E5 and BGE the prompts that their repositories do not carry.
# - Use the prompts of Qwen3 and EmbeddingGemma, and write an instruction.
# - Find a prompt that is lost, doubled or glued to the text.
# - Measure whether a prompt helps, and tell an effect from luck.

# %% tags=["setup"]
from helpers import catalog, corpus, evaluation, exercises, hub, plots, widgets

hub.activate()
hub.provide("intfloat/e5-large-v2", "BAAI/bge-small-en-v1.5")
hub.provide("Qwen/Qwen3-Embedding-0.6B", "google/embeddinggemma-300m")

import numpy as np
from sentence_transformers import SentenceTransformer

# %% [markdown]
# ## Put text before a text
#
# A ***prompt*** is text that is put before every text that a model encodes. `encode` takes it as an argument. **Predict:** is that the
# same as typing it ourselves?

# %%
model = SentenceTransformer("all-MiniLM-L6-v2")
text = "sort an array"
prompted = model.encode(text, prompt="query: ")
print("as typed by hand:", np.array_equal(prompted, model.encode("query: sort an array")))
print(f"cosine with the bare text: {prompted @ model.encode(text):.2f}")

# %% [markdown]
# The same vector: a prompt is no switch inside the model. It is read like the rest of the text, it moves the vector, and it takes its
# share of the token limit:

# %%
print(model.tokenizer("query: " + text).tokens())

# %% [markdown]
# ## Give prompts a name
#
# Nobody wants to repeat the prompt in every call. `prompts=` stores prompts by name, when the model is loaded. **Predict:** which prompt
# does each of the four calls add? To find out, we compare its vector with those of the bare model.

# %%
named = SentenceTransformer("all-MiniLM-L6-v2", prompts={"query": "query: ", "document": "passage: "})


def added(vector, candidates=("", "query: ", "passage: ")):
    return [prompt for prompt in candidates if np.allclose(vector, model.encode(prompt + text), atol=1e-5)]


print("encode                      ", added(named.encode(text)))
print('encode, prompt_name="query" ', added(named.encode(text, prompt_name="query")))
print("encode_query                ", added(named.encode_query(text)))
print("encode_document             ", added(named.encode_document(text)))

# %% [markdown]
# **Plain `encode` adds nothing**, although the model has prompts. `encode_query` takes the prompt named `query`, `encode_document` the
# one named `document`. A name that the model does not know is refused, with the list of those it does:

# %% tags=["raises-exception"]
named.encode(text, prompt_name="passage")

# %% [markdown]
# ## Set a default
#
# A ***default prompt*** is the one that plain `encode` adds when it is told nothing. Loading such a model logs a remark. What
# happens to a query, when the prompt named `query` is empty?

# %% tags=["shows-stderr"]
prompts = {"document": "passage: "}
defaulting = SentenceTransformer("all-MiniLM-L6-v2", prompts=prompts, default_prompt_name="document")
print("encode            ", added(defaulting.encode(text)))
print('encode, prompt="" ', added(defaulting.encode(text, prompt="")))
print("encode_query      ", added(defaulting.encode_query(text)))

# %% [markdown]
# An empty prompt is a prompt: it wins over the default. The order is: `prompt=`, then `prompt_name=` (which `encode_query` and
# `encode_document` fill in), then the default. Old code that calls plain `encode` for both sides would now put `passage: ` before
# queries too.
#
# ## Give E5 and BGE their prompts
#
# Now models that want prompts. The [card of E5](https://huggingface.co/intfloat/e5-large-v2) asks for `query: ` and `passage: ` before
# every text. **Predict:** what does `encode_query` add?

# %%
for name in ("intfloat/e5-large-v2", "BAAI/bge-small-en-v1.5"):
    found = SentenceTransformer(name)
    nothing = np.array_equal(found.encode_query(text), found.encode(text))
    print(f"{name:23} {found.prompts}  encode_query adds nothing: {nothing}")

# %% [markdown]
# ### Myth: "`encode_query` adds the right prompt"
#
# It adds what the *repository* carries, and these two carry none: their prompts stand in the card, for people. So we pass them. The older
# guide types E5's by hand, which works; the names are harder to forget.

# %%
e5 = SentenceTransformer("intfloat/e5-large-v2", prompts={"query": "query: ", "document": "passage: "})
query, passage = "What is machine learning?", "Machine learning is a subset of AI..."
print("query:  ", np.array_equal(e5.encode_query(query), e5.encode("query: " + query)))
print("passage:", np.array_equal(e5.encode_document(passage), e5.encode("passage: " + passage)))

# %% [markdown]
# Each side has its own. For tasks with two equal sides, such as finding duplicates, the card says `query: ` on both.
#
# ### Myth: "BGE wants `Represent this sentence for retrieval: `"
#
# So says the older guide's code; its comment says `Represent this sentence:`. The authors' own wording, in
# [their README](https://github.com/FlagOpen/FlagEmbedding), is a third one, for queries only and for all sizes of v1.5.

# %%
right = "Represent this sentence for searching relevant passages: "
bge = SentenceTransformer("BAAI/bge-small-en-v1.5", prompts={"query": right})
for wording in (right, "Represent this sentence for retrieval: ", "Represent this sentence:"):
    same = np.allclose(bge.encode_query(text), bge.encode(text, prompt=wording), atol=1e-5)
    print(f"{same!s:5} {wording!r}")

# %% [markdown]
# No wording raises an error, and each gives another vector. Which one is better, a stand-in cannot say: copy the authors'. They add
# that v1.5 loses little without it, and their BGE-M3 wants none.
#
# ## Tell Qwen3 what the task is
#
# An ***instruction*** is a prompt that describes the task in a sentence. Qwen3-Embedding carries one for web search. It is stored in
# `bfloat16`, so on a CPU we ask for `float32`; and it loads without `trust_remote_code`, which the older guide calls required (see
# [lesson 02](02_loading_models.ipynb)).

# %%
qwen = SentenceTransformer("Qwen/Qwen3-Embedding-0.6B", model_kwargs={"dtype": "float32"})
print(qwen.prompts)
print("by name:", np.array_equal(qwen.encode(text, prompt_name="query"), qwen.encode_query(text)))
print("documents stay bare:", np.array_equal(qwen.encode_document(text), qwen.encode(text)))

# %% [markdown]
# "By name" is the older guide's call: it does what `encode_query` does. Our task is rarely web search, though. The authors
# [advise](https://huggingface.co/Qwen/Qwen3-Embedding-0.6B) an instruction of one's own, in English, and report 1 to 5 % less in most
# retrieval tasks for queries without any. Keep the form, exchange the sentence. There is no space after `Query:`.

# %%
task = "Given a question in everyday words, find the function that answers it"
vectors = qwen.encode_query([text, "draw a bar chart"], prompt=f"Instruct: {task}\nQuery:")
vectors.shape

# %% [markdown]
# `prompt=` wins over the stored prompt for this one call. If all queries have the same task, store the instruction as `query` instead.

# %%
exercise_1 = exercises.get("06.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1)

# %% [markdown]
# ## Choose among EmbeddingGemma's prompts
#
# ### Myth: "Load `google/embedding-gemma-300m`"
#
# The older guide's name has a hyphen too many. What does the error blame?

# %%
try:
    SentenceTransformer("google/embedding-gemma-300m")
except OSError as error:
    print(str(error).split(",")[0])

# %% [markdown]
# Offline, the connection: a misspelled name and a missing network look alike. (The real model also wants its license accepted.) With
# the right name it loads. What does its repository carry?

# %%
gemma = SentenceTransformer("google/embeddinggemma-300m")
for name, prompt in gemma.prompts.items():
    print(f"{name:25} {prompt!r}")

# %% [markdown]
# Two for search, and others by task: `prompt_name="Clustering"`. The guide's plain `encode` uses none of them.
#
# `title: none` is a place to fill in. But `prompt=` is one text for the whole batch, and every document has its own title. So we write
# the whole thing by hand, and leave it to plain `encode`. First with `none`, as a check:

# %%
titled = gemma.encode("title: none | text: " + text)
print("by hand equals encode_document:", np.array_equal(titled, gemma.encode_document(text)))
twice = gemma.encode_document("title: none | text: " + text)
print("by hand, then encode_document: ", np.array_equal(twice, gemma.encode_document(text)))

# %% [markdown]
# The second line is a common slip: the prompt is there *twice*, because `encode_document` adds its own to ours.

# %%
exercise_2 = exercises.get("06.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2, model=gemma)

# %% [markdown]
# What the authors of some models ask for, whether their repository carries it or not. `·` is a space at the end, `\n` a line break:

# %%
retrievers = ["e5-large-v2", "bge-small-en-v1.5", "bge-m3", "Qwen3-Embedding-0.6B", "mxbai-embed-large-v1"]
catalog.table([*retrievers, "nomic-embed-text-v1.5", "all-MiniLM-L6-v2"], ["prompts"])

# %% [markdown]
# Does a download behave as its authors meant? Loaded as its repository says, prompts included, a model must reach its published scores.
# Online (`COURSE_ONLINE=1`) this line compares. A stand-in declines:

# %%
print(hub.compare_with_published(gemma, "google/embeddinggemma-300m"))

# %% [markdown]
# ## Find the prompt that is lost
#
# E5 calls its documents *passages*, so that looks like the natural name. The library's own docstring uses it as an example. **Predict**
# the last line.

# %%
trapped = SentenceTransformer("all-MiniLM-L6-v2", prompts={"query": "query: ", "passage": "passage: "})
print(trapped.prompts)
print("encode_document adds", added(trapped.encode_document(text)))

# %% [markdown]
# Nothing. The library has put an empty `document` beside our two, and `encode_document` looks there first. No error, no warning. **Name
# the document prompt `document`.**
#
# The next trap is one character wide. What if the space at the end is forgotten?

# %%
for prompt in ("query: ", "query:", "a way to ", "a way to"):
    print(f"{prompt!r:11} MiniLM {model.tokenizer(prompt + text).tokens()[1:-1]}")
for prompt in ("query: ", "query:"):
    print(f"{prompt!r:11} Qwen3  {qwen.tokenizer(prompt + text).tokens()[:-1]}")

# %% [markdown]
# It depends on the tokenizer. MiniLM's cuts at the colon, so there the space changes nothing; after a word, `to` and `sort` melt into
# rubble. Qwen3's keeps a space as part of the next token (`Ġ`), so there **every space counts**. The stand-in's vocabulary is small; the
# rule is the real one's. Copy a prompt with its last character.
#
# Prompts that work should travel with the model. `save_pretrained` writes them beside the weights:

# %%
from tempfile import TemporaryDirectory

with TemporaryDirectory() as folder:
    named.save_pretrained(folder)
    print(SentenceTransformer(folder).prompts)

# %% [markdown]
# ## Leave the prompt out of the pooling
#
# MiniLM's vector is the mean of its tokens' vectors, the prompt's included. A pooling can leave these out. **Predict:** is the result
# then the vector of the bare text?

# %%
model.set_pooling_include_prompt(False)
excluded = model.encode(text, prompt="query: ")
typed = model.encode("query: " + text)
model.set_pooling_include_prompt(True)
print(f"prompt left out: cosine with the bare text {excluded @ model.encode(text):.2f}")
print("typed by hand, the prompt is left out:", np.allclose(typed, excluded, atol=1e-5))
print("E5, BGE, Qwen3, EmbeddingGemma:", [found[1].include_prompt for found in (e5, bge, qwen, gemma)])

# %% [markdown]
# Nearer than before, but not the same: the other tokens have *read* the prompt. And here, at last, typing differs from `prompt=`: in
# typed text, nobody knows where the prompt ends. Keep what the model was trained with: our four keep the prompt in (the last line), the
# [INSTRUCTOR](https://huggingface.co/hkunlp/instructor-large) family leaves it out.
#
# ## Measure whether a prompt helps
#
# ### Myth: "An instruction makes every model better"
#
# MiniLM was [trained](https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2) without prompts. Does one help it? We ask the labeled questions of [lesson 05](05_semantic_search.ipynb) and
# search a sixth of the documentation, with all the answers in it. The documents stay bare.

# %%
labeled = corpus.queries()
questions, labels = [item.text for item in labeled], [item.relevant for item in labeled]
answers = {name for names in labels for name in names}
docs = [doc for i, doc in enumerate(corpus.api_docs()) if i % 6 == 0 or doc.name in answers]
documents = model.encode_document([doc.text for doc in docs])
print(f"{len(questions)} questions, {len(docs)} documents")

# %% [markdown]
# Four prompts of other models, one of our own, and a sentence about the weather as a control. **Predict**, on paper, which ones raise
# nDCG@10, which lower it, and where the weather ends up.

# %%
prompts = {
    "how do I": "how do I ",
    "E5": "query: ",
    "BGE": right,
    "EmbeddingGemma": gemma.prompts["query"],
    "Qwen3": qwen.prompts["query"],
    "weather": "The weather is nice today. ",
}
names = np.array([doc.name for doc in docs])


def ndcg(prompt):
    order = np.argsort(-(model.encode(questions, prompt=prompt) @ documents.T), axis=1, kind="stable")
    pairs = zip(names[order[:, :10]], labels, strict=True)
    return np.array([evaluation.ndcg_at_k(found, wanted, 10) for found, wanted in pairs])


# %% [markdown]
# First one question, to see what a prompt can do: the six documents that are nearest to it, with and without. Choose the prompts one
# after the other, then type one. Which of them change the order, and what happens to the scores?

# %%
nearest = np.argsort(-documents @ model.encode(text))[:6]
few = [docs[i].text for i in nearest]
widgets.PromptComparator(model, text, few, prompts, chosen="weather")

# %% [markdown]
# A changed order is neither better nor worse until the answers are known. (With a stand-in, the panel would say STAND-IN.)
#
# All prompts answer the same questions, so we take differences question by question. Beside each mean stands the 95 % bootstrap
# interval of lesson 05. We do it twice, with the prompt in the pooling and without.

# %%
bare = ndcg("")
gains = {name: ndcg(prompt) - bare for name, prompt in prompts.items()}
model.set_pooling_include_prompt(False)
gains_without = {name: ndcg(prompt) - bare for name, prompt in prompts.items()}
model.set_pooling_include_prompt(True)


def summary(difference):
    return difference.mean(), *evaluation.bootstrap_interval(difference)


print(f"nDCG@10 without a prompt: {bare.mean():.2f}")
print(f"{'difference':15} {'in the pooling':25} left out")
for name in prompts:
    both = map(summary, (gains[name], gains_without[name]))
    print(f"{name:15}", "    ".join(f"{mean:+.2f} ({low:+.2f} to {high:+.2f})" for mean, low, high in both))

# %%
figure, axes = plots.new_figure(7.0, 3.4)
series = [("in the pooling", "o", -0.15, gains), ("left out", "s", 0.15, gains_without)]
for label, marker, shift, found in series:
    means, lows, highs = np.array([summary(difference) for difference in found.values()]).T
    rows = np.arange(len(found)) + shift
    axes.errorbar(means, rows, xerr=[means - lows, highs - means], fmt=marker, label=label, elinewidth=2)
axes.axvline(0, color="black", lw=0.8)
lengths = [len(model.tokenizer(prompt).tokens()) - 2 for prompt in prompts.values()]
ticks = [f"{name} ({length} tokens)" for name, length in zip(prompts, lengths, strict=True)]
axes.set_yticks(range(len(ticks)), ticks)
axes.set(xlabel="difference in nDCG@10, 95 % interval")
axes.invert_yaxis()
axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
worst = min(gains, key=lambda name: gains[name].mean())
lowest = f"{worst} in the pooling is lowest, at {gains[worst].mean():+.2f}"
plots.show(figure, f"Differences in nDCG@10: no interval is above zero; {lowest}. Left out, all reach zero.")


# %% [markdown]
# **No prompt helps.** Three change nothing that 42 questions could show. Three hurt, and the weather is among them: it takes no
# instruction to do harm.
#
# The right column hints at the reason. Left out of the pooling, no prompt does visible harm, not even the longest. In the mean, its
# tokens are nearly the same in every question. How alike do they make the questions?

# %%
def likeness(prompt):
    vectors = model.encode(questions, prompt=prompt)
    return (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)].mean()


print("mean cosine of two different questions:")
for name, prompt in {"no prompt": "", **prompts}.items():
    print(f"{name:15} {likeness(prompt):.2f}")

# %% [markdown]
# Every prompt pushes the questions together, the longer ones far. This does not explain all: compare BGE's row in both tables. And one
# small set of questions is no law. It says nothing against these prompts in *their* models, which learned to use them. **A prompt belongs
# to the model that was trained with it.**
#
# One more caution. Where several prompts compete on few questions, one may look good by luck.

# %%
exercise_3 = exercises.get("06.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots
exercise_3.check(answer_3, gains=gains)

# %% [markdown]
# ## Summary
#
# - `prompt=`, `prompt_name=` and typing put the same text before a text, and give the same vector.
# - `encode_query` and `encode_document` add the prompts named `query` and `document`; plain `encode` adds the default prompt, if there is
#   one.
# - E5 and BGE carry no prompts: copy them from the card into `prompts=`.
# - Qwen3 takes an instruction before queries only; EmbeddingGemma has prompts by task, and a title in each document's.
# - Print `model.prompts`, and compare with text typed by hand: the key `passage`, a missing space and a doubled prompt raise no error.
# - Measure differences question by question. MiniLM gained nothing from prompts here; the long ones made its questions alike.

# %% [markdown]
# ## Copy and paste
#
# A check for the start of a program: do both prompts arrive, as if typed by hand? (For a model that keeps prompts in the pooling.)

# %% tags=["copy-paste"]
import numpy as np
from sentence_transformers import SentenceTransformer


def check_prompts(model, **prompts):
    """Raise ValueError unless encode_query and encode_document put exactly these prompts before a text."""
    for name, encode in (("query", model.encode_query), ("document", model.encode_document)):
        typed = model.encode(prompts[name] + "a text", prompt="")
        if not np.allclose(encode("a text"), typed, atol=1e-3):
            raise ValueError(f"{name}: expected {prompts[name]!r}, the model has {model.prompts.get(name)!r}")


E5 = {"query": "query: ", "document": "passage: "}
check_prompts(SentenceTransformer("all-MiniLM-L6-v2", prompts=E5), **E5)
try:  # the trap: a document prompt under the name "passage"
    trapped = SentenceTransformer("all-MiniLM-L6-v2", prompts={"query": "query: ", "passage": "passage: "})
    check_prompts(trapped, **E5)
except ValueError as error:
    print(error)

# %% [markdown]
# ## Further reading
#
# - The library on [prompts](https://sbert.net/examples/sentence_transformer/applications/computing-embeddings/README.html#prompt-templates)
# - Su et al. (2022), [One Embedder, Any Task](https://arxiv.org/abs/2212.09741): the instructions of INSTRUCTOR
# - Google on [EmbeddingGemma's prompts](https://huggingface.co/blog/embeddinggemma)

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. You load E5 by its name and call `encode_query`. Which prompt is added?**
#
# <details><summary>A.&nbsp;<code>query:</code>, as its card asks.</summary>Not quite. The card is for people; the repository carries no prompt.</details>
# <details><summary>B.&nbsp;None, and a warning says so.</summary>Not quite. A missing prompt raises nothing and warns of nothing.</details>
# <details><summary>C.&nbsp;None, in silence.</summary>Right. Pass <code>prompts=</code> yourself, with the card's words.</details><br>
#
# **2. Your prompts are named `query` and `passage`. What does `encode_document` add?**
#
# <details><summary>A.&nbsp;Nothing.</summary>Right. It finds an empty <code>document</code> first. Use that name.</details>
# <details><summary>B.&nbsp;The prompt named <code>passage</code>.</summary>Not quite. The library put an empty <code>document</code> beside it.</details>
# <details><summary>C.&nbsp;It refuses: no prompt is named <code>document</code>.</summary>Not quite. There is one, empty, and nothing is refused.</details><br>
#
# **3. Before MiniLM's queries, a prompt made for Qwen3 lowers the score. Why?**
#
# <details><summary>A.&nbsp;It pushes the questions out of the token limit.</summary>Not quite. Prompt and question are far shorter than 256 tokens.</details>
# <details><summary>B.&nbsp;MiniLM was trained without it.</summary>Right. A prompt belongs to the model that learned it.</details>
# <details><summary>C.&nbsp;Its wording is wrong.</summary>Not quite. For Qwen3 the same wording is right.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [07 · Pool token vectors your own way](07_custom_pooling.ipynb). Six poolings by hand and by the library, what each costs, a module of your own, a model from a bare transformer.
# - **Before:** [05 · Search by meaning and measure how well it works](05_semantic_search.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
