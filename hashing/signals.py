"""The signals of a picture, by the table of them (`samelook.hashing.table`).

Where a definition leaves transparency open the picture is put on white; blockhash has a rule of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samelook.hashing.formats import ImageFormat
from samelook.hashing.picture import DecodeLimits
from samelook.hashing.table import DEFAULT_NAMES, FILE_SIGNAL_NAMES, PICTURE_SIGNALS, SIGNAL_NAMES, SIGNALS

if TYPE_CHECKING:
    from samelook.hashing.picture import Picture

_DEFAULT_LIMITS = DecodeLimits()


@dataclass(frozen=True, slots=True)
class HashedPicture:
    """What is kept of an image file."""

    sha256: str
    md5: str
    format: ImageFormat
    width: int
    height: int
    frames: int
    bytes: int
    signals: dict[str, str]


def hash_bytes(
    data: bytes, limits: DecodeLimits = _DEFAULT_LIMITS, types: Collection[str] | None = None
) -> HashedPicture:
    """Decodes an image file and computes the signals named in `types`, by default all but optional ones."""
    from samelook.hashing.decode import decode

    picture = decode(data, limits)
    signals = signals_of(data, picture, types)
    digests = file_signals_of(data, {"md5", "sha256"} - signals.keys()) | signals
    return HashedPicture(
        sha256=digests["sha256"],
        md5=digests["md5"],
        format=picture.format,
        width=picture.width,
        height=picture.height,
        frames=picture.frames,
        bytes=len(data),
        signals=signals,
    )


def signals_of(data: bytes, picture: Picture, types: Collection[str] | None = None) -> dict[str, str]:
    """The signals of a file and of the picture in it, in the order of the table."""
    wanted = _checked(types)
    found = file_signals_of(data, wanted.intersection(FILE_SIGNAL_NAMES))
    # Several signals may have one hasher: it runs once.
    for hasher in dict.fromkeys(each.hasher for each in PICTURE_SIGNALS if each.name in wanted):
        if hasher is not None:
            found.update(hasher(picture.rgba))
    return {name: found[name] for name in SIGNAL_NAMES if name in wanted}


def file_signals_of(data: bytes, types: Collection[str] = FILE_SIGNAL_NAMES) -> dict[str, str]:
    """The signals that any file has, image or not: `md5`, `sha256` and `favicon_mmh3`."""
    chosen = (SIGNALS[name] for name in FILE_SIGNAL_NAMES if name in _checked(types))
    return {each.name: each.digest(data) for each in chosen if each.digest is not None}


def _checked(types: Iterable[str] | None) -> frozenset[str]:
    wanted = frozenset(DEFAULT_NAMES if types is None else types)
    unknown = wanted.difference(SIGNAL_NAMES)
    if unknown:
        raise ValueError(
            f"Unknown signals: {', '.join(sorted(unknown))}. Known are {', '.join(SIGNAL_NAMES)}."
        )
    return wanted
