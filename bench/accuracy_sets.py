"""A set of icons with all that is measured on it: pairs of strangers, and icons against their changes."""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.accuracy_data import Icon, brand_icons, letter_icons
from bench.accuracy_pairs import Pairs, Stored, acquaintances, looks_of, looks_of_changes, strangers
from bench.accuracy_variants import VARIANTS
from samelook.looks.look import Look

CACHE: Final = Path.home() / ".cache" / "samelook-bench"
LETTERS: Final = 2500
HARD: Final = frozenset(
    {"hard", "disc", "disc at its size", "ring", "ring at its size", "hue 20°", "exchanged"}
)
"""The classes of changes that were not fitted to; they count apart."""


@dataclass(frozen=True, eq=False)
class Known:
    """Icons, the pairs of different ones that PDQ proposes, and some icons against their changed selves."""

    icons: list[Icon]
    looks: list[Look]
    chosen: NDArray[np.int64]
    """The icons that changes were made of."""
    apart: Pairs
    same: Pairs
    """`asked` counts changes: icon i of `chosen` in variant v is i * len(VARIANTS) + v."""

    def soft_changes(self) -> NDArray[np.int64]:
        soft = np.array([kind not in HARD for kind, _, _ in VARIANTS])
        return np.flatnonzero(np.tile(soft, len(self.chosen)))


def measured(
    cache: Path, *, train: bool, brands: int, letters: int = LETTERS, processes: int | None = None
) -> Known:
    """The training or the held-out set; minutes of work. Letters beyond 2,500 are drawn by other seeds."""
    icons = brand_icons(cache, train=train)
    count = len(icons)
    for seed, start in enumerate(range(0, letters, LETTERS)):
        icons += letter_icons(cache, min(LETTERS, letters - start), train=train, seed=seed)
    chosen = np.sort(np.random.default_rng(12).permutation(count)[:brands])
    with get_context("spawn").Pool(processes) as pool:
        looks = looks_of([icon.rgba for icon in icons], pool)
        changes = looks_of_changes([icons[i].rgba for i in chosen], pool)
    stored = Stored.of(looks)
    owners = np.repeat(chosen, len(VARIANTS)).tolist()
    same = acquaintances([look for row in changes for look in row], owners, stored)
    return Known(icons, looks, chosen, strangers(looks, stored), same)
