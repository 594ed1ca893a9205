"""The signals of an uploaded or fetched file, computed where hostile bytes can do no harm."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import IO, Protocol

from samelook.hashing.decode import DecodeLimits, decode
from samelook.hashing.errors import HashingError
from samelook.hashing.pdq import pdq
from samelook.hashing.sandbox import Sandbox
from samelook.hashing.signals import file_signals_of, signals_of
from samelook.hashing.table import FILE_SIGNAL_NAMES

from .errors import BadContent, BadSignal
from .own_values import OwnHasher
from .signal_types import SIGNAL_TYPES, ContentType, SignalType, content_types

_log = logging.getLogger(__name__)


class Digest(Protocol):
    """What hashlib makes."""

    def update(self, piece: bytes, /) -> None:
        """Takes the next piece."""

    def hexdigest(self) -> str:
        """The digest of all pieces, in lower-case hex."""


LEAST_QUALITY = 50
"""PDQ of a picture with less is as good as random: HMA's threshold, which goes back to PDQ's authors."""
_QUALITY = "quality"
_LARGE = 1 << 20
"""Bytes from which digests are taken in a thread: a gigabyte takes seconds."""


STREAMED: Mapping[str, Callable[[], Digest]] = MappingProxyType(
    {
        "md5": partial(hashlib.md5, usedforsecurity=False),
        "video_md5": partial(hashlib.md5, usedforsecurity=False),
        "sha256": hashlib.sha256,
    }
)
"""Signals for which a file is read once, in pieces: it may be larger than memory."""


class StreamedFile:
    """The signals of a file that comes in pieces, none of which is kept."""

    def __init__(self, types: Iterable[str]) -> None:
        self.size = 0
        self._types = tuple(types)
        self._digests = {name: STREAMED[name]() for name in self._types}

    def update(self, piece: bytes) -> None:
        """Takes the next piece."""
        self.size += len(piece)
        for digest in self._digests.values():
            digest.update(piece)

    def hashed(self) -> Hashed:
        """The signals of all pieces."""
        signals = {name: digest.hexdigest() for name, digest in self._digests.items()}
        return Hashed(signals, None, self._types)


class Featureless(BadContent):
    """The picture has too little detail for any of the signals asked for."""

    kind = "featureless"


@dataclass(frozen=True, slots=True)
class Hashed:
    """The signals of a file."""

    signals: dict[str, str]
    quality: int | None
    """Of the PDQ, 0 to 100, when one was asked for. Under 50 there is no PDQ among the signals."""
    asked: tuple[str, ...]
    """The types that were to be computed, in the order of the question."""

    def usable(self) -> dict[str, str]:
        """The signals, of which there is one at least. Raises Featureless or BadContent."""
        if not self.signals and self.quality is None:
            raise BadContent("the file has none of the signals asked for", field="types")
        if not self.signals:
            raise Featureless(
                f"The picture has too little detail for PDQ: its quality is {self.quality} of 100, and under "
                f"{LEAST_QUALITY} a PDQ would match at random.",
                quality=self.quality,
                least_quality=LEAST_QUALITY,
            )
        return self.signals

    def as_hma(self) -> dict[str, str]:
        """The signals in the order of the question, with an empty text for each that there is none of."""
        return {name: self.signals.get(name, "") for name in self.asked}


def wanted_types(content_type: ContentType, asked: str | None, ratios: dict[str, float]) -> list[str]:
    """Names of the signal types to compute: those asked for, comma-separated, or HMA's for the content type.

    Raises BadContent for one that is unknown, disabled or not for this type of content.
    """
    possible = [
        kind for kind in SIGNAL_TYPES.values() if _is_of(kind, content_type) and ratios[kind.name] > 0
    ]
    if asked is None:
        chosen = [kind.name for kind in possible if kind.by_default]
    else:
        names = {kind.name for kind in possible}
        chosen = [name for part in asked.split(",") if (name := part.strip())]
        for name in chosen:
            if name not in names:
                raise BadContent(
                    f"signal type {name[:80]!r} doesn't exist, is disabled, or is none of a {content_type}",
                    field="types",
                )
    if not chosen:
        raise BadContent("empty signal type selection", field="types")
    return list(dict.fromkeys(chosen))


def _is_of(kind: SignalType, content_type: ContentType) -> bool:
    # Digests are of any file, whatever types of content the settings have added.
    return content_type in kind.content_types or (
        kind.name in FILE_SIGNAL_NAMES and content_type in content_types()
    )


def known_content_type(name: str) -> ContentType:
    """The content type of that name. Raises BadContent."""
    known = content_types()
    if name in known:
        return name
    raise BadContent(
        f"no such content_type: {name[:80]!r}. There are {', '.join(known)}.", field="content_type"
    )


async def hash_media(sandbox: Sandbox, data: bytes, types: Collection[str], max_pixels: int) -> Hashed:
    """The signals of a file, in the order of `types`.

    Raises BadContent for an empty file, and HashingError when it is no picture and must be.
    """
    if not data:
        raise BadContent("the file is empty", field="file")
    # PDQ and the hashes of pixels need the sandbox; digests of the file do not.
    hashers = {name: hasher for name in types if (hasher := SIGNAL_TYPES[name].hasher) is not None}
    files = {*FILE_SIGNAL_NAMES, "video_md5", *hashers}
    pixels = [name for name in types if name not in files]
    found: dict[str, str] = {}
    quality: int | None = None
    if pixels:
        answer = await sandbox.run(picture_signals, data, tuple(pixels), max_pixels)
        if not isinstance(answer, dict):
            raise BadContent("the picture could not be hashed")
        quality = answer.pop(_QUALITY, None)
        found = {name: SIGNAL_TYPES[name].text(SIGNAL_TYPES[name].parse(answer[name])) for name in answer}
    large = len(data) > _LARGE
    found.update(await asyncio.to_thread(_digests, data, types) if large else _digests(data, types))
    for name, hasher in hashers.items():
        found[name] = await _hashed_elsewhere(sandbox, name, hasher, data)
    signals = {name: found[name] for name in types if found.get(name)}
    return Hashed(signals, quality, tuple(types))


def _digests(data: bytes, types: Collection[str]) -> dict[str, str]:
    streamed = StreamedFile(name for name in types if name in STREAMED)
    streamed.update(data)
    others = [name for name in types if name in FILE_SIGNAL_NAMES and name not in STREAMED]
    return {**streamed.hashed().signals, **file_signals_of(data, others)}


async def _hashed_elsewhere(sandbox: Sandbox, name: str, hasher: OwnHasher, data: bytes) -> str:
    """What another's class makes of a file, empty if nothing. One that fails costs other signals nothing."""
    try:
        if hasher.needs_path:
            # Decoders may write no file, but read one.
            with tempfile.NamedTemporaryFile(prefix="samelook-") as file:
                await asyncio.to_thread(_written, file, data)
                value = await sandbox.run(hasher.hashed, b"", file.name)
        else:
            value = await sandbox.run(hasher.hashed, data, None)
        kind = SIGNAL_TYPES[name]
        return kind.text(kind.parse(value)) if value else ""
    except (HashingError, BadSignal) as error:
        _log.warning("signal_type.not_hashed: %s: %s", name, error)
        return ""


def _written(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()


def picture_signals(data: bytes, types: tuple[str, ...], max_pixels: int) -> dict[str, str | int]:
    """Runs in a sandboxed process: the signals of a picture, and the quality of its PDQ if asked for."""
    picture = decode(
        data, DecodeLimits(max_bytes=max(len(data), DecodeLimits().max_bytes), max_pixels=max_pixels)
    )
    found: dict[str, str | int] = {}
    others = tuple(name for name in types if name != "pdq")
    if others:
        found.update(signals_of(data, picture, others))
    if "pdq" in types:
        code, quality = pdq(picture.rgba)
        found[_QUALITY] = quality
        if quality >= LEAST_QUALITY:
            found["pdq"] = code.hex()
    return found
