"""A decoded picture, and how much of anything a decoder may be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from samelook.hashing.errors import TooManyFrames, TooManyPixels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from samelook.hashing.formats import ImageFormat


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Bounds on one picture, checked against its header before anything is decoded."""

    max_bytes: int = 8 * 1024 * 1024
    """Size of the file."""
    max_pixels: int = 4096 * 4096
    """Width times height; for `decode_frames` the sum over all frames."""
    max_side: int = 16_384
    """Width or height, so that a picture of 1 x 16 million does not pass as small."""
    max_frames: int = 1024
    """Entries of an ICO directory, or frames of an animation."""
    svg_side: int = 256
    """An SVG is drawn so that its longer side has this many pixels, whatever size it claims."""
    max_svg_elements: int = 20_000
    """Elements of an SVG document."""
    max_svg_depth: int = 100
    """Nesting of an SVG document; renderers recurse."""

    def check_size(self, width: int, height: int) -> None:
        """Raises `TooManyPixels` if a picture of this size is over the limit."""
        if width * height > self.max_pixels or max(width, height) > self.max_side:
            raise TooManyPixels(
                f"The picture claims {width}x{height} pixels; the limit is {self.max_pixels} pixels "
                f"and {self.max_side} a side.",
                width=width,
                height=height,
                max_pixels=self.max_pixels,
                max_side=self.max_side,
            )

    def check_frames(self, frames: int) -> None:
        """Raises `TooManyFrames` if a file with that many frames is over the limit."""
        if frames > self.max_frames:
            raise TooManyFrames(
                f"The file claims {frames} frames; the limit is {self.max_frames}.",
                frames=frames,
                max_frames=self.max_frames,
            )


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What a person sees of an image file: straight (not premultiplied) RGBA of 8 bits a channel."""

    rgba: NDArray[np.uint8]
    """Shape (height, width, 4), read-only."""
    format: ImageFormat
    width: int
    height: int
    frames: int
    """How many frames the file holds: the entries of an ICO, the pictures of an animation."""

    @classmethod
    def of(cls, rgba: NDArray[np.uint8], image_format: ImageFormat, frames: int = 1) -> Picture:
        """A picture that owns its pixels."""
        rgba.flags.writeable = False
        height, width = rgba.shape[:2]
        return cls(rgba, image_format, width, height, frames)


def composite_on(
    rgba: NDArray[np.uint8], colour: tuple[int, int, int] = (255, 255, 255)
) -> NDArray[np.uint8]:
    """RGB of shape (h, w, 3) as it looks on a solid colour, rounded to the nearest value.

    In the memory order of the input; for an opaque picture it is a view of it.
    """
    import numpy as np  # not above: whoever only hands pictures to a sandbox has no use for it

    alpha = rgba[..., 3:]
    if alpha.min() == 255:  # noqa: PLR2004 - opaque
        return rgba[..., :3]
    # Channel by channel, so that memory order is kept. The division by 255 is rounded and exact up to
    # 255 * 255, and four times as fast as a real one.
    weight = alpha[..., 0].astype(np.uint16)
    rest = np.uint16(255) - weight
    rgb = np.empty_like(rgba[..., :3])
    for channel, ground in enumerate(colour):
        mixed = rgba[..., channel] * weight
        mixed += rest * np.uint16(ground) + np.uint16(128)
        mixed += mixed >> np.uint16(8)
        mixed >>= np.uint16(8)
        rgb[..., channel] = mixed
    return rgb
