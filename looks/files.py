"""The looks of an image file: one for each distinct frame."""

from __future__ import annotations

from samelook.hashing.decode import decode_frames
from samelook.hashing.errors import DecoderDied
from samelook.hashing.picture import DecodeLimits
from samelook.looks.look import BadLook, Look, look_of

MOST_FRAMES = 64
"""Frames of one file that have looks of their own."""


def looks_of_file(data: bytes, limits: DecodeLimits | None = None) -> list[bytes]:
    """Stored looks of the frames, largest first; a degenerate one is a look without forms.

    For `Sandbox.run`, as it decodes what may be hostile. Raises HashingError.
    """
    frames = decode_frames(data, limits or DecodeLimits())[:MOST_FRAMES]
    return list(dict.fromkeys(look_of(frame.rgba).to_bytes() for frame in frames))


def looks_in(answer: object) -> list[Look]:
    """The looks in what a sandboxed `looks_of_file` gave. Raises DecoderDied if they cannot be."""
    if not isinstance(answer, list) or not 0 < len(answer) <= MOST_FRAMES:
        raise DecoderDied("The worker process answered nonsense.")
    try:
        return [Look.from_bytes(raw if isinstance(raw, bytes) else b"") for raw in answer]
    except BadLook as error:
        raise DecoderDied("The worker process answered nonsense.") from error
