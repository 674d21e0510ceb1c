"""From texts to vectors: what a model reads of a text, what the vectors weigh, and how to encode more than memory holds.

`texts` counts, cuts and weighs; `large_corpus` encodes any number of texts into a file, with `store` and `identity` behind it;
`out_of_memory` goes on with smaller batches, `token_budget` makes batches by tokens. What they offer can be imported from here.
"""

from helpers.encoding.large_corpus import encode_large_corpus
from helpers.encoding.out_of_memory import safe_encode
from helpers.encoding.texts import BITS, NO_LIMIT, Truncation, chunk, embedding_bytes, gib, model_bytes, truncation_report
from helpers.encoding.token_budget import encode_by_token_budget, token_batches

__all__ = [
    "BITS",
    "NO_LIMIT",
    "Truncation",
    "chunk",
    "embedding_bytes",
    "encode_by_token_budget",
    "encode_large_corpus",
    "gib",
    "model_bytes",
    "safe_encode",
    "token_batches",
    "truncation_report",
]
