"""PNG, GIF, JPEG, WebP, BMP and AVIF to RGBA, by the one Pillow plugin that the magic bytes name.

Colours are what a browser would show, with two limits that are known: ICC profiles are not applied, and
of 16 bits a channel the upper eight are kept.
"""

from __future__ import annotations

import importlib
import io
import re
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from samelook.hashing import png
from samelook.hashing.dib import decode_masked, has_alpha_mask, is_masked
from samelook.hashing.errors import DecodeFailed, DecoderMemory, HashingError, Truncated
from samelook.hashing.lent import keep_in_one_block, lent_pixels
from samelook.hashing.picture import DecodeLimits, Picture
from samelook.hashing.png_rows import usual_pixels

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

RasterFormat = Literal["png", "gif", "jpeg", "webp", "bmp", "avif"]

# The plugin's class is called directly: Image.open would import every plugin of Pillow to know which
# formats there are, and with one class no other decoder can be reached, whatever the bytes say.
_PLUGINS: Final[dict[RasterFormat, tuple[str, str]]] = {
    "png": ("PIL.PngImagePlugin", "PngImageFile"),
    "gif": ("PIL.GifImagePlugin", "GifImageFile"),
    "jpeg": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "webp": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "bmp": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "avif": ("PIL.AvifImagePlugin", "AvifImageFile"),
}
_loaded: dict[RasterFormat, type[ImageFile]] = {}
keep_in_one_block()

_ORIENTATION_TAG = 0x0112
_OPAQUE = 255
_VP8X_HEADER_BYTES = 30
_PNG_BIT_DEPTH_AT = 24
_CHUNK = re.compile(r"b'([A-Za-z]{4})'")


def _plugin(image_format: RasterFormat) -> type[ImageFile]:
    found = _loaded.get(image_format)
    if found is None:
        module_name, class_name = _PLUGINS[image_format]
        module = importlib.import_module(module_name)
        if image_format == "avif":
            # A worker may not start threads (RLIMIT_NPROC), and one icon gains nothing from them.
            vars(module)["DEFAULT_MAX_THREADS"] = 1
        found = _loaded[image_format] = getattr(module, class_name)
    return found


def load_plugins() -> None:
    """Import whatever decoding will need."""
    for image_format in _PLUGINS:
        _plugin(image_format)


def decode_raster(
    data: bytes, image_format: RasterFormat, limits: DecodeLimits, *, apply_orientation: bool = False
) -> Picture:
    """The first frame of a raster file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return _decode(data, image_format, limits, apply_orientation=apply_orientation)
            except (OSError, SyntaxError, ValueError, zlib.error):
                if image_format != "png":
                    raise
                # Pillow minds sums that browsers ignore.
                whole = png.mended(data)
            return _decode(whole, image_format, limits, apply_orientation=apply_orientation)
    except HashingError:
        raise
    except MemoryError as error:
        raise DecoderMemory(f"Not enough memory to decode this {image_format.upper()}.") from error
    except Exception as error:
        # Pillow's plugins raise whatever their parsing hits (struct.error, IndexError, zlib.error, …).
        reason = str(error) or type(error).__name__
        if _speaks_of_the_end(reason) or isinstance(error, EOFError) or _container_is_cut(data, image_format):
            raise Truncated(f"The {image_format.upper()} ends too early.", decoder=reason) from error
        raise DecodeFailed(
            f"This {image_format.upper()} cannot be decoded: {_damage(error, reason)}.", decoder=reason
        ) from error


def _damage(error: Exception, reason: str) -> str:
    """What is wrong and where, for people; what the decoder says of it is for those who know the decoder."""
    lowered = reason.lower()
    if (chunk := _CHUNK.search(reason)) is not None:
        return f"its {chunk[1]} chunk is damaged"
    if "exceeds limit" in lowered:
        return "one of its frames claims far too many pixels"
    if any(words in lowered for words in ("unsupported", "cannot handle", "not implemented")):
        return "its header is damaged, or names a rare kind that is not read here"
    if isinstance(error, SyntaxError):
        # Pillow's word for whatever it meets before the pixels.
        return "its header is damaged"
    return "its pixels are damaged" if isinstance(error, OSError | zlib.error) else "it is damaged"


def _speaks_of_the_end(reason: str) -> bool:
    lowered = reason.lower()
    return any(
        words in lowered
        for words in (
            "truncated",
            "unexpected end",
            "not enough data",
            "not enough image data",
            "unrecognized data",
            "requires a buffer of at least",
        )
    )


def _container_is_cut(data: bytes, image_format: RasterFormat) -> bool:
    """Whether the lengths in a RIFF or ISO media file lead past its end."""
    if image_format == "webp":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    at = 0
    while image_format == "avif" and at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:  # noqa: PLR2004 - zero means "to the end", less than a box header is no size
            return False
        at += size
    return at > len(data)


def _decode(
    data: bytes, image_format: RasterFormat, limits: DecodeLimits, *, apply_orientation: bool
) -> Picture:
    if image_format == "webp":
        # libwebp's animation decoder allocates two canvases when it opens a file.
        limits.check_size(*_webp_size(data))
    kinds: list[bytes] = []
    if image_format == "png":
        kinds = png.kinds_of(data)
        png.refuse(data, kinds)
        if png.hides_first_frame(kinds):
            return _first_frame(data, limits)
        usual = usual_pixels(data, kinds, limits, apply_orientation=apply_orientation)
        if usual is not None:
            return Picture.of(usual, "png")
    if image_format == "bmp" and is_masked(data):
        # Pillow knows a handful of layouts, and no alpha in 16 bits.
        size = struct.unpack_from("<ii", data.ljust(26, b"\0"), 18)
        limits.check_size(abs(size[0]), abs(size[1]))
        return Picture.of(decode_masked(data, (abs(size[0]), abs(size[1]))), "bmp")
    image: ImageFile
    with _plugin(image_format)(io.BytesIO(data)) as image:
        limits.check_size(*image.size)
        frames = _frames(data, image, image_format, limits)
        limits.check_frames(frames)
        drawn = image.tile[0][1] if image_format == "gif" and image.tile else None
        image.load()
        pixels = _rgba(image, data, image_format)
        if drawn is not None and drawn != (0, 0, *image.size):
            # A first frame smaller than the screen: browsers leave the rest transparent.
            left, top, right, bottom = drawn
            framed = np.zeros_like(pixels)
            framed[top:bottom, left:right] = pixels[top:bottom, left:right]
            pixels = framed
        if b"gAMA" in kinds and (gamma := png.gamma_of(data)) is not None:
            pixels = png.with_gamma(pixels, gamma)
        if apply_orientation and image_format in {"jpeg", "png", "avif"}:
            # Browsers turn these; of WebP they do not ask Exif. Pillow tells an AVIF's turn so.
            pixels = _oriented(pixels, image.getexif().get(_ORIENTATION_TAG, 1))
    if pixels.size == 0:
        raise DecodeFailed(f"This {image_format.upper()} has no pixels.")
    return Picture.of(pixels, image_format, frames)


def _first_frame(data: bytes, limits: DecodeLimits) -> Picture:
    """What an animated PNG shows first, where that is not the picture for those who cannot animate."""
    frame = png.first_frame(data)
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    limits.check_size(width, height)
    if frame is None or frame.left + frame.width > width or frame.top + frame.height > height:
        raise DecodeFailed("The animated PNG has no first frame.")
    shown = _decode(frame.png, "png", limits, apply_orientation=False)
    frames = png.kinds_of(data).count(b"fcTL")
    limits.check_frames(frames)
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width] = shown.rgba
    return Picture.of(pixels, "png", frames)


def _frames(data: bytes, image: Image, image_format: RasterFormat, limits: DecodeLimits) -> int:
    if image_format == "gif":
        return _gif_frames(data, limits.max_frames + 1)
    return int(getattr(image, "n_frames", 1))


def _rgba(image: Image, data: bytes, image_format: RasterFormat) -> NDArray[np.uint8]:
    """Straight RGBA of a loaded image in whatever mode its file has."""
    mode = image.mode
    if mode != "RGBA":
        transparent = image.info.get("transparency")
        if image_format == "png" and transparent is not None and mode in {"1", "L", "I;16", "RGB"}:
            return _keyed(image, data[_PNG_BIT_DEPTH_AT], transparent)
        if mode in {"I;16", "I;16B", "I"}:
            return _grey(_upper_byte(image))
        if mode in {"CMYK", "YCbCr", "LAB", "HSV"}:
            image = image.convert("RGB")
        if image.mode != "RGB" or transparent is not None:
            image = image.convert("RGBA")
    pixels = lent_pixels(image)
    if image_format == "bmp" and mode == "RGBA" and not pixels[..., 3].any() and not has_alpha_mask(data):
        # Many writers leave the fourth byte zero; a picture that nobody could see was not meant.
        pixels = pixels.copy()
        pixels[..., 3] = _OPAQUE
    return pixels


def _upper_byte(image: Image) -> NDArray[np.uint8]:
    values = np.asarray(image).astype(np.uint32) & 0xFFFF
    return (values >> 8).astype(np.uint8)


def _grey(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    pixels = np.empty((*values.shape, 4), np.uint8)
    pixels[..., :3] = values[..., None]
    pixels[..., 3] = _OPAQUE
    return pixels


def _keyed(image: Image, bit_depth: int, key: int | tuple[int, int, int]) -> NDArray[np.uint8]:
    """RGBA of a PNG in which one colour is transparent (tRNS; PNG 3rd edition, 11.3.1.1).

    The key is in samples as stored, of `bit_depth` bits, while Pillow hands out samples of eight bits.
    For 16-bit RGB only the upper bytes are left to compare.
    """
    if image.mode == "RGB":
        shift = 8 if bit_depth == 16 else 0  # noqa: PLR2004
        wanted = np.array(key, np.uint32) >> shift
        colours = np.asarray(image)
        pixels = np.empty((*colours.shape[:2], 4), np.uint8)
        pixels[..., :3] = colours
        pixels[..., 3] = np.where((colours == wanted).all(axis=-1), 0, _OPAQUE)
        return pixels
    if not isinstance(key, int):
        raise DecodeFailed("This PNG is grey, but its transparent colour is not.")
    if image.mode == "I;16":
        samples = np.asarray(image).astype(np.uint32) & 0xFFFF
        pixels = _grey((samples >> 8).astype(np.uint8))
        pixels[..., 3] = np.where(samples == key, 0, _OPAQUE)
        return pixels
    values = np.asarray(image.convert("L"))
    pixels = _grey(values)
    largest = (1 << min(bit_depth, 8)) - 1
    pixels[..., 3] = np.where(values == (key & largest) * 255 // largest, 0, _OPAQUE)
    return pixels


def _oriented(pixels: NDArray[np.uint8], orientation: object) -> NDArray[np.uint8]:
    """The picture turned as Exif's Orientation says (1 to 8; anything else leaves it)."""
    turned = pixels
    if orientation in {5, 6, 7, 8}:
        turned = turned.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        turned = turned[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    return np.ascontiguousarray(turned)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Canvas size by the first chunk (RFC 9649, 2.5 to 2.7)."""
    if len(data) < _VP8X_HEADER_BYTES:
        raise Truncated("The WebP ends within its header.")
    chunk = data[12:16]
    if chunk == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if chunk == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    raise DecodeFailed("The WebP begins with an unknown chunk.")


def _gif_frames(data: bytes, stop_at: int) -> int:
    """Image descriptors in a GIF, counted without decoding, up to `stop_at` (GIF89a, appendix B)."""
    frames = 0
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    end = len(data)
    while at < end and frames < stop_at:
        block = data[at]
        if block == 0x2C:  # noqa: PLR2004 - image descriptor
            frames += 1
            if at + 9 >= end:
                break
            flags = data[at + 9]
            at += 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
        elif block == 0x21:  # noqa: PLR2004 - extension
            at += 2
        else:
            break
        while at < end and data[at]:
            at += data[at] + 1
        at += 1
    return max(frames, 1)
