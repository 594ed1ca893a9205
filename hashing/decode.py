"""Image bytes to pixels, within limits, with every failure a `HashingError`.

The picture is what a person sees in a browser, except that it stays as stored: Exif orientation is not
applied unless asked for, because the hash lists that signals are compared with are made without it.
"""

from __future__ import annotations

from samelook.hashing.errors import Empty, NotAnImage, TooManyBytes, UnsupportedFormat
from samelook.hashing.formats import ImageFormat, foreign_format, sniff
from samelook.hashing.picture import DecodeLimits, Picture, composite_on

__all__ = ["DecodeLimits", "Picture", "composite_on", "decode", "decode_frames"]

_DEFAULT_LIMITS = DecodeLimits()


def decode(
    data: bytes, limits: DecodeLimits = _DEFAULT_LIMITS, *, apply_orientation: bool = False
) -> Picture:
    """The picture in an image file: the largest frame of an ICO, the first of an animation, a drawn SVG."""
    image_format = _format_of(data, limits)
    if image_format == "ico":
        from samelook.hashing.ico import decode_largest

        return decode_largest(data, limits)
    if image_format == "svg":
        from samelook.hashing.svg import draw

        return draw(data, limits)
    from samelook.hashing.raster import decode_raster

    return decode_raster(data, image_format, limits, apply_orientation=apply_orientation)


def decode_frames(data: bytes, limits: DecodeLimits = _DEFAULT_LIMITS) -> list[Picture]:
    """Every distinct frame of an ICO, largest first; of any other format the one, turned as Exif says."""
    if _format_of(data, limits) == "ico":
        from samelook.hashing.ico import decode_all

        return decode_all(data, limits)
    return [decode(data, limits, apply_orientation=True)]


def _format_of(data: bytes, limits: DecodeLimits) -> ImageFormat:
    if not data:
        raise Empty("The file is empty.")
    if len(data) > limits.max_bytes:
        raise TooManyBytes(
            f"The file has {len(data)} bytes; the limit is {limits.max_bytes}.",
            bytes=len(data),
            max_bytes=limits.max_bytes,
        )
    image_format = sniff(data)
    if image_format is None:
        foreign = foreign_format(data)
        if foreign is not None:
            raise UnsupportedFormat(f"This is {foreign}, which is not decoded.", found=foreign)
        raise NotAnImage("The bytes begin like no image format.", starts_with=data[:16].hex())
    return image_format
