"""What each phase does with one input: domain → start page → icons it offers → pictures and signals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from samelook.crawler.discovery.candidates import MAX_DECLARED_CHARS
from samelook.crawler.discovery.data_urls import is_data_url
from samelook.crawler.discovery.discover import Discovery, discover
from samelook.crawler.discovery.displayed import chromium_order, firefox_order, fitness_of, promise_of
from samelook.crawler.discovery.drawing import FORBIDDEN, kept_to, nearness, sizes_drawn
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
    from samelook.crawler.discovery.candidates import IconCandidate
    from samelook.crawler.fetching.fetcher import Fetcher
    from samelook.crawler.pictures import HashedPictures
    from samelook.crawler.rendering.renderer import Renderer
    from samelook.crawler.visits import Visits


class HttpStatus(CrawlError):
    """An icon that a page declares was answered with an error status."""

    kind = "http_status"


class OnePixel(CrawlError):
    """What an icon's URL gave is an image of one pixel: a tracking image, not an icon."""

    kind = "one_pixel"


class UndecodableIcon(CrawlError):
    """What an icon's URL gave could not be decoded or hashed; `kind` is the hashing error's."""

    def __init__(self, error: HashingError, url: str, fitness: float) -> None:
        super().__init__(error.message, url=url, fitness=fitness, **error.detail)
        self.kind = error.kind


async def start_page_of(domain: DomainInput) -> TargetUrl:
    """The URL at which a domain's crawl starts. Raises BadUrl when the name cannot be a host's."""
    return TargetUrl(site_url_of(host_of(ReversedHost(domain.reversed_name))), domain.position)


async def visit_page(
    fetcher: Fetcher, page: PageInput, visits: Visits, renderer: Renderer | None = None
) -> PageVisit:
    """Every icon URL that a page offers. Raises CrawlError when the page cannot be had.

    Its cookies are left to `visits`, for its icons; `renderer` runs the scripts of a page that names none.
    """
    found = await discover(
        fetcher, page.url, etag=page.etag, last_modified=page.last_modified, renderer=renderer
    )
    seen_before = page.final_url is not None
    if seen_before and found.unreadable is not None:
        # The icons of an earlier visit say more than /favicon.ico alone.
        raise found.unreadable
    visits.keep(page.url, found.cookies)
    return PageVisit(
        position=page.position,
        final_url=found.final_url,
        status=found.status,
        charset=found.charset or None,
        etag=found.etag,
        last_modified=found.last_modified,
        icons=tuple(_offered(found, page.url)),
        notes=tuple(found.notes),
        revisited=seen_before,
        # A log-in or a bot wall says nothing of the site's look: what was known of it stays.
        unchanged=found.unchanged or (seen_before and found.is_wall),
    )


def _offered(found: Discovery, page: str) -> list[OfferedIcon]:
    in_chromium = _places(chromium_order(found.icons, unusable_link=found.unusable_link))
    in_firefox = _places(firefox_order(found.icons, unusable_link=found.unusable_link))
    return [
        OfferedIcon(
            url=icon.url,
            source=icon.source,
            declared=icon.source != "well-known",
            declared_url=icon.declared[:MAX_DECLARED_CHARS],
            sizes=icon.sizes or None,
            type=icon.type or None,
            media=icon.media or None,
            promised=promise_of(icon.sizes),
            chromium_place=in_chromium.get(icon.url),
            firefox_place=in_firefox.get(icon.url),
            nearness=nearness(found.final_url, icon.url) if icon.allowed else FORBIDDEN,
            cookie_page=page if not is_data_url(icon.url) and found.cookies.header(icon.url) else None,
        )
        for icon in found.icons
    ]


def _places(icons: Iterable[IconCandidate]) -> dict[str, int]:
    return {icon.url: place for place, icon in enumerate(icons)}


async def fetch_icon(
    fetcher: Fetcher, pictures: HashedPictures, icon: IconInput, visits: Visits
) -> FetchedIcon:
    """What an icon's URL gives.

    An icon counts when its status is 2xx and its bytes are an image larger than one pixel.
    Nothing at a well-known path that no page named is a normal outcome: a result without a
    picture. For a declared icon it is an error. Raises CrawlError.
    Where the page sets cookies for the icon, they are sent, as in a visitor's browser.
    """
    cookies = await visits.cookies_of(fetcher, icon.cookie_page) if icon.cookie_page else None
    response = await icon_response(
        fetcher, icon.url, etag=icon.etag, last_modified=icon.last_modified, cookies=cookies
    )
    seen = FetchedIcon(
        picture=None,
        body=response.body,
        final_url=response.final_url,
        status=response.status,
        etag=response.headers.get("etag"),
        last_modified=response.headers.get("last-modified"),
        unchanged=response.unchanged,
        kept_to=kept_to(response),
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
            raise UndecodableIcon(error, icon.url, fitness_of(sizes_drawn(response, error))) from error
        return seen
    fitness = fitness_of(sizes_drawn(response, picture))
    if picture.width <= 1 and picture.height <= 1:
        if icon.declared:
            raise OnePixel("The image has one pixel", url=icon.url, fitness=fitness)
        return seen
    return replace(seen, picture=picture, fitness=fitness)


ABSENT_KINDS = frozenset({"empty", "not_an_image"})
"""Errors that mean only that there is no icon, at a path that no page declares (/favicon.ico): many servers
answer every unknown path with a page, or with nothing."""
