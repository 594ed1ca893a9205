"""The layers of a CSS background, each as one element on the box that it is the ground of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from samelook.hashing.svg.boxes import Box
from samelook.hashing.svg.gradients import gradient_url
from samelook.hashing.svg.made import Made
from samelook.hashing.svg.mathematics import Measure, NotANumber, evaluated, split_at_commas, without_space
from samelook.hashing.svg.properties import address_of
from samelook.hashing.svg.transforms import edge_position_of
from samelook.hashing.svg.tree import Element

_LENGTHS: Final = frozenset(("dimension", "percentage", "number"))
_PLACES: Final = frozenset(("left", "right", "top", "bottom", "center"))
_MOST_LAYERS: Final = 16
_MOST_TILES: Final = 1_024


@dataclass(frozen=True, slots=True)
class Grounds:
    """How pictures get into a background."""

    picture: Callable[[str], str | None]
    """What an address shows, as a data URL."""
    natural_size: Callable[[str], tuple[float, float]]
    made: Made
    """Takes up the patterns and clips that they need."""


class Undrawn(Exception):
    """A layer that cannot be drawn."""


def layers_on(box: Box, tokens: Sequence[Any], measure: Measure, grounds: Grounds) -> list[Element]:
    """The layers from the lowest up. Raises Undrawn."""
    found: list[Element] = []
    for layer in reversed(split_at_commas(without_space(tokens))[:_MOST_LAYERS]):
        image = next((token for token in layer if _is_image(token)), None)
        if image is not None:
            found.append(_drawn(image, [t for t in layer if t is not image], box, measure, grounds))
    return found


def _is_image(token: Any) -> bool:
    return address_of(token) is not None or (
        token.type == "function" and token.lower_name.endswith("gradient")
    )


def _drawn(image: Any, rest: list[Any], box: Box, measure: Measure, grounds: Grounds) -> Element:
    words = {token.lower_value for token in rest if token.type == "ident"}
    if words & {"fixed", "space", "round"}:
        raise Undrawn
    slash = next((at for at, t in enumerate(rest) if getattr(t, "value", "") == "/"), len(rest))
    address = address_of(image)
    url = grounds.picture(address) if address else None
    if address is not None and url is None:
        raise Undrawn
    natural = (box.width, box.height) if address is None else grounds.natural_size(address)
    try:
        width, height = _size(rest[slash + 1 :], natural, box, measure)
        placed = [t for t in rest[:slash] if t.type in _LENGTHS or getattr(t, "lower_value", "") in _PLACES]
        room = Box(0, 0, box.width - width, box.height - height)
        left, top = edge_position_of(placed, measure, room) if placed else (0.0, 0.0)
    except (NotANumber, IndexError) as error:
        raise Undrawn from error
    if width <= 0 or height <= 0:
        raise Undrawn
    if address is None:
        url = gradient_url(image, width, height, measure)
    if url is None:
        raise Undrawn
    sides = {"width": f"{width:.9g}", "height": f"{height:.9g}"}
    shown = {**sides, "xlink:href": url, "preserveAspectRatio": "none"}
    if address is None:
        # Its colours are fine steps as they are, and mixing them takes the renderer ten times as long.
        shown["style"] = "image-rendering:pixelated"
    x, y = box.left + left, box.top + top
    covers = width >= box.width and height >= box.height and not left and not top
    if covers or "no-repeat" in words:
        return Element("image", {"x": f"{x:.9g}", "y": f"{y:.9g}", **shown})
    across = "repeat-y" not in words
    down = "repeat-x" not in words
    if (box.width / width if across else 1) * (box.height / height if down else 1) > _MOST_TILES:
        raise Undrawn
    tile = {"x": f"{x:.9g}", "y": f"{y:.9g}", **sides, "patternUnits": "userSpaceOnUse"}
    area = {
        "x": f"{box.left if across else x:.9g}",
        "y": f"{box.top if down else y:.9g}",
        "width": f"{box.width if across else width:.9g}",
        "height": f"{box.height if down else height:.9g}",
    }
    return Element("rect", {**area, "style": f"fill:url(#{grounds.made.pattern(tile, shown)});stroke:none"})


def _size(tokens: list[Any], natural: tuple[float, float], box: Box, measure: Measure) -> tuple[float, float]:
    words = [t.lower_value if t.type == "ident" else "" for t in tokens]
    if "cover" in words or "contain" in words:
        shares = box.width / natural[0], box.height / natural[1]
        share = max(shares) if "cover" in words else min(shares)
        return natural[0] * share, natural[1] * share
    sides = [
        None if word == "auto" else evaluated([token], whole, measure, {})
        for token, word, whole in zip(
            [t for t in tokens if t.type in _LENGTHS or getattr(t, "lower_value", "") == "auto"],
            [word for t, word in zip(tokens, words, strict=True) if t.type in _LENGTHS or word == "auto"],
            (box.width, box.height),
            strict=False,
        )
    ]
    width, height = (*sides, None, None)[:2]
    if width is None and height is None:
        return natural
    if width is None:
        return (height or 0.0) * natural[0] / natural[1], height or 0.0
    return width, width * natural[1] / natural[0] if height is None else height
