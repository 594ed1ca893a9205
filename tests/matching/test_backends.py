"""Whoever keeps an index: the same behaviour, and the same answers as looking at every code gives."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import numpy as np
import pytest

from samelook.banks.contents import ContentStore
from samelook.banks.details import Details
from samelook.banks.live import live_banks
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.banks.store import BankStore
from samelook.matching import BadQuery
from samelook.matching.backends import generations, place_of
from samelook.matching.backends.libraries import check_installed
from samelook.matching.backends.milvus import MOST_ROWS
from samelook.matching.errors import BackendMissing, BackendUnavailable, SnapshotForeign
from samelook.matching.interface import Place, RangeIndex
from samelook.matching.live import live_index
from samelook.matching.settings import LiveSettings, backend_of
from samelook.sql.pool import Pool
from tests.fixtures.clusters import clusters
from tests.fixtures.milvus import milvus
from tests.fixtures.waiting import until
from tests.matching.signals import Signals, value

Brute = Callable[[Any, Any, Any, int], list[tuple[int, int]]]
BACKENDS = ["own", "faiss", "faiss-multihash", "shards", "milvus"]
PDQ = SIGNAL_TYPES["pdq"]


@pytest.fixture(scope="module", params=BACKENDS)
def settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveSettings]:
    """A backend that runs, as the settings name it."""
    folder = tmp_path_factory.mktemp("backend")
    match request.param:
        case "shards":
            with clusters() as servers:
                urls = ",".join(servers.new(name) for name in ("one", "two"))
                yield LiveSettings(backend_of(urls), poll_s=0.05)
        case "milvus":
            with milvus(folder) as uri:
                yield LiveSettings(backend_of(f"milvus+{uri}"), poll_s=0.05)
        case name:
            yield LiveSettings(backend_of(name), snapshot_folder=folder, poll_s=0.05)


@pytest.fixture
def new_place(settings: LiveSettings) -> Iterator[Callable[[int], Place]]:
    places: list[Place] = []

    def make(bits: int) -> Place:
        places.append(place_of(secrets.token_hex(4), bits, settings, None))
        return places[-1]

    yield make
    for place in places:
        place.close()


def found(index: RangeIndex, code: Any, radius: int) -> list[tuple[int, int]]:
    ids, distances = index.search(code, radius)
    assert (str(ids.dtype), str(distances.dtype)) == ("int64", "uint16")
    return list(zip(distances.tolist(), ids.tolist(), strict=True))


@pytest.mark.parametrize("bits", [64, 256])
def test_it_finds_what_brute_force_finds(bits: int, brute: Brute, new_place: Callable[[int], Place]) -> None:
    rng = np.random.default_rng(5)
    random = rng.integers(0, 256, (200, bits // 8), dtype=np.uint8)
    near = np.packbits(np.unpackbits(random[:1]) ^ (rng.random((300, bits)) < 0.15), axis=1)
    codes = np.concatenate([near, random, np.zeros((30, bits // 8), np.uint8)])
    ids = np.random.default_rng(1).permutation(len(codes)).astype(np.int64) - 50
    index = new_place(bits).new()
    assert index.add(codes, ids) == len(codes)
    assert len(index) == len(codes)
    index.remove(ids[::5])
    codes, ids = np.delete(codes, slice(None, None, 5), axis=0), np.delete(ids, slice(None, None, 5))
    bands = bits // 16
    # Where the ways to search change, and a scan.
    for radius in (0, bands - 1, bands, 2 * bands - 1, 2 * bands, bits // 3, bits):
        for query in (codes[7], codes[11] ^ np.uint8(1), codes[-1]):
            assert found(index, query, radius) == brute(codes, ids, query, radius)
    many = index.search_many(codes[:3], 2 * bands - 1)
    assert [one[0].tolist() for one in many] == [
        index.search(code, 2 * bands - 1)[0].tolist() for code in codes[:3]
    ]


def test_pairs_are_a_set_whatever_the_ids(new_place: Callable[[int], Place]) -> None:
    index = new_place(64).new()
    lowest, highest = -(2**63), 2**63 - 1
    code, other = bytes(8), bytes(7) + b"\x01"
    rows = np.frombuffer(code + code + other + code + code, np.uint8).reshape(-1, 8)
    ids = np.array([1, lowest, 1, 1, highest])
    assert index.add(rows, ids) == 4  # (code, 1) came twice
    assert index.add(rows, ids) == 0
    assert found(index, code, 1) == [(0, lowest), (0, 1), (0, highest), (1, 1)]
    assert index.remove([1, 77]) == 2
    assert index.remove([lowest]) == 1
    assert index.remove([]) == 0
    assert found(index, code, 64) == [(0, highest)]
    assert index.add(rows[:1], np.array([1])) == 1
    assert found(index, code, 0) == [(0, 1), (0, highest)]
    assert len(index) == index.status().items == 2
    with pytest.raises(BadQuery):
        index.search(bytes(7), 3)
    with pytest.raises(BadQuery):
        index.search(code, 65)


def test_a_crowd_is_found_as_a_whole(new_place: Callable[[int], Place]) -> None:
    """More pairs of one code than an answer of Milvus has rows."""
    index = new_place(64).new()
    count = MOST_ROWS + 600
    index.add(np.zeros((count, 8), np.uint8), np.arange(count))
    index.add(np.full((1, 8), 1, np.uint8), np.array([-1]))
    ids, distances = index.search(bytes(8), 8)
    assert ids.tolist() == [*range(count), -1]
    assert distances[-1] == 8


def test_what_is_saved_is_opened_with_its_note(new_place: Callable[[int], Place]) -> None:
    place = new_place(64)
    first = place.new()
    first.add(np.zeros((2, 8), np.uint8), np.array([1, 2]))
    if not place.keeps:
        assert not place.save(first, {})
        return
    assert place.stamp() is None
    with pytest.raises((SnapshotForeign, OSError)):
        place.open()
    assert place.save(first, {"at": 1})
    stamp = place.stamp()
    assert stamp is not None
    opened, note = place.open()
    assert (found(opened, bytes(8), 0), note, len(opened)) == ([(0, 1), (0, 2)], {"at": 1}, 2)
    second = place.new()
    second.add(np.zeros((1, 8), np.uint8), np.array([3]))
    assert found(place.open()[0], bytes(8), 0) == [(0, 1), (0, 2)]  # not saved yet
    assert place.save(second, {"at": 2})
    assert place.stamp() != stamp
    assert found(place.open()[0], bytes(8), 0) == [(0, 3)]
    if not place.in_memory:
        # Who still asks the former one is answered.
        assert found(opened, bytes(8), 0) == [(0, 1), (0, 2)]


async def test_it_follows_a_source_and_goes_on_after_a_restart(settings: LiveSettings) -> None:
    signals = Signals()
    signals.named = secrets.token_hex(4)
    one, two = signals.add(1, 2)

    async def finds(live: Any, number: int) -> list[int]:
        ids, _ = await live.find(value(number), 0)
        return list(ids.tolist())

    async with live_index(signals, settings) as here, live_index(signals, settings) as elsewhere:
        assert await finds(here, 1) == [one]
        (three,) = signals.add(3)
        await here.refresh()
        assert await finds(here, 3) == [three]
        signals.remove(two)
        await here.refresh()
        assert await finds(here, 2) == []

        async def follows() -> bool:
            return await finds(elsewhere, 2) == [] and await finds(elsewhere, 3) == [three]

        await until(follows)
        await here.save()
    (four,) = signals.add(4)
    signals.remove(one)
    async with live_index(signals, settings) as live:
        kept = "faiss" not in settings.backend.kind
        assert (live.status().started_from == "snapshot") is kept
        assert [await finds(live, number) for number in (1, 2, 3, 4)] == [[], [], [three], [four]]


async def test_lookups_of_banks_are_answered_by_it(pool: Pool, settings: LiveSettings) -> None:
    store = BankStore(pool)
    contents = ContentStore(store)
    await store.create("A")
    await store.create("B")
    async with live_banks(pool, settings) as live:
        code = secrets.token_bytes(32)
        near = bytes([code[0] ^ 0xFF, code[1] ^ 0xFF, *code[2:]])
        first = await contents.add("A", {PDQ: code}, Details())
        second = await contents.add("B", {PDQ: near}, Details())
        await live.refresh("pdq")
        assert [(one.content_id, one.bank.name, one.distance) for one in await live.find(PDQ, code)] == [
            (first, "A", 0),
            (second, "B", 16),
        ]
        assert [one.bank.name for one in await live.find(PDQ, code, 15)] == ["A"]
        await store.delete("B")
        await live.refresh()
        assert [one.bank.name for one in await live.find(PDQ, code)] == ["A"]
        assert await contents.remove("A", first) == 1
        await live.refresh()
        assert await live.find(PDQ, code) == []


def test_a_service_that_is_away_is_told_apart_from_a_wrong_question() -> None:
    place = place_of("pdq", 256, LiveSettings(backend_of("postgresql://nobody@127.0.0.1:9/none")), None)
    with pytest.raises(BackendUnavailable, match=r"cannot be asked: Connection refused$"):
        place.stamp()
    place.close()


@pytest.fixture(scope="module")
def four_databases() -> Iterator[list[str]]:
    with clusters() as servers:
        server = servers.new("four")

        async def make() -> list[str]:
            connection = await asyncpg.connect(server)
            for name in "abcd":
                await connection.execute(f"CREATE DATABASE {name}")
            await connection.close()
            return [server.replace("/postgres?", f"/{name}?") for name in "abcd"]

        yield asyncio.run(make())


@pytest.mark.parametrize("changed", ["ab", "acb", "bac", "abcd", "abd", "a"])
async def test_a_changed_list_of_shards_is_filled_anew_and_misses_nothing(
    changed: str, four_databases: list[str]
) -> None:
    signals = Signals()
    signals.named = secrets.token_hex(4)
    ids = signals.add(*range(20))

    async def started_from(letters: str, spelling: str = "") -> str:
        urls = ",".join(four_databases["abcd".index(letter)] + spelling for letter in letters)
        async with live_index(signals, LiveSettings(backend_of(urls))) as live:
            found = [(await live.find(value(number), 0))[0].tolist() for number in range(20)]
            assert found == [[signal_id] for signal_id in ids]
            return live.status().started_from

    await started_from("abc")
    assert await started_from("abc", "&sslmode=disable") == "snapshot"
    assert "another list of shards" in (why := await started_from(changed)) or "keep none yet" in why
    await started_from("abc")


def test_old_generations_that_nobody_registered_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    with clusters() as servers:
        place = place_of("pdq", 64, LiveSettings(backend_of(servers.new("one"))), None)
        monkeypatch.setattr(generations, "_OLD_S", -10)
        never = place.new()
        saved = []
        for _ in range(3):
            saved.append(place.new())
            assert place.save(saved[-1], {})
        first, *kept = saved
        for index in kept:
            assert found(index, bytes(8), 0) == []
        for index in (never, first):
            with pytest.raises(BackendUnavailable, match="does not exist"):
                index.search(bytes(8), 0)
        place.close()


@pytest.mark.parametrize(("text", "module"), [("faiss", "faiss"), ("milvus+http://127.0.0.1:9", "pymilvus")])
def test_a_library_that_is_not_installed_is_told_before_anything_is_served(
    text: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_installed(backend_of(text))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BackendMissing, match=r"with the extra (faiss|milvus)"):
        check_installed(backend_of(text))


@pytest.mark.parametrize("text", ["nonsense", "own faiss", "postgresql://a,faiss", "milvus+a milvus+b"])
def test_a_backend_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        backend_of(text)
