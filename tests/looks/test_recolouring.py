"""A small picture in other colours is what an icon is whose colours somebody changed; it tells steadiness."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench.accuracy_variants import VARIANTS
from samelook.looks.look import BRIGHT_SIDE, look_of
from samelook.looks.recolouring import Recolouring
from samelook.looks.rules import is_steady

CHANGES = {name: change for _, name, change in VARIANTS}
_CELLS = BRIGHT_SIDE * BRIGHT_SIDE


def badge_of(*inks: str) -> Image.Image:
    """A broad mark in two inks on a ground of a third."""
    image = Image.new("RGBA", (64, 64), inks[0])
    draw = ImageDraw.Draw(image)
    draw.ellipse((8, 8, 44, 44), inks[1])
    draw.polygon([(30, 56), (58, 56), (50, 14)], inks[2])
    return image


def plain(image: Image.Image) -> NDArray[np.uint8]:
    picture: NDArray[np.uint8] = look_of(np.asarray(image.convert("RGBA"))).pictures[0]
    return picture


def apart(made: tuple[NDArray[np.float32], ...], real: NDArray[np.uint8]) -> tuple[float, float]:
    """Mean differences of brightness and of colour."""
    bright, tint = (plane.ravel() for plane in made)
    return (
        float(np.abs(np.clip(bright, 0, 255) - real[:_CELLS]).mean()),
        float(np.abs(tint - real[_CELLS:]).mean()),
    )


@pytest.mark.parametrize("degrees", [-20, 20])
def test_hues_are_turned_as_image_editors_turn_them(degrees: int) -> None:
    for inks in (
        ("#1652c4", "#f0b020", "white"),
        ("#b3261e", "#fde8d8", "#402018"),
        ("#0c8f6f", "white", "#083"),
    ):
        image = badge_of(*inks)
        made = Recolouring(plain(image)).turned(degrees)
        real = plain(CHANGES[f"hue {degrees:+d}°"](image))
        bright, tint = apart(made, real)
        assert bright < 8
        assert tint < 3
        as_is = apart(Recolouring(plain(image)).turned(0), real)
        assert tint < as_is[1] / 2


def test_sign_and_ground_are_exchanged() -> None:
    image = badge_of("#1652c4", "white", "white")
    swapped = CHANGES["sign and ground exchanged"](image)
    bright, tint = apart(Recolouring(plain(swapped)).exchanged(), plain(image))
    assert bright < 8
    assert tint < 12


def test_what_is_drawn_in_hues_of_one_brightness_is_not_steady() -> None:
    assert is_steady(look_of(np.asarray(badge_of("#1652c4", "white", "#f0b020"))))
    assert is_steady(look_of(np.asarray(badge_of("white", "#202124", "#1652c4"))))
    assert not is_steady(look_of(np.asarray(badge_of("#4092e4", "#e4a018", "#937570"))))
