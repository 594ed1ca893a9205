"""Who keeps an index, side by side: the same answers, and what searching, writing and removing cost.

    python -m bench.engines [--codes 20000] [--queries 60] [--only own,shards]

All hold the same codes and are asked the same in turns, in one process; shards are two clusters of this
machine, Milvus is Milvus Lite, one process. So the figures are ratios, without a network between machines.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from samelook.matching.backends import place_of
from samelook.matching.backends.shards import ShardsIndex, ShardsPlace
from samelook.matching.interface import Place, RangeIndex
from samelook.matching.settings import LiveSettings, backend_of
from tests.fixtures.clusters import clusters
from tests.fixtures.milvus import milvus

RADIUS = 31
KINDS = ("own", "faiss", "faiss-multihash", "shards", "milvus")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--codes", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--only", default=",".join(KINDS))
    asked = parser.parse_args()
    rng = np.random.default_rng(3)
    # A fifth lies in crowds of near codes, as icons of one maker do.
    codes = rng.integers(0, 256, (asked.codes, 32), dtype=np.uint8)
    crowd = asked.codes // 5
    codes[:crowd] = _flipped(codes[rng.integers(0, 20, crowd)], 12, rng)
    queries = _flipped(codes[rng.integers(0, asked.codes, asked.queries)], RADIUS, rng)
    with ExitStack() as stack:
        places = {kind: _place(kind, stack) for kind in asked.only.split(",")}
        indexes = {kind: place.new() for kind, place in places.items()}
        figures: dict[str, dict[str, Any]] = {kind: {} for kind in places}
        ids = np.arange(asked.codes)
        for kind, index in indexes.items():
            began = time.perf_counter()
            index.add(codes, ids)
            figures[kind]["add us"] = (time.perf_counter() - began) / asked.codes * 1e6
        _search(indexes, queries, codes, ids, figures)
        for kind, index in indexes.items():
            began = time.perf_counter()
            index.remove(ids[::10])
            figures[kind]["remove us"] = (time.perf_counter() - began) / (asked.codes / 10) * 1e6
            figures[kind]["bytes a code"] = _bytes(places[kind], index) / asked.codes
    columns = ("recall", "p50 ms", "p99 ms", "times own", "add us", "remove us", "bytes a code")
    print(f"{asked.codes:,} codes of 256 bits, {asked.queries} queries at radius {RADIUS}")
    print("| engine | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    own = next(iter(figures.values()))["p50 ms"]
    for kind, row in figures.items():
        row["times own"] = row["p50 ms"] / own
        print(f"| {kind} | " + " | ".join(f"{row[name]:,.3g}" for name in columns) + " |")


def _place(kind: str, stack: ExitStack) -> Place:
    name = kind
    if kind == "shards":
        servers = stack.enter_context(clusters())
        name = ",".join(servers.new(one) for one in ("one", "two"))
    elif kind == "milvus":
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        name = f"milvus+{stack.enter_context(milvus(Path(folder)))}"
    place = place_of("bench", 256, LiveSettings(backend_of(name)), None)
    stack.callback(place.close)
    return place


def _search(
    indexes: dict[str, RangeIndex], queries: Any, codes: Any, ids: Any, figures: dict[str, dict[str, Any]]
) -> None:
    times: dict[str, list[float]] = {kind: [] for kind in indexes}
    found = dict.fromkeys(indexes, 0)
    all_there_is = 0
    for query in queries:
        near = set(ids[np.bitwise_count(codes ^ query).sum(axis=1) <= RADIUS].tolist())
        all_there_is += len(near)
        for kind, index in indexes.items():
            began = time.perf_counter()
            answer = index.search(query, RADIUS)
            times[kind].append((time.perf_counter() - began) * 1000)
            found[kind] += len(near & set(answer[0].tolist()))
    for kind, row in figures.items():
        row["recall"] = found[kind] / all_there_is
        row["p50 ms"] = statistics.median(times[kind])
        row["p99 ms"] = statistics.quantiles(times[kind], n=100)[-1]


def _bytes(place: Place, index: RangeIndex) -> float:
    if isinstance(place, ShardsPlace) and isinstance(index, ShardsIndex):
        size = f"SELECT pg_total_relation_size('{index.generation}')"

        async def total() -> int:
            return sum([await pool.fetchval(size) for pool in await place.pools()])

        return float(place.run(total()))
    return float(index.status().bytes)


def _flipped(codes: Any, most: int, rng: Any) -> Any:
    bits = np.unpackbits(codes, axis=1)
    for row in bits:
        row[rng.choice(256, int(rng.integers(0, most + 1)), replace=False)] ^= 1
    return np.packbits(bits, axis=1)


if __name__ == "__main__":
    main()
