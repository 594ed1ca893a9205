"""Which of a page's icons Chromium shows beside its title.

As its favicon handler goes about it, for a screen of one and of two device pixels to a CSS pixel: the links
whose media fit, the last declared first, are put in order of how near their declared sizes come to 16 and 32
pixels. They are fetched in that order until none of the rest promises more than the best so far is worth.
What `type` says is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from samelook.crawler.discovery.candidates import IconCandidate
from samelook.crawler.discovery.media import Scheme, media_matches

Sizes = tuple[tuple[int, int], ...]

WANTED_PX = (16, 32)
SCALABLE: Sizes = ((32, 32),)
"""The size of a picture that is drawn in the size that is asked for."""

_HUGE = 8
_SIZE = re.compile(r"([1-9]\d{0,5})x([1-9]\d{0,5})\Z", re.IGNORECASE)


def displayed_icon(
    icons: Iterable[IconCandidate],
    pictures: Mapping[str, Sizes],
    *,
    unusable_link: bool = False,
    scheme: Scheme = "light",
) -> IconCandidate | None:
    """The icon that is shown; `pictures` has the URLs whose bytes are an image, and the sizes of its frames.

    With links none of which is usable nothing is shown: browsers do not fall back then.
    """
    candidates = list(icons)
    links = fetched_in_order((icon for icon in candidates if icon.in_head), scheme)
    if not links and not unusable_link:
        links = [
            icon for icon in candidates if icon.source == "well-known" and icon.declared == "/favicon.ico"
        ]
    best, worth = None, 0.0
    for icon in links:
        if best is not None and _promised(icon.sizes) <= worth:
            break
        score = _score(pictures.get(icon.url, ())) if icon.allowed else 0.0
        if score > worth:
            best, worth = icon, score
    return best


def fetched_in_order(icons: Iterable[IconCandidate], scheme: Scheme = "light") -> list[IconCandidate]:
    """The links to icons in the order in which they are fetched."""
    fitting = [icon for icon in icons if icon.source == "link-icon" and media_matches(icon.media, scheme)]
    fitting.sort(key=lambda icon: (-_promised(icon.sizes), -icon.order))
    return fitting


def _promised(sizes: str) -> float:
    """What a link's `sizes` are worth. Not to say any, or to say `any`, promises the most."""
    words = sizes.lower().split()
    declared = tuple((int(found[1]), int(found[2])) for word in words if (found := _SIZE.match(word)))
    return _score(declared) if declared and "any" not in words else 1.0


def _score(sizes: Sizes) -> float:
    if not sizes:
        return 0.0
    return sum(max(_fitness(size, wanted) for size in sizes) for wanted in WANTED_PX) / len(WANTED_PX)


def _fitness(size: tuple[int, int], wanted: int) -> float:
    """Exact, then what has to be scaled down, then what has to be scaled up, then what is huge."""
    if size == (wanted, wanted):
        return 1.0
    edge = sum(size) / 2
    if max(size) >= wanted * _HUGE:
        return min(1.0, wanted / edge) * 0.01
    if min(size) >= wanted:
        return wanted / edge * 0.01 + 0.15
    return min(1.0, edge / wanted) * 0.01 + 0.1
