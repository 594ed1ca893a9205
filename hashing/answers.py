"""What a decoder answered as values, after a check: the picture that it decoded may have taken it over."""

from __future__ import annotations

import re
from typing import cast

from samelook.hashing.errors import LEAVES, DecoderDied, HashingError, JobFailed
from samelook.hashing.formats import ImageFormat
from samelook.hashing.signals import HashedPicture
from samelook.hashing.table import SIGNAL_NAMES

_SIGNAL_VALUE = re.compile(r"-?[0-9a-f]{1,128}")
_FORMATS = frozenset(("png", "ico", "gif", "jpeg", "webp", "bmp", "avif", "svg"))


def error_of(answer: object) -> HashingError:
    if not isinstance(answer, dict):
        return DecoderDied("The worker process answered nonsense.")
    leaf = LEAVES.get(str(answer.get("kind")), JobFailed)
    detail = answer.get("detail")
    error = leaf(str(answer.get("message")))
    if isinstance(detail, dict):
        error.detail.update(detail)
    return error


def hashed_picture_of(value: object) -> HashedPicture:
    """A worker's answer as a value, after a check that it has the form of one."""
    if not isinstance(value, dict):
        raise DecoderDied("The worker process answered nonsense.")
    numbers = [value.get(name) for name in ("width", "height", "frames", "bytes")]
    texts = [value.get(name) for name in ("sha256", "md5")]
    signals = value.get("signals")
    if (
        not all(isinstance(number, int) and number >= 0 for number in numbers)
        or not all(isinstance(text, str) and _SIGNAL_VALUE.fullmatch(text) for text in texts)
        or value.get("format") not in _FORMATS
        or not isinstance(signals, dict)
        or not all(
            name in SIGNAL_NAMES and isinstance(signal, str) and _SIGNAL_VALUE.fullmatch(signal)
            for name, signal in signals.items()
        )
    ):
        raise DecoderDied("The worker process answered nonsense.")
    width, height, frames, size = cast("list[int]", numbers)
    sha256, md5 = cast("list[str]", texts)
    image_format = cast("ImageFormat", value["format"])
    return HashedPicture(sha256, md5, image_format, width, height, frames, size, signals)
