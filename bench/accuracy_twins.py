"""Pairs of letters that are hard to tell apart: one letter, drawn nearly alike, in colours that are near.

Two letters that were drawn at random are such a pair once in millions, and nearly all that a rule takes for
one look are. To fit the points, thousands of them are drawn on purpose.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from bench.accuracy_data import POINTS, Colour, Rgba, letter_faces, random_letter
from bench.accuracy_pairs import HARDLY
from samelook.looks.colour import lab_of

NEAR: Final = 45
"""Units of CIE Lab that the colours are apart at most."""
_SPREADS: Final = (12, 25, 50)
_THROWS: Final = 2000
_MOST_POINTS: Final = 6


def letter_twins(cache: Path, count: int, *, seed: int = 1) -> list[tuple[Rgba, Rgba]]:
    """Pairs of one letter in the training typefaces, in colours from 10 to 45 units of Lab apart."""
    faces = letter_faces(cache, train=True)
    rng = np.random.default_rng([seed, 77])
    twins: list[tuple[Rgba, Rgba]] = []
    while len(twins) < count:
        letter = random_letter(rng, faces)
        tile = _near(rng, letter.tile)
        if tile is None:
            continue
        points = int(np.clip(letter.points + rng.integers(-_MOST_POINTS, _MOST_POINTS + 1), *POINTS))
        side = int(rng.choice([32, 48, 64, 128]))
        twins.append((letter.drawn(), replace(letter, tile=tile, points=points, side=side).drawn()))
    return twins


def _near(rng: np.random.Generator, colour: Colour) -> Colour | None:
    for _ in range(_THROWS):
        moved = np.clip(np.array(colour) + rng.normal(0, rng.choice(_SPREADS), 3), 0, 255).astype(int)
        apart = float(np.linalg.norm(_lab(moved.tolist()) - _lab(colour)))
        if HARDLY < apart <= NEAR:
            red, green, blue = moved.tolist()
            return red, green, blue
    return None


def _lab(colour: Colour) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return lab_of(np.array(colour, np.float32))
