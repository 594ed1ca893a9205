"""The accuracy benchmark counts what the rules themselves say, and its bounds are the textbook's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.accuracy import BARS, FalsePairs, outcome_of
from bench.accuracy_data import Icon, brand_icons, brand_of, letter_icons, solid_icons
from bench.accuracy_fit import Trees, fit, table_of
from bench.accuracy_pairs import (
    Stored,
    acquaintances,
    are_one_letter,
    are_related,
    measures_of_twins,
    strangers,
)
from bench.accuracy_sets import HARD, Known
from bench.accuracy_twins import letter_twins
from bench.accuracy_variants import VARIANTS, changed
from samelook.looks.look import look_of
from samelook.looks.measures import Measures
from samelook.looks.rules import RULES, compare


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> list[Icon]:
    """Drawn in Pillow's own typeface, as no package is there."""
    return letter_icons(tmp_path_factory.mktemp("empty"), 60, train=True)


@pytest.fixture(scope="module")
def known(letters: list[Icon]) -> Known:
    looks = [look_of(icon.rgba) for icon in letters]
    stored = Stored.of(looks)
    chosen = np.array([3, 20])
    changes = [look_of(changed(letters[i].rgba, change)) for i in chosen for _, _, change in VARIANTS]
    same = acquaintances(changes, np.repeat(chosen, len(VARIANTS)).tolist(), stored)
    return Known(letters, looks, chosen, strangers(looks, stored), same)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_it_counts_what_the_rule_says(known: Known, rule: object) -> None:
    assert rule in RULES.values()
    for one in (one for one in RULES.values() if one is rule):
        outcome = outcome_of(one, known)
        pairs = {
            (min(a, b), max(a, b))
            for a, look in enumerate(known.looks)
            for b, other in enumerate(known.looks)
            if a != b and compare(look, other, one) is not None
        }
        assert outcome.letters.found + outcome.same_letters == len(pairs)
        found = [
            compare(look_of(changed(known.icons[i].rgba, change)), known.looks[i], one) is not None
            for i in known.chosen
            for kind, _, change in VARIANTS
            if kind not in HARD
        ]
        assert outcome.detection == pytest.approx(np.mean(found))


def test_without_packages_there_are_no_brands(tmp_path: Path) -> None:
    assert brand_icons(tmp_path, train=True) == []


def test_every_machine_draws_the_same_letters(letters: list[Icon], tmp_path: Path) -> None:
    again = letter_icons(tmp_path, 60, train=True)
    assert all(np.array_equal(a.rgba, b.rgba) for a, b in zip(letters, again, strict=True))
    assert any(
        not np.array_equal(a.rgba, b.rgba)
        for a, b in zip(letters, letter_icons(tmp_path, 60, train=False), strict=True)
    )


def test_nearly_solid_squares_are_squares() -> None:
    assert {icon.rgba.shape[2] for icon in solid_icons(20)} == {4}


@pytest.mark.parametrize(
    ("kind", "name", "change"), VARIANTS, ids=[f"{kind} {name}" for kind, name, _ in VARIANTS]
)
def test_every_change_changes_the_picture(kind: str, name: str, change: object) -> None:
    assert callable(change)
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 200, (12, 12, 3), np.uint8)).resize((48, 48)).convert("RGBA")
    icon = np.array(image)
    icon[10:20, 30:40, 3] = 0
    after = changed(icon, change)
    assert after.dtype == np.uint8
    assert after.shape[2] == 4
    assert after.shape != icon.shape or not np.array_equal(after, icon), (kind, name)


@pytest.mark.parametrize(("found", "at_most"), [(0, 3.689), (1, 5.572), (10, 18.39), (100, 121.63)])
def test_upper_bounds_are_garwood_s(found: int, at_most: float) -> None:
    assert FalsePairs(found, 1e6).at_most() * 1e6 == pytest.approx(at_most, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "brand"),
    [("GitHub-icon", "github"), ("stability-ai-icon", "stabilityai"), ("logo", "logo"), ("500px", "500px")],
)
def test_a_brand_is_a_name_without_words_for_a_style(name: str, brand: str) -> None:
    assert brand_of(name.lower()) == brand


def test_letters_in_hardly_different_colours_are_one_look() -> None:
    def letter(brand: str) -> Icon:
        return Icon("letters", brand, "0", np.zeros((1, 1, 4), np.uint8))

    assert are_one_letter(letter("A #ffffff #2040c0"), letter("A #ffffff #2444c4"))
    assert not are_one_letter(letter("A #ffffff #2040c0"), letter("B #ffffff #2040c0"))
    assert not are_one_letter(letter("A #ffffff #2040c0"), letter("A #ffffff #c04020"))
    assert not are_related(letter("A #ffffff #2040c0"), letter("A #ffffff #2040c0"))


def test_icons_that_may_be_of_one_brand_count_neither_way() -> None:
    def icon(source: str, brand: str) -> Icon:
        return Icon(source, brand, brand, np.zeros((1, 1, 4), np.uint8))

    assert are_related(icon("simple-icons", "github"), icon("calibre", "news githubblog"))
    assert are_related(icon("a", "xmr"), icon("b", "monero"))
    assert not are_related(icon("a", "sonos"), icon("b", "dolby"))


def test_fitted_points_follow_the_measures() -> None:
    rng = np.random.default_rng(4)
    alike = rng.random(4000) < 0.3
    measures = np.column_stack(
        [
            np.where(alike, 0.9, 0.4) + rng.normal(0, 0.2, 4000),
            np.where(alike, 5, 20) + rng.normal(0, 4, 4000),
        ]
    )
    trees = fit(measures, alike, np.ones(4000), (True, False), trees=30)
    score = trees.of(measures)
    assert ((score > 0) == alike).mean() > 0.95
    for step in ([0.3, 0], [0, -5]):
        assert (trees.of(measures + step) >= score - 1e-9).all()


def test_fitted_trees_are_printed_as_they_are_read() -> None:
    trees = Trees(-1.25, np.array([[0, 1, 2]]), np.array([[0.5, 1, 2.5]]), np.arange(8)[None] / 100)
    names: dict[str, object] = {}
    exec(table_of(trees).replace(": Final", ""), names)
    assert names == names | {
        "_START": -1250,
        "_TREES": ((0, 1, 2, 0.5, 1, 2.5, 0, 10, 20, 30, 40, 50, 60, 70),),
    }


def test_twins_are_one_letter_in_other_colours(tmp_path: Path) -> None:
    twins = letter_twins(tmp_path, 12)
    assert len(twins) == 12
    measures = measures_of_twins(twins)
    named = Measures(*measures.T)
    assert (named.inner > 0.9).mean() > 0.5
    assert (named.shades > 0).mean() > 0.9


def test_there_is_a_bar_for_every_rule() -> None:
    assert BARS.keys() == RULES.keys()
