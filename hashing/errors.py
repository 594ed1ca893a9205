"""What can go wrong between bytes and signals."""

from __future__ import annotations

from collections.abc import Mapping

from samelook.errors import SamelookError


class HashingError(SamelookError):
    """A picture could not be decoded or hashed.

    `kind` is a stable word for tables and programs, the message is for people, and `detail`
    holds JSON-ready facts (sizes, limits, what was found instead).
    """

    kind = "hashing_error"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; keyword arguments do not survive the default pickling.
        return _rebuild, (type(self), self.message, self.detail)


class Unreadable(HashingError):
    """The file is not there, or may not be read."""

    kind = "unreadable"


class Empty(HashingError):
    """There are no bytes at all."""

    kind = "empty"


class NotAnImage(HashingError):
    """The bytes begin like no image format, for example like a web page."""

    kind = "not_an_image"


class UnsupportedFormat(HashingError):
    """The bytes are an image of a format that is not decoded here on purpose."""

    kind = "unsupported_format"


class TooManyBytes(HashingError):
    """The file is larger than the limit."""

    kind = "too_many_bytes"


class TooManyPixels(HashingError):
    """The header claims more pixels, or a longer side, than the limit."""

    kind = "too_many_pixels"


class TooManyFrames(HashingError):
    """The file claims more frames than the limit."""

    kind = "too_many_frames"


class Truncated(HashingError):
    """The file ends before its picture does."""

    kind = "truncated"


class DecodeFailed(HashingError):
    """The format is right, but the decoder cannot make a picture of the content."""

    kind = "decode_failed"


class SvgRefused(HashingError):
    """An SVG asks for what is not granted: external entities, too many elements, too deep a tree."""

    kind = "svg_refused"


class SvgBlank(HashingError):
    """A valid SVG that shows nothing at all."""

    kind = "svg_blank"


class SvgPartlyDrawn(HashingError):
    """A valid SVG of which browsers show more than can be drawn here; `missing` says what."""

    kind = "svg_partly_drawn"


class DecoderTimeout(HashingError):
    """Decoding took longer than the sandbox allows."""

    kind = "decoder_timeout"


class DecoderDied(HashingError):
    """The worker process died over this picture."""

    kind = "decoder_died"


class DecoderMemory(HashingError):
    """Decoding needed more memory than there is."""

    kind = "decoder_memory"


class JobFailed(HashingError):
    """A function run in the sandbox raised an error of its own, which no picture should cause."""

    kind = "job_failed"


LEAVES: Mapping[str, type[HashingError]] = {
    leaf.kind: leaf
    for leaf in (
        Unreadable,
        Empty,
        NotAnImage,
        UnsupportedFormat,
        TooManyBytes,
        TooManyPixels,
        TooManyFrames,
        Truncated,
        DecodeFailed,
        SvgRefused,
        SvgBlank,
        SvgPartlyDrawn,
        DecoderTimeout,
        DecoderDied,
        DecoderMemory,
        JobFailed,
    )
}


def _rebuild(cls: type[HashingError], message: str, detail: dict[str, object]) -> HashingError:
    return cls(message, **detail)
