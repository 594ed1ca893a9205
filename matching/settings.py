"""What can be chosen about indexes, and about how live ones follow their source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from samelook.variables import variable, words

BackendKind: TypeAlias = Literal["own", "faiss", "faiss-multihash", "shards", "milvus"]
_IN_PROCESS: tuple[BackendKind, ...] = ("own", "faiss", "faiss-multihash")


@dataclass(frozen=True, slots=True)
class Backend:
    """Who keeps the indexes that lookups ask."""

    kind: BackendKind = "own"
    where: tuple[str, ...] = ()
    """URLs, which may hold passwords: of each shard, or of Milvus."""

    def __str__(self) -> str:
        return self.kind


def backend_of(text: str) -> Backend:
    """The backend that a variable names. Raises ValueError."""
    addresses = words(text)
    if all(address.startswith(("postgresql://", "postgres://")) for address in addresses):
        return Backend("shards", addresses)
    if len(addresses) == 1 and addresses[0].startswith("milvus+"):
        return Backend("milvus", (addresses[0].removeprefix("milvus+"),))
    for kind in _IN_PROCESS:
        if addresses == (kind,):
            return Backend(kind)
    raise ValueError(
        f"write {', '.join(_IN_PROCESS)}, postgresql:// URLs of shards with commas between them, or "
        "milvus+http://host:19530"
    )


@dataclass(frozen=True, slots=True)
class IndexSettings:
    tail_codes: int = 4096
    """Items in the tail that start a merge (about 5 µs of scan a query); one for 1024 codes in the body if
    that is more, as a merge costs in proportion to them."""
    most_tail_codes: int = 65536
    """Items in the tail that make the writer wait for the merge."""
    purge_share: float = 0.1
    """Share of dead codes in the body that starts a purge."""
    background: bool = True
    """Merge in a thread. Off: in the call of `add` that filled the tail."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    backend: Backend = variable(
        "SAMELOOK_INDEX",
        Backend(),
        "Who keeps the indexes of banks that lookups ask: `own` (in memory), `faiss` or `faiss-multihash` (in memory, with the extra faiss), databases of your own as shards (postgresql://…,postgresql://…), or milvus+http://host:19530 (with the extra milvus). All find the same.",
        backend_of,
        secret=True,
    )
    snapshot_folder: Path | None = None
    """Where snapshots are kept, for all workers of this machine. None: none are kept."""
    poll_s: float = 1.0
    """Changes are looked for this often even without a notification."""
    snapshot_interval_s: float = 300.0
    """At most one snapshot in this time."""
    snapshot_share: float = 0.01
    """Changes since the last snapshot, as a share of the items, that make another one worth while."""
    shared_from: int = 50_000
    """Items that make it worth while to go on with a new snapshot, as its memory is shared by all workers."""
    most_backlog: int = 1_000_000
    """More changes than this are not replayed: all signals are loaded anew."""
    page: int = 50_000
    """Signals loaded at a time."""
