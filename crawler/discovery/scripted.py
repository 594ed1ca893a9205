"""The icons of a page that only its scripts name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from samelook.crawler.discovery.page import Page, is_html, parse_page
from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.urls import origin_of

if TYPE_CHECKING:
    from samelook.crawler.fetching.cookies import Cookies
    from samelook.crawler.fetching.fetcher import Fetcher
    from samelook.crawler.rendering.renderer import Renderer


async def with_scripts(
    fetcher: Fetcher, renderer: Renderer, url: str, page: Page, cookies: Cookies, notes: list[str]
) -> Page:
    """The page at `url` with the icons that its scripts make, if it has none and there is no /favicon.ico."""
    if page.unusable_link or page.says_no_icon or any(icon.source == "link-icon" for icon in page.icons):
        return page
    if await is_there(fetcher, f"{origin_of(url)}/favicon.ico", cookies):
        return page
    try:
        drawn = await renderer.render(fetcher, url, cookies)
    except CrawlError as error:
        notes.append(f"Its scripts were not run: {error.message}")
        return page
    found = parse_page(drawn.markup.encode(), "text/html; charset=utf-8", drawn.url or url)
    icons = tuple(replace(icon, allowed=page.policy.shows(icon.url)) for icon in found.icons)
    if not any(icon.source == "link-icon" for icon in icons):
        return page
    notes.append("Only its scripts name its icons")
    return replace(page, icons=icons, manifest=page.manifest or found.manifest)


async def is_there(fetcher: Fetcher, url: str, cookies: Cookies) -> bool:
    """Whether an icon's address gives something that may be a picture."""
    try:
        response = await fetcher.fetch(url, kind="icon", cookies=cookies)
    except CrawlError:
        return False
    is_page = is_html(response.body, response.headers.get("content-type"))
    return response.ok and bool(response.body) and not is_page
