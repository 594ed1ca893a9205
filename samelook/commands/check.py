"""`samelook check`: the verdict on a site, with its evidence, for people or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from samelook.commands.given import names_given
from samelook.terminal.console import say, tell

if TYPE_CHECKING:
    from samelook.extension_api.models import SiteQuestion
    from samelook.settings import Settings


def check(
    urls: Annotated[
        list[str],
        typer.Argument(
            metavar="URL",
            help="Sites' URLs, or their hosts; - reads them from standard input.",
            show_default=False,
        ),
    ],
    *,
    json: Annotated[bool, typer.Option("--json", help="Each answer as one JSON object a line.")] = False,
    fetch: Annotated[
        bool,
        typer.Option(
            "--fetch",
            help="Fetch the sites' pages and icons now, instead of using what the crawl found. Whom a page "
            "names in its title, and whether it asks for a password, counts too.",
        ),
    ] = False,
) -> None:
    """The verdict on a site: whether its icon is another's, and what shows it.

    It is the answer that a browser extension gets from the service, made here from the configured database.
    The exit status is 0 whatever the verdicts are, and 1 when one of the sites could not be asked about.

    For example:

        samelook check lumora-secure.example

        samelook check https://lumora.example/ --fetch --json

        samelook check - < suspects.txt
    """
    from samelook.names.errors import NotASite
    from samelook.names.sites import host_of_url
    from samelook.postgres.configured import configured_database
    from samelook.processes.running import run_async
    from samelook.settings import load_settings

    wanted = names_given(urls)
    good = []
    for url in wanted:
        try:
            host_of_url(url)
            good.append(url)
        except NotASite as error:
            tell(f"samelook check: {error.message}")
    if not good and wanted:
        raise typer.Exit(2)
    settings = load_settings()
    with configured_database(settings) as database_url:
        all_had = run_async(_report(settings, database_url, good, fetch=fetch, as_json=json))
    if not all_had or len(good) < len(wanted):
        raise typer.Exit(1)


async def _report(
    settings: Settings, database_url: str, urls: list[str], *, fetch: bool, as_json: bool
) -> bool:
    """Print the answer about each site in the given order; whether all could be had."""
    import json

    from samelook.crawler.errors import CrawlError
    from samelook.extension_api.extension import answering_once
    from samelook.extension_api.models import SiteQuestion

    all_had = True
    version = None
    async with answering_once(settings.database_at(database_url), settings.extension) as answers:
        for number, url in enumerate(urls):
            try:
                seen = await _fetched(settings, url) if fetch else SiteQuestion(url=url)
            except CrawlError as error:
                tell(f"samelook check: {url}: {error}")
                all_had = False
                continue
            answer: dict[str, Any] = await answers.answer(seen, no_icon=fetch and not seen.icons)
            version = answer["version"]
            if as_json:
                typer.echo(json.dumps(answer, ensure_ascii=False))
            else:
                if number:
                    say("")
                _print(answer)
    if version is not None and not as_json:
        tell(f"data version {version}", style="dim")
    return all_had


async def _fetched(settings: Settings, url: str) -> SiteQuestion:
    """The question about a site with what its page offers and says now."""
    import base64

    from samelook.crawler.discovery.discover import discover
    from samelook.crawler.discovery.icon_fetch import icon_response
    from samelook.crawler.errors import CrawlError
    from samelook.crawler.fetching.fetcher import Fetcher
    from samelook.extension_api.models import Icon, PageSeen, SiteQuestion
    from samelook.names.sites import MAX_URL_CHARS

    async with Fetcher(settings.fetch) as fetcher:
        found = await discover(fetcher, url)
        bodies: dict[bytes, str] = {}
        for icon in found.icons:
            try:
                response = await icon_response(fetcher, icon.url)
            except CrawlError:
                # One icon that cannot be had says nothing about the others.
                continue
            if response.ok and response.body:
                bodies.setdefault(response.body, icon.url)
    # An address may be the whole picture (`data:`); only its host is asked for.
    icons = [
        Icon(data=base64.b64encode(body).decode(), url=address[:MAX_URL_CHARS])
        for body, address in bodies.items()
    ]
    page = PageSeen(title=found.title, asks_password=found.asks_password)
    return SiteQuestion(url=url, icons=icons[:_MOST_ICONS], page=page)


_MOST_ICONS = 16
_STYLES = {"trusted": "bold green", "first_use": "bold cyan", "grey": "bold yellow", "lock": "bold red"}


def _print(answer: dict[str, Any]) -> None:
    from rich.text import Text

    from samelook.inspector.plain_text import harmless
    from samelook.terminal.console import out
    from samelook.terminal.tables import Table

    of_site = "" if answer["host"] == answer["site"] else f" (site {answer['site']})"
    action = "" if answer["action"] == answer["verdict"] else f" ({answer['action']})"
    verdict = Text(answer["verdict"], style=_STYLES[answer["verdict"]])
    out().print(Text(harmless(f"{answer['host']}{of_site}: ")) + verdict + Text(action))
    for number, reason in enumerate(answer["reasons"]):
        bullet = "because" if number == 0 else "also"
        detail = ", ".join(f"{name} {_plain(value)}" for name, value in reason.get("detail", {}).items())
        say(
            f"  {bullet} {reason['code']} (rule {reason['rule']}): {reason['text']}"
            + (f" [{detail}]" if detail else "")
        )
    if answer["looks_like"]:
        rows = [
            (
                like["site"],
                like["rank"] or Text("none"),
                like["form"],
                like["pdq"],
                like["colour"],
                like["under"],
            )
            for like in answer["looks_like"]
        ]
        out().print(Table(("looks like", "rank", "form", "PDQ bits", "colour", "under"), rows))
    if answer["first_seen"]:
        say(f"  first seen {answer['first_seen']}")


def _plain(value: object) -> str:
    from samelook.terminal.tables import text_of

    return text_of(value).plain
