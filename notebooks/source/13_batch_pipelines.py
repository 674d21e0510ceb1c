# %% [markdown] tags=["header"]
# # 13 · Keep a growing collection embedded
#
# One encoder in one process, on many machines, and in a table that embeds only what changed and survives a kill.
#
# **Time:** 60 minutes · **Builds on:** [09 · Encode large corpora and read the errors](09_memory_and_errors.ipynb), [12 · Make embeddings smaller without losing the search](12_smaller_embeddings.ipynb) · **Needs more packages:** `python -m pip install -r requirements-beyond.txt`

# %% [markdown]
# A night's encoding is a script. A collection that changes every day, in a table that people search while it changes, on machines that
# die, is a pipeline. What does it take so that a power cut, an edited document or another model leaves no wrong vector behind?
#
# We build it in three steps that share one encoding function: one process, one machine, many machines.

# %% [markdown]
# ## What you'll be able to do
#
# - Give each document an id and a hash, and leave out texts that are there twice.
# - Encode with one function in one process, in several, and on a cluster that loses a node.
# - Keep vectors in a table on disk, and embed only what changed.
# - Search by vector, by condition and by words, and measure what an index costs in recall.
# - Kill an update, and show that nothing is lost; refuse vectors of another model.
# - Calculate hours, bytes and money for a billion documents.

# %% tags=["setup"]
# This lesson needs more than the others: python -m pip install -r requirements-beyond.txt
from helpers import benchmark, corpus, exercises, hub, pipeline
hub.activate()
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from sentence_transformers import SentenceTransformer
from helpers.encoding import encode_large_corpus
from helpers.pipeline import Document, Encoder, Settings, VectorTable
from helpers.pipeline.postgres import PostgresTable

workshop = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # goes when the notebook's kernel stops
folder = Path(workshop.name)

# %% [markdown]
# ## Name every document, and notice a change
#
# A row needs a name that stays when its text changes: the ***document id***. Here it is the full name of a function or class. Beside the
# text go fields to filter by. The documents come from a generator, as from a crawler or a queue: 300, and one of them a second time
# under another name. `stands_for` maps each id that is left out to the one that is kept.

# %%
entries = corpus.api_docs()[::14][:300]


def collection():
    for entry in entries:
        yield Document(entry.name, entry.text, {"library": entry.library, "kind": entry.kind})
    yield Document("copy", entries[0].text)


found = pipeline.deduplicated(collection())
print(found)
print(found.stands_for)
documents = found.kept

# %% [markdown]
# Two texts are the same where their hashes are. A ***content hash*** is a short number computed from a text's bytes (here SHA-256, in
# 64 hexadecimal digits), which no other text has in practice. It also notices an edit. **Predict:** which of these edits change the
# hash, and which the vector?

# %%
model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
text = "Solve a linear system."
edits = ["solve a linear system.", "Solve a  linear system.", "Solve a linear system!"]
for edited in [text, *edits]:
    same_hash = pipeline.content_hash(edited) == pipeline.content_hash(text)
    same_vector = np.allclose(*model.encode([text, edited]), atol=1e-6)
    print(f"{edited!r:27} same hash: {same_hash!s:5}  same vector: {same_vector}")

# %% [markdown]
# All three change the hash, only the last one the vector: this model overlooks case and spaces. Others don't, and there a hash that
# overlooked them would keep an old vector. The exact hash costs at most a vector computed once too often. So the text is hashed as it is.
#
# ## Encode with one function, wherever it runs
#
# `Encoder` holds a model and its settings. It encodes lists of texts, and batches of columns, which is what a cluster (machines that
# work together) hands out. And it knows its ***manifest***: a record of what made the vectors.

# %%
encoder = Encoder(model)
batch = encoder({"id": ["a", "b"], "text": ["one", "two"]})
print({name: np.shape(column) for name, column in batch.items()})
print(encoder.manifest)

# %% [markdown]
# Model, weights, dimension, number type, the vectors' length, prompt, library: whatever decides a vector. Step one is a single process
# and a file that survives a kill. [Lesson 09](09_memory_and_errors.ipynb) built it, and gave it a model; an encoder fits in its place.

# %%
texts = [document.text for document in documents]
vectors = encode_large_corpus(encoder, texts, folder / "vectors.npy", chunk_size=100, show_progress_bar=False)
print(vectors.shape, vectors.dtype)


# %% [markdown]
# ### Myth: "More processes encode faster"
#
# Step two is one machine: `encode` takes a list of devices, or a pool of processes that stays
# ([lesson 03](03_encoding_text.ipynb) shows both). Each process loads a model first. **Predict** from how many texts on two processes pay
# on this CPU.

# %% reason="times depend on the machine" tags=["nbval-ignore-output"]
def seconds(encode, some):
    started = time.perf_counter()
    encode(some)
    return time.perf_counter() - started


one = seconds(encoder.encode, texts[:256])
began = time.perf_counter()
with encoder.pool(["cpu", "cpu"]) as pooled:
    pooled.encode(texts[:2])  # after this, both have loaded the model
    start = time.perf_counter() - began
    two = seconds(pooled.encode, texts[:256])
pays = f"from {256 * start / (one - two):,.0f} texts on" if two < one else "never"
print(f"256 texts: one process {one:.1f} s, two {two:.1f} s, after {start:.1f} s to start")
print("two processes pay", pays)
assert start > one / 20 and one < 2.5 * two

# %% [markdown]
# So few texts are done sooner by one process. The start is lost time, and on a CPU there is little to gain afterwards, because one process
# uses all cores already. Two GPUs have twice the arithmetic: there a list of devices, `["cuda:0", "cuda:1"]`, pays as soon as the start is
# short beside the run.
#
# ## Keep the vectors in a table
#
# A file of vectors can't be updated, filtered or read while it is written. [LanceDB](https://lancedb.github.io/lancedb/) is a database
# without a server: a folder. To ***upsert*** is to insert a row, or to update it where its id is there: `update` does that, batch by
# batch. Each batch is one *commit*: whoever reads sees all of it or nothing.

# %%
table = VectorTable.create(folder / "table", encoder.manifest, fields={"library": str, "kind": str})
print(table.update(documents, encoder, show_progress_bar=False))
print(table.update(documents, encoder, show_progress_bar=False))

# %% [markdown]
# `update` takes any iterable, so a generator too. The second call reads every document, compares hashes, and calls the model not once.
# Now three texts change, one field changes, ten documents vanish, two are new. **Predict** how many texts the model reads.

# %%
edited = [replace(document, text=document.text + " See the guide.") for document in documents[:3]]
moved = replace(documents[3], fields={"library": "numpy", "kind": "moved"})
new = [Document(f"new.{n}", f"Chapter {n} of a guide to sparse matrices.") for n in range(2)]
print(table.update([*edited, moved, *documents[4:-10], *new], encoder, delete_missing=True))

# %% [markdown]
# Five: three edited and two new. In the fourth changed row only a field did, so it keeps its vector. Deleting has to be asked for, because
# a collection that was read only in part looks like one that shrank.

# %%
exercise_1 = exercises.get("13.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1)

# %% [markdown]
# ## Search by meaning, condition and words
#
# A condition, written as in SQL, is applied before the search. So we get `k` documents that fulfill it, not what is left of the best `k`.

# %%
query = model.encode("solve a system of linear equations")
for hit in table.search(query, 3, where="library = 'scipy'"):
    print(f"{hit.score:.2f} {hit.id}")

# %% [markdown]
# A search for words finds what vectors blur: names and rare terms. `hybrid` fuses both rankings by their ranks
# ([lesson 05](05_semantic_search.ipynb) compares BM25 and vectors). Here the words ask for our new guide, and the vector still for
# equations.

# %%
table.index_texts()
print("words: ", [hit.id for hit in table.full_text("sparse guide", 3)])
print("hybrid:", [hit.id for hit in table.hybrid("sparse guide", query, 3)])

# %% [markdown]
# Both kinds are there. With millions of rows an index looks at a part of them only: here is one with 8 parts, which
# [lesson 05](05_semantic_search.ipynb) calls buckets. **Predict:** does it find all of the exact ten nearest when it looks at 1 part, at
# 4, at all 8?

# %%
table.index_vectors("IvfFlat", num_partitions=8)
queries = model.encode([entry.summary for entry in entries[:50]])
recall = {parts: table.measured_recall(queries, 10, nprobes=parts) for parts in [1, 4, 8]}
print("one finds fewer than four:", recall[1] < recall[4], "· all find all:", recall[8] == 1)

# %% [markdown]
# All parts find all, as an exact search does. One part alone misses more than four do. The
# parts are drawn anew each time, so we print no figure that depends on the draw. What fewer parts cost depends on your vectors: print
# `recall`, with your queries, as [lesson 12](12_smaller_embeddings.ipynb) does for a million.
#
# ## Go back
#
# Each commit is a version. We pass one document with `delete_missing=True`, which deletes all others, and go back.

# %%
before = table.versions()[-1].number
table.update(documents[:1], encoder, delete_missing=True, show_progress_bar=False)
print("after the mistake:", len(table))
table.restore(before)
print("gone back:", len(table))

# %% [markdown]
# ## Refuse what doesn't belong
#
# Vectors of two models may share a dimension and nothing else: a search over both gives nonsense, without an error. Two prompts shift
# the vectors of one model, too. The table compares manifests first.

# %%
for settings in [Settings(prompt="search_document: "), Settings(truncate_dim=128)]:
    try:
        table.update(documents, Encoder(model, settings))
    except ValueError as error:
        print(str(error).partition("wrong: ")[2].partition(". ")[0])

# %% [markdown]
# *There* is the table, *here* the encoder. Nothing was written. And if the manifest itself is damaged? We cut it off after 100 bytes.

# %%
manifest = folder / "table" / "manifest.json"
whole = manifest.read_bytes()
manifest.write_bytes(whole[:100])
try:
    VectorTable.open(folder / "table")
except ValueError as error:
    said = str(error)
    found, _, then = said.partition("manifest.json ")[2].partition(" (")
    print(found, "·", then.partition("): ")[2].partition(";")[0])
_ = manifest.write_bytes(whole)

# %% [markdown]
# A damaged one is never overwritten: it may be the only record of what made the vectors.

# %%
exercise_2 = exercises.get("13.2")
exercise_2

# %% tags=["exercise"]
answer_2 = ...  # replace the three dots
exercise_2.check(answer_2)

# %% [markdown]
# ## Kill it
#
# An update of 200 documents runs in a process of its own, with batches of 20. Each batch becomes a file. As soon as the third file
# begins, so that two batches are committed, we kill the process: it gets no chance to tidy up. **Predict** what we find in the table.

# %%
script = f"""
from helpers import corpus, hub
hub.activate()
from sentence_transformers import SentenceTransformer
from helpers.pipeline import Document, Encoder, VectorTable
encoder = Encoder(SentenceTransformer("all-MiniLM-L6-v2", device="cpu"))
documents = [Document(entry.name, entry.text) for entry in corpus.api_docs()[3::20][:200]]
table = VectorTable.create({str(folder / "killed")!r}, encoder.manifest)
table.update(documents, encoder, batch=20, show_progress_bar=False)
"""
process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
data = folder / "killed" / "vectors.lance" / "data"
while not data.exists() or len(list(data.glob("*.lance"))) < 3:
    time.sleep(0.01)
process.kill()
print("killed:", process.wait() != 0)

# %% [markdown]
# What is there, and what does the same update make of it? We compare the result with a table whose update nobody disturbed.

# %%
others = [Document(entry.name, entry.text) for entry in corpus.api_docs()[3::20][:200]]
survived = VectorTable.open(folder / "killed")
rows = len(survived)
print("whole batches only:", rows % 20 == 0, "· in the middle:", 0 < rows < 200)
counts = survived.update(others, encoder, batch=20, show_progress_bar=False)
print("embedded only the rest:", counts.embedded == 200 - rows)
undisturbed = VectorTable.create(folder / "undisturbed", encoder.manifest)
undisturbed.update(others, encoder, batch=20, show_progress_bar=False)
print("what differs:", pipeline.same_rows(*survived.rows()[::2], *undisturbed.rows()[::2], tolerance=0))


# %% [markdown]
# Whole batches survive, the same update embeds only the rest, and then not one bit differs. The course's tests kill at random moments. (A
# power cut is worse: LanceDB leaves it to the system when its files reach the disk. So `update` asks for that after each commit, and
# `VectorTable.repair` gives up a commit that was spoiled.)
#
# ## Hand it to many machines
#
# Step three. [Ray](https://docs.ray.io) spreads batches over machines, its *nodes*. On each, an ***actor***, a process that stays between
# batches, keeps a loaded model. What travels is the *function that loads*, because a model of gigabytes shouldn't. The documents lie in
# Parquet files, which hold a table column by column; in memory, such a table is Arrow's.

# %%
def load():
    from helpers import hub
    hub.activate()
    from sentence_transformers import SentenceTransformer
    return SentenceTransformer("all-MiniLM-L6-v2", device="cpu")


class EncodingActor:
    def __init__(self):
        self.encoder = Encoder(load())

    def __call__(self, batch):  # an Arrow table
        vectors = self.encoder.encode(batch["text"].to_pylist())
        numbers = pa.list_(pa.float32(), vectors.shape[1])
        return batch.append_column("vector", pa.array(list(vectors), numbers))


source, target = pipeline.write_documents(documents, folder / "source"), folder / "target"
print(len(list(source.glob("*.parquet"))), "files of documents")


# %% [markdown]
# `local_cluster` starts two nodes here, with processes and memory of their own: the head, which directs, and one worker. On a real
# cluster, the same lines follow `ray.init(address=…)`. When the first file of vectors is written, we kill the second node, the worker.

# %%
def kill_the_second_node(cluster):
    while not list(target.glob("*.parquet")):
        time.sleep(0.05)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)


with contextlib.redirect_stdout(io.StringIO()) as told, pipeline.local_cluster(nodes=2) as cluster:
    killer = threading.Thread(target=kill_the_second_node, args=(cluster,))
    killer.start()
    import ray  # only now: local_cluster has switched off Ray's reports to its makers

    pieces = ray.data.read_parquet(source).repartition(target_num_rows_per_block=50)
    actors = ray.data.ActorPoolStrategy(size=2)
    encoded = pieces.map_batches(
        EncodingActor, compute=actors, batch_size=25, batch_format="pyarrow", num_cpus=0
    )
    encoded.write_parquet(target)
    killer.join()
print("worker nodes left:", len(cluster.worker_nodes), "· Ray tells of a death:", "dead" in told.getvalue())

# %% [markdown]
# No worker is left, and the head, which encodes too, got the dead node's batches. (`num_cpus=0`: actors that reserve all cores leave none
# for the task that writes, and wait for it forever.) Is anything lost, or there twice? We compare row by row with step one.

# %%
rows = parquet.read_table(sorted(target.glob("*.parquet")))
ids, encoded = rows["id"].to_pylist(), np.stack(rows["vector"].to_numpy())
names = [document.id for document in documents]
print(len(ids), "rows; what differs:", pipeline.same_rows(ids, encoded, names, vectors))

# %% [markdown]
# Nothing, but for digits behind the fifth, which `same_rows` overlooks: other batches round differently. `pipeline.encode_parquet` is the
# same with two safeguards. Each machine compares its model with the manifest that you pass. And the folder's manifest is written last, so
# that a folder with one is complete. We write ours by hand; then the table takes the vectors without embedding anything:

# %%
encoder.manifest.write(target)
distributed = VectorTable.create(folder / "distributed", encoder.manifest, {"library": str, "kind": str})
print(distributed.take_parquet(target, show_progress_bar=False))
print(distributed.update(documents, encoder, show_progress_bar=False))

# %% [markdown]
# ### If a server runs already
#
# LanceDB is a folder of one machine. Where many write at once, or a PostgreSQL server holds the documents anyway, its extension pgvector
# stores vectors beside them. On Debian:
#
# ```sh
# sudo apt-get install postgresql postgresql-17-pgvector     # starts the server
# sudo -u postgres createuser --superuser "$USER" && createdb course
# export COURSE_POSTGRES=postgresql:///course
# ```
#
# The SQL behind it is short: `CREATE TABLE … (id text PRIMARY KEY, vector vector(384))`, and a search is
# `SELECT id FROM … ORDER BY vector <=> %s LIMIT 3`, where `%s` is the query's vector and `<=>` is 1 minus the cosine.

# %% reason="depends on whether a PostgreSQL server runs" tags=["nbval-ignore-output"]
address = os.environ.get("COURSE_POSTGRES")
if address:
    server = PostgresTable(address, "lesson_13", encoder.manifest)
    print(server.update(documents, encoder, delete_missing=True))
    server.index_vectors()
    print([hit.id for hit in server.search(query, 3)])
    server.close()
else:
    print("No server: set COURSE_POSTGRES to the address of an empty database, and restart.")

# %% [markdown]
# The same hashes, the same manifest, the same refusal; each batch is a transaction. What is counted depends on what the server held: at
# the first run, 300 are added.
#
# ## Plan a billion
#
# Before the cluster, a sheet of paper. The rate is a recorded measurement of one machine with two cores
# ([lesson 14](14_benchmarking.ipynb)); `make benchmark` makes your own. The prices are assumptions: replace them.

# %%
recorded = benchmark.Report.read("measured/models_cpu.json")
[row] = recorded.find(model="all-MiniLM-L6-v2", backend="torch fp32", batch_size=32, length=128)
plan = pipeline.Plan.measured(
    row,
    documents=1_000_000_000,
    tokens_a_document=120,
    price_an_hour=0.10,
    machines=100,
    text_bytes_a_document=600,
    price_a_gib_month=0.023,
)
print(plan)

# %% [markdown]
# More machines make it sooner, not cheaper: the machine-hours stay. Fewer bytes a number make it cheaper every month:

# %%
for precision in ["float32", "float16", "int8", "binary"]:
    smaller = replace(plan, precision=precision)
    gib, money = smaller.vector_bytes / 2**30, smaller.money_a_month
    print(f"{precision:8} vectors {gib:6,.0f} GiB · all, a month: {money:4,.0f} {plan.currency}")

# %% [markdown]
# The texts stay as they are: beside binary vectors, they are most of the cost. [Lesson 12](12_smaller_embeddings.ipynb) measures what
# each type costs in quality.

# %%
exercise_3 = exercises.get("13.3")
exercise_3

# %% tags=["exercise"]
answer_3 = ...  # replace the three dots
exercise_3.check(answer_3)

# %% [markdown]
# ## Summary
#
# - An id names a document for good; the hash of its exact text says whether it changed, or is there already.
# - One encoder serves a file, a pool and a cluster; a node that dies costs time and nothing else.
# - The table compares hashes, embeds what changed, and commits batch by batch.
# - Conditions come before the search, words find what vectors blur, and an index's recall is measured.
# - A killed update goes on after its last commit, to the same bits; a manifest keeps other models out.
# - Tokens over rate give hours, dimensions times bytes give storage, and every assumption stands beside the result.
#
# ## Copy and paste
#
# Only what changed, in a table on disk, with LanceDB alone.

# %% tags=["copy-paste"]
import hashlib
import tempfile

import lancedb
import pyarrow as pa
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("all-MiniLM-L6-v2")
size = model.get_embedding_dimension()
columns = [("id", pa.string()), ("text", pa.string()), ("hash", pa.string())]
schema = pa.schema([*columns, ("vector", pa.list_(pa.float32(), size))])


def update(table, documents, batch=1_000):
    held = table.search().select(["id", "hash"]).to_arrow().to_pydict()
    known = dict(zip(held["id"], held["hash"], strict=True))
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in documents.items()}
    changed = [name for name in documents if known.get(name) != hashes[name]]
    for start in range(0, len(changed), batch):
        names = changed[start : start + batch]
        texts = [documents[name] for name in names]
        vectors = model.encode(texts, normalize_embeddings=True)
        rows = [
            {"id": name, "text": text, "hash": hashes[name], "vector": vector}
            for name, text, vector in zip(names, texts, vectors, strict=True)
        ]
        merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(pa.Table.from_pylist(rows, schema=schema))
    return len(changed)


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:  # in a project: a folder that stays
    table = lancedb.connect(place).create_table("documents", schema=schema)
    pages = {"a": "How to bake bread.", "b": "How to prune a tree.", "c": "How to fix a bicycle."}
    print("embedded:", update(table, pages))
    print("embedded:", update(table, pages | {"b": "How to prune an apple tree."}))
    query = model.encode("fruit trees", normalize_embeddings=True)
    print(table.search(query).distance_type("cosine").limit(1).to_list()[0]["text"])

# %% [markdown]
# ## Further reading
#
# - Ray Data on [batch inference](https://docs.ray.io/en/latest/data/batch_inference.html)
# - pgvector on [vectors in PostgreSQL](https://github.com/pgvector/pgvector)

# %% [markdown] tags=["quiz"]
# ## Check yourself
#
# Choose an answer, then open it.
#
# **1. Only the `year` field of a document changes. What does an update do?**
#
# <details><summary>A.&nbsp;It embeds the text again.</summary>Not quite. The text's hash is the same, so its vector is.</details>
# <details><summary>B.&nbsp;It writes the row, with the vector that is there.</summary>Right. Fields have a hash of their own.</details>
# <details><summary>C.&nbsp;Nothing, until the text changes.</summary>Not quite. Then a filter would find the old year.</details><br>
#
# **2. Two models both give 384 numbers. May one table hold vectors of both?**
#
# <details><summary>A.&nbsp;Yes, if all have length 1.</summary>Not quite. Length says nothing about what a number means.</details>
# <details><summary>B.&nbsp;Yes, the dimension decides.</summary>Not quite. A search would run, and its ranking be nonsense.</details>
# <details><summary>C.&nbsp;No, each model has a space of its own.</summary>Right. The manifest keeps them apart.</details><br>
#
# **3. An update is killed after nine of thirty batches. What is in the table?**
#
# <details><summary>A.&nbsp;Nine whole batches.</summary>Right. Each batch is one commit; the same call does the rest.</details>
# <details><summary>B.&nbsp;Nothing: it is undone.</summary>Not quite. Only the batch in flight is lost.</details>
# <details><summary>C.&nbsp;Nine batches and a half.</summary>Not quite. A commit is there wholly or not at all.</details><br>

# %% [markdown] tags=["navigation"]
# ## What's next
#
# - **Next:** [14 · Benchmark models on your own machine and texts](14_benchmarking.ipynb). A measurement that can be trusted, the older guide's tables measured again, and how near a model comes to the machine's limit.
# - **Before:** [12 · Make embeddings smaller without losing the search](12_smaller_embeddings.ipynb)
# - **All lessons:** [the README's table](../README.md#lessons)
