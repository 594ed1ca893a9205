"""Milvus: collections of binary vectors, searched by Hamming distance within a radius, exactly (BIN_FLAT).

Milvus's radius is exclusive, and no answer has more than 16,384 rows. A fuller one is asked for again in
parts, by distance and then by id, so that a crowd is found as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from samelook.matching.backends.generations import Count, Registered, is_forgotten, new_generation
from samelook.matching.backends.libraries import library
from samelook.matching.checking import checked_bits, checked_code, checked_codes, checked_ids, checked_radius
from samelook.matching.errors import BackendUnavailable, SnapshotForeign
from samelook.matching.interface import Code, Codes, Found, Ids, IndexStatus, RangeIndex
from samelook.matching.list_kernels import Array

MOST_ROWS = 16_384
"""Milvus's limit of an answer."""
_PIECE = 2_000
_TIMEOUT_S = 30.0
_REGISTRY = "samelook_indexes"
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_LONGEST_NOTE = 60_000


class MilvusIndex:
    """The pairs of one generation, in a collection of its own."""

    def __init__(self, place: MilvusPlace, generation: str) -> None:
        self.generation = generation
        self._place = place
        self._bits = place.bits
        self._count = Count()

    @property
    def bits(self) -> int:
        """How many bits a code has."""
        return self._bits

    def __len__(self) -> int:
        return self._count.number

    def search(self, code: Code, radius: int) -> Found:
        """Ids and distances of all pairs within `radius` bits, by distance, then id."""
        row = checked_code(code, self._bits).tobytes()
        pairs = dict(self._within(row, 0, checked_radius(radius, self._bits), _LOWEST, _HIGHEST))
        ids = np.array([_id_of(pair) for pair in pairs], np.int64)
        distances = np.array(list(pairs.values()), np.uint16)
        order = np.lexsort((ids, distances))
        return ids[order], distances[order]

    def search_many(self, codes: Codes, radius: int) -> list[Found]:
        """The same for many codes, one after the other."""
        return [self.search(row, radius) for row in checked_codes(codes, self._bits)]

    def _within(
        self, code: bytes, nearest: int, farthest: int, lowest: int, highest: int
    ) -> Iterator[tuple[str, int]]:
        """Pairs at these distances with ids between these, as Milvus's keys."""
        parameters: dict[str, int] = {"radius": farthest + 1}
        if nearest:
            parameters["range_filter"] = nearest
        found = self._place.call(
            "search",
            self.generation,
            data=[code],
            limit=MOST_ROWS,
            filter=_between(lowest, highest),
            search_params={"metric_type": "HAMMING", "params": parameters},
            consistency_level="Strong",
        )[0]
        if len(found) < MOST_ROWS:
            for entry in found:
                yield entry["id"], int(entry["distance"])  # Milvus's word for the key
        elif nearest < farthest:
            middle = (nearest + farthest) // 2
            yield from self._within(code, nearest, middle, lowest, highest)
            yield from self._within(code, middle + 1, farthest, lowest, highest)
        else:
            # A crowd of equal codes: it is parted where the ids of this answer are.
            middle = min(int(np.median([_id_of(entry["id"]) for entry in found])), highest - 1)
            if middle < lowest:
                raise BackendUnavailable(f"Milvus cannot give all of more than {MOST_ROWS} codes of one id.")
            yield from self._within(code, nearest, farthest, lowest, middle)
            yield from self._within(code, nearest, farthest, middle + 1, highest)

    def add(self, codes: Codes, ids: Ids) -> int:
        """Adds pairs; how many were new."""
        rows = checked_codes(codes, self._bits)
        numbers = checked_ids(ids, len(rows))
        added = 0
        for start in range(0, len(rows), _PIECE):
            added += self._add(rows[start : start + _PIECE], numbers[start : start + _PIECE])
        self._count.number += added
        return added

    def _add(self, rows: Array, ids: Array) -> int:
        pairs = {
            f"{number}:{code.hex()}": (number, code)
            for number, code in zip(ids.tolist(), map(bytes, rows), strict=True)
        }
        known = self._place.call(
            "query", self.generation, ids=list(pairs), output_fields=["pair"], consistency_level="Strong"
        )
        for row in known:
            del pairs[row["pair"]]
        if pairs:
            # Not upsert, which takes the old row away first: a search in between would miss it. When another
            # process adds the same pair just now it is there twice; it is found once and removed as one.
            data = [{"pair": pair, "number": number, "code": code} for pair, (number, code) in pairs.items()]
            self._place.call("insert", self.generation, data=data)
        return len(pairs)

    def remove(self, ids: Iterable[int] | Ids) -> int:
        """Removes every pair of the ids; how many there were."""
        numbers = checked_ids(ids if isinstance(ids, np.ndarray) else list(ids)).tolist()
        gone = 0
        for start in range(0, len(numbers), _PIECE):
            some = numbers[start : start + _PIECE]
            spans = [_between(bound, bound) for bound in some if bound == _LOWEST]
            listed = [bound for bound in some if bound != _LOWEST]
            for chosen in [*([f"number in {listed}"] if listed else []), *spans]:
                found = self._place.call(
                    "query",
                    self.generation,
                    filter=chosen,
                    output_fields=["pair"],
                    consistency_level="Strong",
                )
                if found:
                    self._place.call("delete", self.generation, ids=[row["pair"] for row in found])
                gone += len(found)
        self._count.number -= gone
        return gone

    def counted(self) -> MilvusIndex:
        """This index, knowing how many pairs it has."""
        rows = self._place.call(
            "query", self.generation, filter="", output_fields=["count(*)"], consistency_level="Strong"
        )
        self._count.put(int(rows[0]["count(*)"]))
        return self

    def status(self) -> IndexStatus:
        """Sizes as known here; what Milvus takes is its to tell."""
        return IndexStatus(len(self), 0, 0, 0, 0, "milvus", merging=False)


class MilvusPlace:
    """A Milvus, and the registry in a collection of it."""

    in_memory = False
    keeps = True

    def __init__(self, name: str, bits: int, uri: str) -> None:
        self.bits = checked_bits(bits)
        self._pymilvus = library("pymilvus")
        self._name = name
        self._uri = uri
        self._client: Any = None

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """What a method of Milvus's client gives. Raises BackendUnavailable."""
        with self._translated():
            return getattr(self._connected(), method)(*arguments, **named, timeout=_TIMEOUT_S)

    def _connected(self) -> Any:
        if self._client is None:
            self._client = self._pymilvus.MilvusClient(self._uri, timeout=_TIMEOUT_S)
        return self._client

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (self._pymilvus.exceptions.MilvusException, OSError) as error:
            raise BackendUnavailable(f"Milvus cannot be asked: {error}") from error

    def new(self) -> RangeIndex:
        """An empty collection under a new name."""
        types = self._pymilvus.DataType
        generation = new_generation(self._name, self.bits)
        # A key holds an id, a colon and the code: a pair is there once.
        fields = {"pair": (types.VARCHAR, {"is_primary": True, "max_length": 21 + self.bits // 4})}
        self._create(generation, fields | {"number": (types.INT64, {})}, self.bits)
        return MilvusIndex(self, generation)

    def _create(self, name: str, fields: dict[str, tuple[Any, dict[str, Any]]], bits: int) -> None:
        with self._translated():
            client = self._connected()
            schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
            for field, (kind, options) in fields.items():
                schema.add_field(field, kind, **options)
            schema.add_field("code", self._pymilvus.DataType.BINARY_VECTOR, dim=bits)
            index = client.prepare_index_params()
            index.add_index("code", index_type="BIN_FLAT", metric_type="HAMMING")
            client.create_collection(name, schema=schema, index_params=index, consistency_level="Strong")

    def stamp(self) -> object:
        """The generation in force."""
        registered = self._registered()
        return None if registered is None else registered.generation

    def open(self) -> tuple[RangeIndex, dict[str, Any]]:
        """The generation in force, and its note."""
        registered = self._registered()
        if registered is None:
            raise SnapshotForeign("Milvus keeps none yet")
        return MilvusIndex(self, registered.generation).counted(), registered.note

    def save(self, index: RangeIndex, note: dict[str, Any]) -> bool:
        """Puts an index in force, or notes how far the one in force has come."""
        assert isinstance(index, MilvusIndex)
        before = self._registered()
        if before is None and not self.call("has_collection", _REGISTRY):
            types = self._pymilvus.DataType
            text = (types.VARCHAR, {"max_length": _LONGEST_NOTE})
            self._create(
                _REGISTRY, {"name": (types.VARCHAR, {"is_primary": True, "max_length": 200}), "says": text}, 8
            )
        after = (before or Registered(index.generation, None, note)).followed_by(index.generation, note)
        row = {"name": self._key, "says": after.as_text(), "code": b"\0"}
        self.call("upsert", _REGISTRY, data=[row])
        if before is None or before.generation != index.generation:
            self._forget({after.generation, after.former or ""})
        return True

    @property
    def _key(self) -> str:
        return f"{self._name}-{self.bits}"

    def _registered(self) -> Registered | None:
        if not self.call("has_collection", _REGISTRY):
            return None
        rows = self.call(
            "query", _REGISTRY, ids=[self._key], output_fields=["says"], consistency_level="Strong"
        )
        return Registered.from_text(rows[0]["says"]) if rows else None

    def _forget(self, registered: set[str]) -> None:
        beginning = new_generation(self._name, self.bits).rsplit("_", 2)[0] + "_"
        for name in self.call("list_collections"):
            if name.startswith(beginning) and is_forgotten(name, registered):
                self.call("drop_collection", name)

    def close(self) -> None:
        """Ends the connection."""
        if self._client is not None:
            self._client.close()


def _id_of(pair: str) -> int:
    return int(pair.partition(":")[0])


def _between(lowest: int, highest: int) -> str:
    """Ids from `lowest` to `highest`; the lowest of all numbers cannot be written in Milvus's language."""
    above = "" if lowest == _LOWEST else f"number >= {lowest}"
    below = (
        ""
        if highest == _HIGHEST
        else f"number <= {highest}"
        if highest > _LOWEST
        else f"number < {_LOWEST + 1}"
    )
    return " and ".join(condition for condition in (above, below) if condition)
