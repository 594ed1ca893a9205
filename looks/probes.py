"""Versions of a look that an impersonator may have made the other icon from: closer, wider, mirrored, badged.

They are derived when a look is searched with, from its small pictures alone. A framing and a cosine
transform are both linear, so that each version's PDQ is two small matrix products; nothing is stored for
them and the index holds only the canonical forms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from samelook.looks.colour import squeezed
from samelook.looks.forms import CANVAS, FORM_NAMES, FormName
from samelook.looks.look import BRIGHT_SIDE, COLOUR_SIDE, PDQ_BYTES, Look

_Floats = NDArray[np.float32]
AS_IS: Final = "as is"
_PDQ_SIDE: Final = 16
_BRIGHT_CELLS: Final = BRIGHT_SIDE * BRIGHT_SIDE


@dataclass(frozen=True, slots=True)
class _Version:
    """How one version is made of the plain form: a window on it, and what is mirrored."""

    name: str
    share: float = 1.0
    """Of the side that the window shows: under 1 is closer, over 1 wider."""
    across: float = 0.0
    """Of the side that the window is moved by to the right."""
    down: float = 0.0
    mirrored: bool = False
    covered: str = ""
    """The corner that the mirrored picture covers, so that a badge goes."""
    turned: float = 0.0
    """Degrees by which the hues are turned, in the plane of Lab's a* and b*."""
    swapped: bool = False
    """Whether sign and ground exchange their colours."""


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
    *(_Version(f"hue turned by {turned:+.0f}", turned=turned) for turned in (-40.0, 40.0)),
)
"""What is looked for besides where trust is at stake and a few milliseconds do not matter."""
_NEUTRAL: Final = np.float32(128)  # what a small picture holds for an a* or b* of nothing
_WHOLE: Final = (1.0, 0.0)
_BADGE_SHARE: Final = 0.44
_MORE_OF_MIRRORED: Final = 12.0
_MOST_OF_RECOLOURED: Final = 3.7  # below what strict asks for
_NONE: Final = (0.0, math.inf, 0.0)
NO_HANDICAPS: Final = np.array([_NONE])
_HANDICAPS: Final = {
    version.name: (
        _MORE_OF_MIRRORED if version.mirrored else 0.0,
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

    @property
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
        plain = pictures[forms.index("plain")].astype(np.float32)
        versions = (*_VERSIONS, *_FAR_VERSIONS) if far else _VERSIONS
        made = [_made(plain, version) for version in versions]
        names += [version.name for version in versions]
        forms += ["plain"] * len(versions)
        pdqs = np.concatenate([pdqs, _bits_of(np.stack([waves for waves, _ in made]))])
        pictures = np.concatenate([pictures, np.stack([seen for _, seen in made])])
    return Probes(tuple(names), tuple(forms), pdqs, pictures)


def _made(picture: _Floats, version: _Version) -> tuple[_Floats, NDArray[np.uint8]]:
    """The cosine transform and the small picture of one version."""
    bright, tint = planes_of(picture)
    if version.mirrored:
        bright, tint = bright[:, ::-1], tint[..., ::-1]
    if version.turned:
        tint = _turned(tint, version.turned)
    if version.swapped:
        bright, tint = _exchanged(bright, tint)
    if version.covered:
        bright, tint = _covered(bright, version.covered), _covered(tint, version.covered)
    windows = ((version.share, version.down), (version.share, version.across))
    return _transform(bright, *windows), _seen(bright, tint, *windows)


def planes_of(picture: _Floats) -> tuple[_Floats, _Floats]:
    """Brightness (32, 32) and a* and b* (2, 12, 12) of a small picture."""
    bright = picture[:_BRIGHT_CELLS].reshape(BRIGHT_SIDE, BRIGHT_SIDE)
    return bright, picture[_BRIGHT_CELLS:].reshape(2, COLOUR_SIDE, COLOUR_SIDE)


def _covered(plane: _Floats, corner: str) -> _Floats:
    """The plane with one corner replaced by what the one beside it shows."""
    side = plane.shape[-1]
    badge = round(side * _BADGE_SHARE)
    rows = slice(side - badge, side) if corner[0] == "b" else slice(0, badge)
    # Mirrored, every corner is a right one.
    plane = (plane if corner[1] == "r" else plane[..., ::-1]).copy()
    plane[..., rows, side - badge :] = plane[..., rows, badge - 1 :: -1]
    return plane if corner[1] == "r" else plane[..., ::-1]


def _turned(tint: _Floats, degrees: float) -> _Floats:
    """The colours with all hues turned, lightness and chroma as they are."""
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], np.float32)
    turned: _Floats = np.tensordot(turn, tint - _NEUTRAL, (1, 0)).astype(np.float32) + _NEUTRAL
    return turned


def _exchanged(bright: _Floats, tint: _Floats) -> tuple[_Floats, _Floats]:
    """The planes with the colours of ground and sign exchanged: each is mirrored about the mean of the two.

    The ground is what most of the border shows; the sign is what is farthest from it in brightness.
    """
    small = squeezed(bright, COLOUR_SIDE)
    border = np.concatenate([small[0], small[-1], small[1:-1, 0], small[1:-1, -1]])
    ground = float(np.median(border))
    far = np.abs(small - ground)
    sign = far >= 0.6 * far.max()
    is_ground = far <= max(0.2 * float(far.max()), float(far.min()))
    bright = ground + float(small[sign].mean()) - bright
    sums = [float(np.median(plane[is_ground])) + float(np.median(plane[sign])) for plane in tint]
    return bright, np.stack([total - plane for total, plane in zip(sums, tint, strict=True)])


_Window = tuple[float, float]
"""The share of a line that is seen, and by how much of it the window is moved."""


def _seen(bright: _Floats, tint: _Floats, down: _Window, across: _Window) -> NDArray[np.uint8]:
    if (down, across) != (_WHOLE, _WHOLE):
        planes = ((bright, BRIGHT_SIDE), (tint, COLOUR_SIDE))
        bright, tint = (
            (_framing(side, side, *down) @ plane @ _framing(side, side, *across).T).astype(
                np.float32, copy=False
            )
            for plane, side in planes
        )
    flat = np.concatenate([bright.ravel(), tint.ravel()])
    seen: NDArray[np.uint8] = np.clip(np.rint(flat), 0, 255).astype(np.uint8)
    return seen


def _transform(bright: _Floats, down: _Window, across: _Window) -> _Floats:
    waves: _Floats = (_framed_cosines(*down) @ bright @ _framed_cosines(*across).T).astype(
        np.float32, copy=False
    )
    return waves


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


VERSION_NAMES: Final = (AS_IS, *(version.name for version in _VERSIONS))
