# %% [markdown] tags=["header"]
# # 11 · Make encoding faster, and prove it
#
# Where the time goes, batches, threads and precision, ONNX and OpenVINO, int8, a static student, and the myth of 10x.
#
# **Time:** 60 minutes · **Builds on:** [08 · Save a model and export it to ONNX and OpenVINO](08_saving_and_exporting.ipynb), [09 · Encode large corpora and read the errors](09_memory_and_errors.ipynb)

# %% [markdown]
# "Encoding our corpus takes all night, and the search answers too slowly. We read that ONNX is ten times faster. Do we change over?"
#
# Perhaps. First we find out what we are waiting for, because only that can be made faster. Then we try everything that is said to help, each
# with **two** figures: how much faster, and how much worse. The lesson ends with a model that is faster by more than sixty times, which we
# make ourselves, and with a table for choosing.
#
# ## What you'll be able to do
#
# - Split the time of `encode` into its parts, and say which one matters.
# - Choose a batch size for throughput or for latency, and count the work that padding and length make.
# - Tell what half precision and `torch.compile` ask of a machine.
# - Quantize weights by hand, and explain why activations need calibration.
# - Distill a model into a static student, and measure what is lost on documents it has not seen.
# - Compare all of these in one fair measurement, and choose by speed **and** quality.

# %% tags=["setup"]
from helpers import backends, benchmark, corpus, encoding, evaluation, exercises, hub, plots
from helpers.benchmark.workload import of_length

hub.activate()

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

# %% [markdown]
# ## Find out what we are waiting for
#
# We need texts. How long are those of the documentation corpus?

# %%
model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
docs = corpus.api_docs()
texts = [doc.text for doc in docs]
print(f"{len(texts)} texts; the first: {texts[0]}")

# %%
lengths = np.array([len(ids) for ids in model.tokenizer(texts, verbose=False)["input_ids"]])
print(f"tokens: median {np.median(lengths):.0f}, most {lengths.max()}")
long_texts = of_length(model.tokenizer, texts, 128, 16)

# %% [markdown]
# Short ones. Published tables are about 128 tokens, so `of_length` makes 16 texts of exactly that length from the same words.
#
# `encode` tokenizes a batch, pads it, runs the transformer, pools and normalizes. We do the same step by step, to time each:

# %%
features = model.preprocess(long_texts)
transformer, *rest = model


@torch.inference_mode()
def run(modules, inputs):
    for module in modules:
        inputs = module(dict(inputs))
    return inputs


hidden = run([transformer], features)
steps = {
    "tokenize and pad": lambda: model.preprocess(long_texts),
    "transformer": lambda: run([transformer], features),
    "pool and normalize": lambda: run(rest, hidden),
}
by_hand = steps["pool and normalize"]()["sentence_embedding"].numpy()
print("as encode gives them:", np.allclose(by_hand, model.encode(long_texts), atol=1e-6))

# %% [markdown]
# Nothing is missing. And what does the transformer do all that time? PyTorch can count multiplications and additions. (`MATH` makes it
# compute attention in single steps, which it can count.)

# %%
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def operations(length):
    """Multiplications and additions for a text of so many tokens: with weights, and between tokens."""
    ids = torch.ones(1, length, dtype=torch.long)
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        transformer.model(input_ids=ids, attention_mask=ids)
    by_name = {str(name): count for name, count in counter.get_flop_counts()["Global"].items()}
    return by_name["aten.addmm"], by_name["aten.bmm"]


matrices = [p for name, p in model.named_parameters() if "layer." in name and p.ndim == 2]
weights = sum(matrix.numel() for matrix in matrices)
dense, attention = operations(128)
print(f"{(dense + attention) / 1e9:.2f} billion operations for a text of 128 tokens")
print(f"{dense / (dense + attention):.0%} with weights: 2 x {dense / 2 / weights:.0f} for each weight")

# %% [markdown]
# For each token, one multiplication and one addition for every weight: that is what we pay for. **Predict:** which of these changes make it
# faster, and by how much?
#
# | change | your guess |
# |---|---|
# | one text at a time, instead of 16 in a batch | |
# | texts of half the length | |
# | one thread, instead of one for each core | |
# | float16, and bfloat16 (another two bytes) | |

# %%
half = {}
for name in ("float16", "bfloat16"):
    half[name] = SentenceTransformer("all-MiniLM-L6-v2", device="cpu", model_kwargs={"dtype": name})
    print(name, "- weights in", half[name].dtype)

# %% [markdown]
# Half the bytes, but **they are faster only where the processor multiplies them directly**. Some have instructions for bfloat16 (AVX-512 BF16, or
# AMX, which multiplies small matrices in one go), fewer for float16; all others convert every number first. On a desktop
# processor, the [library measured](https://sbert.net/docs/sentence_transformer/usage/efficiency.html) a hundredth of the speed. And the quality?

# %%
for name, smaller in half.items():
    vectors = smaller.encode(long_texts).astype(np.float32)
    cosines = (vectors * model.encode(long_texts)).sum(axis=1)
    print(f"{name}: mean cosine to float32 above 0.999:", cosines.mean() > 0.999)


# %% [markdown]
# Not at risk. Now everything in **one** measurement. `benchmark.measure` runs each task once in every round, so that a busy moment hits all
# alike, and we compare medians ([lesson 14](14_benchmarking.ipynb) tells why).

# %% reason="times depend on the machine" tags=["nbval-ignore-output"]
def on_one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model.encode(long_texts)
    torch.set_num_threads(threads)


half_length = of_length(model.tokenizer, texts, 64, 16)
changes = {
    "as it is": lambda: model.encode(long_texts),
    "one text at a time": lambda: model.encode(long_texts, batch_size=1),
    "half the length": lambda: model.encode(half_length),
    "one thread": on_one_thread,
    "float16": lambda: half["float16"].encode(long_texts),
    "bfloat16": lambda: half["bfloat16"].encode(long_texts),
}
median = {timing.task: timing.median for timing in benchmark.measure(steps | changes, rounds=3)}
milliseconds = [median[step] * 1000 for step in steps]
speed = {name: median["as it is"] / median[name] for name in changes}
figure = plots.bars(milliseconds, list(steps), unit="ms", title="Parts of encode", decimals=1)
plots.show(figure, f"Milliseconds: {dict(zip(steps, np.round(milliseconds, 1).tolist()))}")
figure = plots.bars(list(speed.values()), list(speed), title="Speed, against encode as it is")
plots.show(figure, ", ".join(f"{name} {value:.2f}" for name, value in speed.items()))
assert median["transformer"] > 0.5 * sum(median[step] for step in steps)
assert speed["half the length"] > 1.1 > 0.7 * speed["one text at a time"]

# %% [markdown]
# The transformer takes nearly all the time. A faster tokenizer or another pooling can't help: **make the transformer compute less, or faster**.
# Half the length is half the work. One text at a time is slower: each call has costs of its own, and its matrices are small. One thread is slower
# if the other cores are free. If other programs need them, threads wait for each other, and fewer can be faster
# (`torch.set_num_threads`).
#
# ## Choose the batch size
#
# Two different wishes. ***Throughput*** is the number of texts (or tokens) a second: it counts when we encode a corpus. ***Latency*** is the
# time from a request to its answer: it counts when somebody waits. A large batch helps the first, because each weight that is read from memory
# serves more tokens, and hurts the second, because the answer comes when the whole batch is done.
#
# The default is 32. `python -m helpers benchmark --batch-sizes 1 32 128 --texts FILE` measures others on your own texts.

# %%
exercise_1 = exercises.get("11.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1)

# %% [markdown]
# ## Compute fewer tokens
#
# Padding is computed like any token. `encode` puts texts of similar length together, and takes **characters** for length
# ([lesson 03](03_encoding_text.ipynb)). How much padding is left on our corpus?

# %%
lengths = np.minimum(lengths, model.max_seq_length)


def computed(order, size=32):
    """Tokens that pass through the model, padding included, in batches of so many texts."""
    parts = np.split(order, range(size, len(order), size))
    return sum(len(part) * lengths[part].max() for part in parts)


orders = {
    "as the texts come": np.arange(len(texts)),
    "by characters, as encode": np.argsort([-len(text) for text in texts], kind="stable"),
    "by tokens": np.argsort(-lengths, kind="stable"),
}
for name, order in orders.items():
    print(f"{name:25} {computed(order) / lengths.sum() - 1:4.0%} padding")

# %% [markdown]
# As the texts come, there would be more padding than text. Sorting by characters removes most of it. But a formula or a name such as `y0_zeros`
# falls into more tokens than a word of its length, so a good part remains, which sorting by tokens removes:
# `helpers.encoding.encode_by_token_budget` does that.
#
# And long texts? The layers with weights grow in proportion to the tokens. Attention, where every token looks at every other, grows with the
# square:

# %%
sizes = [32, 64, 128, 256, 512]
dense, attention = np.array([operations(size) for size in sizes]).T / 1e9
series = {"with weights": dense, "attention": attention}
figure = plots.lines(sizes, series, xlabel="tokens", ylabel="billion operations a text")
plots.show(figure, f"Billions for {sizes} tokens: {dense.round(1)}, attention {attention.round(1)}.")

# %% [markdown]
# For texts of this length, attention is a small part. So 512 tokens cost between four and five times 128, and cutting texts is the cheapest
# speed of all, **if** what matters stands at the beginning.

# %%
exercise_2 = exercises.get("11.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2)

# %% [markdown]
# ## Know what `torch.compile` asks for
#
# It reads the model's operations into a graph, as an export does, and has a C++ compiler make one program of it. We let it only read:
# `backend="eager"` makes no program.

# %%
from torch._dynamo.utils import counters

compiled = torch.compile(transformer.model, backend="eager")
print("graphs:", counters["stats"]["unique_graphs"])

# %% [markdown]
# So far, nothing has happened. The work is done when the first batch arrives. How often, for batches of different widths?

# %%
for width in (64, 64, 48, 32):
    with torch.inference_mode():
        compiled(torch.ones(2, width, dtype=torch.long))
    print(f"width {width}, graphs so far: {counters['stats']['unique_graphs']}")

# %% [markdown]
# One for the first width. At the second it learns that widths differ, and makes another, for all that follow. For each of the two a compiler
# would have to run, so whoever compiles pays first and saves later: that suits a service that runs for days better than a script. What is
# saved stands among the recorded figures below, if a compiler was at hand.
#
# ## Quantize the weights
#
# Exports to ONNX and OpenVINO ([lesson 08](08_saving_and_exporting.ipynb)) compute the same numbers, at much the same speed. The large step
# is another: ***quantization*** replaces each number by a whole number from a small range, times a scale. With `int8`, -127 to 127, four numbers take
# the room of one, and processors with VNNI instructions multiply and add four times as many of them at once. By hand, for one layer:

# %%
weight = transformer.model.encoder.layer[0].attention.self.query.weight.detach().numpy()
scale = np.abs(weight).max() / 127
whole = np.round(weight / scale).astype(np.int8)
print(weight[0, :4].round(3), "become", whole[0, :4], f"times {scale:.3f}")

# %% [markdown]
# Coarse: one large weight somewhere sets the step for all. What if every row of the matrix has a scale of its own?

# %%
for name, axis in {"one scale": None, "one for each row": 1}.items():
    scale = np.abs(weight).max(axis=axis, keepdims=True) / 127
    error = np.abs(np.round(weight / scale) * scale - weight).mean() / np.abs(weight).mean()
    print(f"{name:16} mean error {error:.1%} of the mean weight")

# %% [markdown]
# Less than half the error, for one number more a row.

# %%
exercise_3 = exercises.get("11.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots
exercise_3.check(answer_3, weight=weight)

# %% [markdown]
# Weights are known beforehand. What flows between the layers is not: its range depends on the text. ONNX Runtime's *dynamic* quantization looks
# at each batch anew. OpenVINO takes the ranges from ***calibration***: it runs a few hundred typical texts, **yours**, and notes what occurs.

# %% [markdown]
# ## Distill a static student
#
# All of this makes the same network cheaper. The alternative is another network. A ***static embedding model*** has no layers: it holds one
# vector for each token of the vocabulary, and a text's vector is their mean. No token sees its neighbors: to it, "dog bites man" is "man bites
# dog".
#
# We make one by ***distillation***: training a small model, the ***student***, to give what a large one, the ***teacher***, gives. The student
# needs a first idea of each token. We ask the teacher, token by token:

# %%
tokenizer = model.tokenizer
start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
alone = torch.tensor([[start, token, end] for token in range(len(tokenizer))])
print(alone.shape, tokenizer.decode(alone[tokenizer.vocab["matrix"]]))

# %% [markdown]
# The model takes such rows as they are. What is near *matrix* then?

# %%
masks = torch.ones_like(alone[:1000])
with torch.inference_mode():
    batches = [model({"input_ids": part, "attention_mask": masks[: len(part)]}) for part in alone.split(1000)]
token_vectors = torch.cat([batch["sentence_embedding"] for batch in batches]).numpy()
near = np.argsort(-token_vectors @ token_vectors[tokenizer.vocab["matrix"]])[:6]
print(*tokenizer.convert_ids_to_tokens(near))

# %% [markdown]
# Relatives, most of them in meaning. In a plain mean, "the" would count as much as "wave". So each token gets a weight that falls with its share of all
# tokens ([SIF](https://openreview.net/forum?id=SyK00v5xx), smooth inverse frequency). And a principal component analysis (PCA) turns the vectors so
# that the first dimensions hold most of what differs; we keep 256.

# %%
from sklearn.decomposition import PCA

pca = PCA(256, random_state=0).fit(token_vectors)
token_lists = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]


def frequency_weights(rows):
    counts = np.bincount(np.concatenate([token_lists[row] for row in rows]), minlength=len(tokenizer))
    return 0.001 / (0.001 + counts / counts.sum())


# %% [markdown]
# All of scipy will be left out: documents that **the student does not see**.

# %%
of_scipy = np.array([doc.library == "scipy" for doc in docs])
seen, unseen = np.flatnonzero(~of_scipy), np.flatnonzero(of_scipy)
weights = frequency_weights(seen)
print({word: round(float(weights[tokenizer.vocab[word]]), 2) for word in ("the", "array", "matrix", "wave")})

# %% [markdown]
# `StaticEmbedding` makes a module of such a table and a tokenizer of the package tokenizers. Ours gets a copy, because the module changes it:

# %%
from tokenizers import Tokenizer


def static_model(table, limit=None):
    copied = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    copied.enable_truncation(limit) if limit else copied.no_truncation()
    embedding = StaticEmbedding(copied, table.astype(np.float32))
    return SentenceTransformer(modules=[embedding, Normalize()], device="cpu")


table = pca.transform(token_vectors) * weights[:, None]
student = static_model(table)
one, other = student.encode(["dog bites man", "man bites dog"])
print("the same vector:", np.allclose(one, other), "| limit:", student.max_seq_length)

# %% [markdown]
# ### Myth: "A static model has no length limit"
#
# It says `inf`. But the file of MiniLM's tokenizer holds a limit of 128, and a tokenizer that we do not tell otherwise obeys it:

# %%
text = "word " * 200
for limit in (128, None):
    first, second = static_model(table, limit).encode([text, text + "zebra"])
    print(f"limit {limit}: sees the zebra at the end:", not np.allclose(first, second))

# %% [markdown]
# ## Train the student, and test it on what it has not seen
#
# The targets are the teacher's vectors of the documents seen, turned by the same PCA. (We encode in batches by tokens: less padding to compute.)
# Each step takes 256 texts, and moves the vectors of their
# tokens so that the cosines grow:

# %%
documents = encoding.encode_by_token_budget(model, texts)


def train(student, rows, epochs=10):
    torch.manual_seed(0)
    centered = documents[rows] - documents[rows].mean(axis=0)
    targets = torch.nn.functional.normalize(torch.tensor(centered @ pca.components_.T))
    student[0].embedding.sparse = True  # update the tokens of the batch only
    optimizer = torch.optim.SparseAdam(student.parameters(), lr=0.001)
    for _ in range(epochs):
        for part in torch.randperm(len(rows)).split(256):
            vectors = student(student.preprocess([texts[rows[i]] for i in part]))["sentence_embedding"]
            loss = 1 - (vectors * targets[part]).sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return loss.item()


# %%
print(f"1 - cosine to the teacher, last batch: {train(student, seen):.1f}")


# %% [markdown]
# How good is it? As in [lesson 05](05_semantic_search.ipynb): an entry of scipy is the query, the authors' See Also links within scipy are what it
# should find, and only scipy is searched. Beside it, the hand-written questions over the whole corpus. What would be a fair thing to compare it
# with? Words alone: random vectors for the tokens know no meaning, so only the same tokens make texts similar.

# %%
def link_recalls(vectors, rows):
    names = np.array([docs[row].name for row in rows])
    scores = vectors[rows] @ vectors[rows].T
    np.fill_diagonal(scores, -np.inf)
    found = names[np.argsort(-scores, axis=1, kind="stable")[:, :10]]
    inside = set(names)
    wanted = [inside & set(docs[row].see_also) for row in rows]
    return np.array([evaluation.recall_at_k(best, links, 10) for best, links in zip(found, wanted) if links])


def question_recalls(model, vectors):
    names = np.array([doc.name for doc in docs])
    questions = corpus.queries()
    scores = model.encode_query([question.text for question in questions]) @ vectors.T
    found = names[np.argsort(-scores, axis=1, kind="stable")[:, :10]]
    return np.array([evaluation.recall_at_k(best, item.relevant, 10) for best, item in zip(found, questions)])


# %% [markdown]
# **Predict** the order of these five, for the links and for the questions:

# %%
random_table = np.random.default_rng(0).standard_normal((len(tokenizer), 256))
students = {
    "words alone": static_model(random_table),
    "token vectors": static_model(token_vectors),
    "weighted, 256 numbers": static_model(table),
    "trained student": student,
}
vectors = {name: one.encode(texts, batch_size=1024) for name, one in students.items()}
vectors["teacher"] = documents
links = {name: link_recalls(one, unseen) for name, one in vectors.items()}
models = students | {"teacher": model}
questions = {name: question_recalls(models[name], one) for name, one in vectors.items()}
for title, recalls in {"scipy's links, not seen": links, "everyday questions": questions}.items():
    means = [values.mean() for values in recalls.values()]
    intervals = [evaluation.bootstrap_interval(values) for values in recalls.values()]
    figure = plots.bars(means, list(recalls), intervals=intervals, title=f"recall@10, {title}")
    told = ", ".join(f"{name} {mean:.2f}" for name, mean in zip(recalls, means))
    plots.show(figure, f"Recall@10 on {title}: {told}. Lines: 95 % intervals.")

# %% [markdown]
# Two lessons. On the links, the trained student is level with its teacher, on documents it has never seen. But look at the top bar: **words alone
# come close**, because related entries share words. This test is easy for a student. The questions are not: words alone fail, each step
# helps, and the teacher stays ahead, though with 42 questions the last intervals overlap. (The documents searched there were in the training,
# except scipy's; the questions were not.)
#
# Is it only scipy? And how sure is "level"?

# %%
kept = links["trained student"] / links["teacher"].mean()
low, high = evaluation.bootstrap_interval(links["trained student"] - links["teacher"])
print(f"keeps {kept.mean():.0%} of the teacher's recall; difference {low:.2f} to {high:.2f}")
rows = np.flatnonzero([doc.library != "numpy" for doc in docs])
second = static_model(pca.transform(token_vectors) * frequency_weights(rows)[:, None])
train(second, rows)
rest = np.setdiff1d(np.arange(len(docs)), rows)
recall = link_recalls(second.encode(texts, batch_size=1024), rest).mean()
print(f"with numpy left out instead: {recall / link_recalls(documents, rest).mean():.0%}")

# %% [markdown]
# No student was trained on documents that it is tested on. But we chose the settings of the training by looking at scipy. At numpy we had not
# looked: it has the last word, and the student keeps nearly everything there, too.
#
# ## Put everything into one measurement
#
# **Predict:** what is the most that an export brings? A quiet machine had the time to measure all of them, in batches of 32 texts of 128 tokens
# ([lesson 14](14_benchmarking.ipynb) reads the whole report):

# %%
recorded = benchmark.Report.read("measured/models_cpu.json")
rows = recorded.find(model="all-MiniLM-L6-v2", batch_size=32, length=128)
in_torch = next(row.texts_per_second for row in rows if row.backend == "torch fp32")
print(recorded.machine["processor"], "·", recorded.machine["cores"])
for row in rows:
    times, cosine = row.texts_per_second / in_torch, row.quality.mean_cosine
    print(f"{row.backend:14} {times:.1f} times, cosine {cosine:.2f}")
if not recorded.find(backend="torch compiled"):
    print("torch compiled was not measured")

# %% [markdown]
# In float32, another program brings little. The steps are bfloat16 and int8, on a processor that multiplies both.
#
# And on *your* machine? `backends.best` exports a model in every form, or in those of a list, to save time. It encodes **our** texts with each,
# in turn, compares the vectors with those of torch in float32, and takes the fastest whose mean cosine is at least 0.99. We add the student,
# each with a batch size that suits it.

# %% reason="speeds, and what can be exported, depend on the machine" tags=["nbval-ignore-output"]
sample = texts[::80]
choice = backends.best(model, sample, candidates=["torch bf16", "openvino int8"], rounds=3)
print(choice.processor)
for one in choice.candidates:
    print(one.name, f"{one.speed:.2f} times, cosine {one.mean_cosine:.3f}" if one.speed else one.verdict)
tasks = {
    "teacher": lambda: model.encode(sample),
    "student": lambda: student.encode(texts, batch_size=1024),
    "teacher, 128": lambda: model.encode(long_texts),
    "student, 128": lambda: student.encode(long_texts * 100, batch_size=1024),
}
took = {timing.task: timing.median for timing in benchmark.measure(tasks, rounds=3)}
short = took["teacher"] / len(sample) / (took["student"] / len(texts))
long = 100 * took["teacher, 128"] / took["student, 128"]
print(f"Static student: {short:.0f} times as fast on short texts, {long:.0f} times on 128 tokens.")
speeds = {one.name: one.speed for one in choice.candidates if one.speed} | {"static student": short}
figure = plots.bars(list(speeds.values()), list(speeds), title="Speed, against torch in float32", decimals=1)
figure.axes[0].set_xscale("log")
plots.show(figure, "; ".join(f"{name} {speed:.1f}" for name, speed in speeds.items()))
assert min(short, long) > 30 and max(one.speed or 0 for one in choice.candidates) < 10

# %% [markdown]
# ### Myth: "10x faster CPU inference"
#
# The older guide promises it of ONNX, and refers to a page that is not part of it. ONNX in float32 does the same operations on the same numbers, and
# int8 speeds up the products, not what stands between them. No line above comes near ten, on neither machine. The
# [library's measurements](https://sbert.net/docs/sentence_transformer/usage/efficiency.html) on a desktop processor give, as medians over four
# models:
#
# | backend | times torch fp32 |
# |---|---|
# | ONNX in float32 | 1.06 |
# | ONNX in int8 | 3.23 |
# | OpenVINO in int8 | 5.29 |
#
# Much more than ten there is only for the student, which leaves the operations out. Is the choice above as good as it is fast? We ask on texts
# that it was neither calibrated nor measured on:

# %%
other = texts[40::80]
cosines = (choice.model.encode(other) * documents[40::80]).sum(axis=1)
print("mean cosine above 0.99 on other texts:", cosines.mean() > 0.99)
pairs = corpus.graded_pairs()


def rank_correlation(model):
    first, second = (model.encode([getattr(pair, side) for pair in pairs]) for side in ("first", "second"))
    return evaluation.spearman((first * second).sum(axis=1), [pair.grade for pair in pairs])


by_torch = rank_correlation(model)
print("graded pairs, difference below 0.01:", abs(rank_correlation(choice.model) - by_torch) < 0.01)
print(f"graded pairs: teacher {by_torch:.2f}, student {rank_correlation(student):.2f}")

# %% [markdown]
# The choice gives practically the teacher's vectors; the student does not, and its vectors have 256 numbers instead of 384. So an index made
# with the teacher serves its exports, but **the student needs an index of its own**.
#
# ## Choose
#
# | we have | we take |
# |---|---|
# | nothing measured yet | torch, as it is; split the time first |
# | a corpus of mixed lengths | batches sorted by tokens, 32 to 128 texts |
# | a processor with bfloat16 | `dtype="bfloat16"`, or OpenVINO in bf16 |
# | a processor with VNNI or AMX, and typical texts | OpenVINO in int8, after a look at recall |
# | millions of texts, or no processor to speak of | a static student, and a reranker for the first hits ([lesson 15](15_beyond_one_vector.ipynb)) |
# | a GPU | `dtype="float16"`: 2.9 times float32, by the library's measurements |
#
# And none of them before the search is measured: a fast wrong answer is a wrong answer.
#
# ## Summary
#
# - Timed step by step, `encode` is its transformer; tokenizing and pooling hardly count.
# - Batches raise throughput and latency; padding and length are work that can be counted without running a model.
# - Half precision keeps the vectors and needs a processor that multiplies it; `torch.compile` needs a compiler and time.
# - Quantization stores whole numbers and a scale; ranges of activations come from each batch, or from calibration on our texts.
# - A static student keeps up with its teacher on unseen links, where words alone come close too, and falls behind on everyday questions.
# - In one interleaved measurement, exports bring a few times, the student far more, and quality stands beside speed.
#
# ## Copy and paste
#
# Compare ways to encode: medians of interleaved rounds, and quality beside them.

# %% tags=["copy-paste"]
import copy
import statistics
import time

import torch
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
texts = ["Sort a list in place.", "Open a file for reading.", "Split a string.", "Remove a file."] * 4


def medians(tasks, rounds=5):
    """Median seconds of each task; every round runs each of them once, and the first does not count."""
    seconds = {name: [] for name in tasks}
    for turn in range(rounds + 1):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(took) for name, took in seconds.items()}


ways = {"float32": model, "bfloat16": copy.deepcopy(model).to(torch.bfloat16)}
took = medians({name: lambda way=way: way.encode(texts) for name, way in ways.items()})
speeds = {name: took["float32"] / seconds for name, seconds in took.items()}  # print(speeds)
for name, way in ways.items():
    cosines = (way.encode(texts) * model.encode(texts)).sum(axis=1)
    print(f"{name}: mean cosine {cosines.mean():.2f}, speed measured: {speeds[name] > 0}")

# %% [markdown]
# ## Further reading
#
# - The library on [speeding up inference](https://sbert.net/docs/sentence_transformer/usage/efficiency.html)
# - [Static embeddings](https://huggingface.co/blog/static-embeddings), trained on far more text, and
#   [Model2Vec](https://github.com/MinishLab/model2vec), which distills by token vectors, PCA and weights
# - OpenVINO on [quantization after training](https://docs.openvino.ai/2025/openvino-workflow/model-optimization-guide/quantizing-models-post-training/basic-quantization-flow.html)

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. Encoding takes all night. What do you do first?**
#
# <details><summary>A.&nbsp;Time the steps of <code>encode</code>.</summary>Right. Only what we wait for is worth speeding up.</details>
# <details><summary>B.&nbsp;Export to ONNX, which is ten times faster.</summary>Not quite. In float32, the published median is 1.06 times.</details>
# <details><summary>C.&nbsp;Replace the tokenizer by a faster one.</summary>Not quite. Beside the transformer, tokenizing hardly counts.</details><br>
#
# **2. A chat asks one question at a time. What counts?**
#
# <details><summary>A.&nbsp;Throughput, with large batches.</summary>Not quite. The answer would wait for the whole batch.</details>
# <details><summary>B.&nbsp;Latency, with small batches.</summary>Right. Somebody waits; throughput counts for a corpus.</details>
# <details><summary>C.&nbsp;Latency, with batches as large as memory allows.</summary>Not quite. Larger batches answer later, not sooner.</details><br>
#
# **3. A static student keeps its teacher's recall on See Also links. Is it as good?**
#
# <details><summary>A.&nbsp;Yes: it had not seen those documents.</summary>Not quite. Unseen they were; but the test was easy.</details>
# <details><summary>B.&nbsp;No: its vectors have fewer numbers.</summary>Not quite. The number of dimensions measures no quality.</details>
# <details><summary>C.&nbsp;That test cannot tell.</summary>Right. Words alone come close there; everyday questions differ.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [12 · Make embeddings smaller without losing the search](12_smaller_embeddings.ipynb). Fewer dimensions, fewer bits, rescoring, a Matryoshka student of your own, and a million vectors searched ten ways.
# - **Before:** [10 · Choose a model for your own documents](10_choosing_a_model.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
