"""Who keeps an index: we ourselves, faiss in this process, databases as shards, Milvus.

All are exact and behave alike (`RangeIndex`), so the choice is one of memory, machines and habit;
docs/scaling.md compares them. Approximate graphs (HNSW) are none of them on purpose: they miss neighbours
without a word, and a missed neighbour is a copy let through.
"""

from __future__ import annotations

from samelook.matching.interface import Place
from samelook.matching.places import FilePlace
from samelook.matching.settings import IndexSettings, LiveSettings


def place_of(name: str, bits: int, settings: LiveSettings, index_settings: IndexSettings | None) -> Place:
    """Where the index of a source is kept, by the settings. Raises BackendMissing."""
    backend = settings.backend
    match backend.kind:
        case "own":
            return FilePlace(name, bits, settings.snapshot_folder, index_settings)
        case "shards":
            from .shards import ShardsPlace

            return ShardsPlace(name, bits, backend.where)
        case "milvus":
            from .milvus import MilvusPlace

            return MilvusPlace(name, bits, backend.where[0])
        case _:
            from .faiss import FaissPlace

            return FaissPlace(bits, multihash=backend.kind == "faiss-multihash")
