"""A look: which forms an icon has, what is in them, how they are stored."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from samelook.hashing.pdq import pdq
from samelook.looks.forms import CANVAS, FORM_NAMES, canonical_pictures, contrast_of
from samelook.looks.look import (
    BRIGHT_SIDE,
    COLOUR_SIDE,
    FORM_BYTES,
    PICTURE_BYTES,
    BadLook,
    Form,
    Look,
    look_of,
)

Rgba = NDArray[np.uint8]


def sign(side: int = 48, ground: tuple[int, ...] = (0, 0, 0, 0)) -> Rgba:
    """A blue ring with a red bar, well inside its ground."""
    image = Image.new("RGBA", (side * 4, side * 4), ground)
    draw = ImageDraw.Draw(image)
    unit = side * 4 / 48
    draw.ellipse(
        (10 * unit, 10 * unit, 38 * unit, 38 * unit), outline=(20, 40, 200, 255), width=round(5 * unit)
    )
    draw.rectangle((22 * unit, 16 * unit, 26 * unit, 32 * unit), fill=(220, 30, 30, 255))
    return np.array(image.convert("RGBa").resize((side, side), Image.Resampling.LANCZOS).convert("RGBA"))


def solid(*rgba: int) -> Rgba:
    return np.full((32, 32, 4), rgba, np.uint8)


def form(look: Look, name: str) -> Form:
    return next(form for form in look.forms if form.name == name)


def test_an_icon_with_a_margin_has_every_form() -> None:
    assert [form.name for form in look_of(sign()).forms] == [name for name in FORM_NAMES if name != "inside"]


def test_what_a_ring_encloses_has_a_form_and_what_lies_on_a_tile_has_none() -> None:
    ring = Image.new("RGBA", (64, 64))
    ImageDraw.Draw(ring).ellipse((0, 0, 63, 63), (255, 255, 255, 255), (20, 80, 200, 255), 6)
    ImageDraw.Draw(ring).polygon([(32, 14), (46, 44), (20, 40)], (200, 30, 30, 255))
    inside = canonical_pictures(np.array(ring))["inside"]
    assert inside[..., 2].mean() < inside[..., 0].mean(), "the blue ring is gone"
    tile = Image.new("RGBA", (64, 64), (20, 80, 200, 255))
    ImageDraw.Draw(tile).polygon([(32, 14), (46, 44), (20, 40)], (255, 255, 255, 255))
    assert "inside" not in canonical_pictures(np.array(tile))


def test_a_tile_in_a_ring_has_no_pale_border() -> None:
    """Shrunk, a tile covers its outermost pixels in part; drawn large, it ends where the canvas ends."""
    large = Image.new("RGBA", (256, 256))
    ImageDraw.Draw(large).ellipse((0, 0, 255, 255), (255, 255, 255, 255), (90, 90, 90, 255), 20)
    ImageDraw.Draw(large).rectangle((51, 53, 203, 201), (20, 80, 200, 255))
    small = large.resize((64, 64), Image.Resampling.LANCZOS)
    inside = canonical_pictures(np.array(small))["inside"]
    row = inside[CANVAS // 2].astype(int)
    assert np.abs(row[[0, -1]] - (20, 80, 200)).max() <= 16


def test_an_opaque_icon_without_a_margin_is_only_plain(icon: Rgba) -> None:
    opaque = icon.copy()
    opaque[..., 3] = 255
    assert [form.name for form in look_of(opaque).forms] == ["plain"]


@pytest.mark.parametrize(
    "pixels",
    [solid(0, 0, 0, 0), solid(255, 255, 255, 255), solid(9, 120, 80, 255), sign()[:1, :1], sign()[:3, :2]],
    ids=["transparent", "white", "green", "one pixel", "a corner without anything"],
)
def test_an_icon_without_contrast_is_degenerate(pixels: Rgba) -> None:
    look = look_of(pixels)
    assert look.is_degenerate
    assert Look.from_bytes(look.to_bytes()) == look


def test_a_form_without_contrast_is_left_out() -> None:
    white_on_nothing = sign()
    white_on_nothing[..., :3] = 255
    assert [form.name for form in look_of(white_on_nothing).forms] == ["trimmed_grey", "keyed"]


def test_trimming_takes_the_margin_and_its_colour_away() -> None:
    bare = canonical_pictures(sign())
    framed = canonical_pictures(np.pad(sign(), ((20, 4), (7, 17), (0, 0))))
    for name in ("trimmed", "trimmed_grey", "keyed"):
        assert np.abs(bare[name].astype(int) - framed[name].astype(int)).max() <= 1
    on_white = canonical_pictures(sign(ground=(255, 255, 255, 255)))["trimmed"]
    assert np.abs(bare["trimmed"].astype(int) - on_white.astype(int)).mean() < 6


def disc(*ground: int) -> Rgba:
    image = Image.new("RGBA", (48, 48), ground)
    ImageDraw.Draw(image).ellipse((8, 8, 39, 39), fill=(220, 30, 30, 255))
    return np.array(image)


def test_a_colourless_ground_is_keyed_out_and_a_coloured_one_is_part_of_the_look() -> None:
    bare = canonical_pictures(disc(0, 0, 0, 0))["keyed"]
    for grey in (0, 90, 255):
        keyed = canonical_pictures(disc(grey, grey, grey, 255))["keyed"]
        assert np.array_equal(bare, keyed)
    assert "keyed" not in canonical_pictures(disc(240, 200, 20, 255))


def test_the_ground_is_keyed_out_round_corners() -> None:
    """From the border through a gap into a bay, as in a letter C or G."""
    image = Image.new("RGBA", (48, 48), "white")
    draw = ImageDraw.Draw(image)
    draw.arc((8, 8, 40, 40), 30, 330, fill=(0, 90, 200, 255), width=5)
    draw.line((26, 26, 40, 26), fill=(0, 90, 200, 255), width=4)
    keyed = canonical_pictures(np.array(image))["keyed"]
    assert keyed[CANVAS * 2 // 5, CANVAS // 2].max() == 0


def test_an_enclosed_area_of_the_ground_s_colour_is_not_keyed_out() -> None:
    keyed = canonical_pictures(sign(ground=(255, 255, 255, 255)))["keyed"]
    assert keyed[CANVAS // 2, CANVAS // 4].min() > 200, "the inside of the ring stays white"
    assert keyed[0, 0].max() == 0


@pytest.mark.parametrize("shape", [(10, 40), (40, 10), (300, 20), (1, 9), (700, 500)])
def test_every_shape_becomes_a_square(shape: tuple[int, int]) -> None:
    rgba = np.random.default_rng(1).integers(0, 256, (*shape, 4), np.uint8)
    for canvas in canonical_pictures(rgba).values():
        assert canvas.shape == (CANVAS, CANVAS, 3)


def test_contrast_is_between_the_2nd_and_98th_percentile_at_half_the_size() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        low, high = sorted(rng.integers(0, 256, 2).tolist())
        rgb = rng.integers(low, high + 1, (CANVAS, CANVAS, 3), np.uint8)
        half = rgb.reshape(32, 2, 32, 2, 3).astype(np.float64).mean((1, 3)).reshape(-1, 3)
        expected = (np.percentile(half, 98, axis=0) - np.percentile(half, 2, axis=0)).max()
        assert abs(contrast_of(rgb) - expected) <= 2


def test_a_form_holds_the_pdq_and_a_small_picture_of_its_canvas() -> None:
    canvases = canonical_pictures(sign())
    for form in look_of(sign()).forms:
        canvas = canvases[form.name]
        assert form.pdq == pdq(canvas)[0]
        assert len(form.picture) == PICTURE_BYTES
        luma = canvas.astype(np.float64) @ [0.299, 0.587, 0.114]
        cells = luma.reshape(BRIGHT_SIDE, 2, BRIGHT_SIDE, 2).mean((1, 3))
        assert np.abs(form.bright() - cells).max() <= 1


def test_colours_are_lab() -> None:
    """sRGB's primaries over D65 (Lindbloom's table): the red half and the blue half of an icon."""
    halves = np.zeros((48, 48, 4), np.uint8)
    halves[..., 3] = 255
    halves[:, :24, 0] = 255
    halves[:, 24:, 2] = 255
    grid = look_of(halves).forms[0].grid().astype(int)
    assert grid.shape == (8, 8, 3)
    assert np.abs(grid[4, 0] - [round(0.299 * 255), 80 + 128, 67 + 128]).max() <= 1
    assert np.abs(grid[4, 7] - [round(0.114 * 255), 79 + 128, -108 + 128]).max() <= 1


def test_the_inner_pdq_leaves_the_rim_out() -> None:
    framed = np.full((64, 64, 4), 255, np.uint8)
    framed[:8] = framed[-8:] = framed[:, :8] = framed[:, -8:] = (0, 0, 0, 255)
    only = look_of(framed).forms[0]
    assert only.grid()[0, :, 0].max() == 0
    assert only.inner_pdq != only.pdq
    assert COLOUR_SIDE * COLOUR_SIDE * 2 + BRIGHT_SIDE * BRIGHT_SIDE == PICTURE_BYTES


def test_a_look_is_the_same_after_storage(icon: Rgba) -> None:
    for look in (look_of(icon), look_of(sign())):
        stored = look.to_bytes()
        assert len(stored) == 4 + len(look.forms) * FORM_BYTES
        assert Look.from_bytes(stored) == look


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: b"",
        lambda raw: raw[:3],
        lambda raw: raw[:-1],
        lambda raw: raw + b"\0",
        lambda raw: b"xx" + raw[2:],
        lambda raw: raw[:2] + b"\x63" + raw[3:],
        lambda raw: raw[:3] + b"\x09" + raw[4:],
        lambda raw: raw[:4] + b"\x09" + raw[5:],
        lambda raw: raw[:4] + raw[4 + FORM_BYTES :] + raw[4 : 4 + FORM_BYTES][:0] + raw[-FORM_BYTES:],
    ],
    ids=["none", "no header", "short", "long", "magic", "version", "count", "form", "form twice"],
)
def test_bytes_that_are_no_look_are_refused(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(BadLook):
        Look.from_bytes(spoil(look_of(sign()).to_bytes()))


def test_pixels_of_a_fully_transparent_part_do_not_show() -> None:
    hidden = sign().copy()
    hidden[hidden[..., 3] == 0] = (255, 0, 255, 0)
    assert look_of(hidden) == look_of(sign())
