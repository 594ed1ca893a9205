"""Media queries as a desktop browser answers them: a screen of 1280 by 720 pixels, with a mouse."""

from __future__ import annotations

from typing import Final, Literal

import tinycss2

from samelook.hashing.svg.conditions import Screen

Scheme = Literal["light", "dark"]

_WIDTH, _HEIGHT = 1280.0, 720.0
_FEATURES: Final = {
    "scripting": "enabled",
    "hover": "hover",
    "any-hover": "hover",
    "pointer": "fine",
    "any-pointer": "fine",
}
_NUMBERS: Final = {
    "device-width": _WIDTH,
    "device-height": _HEIGHT,
    "device-aspect-ratio": _WIDTH / _HEIGHT,
    "color": 8.0,
}
_SCREENS: Final[dict[Scheme, Screen]] = {
    scheme: Screen(_WIDTH, _HEIGHT, {**_FEATURES, "prefers-color-scheme": scheme}, _NUMBERS)
    for scheme in ("light", "dark")
}


def media_matches(media: str, scheme: Scheme) -> bool:
    """Whether a list of media queries fits such a screen; a query that cannot be read fits none."""
    if not media.strip():
        return True
    return _SCREENS[scheme].matches(tinycss2.parse_component_value_list(media, skip_comments=True))
