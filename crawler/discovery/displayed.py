"""Which of a page's icons a browser shows beside its title.

The HTML Standard (section 4.6.7.8, link type "icon") asks for the most appropriate icon by `media`,
`type` and `sizes`, for the last declared of equally appropriate ones, for the next one when one turns
out to be unusable, and for /favicon.ico when there are no links at all.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from typing import Literal

from samelook.crawler.discovery.candidates import IconCandidate

Scheme = Literal["light", "dark"]

TARGET_PX = 32
"""A tab's icon has 16 CSS pixels, two device pixels each on today's screens."""

_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})\Z", re.IGNORECASE)
_SCHEME = re.compile(r"(not\s+(?:all|screen)\s+and\s+)?\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)")
_SUPPORTED = frozenset(
    f"image/{name}"
    for name in (
        *("png", "x-png", "apng", "gif", "jpeg", "jpg", "pjpeg", "webp", "avif", "svg+xml", "svg"),
        *("bmp", "x-bmp", "x-ms-bmp", "x-icon", "vnd.microsoft.icon", "ico", "icon", "x-ico"),
    )
)
_OTHER_MEDIA = re.compile(r"(?:only\s+)?(?:print|speech|aural|braille|embossed|handheld|projection|tty|tv)\b")


def displayed_icon(
    icons: Iterable[IconCandidate], usable: Container[str], scheme: Scheme = "light"
) -> IconCandidate | None:
    """The icon that a desktop browser shows; `usable` holds the URLs whose bytes are an image.

    With links none of which is usable nothing is shown: browsers do not fall back then.
    """
    candidates = list(icons)
    links = [icon for icon in candidates if icon.source == "link-icon"]
    if not links:
        for icon in candidates:
            if icon.source == "well-known" and icon.declared == "/favicon.ico" and icon.url in usable:
                return icon
        return None
    fitting = [
        icon
        for icon in links
        if icon.url in usable
        and not icon.is_monochrome
        and media_matches(icon.media, scheme)
        and _type_supported(icon.type)
    ]
    return max(fitting, key=lambda icon: (_fitness(icon.sizes), icon.order), default=None)


def media_matches(media: str, scheme: Scheme) -> bool:
    """Whether a media query fits a screen in that colour scheme; features unknown here are taken to fit."""
    queries = [query.strip() for query in media.lower().split(",")]
    return any(_query_matches(query, scheme) for query in queries)


def _query_matches(query: str, scheme: Scheme) -> bool:
    if _OTHER_MEDIA.match(query) is not None:
        return False
    found = _SCHEME.search(query)
    if found is None:
        return True
    return (found[2] == scheme) != bool(found[1])


def _type_supported(declared: str) -> bool:
    essence = declared.partition(";")[0].strip().lower()
    return not essence.startswith(("image/", "text/", "application/")) or essence in _SUPPORTED


def _fitness(sizes: str) -> tuple[int, int]:
    """Larger is better: scalable or exact, then undeclared, then scaled down, then scaled up."""
    best = (-1, 0)
    for size in sizes.lower().split():
        if size == "any":
            best = max(best, (3, 0))
        elif found := _SIZE.match(size):
            edge = max(int(found[1]), int(found[2]))
            if edge == TARGET_PX:
                best = max(best, (3, 0))
            elif edge > TARGET_PX:
                best = max(best, (1, TARGET_PX - edge))
            else:
                best = max(best, (0, edge))
    # What is not said, or said wrongly, may fit.
    return best if best[0] >= 0 else (2, 0)
