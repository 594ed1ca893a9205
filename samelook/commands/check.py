"""`samelook check`: the verdict on a site, with its evidence, for people or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from samelook.settings import Settings


def check(
    url: Annotated[str, typer.Argument(help="A site's URL, or its host.", show_default=False)],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
    fetch: Annotated[
        bool,
        typer.Option("--fetch", help="Fetch the site's icons now, instead of using what the crawl found."),
    ] = False,
) -> None:
    """The verdict on a site: whether its icon is another's, and what shows it.

    It is the answer that a browser extension gets from the service, made here from the configured database.
    The exit status is 0 whatever the verdict is.

    Examples:
        samelook check lumora-secure.example

        samelook check https://lumora.example/ --fetch --json
    """
    from samelook.names.errors import NotASite
    from samelook.names.sites import host_of_url
    from samelook.postgres.configured import configured_database
    from samelook.processes.running import run_async
    from samelook.settings import load_settings

    try:
        host_of_url(url)
    except NotASite as error:
        typer.echo(f"samelook check: {error.message}", err=True)
        raise typer.Exit(2) from error
    settings = load_settings()
    with configured_database(settings) as database_url:
        answer = run_async(_answer(settings, database_url, url, fetch=fetch))
    if json:
        import json as json_module

        typer.echo(json_module.dumps(answer, ensure_ascii=False))
    else:
        _print(answer)


async def _answer(settings: Settings, database_url: str, url: str, *, fetch: bool) -> dict[str, Any]:
    from samelook.extension_api.answering import answering_once
    from samelook.extension_api.models import Icon, SiteQuestion

    icons = [Icon(data=data) for data in await _fetched(settings, url)] if fetch else []
    async with answering_once(settings.database_at(database_url), settings.extension) as answers:
        answer: dict[str, Any] = await answers.answer(
            SiteQuestion(url=url, icons=icons), no_icon=fetch and not icons
        )
    return answer


async def _fetched(settings: Settings, url: str) -> list[str]:
    """The icons that the site's page offers, as base64."""
    import base64

    from samelook.crawler.discovery.discover import discover
    from samelook.crawler.discovery.icon_fetch import icon_response
    from samelook.crawler.errors import CrawlError
    from samelook.crawler.fetching.fetcher import Fetcher

    async with Fetcher(settings.fetch) as fetcher:
        found = await discover(fetcher, url)
        bodies: dict[bytes, None] = {}
        for icon in found.icons:
            try:
                response = await icon_response(fetcher, icon.url)
            except CrawlError:
                # One icon that cannot be had says nothing about the others.
                continue
            if response.ok and response.body:
                bodies[response.body] = None
    return [base64.b64encode(body).decode() for body in bodies][:_MOST_ICONS]


_MOST_ICONS = 16
_STYLES = {"trusted": "bold green", "first_use": "bold cyan", "grey": "bold yellow", "lock": "bold red"}


def _print(answer: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from samelook.terminal.console import err, out

    style = _STYLES[answer["verdict"]]
    of_site = "" if answer["host"] == answer["site"] else f" (site {escape(answer['site'])})"
    out().print(f"{escape(answer['host'])}{of_site}: [{style}]{answer['verdict']}[/] ({answer['action']})")
    for number, reason in enumerate(answer["reasons"]):
        bullet = "[bold]because[/]" if number == 0 else "also"
        detail = ", ".join(f"{name} {value}" for name, value in reason.get("detail", {}).items())
        out().print(
            f"  {bullet} {reason['code']} (rule {reason['rule']}): {escape(reason['text'])}"
            + (f" [dim]{escape(detail)}[/]" if detail else ""),
            highlight=False,
        )
    if answer["looks_like"]:
        table = Table(
            "looks like", "rank", "form", "PDQ bits", "colour", "under", box=None, header_style="bold"
        )
        for like in answer["looks_like"]:
            table.add_row(
                escape(like["site"]),
                f"{like['rank']:,}" if like["rank"] else "none",
                like["form"],
                str(like["pdq"]),
                str(like["colour"]),
                like["under"],
            )
        out().print(table)
    if answer["first_seen"]:
        out().print(f"  first seen {answer['first_seen']}", highlight=False)
    err().print(f"data version {answer['version']}", style="dim")
