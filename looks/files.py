"""The looks of an image file: one for each distinct frame."""

from __future__ import annotations

from samelook.hashing.decode import decode_frames
from samelook.hashing.errors import DecoderDied
from samelook.hashing.picture import DecodeLimits, Picture
from samelook.looks.look import BadLook, Look, look_of

MOST_FRAMES = 64
"""Frames of one file that have looks of their own."""
MOST_LOOKS = 16
"""Looks of one file that count; each is searched by itself, and real files have six."""
_DRAWN = (16, 32, 48, 64)
"""Sides at which tabs are drawn, by the screen's scale."""
_OF_ONE_SIDE = 3


def looks_of_file(data: bytes, limits: DecodeLimits | None = None) -> list[bytes]:
    """Stored looks of the frames, largest first; a degenerate one is a look without forms.

    Of more than count, those come first that browsers draw in a tab: a copier could hide such a frame behind
    many larger ones.

    For `Sandbox.run`, as it decodes what may be hostile. Raises HashingError.
    """
    frames = decode_frames(data, limits or DecodeLimits())
    if len(frames) > MOST_LOOKS:
        frames = _drawn_first(frames)[:MOST_FRAMES]
    return list(dict.fromkeys(look_of(frame.rgba).to_bytes() for frame in frames))


def _drawn_first(frames: list[Picture]) -> list[Picture]:
    """A tab shows the smallest frame that is large enough, or the largest there is."""
    sides = [max(frame.rgba.shape[:2]) for frame in frames]
    drawn: list[int] = []
    for wanted in _DRAWN:
        side = min((side for side in sides if side >= wanted), default=max(sides))
        drawn += [number for number, other in enumerate(sides) if other == side][:_OF_ONE_SIDE]
    order = dict.fromkeys([*drawn, *range(len(frames))])
    return [frames[number] for number in order]


def looks_in(answer: object) -> list[Look]:
    """The looks in what a sandboxed `looks_of_file` gave. Raises DecoderDied if they cannot be."""
    if not isinstance(answer, list) or not 0 < len(answer) <= MOST_FRAMES:
        raise DecoderDied("The worker process answered nonsense.")
    try:
        return [Look.from_bytes(raw if isinstance(raw, bytes) else b"") for raw in answer]
    except BadLook as error:
        raise DecoderDied("The worker process answered nonsense.") from error
