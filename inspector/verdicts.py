"""What the service would say about a site: its own rules, on the facts in the database, only read."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from samelook.extension_api.judge import Judge
from samelook.facts.follower import Follower
from samelook.facts.questions import Asked
from samelook.facts.settings import VerdictSettings
from samelook.inspector.listing import Listing, Row
from samelook.names.hosts import reversed_host
from samelook.names.sites import site_of
from samelook.sql.named import queries
from samelook.sql.settings import DatabaseSettings

if TYPE_CHECKING:
    from samelook.facts.evidence import LookMatch
    from samelook.inspector.settings import InspectorSettings
    from samelook.sql.pool import Connection, OwnConnection

# The follower reads on the connection that it is given, and opens none.
_NO_DATABASE = DatabaseSettings(url="")
_REASONS = ("code", "rule", "text", "detail")
_OWNERS = ("site", "rank", "under", "form", "version", "pdq", "colour", "current", "icon_url", "sha256")


@dataclass(frozen=True, slots=True)
class SiteVerdict:
    """A verdict as facts and tables of an answer."""

    facts: Row
    listings: tuple[Listing, ...]


async def verdict_on(
    connection: Connection,
    settings: InspectorSettings,
    host: str,
    *,
    always: bool = False,
    judge: Judge | None = None,
) -> SiteVerdict:
    """The verdict that a client gets which is on no allowlist and sends no icons.

    The facts of all sites must be read for it, so in a database with many looks it is given only when
    `always` is set, or by a `judge` who has them in memory. Nothing is brought up to date: what the
    service's keeper has not taken up yet is told in a note.
    """
    state = await queries("inspector").verdict_state(connection, most=settings.verdict_looks + 1)
    notes = []
    if state["waiting"]:
        notes.append(
            "What the crawl has changed since is not in the facts yet: `samelook serve` takes it up, and so "
            "does `samelook check`."
        )
    choices = VerdictSettings()
    if judge is None and state["looks"] > settings.verdict_looks and not always:
        notes.append("This database is large: ask `samelook check`, or add --verdict (some seconds).")
        return SiteVerdict({}, (Listing("reasons", _REASONS, [], notes=tuple(notes)),))
    if judge is None:
        follower = Follower(_NO_DATABASE, choices)
        await follower.load(cast("OwnConnection", connection))
        judge = Judge(follower, choices, time.time)
    site = site_of(host)
    position = None
    if site not in judge.memory.sites:
        position = await queries("verdicts").rank_of(connection, reversed_name=reversed_host(site))
        if choices.tiers.rule_for(position) is not None:
            # Only the keeper records since when a rank has held.
            position = None
    judged = judge.judge(Asked(host, site, position=position))
    decision = judged.decision
    reasons = [reason.as_json() for reason in decision.reasons]
    return SiteVerdict(
        {"verdict": str(decision.verdict), "action": decision.action, "judged_as": str(site)},
        (
            Listing("reasons", _REASONS, reasons, notes=tuple(notes)),
            Listing("looks_like", _OWNERS, [_owner_row(match) for match in decision.looks_like]),
        ),
    )


def _owner_row(match: LookMatch) -> Row:
    return {
        "site": str(match.owner.site),
        "rank": match.owner.position,
        "under": match.under,
        "form": match.form,
        "version": match.version,
        **match.distances,
        "current": match.current,
        "icon_url": match.owner_icon_url,
        "sha256": match.owner_sha256,
        "own_sha256": match.asker_sha256,
    }
