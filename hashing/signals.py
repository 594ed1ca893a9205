"""The signals of a picture: every hash by which it can be found again.

| name | of | how |
|---|---|---|
| `pdq` | pixels on white | Meta's PDQ, 256 bits |
| `phash` | pixels on white | ImageHash's `phash`, 64 bits |
| `blockhash16`, `blockhash8` | pixels | block mean value hash of 16 x 16 and 8 x 8 bits, precise |
| `blockhash16_quick`, `blockhash8_quick` | pixels | the same by the quick method |
| `md5`, `sha256` | file | |
| `favicon_mmh3` | file | MurmurHash3 of the file in base64 with line breaks, as internet scanners do |

All are lower-case hex but the last, a signed decimal. Where a definition leaves transparency open the
picture is put on white; blockhash has a rule of its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from samelook.hashing.formats import ImageFormat
from samelook.hashing.picture import DecodeLimits

if TYPE_CHECKING:
    from samelook.hashing.picture import Picture

_BLOCKHASHES: Final = ("blockhash16", "blockhash16_quick", "blockhash8", "blockhash8_quick")
SIGNAL_NAMES: Final = ("pdq", "phash", *_BLOCKHASHES, "md5", "sha256", "favicon_mmh3")
FILE_SIGNAL_NAMES: Final = ("md5", "sha256", "favicon_mmh3")
"""Those that need no decoding."""

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
    """Decodes an image file and computes the signals named in `types`, all by default."""
    from samelook.hashing.decode import decode

    picture = decode(data, limits)
    signals = signals_of(data, picture, types)
    return HashedPicture(
        sha256=signals.get("sha256") or hashlib.sha256(data).hexdigest(),
        md5=signals.get("md5") or _md5(data),
        format=picture.format,
        width=picture.width,
        height=picture.height,
        frames=picture.frames,
        bytes=len(data),
        signals=signals,
    )


def signals_of(data: bytes, picture: Picture, types: Collection[str] | None = None) -> dict[str, str]:
    """The signals of a file and of the picture in it, in the order of `SIGNAL_NAMES`."""
    from samelook.hashing.blockhash import blockhashes
    from samelook.hashing.pdq import pdq
    from samelook.hashing.phash import phash

    wanted = _checked(types)
    found: dict[str, str] = {}
    if "pdq" in wanted:
        found["pdq"] = pdq(picture.rgba)[0].hex()
    if "phash" in wanted:
        found["phash"] = phash(picture.rgba).hex()
    if not wanted.isdisjoint(_BLOCKHASHES):
        by_name = zip(_BLOCKHASHES, blockhashes(picture.rgba), strict=True)
        found.update((name, value) for name, value in by_name if name in wanted)
    found.update(file_signals_of(data, wanted.intersection(FILE_SIGNAL_NAMES)))
    return found


def file_signals_of(data: bytes, types: Collection[str] | None = None) -> dict[str, str]:
    """The signals that any file has, image or not: `md5`, `sha256` and `favicon_mmh3`."""
    wanted = FILE_SIGNAL_NAMES if types is None else _checked(types)
    found: dict[str, str] = {}
    if "md5" in wanted:
        found["md5"] = _md5(data)
    if "sha256" in wanted:
        found["sha256"] = hashlib.sha256(data).hexdigest()
    if "favicon_mmh3" in wanted:
        found["favicon_mmh3"] = favicon_mmh3(data)
    return found


def favicon_mmh3(data: bytes) -> str:
    """What internet scanners index as `http.favicon.hash`: MurmurHash3 (32 bits, signed, seed 0) in decimal.

    It is taken of the file's base64 with a line break after every 76 characters and at the end.
    """
    import mmh3

    return str(mmh3.hash(base64.encodebytes(data)))


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _checked(types: Iterable[str] | None) -> frozenset[str]:
    wanted = frozenset(SIGNAL_NAMES if types is None else types)
    unknown = wanted.difference(SIGNAL_NAMES)
    if unknown:
        raise ValueError(
            f"Unknown signals: {', '.join(sorted(unknown))}. Known are {', '.join(SIGNAL_NAMES)}."
        )
    return wanted
