"""Which values the properties of SVG take, and how the renderer wants them written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import tinycss2

from samelook.hashing.svg.colours import Rgba, as_text, colour_of
from samelook.hashing.svg.mathematics import (
    LENGTH,
    NUMBER,
    PLAIN,
    Measure,
    NotANumber,
    evaluated,
    is_math,
    without_space,
)

PAINTS: Final = frozenset(("fill", "stroke"))
COLOURS: Final = frozenset(
    ("color", "stop-color", "flood-color", "lighting-color", "background-color", "solid-color")
)
NUMBERS: Final = frozenset(
    ("opacity", "fill-opacity", "stroke-opacity", "stop-opacity", "flood-opacity", "stroke-miterlimit")
)
LENGTHS: Final[dict[str, str]] = {
    "stroke-width": "", "stroke-dashoffset": "", "x": "x", "y": "y", "cx": "x", "cy": "y", "r": "", "rx": "x",
    "ry": "y", "width": "x", "height": "y", "font-size": "", "letter-spacing": "", "word-spacing": "",
}  # fmt: skip
"""Properties of one length, and the axis that percentages are of."""
# Chromium takes these without a unit in style sheets too, and every length in a style attribute.
_UNITLESS: Final = frozenset(("stroke-width", "stroke-dashoffset", "x", "y", "cx", "cy", "r", "rx", "ry"))
_KEYWORDS: Final[dict[str, frozenset[str]]] = {
    name: frozenset(values.split())
    for name, values in {
        "display": "none inline block inline-block flow-root flex inline-flex grid inline-grid contents"
        " list-item table inline-table table-row table-cell table-row-group table-header-group"
        " table-footer-group table-column table-column-group table-caption ruby ruby-text math -webkit-box"
        " -webkit-inline-box -webkit-flex -webkit-inline-flex",
        "mix-blend-mode": "normal multiply screen overlay darken lighten color-dodge color-burn hard-light"
        " soft-light difference exclusion hue saturation color luminosity plus-lighter",
        "fill-rule": "nonzero evenodd",
        "clip-rule": "nonzero evenodd",
        "stroke-linecap": "butt round square",
        "stroke-linejoin": "miter round bevel arcs miter-clip",
        "visibility": "visible hidden collapse",
        "text-anchor": "start middle end",
        "mask-type": "alpha luminance",
        "color-interpolation-filters": "auto sRGB linearRGB srgb linearrgb",
        "isolation": "auto isolate",
        "vector-effect": "none non-scaling-stroke",
        "transform-box": "view-box fill-box stroke-box content-box border-box",
        "font-style": "normal italic oblique",
        "white-space": "normal nowrap pre pre-wrap pre-line break-spaces",
        "text-transform": "none capitalize uppercase lowercase",
        "writing-mode": "horizontal-tb vertical-rl vertical-lr lr rl tb lr-tb rl-tb tb-rl",
        "text-rendering": "auto optimizespeed optimizelegibility geometricprecision",
        "shape-rendering": "auto optimizespeed crispedges geometricprecision",
        "image-rendering": "auto optimizespeed optimizequality smooth high-quality crisp-edges pixelated",
    }.items()
}
_AUTO: Final = {"width": "auto", "height": "auto", "rx": "auto", "ry": "auto"}
_LENGTH_WORDS: Final = {
    "letter-spacing": frozenset(("normal",)),
    "word-spacing": frozenset(("normal",)),
    "font-size": frozenset(
        ("xx-small", "x-small", "small", "medium", "large", "x-large", "xx-large", "larger", "smaller")
    ),
}
PLAIN_TEXT: Final = frozenset(
    (
        "overflow", "clip-path", "mask", "filter", "marker", "marker-start", "marker-mid",
        "marker-end", "stroke-dasharray", "paint-order", "font-weight", "font-stretch",
        "font-variant", "text-decoration", "dominant-baseline", "alignment-baseline", "baseline-shift",
        "direction", "unicode-bidi", "clip", "font-family", "transform", "transform-origin", "translate",
        "rotate", "scale", "d", "background", "background-image", "border-radius", "color-scheme",
        "animation",
        "animation-name", "animation-delay", "offset-path", "enable-background", "mask-image", "font",
        "all", "object-fit", "border", "padding", "margin", "box-shadow", "outline", "text-shadow",
        "-webkit-mask", "-webkit-mask-image", "content-visibility", "zoom", "color-interpolation",
        "background-size", "background-position", "background-repeat", "position", "inset", "top", "left",
    )
)  # fmt: skip
# Of the properties that only layout knows, those that @supports is asked about.
_OTHERS: Final = frozenset(
    (
        "align-items", "aspect-ratio", "backdrop-filter", "backface-visibility", "block-size", "bottom",
        "box-sizing", "caret-color", "column-gap", "contain", "container-type", "cursor", "float", "flex",
        "gap",
        "grid", "grid-template-columns", "hyphens", "inline-size", "isolation", "justify-content",
        "line-height",
        "mask-composite", "max-height", "max-width", "min-height", "min-width", "object-position",
        "overflow-x", "overflow-y", "perspective", "place-items", "pointer-events", "right", "row-gap",
        "scroll-behavior", "text-align", "text-overflow", "touch-action", "transform-style",
        "transition", "user-select", "vertical-align", "will-change", "z-index",
        "accent-color",
        "-webkit-background-clip", "background-clip", "-webkit-text-fill-color", "text-wrap",
    )
)  # fmt: skip
INHERITED: Final = frozenset(
    (
        "fill", "stroke", "color", "fill-rule", "clip-rule", "fill-opacity", "stroke-opacity", "stroke-width",
        "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit",
        "visibility", "text-anchor", "font-family", "font-size", "font-style", "font-weight", "font-stretch",
        "font-variant", "letter-spacing", "word-spacing", "paint-order", "marker", "marker-start",
        "marker-mid",
        "marker-end", "color-interpolation-filters", "shape-rendering", "text-rendering", "image-rendering",
        "direction", "writing-mode", "color-scheme", "text-transform", "color-interpolation",
    )
)  # fmt: skip
INITIAL: Final[dict[str, str]] = {
    "fill": "#000000", "stroke": "none", "color": "#000000", "stop-color": "#000000",
    "flood-color": "#000000",
    "lighting-color": "#ffffff", "fill-rule": "nonzero", "clip-rule": "nonzero", "fill-opacity": "1",
    "stroke-opacity": "1", "stop-opacity": "1", "flood-opacity": "1", "opacity": "1", "stroke-width": "1",
    "stroke-dasharray": "none", "stroke-dashoffset": "0", "stroke-linecap": "butt",
    "stroke-linejoin": "miter",
    "stroke-miterlimit": "4", "visibility": "visible", "display": "inline", "text-anchor": "start",
    "clip-path": "none", "mask": "none", "filter": "none", "mix-blend-mode": "normal", "isolation": "auto",
    "paint-order": "normal", "transform": "none", "font-style": "normal", "font-weight": "normal",
    "font-size": "16", "marker": "none", "marker-start": "none", "marker-mid": "none", "marker-end": "none",
}  # fmt: skip
WIDE_KEYWORDS: Final = frozenset(("inherit", "initial", "unset", "revert", "revert-layer"))
_OPERATORS: Final = frozenset("/,")
# What is reckoned must be a length, also where a bare number may stand for one.
_LENGTH: Final = frozenset((LENGTH,))


def is_known(name: str) -> bool:
    """Whether a property of this name does anything to a picture."""
    return (
        name in PAINTS
        or name in COLOURS
        or name in NUMBERS
        or name in LENGTHS
        or name in _KEYWORDS
        or name in PLAIN_TEXT
    )


def is_supported(name: str, tokens: Sequence[Any]) -> bool:
    """What @supports says of a declaration; of properties that do nothing here the value is not judged."""
    if name.startswith("--"):
        return True
    name = name.lower()
    if name in _OTHERS:
        return True
    return is_known(name) and (_has_wide_keyword(tokens) or is_valid(name, tokens))


def _has_wide_keyword(tokens: Sequence[Any]) -> bool:
    return len(tokens) == 1 and tokens[0].type == "ident" and tokens[0].lower_value in WIDE_KEYWORDS


def is_valid(name: str, tokens: Sequence[Any], *, as_attribute: bool = False) -> bool:
    """Whether a browser takes the value; an attribute's lengths need no unit."""
    return written(name, tokens, PLAIN, (0, 0, 0, 1), as_attribute=as_attribute) is not None


def written(  # noqa: PLR0911 - one branch a kind
    name: str, tokens: Sequence[Any], measure: Measure, current: Rgba, *, as_attribute: bool = False
) -> str | None:
    """The value as the renderer reads it; None if it is invalid."""
    kept = without_space(tokens)
    if not kept:
        return None
    if name in PAINTS:
        return _paint(kept, current)
    if name in COLOURS:
        text = _colour_text(kept, current)
        # Of `color` itself it is the colour around.
        return "inherit" if name == "color" and text == "currentColor" else text
    if name in NUMBERS:
        return _number(kept, measure, as_attribute=as_attribute or name != "stroke-miterlimit")
    if name in LENGTHS:
        return _length(name, kept, measure, as_attribute=as_attribute)
    if name in _KEYWORDS:
        word = kept[0].lower_value if len(kept) == 1 and kept[0].type == "ident" else ""
        return str(kept[0].value) if word in _KEYWORDS[name] else None
    if name == "stroke-dasharray":
        return _dashes(kept, measure)
    return str(tinycss2.serialize(tokens)).strip()


def _colour_text(tokens: list[Any], current: Rgba) -> str | None:
    if len(tokens) == 1 and tokens[0].type == "ident" and tokens[0].lower_value == "currentcolor":
        return "currentColor"
    colour = colour_of(tokens, current)
    return None if colour is None else as_text(colour)


def _paint(tokens: list[Any], current: Rgba) -> str | None:
    first = tokens[0]
    if (
        first.type == "ident"
        and len(tokens) == 1
        and first.lower_value in {"none", "context-fill", "context-stroke"}
    ):
        return str(first.lower_value)
    address = address_of(first)
    if address is None:
        return _colour_text(tokens, current)
    if not address.startswith("#"):
        return "none"
    if len(tokens) == 1:
        return f"url({address})"
    rest = tokens[1:]
    fallback = "none" if getattr(rest[0], "lower_value", "") == "none" else _colour_text(rest, current)
    return None if fallback is None else f"url({address}) {fallback}"


def address_of(token: Any) -> str | None:
    """What url(…) refers to."""
    if token.type == "url":
        return str(token.value).strip()
    if token.type == "function" and token.lower_name in {"url", "src"}:
        inner = without_space(token.arguments)
        return str(inner[0].value).strip() if inner and inner[0].type == "string" else None
    return None


def _number(tokens: list[Any], measure: Measure, *, as_attribute: bool) -> str | None:
    token = tokens[0]
    if len(tokens) != 1 or not (
        token.type in {"number", "percentage"} or (token.type == "function" and is_math(token.lower_name))
    ):
        return None
    try:
        value = evaluated(tokens, 1.0, measure, {}, frozenset((NUMBER,)))
    except NotANumber:
        return None
    return f"{value:.6g}" if as_attribute or value >= 0 else None


def _length(name: str, tokens: list[Any], measure: Measure, *, as_attribute: bool) -> str | None:
    token = tokens[0]
    if len(tokens) != 1:
        return None
    if token.type == "ident":
        word = token.lower_value
        return str(word) if word == _AUTO.get(name) or word in _LENGTH_WORDS.get(name, ()) else None
    if token.type == "number" and token.value and not as_attribute and name not in _UNITLESS:
        return None
    if token.type in {"number", "percentage"}:
        # Percentages stay: the renderer knows the viewport, and of a font size they are the parent's.
        return tinycss2.serialize(tokens) if token.type == "percentage" else f"{token.value:g}"
    try:
        return f"{evaluated(tokens, measure.whole(LENGTHS[name]), measure, {}, _LENGTH):.9g}"
    except NotANumber:
        return None


def _dashes(tokens: list[Any], measure: Measure) -> str | None:
    if len(tokens) == 1 and getattr(tokens[0], "lower_value", "") == "none":
        return "none"
    found: list[str] = []
    for token in tokens:
        if token.type == "literal" and token.value in _OPERATORS:
            continue
        width = _length("stroke-width", [token], measure, as_attribute=True)
        if width is None:
            return None
        found.append(width)
    return " ".join(found)
