"""What the renderer is handed of an element: which properties, as what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MARK: Final = "#ff00ff"
"""The colour of what stands for a missing part."""
NOT_DRAWN: Final = frozenset(("script", "style", "title", "desc", "metadata", "handler", "discard"))
TEXT: Final = frozenset(("text", "tspan", "textPath"))
STYLED: Final = (
    "fill", "stroke", "color", "stop-color", "flood-color", "lighting-color", "opacity", "fill-opacity",
    "stroke-opacity", "stop-opacity", "flood-opacity", "stroke-miterlimit", "stroke-width",
    "stroke-dashoffset",
    "stroke-dasharray", "fill-rule", "clip-rule", "stroke-linecap", "stroke-linejoin", "visibility",
    "display",
    "overflow", "text-anchor", "mask-type", "color-interpolation-filters", "isolation", "mix-blend-mode",
    "paint-order", "marker-start", "marker-mid", "marker-end", "font-size", "font-style", "font-weight",
    "font-stretch", "font-variant", "letter-spacing", "word-spacing", "text-decoration", "dominant-baseline",
    "alignment-baseline", "baseline-shift", "writing-mode", "shape-rendering", "image-rendering",
    "text-rendering", "clip-path", "mask", "filter", "font-family",
)  # fmt: skip
ATTRIBUTES_OF: Final[dict[str, tuple[str, ...]]] = {
    "rect": ("x", "y", "width", "height", "rx", "ry"),
    "image": ("x", "y", "width", "height"),
    "foreignObject": ("x", "y", "width", "height"),
    "svg": ("x", "y", "width", "height"),
    "use": ("x", "y"),
    "circle": ("cx", "cy", "r"),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "path": ("d",),
}
TRANSFORM_NAMES: Final = {
    "linearGradient": "gradientTransform",
    "radialGradient": "gradientTransform",
    "pattern": "patternTransform",
}
PRESENTATION: Final = frozenset(
    (*STYLED, "style", "class", "transform-box", "transform-origin", "marker", "font")
)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A document for the renderer, the fonts it needs, and what of it will be missing."""

    text: str
    fonts: frozenset[str]
    missing: tuple[str, ...]
    has_view: bool
    """Whether the root has a viewBox."""


def sampling_of(value: str) -> str:
    """How pictures are sampled: bilinearly as in Chromium, where the renderer would take cubes, or not."""
    return "pixelated" if value.lower() in {"pixelated", "crisp-edges", "optimizespeed"} else "smooth"
