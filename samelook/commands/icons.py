"""`samelook icons`: the icons of one page, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from samelook.crawler.discovery.discover import Discovery
    from samelook.crawler.discovery.icon_fetch import FetchedIcons, FoundIcon
    from samelook.crawler.fetching.settings import FetchSettings


def icons(
    url: Annotated[str, typer.Argument(help="A page's URL, or a bare domain.", show_default=False)],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Every icon that a page offers, fetched and checked. No database is needed.

    Example: `samelook icons example.org --json`

    The exit status is 0 also when the page has no icon, and 1 when the page cannot be had.
    """
    import asyncio

    from samelook.crawler.errors import CrawlError
    from samelook.crawler.fetching.urls import start_urls_of
    from samelook.settings import load_settings

    settings = load_settings()
    try:
        start_urls_of(url)
    except CrawlError as error:
        typer.echo(f"samelook icons: {error.message}", err=True)
        raise typer.Exit(2) from error
    discovery, fetched = asyncio.run(_find(url, settings.fetch))
    if json:
        _print_json(fetched)
    else:
        _print_table(discovery, fetched)


async def _find(url: str, settings: FetchSettings) -> tuple[Discovery, FetchedIcons]:
    from samelook.crawler.discovery.discover import discover
    from samelook.crawler.discovery.icon_fetch import fetch_icons
    from samelook.crawler.fetching.fetcher import Fetcher
    from samelook.hashing.sandbox import Sandbox

    async with Fetcher(settings) as fetcher, Sandbox() as sandbox:
        discovery = await discover(fetcher, url)
        return discovery, await fetch_icons(fetcher, sandbox, discovery)


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
        "displayed": icon.displayed,
    }


def _print_json(fetched: FetchedIcons) -> None:
    import json

    for icon in fetched.found:
        typer.echo(json.dumps(_row(icon), ensure_ascii=False))


def _print_table(discovery: Discovery, fetched: FetchedIcons) -> None:
    from rich.markup import escape
    from rich.table import Table

    from samelook.terminal.console import err, out

    table = Table("", box=None, header_style="bold")
    table.add_column("icon", overflow="fold")
    for name in ("source", "format", "pixels", "bytes"):
        table.add_column(name, no_wrap=True)
    table.add_column("md5", overflow="fold")
    for icon in fetched.found:
        picture = icon.picture
        table.add_row(
            "★" if icon.displayed else "",
            escape(icon.final_url[:120]),
            icon.candidate.source,
            str(picture.format),
            f"{picture.width}x{picture.height}",
            str(picture.bytes),
            picture.md5,
        )
    err().print(f"{escape(discovery.final_url)}: {len(fetched.found)} icons, ★ is the one that browsers show")
    if fetched.found:
        out().print(table)
    for note in discovery.notes:
        err().print(escape(note), style="dim")
    for missing in fetched.missing:
        err().print(
            escape(f"{missing.candidate.url[:120]} ({missing.candidate.source}): {missing.message}"),
            style="dim",
        )
