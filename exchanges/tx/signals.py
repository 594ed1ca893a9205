"""The signal types: how the library hashes, checks and compares what Samelook's banks hold."""

from __future__ import annotations

import hashlib
import logging
import pathlib
import random
from functools import partial
from typing import Any, ClassVar, TypeAlias

from threatexchange.content_type.content_base import ContentType
from threatexchange.content_type.photo import PhotoContent
from threatexchange.content_type.video import VideoContent
from threatexchange.exchanges.impl.fb_threatexchange_signal import HasFbThreatExchangeIndicatorType
from threatexchange.signal_type.signal_base import (
    BytesHasher,
    CanGenerateRandomSignal,
    SignalComparisonResult,
    SignalType,
)

from samelook.hashing.decode import decode
from samelook.hashing.errors import HashingError
from samelook.hashing.signals import file_signals_of, signals_of
from samelook.hashing.table import PICTURE_SIGNALS, Signal

from . import index
from .values import is_flat, parsed

_log = logging.getLogger(__name__)
IndicatorTypes: TypeAlias = str | set[str] | dict[str, str | None]
"""What Meta's ThreatExchange calls a type of signal, by which tag if several share the name."""

_CONTENT_TYPES: dict[str, type[ContentType]] = {"photo": PhotoContent, "video": VideoContent}


class BankSignal(SignalType, BytesHasher, HasFbThreatExchangeIndicatorType, CanGenerateRandomSignal):
    """A type of signal that Samelook's banks hold; the one that `INDEX` finds."""

    INDEX: ClassVar[type[index.BankIndex[Any]]]

    @classmethod
    def get_name(cls) -> str:
        return cls.INDEX.KIND.name

    @classmethod
    def get_content_types(cls) -> list[type[ContentType]]:
        return [_CONTENT_TYPES[name] for name in cls.INDEX.KIND.content_types]

    @classmethod
    def get_index_cls(cls) -> type[index.BankIndex[Any]]:
        return cls.INDEX

    @classmethod
    def validate_signal_str(cls, signal_str: str) -> str:
        """The signal in lower case without blanks around it. Raises ValueError."""
        return cls.INDEX.KIND.text(parsed(cls.INDEX.KIND, signal_str))

    @classmethod
    def normalize_fb_threatexchange_indicator(
        cls,
        tx_type: str,  # noqa: ARG003 - the library's signature
        tx_indicator: str,
        tx_tag: str | None,  # noqa: ARG003
    ) -> str:
        return tx_indicator.strip().lower()

    @classmethod
    def compare_hash(cls, hash1: str, hash2: str) -> SignalComparisonResult:
        """Whether two signals match, and in how many bits they differ. Raises ValueError."""
        kind = cls.INDEX.KIND
        one, other = parsed(kind, hash1), parsed(kind, hash2)
        if kind.radius is None:
            return SignalComparisonResult.from_bool_only(one == other)
        return SignalComparisonResult.from_simple_dist(kind.distance(one, other), kind.radius)

    @classmethod
    def get_random_signal(cls) -> str:
        kind = cls.INDEX.KIND
        return kind.text(random.randbytes(kind.bits // 8))  # noqa: S311 - sample data


class PictureSignal(BankSignal):
    """A hash of pixels: near values are of pictures that look alike."""

    @classmethod
    def hash_from_bytes(cls, bytes_: bytes) -> str:
        """The picture's hash; empty when the bytes are no picture that can be decoded, or a blank one."""
        try:
            picture = decode(bytes_)
        except HashingError as error:
            _log.info("no %s: %s", cls.get_name(), error)
            return ""
        found = signals_of(bytes_, picture, (cls.get_name(),))[cls.get_name()]
        one_colour = bool((picture.rgba == picture.rgba[0, 0]).all())
        return "" if one_colour or is_flat(bytes.fromhex(found)) else found


class DigestSignal(BankSignal):
    """A digest of a whole file: equal values are of equal files."""

    @classmethod
    def hash_from_bytes(cls, bytes_: bytes) -> str:
        return file_signals_of(bytes_, (cls.get_name(),))[cls.get_name()]

    @classmethod
    def hash_from_file(cls, file: pathlib.Path) -> str:
        if cls.get_name() not in {"md5", "sha256"}:
            return super().hash_from_file(file)
        with file.open("rb") as opened:  # a video need not be in memory
            begun = partial(hashlib.new, cls.get_name(), usedforsecurity=False)
            return hashlib.file_digest(opened, begun).hexdigest()


# What Meta's ThreatExchange has types of its own for.
_INDICATOR_TYPES: dict[str, IndicatorTypes] = {
    "md5": {"HASH_MD5": "media_type_photo"},
    "sha256": {"HASH_SHA256": "media_type_photo"},
}


def _type_of(signal: Signal) -> type[BankSignal]:
    base: type[BankSignal] = PictureSignal if signal.of == "pixels" else DigestSignal
    body = {
        "INDEX": index.INDEXES[signal.name],
        "INDICATOR_TYPE": _INDICATOR_TYPES.get(signal.name, {"DEBUG_STRING": f"signal_type:{signal.name}"}),
        "get_examples": staticmethod(lambda: list(signal.examples)),
        "__module__": __name__,
        "__doc__": signal.summary,
    }
    return type(index.class_name(signal, "Signal"), (base,), body)


# Those whose library is missing are left out: `tx match` hashes a picture by all types that it has.
SIGNAL_TYPES: tuple[type[BankSignal], ...] = tuple(
    _type_of(each) for each in PICTURE_SIGNALS if each.name in index.INDEXES and each.can_be_computed
)
"""Every signal type of pictures that the library has none of. It has `pdq` and `video_md5` itself."""
# By their names too, as the library and HMA load classes.
globals().update({kind.__name__: kind for kind in SIGNAL_TYPES})
