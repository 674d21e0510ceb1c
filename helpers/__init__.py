"""Helpers of the course on local text embeddings.

The lessons show the library's own API; a helper appears where it would be noise (plots, checks) or where a lesson has
just built it step by step. Importing this package imports no torch: each module is imported by name when it is needed.
"""

__version__ = "0.1.0"
