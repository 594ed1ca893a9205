"""A letter on a ground of any colour is told from a logo."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from samelook.looks.letters import DISC, STRIPES, letter_in
from samelook.looks.look import Look, look_of


def drawn(text: str, ink: str, tile: str | None, shape: str = "square", side: int = 64) -> Image.Image:
    image = Image.new("RGBA", (256, 256))
    draw = ImageDraw.Draw(image)
    if tile is not None and shape == "square":
        draw.rectangle((0, 0, 255, 255), tile)
    elif tile is not None and shape == "rounded":
        draw.rounded_rectangle((0, 0, 255, 255), 48, tile)
    elif tile is not None:
        draw.ellipse((0, 0, 255, 255), tile)
    draw.text((128, 128), text, ink, font=ImageFont.load_default(170), anchor="mm")
    return image.resize((side, side), Image.Resampling.LANCZOS)


def look(image: Image.Image) -> Look:
    return look_of(np.asarray(image))


@pytest.mark.parametrize("shape", ["square", "rounded", "disc"])
@pytest.mark.parametrize("text", "ABKMRSW7")
def test_a_letter_is_read_on_a_ground_of_any_colour_and_shape(text: str, shape: str) -> None:
    for ink, tile in (("white", "#1652c4"), ("white", "#b3261e"), ("#222222", "#f4c20d")):
        assert letter_in(look(drawn(text, ink, tile, shape))) == text


@pytest.mark.parametrize("side", [32, 128])
def test_a_letter_is_read_in_other_sizes_and_on_nothing(side: int) -> None:
    assert letter_in(look(drawn("A", "white", "#1652c4", side=side))) == "A"
    assert letter_in(look(drawn("A", "#1652c4", None, side=side))) == "A"
    assert letter_in(look(drawn("A", "white", None, side=side))) == "A"


def test_a_logo_is_no_letter() -> None:
    star = Image.new("RGBA", (64, 64), "#1652c4")
    ImageDraw.Draw(star).polygon(
        [(32, 6), (40, 26), (60, 28), (44, 40), (50, 58), (32, 46), (12, 60), (18, 40)], "white"
    )
    beside = drawn("A", "white", "#1652c4")
    ImageDraw.Draw(beside).ellipse((2, 2, 22, 22), "#ffcc00")
    for image in (star, beside, drawn("AB", "white", "#1652c4"), Image.new("RGBA", (32, 32), "#1652c4")):
        assert letter_in(look(image)) is None


def test_a_ring_is_no_letter_for_it_is_a_logo_too() -> None:
    assert letter_in(look(drawn("O", "white", "#1652c4"))) is None


def test_noise_and_a_look_without_forms_are_no_letter() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (32, 32, 4), dtype=np.uint8)
    assert letter_in(look_of(noise)) is None
    assert letter_in(Look(())) is None


def test_a_disc_a_square_and_the_stripes_of_a_flag_identify_nobody() -> None:
    for shape in ("disc", "square"):
        assert letter_in(look_of(plain(shape, "#145ac8"))) == DISC
    for colours in (
        ("#0055a4", "#ffffff", "#ef4135"),
        ("#000000", "#dd0000", "#ffce00"),
        ("#ffffff", "#dc143c"),
    ):
        upright = striped(*colours)
        assert letter_in(look_of(upright)) == STRIPES
        assert letter_in(look_of(np.rot90(upright).copy())) == STRIPES


def test_what_is_on_a_disc_or_across_stripes_is_a_logo() -> None:
    with_sign = plain("disc", "#145ac8")
    with_sign[24:40, 28:36, :3] = 255
    banner = striped("#0055a4", "#ffffff", "#ef4135")
    banner[20:44, 36:60, :3] = (200, 160, 0)
    bars = striped(*("#145ac8", "#ffffff") * 5)
    shaded = plain("square", "#145ac8")
    shaded[..., 0] = np.linspace(0, 255, 64)
    for logo in (with_sign, banner, bars, shaded):
        assert letter_in(look_of(logo)) not in {DISC, STRIPES}


def plain(shape: str, colour: str) -> NDArray[np.uint8]:
    image = Image.new("RGBA", (256, 256))
    draw = ImageDraw.Draw(image)
    (draw.ellipse if shape == "disc" else draw.rectangle)((16, 16, 239, 239), colour)
    return np.array(image.resize((64, 64), Image.Resampling.LANCZOS))


def striped(*colours: str) -> NDArray[np.uint8]:
    image = Image.new("RGBA", (96, 64))
    edges = np.linspace(0, 96, len(colours) + 1).round().astype(int).tolist()
    for colour, (start, end) in zip(colours, pairwise(edges), strict=True):
        ImageDraw.Draw(image).rectangle((start, 0, end - 1, 63), colour)
    return np.array(image)
