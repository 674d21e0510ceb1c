# %% [markdown] tags=["header"]
# # 14 · Benchmark models on your own machine and texts
#
# A measurement that can be trusted, the older guide's tables measured again, and how near a model comes to the machine's limit.
#
# **Time:** 50 minutes · **Builds on:** [10 · Choose a model for your own documents](10_choosing_a_model.ipynb), [11 · Make encoding faster, and prove it](11_faster_inference.ipynb)

# %% [markdown]
# "The new model is 20 % faster. I measured it." Would you bet on that? On which machine, with which texts, how many times, and what ran
# beside it?
#
# A time is easy to take and hard to trust. We first learn to measure by hand, on a machine whose true speed we know because we made it
# up. Then one command measures real models, with memory and quality beside the speed.
#
# ## What you'll be able to do
#
# - Time a call so that the figure can be repeated: warm-up, rounds, median and spread.
# - Compare two programs in interleaved rounds, and show how a drifting machine fakes a result without them.
# - Say what p95 means, and how many calls it takes.
# - Count a model's operations, and say what a machine needs for them at the least.
# - Benchmark models and texts of your own in one command, with memory and quality beside speed, and keep the result as a file.
# - Check the older guide's tables against recorded measurements.

# %% tags=["setup"]
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from helpers import benchmark, catalog, corpus, exercises, hub, plots
from helpers.tables import size_text

hub.activate()

import numpy as np
import torch
from helpers.standins.full_size import full_size
from sentence_transformers import SentenceTransformer


# %% [markdown]
# ## Time one call, and distrust it
#
# A clock before, a clock after. `time.perf_counter` is made for this; the time of day can be set back while we measure. Why the clock is
# an argument, we'll see soon. Twelve times the same eight texts, with a model just loaded. **Predict:** how do the twelve times differ?

# %% reason="times depend on the machine" tags=["nbval-ignore-output"]
def seconds(task, clock=time.perf_counter):
    start = clock()
    task()
    return clock() - start


model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
texts = ["word " * 126] * 8  # 128 tokens each, two of them special
calls = [seconds(lambda: model.encode(texts)) for _ in range(12)]
figure, axes = plots.new_figure(6.4, 2.6)
axes.bar(range(1, 13), np.array(calls) * 1000, color=[plots.COLORS[1]] + [plots.COLORS[0]] * 11)
axes.set(xlabel="call", ylabel="ms", xticks=range(1, 13))
first, *rest = [f"{call * 1000:.0f}" for call in calls]
plots.show(figure, f"Twelve calls of encode on the same texts: the first {first} ms, then {', '.join(rest)}.")
assert 0 < min(calls) <= np.median(calls)

# %% [markdown]
# No two are alike. The first is usually the longest: threads start, memory is asked for, code is loaded. So the first calls are a
# ***warm-up***: run, and not counted. The others differ because a computer never does one thing only. Which single number stands for
# them? Nine calls in ms, made up; during the last two another program ran:

# %%
calm, disturbed = [101, 100, 102, 99, 101, 100, 103, 100, 101], [101, 100, 102, 99, 101, 100, 103, 480, 352]
for name, ms in {"calm": calm, "disturbed": disturbed}.items():
    low, middle, high = np.percentile(ms, [25, 50, 75])
    print(f"{name:9}  mean {np.mean(ms):.0f}  median {middle:.0f}  the middle half {low:.0f} to {high:.0f}")


# %% [markdown]
# Two disturbed calls move the mean by two thirds; the median and the middle half hardly notice. We report both: the median says how fast,
# the spread how far to trust it.
#
# ## Interleave the rounds
#
# Comparing two programs is harder than timing one: the *machine* changes meanwhile. A laptop gets hot and slows down; a colleague's job
# starts. To see what that does, we need a machine whose truth we know:

# %%
class Machine:
    """Runs tasks in simulated time: a clock of its own, and a speed that depends on what that clock says."""

    def __init__(self, speed):
        self.speed, self.now, self.log = speed, 0.0, []

    def clock(self):
        return self.now

    def task(self, name, work):
        def run():
            took = work / self.speed(self.now)
            self.log.append((name, self.now, took))
            self.now += took

        return run


# %% [markdown]
# Two ways to measure: all rounds of one task before the next task begins, or ***interleaved rounds***, in which every task runs once before
# any task runs again.

# %%
def one_after_the_other(tasks, rounds, clock=time.perf_counter):
    return {name: [seconds(task, clock) for _ in range(rounds)] for name, task in tasks.items()}


def interleaved(tasks, rounds, clock=time.perf_counter):
    taken = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            taken[name].append(seconds(task, clock))
    return taken


# %% [markdown]
# On our machine, `new` needs 0.8 of the work of `old`: it **is** 1.25 times as fast. After ten seconds the machine gets hot and drops to
# 60 % of its speed. **Predict:** what does each way report?

# %%
def gets_hot(now):
    return 1.0 if now < 10 else 0.6


logs = {}
for way in (one_after_the_other, interleaved):
    machine = Machine(gets_hot)
    tasks = {"old": machine.task("old", 1.0), "new": machine.task("new", 0.8)}
    old, new = [np.array(calls) for calls in way(tasks, 10, machine.clock).values()]
    by_medians, by_rounds = np.median(old) / np.median(new), np.median(old / new)
    print(f"{way.__name__:20} ratio of medians {by_medians:.2f}, median of ratios {by_rounds:.2f}")
    logs[way.__name__] = machine.log

# %% [markdown]
# Measured one after the other, the faster program looks a quarter *slower*. Interleaving alone does not save the ratio of medians: the
# one comes from cool rounds only, the other from cool and hot ones. The last figure is right: **within a round the machine hardly
# changes, so divide within the round, and take the median of that.**

# %%
figure, axes = plots.new_figure(8.5, 2.2)
for row, log in enumerate(logs.values()):
    for name, color, hatch in [("old", plots.COLORS[0], ""), ("new", plots.COLORS[4], "//")]:
        calls = [(start, took) for task, start, took in log if task == name]
        style = {"facecolor": color, "hatch": hatch, "edgecolor": "white", "label": name if row else None}
        axes.broken_barh(calls, (row - 0.4, 0.8), **style)
axes.axvline(10, color="black", ls="--")
axes.annotate(" hot from here on", (10, -0.6))
axes.set_yticks(range(2), [name.replace("_", " ") for name in logs])
axes.set(xlabel="seconds", ylim=(1.5, -0.9))
axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
plots.show(figure, "One after the other, all calls of new fall into the hot time; interleaved, half of them.")

# %% [markdown]
# The real world has more to offer: first calls that take longer, and hiccups. Can you write the function that stands all of it?

# %%
exercise_1 = exercises.get("14.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1)

# %% [markdown]
# `helpers.benchmark.measure` does this with the real clock: a warm-up, interleaved rounds, and a `Timing` with the seconds of every round
# for each task. The timings of other lessons and the tool below build on it.

# %% [markdown]
# ## Say how long the unlucky wait
#
# The median is a promise for half of the calls. Somebody gets the others. A ***percentile*** tells how long they wait: **p95** is the time
# that 95 of 100 calls stay within; p50 is the median. A hundred thousand searches, simulated: most take about 20 ms, and six in a hundred
# have to wait for something else first.

# %%
rng = np.random.default_rng(0)
searches = 20 * rng.lognormal(0, 0.15, 100_000)
searches += (rng.random(100_000) < 0.06) * rng.exponential(40, 100_000)
print(f"mean {searches.mean():.0f} ms", *[f"p{p} {np.percentile(searches, p):.0f} ms" for p in (50, 95, 99)])

# %% [markdown]
# The mean is larger than what most users see and far smaller than what the unlucky ones see: it describes nobody. **Predict:** how well
# do five calls tell us the p95? And a thousand?

# %%
for n in (5, 20, 100, 1000):
    found = np.percentile(rng.choice(searches, (2000, n)), 95, axis=1)
    low, high = np.percentile(found, [5, 95])
    print(f"{n:>5} calls: nine measurements in ten find a p95 between {low:.0f} and {high:.0f} ms")

# %% [markdown]
# From five calls, a p95 is little else than the slowest of them, and that is luck. A median settles early; a high percentile takes
# hundreds of calls. If your promise is about p95, plan for them.

# %%
exercise_2 = exercises.get("14.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2)

# %% [markdown]
# ## Count tokens as well as texts
#
# [Lesson 11](11_faster_inference.ipynb) has the two sides of speed: latency, what one call takes, and throughput, what gets done in a
# second. Throughput in *texts* hides how long they are. Suppose a machine does 10,000 tokens a second, whatever the text:

# %%
questions, documents = [query.text for query in corpus.queries()], [entry.text for entry in corpus.api_docs()]
for kind, some in {"questions": questions, "documents": documents, "the guide's": texts}.items():
    tokens = np.mean([len(ids) for ids in model.tokenizer(some, truncation=True)["input_ids"]])
    print(f"{kind:12} {tokens:>5.0f} tokens each, {10_000 / tokens:>6,.0f} texts a second")

# %% [markdown]
# The same machine, and an order of magnitude between the figures. Tokens a second are the better unit, with one reservation: a batch is
# padded to its longest text, and padding is computed too. How much of the work is padding, in batches of 32?

# %%
sizes = np.array([len(ids) for ids in model.tokenizer(documents, truncation=True)["input_ids"]])
by_length = sizes[np.argsort([-len(text) for text in documents], kind="stable")]
for order, counts in {"as they come": sizes, "longest first": by_length}.items():
    computed = sum(len(part) * part.max() for part in np.array_split(counts, range(32, len(counts), 32)))
    print(f"{order:13} {1 - counts.sum() / computed:.0%} padding")

# %% [markdown]
# `encode` sorts a list by the length in characters, as the second line does. That helps within one call; texts that arrive a batch at a
# time, as in a service, are the first line. So measure with texts like yours, in batches as they come.
#
# ## Measure memory in a fresh process
#
# Memory has a highest moment, the peak, and a process does not forget it: all that ran before counts. So each configuration needs a
# process of its own. `benchmark.peak_memory` starts one. Does it see 200 MiB that are given back at once?

# %%
plain = benchmark.peak_memory("import numpy")
briefly = benchmark.peak_memory("import numpy; block = numpy.ones(200 * 2**20, 'int8'); del block")
print("seen, of 200 MiB given back at once, at least 190:", briefly - plain >= 190 * 2**20)

# %% [markdown]
# ## Trust random weights for speed
#
# Of the models in the older guide's tables, only MiniLM is here with its weights. But a matrix product takes as long whatever numbers are
# in it, so a network of the real shape with random weights, as `full_size` builds it, should take the real one's time and memory. Does it?
# MiniLM we have in both forms. To know what a difference means, one candidate enters twice: an **A/A test**, whose ratio should be 1.

# %%
twin = full_size("sentence-transformers/all-MiniLM-L6-v2")
threads = torch.get_num_threads()
torch.set_num_threads(1)
candidates = {"real": model, "real again": model, "random": twin}
tasks = {name: lambda one=one: one.encode(texts) for name, one in candidates.items()}
taken = interleaved(tasks, 6, time.process_time)
for name in ("real again", "random"):
    ratio = np.median(np.array(taken["real"][1:]) / taken[name][1:])
    print(f"{name}: the same time, within a fifth: {0.8 < ratio < 1.25}")
print("random: vectors like the real ones:", twin.encode(texts[0]) @ model.encode(texts[0]) > 0.5)


# %% [markdown]
# The same time, and no score of a twin means anything. The clock is new: `time.process_time` counts the time that processors spend on
# *our* process, so other programs hardly matter. It fits questions about work, with one thread. What users wait for is on the other
# clock.

# %% [markdown]
# ## Find how near you come to the limit
#
# Is 100 texts a second good? That depends on what the machine could do. A network's work can be counted: every token meets every weight of
# the layers, with a multiplication and an addition. And each token is compared with each, which is the attention.

# %%
def operations(layers, width, inner, tokens):
    """Operations for one text: layers of so many numbers a token, inside so many."""
    weights = layers * (4 * width**2 + 2 * width * inner)  # query, key, value, output; up and down
    attention = layers * 4 * width * tokens**2  # scores of all pairs, and the sums that they weigh
    return 2 * weights * tokens + attention


# %% [markdown]
# PyTorch can count while it runs (the attention only in its `"eager"` form), and `benchmark.flops` reads the layers:

# %%
from torch.utils.flop_counter import FlopCounterMode

eager = SentenceTransformer("all-MiniLM-L6-v2", device="cpu", model_kwargs={"attn_implementation": "eager"})
with FlopCounterMode(display=False) as counter, torch.no_grad():
    eager(eager.preprocess(texts[:1]))
counts = {"by hand": operations(6, 384, 1536, 128), "by torch": counter.get_total_flops()}
counts["by the tool"] = benchmark.flops(model, batch=1, length=128)
print(*[f"{way}: {count / 1e9:.3f} billion" for way, count in counts.items()], sep="\n")

# %% [markdown]
# They agree. A machine has two limits: how fast it multiplies, and how fast it reads. The ***roofline*** of a task is the least time it can take: operations by the one rate, or bytes by the other, whichever is
# longer. Where operations decide, a task is ***compute-bound***; where reading decides, ***memory-bound***.
#
# bge-base has 340 MB of weights in its layers, and reads them once for a text, short or long. **Predict:** how much longer do 128 tokens
# take than one?

# %%
base = full_size("BAAI/bge-base-en-v1.5")[0].model
lengths, matrix, block = (1, 2, 4, 8, 16, 32, 64, 128), torch.randn(1024, 1024), torch.ones(2**26)
tasks = {n: lambda n=n: base(torch.full((1, n), 2000)) for n in lengths}
tasks |= {"multiply": lambda: matrix @ matrix, "read": block.sum}
with torch.no_grad():
    taken = {name: np.median(calls[1:]) for name, calls in interleaved(tasks, 4, time.process_time).items()}
print("128 times the work in less than 64 times the time:", taken[128] < 64 * taken[1])

# %% [markdown]
# Nowhere near 128 times. The same run timed a matrix product and the reading of a large block, which gives both limits of one thread of
# this machine. The marks are measured, the lines are the limits:

# %%
bandwidth, rate = block.nbytes / taken["read"], 2 * 1024**3 / taken["multiply"]
reading = [4 * 12 * (4 * 768**2 + 2 * 768 * 3072) / bandwidth] * len(lengths)
multiplying = [operations(12, 768, 3072, n) / rate for n in lengths]
figure, axes = plots.new_figure()
axes.loglog(lengths, [taken[n] for n in lengths], "o", label="measured")
axes.loglog(lengths, reading, "--", label="reading the weights")
axes.loglog(lengths, multiplying, ":", label="multiplying", lw=2)
axes.set_xticks(lengths, lengths)
axes.minorticks_off()
axes.set(xlabel="tokens", ylabel="seconds", title="bge-base, one text, one thread")
axes.legend(frameon=False)
told = "The time begins near the line of reading and ends near that of multiplying"
plots.show(figure, f"Seconds against tokens, with both limits. {told}.")

# %% [markdown]
# On the left, where 340 MB have to be read however short the text is, the time hardly follows the tokens; on the right it does. What lies
# above both lines is lost: to small matrices, and to all that is no matrix product. A batch works like a longer text: **weights that have
# been read serve all its tokens.** That is why batches pay most for short texts, and why smaller numbers help a single question, too:
# half the bytes lower that line by half.

# %%
exercise_3 = exercises.get("14.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots
exercise_3.check(answer_3)

# %% [markdown]
# ## Benchmark models in one call
#
# `benchmark_models` does all of the above. A configuration is a model on a backend and a device, with a batch size and a length. `texts`
# are your own; here they are the course's questions. Without them it makes texts of 128 tokens, or as many as `lengths` says.

# %% reason="times depend on the machine" tags=["nbval-ignore-output", "shows-stderr"]
torch.set_num_threads(threads)
report = benchmark.benchmark_models(
    ["all-MiniLM-L6-v2"],
    backends=["torch fp32", "torch bf16"],
    batch_sizes=[1, 32],
    texts=questions,
    rounds=3,
    round_seconds=0.2,
    memory=False,
)
one, many = report.find(backend="torch fp32")
assert one.p50 < many.p50 and one.percentile(5) <= one.p50 <= one.p95
report.table

# %% [markdown]
# A row is a configuration. *Texts/s* and *tokens/s* are medians over the rounds, with the slowest and the fastest round beside them; p50
# and p95 are of single batches. The last column is what we have just counted, divided by what large matrices reach in the same rounds.
# More than 100 % there is a sign that other programs disturbed the run.
#
# Speed is half of a decision. `report.models` has the other half: parameters, size, peak memory of a fresh process, and **quality**: the
# cosine to the vectors of `float32`, Spearman on graded pairs as in [lesson 04](04_similarity.ipynb), recall@10 on a small search. We
# left memory out to save time, and print what does not depend on the machine:

# %%
for row in report.find(batch_size=1):
    found = row.quality
    print(f"{row.backend}: cosine {found.mean_cosine:.2f}", end=", ")
    print(f"Spearman {found.spearman:.2f}, recall@10 {found.recall_at_10:.2f}")

# %% [markdown]
# Half the precision costs nothing that two decimals would show. "Twice as fast" without such a line is half a result.
#
# ### Keep the result with its machine
#
# A figure without its machine can't be compared with anything. `write` keeps the seconds of every batch, the machine and the versions; the
# medians are computed anew from them.

# %%
folder = tempfile.TemporaryDirectory()
report.write(kept := Path(folder.name, "mine.json"))
print("read back:", benchmark.Report.read(kept) == report)
print(*report.machine, "and", *report.versions)

# %% [markdown]
# ### Myth: "Use `tools/embedding_benchmark.py` to test on your data"
#
# The older guide points to a file that it does not have. Here it is, as a command for the terminal:
#
# ```
# python -m helpers benchmark all-MiniLM-L6-v2 bge-small-en-v1.5 --backends torch-fp32 openvino-int8 \
#     --batch-sizes 1 32 --texts my_texts.txt --rounds 20 --output mine.json --plot mine.png
# ```
#
# `my_texts.txt` holds a text a line. Everything is checked before anything is measured:

# %%
command = [sys.executable, "-m", "helpers", "benchmark", "all-MiniLM-L6-v2", "--texts", "missing.txt"]
print(subprocess.run(command, capture_output=True, text=True).stderr.strip().splitlines()[-1])

# %% [markdown]
# ## Measure the older guide's tables again
#
# With MiniLM's real weights, and random ones in full size for the others, the older guide's tables can be filled. That takes long and wants
# a machine that does nothing else, so it has been done once, and the report came with the course:

# %%
recorded = benchmark.Report.read("measured/models_cpu.json")
print(*[f"{key}: {value}" for key, value in recorded.machine.items()], sep="\n")
print(f"torch {recorded.versions['torch']}, {recorded.rounds} rounds, {len(recorded.rows)} configurations")

# %% [markdown]
# The command above, with these models, gives your machine's. First, *Throughput by Model*: 32 texts of 128 tokens. The guide names no
# processor, so compare the ratios to MiniLM.

# %%
about_speed = [claim for claim in catalog.guide_claims() if claim.quantity == "texts a second, CPU"]
told = {claim.subject: claim.claimed for claim in about_speed}
in_torch = recorded.find(backend="torch fp32", length=128)
at_32 = {row.model: row for row in in_torch if row.batch_size == 32}
minilm = at_32["all-MiniLM-L6-v2"].texts_per_second
print(f"{'texts a second':22} guide  recorded  of MiniLM: guide  recorded")
for name, row in at_32.items():
    claimed, ratio = (told[name], f"{int(told[name]) / 200:.2f}") if name in told else ("", "")
    print(f"{name:22} {claimed:>5} {row.texts_per_second:>9.1f}", end="")
    print(f" {ratio:>17} {row.texts_per_second / minilm:>9.2f}")

# %% [markdown]
# [Lesson 10](10_choosing_a_model.ipynb) counted weights and expected this: the guide is too kind to all but MiniLM, and bge-large and
# BGE-M3, which have the same layers, are about equally fast. It also showed that the guide's two tables contradict each other. *Latency by
# Batch Size*, in milliseconds (the guide has BGE-M3 on a GPU only):

# %%
guide_ms = {1: 20, 8: 80, 32: 200, 128: 600}
print(f"{'batch':>5}  MiniLM: guide    p50    p95  texts/s   BGE-M3:     p50")
rows = {(row.model, row.batch_size): row for row in in_torch}
for size, claimed in guide_ms.items():
    row, m3 = rows["all-MiniLM-L6-v2", size], rows.get(("bge-m3", size))
    other = f"{m3.p50 * 1000:,.0f}" if m3 else "not run"
    print(f"{size:>5} {claimed:>14} {row.p50 * 1000:>6,.0f} {row.p95 * 1000:>6,.0f}", end="")
    print(f" {row.texts_per_second:>8.0f} {other:>17}")

# %% [markdown]
# A larger batch takes longer. Up to eight texts, more gets done in a second, too; beyond that only the waiting grows: eight texts of 128
# tokens already keep these two cores busy. *Popular Models* says "~20ms" of MiniLM on a CPU: the first row again, here for 128 tokens.
#
# ### Myth: "MiniLM does 200 docs a second"
#
# One model, one machine, 32 texts of 128 tokens. The cosine is to the vectors of torch in `float32`.

# %%
for row in recorded.find(model="all-MiniLM-L6-v2", batch_size=32, length=128):
    found, speed = row.quality, f"{row.texts_per_second:>5.0f} texts a second"
    print(f"{row.backend:14} {speed}, cosine {found.mean_cosine:.2f}, recall@10 {found.recall_at_10:.2f}")
plots.show(recorded.plot(), "Texts a second by batch size, model and backend; MiniLM's at 32 stand above.")

# %% [markdown]
# Docs a second belong to model, backend, batch size, length, precision and machine **together**. Leave one out, and nobody can repeat the
# figure.
#
# Then *Memory*. Beside the guide's column: the weights as loaded, and the peak of a fresh process that encodes the largest batch.

# %%
told = {c.subject: c.claimed for c in catalog.guide_claims() if c.quantity in ("memory", "VRAM")}
for name, row in at_32.items():
    peak = size_text(max(row.peak_bytes or 0 for row in in_torch if row.model == name))
    print(f"{name:22} guide {told[name]:>6}  weights {size_text(row.model_bytes):>9}  peak {peak:>9}")

# %% [markdown]
# The guide counts weights at two bytes each; these are loaded with four. And the weights are the smaller part of a small model's peak: the
# libraries come on top, and what a batch needs on its way. MiniLM's peak is above bge-small's, because its largest batch has 128 texts, not
# 32.
# What a million vectors take, the guide's fourth table, needs no clock: [lesson 09](09_memory_and_errors.ipynb) computes it.
#
# ### And on a GPU?

# %%
on_gpu, none = Path("measured/models_cuda.json"), "No accelerator was at hand: nothing is recorded for one."
print(benchmark.Report.read(on_gpu).table if on_gpu.exists() else none)
if torch.cuda.is_available():
    print("Here is one: run the command above with --devices cuda --backends torch-fp32 torch-bf16")

# %% [markdown]
# A warning for those who have one: a GPU is still at work when the call returns
# ([PyTorch](https://docs.pytorch.org/docs/stable/notes/cuda.html#asynchronous-execution)). Without `torch.cuda.synchronize()` before the
# clock is read, you time the giving of orders. `encode` waits, because it hands out numpy arrays; the tool waits in any case.
#
# ### How near did the recorded runs come?
#
# In each round the tool multiplies large matrices, too. A row's `share` is what the model does in a second, divided by what the matrices
# do. **Predict:** who comes nearer, a small model or a large one?

# %%
rate = recorded.matmul_rates["cpu", "float32"]
figure, axes = plots.new_figure()
for name, marker in zip(at_32, plots.MARKERS):
    rows = [row for row in in_torch if row.model == name]
    shares = [100 * row.share for row in rows]
    axes.plot([row.batch_size for row in rows], shares, marker, ls="-", label=name)
axes.set(xscale="log", xlabel="texts a batch, of 128 tokens", ylabel="% of the matrices' rate", ylim=(0, 105))
axes.set_xticks([1, 8, 32, 128], [1, 8, 32, 128])
axes.minorticks_off()
axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
reached = "; ".join(f"{name} {row.share:.0%}" for name, row in at_32.items())
limit = f"{rate / 1e9:.0f} billion operations a second"
plots.show(figure, f"The share of {limit} that each model reaches; in batches of 32: {reached}.")

# %% [markdown]
# The large ones, and batches rather than single texts: larger matrices keep the arithmetic busy, and what each call costs besides (Python,
# tokens, threads) is shared by more work. Eight texts are enough here; with 32, Qwen3 falls back. Where its time goes then, a share does not
# tell. A share also says **what is left to win**: at 50 % no setting can more than double the speed in `float32`. More takes
# smaller numbers, for which the machine's rate itself is higher ([lesson 11](11_faster_inference.ipynb)), or a smaller model.
#
# ## Summary
#
# - The first calls are a warm-up; the median of the rest says how fast, their spread how far to trust it.
# - Candidates run in interleaved rounds, and are compared within a round; otherwise a machine that drifts decides who wins.
# - p95 is what 95 of 100 calls stay within, and takes hundreds of calls; whoever waits for ten calls sees it often.
# - Operations can be counted, and the roofline says what they take at least; a short text waits for memory, a batch for arithmetic.
# - `benchmark_models` and `python -m helpers benchmark` measure models, backends and one's own texts, with memory, quality and the machine.
# - Measured again, the older guide's ratios are too kind to all but MiniLM, its memory is half of what loads, and docs a second belong to
#   the whole setting, not to a model.

# %% [markdown]
# ## Copy and paste
#
# Compare any two candidates on your own texts. The first one is divided by the second, round by round.

# %% tags=["copy-paste"]
import json
import platform
import time
from statistics import median

import sentence_transformers
import torch
from sentence_transformers import SentenceTransformer

my_texts = ["How do I sort a list?", "Open a file for reading.", "Delete a folder with all it holds."] * 8
model = SentenceTransformer("all-MiniLM-L6-v2")
candidates = {
    "one by one": lambda: [model.encode(text) for text in my_texts],
    "in a batch": lambda: model.encode(my_texts),
}
rounds = 5

taken = {name: [] for name in candidates}
for turn in range(rounds + 1):
    for name, task in candidates.items():
        start = time.perf_counter()
        task()
        if turn > 0:  # round 0 is the warm-up
            taken[name].append(time.perf_counter() - start)

first, second = taken.values()
ratios = [a / b for a, b in zip(first, second, strict=True)]
report = {
    "machine": f"{platform.platform(terse=True)}, {torch.get_num_threads()} threads, {model.device}",
    "versions": {"sentence-transformers": sentence_transformers.__version__, "torch": torch.__version__},
    "seconds": taken,
    "median": {name: median(calls) for name, calls in taken.items()},
    "times as fast": {"median": median(ratios), "lowest": min(ratios), "highest": max(ratios)},
}
text = json.dumps(report, indent=1)  # write it to a file, or print it
print(f"{rounds} interleaved rounds; the batch is faster: {median(ratios) > 1}")

# %% [markdown]
# ## Further reading
#
# - The library's own [measurements of backends](https://sbert.net/docs/sentence_transformer/usage/efficiency.html), with hardware named.
# - Dean and Barroso, [The Tail at Scale](https://research.google/pubs/the-tail-at-scale/) (2013), on high percentiles.
# - Williams, Waterman and Patterson, [Roofline](https://doi.org/10.1145/1498765.1498785) (2009).

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. Program A runs ten times, then program B. B is slower. What else may explain it?**
#
# <details><summary>A.&nbsp;A's first call was counted.</summary>Not quite. That makes A look slower, not B.</details>
# <details><summary>B.&nbsp;A median needs hundreds of calls.</summary>Not quite. A median settles early; high percentiles do not.</details>
# <details><summary>C.&nbsp;The machine grew hot meanwhile.</summary>Right. Interleave the rounds, and divide within each.</details><br>
#
# **2. What do five calls tell about p95?**
#
# <details><summary>A.&nbsp;Next to nothing.</summary>Right. It is little else than the slowest call.</details>
# <details><summary>B.&nbsp;What 95 of 100 users will wait.</summary>Not quite. To know that takes hundreds of calls.</details>
# <details><summary>C.&nbsp;Twice the median, as a rule.</summary>Not quite. No rule leads from one to the other.</details><br>
#
# **3. “MiniLM does 200 docs a second.” What is missing?**
#
# <details><summary>A.&nbsp;Nothing, if it is a median of many rounds.</summary>Not quite. Length alone can change it tenfold.</details>
# <details><summary>B.&nbsp;Machine, backend, batch size, length, precision.</summary>Right. The figure belongs to all of them together.</details>
# <details><summary>C.&nbsp;How many documents there were.</summary>Not quite. A rate holds for few and for many.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [15 · Search with more than one vector a text](15_beyond_one_vector.ipynb). BM25 and embeddings fused, fine-tuning, cross-encoders, sparse vectors and late interaction, measured on a split that doesn't leak.
# - **Before:** [13 · Keep a growing collection embedded](13_batch_pipelines.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
