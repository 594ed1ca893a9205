"""Databases of Postgres as shards: plain tables and B-trees, exact, without any extension.

Pairs go to the shard of their id; a search asks all shards at once. A code is cut into bands of 16 bits, each
with an index of its own. Two codes within 2 * bands - 1 bits (31 of 256) agree in some band but for one bit,
as otherwise each band would differ by two; so 17 values are looked up for each band and all candidates are
measured. Up to bands - 1 bits one value a band will do; beyond 2 * bands - 1 the table is scanned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import asyncpg
import numpy as np

from samelook.errors import reason_of
from samelook.matching.backends.generations import Count, LoopThread, Registered, is_forgotten, new_generation
from samelook.matching.checking import checked_bits, checked_code, checked_codes, checked_ids, checked_radius
from samelook.matching.errors import BackendUnavailable, SnapshotForeign
from samelook.matching.interface import Code, Codes, Found, Ids, IndexStatus, RangeIndex
from samelook.matching.list_kernels import Array
from samelook.sql.away import AWAY
from samelook.sql.urls import without_secrets

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
_BAND_BITS = 16
_CONNECTIONS = 4
_STATEMENT_S = 60.0
_PIECE = 1_000
_REGISTRY = "samelook_indexes"
_LOCK = int.from_bytes(b"sl_index", "big", signed=True)
_FLIPS = np.array([0, *(1 << bit for bit in range(_BAND_BITS))], np.int32)
# Names of tables are of our making (new_generation): nothing else gets into these texts.


def _band(number: int) -> str:
    return f"(substring(code FROM {number * _BAND_BITS + 1} FOR {_BAND_BITS})::int)"


class ShardsIndex:
    """The pairs of one generation, in a table of each shard."""

    def __init__(self, place: ShardsPlace, generation: str) -> None:
        self.generation = generation
        self._place = place
        self._bits = place.bits
        self._bands = place.bits // _BAND_BITS
        self._count = Count()
        near = "bit_count(code # $1) <= $2"
        any_band = " OR ".join(
            f"{_band(number)} = ANY (${number + 3}::int[])" for number in range(self._bands)
        )
        select = f'SELECT id, bit_count(code # $1)::int AS distance FROM "{generation}" WHERE {near}'  # noqa: S608
        self._scan = select
        self._probe = f"{select} AND ({any_band})"

    @property
    def bits(self) -> int:
        """How many bits a code has."""
        return self._bits

    def __len__(self) -> int:
        return self._count.number

    def search(self, code: Code, radius: int) -> Found:
        """Ids and distances of all pairs within `radius` bits, by distance, then id."""
        return self.search_many(checked_code(code, self._bits)[None], radius)[0]

    def search_many(self, codes: Codes, radius: int) -> list[Found]:
        """The same for many codes, a few of them at a time."""
        rows = checked_codes(codes, self._bits)
        radius = checked_radius(radius, self._bits)
        found: list[Found] = self._place.run(self._search_all(rows, radius))
        return found

    async def _search_all(self, rows: Array, radius: int) -> list[Found]:
        questions = [self._question(row, radius) for row in rows]
        pools = await self._place.pools()
        answers = await asyncio.gather(
            *(pool.fetch(sql, *values) for sql, values in questions for pool in pools)
        )
        found = []
        for start in range(0, len(answers), len(pools)):
            parts = [row for answer in answers[start : start + len(pools)] for row in answer]
            ids = np.array([row["id"] for row in parts], np.int64)
            distances = np.array([row["distance"] for row in parts], np.uint16)
            order = np.lexsort((ids, distances))
            found.append((ids[order], distances[order]))
        return found

    def _question(self, code: Array, radius: int) -> tuple[str, list[Any]]:
        values: list[Any] = [_bit_string(code), radius]
        if radius >= 2 * self._bands:
            return self._scan, values
        pieces = code.reshape(-1, 2).astype(np.int32)
        pieces = (pieces[:, 0] << 8) | pieces[:, 1]
        flips = _FLIPS if radius >= self._bands else _FLIPS[:1]
        return self._probe, [*values, *(pieces[:, None] ^ flips).tolist()]

    def add(self, codes: Codes, ids: Ids) -> int:
        """Adds pairs, each to the shard of its id; how many were new."""
        rows = checked_codes(codes, self._bits)
        numbers = checked_ids(ids, len(rows))
        added: int = self._place.run(self._add(rows, numbers))
        self._count.number += added
        return added

    async def _add(self, rows: Array, ids: Array) -> int:
        insert = (
            f'INSERT INTO "{self.generation}" (id, code) '  # noqa: S608
            "SELECT * FROM unnest($1::bigint[], $2::varbit[]) ON CONFLICT DO NOTHING"
        )
        return await self._each_shard(insert, ids, rows)

    def remove(self, ids: Iterable[int] | Ids) -> int:
        """Removes every pair of the ids; how many there were."""
        numbers = checked_ids(ids if isinstance(ids, np.ndarray) else list(ids))
        delete = f'DELETE FROM "{self.generation}" WHERE id = ANY ($1::bigint[])'  # noqa: S608
        gone: int = self._place.run(self._each_shard(delete, numbers, None))
        self._count.number -= gone
        return gone

    async def _each_shard(self, sql: str, ids: Array, rows: Array | None) -> int:
        pools = await self._place.pools()

        async def change(number: int, pool: _Pool) -> int:
            mine = np.flatnonzero(ids % len(pools) == number)
            changed = 0
            for start in range(0, len(mine), _PIECE):
                some = mine[start : start + _PIECE]
                values: list[Any] = [ids[some].tolist()]
                if rows is not None:
                    values.append([_bit_string(row) for row in rows[some]])
                tag = await pool.execute(sql, *values)
                changed += int(tag.rpartition(" ")[2])
            return changed

        changed = sum(await asyncio.gather(*(change(number, pool) for number, pool in enumerate(pools))))
        if self._count.is_old():
            self._count.put(await self.count() - (changed if rows is not None else -changed))
        return changed

    async def count(self) -> int:
        """How many pairs all shards hold. Reads the keys of all."""
        asked = f'SELECT count(*) FROM "{self.generation}"'  # noqa: S608
        pools = await self._place.pools()
        return sum(await asyncio.gather(*(pool.fetchval(asked) for pool in pools)))

    async def counted(self) -> ShardsIndex:
        """This index, knowing how many pairs it has."""
        self._count.put(await self.count())
        return self

    def status(self) -> IndexStatus:
        """Sizes as known here; what the shards take is theirs to tell."""
        return IndexStatus(len(self), 0, 0, 0, 0, "postgres shards", merging=False)


class ShardsPlace:
    """The databases, and the registry in the first of them."""

    in_memory = False
    keeps = True

    def __init__(self, name: str, bits: int, urls: Sequence[str]) -> None:
        self.bits = checked_bits(bits)
        self._name = name
        self._urls = urls
        self._pools: list[_Pool] = []
        self._opening = asyncio.Lock()
        self._thread = LoopThread()

    def run(self, work: Any) -> Any:
        """The result of work of the shards' client. Raises BackendUnavailable."""
        with _translated(self._urls):
            return self._thread.run(work)

    async def pools(self) -> list[_Pool]:
        """Connections to each shard, in order."""
        async with self._opening:
            while len(self._pools) < len(self._urls):
                pool = await asyncpg.create_pool(
                    self._urls[len(self._pools)],
                    min_size=1,
                    max_size=_CONNECTIONS,
                    command_timeout=_STATEMENT_S,
                    # Statistics of a table that has just been filled would speak for scanning it.
                    server_settings={
                        "application_name": "samelook index",
                        "enable_seqscan": "off",
                        "jit": "off",
                    },
                )
                self._pools.append(pool)
        return self._pools

    def new(self) -> RangeIndex:
        """Empty tables under a new name."""
        index: RangeIndex = self.run(self._new())
        return index

    async def _new(self) -> ShardsIndex:
        generation = new_generation(self._name, self.bits)
        bands = [
            f'CREATE INDEX ON "{generation}" ({_band(number)})' for number in range(self.bits // _BAND_BITS)
        ]
        table = (
            f'CREATE TABLE "{generation}" '
            f"(id bigint NOT NULL, code bit({self.bits}) NOT NULL, PRIMARY KEY (id, code))"
        )
        for number, pool in enumerate(await self.pools()):
            mark = f"COMMENT ON TABLE \"{generation}\" IS '{self._mark(number)}'"
            await pool.execute(";".join([table, mark, *bands]))
        return ShardsIndex(self, generation)

    def _mark(self, number: int) -> str:
        """What a table says of itself: pairs lie where their id and the number of shards say."""
        return f"shard {number + 1} of {len(self._urls)}"

    def stamp(self) -> object:
        """The generation in force."""
        registered = self.run(self._registered())
        return None if registered is None else registered.generation

    def open(self) -> tuple[RangeIndex, dict[str, Any]]:
        """The generation in force, and its note."""
        registered = self.run(self._registered())
        if registered is None:
            raise SnapshotForeign("the shards keep none yet")
        return self.run(self._opened(registered.generation)), registered.note

    async def _opened(self, generation: str) -> ShardsIndex:
        """The index, once each shard has shown that it was filled in this place of a list of this length."""
        for number, pool in enumerate(await self.pools()):
            says = await pool.fetchval("SELECT obj_description(to_regclass($1), 'pg_class')", generation)
            if says != self._mark(number):
                raise SnapshotForeign(
                    f"the index was kept by another list of shards: what is wanted is {self._mark(number)}, "
                    f"and that database has {says or 'nothing of it'}"
                )
        return await ShardsIndex(self, generation).counted()

    def save(self, index: RangeIndex, note: dict[str, Any]) -> bool:
        """Puts an index in force, or notes how far the one in force has come."""
        assert isinstance(index, ShardsIndex)
        self.run(self._register(index.generation, note))
        return True

    @property
    def _key(self) -> str:
        return f"{self._name}-{self.bits}"

    async def _registered(self) -> Registered | None:
        pool = (await self.pools())[0]
        if not await pool.fetchval("SELECT to_regclass($1) IS NOT NULL", _REGISTRY):
            return None
        text = await pool.fetchval(f"SELECT says FROM {_REGISTRY} WHERE name = $1", self._key)  # noqa: S608
        return None if text is None else Registered.from_text(text)

    async def _register(self, generation: str, note: dict[str, Any]) -> None:
        pools = await self.pools()
        async with pools[0].acquire() as connection, connection.transaction():
            # One at a time, so that whoever comes second names the first one's generation as the former.
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute(
                f"CREATE TABLE IF NOT EXISTS {_REGISTRY} (name text PRIMARY KEY, says text NOT NULL)"
            )
            before = await self._registered()
            after = (before or Registered(generation, None, note)).followed_by(generation, note)
            await connection.execute(
                f"INSERT INTO {_REGISTRY} VALUES ($1, $2) "  # noqa: S608
                "ON CONFLICT (name) DO UPDATE SET says = EXCLUDED.says",
                self._key,
                after.as_text(),
            )
        if before is None or before.generation != generation:
            await self._forget({after.generation, after.former or ""})

    async def _forget(self, registered: set[str]) -> None:
        pattern = new_generation(self._name, self.bits).rsplit("_", 2)[0].replace("_", "\\_") + "\\_%"
        for pool in await self.pools():
            rows = await pool.fetch(
                "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname LIKE $1", pattern
            )
            for row in rows:
                if is_forgotten(row["relname"], registered):
                    await pool.execute(f'DROP TABLE IF EXISTS "{row["relname"]}"')

    def close(self) -> None:
        """Ends the connections."""

        async def end() -> None:
            for pool in self._pools:
                pool.terminate()

        self._thread.close(end())


def _bit_string(code: Array) -> asyncpg.BitString:
    return asyncpg.BitString.frombytes(code.tobytes())


@contextmanager
def _translated(urls: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except AWAY as error:
        where = ", ".join(without_secrets(url) for url in urls)
        raise BackendUnavailable(f"The shards ({where}) cannot be asked: {reason_of(error)}") from error
