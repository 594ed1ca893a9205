"""The table of signals: each hash by which a picture can be found again, with all that sets it apart.

Whoever computes, stores, banks, searches or exports signals reads this table; a new algorithm is an entry
here and a table `hash_<name>` in a migration. All values are lower-case hex but those that are `decimal`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]
    """Straight RGBA, shape (h, w, 4)."""

Hasher: TypeAlias = "Callable[[Pixels], Mapping[str, str]]"
"""Gives one signal of a picture, or several by name that are cheaper together."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of hash."""

    name: str
    bits: int
    of: Literal["pixels", "file", "video"]
    """What it is computed from: the pixels of a picture, any file, or a video's file."""
    summary: str
    hasher: Hasher | None = None
    """Of pixels."""
    digest: Callable[[bytes], str] | None = None
    """Of a file."""
    bank_radius: int | None = None
    """In banks two values match within so many bits. None: only equal values match."""
    look_alike_radius: int | None = None
    """The inspector lists pictures within so many bits as look-alikes. None: it compares no distances."""
    decimal: bool = False
    """Written as a signed decimal."""
    own_table: bool = True
    """The crawl keeps it in a table `hash_<name>`; the others are columns of `favicons`."""
    optional: bool = False
    """Only computed and banked where SAMELOOK_SIGNALS names it."""
    by_default: bool = False
    """Computed for a content that somebody adds to a bank without saying by which signals, as HMA has it."""
    needs: str = ""
    """A module that computing it needs, which the extra of that name installs."""
    examples: tuple[str, ...] = ()

    @property
    def can_be_computed(self) -> bool:
        """Whether what it needs is installed."""
        return not self.needs or find_spec(self.needs) is not None


def favicon_mmh3(data: bytes) -> str:
    """What internet scanners index as `http.favicon.hash`: MurmurHash3 (32 bits, signed, seed 0) in decimal.

    It is taken of the file's base64 with a line break after every 76 characters and at the end.
    """
    import mmh3

    return str(mmh3.hash(base64.encodebytes(data)))


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _pdq(pixels: Pixels) -> dict[str, str]:
    from samelook.hashing.pdq import pdq

    return {"pdq": pdq(pixels)[0].hex()}


def _phash(pixels: Pixels) -> dict[str, str]:
    from samelook.hashing.phash import phash

    return {"phash": phash(pixels).hex()}


def _blockhashes(pixels: Pixels) -> dict[str, str]:
    from samelook.hashing.blockhash import blockhashes

    names = ("blockhash16", "blockhash16_quick", "blockhash8", "blockhash8_quick")
    return dict(zip(names, blockhashes(pixels), strict=True))


def _by_imagehash(name: str, function: str) -> Hasher:
    """A hasher that asks the ImageHash package, of the picture on white."""

    def hasher(pixels: Pixels) -> dict[str, str]:
        import imagehash
        from PIL import Image

        from samelook.hashing.picture import composite_on

        value = getattr(imagehash, function)(Image.fromarray(composite_on(pixels)))
        # colorhash has 42 bits; indexes hold 64.
        return {name: str(value).rjust(16, "0")}

    return hasher


def _of_imagehash(
    name: str,
    function: str,
    summary: str,
    *,
    bank_radius: int,
    look_alike_radius: int,
    examples: tuple[str, ...],
) -> Signal:
    return Signal(
        name,
        64,
        "pixels",
        summary,
        hasher=_by_imagehash(name, function),
        bank_radius=bank_radius,
        look_alike_radius=look_alike_radius,
        optional=True,
        needs="imagehash",
        examples=examples,
    )


_PRECISE_16 = "fffffe7ffc3ff81ff81ff00fe003e007e007e007e007e007e003e003e007ffff"
_ENTRIES: Final = (
    # PDQ's radius in banks is HMA's. Those of the others are as strict as a 256-bit code at 12 bits: what
    # re-encoding a picture changes, not more (docs/hash-matching.md). The inspector looks wider: an eighth of
    # the bits, as PDQ's authors advise.
    Signal(
        "pdq",
        256,
        "pixels",
        "Meta's PDQ, of the picture on white.",
        hasher=_pdq,
        bank_radius=31,
        look_alike_radius=31,
        by_default=True,
    ),
    Signal(
        "video_md5", 128, "video", "MD5 of a video file, as HMA names it.", own_table=False, by_default=True
    ),
    Signal(
        "phash",
        64,
        "pixels",
        "ImageHash's pHash of 64 bits.",
        hasher=_phash,
        bank_radius=6,
        look_alike_radius=8,
        examples=("f8c69798ce38a9a1", "ec9387cc9a68b9a1"),
    ),
    Signal(
        "blockhash16",
        256,
        "pixels",
        "Block mean value hash of 16 x 16 bits (blockhash.io), precise method.",
        hasher=_blockhashes,
        bank_radius=12,
        look_alike_radius=31,
        examples=(_PRECISE_16,),
    ),
    Signal(
        "blockhash16_quick",
        256,
        "pixels",
        "Block mean value hash of 16 x 16 bits (blockhash.io), quick method.",
        hasher=_blockhashes,
        bank_radius=12,
        look_alike_radius=31,
        examples=(_PRECISE_16,),
    ),
    Signal(
        "blockhash8",
        64,
        "pixels",
        "Block mean value hash of 8 x 8 bits (blockhash.io), precise method.",
        hasher=_blockhashes,
        bank_radius=3,
        look_alike_radius=8,
        examples=("e7c3e3c1c3c381cf", "e7c3e3c1c3c381f3"),
    ),
    Signal(
        "blockhash8_quick",
        64,
        "pixels",
        "Block mean value hash of 8 x 8 bits (blockhash.io), quick method.",
        hasher=_blockhashes,
        bank_radius=3,
        look_alike_radius=8,
        examples=("e7c3e3c1c3c381cf", "e7c3e3c1c3c381f3"),
    ),
    Signal("md5", 128, "file", "MD5 of a file.", digest=_md5, own_table=False, examples=(_md5(b"samelook"),)),
    Signal(
        "sha256",
        256,
        "file",
        "SHA-256 of a file.",
        digest=_sha256,
        own_table=False,
        examples=(_sha256(b"samelook"),),
    ),
    Signal(
        "favicon_mmh3",
        32,
        "file",
        "MurmurHash3 of a favicon as internet scanners index it: a signed decimal.",
        digest=favicon_mmh3,
        decimal=True,
        examples=("-2094715651",),
    ),
    _of_imagehash(
        "dhash",
        "dhash",
        "ImageHash's dHash of 64 bits: whether each pixel of a row is brighter than the one before.",
        bank_radius=6,
        look_alike_radius=8,
        examples=("298c072b3b1b1b1b", "298c072b23272727"),
    ),
    _of_imagehash(
        "ahash",
        "average_hash",
        "ImageHash's average hash of 64 bits: whether each pixel is brighter than the mean.",
        bank_radius=3,
        look_alike_radius=8,
        examples=("ffe7c381c1c1c1ff", "ffe7c381c1c3c1ff"),
    ),
    _of_imagehash(
        "whash",
        "whash",
        "ImageHash's wavelet hash of 64 bits, by Haar wavelets.",
        bank_radius=3,
        look_alike_radius=8,
        examples=("ffe7c381818181cf", "ffe7c381818181f3"),
    ),
    _of_imagehash(
        "colorhash",
        "colorhash",
        "ImageHash's hash of the shares of colours, 42 bits, with zeros before them to make 64.",
        bank_radius=2,
        look_alike_radius=4,
        examples=("000000e000030040",),
    ),
)

SIGNALS: Final[Mapping[str, Signal]] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
PICTURE_SIGNALS: Final = tuple(entry for entry in _ENTRIES if entry.of != "video")
"""Those that a picture file can have."""
SIGNAL_NAMES: Final = tuple(entry.name for entry in PICTURE_SIGNALS)
DEFAULT_NAMES: Final = tuple(entry.name for entry in PICTURE_SIGNALS if not entry.optional)
FILE_SIGNAL_NAMES: Final = tuple(entry.name for entry in _ENTRIES if entry.of == "file")
"""Those that need no decoding."""
OPTIONAL_NAMES: Final = tuple(entry.name for entry in _ENTRIES if entry.optional)
STORED: Final = tuple(entry for entry in _ENTRIES if entry.own_table)
"""Those that have a table `hash_<name>`."""
COMPARED: Final = tuple(entry for entry in STORED if entry.look_alike_radius is not None)
"""Those whose tables the inspector compares by distance."""


def chosen_names(words: Iterable[str]) -> tuple[str, ...]:
    """The optional signals of these names, each once. Raises ValueError for one that there is not."""
    chosen = tuple(dict.fromkeys(words))
    unknown = [word for word in chosen if word not in OPTIONAL_NAMES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no optional signal; write {', '.join(OPTIONAL_NAMES) or 'none'}")
    for word in chosen:
        if not SIGNALS[word].can_be_computed:
            raise ValueError(f"{word} needs a library: pip install 'samelook[{SIGNALS[word].needs}]'")
    return chosen
