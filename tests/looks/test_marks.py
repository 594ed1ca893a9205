"""The map that tells marks: its file is the one that was made, and renditions of a mark are near."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench.mark_sets import MarkSet, Rendition
from bench.marks import limit_at, outcome_of
from bench.renditions import part_of
from samelook.looks import marks
from samelook.looks.look import Look, look_of
from samelook.looks.mark_gallery import MarkGallery
from samelook.looks.marks import BITS, BadModel, vectors_of
from samelook.looks.patches import ATOMS, PATCH, Atoms, found_in
from samelook.looks.same_mark import MEASURES, Marks, compared, marks_of
from samelook.looks.signs import SIDE, cut_out
from training.fit import RISING
from training.icons import is_held_out

Colour = tuple[int, int, int]
SHAPES = ("arrow", "cup", "key", "house")


def sign(shape: str, ink: Colour, ground: Colour | None, side: int = 64) -> Look:
    """One of four signs, on a tile or on nothing."""
    icon = Image.new("RGBA", (256, 256), (0, 0, 0, 0) if ground is None else (*ground, 255))
    draw = ImageDraw.Draw(icon)
    if shape == "arrow":
        draw.polygon((40, 128, 128, 40, 216, 128, 160, 128, 160, 216, 96, 216, 96, 128), fill=ink)
    elif shape == "cup":
        draw.pieslice((48, -20, 176, 190), 0, 180, fill=ink)
        draw.arc((140, 70, 220, 150), 250, 110, fill=ink, width=18)
        draw.rectangle((40, 200, 190, 216), fill=ink)
    elif shape == "key":
        draw.ellipse((36, 36, 124, 124), outline=ink, width=24)
        draw.line((110, 110, 216, 216), fill=ink, width=22)
        draw.line((160, 204, 204, 160), fill=ink, width=18)
    else:
        draw.polygon((30, 130, 128, 40, 226, 130), fill=ink)
        draw.rectangle((62, 130, 194, 216), fill=ink)
        draw.rectangle((110, 160, 146, 216), fill=ground or (255, 255, 255))
    return look_of(np.asarray(icon.resize((side, side), Image.Resampling.LANCZOS)))


def mark(shape: str, ink: Colour, ground: Colour | None) -> Marks:
    """The first of a look's signs."""
    return marks_of([sign(shape, ink, ground)]).of(np.array([0]))


def cells(marks: Marks) -> NDArray[np.int16]:
    return marks.pictures[0, : SIDE * SIDE].astype(np.int16)


@pytest.fixture(scope="module")
def gallery() -> MarkGallery:
    gallery = MarkGallery()
    for number, shape in enumerate(SHAPES):
        gallery.add(number, [sign(shape, (20, 60, 200), None)])
    return gallery


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("ink", "ground"),
    [((255, 255, 255), (20, 60, 200)), ((200, 30, 40), None), ((250, 200, 30), (30, 90, 60))],
    ids=["exchanged", "recoloured", "on another ground"],
)
def test_a_mark_is_found_in_other_colours(
    gallery: MarkGallery, shape: str, ink: Colour, ground: Colour | None
) -> None:
    found = gallery.alike([[sign(shape, ink, ground, 48)]], -np.inf)[0]
    assert found[0].number == SHAPES.index(shape)
    assert found[0].points > 0
    assert [match.points for match in found] == sorted((match.points for match in found), reverse=True)


def test_other_marks_and_empty_icons_are_not_found(gallery: MarkGallery) -> None:
    marks_found = gallery.alike([[sign(shape, (255, 255, 255), (0, 0, 0))] for shape in SHAPES])
    assert [[match.number for match in found] for found in marks_found] == [[0], [1], [2], [3]]
    assert gallery.alike([[], [Look(())]]) == [[], []]
    assert MarkGallery().alike([[sign("cup", (0, 0, 0), None)]]) == [[]]


def test_vectors_are_those_of_training_within_what_machines_differ_by() -> None:
    found = marks_of([sign(shape, (20, 60, 200), None) for shape in SHAPES])
    assert found.vectors.shape[1] == BITS
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found.vectors[0, :6], KNOWN, atol=2e-3)
    # One by one or together: the same to the last bits.
    alone = marks_of([sign("arrow", (20, 60, 200), None)])
    np.testing.assert_allclose(alone.vectors, found.vectors[: len(alone.owners)], atol=1e-5)
    assert vectors_of(np.empty((0, SIDE, SIDE), np.uint8)).shape == (0, BITS)


KNOWN = [0.0728, 0.1834, -0.0229, 0.0209, -0.0381, -0.0984]
"""The beginning of the arrow's first vector on the machine that made the map."""


def test_the_sign_is_the_same_whatever_its_colours_and_its_place() -> None:
    blue, white = mark("house", (20, 60, 200), None), mark("house", (255, 255, 255), (200, 30, 40))
    assert np.abs(cells(blue) - cells(white)).mean() < 12
    assert min(blue.breadths[0], white.breadths[0]) > 0.8
    measures = compared(blue, white, np.array([0]), np.array([0]))
    assert measures.shape == (1, len(MEASURES)) == (1, len(RISING))


@pytest.mark.parametrize("tile", ["rounded", "disc"])
def test_a_sign_is_taken_off_its_tile(tile: str) -> None:
    icon = Image.new("RGBA", (64, 64))
    draw = ImageDraw.Draw(icon)
    if tile == "disc":
        draw.ellipse((0, 0, 63, 63), fill=(30, 120, 60))
    else:
        draw.rounded_rectangle((0, 0, 63, 63), 16, fill=(30, 120, 60))
    draw.polygon((20, 32, 32, 18, 44, 32, 36, 32, 36, 46, 28, 46, 28, 32), fill=(255, 255, 255))
    found, bare = marks_of([look_of(np.asarray(icon))]), mark("arrow", (0, 0, 0), None)
    assert len(found.owners) == 2
    off = found.of(np.array([1]))
    assert np.corrcoef(cells(off), cells(bare))[0, 1] > 0.9
    outlines = MEASURES.index("outlines")
    assert compared(off, bare, np.array([0]), np.array([0]))[0, outlines] > 0.85


def test_outlines_agree_where_signs_are_turned_or_only_drawn_in_outline() -> None:
    icon = Image.new("RGBA", (256, 256))
    house = [(30, 130), (128, 40), (226, 130), (194, 130), (194, 216), (62, 216), (62, 130)]
    draw = ImageDraw.Draw(icon)
    draw.polygon(house, fill=(20, 60, 200))
    turned = look_of(np.asarray(icon.rotate(10, Image.Resampling.BICUBIC).resize((64, 64))))
    bare = look_of(np.asarray(icon.resize((64, 64))))
    icon = Image.new("RGBA", (256, 256))
    ImageDraw.Draw(icon).line([*house, house[0], house[1]], fill=(20, 60, 200), width=14)
    drawn = look_of(np.asarray(icon.resize((64, 64))))
    found = marks_of([bare, turned, drawn, sign("key", (20, 60, 200), None)])
    first = [found.owners.tolist().index(number) for number in range(4)]
    measures = compared(found, found, np.zeros(3, np.intp), np.array(first[1:]))
    same_turned, same_drawn, other = measures[:, MEASURES.index("outlines")].tolist()
    assert min(same_turned, same_drawn) > other + 0.2


@pytest.fixture
def other_weights(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    marks._model.cache_clear()
    monkeypatch.setattr(marks, "SHA256", "0" * 64)
    yield
    marks._model.cache_clear()


@pytest.mark.usefixtures("other_weights")
def test_other_weights_are_refused() -> None:
    with pytest.raises(BadModel, match="is not the file of model"):
        marks_of([sign("key", (0, 0, 0), None)])


def test_patches_are_counted_alike_in_a_sign_and_in_its_mirror() -> None:
    """With atoms that are mirrored with it: parts of the picture overlap, so none is larger than others."""
    dice = np.random.default_rng(5)
    signs = dice.integers(0, 256, (3, SIDE, SIDE), dtype=np.uint8)
    weights = dice.standard_normal((PATCH, PATCH, ATOMS)).astype(np.float32)
    offsets = np.zeros(ATOMS, np.float32)
    found = found_in(signs, Atoms(weights.reshape(-1, ATOMS), offsets)).reshape(3, 4, 4, ATOMS)
    other = np.ascontiguousarray(weights[:, ::-1]).reshape(-1, ATOMS)
    mirrored = found_in(signs[:, :, ::-1], Atoms(other, offsets)).reshape(3, 4, 4, ATOMS)
    np.testing.assert_allclose(mirrored, found[:, :, ::-1], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found.reshape(3, -1), axis=1), 1, rtol=1e-2)
    blank = found_in(np.zeros((1, SIDE, SIDE), np.uint8), Atoms(other, offsets))
    assert not blank.any(), "an even picture has no pieces"


def test_what_is_no_picture_has_no_sign() -> None:
    with pytest.raises(ValueError, match="have no signs"):
        cut_out(np.zeros((2, 12), np.uint8))


def test_the_benchmark_counts_what_the_rule_finds() -> None:
    blue, white, red = (20, 60, 200), (255, 255, 255), (200, 30, 40)
    renditions = [Rendition(number, "drawn", sign(shape, white, red)) for number, shape in enumerate(SHAPES)]
    looks = [sign(shape, blue, None) for shape in SHAPES]
    letters = [sign("arrow", red, None), sign("cup", red, None)]
    outcome = outcome_of(MarkSet(list(SHAPES), looks, [False] * 4, renditions, ["a", "b"], letters))
    assert outcome.place == [0, 0, 0, 0]
    assert min(outcome.own) > 0
    assert outcome.brand_pairs == 6
    assert outcome.letter_pairs == 1 + 4 * 2
    # The "letters" are two of the marks.
    assert sum(points > 0 for points in outcome.letters) == 2
    assert limit_at([3.0, 2.0, 1.0], 100, 0.01) == pytest.approx(2.0)


def test_brands_that_check_the_net_never_train_it() -> None:
    """Nor do the most copied ones; what begins alike, and may be one brand, falls into one part."""
    assert is_held_out("paypal")
    assert part_of("paypal") != "trained"
    names = [f"{first}{second}brand" for first in "abcdefghijklmnop" for second in "abcdefghijklmnop"]
    parts = [part_of(name) for name in names]
    assert parts == [part_of(name[:4] + "other") for name in names]
    assert 0.7 < parts.count("trained") / len(parts) < 0.9
    assert parts.count("fitted")
    assert parts.count("checked")
