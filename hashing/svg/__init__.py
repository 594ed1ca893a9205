"""SVG as a browser shows it in a tab: in the light scheme and in its first moment, with fonts of our own.

`rewrite` applies the styles and leaves out what must not reach the renderer; resvg draws the rest. It gets
neither files nor network nor system fonts: it would open any path that an `href` names, and fonts would
make the same bytes look different on two machines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samelook.hashing.errors import DecodeFailed, DecoderMemory, SvgBlank, SvgPartlyDrawn
from samelook.hashing.picture import DecodeLimits, Picture, composite_on
from samelook.hashing.raster import decode_raster
from samelook.hashing.svg.output import Rewritten
from samelook.hashing.svg.rewrite import rewritten

_VISIBLE_LEVELS = 24
# An attacker may put a tiny part that cannot be drawn on a copied icon: so small a part does not make the
# drawing refused.
_MOST_MISSING = 0.02


@dataclass(frozen=True, slots=True)
class DrawnSvg:
    """What could be drawn of an SVG."""

    picture: Picture
    missing: tuple[str, ...]
    """What a browser may show and this picture does not: "text", "font", "foreignObject", …"""

    @property
    def is_blank(self) -> bool:
        """Whether nothing is to be seen."""
        return not self.picture.rgba[..., 3].any()


def draw(data: bytes, limits: DecodeLimits) -> Picture:
    """The picture of an SVG, its longer side `limits.svg_side` pixels, on a transparent ground.

    Raises SvgBlank if it shows nothing, SvgPartlyDrawn if a part of it cannot be drawn here.
    """
    drawing = drawn(data, limits)
    if drawing.missing:
        raise SvgPartlyDrawn(
            f"A browser shows more of this SVG than can be drawn here: {', '.join(drawing.missing)}.",
            missing=", ".join(drawing.missing),
        )
    if drawing.is_blank:
        raise SvgBlank("The SVG shows nothing.")
    return drawing.picture


def drawn(data: bytes, limits: DecodeLimits) -> DrawnSvg:
    """The same, also if it is blank or not all of it could be drawn."""
    document = rewritten(data, limits, side=limits.svg_side)
    pixels = _pixels(document, limits)
    missing = document.missing
    if missing:
        marked = _pixels(rewritten(data, limits, side=limits.svg_side, marks=True), limits)
        if _share_apart(pixels, marked) <= _MOST_MISSING:
            missing = ()
    return DrawnSvg(Picture.of(pixels, "svg"), missing)


def _pixels(document: Rewritten, limits: DecodeLimits) -> NDArray[np.uint8]:
    return np.array(decode_raster(_render(document.text, document.fonts), "png", limits).rgba)


def _share_apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The share of the picture in which two drawings differ."""
    solid = [composite_on(pixels, (128, 128, 128)).astype(np.int16) for pixels in (one, other)]
    return float((np.abs(solid[0] - solid[1]).max(axis=-1) > _VISIBLE_LEVELS).mean())


def _render(text: str, fonts: frozenset[str]) -> bytes:
    import resvg_py

    from samelook.hashing.svg.text import SERIF, files_of

    try:
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=text,
                skip_system_fonts=True,
                dpi=96.0,
                font_family=SERIF,
                font_files=files_of(fonts) if fonts else None,
            )
        )
    except MemoryError as error:
        raise DecoderMemory("Not enough memory to draw this SVG.") from error
    except ValueError as error:
        raise DecodeFailed(f"This SVG cannot be drawn: {error}.") from error
    except BaseException as error:
        # A panic of the renderer arrives as pyo3's PanicException, which is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise DecodeFailed("This SVG breaks the renderer.") from error
