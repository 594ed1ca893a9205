"""The index of looks finds what comparing with every look finds, also after changes."""

from __future__ import annotations

import numpy as np
import pytest

from samelook.demo.sample_web.pictures import Alteration, Format, IconFile
from samelook.demo.sample_web.sites import SITES
from samelook.looks.files import looks_of_file
from samelook.looks.index import FoundLook, LookIndex
from samelook.looks.likeness import likeness, parse_look, versions_of
from samelook.looks.look import BadLook, Look
from samelook.looks.rules import Rule

LOGOS = sorted({site.logo for site in SITES if site.logo})
CHANGES = [change for change in Alteration if change is not Alteration.HOTLINKED]


@pytest.fixture(scope="module")
def looks() -> list[bytes]:
    """Every logo of the sample web in every change."""
    found = []
    for logo in LOGOS:
        for change in CHANGES:
            found += looks_of_file(IconFile(logo, (48,), Format.PNG, change).data)
    return [look for look in found if Look.from_bytes(look).forms]


def by_comparing(looks: dict[int, bytes], places: dict[int, Rule | None], asked: Look) -> set[FoundLook]:
    found, versions = set(), versions_of(asked)
    for number, place in places.items():
        like = likeness(versions, parse_look(looks[number]), Rule.STRICT if place is None else place)
        if like is not None:
            found.add(FoundLook(number, like))
    return found


def test_searching_and_searching_again_find_what_comparing_finds(looks: list[bytes]) -> None:
    rng = np.random.default_rng(3)
    index = LookIndex()
    kept: dict[int, bytes] = {}
    places: dict[int, Rule | None] = {}
    asked = [parse_look(looks[k]) for k in rng.choice(len(looks), 8, replace=False)]
    before: list[tuple[int, list[FoundLook]]] = []
    expected: list[set[FoundLook]] = []
    for step in range(30):
        for _ in range(10):
            look = looks[rng.integers(len(looks))]
            (number,) = index.add_many([(len(kept), look)])
            kept[number] = look
            places[number] = [*Rule, None][rng.integers(4)]
            index.place(number, places[number], searched=True)
        for number in rng.choice(sorted(places), 4, replace=False).tolist():
            searched = bool(rng.integers(2))
            rule = [*Rule, None][rng.integers(4)]
            index.place(number, rule, searched=searched)
            if searched:
                places[number] = rule
            else:
                del places[number]
        expected = [by_comparing(kept, places, look) for look in asked]
        assert [set(index.search(look)) for look in asked] == expected
        if step > 0:
            again = [index.search_again(look, *before[k][::-1]) for k, look in enumerate(asked)]
            assert [set(found) for found in again if found is not None] == expected
        before = [(index.version, index.search(look)) for look in asked]
    assert any(expected)


def test_a_look_without_a_place_is_not_found(looks: list[bytes]) -> None:
    index = LookIndex()
    (number,) = index.add_many([(1, looks[0])])
    assert index.search(parse_look(looks[0])) == []
    index.place(number, None, searched=True)
    assert [found.number for found in index.search(parse_look(looks[0]))] == [number]


@pytest.mark.parametrize("raw", [b"", b"x", b"\xff" * 700])
def test_bytes_that_are_no_look_are_refused(raw: bytes) -> None:
    with pytest.raises(BadLook):
        LookIndex().add_many([(1, raw)])


def faintly_like(index: LookIndex, look: Look, before: tuple[int, list[int]] | None = None) -> list[int]:
    """What the last step gives."""
    steps = index.faintly_like(look, before)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: list[int] = end.value
            return found


def test_a_copy_that_no_rule_finds_is_faintly_like_a_look_of_the_tiers(looks: list[bytes]) -> None:
    index = LookIndex()
    numbers = index.add_many(enumerate(looks[:40]))
    for number in numbers:
        index.place(number, Rule.WIDE if number % 2 else None, searched=True)
    for number in numbers[:6]:
        faint = faintly_like(index, parse_look(looks[number]))
        # Looks of the tiers are found, those of everybody else are not.
        assert (number in faint) == bool(number % 2)
        assert all(other % 2 for other in faint)


def test_what_was_found_faintly_is_brought_up_to_date_by_what_was_placed_since(looks: list[bytes]) -> None:
    index = LookIndex()
    numbers = index.add_many(enumerate(looks[:40]))
    for number in numbers[:20]:
        index.place(number, Rule.STRICT, searched=True)
    asked = [parse_look(looks[number]) for number in (3, 5, 25)]
    before = [(index.version, faintly_like(index, look)) for look in asked]
    for number in numbers[20:]:
        index.place(number, Rule.WIDE, searched=True)
    index.place(numbers[3], None, searched=True)
    index.place(numbers[5], None, searched=False)
    for look, earlier in zip(asked, before, strict=True):
        again = faintly_like(index, look, earlier)
        assert sorted(again) == sorted(faintly_like(index, look))
    assert numbers[3] in before[0][1]
    assert numbers[25] in faintly_like(index, asked[2], before[2])
