"""What the demo shows at its end: the verdicts on the sites of the sample web."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from samelook.demo.sample_web.sample_site import Kind, SampleSite
from samelook.demo.sample_web.sites import OPERATOR_CATALOGUE, OPERATOR_FAMILIES, SITES
from samelook.terminal.console import out, say

if TYPE_CHECKING:
    from rich.text import Text

    from samelook.inspector.thumbnails import Thumbnail
    from samelook.settings import Settings
    from samelook.sql.pool import Pool
    from samelook.terminal.tables import Table

_PICTURE_SIDE = 12
"""Pixels, and so cells, that a picture is wide."""
_STYLES = {"trusted": "green", "first_use": "cyan", "grey": "yellow", "lock": "red"}


async def sample_verdicts(pool: Pool, settings: Settings, url: str) -> dict[str, dict[str, Any]]:
    """The answers about all sites of the sample web, by host, once its operator has said what it knows."""
    from samelook.extension_api.curation import state_families
    from samelook.extension_api.extension import answering_once
    from samelook.extension_api.models import SiteQuestion
    from samelook.extension_api.operator import Act, import_catalogue
    from samelook.facts.catalogue_lists import entries_in

    who = "operator of the sample web"
    await state_families(pool, OPERATOR_FAMILIES, provenance=who)
    async with pool.acquire() as connection:
        await import_catalogue(connection, entries_in(OPERATOR_CATALOGUE), who, Act(who))
    async with answering_once(settings.database_at(url), settings.extension, keep=True) as answers:
        return {site.host: await answers.answer(SiteQuestion(url=site.host)) for site in SITES}


async def show_verdicts(
    answers: dict[str, dict[str, Any]], settings: Settings, url: str, *, every_site: bool = False
) -> None:
    """Show who copies whom, both pictures side by side; then the other sites, counted or a line each."""
    from samelook.terminal.console import counted

    copies = [site for site in SITES if site.kind is Kind.IMPERSONATOR]
    locked = [site for site in copies if answers[site.host]["verdict"] == "lock"]
    honest = [site for site in SITES if site.kind is not Kind.IMPERSONATOR]
    say(f"\n{len(locked)} of {counted(len(copies), 'look-alike')} are locked", style="bold")
    pictures = await _pictures(answers, copies, settings, url)
    for site in copies:
        say("")
        out().print(_pair(site, answers[site.host], pictures))
    wrongly = sum(answers[site.host]["verdict"] == "lock" for site in honest)
    say(f"\n{wrongly} of {counted(len(honest), 'other site')} are locked", style="bold")
    if every_site:
        out().print(_table(answers, honest))
        return
    for kind in Kind:
        found = Counter(answers[site.host]["verdict"] for site in honest if site.kind is kind)
        if found:
            counts = ", ".join(f"{number} {verdict}" for verdict, number in found.most_common())
            say(f"  {counted(found.total(), 'site')} of kind {kind}: {counts}")


async def _pictures(
    answers: dict[str, dict[str, Any]], copies: Sequence[SampleSite], settings: Settings, url: str
) -> dict[str, Thumbnail]:
    """The icons of the copies and of whom they copy, by host."""
    from samelook.hashing.sandbox import Sandbox
    from samelook.hashing.settings import SandboxLimits
    from samelook.inspector.thumbnails import thumbnails
    from samelook.names.hosts import host_of, reversed_host
    from samelook.sql.named import queries
    from samelook.sql.pool import open_connection

    hosts = {site.host for site in copies} | {_copied(answers[site.host]) for site in copies} - {""}
    async with open_connection(settings.database_at(url)) as connection:
        bodies = {
            str(host_of(row["reversed_name"])): row["body"]
            async for row in queries("crawl").first_pictures(
                connection, reversed_names=[reversed_host(host) for host in sorted(hosts)]
            )
        }
    async with Sandbox(workers=1, limits=SandboxLimits()) as sandbox:
        return await thumbnails(sandbox, bodies, _PICTURE_SIDE)


def _pair(site: SampleSite, answer: dict[str, Any], pictures: dict[str, Thumbnail]) -> Text:
    """Copy and original side by side, and beside them who they are; no name is shortened."""
    from rich.text import Text

    from samelook.terminal.inspect_display import half_blocks

    owner = _copied(answer)
    verdict = answer["verdict"]
    rank = answer["looks_like"][0]["rank"] if answer["looks_like"] else None
    words = [
        Text(site.host, style="bold"),
        Text(f"rank {site.rank:,}" if site.rank else "no rank"),
        Text(_what(site)),
        Text(f"{verdict}: ", style=_STYLES[verdict])
        + Text(f"looks like {owner}" if owner else "it looks like nobody whose look is protected"),
        Text(f"which has rank {rank:,}" if rank else ""),
    ]
    columns = []
    for host in (site.host, owner):
        picture = pictures.get(host)
        columns.append(list(half_blocks(picture).split()) if picture is not None else [])
    lines = []
    for number in range(max(len(words), *map(len, columns))):
        line = Text("  ")
        for column in columns:
            part = column[number] if number < len(column) else Text()
            line += part + Text(" " * (_PICTURE_SIDE - part.cell_len + 2))
        line += words[number] if number < len(words) else Text()
        line.rstrip()
        lines.append(line)
    return Text("\n").join(lines)


def _copied(answer: dict[str, Any]) -> str:
    """Whom a site looks like; nobody: an empty text."""
    return str(answer["looks_like"][0]["site"]) if answer["looks_like"] else ""


def _table(answers: dict[str, dict[str, Any]], sites: Sequence[SampleSite]) -> Table:
    from rich.text import Text

    from samelook.terminal.tables import Table

    rows = [
        (
            site.host,
            site.rank or Text("none"),
            _what(site),
            Text(answers[site.host]["verdict"], style=_STYLES[answers[site.host]["verdict"]]),
            _because(answers[site.host]),
        )
        for site in sorted(sites, key=lambda site: (site.kind, site.host))
    ]
    return Table(("site", "rank", "is", "verdict", "because"), rows)


def _what(site: SampleSite) -> str:
    if site.kind is Kind.IMPERSONATOR:
        return f"copy, {str(site.change).replace('_', ' ')}"
    return str(site.kind).replace("_", " ")


def _because(answer: dict[str, Any]) -> str:
    first = answer["reasons"][0]
    sentence: str = first["code"]
    if answer["looks_like"] and first["code"] == "looks_like":
        like = answer["looks_like"][0]
        sentence += f" {like['site']}"
    elif first["code"] == "family":
        sentence += f" of {first['detail']['of']}"
    return sentence
