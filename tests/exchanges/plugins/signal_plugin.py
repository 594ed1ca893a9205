"""Signal and content types as others write them: their own way to compare and to hash."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from threatexchange.content_type.content_base import ContentType
from threatexchange.content_type.photo import PhotoContent
from threatexchange.content_type.video import VideoContent
from threatexchange.extensions.manifest import ThreatExchangeExtensionManifest
from threatexchange.signal_type.raw_text import RawTextSignal
from threatexchange.signal_type.signal_base import (
    BytesHasher,
    FileHasher,
    SignalComparisonResult,
    SimpleSignalType,
)
from threatexchange.signal_type.trend_query import TrendQuerySignal


class DocumentContent(ContentType):
    """A page of text, as a file."""


class NumbersSignal(SimpleSignalType, BytesHasher):
    """PhotoDNA's kind: numbers that are near each other one by one; the class names no index."""

    @classmethod
    def get_content_types(cls) -> list[type[Any]]:
        return [PhotoContent, DocumentContent]

    @classmethod
    def validate_signal_str(cls, signal_str: str) -> str:
        if not re.fullmatch(r"\d+(,\d+){3}", signal_str):
            raise ValueError("four numbers")
        return signal_str

    @classmethod
    def compare_hash(cls, hash1: str, hash2: str) -> SignalComparisonResult:
        one, other = (map(int, text.split(",")) for text in (hash1, hash2))
        far = sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
        return SignalComparisonResult.from_simple_dist(far, 100)

    @classmethod
    def hash_from_bytes(cls, bytes_: bytes) -> str:
        if bytes_.startswith(b"broken"):
            raise RuntimeError("this class has a fault")
        return ",".join(str(bytes_.count(one)) for one in b"aeio")

    @staticmethod
    def get_examples() -> list[str]:
        return ["1,2,3,4"]


class LengthSignal(SimpleSignalType, FileHasher):
    """Reads nothing but files on disk."""

    @classmethod
    def get_content_types(cls) -> list[type[Any]]:
        return [DocumentContent]

    @classmethod
    def hash_from_file(cls, file: Path) -> str:
        return str(file.stat().st_size)

    @staticmethod
    def get_examples() -> list[str]:
        return ["7"]


class FramesSignal(SimpleSignalType, BytesHasher):
    """vPDQ's kind: a code for each second of a film, so that a value may be as long as the film."""

    @classmethod
    def get_content_types(cls) -> list[type[Any]]:
        return [VideoContent]

    @classmethod
    def validate_signal_str(cls, signal_str: str) -> str:
        if not all(isinstance(one, str) for one in json.loads(signal_str)):
            raise ValueError("codes of frames")
        return signal_str

    @classmethod
    def compare_hash(cls, hash1: str, hash2: str) -> SignalComparisonResult:
        one, other = set(json.loads(hash1)), set(json.loads(hash2))
        return SignalComparisonResult.from_simple_dist(100 - 100 * len(one & other) // len(one | other), 50)

    @classmethod
    def hash_from_bytes(cls, bytes_: bytes) -> str:
        return json.dumps([bytes_[at : at + 32].hex() for at in range(0, len(bytes_), 32)])

    @staticmethod
    def get_examples() -> list[str]:
        return ['["00ff"]']


TX_MANIFEST = ThreatExchangeExtensionManifest(
    signal_types=(NumbersSignal, LengthSignal, FramesSignal, RawTextSignal, TrendQuerySignal),
    content_types=(DocumentContent,),
    apis=(),
)
