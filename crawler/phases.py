"""What each phase does with one input: domain → start page → icons it offers → pictures and signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samelook.crawler.discovery.candidates import MAX_DECLARED_CHARS
from samelook.crawler.discovery.discover import Discovery, discover
from samelook.crawler.discovery.icon_fetch import icon_response
from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.urls import site_url_of
from samelook.crawler.stores import (
    DomainInput,
    FetchedIcon,
    IconInput,
    OfferedIcon,
    PageInput,
    PageVisit,
    TargetUrl,
)
from samelook.hashing.errors import HashingError
from samelook.names.hosts import ReversedHost, host_of

if TYPE_CHECKING:
    from samelook.crawler.fetching.fetcher import Fetcher
    from samelook.crawler.pictures import HashedPictures


class HttpStatus(CrawlError):
    """An icon that a page declares was answered with an error status."""

    kind = "http_status"


class NoIcon(CrawlError):
    """What an icon's URL gave is an image of one pixel: a tracking image, not an icon."""

    kind = "one_pixel"


class UndecodableIcon(CrawlError):
    """What an icon's URL gave could not be decoded or hashed; `kind` is the hashing error's."""

    def __init__(self, error: HashingError, url: str) -> None:
        super().__init__(error.message, url=url, **error.detail)
        self.kind = error.kind


async def start_page_of(domain: DomainInput) -> TargetUrl:
    """The URL at which a domain's crawl starts. Raises BadUrl when the name cannot be a host's."""
    return TargetUrl(site_url_of(host_of(ReversedHost(domain.reversed_name))), domain.position)


async def visit_page(fetcher: Fetcher, page: PageInput) -> PageVisit:
    """Every icon URL that a page offers. Raises CrawlError when the page cannot be had."""
    found = await discover(fetcher, page.url, etag=page.etag, last_modified=page.last_modified)
    seen_before = page.final_url is not None
    if seen_before and found.unreadable is not None:
        # The icons of an earlier visit say more than /favicon.ico alone.
        raise found.unreadable
    return PageVisit(
        position=page.position,
        final_url=found.final_url,
        status=found.status,
        charset=found.charset or None,
        etag=found.etag,
        last_modified=found.last_modified,
        icons=tuple(_offered(found)),
        notes=tuple(found.notes),
        revisited=seen_before,
        # A log-in or a bot wall says nothing of the site's look: what was known of it stays.
        unchanged=found.unchanged or (seen_before and found.is_wall),
    )


def _offered(found: Discovery) -> list[OfferedIcon]:
    return [
        OfferedIcon(
            url=icon.url,
            source=icon.source,
            declared=icon.source != "well-known",
            declared_url=icon.declared[:MAX_DECLARED_CHARS],
            sizes=icon.sizes or None,
            type=icon.type or None,
            media=icon.media or None,
        )
        for icon in found.icons
    ]


async def fetch_icon(fetcher: Fetcher, pictures: HashedPictures, icon: IconInput) -> FetchedIcon:
    """What an icon's URL gives.

    An icon counts when its status is 2xx and its bytes are an image larger than one pixel.
    Nothing at a well-known path that no page named is a normal outcome: a result without a
    picture. For a declared icon it is an error. Raises CrawlError.
    """
    response = await icon_response(fetcher, icon.url, etag=icon.etag, last_modified=icon.last_modified)
    seen = FetchedIcon(
        picture=None,
        body=response.body,
        final_url=response.final_url,
        status=response.status,
        etag=response.headers.get("etag"),
        last_modified=response.headers.get("last-modified"),
        unchanged=response.unchanged,
    )
    if response.unchanged:
        return seen
    if not response.ok:
        if icon.declared:
            raise HttpStatus(f"The server answered {response.status}", url=icon.url, status=response.status)
        return seen
    try:
        picture = await pictures.picture_of(response.body)
    except HashingError as error:
        if icon.declared or error.kind not in ABSENT_KINDS:
            raise UndecodableIcon(error, icon.url) from error
        return seen
    if picture.width <= 1 and picture.height <= 1:
        if icon.declared:
            raise NoIcon("The image has one pixel", url=icon.url)
        return seen
    return FetchedIcon(
        picture=picture,
        body=response.body,
        final_url=seen.final_url,
        status=seen.status,
        etag=seen.etag,
        last_modified=seen.last_modified,
    )


ABSENT_KINDS = frozenset({"empty", "not_an_image"})
"""What a server that answers every unknown path with a page (or nothing) gives at a well-known path."""
