"""The signal types: how the library hashes, checks and compares what Samelook's banks hold."""

from __future__ import annotations

import hashlib
import logging
import pathlib
import random
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
        return "" if is_flat(bytes.fromhex(found)) else found


class Blockhash16Signal(PictureSignal):
    """Block mean value hash of 16 x 16 bits (blockhash.io), precise method."""

    INDEX = index.Blockhash16Index
    INDICATOR_TYPE: ClassVar[IndicatorTypes] = {"DEBUG_STRING": "signal_type:blockhash16"}

    @staticmethod
    def get_examples() -> list[str]:
        return ["fffffe7ffc3ff81ff81ff00fe003e007e007e007e007e007e003e003e007ffff"]


class Blockhash16QuickSignal(PictureSignal):
    """Block mean value hash of 16 x 16 bits (blockhash.io), quick method."""

    INDEX = index.Blockhash16QuickIndex
    INDICATOR_TYPE: ClassVar[IndicatorTypes] = {"DEBUG_STRING": "signal_type:blockhash16_quick"}

    @staticmethod
    def get_examples() -> list[str]:
        return ["fffffe7ffc3ff81ff81ff00fe003e007e007e007e007e007e003e003e007ffff"]


class Blockhash8Signal(PictureSignal):
    """Block mean value hash of 8 x 8 bits (blockhash.io), precise method."""

    INDEX = index.Blockhash8Index
    INDICATOR_TYPE: ClassVar[IndicatorTypes] = {"DEBUG_STRING": "signal_type:blockhash8"}

    @staticmethod
    def get_examples() -> list[str]:
        return ["e7c3e3c1c3c381cf", "e7c3e3c1c3c381f3"]


class Blockhash8QuickSignal(PictureSignal):
    """Block mean value hash of 8 x 8 bits (blockhash.io), quick method."""

    INDEX = index.Blockhash8QuickIndex
    INDICATOR_TYPE: ClassVar[IndicatorTypes] = {"DEBUG_STRING": "signal_type:blockhash8_quick"}

    @staticmethod
    def get_examples() -> list[str]:
        return ["e7c3e3c1c3c381cf", "e7c3e3c1c3c381f3"]


class PhashSignal(PictureSignal):
    """ImageHash's pHash of 64 bits."""

    INDEX = index.PhashIndex
    INDICATOR_TYPE: ClassVar[IndicatorTypes] = {"DEBUG_STRING": "signal_type:phash"}

    @staticmethod
    def get_examples() -> list[str]:
        return ["f8c69798ce38a9a1", "ec9387cc9a68b9a1"]


class DigestSignal(BankSignal):
    """A digest of a whole file: equal values are of equal files."""

    @classmethod
    def hash_from_bytes(cls, bytes_: bytes) -> str:
        return file_signals_of(bytes_, (cls.get_name(),))[cls.get_name()]


class Md5Signal(DigestSignal):
    """MD5 of a file."""

    INDEX = index.Md5Index
    INDICATOR_TYPE: ClassVar[IndicatorTypes] = {"HASH_MD5": "media_type_photo"}

    @classmethod
    def hash_from_file(cls, file: pathlib.Path) -> str:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()

    @staticmethod
    def get_examples() -> list[str]:
        return [hashlib.md5(b"samelook", usedforsecurity=False).hexdigest()]


class Sha256Signal(DigestSignal):
    """SHA-256 of a file."""

    INDEX = index.Sha256Index
    INDICATOR_TYPE: ClassVar[IndicatorTypes] = {"HASH_SHA256": "media_type_photo"}

    @classmethod
    def hash_from_file(cls, file: pathlib.Path) -> str:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()

    @staticmethod
    def get_examples() -> list[str]:
        return [hashlib.sha256(b"samelook").hexdigest()]


class FaviconMmh3Signal(DigestSignal):
    """MurmurHash3 of a favicon as internet scanners index it: a signed decimal."""

    INDEX = index.FaviconMmh3Index
    INDICATOR_TYPE: ClassVar[IndicatorTypes] = {"DEBUG_STRING": "signal_type:favicon_mmh3"}

    @staticmethod
    def get_examples() -> list[str]:
        return ["-2094715651"]
