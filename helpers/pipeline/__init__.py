"""From a collection of documents to a table of vectors that is kept up to date: ids, hashes, a manifest, and the engines that do the work.

`documents` and `manifest` say what is stored, `encode` holds the one encoding function. `table` keeps vectors in LanceDB: `updating` is one
update of it, `arrow` its columns, `disk` its lock and the way to the disk. `cluster` runs the function on many machines with Ray,
from files to files of `parquet`. `postgres` keeps vectors in PostgreSQL, `plan` calculates on paper. The engines are installed with
requirements-beyond.txt; importing this package needs none of them. What the modules offer can be imported from here.
"""

from helpers.pipeline.cluster import encode_parquet, local_cluster
from helpers.pipeline.documents import Deduplicated, Document, content_hash, deduplicated
from helpers.pipeline.encode import Encoder, Settings
from helpers.pipeline.manifest import Manifest
from helpers.pipeline.parquet import read_vectors, same_rows, write_documents
from helpers.pipeline.plan import Plan
from helpers.pipeline.results import Hit, Update, Version
from helpers.pipeline.table import VectorTable

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
