"""PNG as browsers take it: what they forgive is mended, what they refuse is refused, before Pillow reads it.

Browsers ignore wrong sums of chunks that are not needed and of the whole picture, show the first frame of an
animation and not the picture for those who cannot animate, and refuse critical chunks that nobody knows.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from samelook.hashing.errors import DecodeFailed, Truncated

MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_CRITICAL: Final = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND"))
_FRAME_CONTROL: Final = struct.Struct(">IIIIIHHBB")
_MOST_GROWTH: Final = 1100
"""Deflate packs at most 1,032 to one; more is no honest length."""
_COLOUR_TYPE_AT: Final = 25
_SRGB_GAMMA: Final = 45455
_GAMMA_TOLERANCE: Final = 2000


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk and where it begins."""

    kind: bytes
    data: bytes
    is_whole: bool
    sum_is_right: bool


@dataclass(frozen=True, slots=True)
class FirstFrame:
    """The first frame of an animation, as a PNG of its own, and its place on the canvas."""

    png: bytes
    width: int
    height: int
    left: int
    top: int


def chunks_of(data: bytes) -> Iterator[Chunk]:
    """The chunks of a PNG up to its end."""
    at = len(MAGIC)
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        body = data[at + 8 : end]
        is_whole = end + 4 <= len(data)
        yield Chunk(
            kind, body, is_whole, zlib.crc32(data[at + 4 : end]) == int.from_bytes(data[end : end + 4], "big")
        )
        if kind == b"IEND" or not is_whole:
            return
        at = end + 4


def kinds_of(data: bytes) -> list[bytes]:
    """The kinds of chunks in order, without a look at what is in them."""
    found: list[bytes] = []
    at = len(MAGIC)
    while at + 8 <= len(data):
        kind = data[at + 4 : at + 8]
        found.append(kind)
        if kind == b"IEND":
            break
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return found


def refuse(data: bytes, kinds: Sequence[bytes]) -> None:
    """Raises DecodeFailed for what no browser shows, Truncated for what it shows half of.

    That is a header in the wrong place, a palette that is not there, interrupted pixels, a critical chunk
    which nobody knows, such as iPhone's CgBI, or an animation without a frame.
    """
    if kinds and (kinds[0] != b"IHDR" or kinds.count(b"IHDR") > 1):
        raise DecodeFailed("The PNG does not begin with its one header.")
    if _has_no_palette(data, kinds):
        raise DecodeFailed("The PNG's pixels are of a palette that it does not have.")
    if _is_interrupted(kinds):
        # Browsers show the rows before the gap.
        raise Truncated("The PNG's pixels are interrupted by another chunk.")
    if _has_no_frame(data, kinds):
        raise DecodeFailed("The PNG announces an animation and describes no frame.")
    for kind in kinds:
        if kind not in _CRITICAL and not kind[0] & 0x20:
            if not kind.isalpha():
                raise DecodeFailed("The PNG has a chunk whose name is damaged.")
            raise DecodeFailed(f"The PNG has a critical chunk {kind.decode()} that nobody knows.")


def hides_first_frame(kinds: Sequence[bytes]) -> bool:
    """Whether the picture in IDAT is not the first frame of the animation (APNG: default image)."""
    return (
        b"acTL" in kinds
        and b"fcTL" in kinds
        and b"IDAT" in kinds
        and kinds.index(b"acTL") < kinds.index(b"IDAT") < kinds.index(b"fcTL")
    )


def _has_no_palette(data: bytes, kinds: Sequence[bytes]) -> bool:
    before = kinds[: kinds.index(b"IDAT")] if b"IDAT" in kinds else kinds
    return data[_COLOUR_TYPE_AT : _COLOUR_TYPE_AT + 1] == b"\x03" and b"PLTE" not in before


def _is_interrupted(kinds: Sequence[bytes]) -> bool:
    """Whether there are further pixels behind a chunk that is none of them."""
    if b"IDAT" not in kinds:
        return False
    first = kinds.index(b"IDAT")
    run = next((at for at, kind in enumerate(kinds[first:]) if kind != b"IDAT"), len(kinds))
    return b"IDAT" in kinds[first + run :]


def _has_no_frame(data: bytes, kinds: Sequence[bytes]) -> bool:
    """Whether frames of an animation are announced and none is described: browsers show nothing of it."""
    if b"acTL" not in kinds or b"fcTL" in kinds:
        return False
    announced = next(chunk.data[:4] for chunk in chunks_of(data) if chunk.kind == b"acTL")
    return b"IDAT" in kinds[kinds.index(b"acTL") :] and any(announced)


def first_frame(data: bytes) -> FirstFrame | None:
    """The first frame that an animation shows in its first moment, if it is not the picture in IDAT."""
    head: list[Chunk] = []
    control: bytes | None = None
    parts: list[bytes] = []
    for chunk in chunks_of(data):
        if chunk.kind == b"fcTL":
            if control is not None:
                break
            control = chunk.data
        elif chunk.kind == b"fdAT" and control is not None:
            parts.append(chunk.data[4:])
        elif chunk.kind in {b"IHDR", b"PLTE", b"tRNS", b"gAMA"} and control is None:
            head.append(chunk)
    if control is None or len(control) < _FRAME_CONTROL.size or not parts or not head:
        return None
    _, width, height, left, top, *_ = _FRAME_CONTROL.unpack_from(control)
    header = struct.pack(">II", width, height) + head[0].data[8:13]
    png = written(
        [(b"IHDR", header), *((c.kind, c.data) for c in head[1:]), (b"IDAT", b"".join(parts)), (b"IEND", b"")]
    )
    return FirstFrame(png, width, height, left, top)


def written(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A PNG of these chunks, with right sums."""
    pieces = [MAGIC]
    for kind, data in chunks:
        pieces += (struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(kind + data)))
    return b"".join(pieces)


def mended(data: bytes) -> bytes:
    """The PNG with right sums, without ancillary chunks whose sum is wrong. Raises DecodeFailed, Truncated.

    A picture that ends too early is not mended: half of it would look like another one.
    """
    kept: list[tuple[bytes, bytes]] = []
    packed: list[bytes] = []
    ended = False
    for chunk in chunks_of(data):
        if not chunk.is_whole:
            break
        is_critical = chunk.kind in _CRITICAL
        if not chunk.sum_is_right and chunk.kind in {b"IHDR", b"PLTE"}:
            raise DecodeFailed(f"The PNG's {chunk.kind.decode()} chunk has a wrong checksum.")
        if chunk.kind == b"IDAT":
            if not packed:
                kept.append((b"IDAT", b""))
            packed.append(chunk.data)
        elif is_critical or chunk.sum_is_right:
            kept.append((chunk.kind, chunk.data))
        ended = ended or chunk.kind == b"IEND"
    if not ended or not kept or kept[0][0] != b"IHDR":
        raise Truncated("The PNG ends too early.")
    pixels = _unpacked(b"".join(packed), kept[0][1])
    again = zlib.compress(pixels, 1)
    return written([(kind, again if kind == b"IDAT" else body) for kind, body in kept])


def _unpacked(packed: bytes, header: bytes) -> bytes:
    """The filtered rows, whatever the sum behind them says."""
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 0)
    needed = height * (1 + (width * channels * depth + 7) // 8)
    if header[12]:
        # Seven passes over the picture, with padding of their own: at most this much.
        needed = needed * 2 + 64 * (width + height)
    if needed > len(packed) * _MOST_GROWTH:
        raise Truncated("The PNG ends too early.")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        pixels = inflater.decompress(packed[2:], needed)
    except zlib.error as error:
        raise DecodeFailed(
            "This PNG cannot be decoded: its pixels are damaged.", decoder=str(error)
        ) from error
    if not header[12] and len(pixels) < needed:
        raise Truncated("The PNG ends too early.", missing_bytes=needed - len(pixels))
    return pixels


def gamma_of(data: bytes) -> float | None:
    """The exponent of the samples where it is told and is not that of sRGB (PNG 3rd edition, 11.3.2.2)."""
    gamma = None
    for chunk in chunks_of(data):
        if chunk.kind in {b"sRGB", b"iCCP", b"cICP"}:
            return None
        if chunk.kind == b"IDAT":
            break
        if gamma is None and chunk.kind == b"gAMA" and len(chunk.data) == 4 and chunk.sum_is_right:  # noqa: PLR2004
            value = int.from_bytes(chunk.data, "big")
            is_other = value > 0 and abs(value - _SRGB_GAMMA) > _GAMMA_TOLERANCE
            gamma = value / 100_000 if is_other else None
    return gamma


def with_gamma(pixels: NDArray[np.uint8], gamma: float) -> NDArray[np.uint8]:
    """The pixels as they look on an sRGB screen."""
    light = (np.arange(256) / 255) ** (1 / gamma)
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)  # noqa: PLR2004
    table = np.round(np.clip(encoded, 0, 1) * 255).astype(np.uint8)
    corrected = pixels.copy()
    corrected[..., :3] = table[pixels[..., :3]]
    return corrected
