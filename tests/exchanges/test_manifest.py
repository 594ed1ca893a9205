"""The signal types that tx and HMA load."""

from __future__ import annotations

import io
import pickle
import random
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from threatexchange.content_type.photo import PhotoContent
from threatexchange.content_type.video import VideoContent
from threatexchange.extensions.manifest import ThreatExchangeExtensionManifest
from threatexchange.interface_validation import SignalTypeMapping
from threatexchange.signal_type.md5 import VideoMD5Signal
from threatexchange.signal_type.pdq.signal import PdqSignal

from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.exchanges import tx
from samelook.exchanges.tx.index import BankIndex
from samelook.exchanges.tx.signals import BankSignal, PictureSignal
from samelook.hashing.signals import hash_bytes
from samelook.hashing.table import OPTIONAL_NAMES, favicon_mmh3

ALL = tx.SIGNAL_TYPES
OF_PICTURES = [one for one in ALL if issubclass(one, PictureSignal)]
OF_FILES = [one for one in ALL if not issubclass(one, PictureSignal)]


def named(one: type[BankSignal]) -> str:
    return one.get_name()


def house(door: int = 18) -> bytes:
    """The picture that the examples are hashes of."""
    image = Image.new("RGB", (64, 64), "white")
    pen = ImageDraw.Draw(image)
    pen.polygon([(32, 6), (60, 30), (4, 30)], fill="black")
    pen.rectangle((12, 30, 52, 58), fill=(200, 60, 40))
    pen.rectangle((door, 40, door + 10, 58), fill=(20, 30, 120))
    stored = io.BytesIO()
    image.save(stored, "PNG")
    return stored.getvalue()


def blank(shade: int) -> bytes:
    stored = io.BytesIO()
    Image.new("L", (32, 32), shade).save(stored, "PNG")
    return stored.getvalue()


def flipped(signal: str, bits: list[int]) -> str:
    value = int(signal, 16)
    for bit in bits:
        value ^= 1 << bit
    return f"{value:0{len(signal)}x}"


def test_the_library_loads_the_manifest_by_its_name() -> None:
    manifest = ThreatExchangeExtensionManifest.load_from_module_name("samelook.exchanges.tx")
    assert manifest.signal_types == ALL
    # Its own check of names and content types, together with the types that it has.
    SignalTypeMapping([PhotoContent, VideoContent], [PdqSignal, VideoMD5Signal, *manifest.signal_types])


def test_with_the_librarys_own_every_type_of_a_bank_is_there() -> None:
    names = [one.get_name() for one in ALL]
    assert {*names, PdqSignal.get_name(), VideoMD5Signal.get_name()} == {*SIGNAL_TYPES, *OPTIONAL_NAMES}


@pytest.mark.parametrize("one", ALL, ids=named)
def test_hashes_are_those_of_samelook(one: type[BankSignal], tmp_path: Path) -> None:
    data = house()
    (tmp_path / "house.png").write_bytes(data)
    expected = hash_bytes(data, types=[one.get_name()]).signals[one.get_name()]
    assert one.hash_from_bytes(data) == expected
    assert one.hash_from_file(tmp_path / "house.png") == expected


@pytest.mark.parametrize("one", ALL, ids=named)
def test_examples_are_valid_and_of_what_they_are_said_to_be(one: type[BankSignal]) -> None:
    examples = one.get_examples()
    assert [one.validate_signal_str(example) for example in examples] == examples
    if one in OF_PICTURES:
        assert set(examples) == {one.hash_from_bytes(house(18)), one.hash_from_bytes(house(36))}
    else:
        assert examples == [one.hash_from_bytes(b"samelook")]


@pytest.mark.parametrize("one", OF_PICTURES, ids=named)
@pytest.mark.parametrize(
    "data",
    [b"", b"<html>", blank(0), blank(255), house()[:80]],
    ids=["nothing", "page", "black", "white", "cut off"],
)
def test_what_has_no_hash_gives_the_empty_text_which_matches_nothing(
    one: type[BankSignal], data: bytes
) -> None:
    index = one.get_index_cls().build([(example, 1) for example in one.get_examples()])
    assert one.hash_from_bytes(data) == ""
    assert index.query(one.hash_from_bytes(data)) == []


@pytest.mark.parametrize("one", ALL, ids=named)
def test_signals_are_brought_into_one_form_or_refused(one: type[BankSignal]) -> None:
    example = one.get_examples()[0]
    assert one.validate_signal_str(f" {example.upper()}\n") == example
    for bad in ("", " ", example[:-1] + "g", f"{example}00000000", f"{example}\n{example}", "0x12", "٣٣"):
        with pytest.raises(ValueError):
            one.validate_signal_str(bad)


@pytest.mark.parametrize("one", OF_PICTURES, ids=named)
def test_pictures_compare_by_distance_up_to_the_radius_that_banks_use(one: type[BankSignal]) -> None:
    kind = one.INDEX.KIND
    assert kind.radius is not None
    example = one.get_examples()[0]
    for far, matches in ((0, True), (kind.radius, True), (kind.radius + 1, False)):
        result = one.compare_hash(example, flipped(example, list(range(far))))
        assert (result.match, result.distance.pretty_str()) == (matches, str(far))


@pytest.mark.parametrize("one", OF_FILES, ids=named)
def test_files_compare_by_equality(one: type[BankSignal]) -> None:
    example, other = one.get_examples()[0], one.get_random_signal()
    assert one.compare_hash(example, example.upper()).match
    assert not one.compare_hash(example, other).match


@pytest.mark.parametrize("one", ALL, ids=named)
def test_an_index_finds_what_comparing_one_by_one_finds(one: type[BankSignal]) -> None:
    chance = random.Random(one.get_name())
    random.seed(one.get_name())
    signals = [one.get_random_signal() for _ in range(300)]
    if one in OF_PICTURES:
        signals += [flipped(signals[i % 7], chance.sample(range(64), i % 17)) for i in range(300)]
    entries = [(signal, f"entry {i}") for i, signal in enumerate(signals)] + [(signals[0], "twice")]
    index = one.get_index_cls().build(entries)
    for query in signals[:40]:
        expected = sorted(entry for signal, entry in entries if one.compare_hash(signal, query).match)
        found = index.query(query)
        assert sorted(match.metadata for match in found) == expected
        distances = [match.similarity_info.pretty_str() for match in found]
        assert distances == sorted(distances, key=lambda text: 0 if text == "-" else int(text))


@pytest.mark.parametrize("one", ALL, ids=named)
def test_an_index_survives_being_stored_as_tx_and_hma_do(one: type[BankSignal]) -> None:
    example = one.get_examples()[0]
    index: BankIndex[object] = one.get_index_cls().build(
        [(example, 7), (one.get_random_signal(), {"a": [8]})]
    )
    stored = io.BytesIO()
    index.serialize(stored)
    stored.seek(0)
    again = one.get_index_cls().deserialize(stored)
    assert type(again) is one.get_index_cls()
    assert len(again) == 2
    again.add(example, "later")
    assert [match.metadata for match in again.query(example)] == [7, "later"]
    assert [match.metadata for match in index.query(example)] == [7]
    assert len(pickle.loads(pickle.dumps(again))) == 3


@pytest.mark.parametrize("one", ALL, ids=named)
def test_an_empty_index_answers_and_can_be_stored(one: type[BankSignal]) -> None:
    index: BankIndex[object] = one.get_index_cls().build([])
    assert index.query(one.get_examples()[0]) == []
    assert pickle.loads(pickle.dumps(index)).query(one.get_examples()[0]) == []


def test_a_bad_signal_costs_an_index_no_other(caplog: pytest.LogCaptureFixture) -> None:
    one = tx.Blockhash16Signal
    example = one.get_examples()[0]
    index: BankIndex[object] = one.get_index_cls().build([("bad", 1), (f"{example}\n", 2), ("", 3)])
    assert [match.metadata for match in index.query(example.upper())] == [2]
    assert len(caplog.records) == 2
    with pytest.raises(ValueError, match="blockhash16"):
        index.add("bad", 4)
    with pytest.raises(ValueError, match="blockhash16"):
        index.query("bad")


def test_favicons_have_the_number_that_scanners_show() -> None:
    one = tx.FaviconMmh3Signal
    assert one.hash_from_bytes(b"samelook") == favicon_mmh3(b"samelook")
    assert one.validate_signal_str(" -1506567445 ") == "-1506567445"
    with pytest.raises(ValueError):
        one.validate_signal_str("4294967296")
