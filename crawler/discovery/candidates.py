"""What a page offers as icons, before anything is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Source = Literal[
    "link-icon",
    "apple-touch-icon",
    "apple-touch-icon-precomposed",
    "manifest",
    "well-known",
    "tile-image",
    "browserconfig",
    "fluid-icon",
]

Browser = Literal["chromium", "firefox"]
BROWSERS: Final[frozenset[Browser]] = frozenset({"chromium", "firefox"})

SOURCES: Final[tuple[Source, ...]] = (
    "link-icon",
    "apple-touch-icon",
    "apple-touch-icon-precomposed",
    "manifest",
    "well-known",
    "tile-image",
    "browserconfig",
    "fluid-icon",
)
"""Where icons come from, in the order in which they are listed and requested."""

MAX_DECLARED_CHARS = 2_048
"""Attributes are kept up to this length; only `data:` URLs are longer, and `url` holds them whole."""


@dataclass(frozen=True, slots=True)
class IconCandidate:
    """One icon as it was declared; `sizes`, `type` and `media` are what the page says, not facts."""

    url: str
    """Absolute http, https or `data:` URL without fragment."""
    declared: str
    """The URL as the page spells it; for a well-known path, the path."""
    source: Source
    sizes: str = ""
    type: str = ""
    media: str = ""
    purpose: str = ""
    """A manifest's `purpose` (`any`, `maskable`, `monochrome`), or `monochrome` of a link with `mask`."""
    order: int = 0
    """Position among the declarations of its document."""
    in_head: bool = True
    """False behind the end of the head, where Chromium passes a link over and Firefox does not."""
    tab_icon_of: frozenset[Browser] = BROWSERS
    """The browsers that take the link for a tab's icon: `rel` may hold words of touch icons too."""
    allowed: bool = True
    """False where the page's own policy, or a user name in the URL, keeps browsers from showing it."""
