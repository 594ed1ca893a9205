"""Versions of a look that an impersonator may have made the other icon from: closer, wider, mirrored, badged.

They are derived when a look is searched with, from its small pictures alone. A framing and a cosine
transform are both linear, so that each version's PDQ is two small matrix products; nothing is stored for
them and the index holds only the canonical forms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from samelook.looks.forms import CANVAS, FORM_NAMES, FormName
from samelook.looks.look import BRIGHT_SIDE, COLOUR_SIDE, PDQ_BYTES, Look
from samelook.looks.recolouring import Recolouring

_Floats = NDArray[np.float32]
AS_IS: Final = "as is"
_PDQ_SIDE: Final = 16
_BADGE_SHARE: Final = 0.44
_BRIGHT_CELLS: Final = BRIGHT_SIDE * BRIGHT_SIDE


@dataclass(frozen=True, slots=True)
class _Version:
    """How one version is made of the plain form: a window on it, and what is mirrored."""

    name: str
    share: float = 1.0
    """The window's side, as a share of the picture's: under 1 is closer, over 1 wider."""
    across: float = 0.0
    """How far the window is moved to the right, as a share of the picture's side."""
    down: float = 0.0
    mirrored: bool = False
    covered: str = ""
    """The corner that the same part of the mirrored picture is laid on, so that a badge goes."""
    badge: float = _BADGE_SHARE
    """The covered corner's side, as a share of the picture's."""
    turned: float = 0.0
    """Degrees by which the hues are turned, as HSV has them."""
    swapped: bool = False
    """Whether sign and ground exchange their colours."""

    @property
    def changes_planes(self) -> bool:
        return bool(self.mirrored or self.covered or self.turned or self.swapped)


_VERSIONS: Final = (
    _Version("closer", share=0.85),
    _Version("wider", share=1.12),
    _Version("much wider", share=1.26),
    _Version("mirrored", mirrored=True),
    _Version("badge bottom right", covered="br"),
    _Version("badge top right", covered="tr"),
    _Version("hue turned left", turned=-20.0),
    _Version("hue turned right", turned=20.0),
    _Version("sign and ground exchanged", swapped=True),
)
_FAR_VERSIONS: Final = (
    *(_Version(f"closer to {share:.0%}", share=share) for share in (0.55, 0.62, 0.7, 0.78, 0.92)),
    _Version("as wide as can be", share=1.45),
    *(_Version(f"moved across by {by:+.0%}", across=by) for by in (-0.1, -0.05, 0.05, 0.1)),
    *(_Version(f"moved down by {by:+.0%}", down=by) for by in (-0.1, -0.05, 0.05, 0.1)),
    _Version("badge bottom left", covered="bl"),
    _Version("badge top left", covered="tl"),
    *(_Version(f"large badge {corner}", covered=corner, badge=0.56) for corner in ("br", "tr", "bl", "tl")),
    *(_Version(f"hue turned by {turned:+.0f}", turned=turned) for turned in (-40.0, 40.0)),
)
"""Extra versions, searched only where a site could become trusted, as they take some milliseconds."""
_WHOLE: Final = (1.0, 0.0)
_MORE_OF_MIRRORED: Final = 12.0
_MORE_OF_TURNED: Final = 1.5  # letters of two colours are alike by chance with their hues turned
_MOST_OF_RECOLOURED: Final = 3.7  # below what strict asks for
_NONE: Final = (0.0, math.inf, 0.0)
NO_HANDICAPS: Final = np.array([_NONE])
_HANDICAPS: Final = {
    version.name: (
        _MORE_OF_MIRRORED if version.mirrored else _MORE_OF_TURNED if version.turned else 0.0,
        _MOST_OF_RECOLOURED if version.turned or version.swapped else math.inf,
        -1.0 if version.mirrored else float(version.swapped),
    )
    for version in (*_VERSIONS, *_FAR_VERSIONS)
}


@dataclass(frozen=True, eq=False)
class Probes:
    """Versions of a look to search with; row i of every array is one version."""

    names: tuple[str, ...]
    """`AS_IS` for a canonical form as it is, else what was done to the plain one."""
    forms: tuple[FormName, ...]
    pdqs: NDArray[np.uint8]
    """Shape (versions, 32)."""
    pictures: NDArray[np.uint8]
    """Shape (versions, 1312): brightness and colour as in `Form.picture`."""

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def handicaps(self) -> NDArray[np.float64]:
        """What counts for a version, shape (versions, 3).

        The points that it must have more than a form as it is, its most, and whether it may be one drawing in
        other colours: yes (0), with more room (1), or not (-1). A mirrored *b* is a *d* to the last pixel: a
        mirrored icon must be all but the other, with much to see in it. A recoloured one never is strictly
        the same: one letter in two hues would be.
        """
        return np.array([_HANDICAPS.get(name, _NONE) for name in self.names]).reshape(-1, len(_NONE))

    def searches(self) -> Iterator[tuple[int, bytes, tuple[FormName, ...]]]:
        """What to look up: the number of a version, its PDQ, and the stored forms that it is compared with.

        A form as it is may be like any form of another look: what one icon shows plainly may be what is left
        of the other when its margin is trimmed. Derived versions are compared with plain forms only; more
        finds next to nothing more.
        """
        for i, name in enumerate(self.names):
            yield i, self.pdqs[i].tobytes(), FORM_NAMES if name == AS_IS else ("plain",)


def probes_of(look: Look, *, far: bool = False) -> Probes:
    """The canonical forms of a look as they are, then the derived versions; about 0.15 ms.

    With `far`, versions are among them that a user's question does not pay for.
    """
    names: list[str] = [AS_IS] * len(look.forms)
    forms: list[FormName] = [form.name for form in look.forms]
    raw = b"".join(form.pdq for form in look.forms)
    pdqs = np.frombuffer(raw, np.uint8).reshape(-1, PDQ_BYTES)
    pictures = look.pictures
    if "plain" in forms:
        plan = _plan(far=far)
        made_pdqs, made_pictures = plan.made(pictures[forms.index("plain")])
        names += plan.names
        forms += ["plain"] * len(plan.names)
        pdqs = np.concatenate([pdqs, made_pdqs])
        pictures = np.concatenate([pictures, made_pictures])
    return Probes(tuple(names), tuple(forms), pdqs, pictures)


class _Plan:
    """Versions with all that making them of a picture takes: two stacks of matrices for each plane.

    What a few versions do to the planes comes first; then all are framed and transformed at once.
    """

    def __init__(self, versions: Sequence[_Version]) -> None:
        self.names = [version.name for version in versions]
        self._special = [(row, version) for row, version in enumerate(versions) if version.changes_planes]
        windows = [((version.share, version.down), (version.share, version.across)) for version in versions]
        self._down = np.stack([_framed_cosines(*down) for down, _ in windows])
        self._across = np.stack([_framed_cosines(*across).T for _, across in windows])
        self._framed = np.array([row for row, window in enumerate(windows) if window != (_WHOLE, _WHOLE)])
        self._frames = [
            (
                np.stack([_framing(side, side, *windows[row][0]) for row in self._framed]),
                np.stack([_framing(side, side, *windows[row][1]).T for row in self._framed]),
            )
            for side in (BRIGHT_SIDE, COLOUR_SIDE)
        ]

    def made(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The PDQs and the small pictures of all versions."""
        bright, tint = planes_of(picture.astype(np.float32))
        brights = np.repeat(bright[None], len(self.names), axis=0)
        tints = np.repeat(tint[None], len(self.names), axis=0)
        recoloured = Recolouring(picture)
        for row, version in self._special:
            brights[row], tints[row] = _changed(bright, tint, version, recoloured)
        waves = (self._down @ brights @ self._across).astype(np.float32, copy=False)
        (down, across), (tint_down, tint_across) = self._frames
        brights[self._framed] = down @ brights[self._framed] @ across
        tints[self._framed] = tint_down[:, None] @ tints[self._framed] @ tint_across[:, None]
        count = len(self.names)
        flat = np.concatenate([brights.reshape(count, -1), tints.reshape(count, -1)], axis=1)
        np.rint(flat, out=flat)
        return _bits_of(waves), np.clip(flat, 0, 255, out=flat).astype(np.uint8)


@cache
def _plan(*, far: bool) -> _Plan:
    return _Plan((*_VERSIONS, *_FAR_VERSIONS) if far else _VERSIONS)


def _changed(
    bright: _Floats, tint: _Floats, version: _Version, recoloured: Recolouring
) -> tuple[_Floats, _Floats]:
    """The planes as a version has them, before it is framed."""
    if version.mirrored:
        return bright[:, ::-1], tint[..., ::-1]
    if version.turned:
        return recoloured.turned(version.turned)
    if version.swapped:
        return recoloured.exchanged()
    return _covered(bright, version), _covered(tint, version)


def planes_of(picture: _Floats) -> tuple[_Floats, _Floats]:
    """Brightness (32, 32) and a* and b* (2, 12, 12) of a small picture."""
    bright = picture[:_BRIGHT_CELLS].reshape(BRIGHT_SIDE, BRIGHT_SIDE)
    return bright, picture[_BRIGHT_CELLS:].reshape(2, COLOUR_SIDE, COLOUR_SIDE)


def _covered(plane: _Floats, version: _Version) -> _Floats:
    """The plane with one corner replaced by what the one beside it shows."""
    side, corner = plane.shape[-1], version.covered
    badge = round(side * version.badge)
    rows = slice(side - badge, side) if corner[0] == "b" else slice(0, badge)
    # Mirrored, every corner is a right one.
    plane = (plane if corner[1] == "r" else plane[..., ::-1]).copy()
    plane[..., rows, side - badge :] = plane[..., rows, badge - 1 :: -1].copy()
    return plane if corner[1] == "r" else plane[..., ::-1]


def _bits_of(waves: _Floats) -> NDArray[np.uint8]:
    """PDQ's bits of cosine transforms (n, 16, 16): which are above the lower middle value."""
    flat = waves.reshape(len(waves), -1)
    middle = np.partition(flat, flat.shape[1] // 2 - 1, axis=1)[:, flat.shape[1] // 2 - 1]
    return np.packbits((flat > middle[:, None])[:, ::-1], axis=1)


@lru_cache(maxsize=128)
def _framed_cosines(share: float, moved: float) -> _Floats:
    """The cosine transform of the canvas that a window on a small picture makes, in one matrix (16, 32)."""
    points = np.arange(CANVAS)
    orders = np.arange(1, _PDQ_SIDE + 1)
    cosines = np.cos(math.pi / 2 / CANVAS * orders[:, None] * (2 * points + 1))
    matrix = cosines @ _framing(BRIGHT_SIDE, CANVAS, share, moved).astype(np.float64)
    # The means over the small picture's cells have flattened a wave by this much.
    angles = math.pi * orders / 2 / BRIGHT_SIDE / share
    flattened = np.sin(angles) / angles
    scaled: _Floats = (matrix / flattened[:, None]).astype(np.float32)
    return scaled


@lru_cache(maxsize=128)
def _framing(length: int, points: int, share: float, moved: float) -> _Floats:
    """A matrix (points, length): a line of means, read at points of a window by cubic interpolation.

    Beyond the ends the line goes on with its last value (Keys, "Cubic convolution interpolation", 1981).
    """
    places = ((np.arange(points) + 0.5) / points * share + (1 - share) / 2 + moved) * length - 0.5
    matrix = np.zeros((points, length))
    for point, place in enumerate(places):
        first = math.floor(place) - 1
        for cell in range(first, first + 4):
            matrix[point, min(max(cell, 0), length - 1)] += _keys(place - cell)
    return matrix.astype(np.float32)


def _keys(distance: float) -> float:
    x = abs(distance)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0  # noqa: PLR2004 - the kernel's reach


TURNED: Final = frozenset(version.name for version in _VERSIONS if version.turned)
"""The versions with other hues."""
