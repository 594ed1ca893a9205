"""Clusters of sites that share a look, or nearly share one.

A cluster has a centre: the look of its best-ranked site. Everything within the distance of the
centre belongs to it, and nothing else does, so that a chain of small differences never joins
looks that have nothing in common. A look that lies near two centres belongs to the better-ranked one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samelook.hashing.table import STORED, Signal
from samelook.inspector.listing import Answer, Listing, Row
from samelook.inspector.looks import bodies, rank_of
from samelook.inspector.tables import compared_signal
from samelook.matching import HammingIndex
from samelook.names.hosts import host_of
from samelook.sql.hash_queries import hash_queries
from samelook.sql.named import queries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samelook.inspector.settings import InspectorSettings
    from samelook.sql.pool import Connection

SITES_SHOWN = 12
_COLUMNS = ("sites", "files", "owner", "owner_rank", "others", "sha256")
_MEMBER_COLUMNS = ("cluster", "site", "rank", "distance", "sha256")
_PAGE = 5_000
_QUERIES = 4_096


@dataclass(frozen=True, slots=True)
class _Worn:
    """Every picture that somebody wears now: parallel arrays."""

    sha256s: list[bytes]
    codes: NDArray[np.uint8]
    best: NDArray[np.int64]
    """The best position among a picture's wearers."""
    wearers: list[NDArray[np.int64]]
    """The domains that wear each picture."""


async def overlaps_answer(
    connection: Connection,
    settings: InspectorSettings,
    *,
    signal: str = "pdq",
    distance: int | None = None,
    min_sites: int = 2,
    limit: int = 50,
) -> Answer:
    """The clusters with at least `min_sites` sites, the largest first, with the best-ranked owner.

    Reads all looks, in pages. Injected results count for nothing. Raises BadQuestion.
    """
    table, bits = compared_signal(signal, distance)
    worn = await _everything_worn(connection, table, min(_PAGE, settings.page))
    # In a thread: among a million looks it takes seconds, in which a service answers others.
    sized = await asyncio.to_thread(_largest_first, worn, bits, min_sites)
    rows: list[Row] = []
    member_rows: list[Row] = []
    for number, (domains, members) in enumerate(sized[:limit], start=1):
        nearest: dict[int, tuple[int, int]] = {}
        for member, apart in members:
            for domain in worn.wearers[member].tolist():
                nearest[domain] = min(nearest.get(domain, (apart, member)), (apart, member))
        sites = [row async for row in queries("inspector").sites_of(connection, domain_ids=domains.tolist())]
        owner = sites[0]
        rows.append(
            {
                "sites": len(domains),
                "files": len(members),
                "owner": str(host_of(owner["reversed_name"])),
                "owner_rank": rank_of(owner["position"]),
                "others": [str(host_of(site["reversed_name"])) for site in sites[1 : SITES_SHOWN + 1]],
                "sha256": worn.sha256s[members[0][0]].hex(),
            }
        )
        member_rows += [
            {
                "cluster": number,
                "site": str(host_of(site["reversed_name"])),
                "rank": rank_of(site["position"]),
                "distance": nearest[site["id"]][0],
                "sha256": worn.sha256s[nearest[site["id"]][1]].hex(),
            }
            for site in sites
        ]
    notes = [f"{len(sized)} clusters; the first {limit} are listed (--limit)."] if len(sized) > limit else []
    return Answer(
        facts={"signal": table.name, "within": bits, "clusters": len(sized), "pictures": len(worn.sha256s)},
        listings=(
            Listing("overlaps", _COLUMNS, rows, notes=tuple(notes)),
            Listing("members", _MEMBER_COLUMNS, member_rows),
        ),
        bodies=await bodies(connection, {bytes.fromhex(row["sha256"]) for row in rows}),
    )


async def _everything_worn(connection: Connection, signal: Signal, page: int) -> _Worn:
    query = getattr(hash_queries(STORED), f"worn_{signal.name}")
    sha256s: list[bytes] = []
    hashes: list[bytes] = []
    best: list[int] = []
    wearers: list[NDArray[np.int64]] = []
    after = b""
    while True:
        rows = [row async for row in query(connection, after=after, page=page)]
        for row in rows:
            if row["targets"] is not None:
                sha256s.append(row["sha256"])
                hashes.append(row["hash"])
                best.append(min(row["positions"]))
                wearers.append(np.unique(np.array(row["targets"], np.int64)))
        if len(rows) < page:
            break
        after = rows[-1]["sha256"]
    codes = np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), signal.bits // 8)
    return _Worn(sha256s, codes, np.array(best, np.int64), wearers)


def _largest_first(
    worn: _Worn, bits: int, min_sites: int
) -> list[tuple[NDArray[np.int64], list[tuple[int, int]]]]:
    clusters = [
        (domains, members)
        for domains, members in _by_sites(worn, _clusters(worn, bits))
        if len(domains) >= min_sites
    ]
    return sorted(clusters, key=lambda cluster: (-len(cluster[0]), int(worn.best[cluster[1][0][0]])))


def _by_sites(
    worn: _Worn, clusters: list[list[tuple[int, int]]]
) -> list[tuple[NDArray[np.int64], list[tuple[int, int]]]]:
    """The domains of each cluster with its pictures; clusters of the very same domains are one.

    Sites that share a family of icons share each of its sizes, which need not be near one another.
    """
    joined: dict[bytes, tuple[NDArray[np.int64], list[tuple[int, int]]]] = {}
    for members in clusters:
        domains = np.unique(np.concatenate([worn.wearers[member] for member, _ in members]))
        if domains.tobytes() in joined:
            joined[domains.tobytes()][1].extend(members)
        else:
            joined[domains.tobytes()] = (domains, members)
    return list(joined.values())


def _clusters(worn: _Worn, distance: int) -> list[list[tuple[int, int]]]:
    """Groups of pictures (numbers) with their distances to the group's first, which is its centre."""
    if not worn.sha256s:
        return []
    index = HammingIndex(worn.codes.shape[1] * 8)
    index.add(worn.codes, np.arange(len(worn.sha256s), dtype=np.int64))
    # Of equal positions (one site's several pictures) the smaller SHA-256 goes first: always the same answer.
    order = np.lexsort((np.arange(len(worn.best)), worn.best))
    taken = np.zeros(len(order), bool)
    clusters = []
    for start in range(0, len(order), _QUERIES):
        some = [number for number in order[start : start + _QUERIES].tolist() if not taken[number]]
        if not some:
            continue
        for centre, (ids, apart) in zip(some, index.search_many(worn.codes[some], distance), strict=True):
            if taken[centre]:
                continue
            free = ~taken[ids]
            free &= ids != centre
            members = [(centre, 0), *zip(ids[free].tolist(), apart[free].tolist(), strict=True)]
            taken[ids] = True
            taken[centre] = True
            clusters.append(members)
    return clusters
