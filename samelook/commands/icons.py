"""`samelook icons`: the icons of one page, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from samelook.commands.given import in_order, names_given
from samelook.crawler.discovery.candidates import BROWSERS
from samelook.terminal.console import tell

if TYPE_CHECKING:
    from samelook.crawler.discovery.discover import Discovery
    from samelook.crawler.discovery.icon_fetch import FetchedIcons, FoundIcon
    from samelook.crawler.fetching.settings import FetchSettings


_PAGES_AT_ONCE = 4
_MARKS = {
    BROWSERS: "★",
    frozenset({"chromium"}): "C",
    frozenset({"firefox"}): "F",
}
_SAID = {
    BROWSERS: "is the one that browsers show",
    frozenset({"chromium"}): "the one that Chromium shows",
    frozenset({"firefox"}): "the one that Firefox shows",
}


def icons(
    urls: Annotated[
        list[str],
        typer.Argument(
            metavar="URL",
            help="Pages' URLs or bare domains; - reads them from standard input.",
            show_default=False,
        ),
    ],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Every icon that a page offers, fetched and checked. No database is needed.

    The exit status is 0 also when a page has no icon, and 1 when a page cannot be had.

    For example:

        samelook icons example.org --json

        samelook icons - < domains.txt
    """
    import asyncio

    from samelook.crawler.errors import CrawlError
    from samelook.crawler.fetching.urls import start_urls_of
    from samelook.settings import load_settings

    settings = load_settings()
    wanted = names_given(urls)
    good = []
    for url in wanted:
        try:
            start_urls_of(url)
            good.append(url)
        except CrawlError as error:
            tell(f"samelook icons: {error.message}")
    if not good and wanted:
        raise typer.Exit(2)
    all_had = asyncio.run(_report(good, settings.fetch, as_json=json, named=len(wanted) > 1))
    if not all_had or len(good) < len(wanted):
        raise typer.Exit(1)


async def _report(urls: list[str], settings: FetchSettings, *, as_json: bool, named: bool) -> bool:
    """Print the icons of each page in the given order; whether all pages could be had."""
    from samelook.crawler.discovery.discover import discover
    from samelook.crawler.discovery.icon_fetch import fetch_icons
    from samelook.crawler.errors import CrawlError
    from samelook.crawler.fetching.fetcher import Fetcher
    from samelook.hashing.sandbox import Sandbox

    all_had = True
    async with Fetcher(settings) as fetcher, Sandbox() as sandbox:

        async def found(url: str) -> tuple[Discovery, FetchedIcons] | CrawlError:
            try:
                discovery = await discover(fetcher, url)
                return discovery, await fetch_icons(fetcher, sandbox, discovery)
            except CrawlError as error:
                return error

        async for url, outcome in in_order(urls, found, ahead=_PAGES_AT_ONCE):
            if isinstance(outcome, CrawlError):
                all_had = False
                tell(f"samelook icons: {f'{url}: ' if named else ''}{outcome}")
            elif as_json:
                _print_json(outcome[1], url if named else None)
            else:
                _print_table(*outcome)
    return all_had


def _row(icon: FoundIcon) -> dict[str, object]:
    picture = icon.picture
    return {
        "url": icon.candidate.declared,
        "final_url": icon.final_url,
        "source": icon.candidate.source,
        "format": str(picture.format),
        "width": picture.width,
        "height": picture.height,
        "sizes": icon.candidate.sizes,
        "bytes": picture.bytes,
        "md5": picture.md5,
        "sha256": picture.sha256,
        "type": icon.candidate.type,
        "media": icon.candidate.media,
        "purpose": icon.candidate.purpose,
        "displayed": "chromium" in icon.displayed_by,
        "displayed_by": sorted(icon.displayed_by),
    }


def _print_json(fetched: FetchedIcons, page: str | None) -> None:
    import json

    for icon in fetched.found:
        row = _row(icon) if page is None else {"page": page, **_row(icon)}
        typer.echo(json.dumps(row, ensure_ascii=False))


def _print_table(discovery: Discovery, fetched: FetchedIcons) -> None:
    from samelook.terminal.console import counted, out
    from samelook.terminal.tables import Table

    shown = {icon.displayed_by for icon in fetched.found if icon.displayed_by}
    marks = ", ".join(f"{_MARKS[some]} {_SAID[some]}" for some in _MARKS if some in shown)
    tell(f"{discovery.final_url}: {counted(len(fetched.found), 'icon')}{marks and f', {marks}'}")
    rows = [
        (
            _MARKS.get(icon.displayed_by, ""),
            icon.candidate.source,
            str(icon.picture.format),
            f"{icon.picture.width}x{icon.picture.height}",
            icon.picture.bytes,
            icon.picture.md5,
            icon.final_url,
        )
        for icon in fetched.found
    ]
    if rows:
        out().print(Table(("", "source", "format", "pixels", "bytes", "md5", "icon"), rows))
    for note in discovery.notes:
        tell(note, style="dim")
    for missing in fetched.missing:
        tell(f"{missing.candidate.url} ({missing.candidate.source}): {missing.message}", style="dim")
