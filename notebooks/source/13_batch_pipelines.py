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
# This lesson needs more than the others: python -m pip install -r requirements-scale.txt
from helpers import corpus, exercises, hub, pipeline, plots
hub.activate()
import contextlib
import io
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
import numpy as np
from sentence_transformers import SentenceTransformer
from helpers.encoding import encode_large_corpus
from helpers.pipeline import Document, Encoder, Settings, VectorTable

workshop = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # goes when the notebook's kernel stops
folder = Path(workshop.name)

# %% [markdown]
# ## Name every document, and notice a change
#
# A row needs a name that stays when its text changes: the ***document id***. Here it is the function's full name. Beside the text go
# fields to filter by. We take 600 documents, and one of them a second time under another name.

# %%
entries = corpus.api_docs()[::7][:600]
documents = [Document(one.name, one.text, {"library": one.library, "kind": one.kind}) for one in entries]
documents.append(Document("copy", documents[0].text))
found = pipeline.deduplicated(documents)
print(found)
print(found.stands_for)
documents = found.kept

# %% [markdown]
# Two texts are the same where their hashes are. A ***content hash*** is a short number computed from a text's bytes, which no other text
# has in practice. It also notices an edit. **Predict:** for which of these edits does our model give another vector?

# %%
model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
text = "Solve a linear system."
edits = ["solve a linear system.", "Solve a  linear system.", "Solve a linear system!"]
for edited in [text, *edits]:
    same_hash = pipeline.content_hash(edited) == pipeline.content_hash(text)
    same_vector = np.allclose(*model.encode([text, edited]), atol=1e-6)
    print(f"{edited!r:27} same hash: {same_hash!s:5}  same vector: {same_vector}")

# %% [markdown]
# This model overlooks case and spaces; others don't. A hash that overlooked them would keep an old vector wherever the model sees a
# difference; the exact hash costs at most a vector computed once too often. So the text is hashed as it is.
#
# ## Encode with one function, wherever it runs
#
# `Encoder` holds a model and its settings. It encodes lists of texts, and batches of columns, which is what a cluster hands out. And it
# knows its ***manifest***: a record of what made the vectors.

# %%
encoder = Encoder(model)
batch = encoder({"id": ["a", "b"], "text": ["one", "two"]})
print({name: np.shape(column) for name, column in batch.items()})
print(encoder.manifest)

# %% [markdown]
# Model, weights, dimension, type, length, prompt, library: whatever decides a vector. Step one is a single process and a file that
# survives a kill ([lesson 09](09_memory_and_errors.ipynb) built it); the encoder stands in for the model.

# %%
texts = [document.text for document in documents]
vectors = encode_large_corpus(encoder, texts, folder / "vectors.npy", chunk_size=200, show_progress_bar=False)
print(vectors.shape, vectors.dtype)

# %% [markdown]
# ### Myth: "More processes encode faster"
#
# Step two is one machine: `encode` takes a list of devices, or a pool of processes that stays. Does that pay on a CPU?

# %% tags=["nbval-ignore-output"] reason="times depend on the machine"
started = time.perf_counter()
alone = encoder.encode(texts[:128])
one, started = time.perf_counter() - started, time.perf_counter()
with encoder.pool(["cpu", "cpu"]) as pooled:
    together = pooled.encode(texts[:128])
several = time.perf_counter() - started
print(f"one process: {one:.1f} s, two, with their start: {several:.1f} s")
assert np.allclose(alone, together, atol=1e-5)

# %% [markdown]
# The vectors agree. The time doesn't pay here: each process loads the libraries and the model, and one process uses all cores already.
# With several GPUs, one process each, it does.
#
# ## Keep the vectors in a table
#
# A file of vectors can't be updated, filtered or read while it is written. [LanceDB](https://lancedb.github.io/lancedb/) is a database
# without a server: a folder. To ***upsert*** is to insert a row, or to update it where its id is there. Each batch is one commit, and
# whoever reads sees all of it or nothing.

# %%
table = VectorTable.create(folder / "table", encoder.manifest, fields={"library": str, "kind": str})
print(table.update(documents, encoder, show_progress_bar=False))
print(table.update(documents, encoder, show_progress_bar=False))

# %% [markdown]
# The second call reads every document, compares hashes, and calls the model not once. Now three texts change, one field changes, ten
# documents vanish, two are new. **Predict** how many texts the model reads.

# %%
edited = [replace(document, text=document.text + " See the guide.") for document in documents[:3]]
moved = replace(documents[3], fields={"library": "numpy", "kind": "moved"})
new = [Document(f"new.{n}", f"Chapter {n} of a guide to sparse matrices.") for n in range(2)]
edition = [*edited, moved, *documents[4:-10], *new]
print(table.update(edition, encoder, delete_missing=True, show_progress_bar=False))

# %% [markdown]
# Five: a field's change keeps its vector. Deleting has to be asked for, because a collection that was read by halves looks like one that
# shrank.

# %%
exercise_1 = exercises.get("13.1")
exercise_1

# %% tags=["exercise"]
answer_1 = ...  # replace the three dots
exercise_1.check(answer_1)

# %% [markdown]
# ## Search by meaning, condition and words
#
# A condition is applied first: `k` documents come that fulfill it.

# %%
query = model.encode("solve a system of linear equations")
for hit in table.search(query, 3, where="library = 'scipy'"):
    print(f"{hit.score:.2f} {hit.id}")

# %% [markdown]
# A search for words finds what vectors blur: names and rare terms. `hybrid` fuses both rankings by their ranks
# ([lesson 05](05_semantic_search.ipynb) compares BM25 and vectors).

# %%
table.index_texts()
print("words: ", [hit.id for hit in table.full_text("sparse guide", 3)])
print("hybrid:", [hit.id for hit in table.hybrid("sparse guide", query, 3)])

# %% [markdown]
# With millions of rows an index looks at a part of them only. Here is one of 16 parts. How many of the exact ten nearest does it find
# when it looks at 1, 4 or all of them?

# %%
table.index_vectors("IvfFlat", num_partitions=16)
queries = model.encode([entry.summary for entry in entries[:50]])
recall = {parts: table.measured_recall(queries, 10, nprobes=parts) for parts in [1, 4, 16]}
print("one part finds most:", 0.3 < recall[1] < 0.95, "· four find more:", recall[1] < recall[4])
print(f"all of them: {recall[16]:.2f}")

# %% [markdown]
# The parts are drawn anew each time, so we print no figure that depends on the draw. All parts find all; what fewer cost depends on your
# vectors: measure it with your queries, as
# [lesson 12](12_smaller_embeddings.ipynb) does for a million.
#
# ## Go back
#
# Each commit is a version. We delete by mistake, and go back.

# %%
before = table.versions()[-1].number
table.update(documents[:1], encoder, delete_missing=True, show_progress_bar=False)
print("after the mistake:", len(table))
table.restore(before)
print("gone back:", len(table))

# %% [markdown]
# ## Refuse what doesn't belong
#
# Vectors of two models, or of one with two prompts, share a dimension and nothing else: a search over both gives nonsense, without an error.
# The table compares manifests first.

# %%
for settings in [Settings(prompt="search_document: "), Settings(truncate_dim=128)]:
    try:
        table.update(documents, Encoder(model, settings))
    except ValueError as error:
        print(str(error).partition("wrong: ")[2].partition(". ")[0])

# %% [markdown]
# Nothing was written. What about a manifest that is damaged, or another program's?

# %%
manifest = folder / "table" / "manifest.json"
whole = manifest.read_bytes()
manifest.write_bytes(whole[:100])
try:
    VectorTable.open(folder / "table")
except ValueError as error:
    said = str(error)
    print(said.partition("manifest.json ")[2].partition(" (")[0], "·", said.partition("): ")[2].partition(";")[0])
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
# An update runs in a process of its own, with batches of 20. As soon as two are committed, we kill it as a power cut would: it gets no
# chance to tidy up.

# %%
script = f"""
from helpers import corpus, hub
hub.activate()
from sentence_transformers import SentenceTransformer
from helpers.pipeline import Document, Encoder, VectorTable
encoder = Encoder(SentenceTransformer("all-MiniLM-L6-v2", device="cpu"))
documents = [Document(entry.name, entry.text) for entry in corpus.api_docs()[3::7][:300]]
table = VectorTable.create({str(folder / "killed")!r}, encoder.manifest)
table.update(documents, encoder, batch=20, show_progress_bar=False)
"""
process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
data = folder / "killed" / "vectors.lance" / "data"
while not data.exists() or len(list(data.glob("*.lance"))) < 3:
    time.sleep(0.01)
process.kill()
print("killed:", process.wait() == -signal.SIGKILL)

# %% [markdown]
# What is there, and what does the same update make of it?

# %%
others = [Document(entry.name, entry.text) for entry in corpus.api_docs()[3::7][:300]]
survived = VectorTable.open(folder / "killed")
rows = len(survived)
print("whole batches only:", rows % 20 == 0, "· in the middle:", 0 < rows < 300)
counts = survived.update(others, encoder, batch=20, show_progress_bar=False)
print("embedded only the rest:", counts.embedded == 300 - rows)
undisturbed = VectorTable.create(folder / "undisturbed", encoder.manifest)
undisturbed.update(others, encoder, batch=20, show_progress_bar=False)
print("what differs:", pipeline.same_rows(*survived.rows()[::2], *undisturbed.rows()[::2], tolerance=0))

# %% [markdown]
# Not one bit. The course's tests do it at random moments. (LanceDB leaves it to the system when its files reach the disk; a kill loses
# nothing by that, a power cut may. So `update` asks for it after each commit, and `VectorTable.repair` gives up a commit that was spoiled.)
#
# ## Hand it to many machines
#
# Step three. [Ray](https://docs.ray.io) spreads batches over machines; on each, a model is loaded once. What travels is the *function
# that loads*, because a model of gigabytes shouldn't. `local_cluster` starts two nodes here, with processes and memory of their own; on a real cluster
# the same call runs after `ray.init(address=…)`.
#
# When the first file is written, we kill the second node.

# %%
def load():
    from helpers import hub
    hub.activate()
    from sentence_transformers import SentenceTransformer
    return SentenceTransformer("all-MiniLM-L6-v2", device="cpu")


def kill_the_second_node(cluster, target):
    while not list(target.glob("*.parquet")):
        time.sleep(0.05)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)


source, target = pipeline.write_documents(documents, folder / "source"), folder / "target"
pieces = {"batch_rows": 32, "rows_per_file": 64}
with pipeline.local_cluster(nodes=2) as cluster, contextlib.redirect_stdout(io.StringIO()) as told:
    killer = threading.Thread(target=kill_the_second_node, args=(cluster, target))
    killer.start()
    pipeline.encode_parquet(source, target, load, manifest=encoder.manifest, **pieces)
    killer.join()
print("worker nodes left:", len(cluster.worker_nodes), "· Ray tells of a death:", "dead" in told.getvalue())

# %% [markdown]
# Ray gave the dead node's batches to the one that is left. Is anything lost, or there twice? We compare row by row with step one.

# %%
ids, encoded = pipeline.read_vectors(target)
names = [document.id for document in documents]
print(len(ids), "rows; what differs:", pipeline.same_rows(ids, encoded, names, vectors))

# %% [markdown]
# Nothing, but for digits behind the fifth, because batches differ. Into a table they go as they are:

# %%
fields = {"library": str, "kind": str}
distributed = VectorTable.create(folder / "distributed", encoder.manifest, fields)
print(distributed.take_parquet(target, show_progress_bar=False))
print(distributed.update(documents, encoder, show_progress_bar=False))

# %% [markdown]
# ## Plan a billion
#
# Before the cluster, a sheet of paper. The rate is a measurement: `make benchmark` gives your machine's. 5,000 tokens a second, and the
# prices, are assumptions here: replace them.

# %%
plan = pipeline.Plan(
    documents=1_000_000_000,
    tokens_a_document=120,
    tokens_a_second=5_000,
    price_an_hour=0.10,
    machines=100,
    text_bytes_a_document=600,
    price_a_gib_month=0.023,
)
print(plan)

# %% [markdown]
# More machines make it sooner, not cheaper. Fewer bytes make it cheaper every month:

# %%
for precision in ["float32", "float16", "int8", "binary"]:
    smaller = replace(plan, precision=precision)
    gib, money = smaller.vector_bytes / 2**30, smaller.money_a_month
    print(f"{precision:8} vectors {gib:6,.0f} GiB · all, a month: {money:4,.0f} {plan.currency}")

# %% [markdown]
# The texts stay, and are most of what bits cost. [Lesson 12](12_smaller_embeddings.ipynb) measures what each type costs in quality.

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
# - pgvector on [vectors in PostgreSQL](https://github.com/pgvector/pgvector), for whoever runs a server already (`helpers.pipeline.postgres`)
