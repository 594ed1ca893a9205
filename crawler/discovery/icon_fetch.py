"""The icons of a page, fetched and decoded: which of the candidates are really pictures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from samelook.crawler.discovery.candidates import IconCandidate
from samelook.crawler.discovery.data_urls import data_of, is_data_url
from samelook.crawler.discovery.discover import Discovery
from samelook.crawler.discovery.displayed import SCALABLE, Sizes, displayed_icon
from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.cookies import Cookies
from samelook.crawler.fetching.fetcher import Response
from samelook.crawler.fetching.urls import host_of, origin_of
from samelook.hashing.errors import HashingError
from samelook.hashing.formats import told_ico_sizes
from samelook.names.sites import registrable_domain

if TYPE_CHECKING:
    from samelook.crawler.fetching.fetcher import Fetcher
    from samelook.hashing.sandbox import Sandbox
    from samelook.hashing.signals import HashedPicture

AT_ONCE = 8
# Kinds of errors of SVGs that are not hashed, but that Chromium shows all the same.
_NOT_HASHED = frozenset({"svg_blank", "svg_partly_drawn", "svg_refused"})


@dataclass(frozen=True, slots=True)
class FoundIcon:
    """A candidate whose bytes are a picture."""

    candidate: IconCandidate
    final_url: str
    picture: HashedPicture
    sizes: Sizes
    """Of its frames, as Chromium takes them; none for a picture that it does not draw."""
    displayed: bool = False
    """Whether a browser would show this one."""


@dataclass(frozen=True, slots=True)
class MissingIcon:
    """A candidate that is no icon, and why."""

    candidate: IconCandidate
    kind: str
    message: str
    sizes: Sizes = ()
    """Of a picture that is not hashed although Chromium shows it: it stands before all others."""


@dataclass(frozen=True, slots=True)
class FetchedIcons:
    """What became of all candidates of a page, in their order."""

    found: tuple[FoundIcon, ...]
    missing: tuple[MissingIcon, ...]


async def icon_response(
    fetcher: Fetcher,
    url: str,
    *,
    etag: str | None = None,
    last_modified: str | None = None,
    cookies: Cookies | None = None,
) -> Response:
    """The answer at an icon's URL; a `data:` URL answers for itself, without network. Raises CrawlError."""
    if not is_data_url(url):
        return await fetcher.fetch(url, kind="icon", etag=etag, last_modified=last_modified, cookies=cookies)
    body, media_type = data_of(url)
    headers = {"content-type": media_type} if media_type else {}
    return Response(
        url=url, final_url=url, status=200, headers=headers, body=body, redirects=(), unchanged=False
    )


async def fetch_icons(fetcher: Fetcher, sandbox: Sandbox, discovery: Discovery) -> FetchedIcons:
    """Which candidates are icons: status 2xx and bytes that are an image larger than one pixel."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def tried(candidate: IconCandidate) -> FoundIcon | MissingIcon:
        async with slots:
            return await _fetch_icon(fetcher, sandbox, candidate, discovery)

    outcomes = await asyncio.gather(*map(tried, discovery.icons))
    found = [icon for icon in outcomes if isinstance(icon, FoundIcon)]
    sizes = {icon.candidate.url: icon.sizes for icon in outcomes}
    shown = displayed_icon(discovery.icons, sizes, unusable_link=discovery.unusable_link)
    return FetchedIcons(
        found=tuple(replace(icon, displayed=icon.candidate == shown) for icon in found),
        missing=tuple(icon for icon in outcomes if isinstance(icon, MissingIcon)),
    )


async def _fetch_icon(
    fetcher: Fetcher, sandbox: Sandbox, candidate: IconCandidate, page: Discovery
) -> FoundIcon | MissingIcon:
    response: Response | None = None
    try:
        response = await icon_response(fetcher, candidate.url, cookies=page.cookies)
        if not response.ok:
            return MissingIcon(candidate, "http_status", f"the server answered {response.status}")
        picture = await sandbox.hash(response.body)
    except (CrawlError, HashingError) as error:
        is_shown = (
            response is not None and error.kind in _NOT_HASHED and _is_drawn(response, page, is_svg=True)
        )
        return MissingIcon(candidate, error.kind, error.message, SCALABLE if is_shown else ())
    sizes = _sizes(picture, response) if _is_drawn(response, page, is_svg=picture.format == "svg") else ()
    if picture.width <= 1 and picture.height <= 1:
        return MissingIcon(candidate, "one_pixel", "the image has one pixel", sizes)
    return FoundIcon(candidate, response.final_url, picture, sizes)


def _is_drawn(response: Response, page: Discovery, *, is_svg: bool) -> bool:
    """Whether Chromium draws the picture of an answer."""
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status != HTTPStatus.OK or is_svg != (media_type == "image/svg+xml"):
        return False
    return is_data_url(response.final_url) or _is_for(
        page.final_url, response.final_url, response.headers.get("cross-origin-resource-policy", "")
    )


def _is_for(page_url: str, url: str, resource_policy: str) -> bool:
    """Whether an answer may be used on a page of another origin (Fetch Standard, 3.6)."""
    policy = resource_policy.strip().lower()
    if policy not in {"same-origin", "same-site"} or origin_of(page_url) == origin_of(url):
        return True
    return policy == "same-site" and registrable_domain(host_of(page_url)) == registrable_domain(host_of(url))


def _sizes(picture: HashedPicture, response: Response) -> Sizes:
    if picture.format == "svg":
        return SCALABLE
    if picture.format == "ico" and picture.frames > 1:
        return told_ico_sizes(response.body)
    return ((picture.width, picture.height),)
