"""From a collection of documents to a table of vectors that is kept up to date: ids, hashes, a manifest, and the engines that do the work.

`documents` and `manifest` say what is stored, `encode` holds the one encoding function, `table` keeps vectors in LanceDB, `cluster` runs
the function on many machines with Ray, `postgres` keeps them in PostgreSQL, `plan` calculates on paper. The engines are installed with
requirements-scale.txt; importing this package needs none of them. What the modules offer can be imported from here.
"""

from helpers.pipeline.cluster import encode_parquet, local_cluster, read_vectors, same_rows, write_documents
from helpers.pipeline.documents import Deduplicated, Document, content_hash, deduplicated
from helpers.pipeline.encode import Encoder, Settings
from helpers.pipeline.manifest import Manifest
from helpers.pipeline.plan import Plan
from helpers.pipeline.table import Hit, Update, VectorTable, Version

__all__ = [
    "Deduplicated",
    "Document",
    "Encoder",
    "Hit",
    "Manifest",
    "Plan",
    "Settings",
    "Update",
    "VectorTable",
    "Version",
    "content_hash",
    "deduplicated",
    "encode_parquet",
    "local_cluster",
    "read_vectors",
    "same_rows",
    "write_documents",
]
