"""The icons of a page, fetched and decoded: which of the candidates are really pictures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from samelook.crawler.discovery.candidates import IconCandidate
from samelook.crawler.discovery.data_urls import data_of, is_data_url
from samelook.crawler.discovery.discover import Discovery
from samelook.crawler.discovery.displayed import SCALABLE, WANTED_PX, Sizes, displayed_icon
from samelook.crawler.errors import CrawlError
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


@dataclass(frozen=True, slots=True)
class FetchedIcons:
    """What became of all candidates of a page, in their order."""

    found: tuple[FoundIcon, ...]
    missing: tuple[MissingIcon, ...]


async def icon_response(
    fetcher: Fetcher, url: str, *, etag: str | None = None, last_modified: str | None = None
) -> Response:
    """The answer at an icon's URL; a `data:` URL answers for itself, without network. Raises CrawlError."""
    if not is_data_url(url):
        return await fetcher.fetch(url, kind="icon", etag=etag, last_modified=last_modified)
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
            return await _fetch_icon(fetcher, sandbox, candidate)

    outcomes = await asyncio.gather(*map(tried, discovery.icons))
    found = [icon for icon in outcomes if isinstance(icon, FoundIcon)]
    sizes = {icon.candidate.url: icon.sizes for icon in found}
    shown = displayed_icon(discovery.icons, sizes, unusable_link=discovery.unusable_link)
    return FetchedIcons(
        found=tuple(replace(icon, displayed=icon.candidate == shown) for icon in found),
        missing=tuple(icon for icon in outcomes if isinstance(icon, MissingIcon)),
    )


async def _fetch_icon(
    fetcher: Fetcher, sandbox: Sandbox, candidate: IconCandidate
) -> FoundIcon | MissingIcon:
    try:
        response = await icon_response(fetcher, candidate.url)
        if not response.ok:
            return MissingIcon(candidate, "http_status", f"the server answered {response.status}")
        picture = await sandbox.hash(response.body)
    except (CrawlError, HashingError) as error:
        return MissingIcon(candidate, error.kind, error.message)
    if picture.width <= 1 and picture.height <= 1:
        return MissingIcon(candidate, "one_pixel", "the image has one pixel")
    return FoundIcon(candidate, response.final_url, picture, _sizes(picture, response))


def _sizes(picture: HashedPicture, response: Response) -> Sizes:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (picture.format == "svg") != (media_type == "image/svg+xml"):
        return ()
    if picture.format == "svg":
        return SCALABLE
    if picture.format == "ico" and picture.frames > 1:
        # The smaller ones are nearly always those that a tab has use for.
        return (*((edge, edge) for edge in WANTED_PX), (picture.width, picture.height))
    return ((picture.width, picture.height),)
