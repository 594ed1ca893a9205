"""Every icon that a site offers: its page, manifest and browserconfig are fetched, icons are not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from samelook.crawler.discovery.browserconfig import parse_browserconfig
from samelook.crawler.discovery.candidates import SOURCES, IconCandidate
from samelook.crawler.discovery.data_urls import data_of, is_data_url
from samelook.crawler.discovery.displayed import fetched_in_order
from samelook.crawler.discovery.manifest import DeclaredIcons, parse_manifest
from samelook.crawler.discovery.page import Page, is_html, parse_page, refresh_target
from samelook.crawler.discovery.policy import Policy
from samelook.crawler.discovery.scripted import is_there, with_scripts
from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.cookies import Cookies
from samelook.crawler.fetching.errors import BadUrl
from samelook.crawler.fetching.urls import origin_of, start_urls_of

if TYPE_CHECKING:
    from samelook.crawler.fetching.fetcher import Fetcher, Response
    from samelook.crawler.rendering.renderer import Renderer

MAX_ICONS = 64
"""Icons listed for one page. Real pages offer at most a few dozen; what is more is not looked at."""
_CHOSEN_ICONS = 16
"""Of a flood of links, so many of those that a browser would try first are kept."""
MAX_HOPS = 10
"""Redirects and immediate refreshes from the URL asked for to the page, together."""

FAVICON_PATH = "/favicon.ico"
WELL_KNOWN_PATHS = (FAVICON_PATH, "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png")

# Kinds of errors after which another scheme or host is tried; after any other the site counts as reached.
_TRY_NEXT = frozenset({"dns_failed", "connection_failed", "tls_failed", "timeout", "redirect_loop"})

# What servers answer for a host that they do not serve.
_NOT_A_SITE = frozenset({404, 410, 421})

# The host is there, but its page cannot be read or is not found. Its /favicon.ico may still be shown.
_UNREADABLE = frozenset(
    {
        "http_protocol_error",
        "truncated_body",
        "bad_encoding",
        "too_large",
        "redirect_loop",
        "too_many_redirects",
        "bad_redirect",
    }
)

# Statuses with which a log-in or a bot wall answers in place of the site: such a page is not the site's own.
_WALLS = frozenset({401, 403, 429, 503})


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a site offers as icons, in the order in which they should be looked at."""

    url: str
    """What was asked for."""
    final_url: str
    """The page, after redirects and refreshes; its origin has the well-known paths."""
    status: int
    charset: str
    """Empty when the answer was no HTML."""
    icons: tuple[IconCandidate, ...]
    says_no_icon: bool = False
    """The page links to an empty icon, and /favicon.ico is not listed."""
    unusable_link: bool = False
    """A link to an icon leads nowhere, so that browsers show /favicon.ico no more."""
    title: str = ""
    asks_password: bool = False
    """The page has a field for a password."""
    cookies: Cookies = field(default_factory=Cookies, compare=False)
    """What the page set, for the icons of the same visit."""
    etag: str | None = None
    last_modified: str | None = None
    notes: tuple[str, ...] = ()
    """What did not work on the way, in plain words."""
    unchanged: bool = False
    """The page is the one that the given validators came from."""
    unreadable: CrawlError | None = None
    """Why the page itself could not be read; `status` is 0 then, and only /favicon.ico is listed."""

    @property
    def is_wall(self) -> bool:
        """Whether the page may be a log-in's or a bot wall's, which says nothing of the site's look."""
        return self.status in _WALLS


async def discover(
    fetcher: Fetcher,
    target: str,
    *,
    etag: str | None = None,
    last_modified: str | None = None,
    renderer: Renderer | None = None,
) -> Discovery:
    """Every icon that the page at `target` (a URL, or a bare domain) offers; see docs/discovery.md.

    With the `etag` or `last_modified` of an earlier discovery the page is asked for only if it has changed
    since; otherwise the answer is `unchanged` and lists no icons. With a `renderer` a page that has neither
    link nor /favicon.ico is looked at once more when its scripts have run.

    Raises the CrawlError of the page when it cannot be fetched; where the answer is there but cannot be read,
    only if there is no /favicon.ico either. An error status, an empty answer or one that is no HTML is no
    error: the well-known paths are listed then. What goes wrong with manifest and browserconfig ends up in
    `notes`.
    """
    notes: list[str] = []
    cookies = Cookies()
    urls = start_urls_of(target)
    try:
        first = await _first_answer(fetcher, urls, notes, etag, last_modified, cookies)
    except CrawlError as error:
        if error.kind not in _UNREADABLE:
            raise
        return await _unread(fetcher, target, urls[0], error, notes, cookies)
    if first.unchanged:
        return Discovery(
            target,
            first.final_url,
            first.status,
            "",
            (),
            etag=etag,
            last_modified=last_modified,
            unchanged=True,
        )
    response, page = await _final_page(fetcher, first, notes, cookies)
    if renderer is not None and page is not None and response.ok:
        page = await with_scripts(fetcher, renderer, response.final_url, page, cookies, notes)
    # The page that a refresh led to has validators (ETag, Last-Modified) of its own. They are not kept: the
    # next crawl would send them to the first page, for which they mean nothing.
    validators = response.headers if response is first else {}
    extra = await _declared_elsewhere(fetcher, page, notes) if page is not None else []
    paths = [path for path in WELL_KNOWN_PATHS if not (page and page.says_no_icon and path == FAVICON_PATH)]
    policy = page.policy if page else Policy(response.final_url)
    known = [replace(icon, allowed=policy.shows(icon.url)) for icon in _well_known(response.final_url, paths)]
    icons = _listed([*(page.icons if page else ()), *extra, *known], notes)
    if response.status in _WALLS:
        notes.append(
            f"The server answered {response.status}: these may be the icons of a wall before the site"
        )
    return Discovery(
        url=target,
        final_url=response.final_url,
        status=response.status,
        charset=page.charset if page else "",
        icons=icons,
        says_no_icon=page is not None and page.says_no_icon,
        unusable_link=page is not None and page.unusable_link,
        title=page.title if page else "",
        asks_password=page is not None and page.asks_password,
        cookies=cookies,
        etag=validators.get("etag"),
        last_modified=validators.get("last-modified"),
        notes=tuple(notes),
    )


async def cookies_of(fetcher: Fetcher, target: str) -> Cookies:
    """What the page at `target` sets, for an icon that is fetched without `discover`. Raises CrawlError."""
    cookies = Cookies()
    notes: list[str] = []
    first = await _first_answer(fetcher, start_urls_of(target), notes, None, None, cookies)
    await _final_page(fetcher, first, notes, cookies)
    return cookies


async def _unread(
    fetcher: Fetcher, target: str, url: str, error: CrawlError, notes: list[str], cookies: Cookies
) -> Discovery:
    """What is left of a site whose page cannot be read: /favicon.ico. Raises `error` where there is none."""
    reached = error.detail.get("url")
    final_url = reached if isinstance(reached, str) else url
    (favicon,) = _well_known(final_url, [FAVICON_PATH])
    if not await is_there(fetcher, favicon.url, cookies):
        raise error
    notes.append(f"The page cannot be read: {error.message}")
    return Discovery(target, final_url, 0, "", (favicon,), notes=tuple(notes), unreadable=error)


async def _first_answer(
    fetcher: Fetcher,
    urls: tuple[str, ...],
    notes: list[str],
    etag: str | None,
    last_modified: str | None,
    cookies: Cookies,
) -> Response:
    """The answer of the first URL that gives one; else the first URL's error is raised: it says most."""
    first: CrawlError | None = None
    unknown_hosts: set[str] = set()
    asked_for = origin_of(urls[0]).partition("://")[2]
    for url in urls:
        host = origin_of(url).partition("://")[2]
        if host in unknown_hosts:
            continue
        try:
            response = await fetcher.fetch(
                url, kind="page", etag=etag, last_modified=last_modified, cookies=cookies
            )
        except CrawlError as error:
            if not _is_worth_another_try(error) or len(urls) == 1:
                # An error of a host that nobody asked about (www., say) says less than the first error.
                raise error if first is None or host == asked_for else first from None
            if error.kind == "dns_failed":
                unknown_hosts.add(host)
            notes.append(f"{url}: {error.message}")
            first = first or error
            continue
        if host == asked_for or response.status not in _NOT_A_SITE or not _answers(first):
            return response
        notes.append(f"{url}: the server answered {response.status}")
    if first is None:  # pragma: no cover - start_urls_of gives at least one
        raise BadUrl("No URL to try")
    raise first


def _answers(error: CrawlError | None) -> bool:
    """Whether the host that was asked for is there at all, so that its own error counts."""
    return error is not None and error.kind != "dns_failed"


def _is_worth_another_try(error: CrawlError) -> bool:
    # A host that accepts a connection and does not answer in time would be as slow at the next URL.
    return error.kind in _TRY_NEXT and error.detail.get("phase") != "total"


async def _final_page(
    fetcher: Fetcher, response: Response, notes: list[str], cookies: Cookies
) -> tuple[Response, Page | None]:
    """The answer and page that immediate refreshes lead to."""
    hops = len(response.redirects)
    seen = {response.final_url}
    page = _page_of(response)
    while (target := _refresh_of(response, page)) is not None:
        if target in seen or hops >= MAX_HOPS:
            notes.append(f"{target}: refresh not followed, {'a loop' if target in seen else 'too many hops'}")
            break
        try:
            following = await fetcher.fetch(target, kind="page", cookies=cookies)
        except CrawlError as error:
            notes.append(f"{target}: refresh not followed: {error.message}")
            break
        response = following
        hops += 1 + len(response.redirects)
        seen |= {target, response.final_url}
        page = _page_of(response)
    return response, page


def _refresh_of(response: Response, page: Page | None) -> str | None:
    """Where the answer sends its visitors at once: by a header, else by a `meta`."""
    url = response.final_url
    by_header = refresh_target(response.headers.get("refresh", ""), url, url)
    return by_header or (page.refresh if page is not None else None)


def _page_of(response: Response) -> Page | None:
    content_type = response.headers.get("content-type")
    sniffs = response.headers.get("x-content-type-options", "").strip().lower() != "nosniff"
    if not is_html(response.body, content_type, sniffs=sniffs):
        return None
    policy = response.headers.get("content-security-policy", "")
    return parse_page(response.body, content_type, response.final_url, policy)


async def _declared_elsewhere(fetcher: Fetcher, page: Page, notes: list[str]) -> list[IconCandidate]:
    """Icons of the page's manifest and browserconfig, fetched at the same time."""
    found = await asyncio.gather(
        _manifest_icons(fetcher, page.manifest), _browserconfig_icons(fetcher, page.browserconfig)
    )
    notes += [declared.note for declared in found if declared.note]
    return [icon for declared in found for icon in declared.icons]


async def _manifest_icons(fetcher: Fetcher, url: str | None) -> DeclaredIcons:
    if url is None:
        return DeclaredIcons()
    try:
        if is_data_url(url):
            # Relative to a data: URL nothing can be resolved; absolute icons still count.
            return parse_manifest(data_of(url)[0], url)
        response = await fetcher.fetch(url, kind="manifest")
    except CrawlError as error:
        return DeclaredIcons(note=f"{url[:200]}: {error.message}")
    if not response.ok:
        return DeclaredIcons(note=f"{url}: the server answered {response.status}")
    return parse_manifest(response.body, response.final_url)


async def _browserconfig_icons(fetcher: Fetcher, url: str | None) -> DeclaredIcons:
    if url is None or is_data_url(url):
        return DeclaredIcons()
    try:
        response = await fetcher.fetch(url, kind="manifest")
    except CrawlError as error:
        return DeclaredIcons(note=f"{url}: {error.message}")
    if not response.ok:
        return DeclaredIcons(note=f"{url}: the server answered {response.status}")
    return parse_browserconfig(response.body, response.headers.get("content-type"), response.final_url)


def _well_known(page_url: str, paths: Iterable[str]) -> list[IconCandidate]:
    origin = origin_of(page_url)
    return [
        IconCandidate(url=f"{origin}{path}", declared=path, source="well-known", order=order)
        for order, path in enumerate(paths)
    ]


def _listed(candidates: list[IconCandidate], notes: list[str]) -> tuple[IconCandidate, ...]:
    """By source, each URL once; of several declarations of a URL the sizes and media are joined."""
    by_url: dict[str, IconCandidate] = {}
    for icon in sorted(candidates, key=lambda icon: SOURCES.index(icon.source)):
        known = by_url.get(icon.url)
        by_url[icon.url] = icon if known is None else _joined(known, icon)
    icons = tuple(by_url.values())
    if len(icons) <= MAX_ICONS:
        return icons
    notes.append(
        f"{len(icons)} icons are offered, {MAX_ICONS} are listed: those that browsers choose, and the first"
    )
    # The well-known paths stay: they are what a flood of links would want to hide.
    known_paths = [icon for icon in icons if icon.source == "well-known"]
    chosen = [icon.url for icon in fetched_in_order(icons)[:_CHOSEN_ICONS]]
    others = [icon.url for icon in icons if icon.source != "well-known"]
    kept = dict.fromkeys([*(icon.url for icon in known_paths), *chosen, *others])
    listed = set(list(kept)[:MAX_ICONS])
    return tuple(icon for icon in icons if icon.url in listed)


def _joined(first: IconCandidate, other: IconCandidate) -> IconCandidate:
    if other.source != first.source:
        return first
    sizes = " ".join(dict.fromkeys(f"{first.sizes} {other.sizes}".split()))
    # A declaration without media fits every screen, so the joined one does.
    media = first.media
    if first.media != other.media:
        media = f"{first.media}, {other.media}" if first.media and other.media else ""
    return replace(
        first,
        sizes=sizes,
        media=media,
        order=max(first.order, other.order),
        in_head=first.in_head or other.in_head,
        tab_icon_of=first.tab_icon_of | other.tab_icon_of,
        allowed=first.allowed or other.allowed,
    )
