"""Shorthand properties as what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import tinycss2

from samelook.hashing.svg.colours import colour_of
from samelook.hashing.svg.mathematics import split_at_commas, without_space
from samelook.hashing.svg.sheet import Declaration

_FONT_STYLES: Final = frozenset(("italic", "oblique"))
_FONT_WEIGHTS: Final = frozenset(("bold", "bolder", "lighter"))
_SIZES: Final = frozenset(
    ("xx-small", "x-small", "small", "medium", "large", "x-large", "xx-large", "larger", "smaller")
)
_ALIASES: Final = {
    "-webkit-mask": "mask",
    "-webkit-mask-image": "mask",
    "mask-image": "mask",
    **{
        f"-webkit-{name}": name
        for name in (
            "animation", "animation-name", "animation-delay", "background-size", "border-radius",
            "box-shadow",
            "clip-path", "filter", "opacity", "transform", "transform-origin",
        )
    },
}  # fmt: skip


def longhands_of(declaration: Declaration) -> list[Declaration]:
    """The declarations that one stands for; itself if it is no shorthand that is known here."""
    name, tokens, important = declaration.name, declaration.tokens, declaration.important
    if name == "font":
        return [Declaration(key, value, important) for key, value in _font(without_space(tokens)).items()]
    if name == "background":
        found = [Declaration("background-image", tokens, important)]
        colour = _background_colour(tokens)
        return [*found, Declaration("background-color", colour, important)]
    if name in _ALIASES:
        return [Declaration(_ALIASES[name], tokens, important)]
    if name == "marker":
        return [Declaration(f"marker-{which}", tokens, important) for which in ("start", "mid", "end")]
    return [declaration]


def _background_colour(tokens: Sequence[Any]) -> list[Any]:
    """The colour in the last layer of a background; transparent if it has none, as it is if it has var()."""
    layer = split_at_commas(without_space(tokens))[-1]
    if any(token.type == "function" and token.lower_name == "var" for token in layer):
        return list(tokens)
    if len(layer) == 1 and layer[0].type == "ident" and colour_of(layer) is None:
        return list(layer) if layer[0].lower_value != "none" else _tokens("transparent")
    for token in layer:
        if colour_of([token]) is not None:
            return [token]
    return _tokens("transparent")


def _tokens(text: str) -> list[Any]:
    return list(tinycss2.parse_component_value_list(text))


def _font(tokens: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for at, token in enumerate(tokens):
        word = token.lower_value if token.type == "ident" else ""
        if token.type in {"dimension", "percentage", "function"} or word in _SIZES:
            found["font-size"] = [token]
            rest = tokens[at + 1 :]
            if len(rest) > 1 and rest[0].type == "literal" and rest[0].value == "/":
                rest = rest[2:]
            if rest:
                found["font-family"] = rest
            return found
        if word in _FONT_STYLES:
            found["font-style"] = [token]
        elif word in _FONT_WEIGHTS or token.type == "number":
            found["font-weight"] = [token]
    return {}


def animations_of(declarations: Sequence[Declaration]) -> list[str]:
    """The names of animations that run from the first moment on, by declarations of which the last wins."""
    names: list[str] = []
    for declaration in declarations:
        if declaration.name == "animation":
            names = [
                name for part in split_at_commas(without_space(declaration.tokens)) for name in _running(part)
            ]
        elif declaration.name == "animation-name":
            names = [str(t.value) for t in declaration.tokens if t.type in {"ident", "string"}]
        elif declaration.name == "animation-delay":
            delays = [t.value for t in declaration.tokens if t.type == "dimension"]
            if delays and delays[0] > 0:
                names = []
    return names


def _running(tokens: Sequence[Any]) -> list[str]:
    times = [t.value for t in tokens if t.type == "dimension" and t.lower_unit in {"s", "ms"}]
    waits = len(times) > 1 and times[1] > 0
    fills = any(t.type == "ident" and t.lower_value in {"backwards", "both"} for t in tokens)
    if not times or (waits and not fills):
        return []
    if not times[0]:
        # An animation of no duration is at its end at once; `animation-fill-mode` says whether that is kept.
        stays = any(t.type == "ident" and t.lower_value in {"forwards", "both"} for t in tokens)
        return [f"{t.value} end" for t in tokens if t.type in {"ident", "string"}] if stays else []
    return [str(t.value) for t in tokens if t.type in {"ident", "string"}]
