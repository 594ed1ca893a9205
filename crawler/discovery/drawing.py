"""Whether browsers draw what an icon's URL answers, in which sizes, and on which pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samelook.crawler.discovery.data_urls import is_data_url
from samelook.crawler.discovery.displayed import SCALABLE, Sizes
from samelook.crawler.fetching.urls import host_of, origin_of
from samelook.hashing.errors import HashingError
from samelook.hashing.formats import told_ico_sizes
from samelook.names.sites import registrable_domain

if TYPE_CHECKING:
    from samelook.crawler.fetching.fetcher import Response
    from samelook.hashing.signals import HashedPicture

FORBIDDEN, ELSEWHERE, SAME_SITE, SAME_ORIGIN = -1, 0, 1, 2
"""How near an icon is to its page: a picture's server may allow only near pages to show it (CORP).

FORBIDDEN: the page's own policy does not let it show the icon."""

# We refuse to hash these SVGs, but Chromium shows them in the tab, so they count as displayed.
_NOT_HASHED = frozenset({"svg_blank", "svg_partly_drawn", "svg_refused"})


def sizes_drawn(response: Response, picture: HashedPicture | HashingError) -> Sizes:
    """The sizes of the frames that browsers draw, none where they draw nothing; of a picture or a refusal.

    Chromium draws only what comes with status 200.
    """
    if isinstance(picture, HashingError):
        drawn = picture.kind in _NOT_HASHED and _has_its_type(response, is_svg=True)
        return SCALABLE if drawn else ()
    if not _has_its_type(response, is_svg=picture.format == "svg"):
        return ()
    if picture.format == "svg":
        return SCALABLE
    if picture.format == "ico" and picture.frames > 1:
        return told_ico_sizes(response.body)
    return ((picture.width, picture.height),)


def _has_its_type(response: Response, *, is_svg: bool) -> bool:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return is_svg == (media_type == "image/svg+xml")


def kept_to(response: Response) -> int:
    """How near a page must be to show the answer, by its resource policy (Fetch Standard, 3.6)."""
    policy = response.headers.get("cross-origin-resource-policy", "").strip().lower()
    return {"same-origin": SAME_ORIGIN, "same-site": SAME_SITE}.get(policy, ELSEWHERE)


def nearness(page_url: str, url: str) -> int:
    """How near an icon's URL is to the page's."""
    if is_data_url(url) or origin_of(page_url) == origin_of(url):
        return SAME_ORIGIN
    one, other = registrable_domain(host_of(page_url)), registrable_domain(host_of(url))
    return SAME_SITE if one is not None and one == other else ELSEWHERE
