"""Everything that the tables know about one site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samelook.inspector.errors import BadQuestion, NoSuchSite
from samelook.inspector.listing import Answer, Listing, Row, plain_row, plain_value
from samelook.inspector.looks import WEARER_COLUMNS, bodies, looks_of, rank_of, search_of, wearers
from samelook.inspector.tables import stored_signals
from samelook.inspector.verdicts import verdict_on
from samelook.names.errors import NotADomain
from samelook.names.hosts import host_of, normalised_host, reversed_host
from samelook.names.sites import registrable_domain, site_of
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.extension_api.judge import Judge
    from samelook.inspector.same_looks import LooksLike
    from samelook.inspector.settings import InspectorSettings
    from samelook.sql.pool import Connection

MOST_ICONS = 200
ERROR_COLUMNS = (
    "phase",
    "site",
    "kind",
    "url",
    "message",
    "attempts",
    "first_at",
    "at",
    "retry_at",
    "id",
    "injected",
)


async def site_answer(
    connection: Connection,
    settings: InspectorSettings,
    name: str,
    *,
    signal: str = "pdq",
    distance: int | None = None,
    near: bool = False,
    limit: int = 50,
    verdict: bool = False,
    judge: Judge | None = None,
    looks_like: LooksLike | None = None,
) -> Answer:
    """Everything known about a site. Raises NoSuchSite and BadQuestion.

    The service's verdict is part of it, in a large database only when `verdict` is set or a `judge` is given.
    """
    row = await found_site(connection, name)
    host = str(host_of(row["reversed_name"]))
    judged = await verdict_on(connection, settings, host, always=verdict, judge=judge)
    inspector = queries("inspector")
    records = []
    if row["target_id"] is not None:
        records = [
            icon
            async for icon in inspector.site_icons(connection, target_id=row["target_id"], most=MOST_ICONS)
        ]
    pictures = {icon["sha256"] for icon in records if icon["sha256"] is not None}
    worn = {
        icon["sha256"]
        for icon in records
        if icon["sha256"] is not None and icon["gone_at"] is None and not icon["injected"]
    }
    looks = await looks_of(connection, sorted(pictures))
    search = await search_of(
        connection, settings, signal=signal, distance=distance, near=near, limit=limit, looks_like=looks_like
    )
    alike, notes = await wearers(
        connection, [look for sha256, look in looks.items() if sha256 in worn], search
    )
    alike = [other for other in alike if other["site"] != host]
    errors = [
        error_row(error, host) async for error in inspector.site_errors(connection, domain_id=row["id"])
    ]
    listings = [
        *judged.listings,
        Listing("icons", _ICON_COLUMNS, [_icon_row(icon) for icon in records]),
        Listing(
            "signals",
            ("sha256", "signal", "value"),
            await _signal_rows(connection, sorted(pictures)),
        ),
        Listing("look_alikes", WEARER_COLUMNS, alike, notes=tuple(notes)),
        Listing("errors", ERROR_COLUMNS, errors),
        *await _rest(connection, host, row),
    ]
    shown = pictures | {bytes.fromhex(other["sha256"]) for other in alike}
    return Answer(
        facts=judged.facts
        | _facts(row, host, alike, search.signal.name, search.distance if search.everywhere else 0),
        listings=tuple(listings),
        bodies=await bodies(connection, shown),
    )


async def found_site(connection: Connection, name: str) -> Any:
    """The row of the domain with this name (a URL will do too). Raises NoSuchSite and BadQuestion."""
    bare = name.partition("://")[2] or name
    bare = bare.partition("/")[0].rpartition("@")[2].partition(":")[0]
    try:
        host = normalised_host(bare)
    except NotADomain as error:
        raise BadQuestion(f"{name[:200]!r}: {error.message}") from error
    site = registrable_domain(host) or host
    by_name = {
        row["reversed_name"]: row
        async for row in queries("inspector").site(
            connection, reversed_names=[reversed_host(host), reversed_host(site)]
        )
    }
    row = by_name.get(reversed_host(host)) or by_name.get(reversed_host(site))
    if row is None:
        raise NoSuchSite(
            f"No domain {host} is known here. Rank lists are imported with `samelook crawl import`.",
            site=host,
        )
    return row


def error_row(error: Any, site: str | None) -> Row:
    """One row of an error table as `ERROR_COLUMNS` name it."""
    return {
        **plain_row(error, "phase"),
        "site": site,
        **plain_row(error, "kind", "url"),
        "message": error["error"].get("message"),
        **plain_row(error, "attempts", "first_at", "at", "retry_at", "id", "injected"),
        "detail": plain_value(error["error"].get("detail")),
    }


_ICON_COLUMNS = (
    "ordinal",
    "source",
    "icon_url",
    "format",
    "width",
    "height",
    "size",
    "frames",
    "status",
    "error",
    "displayed_by",
    "sha256",
    "sizes",
    "crawled_at",
    "changed_at",
    "gone_at",
    "injected",
)


def _icon_row(icon: Any) -> Row:
    row = plain_row(icon, *_ICON_COLUMNS[:-1])
    return row | {"injected": icon["injected"] or icon["error_injected"]}


def _facts(row: Any, host: str, alike: list[Row], signal: str, within: int) -> Row:
    rank = rank_of(row["position"])
    # Injected pictures are no evidence, and neither are domains without a rank.
    better = [
        other
        for other in alike
        if not other["injected"] and other["rank"] is not None and (rank is None or other["rank"] < rank)
    ]
    best = min(better, key=lambda other: other["rank"], default=None)
    return {
        "site": host,
        "registrable_domain": str(site_of(host)),
        "rank": rank,
        "harmonic_value": row["harmonic_value"],
        "pagerank_position": row["pagerank_position"],
        "pagerank_value": row["pagerank_value"],
        "hosts": row["n_hosts"],
        "source": row["source"],
        **plain_row(row, "first_seen_at", "ranked_at", "url", "url_at", "final_url", "status", "icon_count"),
        **plain_row(row, "charset", "notes", "visited_at", "visit_injected"),
        "look_alikes_by": {"signal": signal, "within": within},
        "best_ranked_look_alike": None
        if best is None
        else {"site": best["site"], "rank": best["rank"], "same": best["same"], "distance": best["distance"]},
    }


async def _signal_rows(connection: Connection, sha256s: list[bytes]) -> list[Row]:
    return [
        {"sha256": sha256.hex(), "signal": name, "value": plain_value(value)}
        for sha256, signals in (await stored_signals(connection, sha256s)).items()
        for name, value in signals.items()
    ]


async def _rest(connection: Connection, host: str, row: Any) -> list[Listing]:
    """What other parts of the house keep about the site, where the database has their tables."""
    inspector = queries("inspector")
    site = str(site_of(host))
    have = await relations(connection, *_TABLES_OF_SITES)
    listings = []
    if row["target_id"] is not None:
        history = [
            plain_row(visit)
            async for visit in inspector.site_history(connection, target_id=row["target_id"], most=MOST_ICONS)
        ]
        listings.append(Listing("history", ("icon_url", "sha256", "seen_from", "seen_until"), history))
    leases = [plain_row(lease) async for lease in inspector.site_leases(connection, domain_id=row["id"])]
    listings.append(
        Listing("leases", ("phase", "host", "pid", "attempts", "leased_at", "expires_at"), leases)
    )
    for table, name, columns, asked in (
        ("sightings", "sightings", ("sha256", "first_seen", "last_seen", "times", "verified_at"), 50),
        ("reports", "site_reports", ("kind", "looks_like", "at", "dismissed_at", "id"), 50),
        ("grey_sites", "site_grey", ("reason", "detail", "position", "since"), None),
        ("operator_lists", "operator_list", ("list", "note", "added_by", "added_at", "expires_at"), None),
        ("explained_verdicts", "verdicts_of", ("at", "verdict"), 10),
    ):
        if table in have:
            parameters: dict[str, Any] = {"site": site} | ({"most": asked} if asked else {})
            rows = [plain_row(found) async for found in getattr(inspector, name)(connection, **parameters)]
            listings.append(Listing(table, columns, rows))
        else:
            listings.append(Listing(table, columns, [], notes=(missing(table),)))
    return listings


_TABLES_OF_SITES = ("sightings", "reports", "grey_sites", "operator_lists", "explained_verdicts")


async def relations(connection: Connection, *names: str) -> set[str]:
    """Which of these tables and views the database has."""
    return {row["name"] async for row in queries("inspector").relations(connection, names=list(names))}


def missing(table: str) -> str:
    """What to say where a table is not there."""
    return f"This database has no {table}: its schema is older than that. Run `samelook db migrate`."
