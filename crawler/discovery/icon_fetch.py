"""The icons of a page, fetched and decoded: which of the candidates are really pictures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from samelook.crawler.discovery.candidates import Browser, IconCandidate
from samelook.crawler.discovery.data_urls import data_of, is_data_url
from samelook.crawler.discovery.discover import Discovery
from samelook.crawler.discovery.displayed import Sizes, displayed_by
from samelook.crawler.discovery.drawing import kept_to, nearness, sizes_drawn
from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.cookies import Cookies
from samelook.crawler.fetching.fetcher import Response
from samelook.hashing.errors import HashingError

if TYPE_CHECKING:
    from samelook.crawler.fetching.fetcher import Fetcher
    from samelook.hashing.sandbox import Sandbox
    from samelook.hashing.signals import HashedPicture

AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class FoundIcon:
    """A candidate whose bytes are a picture."""

    candidate: IconCandidate
    final_url: str
    status: int
    picture: HashedPicture
    sizes: Sizes
    """Of its frames, as Chromium takes them; none for a picture that it does not draw."""
    displayed_by: frozenset[Browser] = frozenset()
    """The browsers that show this one in the tab."""


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
    shown = displayed_by(
        discovery.icons,
        sizes,
        other_statuses={icon.candidate.url for icon in found if icon.status != HTTPStatus.OK},
        unusable_link=discovery.unusable_link,
    )
    return FetchedIcons(
        found=tuple(
            replace(
                icon,
                displayed_by=frozenset(browser for browser, best in shown.items() if best == icon.candidate),
            )
            for icon in found
        ),
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
        sizes = _sizes(page, response, error) if response and isinstance(error, HashingError) else ()
        return MissingIcon(candidate, error.kind, error.message, sizes)
    sizes = _sizes(page, response, picture)
    if picture.width <= 1 and picture.height <= 1:
        return MissingIcon(candidate, "one_pixel", "the image has one pixel", sizes)
    return FoundIcon(candidate, response.final_url, response.status, picture, sizes)


def _sizes(page: Discovery, response: Response, picture: HashedPicture | HashingError) -> Sizes:
    is_near = nearness(page.final_url, response.final_url) >= kept_to(response)
    return sizes_drawn(response, picture) if is_near else ()
