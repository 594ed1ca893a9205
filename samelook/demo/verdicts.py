"""What the demo shows at its end: the verdicts on the sites of the sample web."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from samelook.demo.sample_web.sample_site import Kind, SampleSite
from samelook.demo.sample_web.sites import OPERATOR_CATALOGUE, OPERATOR_FAMILIES, SITES
from samelook.terminal.console import out

if TYPE_CHECKING:
    from rich.table import Table

    from samelook.settings import Settings
    from samelook.sql.pool import Pool

_SHOWN = (Kind.IMPERSONATOR, Kind.FAMILY, Kind.DEFAULT_ICON, Kind.LETTER, Kind.NO_ICON)
"""Kinds of which every site has a line; the others are counted."""
_STYLES = {"trusted": "green", "first_use": "cyan", "grey": "yellow", "lock": "red"}


async def sample_verdicts(pool: Pool, settings: Settings, url: str) -> dict[str, dict[str, Any]]:
    """The answers about all sites of the sample web, by host, once its operator has said what it knows."""
    from samelook.extension_api.answering import answering_once
    from samelook.extension_api.curation import state_families
    from samelook.extension_api.models import SiteQuestion
    from samelook.extension_api.operator import Act, import_catalogue
    from samelook.facts.catalogue_lists import entries_in

    who = "operator of the sample web"
    await state_families(pool, OPERATOR_FAMILIES, provenance=who)
    async with pool.acquire() as connection:
        await import_catalogue(connection, entries_in(OPERATOR_CATALOGUE), who, Act(who))
    async with answering_once(settings.database_at(url), settings.extension) as answers:
        return {site.host: await answers.answer(SiteQuestion(url=site.host)) for site in SITES}


def show_verdicts(answers: dict[str, dict[str, Any]]) -> None:
    """Print the verdicts: a line for each site that tells something, counts for the rest."""
    out().print(_table(answers))
    for kind in Kind:
        if kind not in _SHOWN:
            found = Counter(answers[site.host]["verdict"] for site in SITES if site.kind is kind)
            told = ", ".join(
                f"{number} [{_STYLES[verdict]}]{verdict}[/]" for verdict, number in found.most_common()
            )
            out().print(f"{sum(found.values())} sites of kind {kind}: {told}.", highlight=False)
    copies = [answers[site.host]["verdict"] for site in SITES if site.kind is Kind.IMPERSONATOR]
    honest = [answers[site.host]["verdict"] for site in SITES if site.kind is not Kind.IMPERSONATOR]
    out().print(
        f"[bold]{copies.count('lock')} of {len(copies)} impersonators are locked[/bold], "
        f"{copies.count('grey')} warned of; the rest copies a site that is ranked too low to be protected. "
        f"[bold]{honest.count('lock')} of {len(honest)} other sites are locked[/bold].",
        highlight=False,
    )


def _table(answers: dict[str, dict[str, Any]]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table("site", "rank", "is", "verdict", "because", box=None, header_style="bold")
    for kind in _SHOWN:
        for site in SITES:
            if site.kind is kind:
                answer = answers[site.host]
                verdict = answer["verdict"]
                table.add_row(
                    site.host,
                    f"{site.rank:,}" if site.rank else "none",
                    escape(_what(site)),
                    f"[{_STYLES[verdict]}]{verdict}[/]",
                    escape(_because(answer)),
                )
        table.add_section()
    return table


def _what(site: SampleSite) -> str:
    if site.kind is Kind.IMPERSONATOR:
        return f"copy, {str(site.change).replace('_', ' ')}"
    return {Kind.FAMILY: "sister", Kind.DEFAULT_ICON: "default icon", Kind.LETTER: "letter"}.get(
        site.kind, "no icon"
    )


def _because(answer: dict[str, Any]) -> str:
    first = answer["reasons"][0]
    told: str = first["code"]
    if answer["looks_like"] and first["code"] == "looks_like":
        like = answer["looks_like"][0]
        told += f" {like['site']}"
    elif first["code"] == "family":
        told += f" of {first['detail']['of']}"
    return told
