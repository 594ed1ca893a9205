"""The keeper: the one process that turns what the crawl finds into numbered facts.

Every process that answers runs one; whoever holds the advisory lock works, the others wait to take over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import ada_url
import asyncpg
import structlog

from samelook.facts.ranks import SettledRank, settled
from samelook.looks.likeness import parse_look, wear_one_look
from samelook.names.hosts import host_of
from samelook.names.sites import is_front_door, is_tenant, site_of
from samelook.names.version import names_version
from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled
from samelook.sql.named import queries
from samelook.sql.pool import open_connection
from samelook.sql.standby import is_read_only

if TYPE_CHECKING:
    from samelook.facts.settings import VerdictSettings
    from samelook.sql.pool import OwnConnection
    from samelook.sql.settings import DatabaseSettings

log = structlog.get_logger()

BATCH = 2000
HOUSEKEEPING_S = 60.0
RANKS_S = 5.0
RETRY_S = 2.0
BETWEEN_VISITS = timedelta(days=30)


class Keeper:
    """Keeps site_facts, site_looks and trusted_looks up to date with the crawl. Run one in each process."""

    def __init__(
        self, database: DatabaseSettings, settings: VerdictSettings, clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._queries: Any = queries("verdicts")
        self._ranks_seen: tuple[Any, ...] | None = None
        self._ranks_at = 0.0
        self._kept_house_at = 0.0
        self.is_keeping = False
        """Whether this process is the one that works now."""

    async def run(self) -> None:
        """Keep until cancelled, waiting for the lock and for a database that is away."""
        while True:
            try:
                async with open_connection(self._database) as connection:
                    while await is_read_only(connection):  # noqa: ASYNC110 - a promotion announces nothing
                        await asyncio.sleep(RETRY_S)
                    # The lock is tried again and again: a holder that was killed announces nothing.
                    while not await self._queries.try_keeping(connection):  # noqa: ASYNC110
                        await asyncio.sleep(RETRY_S)
                    log.info("keeper.started")
                    self.is_keeping = True
                    self._ranks_seen = None
                    await self._look_at_names(connection)
                    while True:
                        if not await self.step(connection):
                            await asyncio.sleep(self._settings.poll_s)
            except AWAY as error:
                check_cancelled()
                self.is_keeping = False
                log.warning("keeper.interrupted", error=str(error) or type(error).__name__)
                await asyncio.sleep(RETRY_S)

    async def catch_up(self, connection: OwnConnection) -> None:
        """Work until nothing is left to do."""
        self._ranks_seen = None
        await self._look_at_names(connection)
        while await self.step(connection):
            pass

    async def step(self, connection: OwnConnection) -> bool:
        """Do what is due; whether there may be more at once."""
        await self._look_at_ranks(connection)
        await self._keep_house(connection)
        async with connection.transaction():
            domain_ids = [
                row["domain_id"] async for row in self._queries.take_site_changes(connection, batch=BATCH)
            ]
            if domain_ids:
                await self._update(connection, domain_ids)
                await self._queries.announce(connection, payload="facts")
        return len(domain_ids) > 0

    async def _look_at_names(self, connection: OwnConnection) -> None:
        """Have all facts made anew when hosts belong to other sites than they did."""
        async with connection.transaction():
            if await self._queries.take_names_version(connection, version=names_version()):
                await self._queries.note_all_facts(connection)

    async def _look_at_ranks(self, connection: OwnConnection) -> None:
        now = self._clock()
        row = await self._queries.rank_signature(connection)
        signature = tuple(row.values())
        if signature == self._ranks_seen:
            # All changes of the first imports have become facts: ranks of later imports are on probation.
            if not await self._queries.changes_wait(connection):
                await self._queries.set_baseline_import(connection)
            return
        # A long import changes its figures after each merge; comparing all ranks each time would be dear.
        if row["imports"] > row["finished"] and self._ranks_seen and 0 <= now - self._ranks_at < RANKS_S:
            return
        self._ranks_at = now
        if not await self._queries.anything_known(connection):
            await self._queries.note_everything(connection)
        await self._queries.note_ranked(connection, trusted_to=self._settings.tiers.strict)
        self._ranks_seen = signature

    async def _keep_house(self, connection: OwnConnection) -> None:
        now = self._clock()
        if 0 <= now - self._kept_house_at < HOUSEKEEPING_S:
            return
        self._kept_house_at = now
        await self._queries.note_settled(connection, probation_s=self._settings.probation_s)
        await self._queries.note_expired_looks(
            connection, former_s=self._settings.former_look_s, batch=10_000
        )
        await self._queries.prune(connection)

    async def _update(self, connection: OwnConnection, domain_ids: Sequence[int]) -> None:
        baseline = await self._queries.baseline_import(connection)
        rows = [row async for row in self._queries.crawl_facts(connection, domain_ids=domain_ids)]
        looks = [
            row
            async for row in self._queries.crawl_looks(
                connection,
                domain_ids=[row["id"] for row in rows if is_front_door(host_of(row["reversed_name"]))],
                former_s=self._settings.former_look_s,
                confirmed_s=self._settings.trust_takes_s,
            )
        ]
        changed_hands = await self._changed_hands(connection, rows, looks)
        facts = [self._facts_of(row, baseline, changed_hands=row["id"] in changed_hands) for row in rows]
        elsewhere = {row["id"] for row, fact in zip(rows, facts, strict=True) if fact["redirect_host"]}
        # Where the start page leads to another site, its icons are the other's and no claim of this one.
        looks = [row for row in looks if row["domain_id"] not in elsewhere or row["gone_since"] is not None]
        await self._queries.write_site_facts(
            connection,
            domain_ids=[row["id"] for row in rows],
            sites=[fact["site"] for fact in facts],
            hosts=[fact["host"] for fact in facts],
            positions=[row["position"] for row in rows],
            trusted_positions=[fact["rank"].trusted for fact in facts],
            new_positions=[fact["rank"].new for fact in facts],
            new_sinces=[_time(fact["rank"].new_since) for fact in facts],
            host_counts=[row["n_hosts"] for row in rows],
            visited=[fact["visited_at"] for fact in facts],
            redirect_hosts=[fact["redirect_host"] for fact in facts],
            discovery_errors=[fact["discovery_error"] for fact in facts],
            hashing_errors=[fact["hashing_errors"] for fact in facts],
        )
        updated = [row["id"] for row in rows]
        kept = {
            "kept_domain_ids": [row["domain_id"] for row in looks],
            "kept_sha256s": [row["sha256"] for row in looks],
        }
        await self._queries.retire_site_looks(connection, domain_ids=updated, **kept)
        await self._queries.write_site_looks(
            connection,
            domain_ids=kept["kept_domain_ids"],
            sha256s=kept["kept_sha256s"],
            icon_urls=[_shown_url(row["icon_url"]) for row in looks],
            md5s=[row["md5"] for row in looks],
            confirmed=[row["confirmed"] for row in looks],
            sinces=[row["since"] for row in looks],
            gone_sinces=[row["gone_since"] for row in looks],
            displayed_by=[row["displayed_by"] for row in looks],
        )
        tiers = self._settings.tiers
        await self._queries.publish_trusted_looks(
            connection,
            domain_ids=updated,
            wide_to=tiers.wide,
            standard_to=tiers.standard,
            strict_to=tiers.strict,
        )
        await self._queries.verify_sightings(connection, domain_ids=updated)

    async def _changed_hands(
        self, connection: OwnConnection, rows: Sequence[asyncpg.Record], looks: Sequence[asyncpg.Record]
    ) -> set[int]:
        """Domains that have lost a trusted rank and show nothing any more of what they showed with it."""
        suspects = {
            row["id"] for row in rows if row["position"] is None and row["trusted_position"] is not None
        }
        shown = {domain: [look for look in looks if look["domain_id"] == domain] for domain in suspects}
        replaced = {
            domain: ([worn["sha256"] for worn in now], [worn["sha256"] for worn in before])
            for domain, shows in shown.items()
            if (now := [worn for worn in shows if worn["gone_since"] is None])
            and (before := [worn for worn in shows if worn["gone_since"] is not None])
            # The new looks appeared when the first old one went, give or take the time between two visits.
            and min(worn["since"] for worn in now)
            >= min(worn["gone_since"] for worn in before) - BETWEEN_VISITS
        }
        pictures = sorted({sha256 for pair in replaced.values() for some in pair for sha256 in some})
        if not pictures:
            return set()
        known = {
            row["sha256"]: [parse_look(look) for look in row["looks"] if look]
            async for row in self._queries.looks_of_pictures(connection, sha256s=pictures)
        }
        return {
            domain
            for domain, (now, before) in replaced.items()
            if not wear_one_look(
                [look for sha256 in now for look in known[sha256]],
                [look for sha256 in before for look in known[sha256]],
            )
        }

    def _facts_of(self, row: asyncpg.Record, baseline: int | None, *, changed_hands: bool) -> dict[str, Any]:
        host = host_of(row["reversed_name"])
        if not is_front_door(host):
            return _FACTS_OF_OTHERS | {"site": host, "host": host}
        site = site_of(host)
        since = row["new_since"]
        before = SettledRank(
            row["trusted_position"], row["new_position"], since.timestamp() if since else None
        )
        rank = settled(
            before if row["known"] else None,
            # A tenant's rank comes from its platform, or from a list that ranks hosts: it is not earned.
            None if is_tenant(site) else row["position"],
            now=self._clock(),
            probation_s=self._settings.probation_s,
            judged=baseline is not None and row["import_id"] is not None and row["import_id"] > baseline,
            tiers=self._settings.tiers,
            changed_hands=changed_hands,
        )
        landed = _host_of(row["final_url"])
        redirect_host = landed if landed and site_of(landed) != site else None
        return {
            "site": site,
            "host": host,
            "rank": rank,
            "redirect_host": redirect_host,
            "visited_at": None if row["waiting"] else row["visited_at"],
            "discovery_error": row["discovery_error"],
            "hashing_errors": ",".join(sorted(row["hashing_errors"])),
        }


_FACTS_OF_OTHERS = {
    "rank": SettledRank(),
    "redirect_host": None,
    "visited_at": None,
    "discovery_error": None,
    "hashing_errors": "",
}
"""The facts of a host that is no front door: what it shows is its own, and speaks for no site."""


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _host_of(url: str | None) -> str | None:
    with contextlib.suppress(ValueError):
        return str(ada_url.URL(url).hostname) or None if url else None
    return None


_LONGEST_URL = 2000


def _shown_url(url: str) -> str:
    """The URL as evidence shows it; a data: URL would repeat the picture."""
    return url.partition(",")[0] + ",…" if url.startswith("data:") else url[:_LONGEST_URL]
