"""How the phases' inputs are loaded from the database and their results kept in it.

Each store is what `PostgresQueue` needs to know about one phase. Results arrive in batches and are
written as parallel arrays; whatever came from the web is made storable first. Rows are written in
the order of their keys, so that two writers never wait for each other in a circle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from samelook.crawler.queues.postgres import Connection, PhaseStore, announce
from samelook.hashing.table import STORED
from samelook.sql.hash_queries import hash_queries
from samelook.sql.named import queries
from samelook.sql.storable import storable, storable_json, storable_or_none

if TYPE_CHECKING:
    from samelook.crawler.settings import CrawlSettings
    from samelook.hashing.signals import HashedPicture


@dataclass(frozen=True, slots=True)
class DomainInput:
    """A domain to find the start page of."""

    reversed_name: str
    position: int


@dataclass(frozen=True, slots=True)
class TargetUrl:
    """Where a domain's crawl starts."""

    url: str
    position: int


@dataclass(frozen=True, slots=True)
class PageInput:
    """A page to look for icons on; the last three are known when it was visited before."""

    url: str
    position: int
    final_url: str | None
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True)
class OfferedIcon:
    """One icon that a page offers, declared or at a well-known path."""

    url: str
    source: str
    declared: bool
    declared_url: str
    sizes: str | None
    type: str | None
    media: str | None
    promised: float = 0.0
    """What its sizes promise (discovery/displayed.py)."""
    chromium_place: int | None = None
    """When Chromium tries it, if it does."""
    firefox_place: int | None = None
    nearness: int = 0
    """How near it is to the page (discovery/drawing.py)."""
    cookie_page: str | None = None
    """The page, where it sets cookies for this URL."""


@dataclass(frozen=True, slots=True)
class PageVisit:
    """What a page offers. `unchanged`: it answered 304, and all else is as it was."""

    position: int
    final_url: str
    status: int
    charset: str | None
    etag: str | None
    last_modified: str | None
    icons: tuple[OfferedIcon, ...]
    notes: tuple[str, ...]
    revisited: bool = False
    """Whether an earlier visit may have found icons that are gone now."""
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class IconInput:
    """An icon to fetch and hash; etag and last_modified are known when we hold its picture."""

    url: str
    declared: bool
    position: int
    etag: str | None
    last_modified: str | None
    cookie_page: str | None = None
    """The page whose cookies the icon is fetched with, if it sets any."""


@dataclass(frozen=True, slots=True)
class FetchedIcon:
    """What an icon URL gave. `picture` is None when nothing was there and nobody had promised it."""

    picture: HashedPicture | None
    body: bytes
    final_url: str
    status: int
    etag: str | None
    last_modified: str | None
    unchanged: bool = False
    fitness: float = 0.0
    """What the picture is worth in a tab (discovery/displayed.py)."""
    kept_to: int = 0
    """How near a page must be to show it (discovery/drawing.py)."""


def domains_store() -> PhaseStore[DomainInput, TargetUrl]:
    """Domains → target_urls; a start page follows from the name alone, so it is never stale."""
    return PhaseStore("domains", _load_domains, _write_target_urls, None)


def icons_store(settings: CrawlSettings) -> PhaseStore[PageInput, PageVisit]:
    """target_urls → page_visits, icon_urls and site_icons."""
    return PhaseStore("icons", _load_targets, _write_page_visits, settings.page_stale_s)


def hashes_store(settings: CrawlSettings) -> PhaseStore[IconInput, FetchedIcon]:
    """icon_urls → favicon_metadata, favicons and one table of hashes for each algorithm."""

    async def write(connection: Connection, results: Sequence[tuple[int, FetchedIcon]]) -> int:
        await _write_icons(connection, results, settings.keep_picture_bytes)
        return 0

    return PhaseStore("hashes", _load_icons, write, settings.icon_stale_s)


@cache
def _queries() -> Any:
    return queries("crawl")


async def _load_domains(connection: Connection, ids: Sequence[int]) -> dict[int, DomainInput]:
    return {
        row["id"]: DomainInput(row["reversed_name"], row["position"])
        async for row in _queries().load_domains(connection, ids=ids)
    }


async def _load_targets(connection: Connection, ids: Sequence[int]) -> dict[int, PageInput]:
    return {
        row["id"]: PageInput(row["url"], row["position"], row["final_url"], row["etag"], row["last_modified"])
        async for row in _queries().load_targets(connection, ids=ids)
    }


async def _load_icons(connection: Connection, ids: Sequence[int]) -> dict[int, IconInput]:
    return {
        row["id"]: IconInput(
            row["icon_url"],
            row["declared"],
            row["position"],
            row["etag"],
            row["last_modified"],
            row["cookie_page"],
        )
        async for row in _queries().load_icons(connection, ids=ids)
    }


async def _write_target_urls(connection: Connection, results: Sequence[tuple[int, TargetUrl]]) -> int:
    await _queries().write_target_urls(
        connection,
        domain_ids=[domain_id for domain_id, _ in results],
        urls=[target.url for _, target in results],
        positions=[target.position for _, target in results],
    )
    await announce(connection, "icons", min(target.position for _, target in results))
    return len(results)


async def _write_page_visits(connection: Connection, results: Sequence[tuple[int, PageVisit]]) -> int:
    unchanged = [target_id for target_id, visit in results if visit.unchanged]
    if unchanged:
        await _queries().touch_page_visits(connection, target_ids=unchanged)
    seen = [(target_id, visit) for target_id, visit in results if not visit.unchanged]
    if not seen:
        return 0
    await _queries().write_page_visits(
        connection,
        target_ids=[target_id for target_id, _ in seen],
        final_urls=[storable(visit.final_url) for _, visit in seen],
        statuses=[visit.status for _, visit in seen],
        icon_counts=[len(visit.icons) for _, visit in seen],
        charsets=[storable_or_none(visit.charset) for _, visit in seen],
        etags=[storable_or_none(visit.etag) for _, visit in seen],
        last_modifieds=[storable_or_none(visit.last_modified) for _, visit in seen],
        notes=[storable_json(visit.notes) for _, visit in seen],
    )
    new_positions = await _write_offered_icons(connection, seen)
    if new_positions:
        await announce(connection, "hashes", min(new_positions))
    return len(new_positions)


async def _write_offered_icons(connection: Connection, visits: Sequence[tuple[int, PageVisit]]) -> list[int]:
    """Keep which page offers which icon; the positions of the icon URLs that are new."""
    offers: list[tuple[int, int, bytes, OfferedIcon]] = []
    urls: dict[bytes, tuple[str, bool, int, str | None]] = {}
    for target_id, visit in visits:
        for ordinal, icon in enumerate(visit.icons):
            url = storable(icon.url)
            key = hashlib.sha256(url.encode()).digest()
            known = urls.get(key)
            declared = icon.declared or (known is not None and known[1])
            position = min(visit.position, known[2] if known else visit.position)
            urls[key] = (url, declared, position, icon.cookie_page or (known[3] if known else None))
            offers.append((target_id, ordinal, key, icon))
    # A page that names a URL twice offers it once: the first declaration counts.
    first = {(target_id, key): (ordinal, icon) for target_id, ordinal, key, icon in reversed(offers)}
    keys = sorted(urls)
    new_positions = [
        row["position"]
        async for row in _queries().add_icon_urls(
            connection,
            url_sha256s=keys,
            icon_urls=[urls[key][0] for key in keys],
            declared=[urls[key][1] for key in keys],
            positions=[urls[key][2] for key in keys],
            cookie_pages=[storable_or_none(urls[key][3]) for key in keys],
        )
    ]
    if len(new_positions) < len(keys):
        await _queries().promise_icon_urls(connection, url_sha256s=[key for key in keys if urls[key][1]])
        with_cookies = [key for key in keys if urls[key][3]]
        if with_cookies:
            await _queries().note_cookie_pages(
                connection,
                url_sha256s=with_cookies,
                cookie_pages=[storable_or_none(urls[key][3]) for key in with_cookies],
            )
    rows = sorted(first.items(), key=lambda row: row[0])
    await _queries().write_site_icons(
        connection,
        target_ids=[target_id for (target_id, _), _ in rows],
        url_sha256s=[key for (_, key), _ in rows],
        ordinals=[ordinal for _, (ordinal, _) in rows],
        sources=[icon.source for _, (_, icon) in rows],
        declared_urls=[storable(icon.declared_url) for _, (_, icon) in rows],
        sizes=[storable_or_none(icon.sizes) for _, (_, icon) in rows],
        types=[storable_or_none(icon.type) for _, (_, icon) in rows],
        media=[storable_or_none(icon.media) for _, (_, icon) in rows],
        promised=[icon.promised for _, (_, icon) in rows],
        chromium_places=[icon.chromium_place for _, (_, icon) in rows],
        firefox_places=[icon.firefox_place for _, (_, icon) in rows],
        nearness=[icon.nearness for _, (_, icon) in rows],
    )
    revisited = [target_id for target_id, visit in visits if visit.revisited]
    if revisited:
        await _queries().retire_site_icons(
            connection,
            target_ids=revisited,
            kept_target_ids=[target_id for (target_id, _), _ in rows],
            kept_url_sha256s=[key for (_, key), _ in rows],
        )
    return new_positions


async def _write_icons(
    connection: Connection, results: Sequence[tuple[int, FetchedIcon]], keep_bytes: int
) -> None:
    unchanged = [icon_id for icon_id, icon in results if icon.unchanged]
    if unchanged:
        await _queries().touch_favicon_metadata(connection, icon_ids=unchanged)
    fetched = [(icon_id, icon) for icon_id, icon in results if not icon.unchanged]
    if not fetched:
        return
    await _write_pictures(connection, [icon for _, icon in fetched], keep_bytes)
    pictures = [icon.picture for _, icon in fetched]
    await _queries().write_favicon_metadata(
        connection,
        icon_ids=[icon_id for icon_id, _ in fetched],
        sha256s=[bytes.fromhex(picture.sha256) if picture else None for picture in pictures],
        md5s=[bytes.fromhex(picture.md5) if picture else None for picture in pictures],
        byte_counts=[picture.bytes if picture else None for picture in pictures],
        formats=[picture.format if picture else None for picture in pictures],
        final_urls=[storable(icon.final_url) for _, icon in fetched],
        statuses=[icon.status for _, icon in fetched],
        etags=[storable_or_none(icon.etag) for _, icon in fetched],
        last_modifieds=[storable_or_none(icon.last_modified) for _, icon in fetched],
        fitness=[icon.fitness for _, icon in fetched],
        kept_to=[icon.kept_to for _, icon in fetched],
    )


async def _write_pictures(connection: Connection, icons: Sequence[FetchedIcon], keep_bytes: int) -> None:
    distinct = {icon.picture.sha256: icon for icon in icons if icon.picture is not None}
    if not distinct:
        return
    rows = [(sha256, icon.picture, icon.body) for sha256, icon in sorted(distinct.items()) if icon.picture]
    sha256s = [bytes.fromhex(sha256) for sha256, _, _ in rows]
    await _queries().add_favicons(
        connection,
        sha256s=sha256s,
        md5s=[bytes.fromhex(picture.md5) for _, picture, _ in rows],
        byte_counts=[picture.bytes for _, picture, _ in rows],
        formats=[picture.format for _, picture, _ in rows],
        widths=[picture.width for _, picture, _ in rows],
        heights=[picture.height for _, picture, _ in rows],
        frames=[picture.frames for _, picture, _ in rows],
        # A body that was left behind on the way through a message service is empty.
        bodies=[body if 0 < len(body) <= keep_bytes else None for _, _, body in rows],
    )
    for signal in STORED:
        found = [
            (sha256, picture.signals[signal.name])
            for sha256, (_, picture, _) in zip(sha256s, rows, strict=True)
            if signal.name in picture.signals
        ]
        if found:
            await getattr(hash_queries(STORED), f"add_{signal.name}")(
                connection,
                sha256s=[sha256 for sha256, _ in found],
                hashes=[int(value) if signal.decimal else bytes.fromhex(value) for _, value in found],
            )
