"""What was hashed, as PNG files for people to look at."""

from __future__ import annotations

import io

from samelook.hashing.decode import decode_frames
from samelook.hashing.formats import sniff
from samelook.hashing.picture import DecodeLimits, Picture

MOST_FRAMES = 64


def pngs_of(data: bytes, limits: DecodeLimits) -> list[bytes]:
    """Every distinct frame of a file, largest first; of an SVG also what is blank or only partly drawn.

    For `Sandbox.run`. Raises HashingError.
    """
    if sniff(data) == "svg" and len(data) <= limits.max_bytes:
        from samelook.hashing.svg import drawn

        return [_png(drawn(data, limits).picture)]
    return [_png(picture) for picture in decode_frames(data, limits)[:MOST_FRAMES]]


def _png(picture: Picture) -> bytes:
    from PIL import Image

    stored = io.BytesIO()
    Image.fromarray(picture.rgba).save(stored, "PNG")
    return stored.getvalue()
