"""Renditions of marks, in batches: recoloured, on other grounds, framed, badged, outlined, coarse."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, max_pool2d

from samelook.looks.signs import cut_out

SIDE: Final = 32
_COLOUR_SIDE: Final = 12
_LUMA: Final = torch.tensor([0.299, 0.587, 0.114])
_LEAST_APART: Final = 0.16
_ON_TILES: Final = 0.8
"""Of the signs that lie on a tile, how many are seen without it."""
_XYZ: Final = torch.tensor(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / torch.tensor([[0.95047], [1.0], [1.08883]])


class Studio:
    """Draws renditions, from numbers that a seed decides."""

    def __init__(self, seed: int) -> None:
        self._dice = torch.Generator().manual_seed(seed)

    def renditions(self, icons: Tensor, hard: Tensor) -> NDArray[np.uint8]:
        """Signs, shape (n, 32, 32), of icons of shape (n, 5, 48, 48), bytes.

        `hard` says where colours may be changed.
        """
        n = len(icons)
        tiled = self._chance(n, 0.36)
        placed = self._placed(icons.float() / 255, tiled)
        colour, alpha, sign = placed[:, :3], placed[:, 3:4].clamp(0, 1), placed[:, 4:5]
        colour, alpha = self._recoloured(colour, alpha, sign.clamp(0, 1), hard)
        seen = self._on_ground(colour, alpha, tiled)
        seen = self._badged(seen)
        seen = self._shaded(seen)
        return self._cut(pictures_of(self._coarse(seen).clamp(0, 1)))

    def _cut(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        whole, rows, on_tiles = cut_out(pictures)
        chosen = self._chance(len(rows), _ON_TILES).numpy()
        whole.signs[rows[chosen]] = on_tiles.signs[chosen]
        return whole.signs

    def _rand(self, n: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(n, generator=self._dice) * (high - low) + low

    def _chance(self, n: int, share: float) -> Tensor:
        return self._rand(n) < share

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self._dice)

    def _placed(self, icons: Tensor, tiled: Tensor) -> Tensor:
        """The icons framed anew: scaled, moved, turned a little, seldom stretched."""
        n = len(icons)
        scale = torch.exp(self._rand(n, math.log(0.62), math.log(1.24)))
        # Most icons reach to their borders, or are trimmed.
        scale = torch.where(self._chance(n, 0.45), self._rand(n, 0.9, 1.02), scale)
        scale = torch.where(tiled, self._rand(n, 0.5, 0.95), scale)
        stretch = torch.exp(0.03 * self._normal(n).clamp(-2, 2))
        turn = torch.where(self._chance(n, 0.45), self._rand(n, -0.22, 0.22), torch.zeros(n))
        loose = torch.where(scale > 1, 0.12, 0.05)
        across, down = loose * self._normal(n).clamp(-2, 2), loose * self._normal(n).clamp(-2, 2)
        cos, sin = torch.cos(turn) / scale, torch.sin(turn) / scale
        rows = torch.stack([cos * stretch, -sin * stretch, across, sin / stretch, cos / stretch, down], dim=1)
        grid = torch.nn.functional.affine_grid(rows.reshape(n, 2, 3), [n, 5, SIDE, SIDE], align_corners=False)
        sharp = grid_sample(icons, grid, align_corners=False)
        # Drawn small, every pixel is the mean of several.
        soft = grid_sample(avg_pool2d(icons, 2), grid, align_corners=False)
        mix = ((0.9 - scale) / 0.4).clamp(0, 1)[:, None, None, None]
        return sharp * (1 - mix) + soft * mix

    def _colours(self, n: int) -> Tensor:
        """Colours that brands use: many saturated, some black, white or grey; shape (n, 3)."""
        hue, level, chroma = self._rand(n), self._rand(n, 0.12, 0.92), self._rand(n, 0.3, 1.0)
        turns = (hue[:, None] + torch.tensor([0.0, 2 / 3, 1 / 3])) * 2 * math.pi
        wheel = 0.5 + 0.5 * torch.cos(turns)
        wheel = ((wheel - wheel.mean(1, keepdim=True)) * 1.6).clamp(-0.5, 0.5)
        room = 2 * torch.minimum(level, 1 - level)
        colours = level[:, None] + wheel * (chroma * room)[:, None]
        plain = self._rand(n)
        colours = torch.where((plain < 0.12)[:, None], torch.zeros(1, 3), colours)
        colours = torch.where(((plain > 0.12) & (plain < 0.34))[:, None], torch.ones(1, 3), colours)
        greys = self._rand(n)[:, None].expand(-1, 3)
        return torch.where((plain > 0.95)[:, None], greys, colours).clamp(0, 1)

    def _recoloured(self, colour: Tensor, alpha: Tensor, sign: Tensor, hard: Tensor) -> tuple[Tensor, Tensor]:
        n = len(colour)
        kind = torch.where(hard, self._rand(n), torch.ones(n))
        one, other = self._colours(n)[..., None, None], self._colours(n)[..., None, None]

        def rows(low: float, high: float) -> Tensor:
            return torch.nonzero((kind >= low) & (kind < high))[:, 0]

        # The sign alone, in one colour.
        sole = rows(0, 0.34)
        colour[sole], alpha[sole] = one[sole] * sign[sole], sign[sole]
        # Two colours, by how light it was.
        duo = rows(0.34, 0.5)
        level = (_straight(colour[duo], alpha[duo]) * _LUMA[:, None, None]).sum(1, keepdim=True).clamp(0, 1)
        colour[duo] = (level * one[duo] + (1 - level) * other[duo]) * alpha[duo]
        inverse = rows(0.5, 0.6)
        colour[inverse] = (1 - _straight(colour[inverse], alpha[inverse])).clamp(0, 1) * alpha[inverse]
        turned = rows(0.6, 0.7)
        colour[turned] = self._hues_turned(_straight(colour[turned], alpha[turned])) * alpha[turned]
        for low, high, window in ((0.7, 0.76, 3), (0.76, 0.82, 5)):
            drawn = rows(low, high)
            alpha[drawn] = _edge(sign[drawn], window)
            colour[drawn] = one[drawn] * alpha[drawn]
        # Sign and ground, each in a colour.
        both = rows(0.82, 0.88)
        colour[both] = (one[both] * sign[both] + other[both] * (1 - sign[both])) * alpha[both]
        return colour, alpha

    def _hues_turned(self, straight: Tensor) -> Tensor:
        n = len(straight)
        angle = self._rand(n, 0.25, 2 * math.pi - 0.25)
        cos, third = torch.cos(angle), (1 - torch.cos(angle)) / 3
        root = math.sqrt(1 / 3) * torch.sin(angle)
        same, left, right = cos + third, third - root, third + root
        turn = torch.stack([same, left, right, right, same, left, left, right, same], 1).reshape(n, 3, 3)
        return torch.einsum("nij,njhw->nihw", turn, straight).clamp(0, 1)

    def _on_ground(self, colour: Tensor, alpha: Tensor, tiled: Tensor) -> Tensor:
        """The icon on a tile of some shape or none, on the page that a form is drawn on."""
        n = len(colour)
        tile, page = self._colours(n), self._rand(n)
        light = self._chance(n, 0.3)[:, None]
        tile = torch.where(light, torch.ones(1, 3), tile)
        level = torch.where(page < 0.62, 1.0, torch.where(page < 0.8, 0.5, 0.0))
        behind = torch.where(tiled[:, None], tile, level[:, None].expand(-1, 3))
        # What would hardly be seen is shown on white or black.
        weight = alpha.sum((1, 2, 3)).clamp(min=1)
        apart = (colour - alpha * behind[..., None, None]).abs().amax(1).sum((1, 2)) / weight
        mean = (colour.sum((2, 3)) * _LUMA).sum(1) / weight
        rescue = (mean < 0.55).float()[:, None].expand(-1, 3)
        behind = torch.where((apart < _LEAST_APART)[:, None], rescue, behind)
        level = torch.where((apart < _LEAST_APART) & ~tiled, rescue[:, 0], level)
        shape = torch.where(tiled[:, None, None, None], self._tile(n), torch.ones(1))
        ground = shape * behind[..., None, None] + (1 - shape) * level[:, None, None, None]
        cut = torch.where(tiled[:, None, None, None], shape, torch.ones(1))
        return colour * cut + (1 - alpha * cut) * ground

    def _tile(self, n: int) -> Tensor:
        """Soft shapes: squares, rounded squares, discs; shape (n, 1, 32, 32)."""
        line = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
        half = torch.where(self._chance(n, 0.5), torch.full((n,), 1.2), self._rand(n, 0.82, 1.0))
        round_share = torch.tensor([0.05, 0.35, 1.0])[torch.randint(3, (n,), generator=self._dice)]
        half = torch.where(round_share == 1, self._rand(n, 0.85, 1.0), half)
        radius = (round_share * half)[:, None, None]
        rows = (line.abs()[None, :, None] - half[:, None, None] + radius).clamp(min=0)
        columns = (line.abs()[None, None, :] - half[:, None, None] + radius).clamp(min=0)
        inside = radius - torch.sqrt(rows**2 + columns**2)
        return (0.5 + inside * SIDE / 2).clamp(0, 1)[:, None]

    def _badged(self, seen: Tensor) -> Tensor:
        n = len(seen)
        line = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
        radius = self._rand(n, 0.22, 0.42)
        corner = 1 - radius * self._rand(n, 0.9, 1.1)
        right = torch.where(self._chance(n, 0.75), corner, -corner)
        down = torch.where(self._chance(n, 0.65), corner, -corner)
        apart = torch.sqrt(
            (line[None, :, None] - down[:, None, None]) ** 2
            + (line[None, None, :] - right[:, None, None]) ** 2
        )
        disc = (0.5 + (radius[:, None, None] - apart) * SIDE / 2).clamp(0, 1)[:, None]
        chosen = self._chance(n, 0.12).float()[:, None, None, None]
        disc = disc * chosen
        return seen * (1 - disc) + self._colours(n)[..., None, None] * disc

    def _shaded(self, seen: Tensor) -> Tensor:
        n = len(seen)
        gain = torch.exp(0.12 * self._normal(n, 3) + 0.1 * self._normal(n, 1))
        return (seen * gain[..., None, None] + 0.02 * self._normal(n, 3)[..., None, None]).clamp(0, 1)

    def _coarse(self, seen: Tensor) -> Tensor:
        """Some as small icons show them, or blurred; a little noise on all."""
        n = len(seen)
        kind = self._rand(n)
        for low, high, side in ((0.0, 0.12, 16), (0.12, 0.2, 20), (0.2, 0.28, 24)):
            chosen = (kind >= low) & (kind < high)
            if chosen.any():
                small = interpolate(seen[chosen], size=side, mode="area")
                seen[chosen] = interpolate(small, size=SIDE, mode="bicubic", align_corners=False)
        blurred = kind > 0.9
        seen[blurred] = avg_pool2d(seen[blurred], 3, 1, 1, count_include_pad=False)
        return seen + 0.012 * self._normal(*seen.shape)


def _straight(colour: Tensor, alpha: Tensor) -> Tensor:
    return colour / alpha.clamp(min=0.02)


def _edge(sign: Tensor, window: int) -> Tensor:
    grown = max_pool2d(sign, window, 1, window // 2)
    shrunk = -max_pool2d(-sign, window, 1, window // 2)
    return (grown - shrunk).clamp(0, 1)


def pictures_of(rgb: Tensor) -> NDArray[np.uint8]:
    """The small pictures that a look would keep of this, shape (n, 3, 32, 32), from 0 to 1."""
    bright = (rgb * 255 * _LUMA[:, None, None]).sum(1)
    squeeze = _squeeze()
    small = squeeze @ rgb @ squeeze.T
    linear = torch.where(small > 0.04045, ((small.clamp(min=0) + 0.055) / 1.055) ** 2.4, small / 12.92)
    xyz = torch.einsum("ij,njhw->nihw", _XYZ, linear)
    root = torch.where(xyz > 0.008856, xyz.clamp(min=1e-6) ** (1 / 3), 7.787 * xyz + 16 / 116)
    tint = torch.stack([500 * (root[:, 0] - root[:, 1]), 200 * (root[:, 1] - root[:, 2])], 1) + 128
    together = torch.cat([bright.flatten(1), tint.flatten(1)], 1)
    pictures: NDArray[np.uint8] = together.round().clamp(0, 255).to(torch.uint8).numpy()
    return pictures


def pictures_on(icons: Tensor, level: float) -> NDArray[np.uint8]:
    """The small pictures of icons of shape (n, 5, 48, 48), bytes, on a grey from 0 to 1."""
    shares = icons.float() / 255
    seen = shares[:, :3] + (1 - shares[:, 3:4]) * level
    return pictures_of(interpolate(seen, size=SIDE, mode="area").clamp(0, 1))


def _squeeze() -> Tensor:
    """Means of 32 pixels over 12 cells."""
    edges = torch.arange(_COLOUR_SIDE + 1) * SIDE / _COLOUR_SIDE
    cells = torch.arange(SIDE).float()
    low = torch.maximum(edges[:-1, None], cells[None])
    high = torch.minimum(edges[1:, None], cells[None] + 1)
    return (high - low).clamp(min=0) * _COLOUR_SIDE / SIDE
