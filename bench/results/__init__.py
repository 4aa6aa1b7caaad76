"""Results on disk: records as lines of JSON, and the store that appends and loads them."""

from bench.results.records import SCHEMA, CellKey, Failure, Record, Row, RunRecord, Setup
from bench.results.store import COMMITTED, Contents, Store, stores_of

__all__ = [
    "COMMITTED", "SCHEMA", "CellKey", "Contents", "Failure", "Record", "Row", "RunRecord", "Setup", "Store",
    "stores_of",
]  # fmt: skip
