"""Which of a page's icons browsers show beside its title.

Chromium's favicon handler, for a screen of one and of two device pixels to a CSS pixel: the links of the head
whose media fit, the last declared first, are put in order of how near their declared sizes come to 16 and 32
pixels. They are fetched in that order until none of the rest promises more than the best so far is worth.
What `type` says is not looked at.

Firefox's favicon loader decides by what links say, before it fetches anything, and asks for one icon only;
what stands behind the head replaces what the head gave.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from samelook.crawler.discovery.candidates import Browser, IconCandidate
from samelook.crawler.discovery.media import Scheme, media_matches

Sizes = tuple[tuple[int, int], ...]

WANTED_PX = (16, 32)
SCALABLE: Sizes = ((32, 32),)
"""The size of a picture that is drawn in the size that is asked for."""

_HUGE = 8
_SIZE = re.compile(r"([1-9]\d{0,5})x([1-9]\d{0,5})\Z", re.IGNORECASE)
_FIREFOX_PX = WANTED_PX[0]
_ICO_TYPES = frozenset({"image/x-icon", "image/vnd.microsoft.icon"})
_SVG_TYPE = "image/svg+xml"


def displayed_by(
    icons: Iterable[IconCandidate],
    pictures: Mapping[str, Sizes],
    *,
    other_statuses: Collection[str] = (),
    unusable_link: bool = False,
) -> dict[Browser, IconCandidate | None]:
    """The icon that each browser shows; `pictures` has what is drawn, by URL: its frames' sizes.

    What comes with `other_statuses` than 200 Chromium does not show.
    """
    candidates = list(icons)
    in_chromium = {url: sizes for url, sizes in pictures.items() if url not in other_statuses}
    in_firefox = [
        icon
        for icon in firefox_order(candidates, unusable_link=unusable_link)
        if icon.allowed and pictures.get(icon.url)
    ]
    return {
        "chromium": displayed_icon(candidates, in_chromium, unusable_link=unusable_link),
        "firefox": in_firefox[0] if in_firefox else None,
    }


def displayed_icon(
    icons: Iterable[IconCandidate],
    pictures: Mapping[str, Sizes],
    *,
    unusable_link: bool = False,
    scheme: Scheme = "light",
) -> IconCandidate | None:
    """The icon that Chromium shows; with links none of which is usable, none."""
    best, worth = None, 0.0
    for icon in chromium_order(list(icons), unusable_link=unusable_link, scheme=scheme):
        if best is not None and promise_of(icon.sizes) <= worth:
            break
        score = fitness_of(pictures.get(icon.url, ())) if icon.allowed else 0.0
        if score > worth:
            best, worth = icon, score
    return best


def chromium_order(
    icons: Sequence[IconCandidate], *, unusable_link: bool = False, scheme: Scheme = "light"
) -> list[IconCandidate]:
    """The icons in the order in which Chromium fetches them: the links, else /favicon.ico."""
    links = fetched_in_order(
        (icon for icon in icons if icon.in_head and "chromium" in icon.tab_icon_of), scheme
    )
    return links or ([] if unusable_link else _default_of(icons))


def fetched_in_order(icons: Iterable[IconCandidate], scheme: Scheme = "light") -> list[IconCandidate]:
    """The links to icons in the order in which they are fetched."""
    fitting = [icon for icon in icons if icon.source == "link-icon" and media_matches(icon.media, scheme)]
    fitting.sort(key=lambda icon: (-promise_of(icon.sizes), -icon.order))
    return fitting


def firefox_order(icons: Sequence[IconCandidate], *, unusable_link: bool = False) -> list[IconCandidate]:
    """The icons that Firefox asks for: that of the links behind the head, then that of the head's.

    The second is what stays where the first cannot be had.
    """
    links = [icon for icon in icons if icon.source == "link-icon" and "firefox" in icon.tab_icon_of]
    links.sort(key=lambda icon: icon.order)
    behind = _chosen_by_firefox([icon for icon in links if not icon.in_head])
    chosen = _chosen_by_firefox([icon for icon in links if icon.in_head])
    first = ([] if unusable_link else _default_of(icons)) if chosen is None else [chosen]
    return [*([] if behind is None else [behind]), *first]


def _default_of(icons: Iterable[IconCandidate]) -> list[IconCandidate]:
    return [icon for icon in icons if icon.source == "well-known" and icon.declared == "/favicon.ico"]


def _chosen_by_firefox(links: Sequence[IconCandidate]) -> IconCandidate | None:
    """The last SVG; else the last of 16 pixels, or ICO; else the smallest above that; else the last."""
    preferred, sized, usual = None, None, None
    for icon in links:
        width, kind, before = _width_of(icon.sizes), _kind_of(icon), _kind_of(preferred)
        is_sized = width == _FIREFOX_PX and before != "svg"
        if kind == "svg" or is_sized or (kind == "ico" and (preferred is None or before == "ico")):
            preferred = icon
        if width >= _FIREFOX_PX and (sized is None or _width_of(sized.sizes) >= width):
            sized = icon
        usual = icon
    return preferred or sized or usual


def _width_of(sizes: str) -> int:
    """What the first word of `sizes` says; -1 for nothing, `any` and nonsense."""
    first = _SIZE.match(next(iter(sizes.split()), ""))
    return int(first[1]) if first else -1


def _kind_of(icon: IconCandidate | None) -> str:
    """What Firefox guesses of an icon by its declared type, else by its name's ending."""
    if icon is None:
        return ""
    if icon.type:
        kind = icon.type.lower()
        return "ico" if kind in _ICO_TYPES else "svg" if kind == _SVG_TYPE else ""
    ending = urlsplit(icon.url).path.rpartition(".")[2]
    return ending if ending in {"ico", "svg"} else ""


def promise_of(sizes: str) -> float:
    """What a link's `sizes` are worth. Not to say any, or to say `any`, promises the most."""
    words = sizes.lower().split()
    declared = tuple((int(found[1]), int(found[2])) for word in words if (found := _SIZE.match(word)))
    return fitness_of(declared) if declared and "any" not in words else 1.0


def fitness_of(sizes: Sizes) -> float:
    """What a picture with frames of these sizes is worth in a tab, from 0, not drawn, to 1."""
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
