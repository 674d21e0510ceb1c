# %% [markdown] tags=["header"]
# # 07 · Pool token vectors your own way
#
# Six poolings by hand and by the library, what each costs, a module of your own, a model from a bare transformer.
#
# **Time:** 55 minutes · **Builds on:** [03 · Encode text into vectors](03_encoding_text.ipynb), [05 · Search by meaning and measure how well it works](05_semantic_search.ipynb)

# %% [markdown]
# "I have read that the `[CLS]` vector stands for the whole sentence. Our model takes the mean. **Can we switch, and what does it
# cost?**"
#
# Switching takes one line, raises no error and gives vectors of the same shape. So we pool six ways by hand, and measure each.
#
# ## What you'll be able to do
#
# - Show the vectors of single tokens, padding included, and pool them six ways by hand and with `Pooling`.
# - Name three pooling mistakes that raise no error, and see them in the numbers.
# - Build a model from an encoder, a pooling and a normalization, and notice when the library has chosen the pooling for you.
# - Measure what another pooling costs, with intervals.
# - Write a module of your own, save it, load it elsewhere, and say what `trust_remote_code=True` agrees to.
# - Shrink vectors with a `Dense` layer whose weights you compute, and say what they keep.

# %% tags=["setup"]
from helpers import catalog, corpus, evaluation, exercises, hub, plots, widgets
hub.activate()
hub.provide("bert-base-uncased")
import numpy as np
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

transformers.logging.set_verbosity_error()  # no report on the weights of BERT that an encoder does not use

# %% [markdown]
# ## Look at the vectors before they are pooled
#
# A ***token embedding*** is the vector that a model gives one token of a text. `encode` returns these, without the padding, for
# `output_value="token_embeddings"`. In four sentences we look up the token *bank*. **Predict:** is it the same vector each time?

# %%
model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
money = ["The bank lends money.", "The bank raised its interest rates."]
river = ["We sat on the bank of the river.", "The bank of the river is steep."]
vectors = model.encode(money + river, output_value="token_embeddings")
bank = model.tokenizer.convert_tokens_to_ids("bank")
places = [model.tokenizer(text)["input_ids"].index(bank) for text in money + river]
banks = torch.stack([found[place] for found, place in zip(vectors, places, strict=True)])
scores = model.similarity(banks, banks)
figure = plots.heatmap(scores, ["lends", "rates", "sat", "steep"])
told = f"{scores[0, 1]:.2f} for the two with money, {scores[2, 3]:.2f} for the two beside a river"
plots.show(figure, f"Similarities of four vectors of the token bank: {told}, lower across.")

# %% [markdown]
# The word is the same, the vector is not: it depends on the tokens around it. Two banks of one kind are closer to each other than to
# the other kind, although all four stay close.
#
# Pooling works on a whole batch, so short texts come with padding. As in lesson 02, `preprocess` makes token numbers and a mask, and
# `model[0]`, the encoder, makes the vectors. **Predict:** what vector does `[PAD]` have? Zeros?

# %%
texts = ["Rain.", "Heavy rain fell in the north last night."]
features = model.preprocess(texts)
with torch.inference_mode():
    features = model[0](features)
tokens, mask = features["token_embeddings"], features["attention_mask"]
names = model.tokenizer.convert_ids_to_tokens(features["input_ids"][0])
for name, kept, vector in zip(names, mask[0].tolist(), tokens[0], strict=True):
    print(f"{name:6} mask {kept}   length {vector.norm():4.1f}")

# %% [markdown]
# Not zeros: every place gets a vector, and those of `[PAD]` are about as long as the others. The mask kept them from influencing the
# real tokens, but they are in the table, and **every pooling has to leave them out itself.**
#
# ## Pool six ways by hand
#
# The library has six ways:
#
# - `mean`: ***mean pooling*** averages the vectors of all real tokens.
# - `cls`: ***CLS pooling*** takes the vector of the first token, `[CLS]`, alone.
# - `max`: ***max pooling*** takes the largest value of each number over the real tokens.
# - `lasttoken`: ***last-token pooling*** takes the vector of the last real token. In MiniLM that is `[SEP]`.
# - `weightedmean` is a mean in which token 1 counts once, token 2 twice, and so on.
# - `mean_sqrt_len_tokens` divides the sum by the square root of the number of tokens.

# %%
m = mask.unsqueeze(-1)  # shape: texts, width, 1
place = mask.cumsum(dim=1).unsqueeze(-1) * m  # 1, 2, 3 … and 0 for the padding
by_hand = {
    "cls": tokens[:, 0],
    "max": tokens.masked_fill(m == 0, -torch.inf).max(dim=1).values,
    "mean": (tokens * m).sum(dim=1) / m.sum(dim=1),
    "mean_sqrt_len_tokens": (tokens * m).sum(dim=1) / m.sum(dim=1).sqrt(),
    "weightedmean": (tokens * place).sum(dim=1) / place.sum(dim=1),
    "lasttoken": tokens[range(len(tokens)), mask.sum(dim=1) - 1],  # in row i, column (its ones) - 1
}

# %% [markdown]
# The library's `Pooling` reads the same two entries and adds one, `sentence_embedding`. Do we agree? And how long are the vectors?

# %%
for mode in Pooling.POOLING_MODES:
    vectors = Pooling(384, mode)(dict(features))["sentence_embedding"]  # dict: modules write into theirs
    same = torch.allclose(by_hand[mode], vectors, atol=1e-5)
    short, long = vectors.norm(dim=1).tolist()
    print(f"{mode:21} same: {same}   length of the short text's {short:4.1f}, of the long text's {long:4.1f}")

# %% [markdown]
# All six agree. None has length 1; that is left to `Normalize`. With `max` and `mean_sqrt_len_tokens` the longer text has the longer
# vector here, and a dot product would favor it.
#
# How much does each token count? We hand `Pooling` made-up vectors: the first token's has a 1 in place 1 and zeros elsewhere, the
# second's a 1 in place 2, and so on. What comes out lists the weights. `max` has none, so we count how many of the 384 numbers each
# token wins.

# %%
rain = model.preprocess(["Heavy rain fell.", texts[1]])  # beside the long text, ours gets padding
columns = model.tokenizer.convert_ids_to_tokens(rain["input_ids"][0])[:8]
made_up = torch.eye(8).unsqueeze(0)  # ones on the diagonal; shape: 1 text, 8 tokens, 8 numbers
marked = {"token_embeddings": made_up, "attention_mask": rain["attention_mask"][:1, :8]}
counts = {mode: Pooling(8, mode)(dict(marked))["sentence_embedding"][0] for mode in Pooling.POOLING_MODES}
with torch.inference_mode():
    winners = model[0](rain)["token_embeddings"][0, :6].argmax(dim=0)
counts["max"] = torch.bincount(winners, minlength=8) / 384
figure = plots.heatmap(torch.stack(list(counts.values())), list(counts), columns)
shares = ", ".join(f"{name} {share:.2f}" for name, share in zip(columns[:6], counts["max"].tolist()))
told = "cls: the first token, lasttoken: [SEP], mean: all alike, weightedmean: rising, [PAD] always 0"
plots.show(figure, f"How much each of six poolings counts each token. {told}. Shares of max: {shares}.")

# %% [markdown]
# `[PAD]` counts nowhere. `mean_sqrt_len_tokens` counts as `mean` does, only more of everything: the two vectors have the same
# *direction*.
#
# Where do the six vectors lie among those of the tokens? **Predict** which ones coincide, and which stands apart from every token.
# Choose a pooling with the arrow keys: the lines show what it is made of, the table says it in numbers. Then try a text of yours.

# %%
widgets.PoolingExplorer(model, texts[1])

# %% [markdown]
# Two dimensions show part of the truth: `max` looks close to the mean there, yet of all poolings it has the lowest cosine with it.
# Choose `max`, and see how far every token is.
#
# Now three mistakes that raise no error: averaging the padding along, counting it as zeros in the maximum, and taking the last
# *column* for the last token.

# %%
mistakes = {
    "mean": ("padding averaged along", tokens.mean(dim=1)),
    "max": ("padding taken for zeros", (tokens * m).max(dim=1).values),
    "lasttoken": ("last column taken", tokens[:, -1]),
}
print(f"{'cosine with the right vector':33} short text  long text")
for mode, (name, wrong) in mistakes.items():
    first, second = torch.cosine_similarity(wrong, by_hand[mode]).tolist()
    print(f"{mode:9} {name:23} {first:10.2f} {second:10.2f}")

# %% [markdown]
# The long text has no padding and comes out right; the short one does not. So the same text gets one vector alone and another in a
# batch. Compare the two, and you find such a mistake.

# %%
exercise_1 = exercises.get("07.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots with the name of your function
exercise_1.check(answer_1)

# %% [markdown]
# ## Build a model from its parts
#
# A model is a list of modules, and we may write the list ourselves, with the classes imported at the top from
# `sentence_transformers.sentence_transformer.modules`. `Transformer` loads the network and the tokenizer. Is the result our model?

# %%
encoder = Transformer("sentence-transformers/all-MiniLM-L6-v2")
built = SentenceTransformer(modules=[encoder, Pooling(384, "mean"), Normalize()], device="cpu")
print("same vectors:", np.allclose(built.encode(texts), model.encode(texts), atol=1e-6))
print("token limit: ", built.max_seq_length, "and", model.max_seq_length)

# %% [markdown]
# The vectors agree, the limit does not: 256 is a setting of the published model. Set `max_seq_length` on what you build.
#
# ### Myth: "The poolings are mean, cls, max and weighted_mean"
#
# So says the older guide. One of the four is no name, and the error lists the six that are:

# %% tags=["raises-exception"]
Pooling(384, "weighted_mean")

# %% [markdown]
# A wrong name is caught. A wrong *dimension* is not. We announce 768 numbers for tokens of 384:

# %%
wrong = SentenceTransformer(modules=[encoder, Pooling(768, "mean")], device="cpu")
print("announced:", wrong.get_embedding_dimension(), "  delivered:", wrong.encode("Rain.").shape)

# %% [markdown]
# Nobody has noticed. So ask the encoder: `encoder.get_embedding_dimension()`.
#
# The older guide builds a model with CLS pooling on `bert-base-uncased`. Here is its snippet in the library's present form. (Offline,
# this BERT is a stand-in: its structure is real, its weights are random.)

# %%
bert = Transformer("bert-base-uncased")
cls_pooling = Pooling(bert.get_embedding_dimension(), "cls")
bert_cls = SentenceTransformer(modules=[bert, cls_pooling], device="cpu")
print(bert_cls.encode(["Test sentence"]).shape, cls_pooling)

# %% [markdown]
# 768 numbers, those of `[CLS]`. The guide's own form still runs. What does the library say to it?

# %% tags=["teaches-deprecated"]
import sys
import warnings

sys.modules.pop("sentence_transformers.models", None)  # an import warns once in a process (lesson 01)
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    from sentence_transformers.models import Pooling as OldPooling

    size = bert.get_word_embedding_dimension()
    others = {"pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": False}
    old = OldPooling(size, pooling_mode_cls_token=True, **others)
for warning in heard:
    print("-", warning.message)
print("same settings:", old.get_config_dict() == cls_pooling.get_config_dict())

# %% [markdown]
# Three old names, each with its new one, and the same pooling.
#
# ### Myth: "`SentenceTransformer('bert-base-uncased')` loads a sentence embedding model"
#
# It loads, and no warning speaks of pooling. But this repository holds a network and no list of modules. **Predict:** which pooling do
# we get, and do the vectors have length 1?

# %%
bare = SentenceTransformer("bert-base-uncased", device="cpu")
print([type(module).__name__ for module in bare], bare[1].pooling_mode)
print("length 1:", np.allclose(np.linalg.norm(bare.encode(texts), axis=1), 1))

# %% [markdown]
# The library has added mean pooling and no `Normalize`. It mentions a missing `modules.json` in its log, at the level INFO, which is
# hidden by default. A text generator would have got last-token pooling. So print the modules of what you load.

# %%
exercise_2 = exercises.get("07.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2, model=model)

# %% [markdown]
# ## Measure what the pooling costs
#
# Back to the question of the beginning. The network does the same work whatever comes after it, so it runs **once**, and the six
# poolings share its token embeddings. Our documents: scikit-learn's, and all others that answer one of the course's questions. Fewer
# documents are easier to search, so compare the figures only with each other. This is the slow cell.

# %%
labeled, pairs = corpus.queries(), corpus.graded_pairs()
answers = {name for item in labeled for name in item.relevant}
docs = [doc for doc in corpus.api_docs() if doc.library == "sklearn" or doc.name in answers]
first, second = [pair.first for pair in pairs], [pair.second for pair in pairs]
groups = [doc.text for doc in docs], [item.text for item in labeled], first, second
parts = [model.encode(group, output_value="token_embeddings", device="cpu") for group in groups]
total = sum(len(text) for part in parts for text in part)
print([len(part) for part in parts], f"texts, {total:,} tokens")

# %% [markdown]
# `pooled` fills the short texts up with zeros, makes the mask, and runs whatever module we hand it:

# %%
from torch.nn.utils.rnn import pad_sequence


def pooled(module, part):
    masks = [torch.ones(len(text), dtype=torch.int64) for text in part]
    padded = [pad_sequence(rows, batch_first=True) for rows in (part, masks)]
    with torch.inference_mode():
        output = module(dict(zip(["token_embeddings", "attention_mask"], padded, strict=True)))
    return torch.nn.functional.normalize(output["sentence_embedding"], dim=1).numpy()


by_us = pooled(Pooling(384, "mean"), parts[1])
print("as encode does it:", np.allclose(by_us, model.encode(groups[1]), atol=1e-5))

# %% [markdown]
# Three measures: recall@10 for the questions and for the authors' See Also links, as in
# [05 · Search by meaning and measure how well it works](05_semantic_search.ipynb), and the Spearman correlation with the grades of the
# pairs, as in lesson 04.

# %%
doc_names = np.array([doc.name for doc in docs])
links = [[name for name in doc.see_also if name in doc_names] for doc in docs]
linked = [i for i, wanted in enumerate(links) if wanted]


def recalls(scores, labels):
    rankings = doc_names[np.argsort(-scores, axis=1, kind="stable")]
    pairs = zip(rankings, labels, strict=True)
    return np.array([evaluation.recall_at_k(ranking, wanted, 10) for ranking, wanted in pairs])


def measure(module):
    documents, questions, *two = [pooled(module, part) for part in parts]
    scores = documents[linked] @ documents.T
    scores[range(len(linked)), linked] = -np.inf  # a document must not find itself
    by_question = recalls(questions @ documents.T, [item.relevant for item in labeled])
    by_link = recalls(scores, [links[i] for i in linked])
    agreement = evaluation.spearman((two[0] * two[1]).sum(axis=1), [pair.grade for pair in pairs])
    return by_question, by_link, agreement


# %% [markdown]
# MiniLM was trained with the mean. **Predict:** which pooling comes last, and which two are equal?

# %%
results = {mode: measure(Pooling(384, mode)) for mode in Pooling.POOLING_MODES}
print(f"{'':21} {len(labeled)} questions  {len(linked)} See Also  {len(pairs)} pairs")
for mode, (by_question, by_link, agreement) in results.items():
    print(f"{mode:21} {by_question.mean():12.2f} {by_link.mean():13.2f} {agreement:9.3f}")

# %% [markdown]
# `mean` leads on both searches, `cls` and `lasttoken` come last, and `mean_sqrt_len_tokens` equals the mean: we compare by cosine, and
# the two differ in length only. On the pairs all six lie close together.
#
# Is the cost more than luck? For the searches we take the difference to `mean`, query by query, and its bootstrap interval.

# %%
figure, axes = plots.new_figure(7.2, 3.2)
shown, told = ["weightedmean", "max", "lasttoken", "cls"], []
for row, (name, column) in enumerate({"See Also links": 1, "questions": 0}.items()):
    for line, mode in enumerate(shown):
        change = results[mode][column] - results["mean"][column]
        low, high = evaluation.bootstrap_interval(change)
        label = name if line == 0 else None
        axes.plot([low, high], [line + row / 4] * 2, lw=5, color=plots.COLORS[row], label=label)
        axes.plot(change.mean(), line + row / 4, plots.MARKERS[row], color="black")
        told.append(f"{mode}, {name}: {low:.2f} to {high:.2f}")
axes.axvline(0, color="black", lw=0.8)
axes.set(xlabel="change of recall@10 against mean pooling, 95 % interval")
axes.set_yticks(np.arange(4) + 0.125, shown)
axes.invert_yaxis()
axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
plots.show(figure, "Change of recall@10 against mean pooling, 95 % intervals. " + "; ".join(told) + ".")

# %% [markdown]
# On the links, every interval lies below zero: each change costs something, `cls` and `lasttoken` most. On the few questions, the loss
# of `max` and `weightedmean` may be bad luck; for the pairs we have no interval, so read no order into them. This does *not* show that
# the mean is the best pooling. It shows what leaving the mean costs **a network that was trained with it.**
#
# ### Myth: "`[CLS]` stands for the sentence, so CLS pooling is better"
#
# The paper that began this library has measured it ([Reimers and Gurevych 2019](https://arxiv.org/abs/1908.10084), tables 1 and 6):
# Spearman correlations × 100, for a BERT as it comes (mean of seven test sets) and for BERTs trained *with* each pooling (development
# set of the STS benchmark). Compare along a row only.
#
# | | mean | cls | max |
# |---|---|---|---|
# | BERT as it comes | 54.81 | 29.19 | – |
# | trained on NLI | 80.78 | 79.80 | 79.07 |
# | trained on STS | 87.44 | 86.62 | 69.92 |
#
# For a BERT as it comes, `[CLS]` is far worse than the mean: BERT learned to tell from that place whether one sentence follows another,
# not how alike they are. Trained with it, CLS pooling comes close. So the pooling belongs to the model, like its weights. Which one do
# known models use?

# %%
ids = ["all-MiniLM-L6-v2", "e5-large-v2", "embeddinggemma-300m", "bge-small-en-v1.5", "Qwen3-Embedding-0.6B"]
catalog.table(ids, ["pooling"])

# %% [markdown]
# All three kinds are in use. The saved folder names the pooling, and `SentenceTransformer(name)` reads it: **leave it as it is,
# unless you train.**
#
# ## Write a module of your own
#
# Is there something between the mean and the max? A softmax turns values into shares that add up to 1, larger ones for larger values.
# We weigh the tokens by it, number by number: at sharpness 0 all count alike, at a high one only the largest counts.
#
# A module is a class with `forward` (takes and returns the dictionary), `save`, and `config_keys`, the settings to save. It has to live
# in a **file**; saving will show why.

# %%
import shutil
import tempfile
from pathlib import Path

temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
workshop = Path(temporary.name)
folder = workshop / "soft-model"
source = '''
import torch
from sentence_transformers.sentence_transformer.modules import Module

class SoftMaxPooling(Module):
    config_keys = ["embedding_dimension", "sharpness"]

    def __init__(self, embedding_dimension, sharpness):
        super().__init__()
        self.embedding_dimension, self.sharpness = embedding_dimension, sharpness

    def forward(self, features, **kwargs):
        tokens, padding = features["token_embeddings"], features["attention_mask"].unsqueeze(-1) == 0
        weights = (self.sharpness * tokens).masked_fill(padding, -torch.inf).softmax(dim=1)
        return features | {"sentence_embedding": (weights * tokens).sum(dim=1)}

    def get_embedding_dimension(self):
        return self.embedding_dimension

    def save(self, output_path, *args, **kwargs):
        self.save_config(output_path)
'''
(workshop / "soft_max_pooling.py").write_text(source, encoding="utf-8")
sys.path.insert(0, str(workshop))
from soft_max_pooling import SoftMaxPooling

print(SoftMaxPooling(384, sharpness=0.5))

# %% [markdown]
# It imports. We test the two ends against the library before we believe in the middle:

# %%
for sharpness, mode in ((0, "mean"), (10_000, "max")):
    both = SoftMaxPooling(384, sharpness), Pooling(384, mode)
    ours, theirs = (pooled(module, parts[1]) for module in both)
    print(f"sharpness {sharpness:6,} is {mode:4}: {np.allclose(ours, theirs, atol=1e-4)}")

# %% [markdown]
# And in between? **Predict** before you look:

# %%
print("sharpness  questions  See Also  pairs")
for sharpness in (0, 0.5, 1, 2, 5):
    by_question, by_link, agreement = measure(SoftMaxPooling(384, sharpness))
    print(f"{sharpness:9} {by_question.mean():10.2f} {by_link.mean():9.2f} {agreement:6.3f}")

# %% [markdown]
# The links get worse step by step. The pairs and the questions first move up or down by a hundredth or so, which so few of them
# cannot tell from luck. A neat idea, and no gain for a network that was not trained for it.
#
# ### Save it and load it again
#
# A model with our module saves like any other. **Predict:** which of its files holds our code?

# %%
soft = SentenceTransformer(modules=[encoder, SoftMaxPooling(384, 0.5), Normalize()], device="cpu")
soft.save_pretrained(str(folder))
print((folder / "1_SoftMaxPooling" / "config.json").read_text())
print("Python files:", len(list(folder.rglob("*.py"))))


# %% [markdown]
# None has it. Settings are saved, and the class's name in `modules.json`; the code is not. We load it back, first plainly, then with the
# flag. Then we take our file away, as on a colleague's machine, and try once more.

# %%
def load(path, trust):
    try:
        loaded = SentenceTransformer(str(path), trust_remote_code=trust, device="cpu")
        print("loaded, same vectors:", np.allclose(loaded.encode(texts), soft.encode(texts), atol=1e-6))
        return loaded
    except (ValueError, ModuleNotFoundError) as error:
        print(f"{type(error).__name__}: {error}".replace(str(path), path.name))


load(folder, trust=False)
load(folder, trust=True)
sys.path.remove(str(workshop))
del sys.modules["soft_max_pooling"]
load(folder, trust=True)

# %% [markdown]
# The refusal holds for every class from outside the library, even in your own folder. The second load worked because Python could
# import our file. The third is what the colleague sees. The cure: copy the file into the model's folder, at the top. One trap is
# left: what happens when the colleague saves the loaded model again?

# %%
shutil.copy(workshop / "soft_max_pooling.py", folder)
load(folder, trust=True).save_pretrained(str(workshop / "again"))
print(*[path.relative_to(workshop).as_posix() for path in (workshop / "again").rglob("*.py")])
load(workshop / "again", trust=True)

# %% [markdown]
# With our copy the folder is complete. Saved again, the library copies the file too, but into a subfolder, where loading does not
# look. Copy it to the top again.
#
# And **what do you agree to** with `trust_remote_code=True`? That the code in that folder runs with your rights, while loading, before
# any vector is made. On the Hub, its owner may change it later. So read the file, and pin `revision=` to the commit that you have read.
#
# ## Shrink vectors with a dense layer
#
# A ***dense layer*** multiplies a vector by a table of weights and adds a bias: each number that comes out is a weighted sum of all
# that go in. `Dense(384, 64)` starts with *random* weights, and applies a tanh unless we say `activation_function=None`. Weights come
# from training, or from principal component analysis (PCA): the directions along which our documents differ most.

# %%
from sklearn.decomposition import PCA

documents = pooled(Pooling(384, "mean"), parts[0])
found = PCA(128, svd_solver="full").fit(documents)
rows = torch.tensor(found.components_, dtype=torch.float32)  # the most important direction first
offsets = torch.tensor(-found.components_ @ found.mean_, dtype=torch.float32)  # subtracts the documents' mean


def pca_layer(size):
    return Dense(384, size, activation_function=None, init_weight=rows[:size], init_bias=offsets[:size])


small = SentenceTransformer(modules=[*model, pca_layer(64), Normalize()], device="cpu")
print([type(module).__name__ for module in small], small.encode("Rain.").shape)


# %% [markdown]
# Two `Normalize`: the layer was computed for vectors of length 1, and what comes out of it has another length. How much do fewer numbers
# keep? For comparison: the *first* of the 384, and a layer as `Dense` makes it.

# %%
def cut(size):
    return Dense(384, size, bias=False, activation_function=None, init_weight=torch.eye(size, 384))


sizes = [16, 32, 64, 128]
torch.manual_seed(0)
curves = {"PCA": pca_layer, "first numbers": cut, "new Dense": lambda size: Dense(384, size)}


def recall_with(layer):
    return measure(torch.nn.Sequential(*list(model)[1:], layer))[1].mean()


kept = {name: [recall_with(make(size)) for size in sizes] for name, make in curves.items()}
figure = plots.lines(sizes, kept, xlabel="numbers kept of 384", ylabel="recall@10, See Also")
figure.axes[0].axhline(results["mean"][1].mean(), color="black", ls="--", lw=0.8)
at_64 = ", ".join(f"{name} {values[2]:.2f}" for name, values in kept.items())
told = f"With 64: {at_64}; all 384 (dashed): {results['mean'][1].mean():.2f}"
plots.show(figure, f"Recall by numbers kept. {told}.")

# %% [markdown]
# With PCA, 64 numbers find as many links as all 384, in a sixth of the memory; the first 64 lose clearly, and random weights are no
# better. But our PCA was fitted on the very documents that we search, and this does not show what it keeps of others. Fit it on a sample
# of *your* corpus, and measure. Queries need the same layer, so it is saved with the model.

# %%
exercise_3 = exercises.get("07.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots
exercise_3.check(answer_3, documents=documents)

# %% [markdown]
# ## Summary
#
# - Each token gets a vector that depends on its neighbors, and each `[PAD]` gets one too; our few lines agreed with all six poolings.
# - Padding averaged along, zeros in a maximum and the last column raise no error: the same text gets another vector in another batch.
# - `SentenceTransformer(modules=[…])` builds a model; a bare backbone silently gets mean pooling, no `Normalize`, and a limit of its
#   own.
# - For MiniLM, leaving the mean's direction cost recall on the See Also links, `cls` and `lasttoken` most: the pooling belongs to the
#   training.
# - A module of one's own is a file with `forward`, `save` and `config_keys`; put it at the top of the saved folder. The flag lets that
#   file run with your rights.
# - A `Dense` layer starts random; with weights from PCA, 64 of 384 numbers kept the recall on the documents it was fitted on.

# %% [markdown]
# ## Copy and paste
#
# A model from parts, with a PCA layer fitted on your documents, saved and loaded again. All its modules are the library's, so no flag
# is needed. Replace the eight texts by at least a few hundred, and 4 by 64.

# %% tags=["copy-paste"]
import tempfile

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
from sklearn.decomposition import PCA

texts = ["rain in the north", "snow on the hills", "wind from the sea", "sun all day"]
texts += ["bread with butter", "soup of the day", "fish and chips", "apple pie"]
size = 4

encoder = Transformer("sentence-transformers/all-MiniLM-L6-v2")
encoder.max_seq_length = 256  # the published model's limit
full = [encoder, Pooling(encoder.get_embedding_dimension(), "mean"), Normalize()]
pca = PCA(size, svd_solver="full").fit(SentenceTransformer(modules=full).encode(texts))
weights = torch.tensor(pca.components_, dtype=torch.float32)
bias = torch.tensor(-pca.components_ @ pca.mean_, dtype=torch.float32)
layer = Dense(384, size, activation_function=None, init_weight=weights, init_bias=bias)
compact = SentenceTransformer(modules=[*full, layer, Normalize()])

with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    compact.save_pretrained(folder)
    loaded = SentenceTransformer(folder)
    print([type(module).__name__ for module in loaded], loaded.get_embedding_dimension())
    print("same vectors:", np.allclose(loaded.encode(texts), compact.encode(texts), atol=1e-6))
scores = loaded.similarity(loaded.encode_query("stormy weather"), loaded.encode_document(texts))[0]
print("best:", texts[int(scores.argmax())])

# %% [markdown]
# ## Further reading
#
# - The library on [custom models](https://sbert.net/docs/sentence_transformer/usage/custom_models.html): modules, saving, code of your
#   own.

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. You average the token vectors of a batch and forget the mask. How do you notice?**
#
# <details><summary>A.&nbsp;By an error about shapes.</summary>Not quite. The shapes fit, and no error comes.</details>
# <details><summary>B.&nbsp;A text gets another vector in a batch.</summary>Right. Its padding, averaged along, depends on its neighbors.</details>
# <details><summary>C.&nbsp;Not at all: vectors of <code>[PAD]</code> are zeros.</summary>Not quite. They are about as long as the others.</details><br>
#
# **2. You give MiniLM CLS pooling, without training. What happens?**
#
# <details><summary>A.&nbsp;Search gets better: <code>[CLS]</code> stands for the sentence.</summary>Not quite. Only where training has made use of it.</details>
# <details><summary>B.&nbsp;An error: MiniLM has no <code>[CLS]</code> vector.</summary>Not quite. Every token has a vector, and this one too.</details>
# <details><summary>C.&nbsp;Search gets worse.</summary>Right. MiniLM was trained with the mean.</details><br>
#
# **3. You save a model with a module of your own. What is missing from the folder?**
#
# <details><summary>A.&nbsp;The module's Python file.</summary>Right. Settings and the class's name are saved, code is not.</details>
# <details><summary>B.&nbsp;The settings in <code>config_keys</code>.</summary>Not quite. They are saved in the module's <code>config.json</code>.</details>
# <details><summary>C.&nbsp;Nothing that <code>trust_remote_code=True</code> would not bring.</summary>Not quite. The flag permits code; it brings none.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [08 · Save a model and export it to ONNX and OpenVINO](08_saving_and_exporting.ipynb). Files and formats, versions that cannot read each other, and one graph that gives the same vectors without torch.
# - **Before:** [06 · Put the right prompt before a text](06_prompts.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
