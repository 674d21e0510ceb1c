# %% [markdown]
# # Cheat sheet: what you'll look up again and again
#
# sentence-transformers 6.2, with all-MiniLM-L6-v2. Each snippet stands alone: paste it into an empty file, and it runs. The numbers
# lead to the lessons. *Was* gives an older form of a call.

# %% [markdown]
# This cell is the course's own: it makes the model load without a network. Your program needs no such line.

# %% tags=["setup"]
from helpers import hub
hub.activate()

# %% [markdown]
# ### Load ([02](02_loading_models.ipynb))
# On the best device there is, unless `device=…` names one. *Was* `get_sentence_embedding_dimension()`.

# %%
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("all-MiniLM-L6-v2")  # or the path of a folder
print(model.get_embedding_dimension(), "numbers,", model.max_seq_length, "tokens")

# %% [markdown]
# ### Load offline, in half the bytes ([02](02_loading_models.ipynb))
# *Was* `{"torch_dtype": …}`.

# %%
from sentence_transformers import SentenceTransformer
name, half = "all-MiniLM-L6-v2", {"dtype": "bfloat16"}
model = SentenceTransformer(name, local_files_only=True, model_kwargs=half)
print(model.dtype)

# %% [markdown]
# ### Encode ([03](03_encoding_text.ipynb))
# *Was* `encode(sentences=…)`, `encode_multi_process(texts, pool)`.

# %%
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("all-MiniLM-L6-v2")
vectors = model.encode(["A text", "Another text"], batch_size=32)
print(vectors.shape, vectors.dtype)

# %% [markdown]
# ### Encode into a tensor on the model's device ([03](03_encoding_text.ipynb))

# %%
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("all-MiniLM-L6-v2")
tensor = model.encode(["A text", "Another text"], convert_to_tensor=True)
print(tuple(tensor.shape), tensor.device == model.device)

# %% [markdown]
# ### Keep out what is no text ([03](03_encoding_text.ipynb))

# %%
from sentence_transformers import SentenceTransformer
model, entries = SentenceTransformer("all-MiniLM-L6-v2"), ["Hi", None, "", "Ho"]
rows = [i for i, x in enumerate(entries) if isinstance(x, str) and x.strip()]
print(rows, model.encode([entries[i] for i in rows]).shape)

# %% [markdown]
# ### Compare ([04](04_similarity.ipynb))

# %%
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("all-MiniLM-L6-v2")
vectors = model.encode(["It rains.", "Rain is falling.", "I write code."])
print(model.similarity(vectors, vectors).numpy().round(2))

# %% [markdown]
# ### Find duplicates ([04](04_similarity.ipynb))

# %%
from sentence_transformers import SentenceTransformer, util
model = SentenceTransformer("all-MiniLM-L6-v2")
texts = ["No invoice came.", "I cannot log in.", "My invoice never came."]
print([texts[i] for i in util.paraphrase_mining(model, texts)[0][1:]])

# %% [markdown]
# ### Cut a long text into chunks ([03](03_encoding_text.ipynb))
# What exceeds the limit is dropped in silence.

# %%
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("all-MiniLM-L6-v2")
text, size, overlap = "A long text. " * 100, 200, 40
how = {"return_offsets_mapping": True, "verbose": False}
spans = model.tokenizer(text, **how)["offset_mapping"][1:-1]  # not [CLS], [SEP]
starts = range(0, max(1, len(spans) - overlap), size - overlap)
parts = [spans[start : start + size] for start in starts]
chunks = [text[part[0][0] : part[-1][1]] for part in parts]
print(len(spans), "tokens in", len(chunks), "chunks")

# %% [markdown]
# ### Search ([05](05_semantic_search.ipynb))

# %%
from sentence_transformers import SentenceTransformer, util
model, texts = SentenceTransformer("all-MiniLM-L6-v2"), ["Hours", "Refunds"]
documents = model.encode_document(texts)
query = model.encode_query("I want my money back")
for hit in util.semantic_search(query, documents, top_k=1)[0]:
    print(f"{hit['score']:.2f}  {texts[hit['corpus_id']]}")

# %% [markdown]
# ### Measure a search ([05](05_semantic_search.ipynb))
# *Was* `sentence_transformers.evaluation`.

# %%
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
queries, labels = {"q": "delete a document"}, {"q": {"remove"}}
corpus = {"sort": "Sort a list.", "remove": "Remove a file."}
evaluate = InformationRetrievalEvaluator(queries, corpus, labels, mrr_at_k=[3])
print(evaluate(SentenceTransformer("all-MiniLM-L6-v2"))["cosine_mrr@3"])

# %% [markdown]
# ### Index with FAISS ([05](05_semantic_search.ipynb))

# %%
import faiss
import numpy
vectors = numpy.random.default_rng(0).random((1000, 384), "float32")  # yours
faiss.normalize_L2(vectors)
index = faiss.IndexFlatIP(384)  # exact; IndexHNSWFlat is approximate
index.add(vectors)
print(index.search(vectors[:2], 1)[1].tolist())

# %% [markdown]
# ### Give prompts to a model that wants them ([06](06_prompts.ipynb))
# The names are `query` and `document`.

# %%
from sentence_transformers import SentenceTransformer
prompts = {"query": "query: ", "document": "passage: "}  # those of E5
model = SentenceTransformer("all-MiniLM-L6-v2", prompts=prompts)
print(f"{model.encode_query('sort') @ model.encode('query: sort'):.2f}")

# %% [markdown]
# ### Build a model from modules ([07](07_custom_pooling.ipynb))
# *Was* `Pooling(384, pooling_mode_cls_token=True)`, from `sentence_transformers.models`.

# %%
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
encoder = Transformer("sentence-transformers/all-MiniLM-L6-v2")
modules = [encoder, Pooling(384, "mean"), Normalize()]
print(SentenceTransformer(modules=modules).encode("A text").shape)

# %% [markdown]
# ### Save, and load again ([08](08_saving_and_exporting.ipynb))
# To the Hub: `push_to_hub(…, private=True)`; *was* `save_to_hub`.

# %%
import tempfile
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("all-MiniLM-L6-v2")
with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    again = SentenceTransformer(folder)
print((again.encode("A text") == model.encode("A text")).all())

# %% [markdown]
# ### Export to ONNX, and run ([08](08_saving_and_exporting.ipynb))
# Token vectors come out; pool and normalize them. To keep it: `program.save("model.onnx")`; OpenVINO reads that file.

# %%
import logging
import warnings
import onnxruntime
import torch
from sentence_transformers import SentenceTransformer
logging.getLogger("torch.onnx").setLevel("ERROR")
model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
names, axes = ["input_ids", "attention_mask"], {0: "batch", 1: "length"}
inputs = tuple(model.preprocess(["One", "Two or three"])[x] for x in names)
options = {"input_names": names, "dynamic_shapes": (axes, axes)}
with warnings.catch_warnings(action="ignore"):
    program = torch.onnx.export(model[0].model, inputs, verbose=False, **options)
session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
print(session.run(None, dict(zip(names, [x.numpy() for x in inputs])))[0].shape)

# %% [markdown]
# ### Keep fewer dimensions ([12](12_smaller_embeddings.ipynb))
# *Was* `truncate_sentence_embeddings(128)`.

# %%
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("all-MiniLM-L6-v2")
with model.truncate_embeddings(128):
    print(model.encode("A text", normalize_embeddings=True).shape)

# %% [markdown]
# ### Keep fewer bits ([12](12_smaller_embeddings.ipynb))
# *Was* `sentence_transformers.quantization`.

# %%
from sentence_transformers import SentenceTransformer
from sentence_transformers.util.quantization import quantize_embeddings
vectors = SentenceTransformer("all-MiniLM-L6-v2").encode(["A text", "Another"])
codes = (vectors * 127 / abs(vectors).max()).round().astype("int8")
bits = quantize_embeddings(vectors, "ubinary")
print("bytes:", vectors[0].nbytes, codes[0].nbytes, bits[0].nbytes)

# %% [markdown]
# ### Search by bits, and rescore ([12](12_smaller_embeddings.ipynb))

# %%
import numpy
vectors = numpy.random.default_rng(0).normal(size=(1000, 384))  # yours
query, bits = vectors[7], numpy.packbits(vectors > 0, axis=1)
differ = bits ^ numpy.packbits(query > 0)
near = numpy.bitwise_count(differ).sum(axis=1, dtype=int).argsort()[:50]
print(near[(-vectors[near] @ query).argsort()[:1]])

# %% [markdown]
# ## Names that changed: a summary
#
# In the last rows, `…` is `sentence_transformers`.
#
# | was | is |
# |---|---|
# | `get_sentence_embedding_dimension()` | `get_embedding_dimension()` |
# | `encode(sentences=…)` | `encode(inputs=…)`, or by position |
# | `encode_multi_process(texts, pool)` | `encode(texts, pool=pool)` |
# | `truncate_sentence_embeddings(d)` | `truncate_embeddings(d)` |
# | `model.tokenize(texts)` | `model.preprocess(texts)` |
# | `tokenizer_kwargs=…` | `processor_kwargs=…` |
# | `save_to_hub(…)` | `push_to_hub(…)` |
# | `use_auth_token=…` | `token=…` |
# | `Pooling(word_embedding_dimension=…)` | `Pooling(embedding_dimension=…)` |
# | `pooling_mode_cls_token=True` | `pooling_mode="cls"` |
# | `….models` | `….sentence_transformer.modules` |
# | `….losses` | `….sentence_transformer.losses` |
# | `….evaluation` | `….sentence_transformer.evaluation` |
# | `….quantization` | `….util.quantization` |
