"""The map from signs to vectors: `python -m training.train looks/marks.map` makes the package's file.

Linear discriminant analysis (Fisher, 1936; Rao, 1948): of all directions in what `samelook.looks.marks`
measures of a sign, those are kept in which renditions of one brand differ least by how much brands differ.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from samelook.looks.marks import BITS, CROWD, FEATURES, LETTERS, codes_of, features_of, mapped
from samelook.looks.patches import ATOMS, Atoms, patches_in
from samelook.looks.signs import cut_out
from training.icons import Icons, is_held_out
from training.renditions import Studio, pictures_on

EACH: Final = 3
_RIDGE: Final = 0.3
"""Of the mean variance within brands, that is added to every direction's."""
_LEVEL: Final = 0.8
"""The grey that the crowd is shown on: neither white signs nor black ones vanish."""
_TOGETHER: Final = 100
_MEASURED_AT_ONCE: Final = 500
_OTHER_FACES: Final = ("Roboto", "Merriweather", "Oswald")
"""The points are fitted with letters of these typefaces, so the map's file must not contain them: with
letters that it knows, nearness to letters would seem to tell more than it does."""

_SEEN_SIGNS: Final = 6000
_SEEN_PATCHES: Final = 80_000
"""Patches that the typical ones are learned from."""
_TELLING: Final = 0.08
"""Their least contrast."""
_WHITEN: Final = 0.1
_ROUNDS: Final = 12

_Floats = NDArray[np.float32]
_Signs = NDArray[np.uint8]


class Brands:
    """Icons by brand, those that are held out left out."""

    def __init__(self, icons: Icons) -> None:
        self.rows: dict[str, list[int]] = {}
        for row, brand in enumerate(icons.brands.tolist()):
            if not is_held_out(brand):
                self.rows.setdefault(brand, []).append(row)
        self._packages = icons.packages.tolist()

    def chosen(self, count: int, dice: np.random.Generator) -> list[str]:
        """Some of the brands, those that several packages draw twice as often."""
        several = [1 + (len({self._packages[row] for row in rows}) > 1) for rows in self.rows.values()]
        weights = np.array(several) / sum(several)
        names = list(self.rows)
        picked = dice.choice(len(names), min(count, len(names)), replace=False, p=weights)
        return [names[number] for number in picked.tolist()]

    def icons(self, brand: str, dice: np.random.Generator) -> tuple[list[int], list[bool]]:
        """Rows of three icons of a brand, and which may be changed in colour."""
        rows = self.rows[brand]
        first = rows[int(dice.integers(len(rows)))]
        others = [row for row in rows if self._packages[row] != self._packages[first]] or rows
        other = others[int(dice.integers(len(others)))]
        return [first, first, other], [False, True, other == first or dice.random() < 1 / 2]


def signs_of(icons: Icons, by_brand: Brands, brands: list[str], seed: int) -> _Signs:
    """Signs in three renditions of each of some brands, shape (3 brands, 32, 32), brand by brand."""
    torch.set_num_threads(1)
    dice, studio = np.random.default_rng(seed), Studio(seed)
    parts = []
    for start in range(0, len(brands), _TOGETHER):
        rows: list[int] = []
        hard: list[bool] = []
        for brand in brands[start : start + _TOGETHER]:
            some, may = by_brand.icons(brand, dice)
            rows += some
            hard += may
        parts.append(studio.renditions(torch.from_numpy(icons.pictures[rows]), torch.tensor(hard)))
    return np.concatenate(parts)


def typical(signs: _Signs, seed: int) -> Atoms:
    """The patches that signs are made of: spherical k-means of whitened ones (Coates and Ng, 2012)."""
    dice = np.random.default_rng(seed)
    patches, deviations = patches_in(signs[dice.permutation(len(signs))[:_SEEN_SIGNS]])
    telling = patches[deviations > _TELLING]
    some = telling[dice.permutation(len(telling))[:_SEEN_PATCHES]].astype(np.float64)
    mean = some.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(some.T))
    whiten = vectors / np.sqrt(values + _WHITEN) @ vectors.T
    white = (some - mean) @ whiten
    atoms = _unit(white[dice.choice(len(white), ATOMS, replace=False)])
    for _ in range(_ROUNDS):
        nearest = (white @ atoms.T).argmax(axis=1)
        sums = np.zeros_like(atoms)
        np.add.at(sums, nearest, white)
        atoms = _unit(np.where(np.abs(sums).any(axis=1, keepdims=True), sums, atoms))
    weights = whiten @ atoms.T
    return Atoms(*(part.astype("<f2").astype(np.float32) for part in (weights, mean @ weights)))


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def discriminants(features: _Floats) -> tuple[_Floats, _Floats]:
    """The mean of what is measured, and the map of shape (FEATURES, 256), the strongest direction first."""
    mean = features.mean(axis=(0, 1), dtype=np.float64)
    centred = (features - mean.astype(np.float32)).astype(np.float32)
    apart = (centred - centred.mean(axis=1, keepdims=True)).reshape(-1, FEATURES)
    within = (apart.T @ apart).astype(np.float64) / (len(features) * (EACH - 1))
    flat = centred.reshape(-1, FEATURES)
    between = (flat.T @ flat).astype(np.float64) / len(flat) - within * (EACH - 1) / EACH
    values, vectors = np.linalg.eigh(within + _RIDGE * np.trace(within) / FEATURES * np.eye(FEATURES))
    white = vectors / np.sqrt(values)
    ratios, directions = np.linalg.eigh(white.T @ between @ white)
    strongest = np.argsort(-ratios)[:BITS]
    ratios = ratios[strongest].clip(min=1e-6)
    # What tells brands apart hardly better than chance counts hardly (Prince and Elder, 2007).
    found = white @ directions[:, strongest] * np.sqrt(ratios / (1 + ratios))
    # One sign of each direction, so that machines agree.
    found *= np.sign(found[np.abs(found).argmax(axis=0), np.arange(BITS)])
    return mean.astype(np.float32), found.astype(np.float32)


def crowd_and_letters(icons: Icons) -> list[int]:
    """Rows of `icons`: first marks by chance, one a brand and none held out, then the letters."""
    chosen: dict[str, int] = {}
    for row in np.random.default_rng(3).permutation(len(icons.brands)).tolist():
        brand = str(icons.brands[row])
        if len(chosen) < CROWD and not brand.startswith("letter ") and not is_held_out(brand):
            chosen.setdefault(brand, row)
    letters = [
        row
        for row, brand in enumerate(icons.brands.tolist())
        if brand.startswith("letter ") and not any(face in brand for face in _OTHER_FACES)
    ]
    if len(letters) != LETTERS:
        raise RuntimeError(f"There should be {LETTERS} letters, and there are {len(letters)}.")
    return [*chosen.values(), *letters]


def coded(icons: Icons, rows: list[int], atoms: Atoms, linear: _Floats, added: _Floats) -> bytes:
    """What the map makes of icons: the signs of their vectors' 256 numbers, 32 bytes each."""
    pictures = pictures_on(torch.from_numpy(icons.pictures[rows]), _LEVEL)
    whole, under, signs = cut_out(pictures)
    whole.signs[under] = signs.signs
    return codes_of(mapped(features_of(whole.signs, atoms), linear, added)).tobytes()


def main() -> None:
    """Draw the renditions, solve for the map, write its file and print the checksum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("to", type=Path)
    home = Path("~/.cache/samelook-training").expanduser()
    parser.add_argument("--icons", type=Path, default=home / "icons.npz")
    parser.add_argument("--brands", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    icons = Icons.load(asked.icons)
    brands = Brands(icons)
    chosen = brands.chosen(asked.brands, np.random.default_rng(asked.seed))
    signs = signs_of(icons, brands, chosen, asked.seed)
    print(f"{len(chosen)} brands, {EACH} renditions each", flush=True)
    atoms = typical(signs, asked.seed)
    starts = range(0, len(signs), _MEASURED_AT_ONCE)
    parts = [features_of(signs[start : start + _MEASURED_AT_ONCE], atoms) for start in starts]
    mean, linear = discriminants(np.concatenate(parts).reshape(-1, EACH, FEATURES))
    half = linear.astype("<f2"), (-mean @ linear).astype("<f2")
    raw = b"".join(part.astype("<f2").tobytes() for part in (*atoms, *half))
    floats = [part.astype(np.float32) for part in half]
    raw += coded(icons, crowd_and_letters(icons), atoms, *floats)
    asked.to.write_bytes(raw)
    print(f"{len(raw)} bytes, SHA-256 {hashlib.sha256(raw).hexdigest()}")


if __name__ == "__main__":
    main()
