"""What operators did and said, the verdicts that were given, and looks that may be common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from samelook.facts.families_known import Families
from samelook.facts.operator_data import read_catalogue, read_families
from samelook.inspector.errors import BadQuestion
from samelook.inspector.listing import Answer, Listing, Row, plain_row, read_mark
from samelook.inspector.looks import rank_of
from samelook.looks.look import Look
from samelook.names.sites import Site, registrable_label
from samelook.sql.named import queries
from samelook.sql.page_marks import page_mark

if TYPE_CHECKING:
    from samelook.sql.pool import Connection

VERDICTS = ("lock", "grey")
BOTH = "both"
KNOWN_DAYS = 60
"""How long a look must have been worn by many before it is proposed: no campaign of copies lasts so long."""
MOST_DAYS = 90.0
"""How long given verdicts are kept."""
_EXAMPLES = 5
_GIVEN = ("site", "copies", "rank", "because", "times", "at")
"""The columns of a terminal; rows have more."""
_COMMON = ("sha256", "sites", "best", "rank", "since", "examples")
_AUDIT = ("at", "who", "action", "subject", "note", "detail")
_LISTS = ("site", "list", "note", "added_by", "added_at", "expires_at")


async def verdicts_answer(
    connection: Connection,
    *,
    verdict: str = "lock",
    since: datetime | None = None,
    owner: str | None = None,
    because: str | None = None,
    decided: bool | None = None,
    limit: int = 50,
    after: str | None = None,
) -> Answer:
    """Sites that were locked or grey when somebody asked, each with its newest verdict; the newest first.

    `owner` is whom they copy, `because` the code of the first reason, `decided` whether the operator has put
    them on a list. Raises BadQuestion.
    """
    if verdict not in (*VERDICTS, BOTH):
        raise BadQuestion(f"{verdict!r} is not among the verdicts that are kept: {', '.join(VERDICTS)}.")
    before, before_id = _moment_in(after)
    found = [
        row
        async for row in queries("operator").given_verdicts(
            connection,
            verdicts=list(VERDICTS) if verdict == BOTH else [verdict],
            since=since or datetime.now(UTC) - timedelta(days=MOST_DAYS),
            owner=owner,
            because=because,
            decided=decided,
            before=before,
            before_id=before_id,
            page=limit + 1,
        )
    ]
    rows = [_given_row(row) for row in found[:limit]]
    more = (
        page_mark(found[limit - 1]["at"].isoformat(), str(found[limit - 1]["id"]))
        if len(found) > limit
        else None
    )
    note = "Only sites that somebody asked about are here; kept for 90 days."
    return Answer(listings=(Listing("verdicts", _GIVEN, rows, after=more, notes=() if rows else (note,)),))


async def common_answer(
    connection: Connection, *, min_sites: int = 10, known_days: int = KNOWN_DAYS, limit: int = 50
) -> Answer:
    """Pictures that many unrelated sites have worn for long and that the catalogue does not have.

    Proposals: nothing is taken into the catalogue by itself.
    """
    families, catalogue = await read_families(connection), await read_catalogue(connection)
    rows: list[Row] = []
    found = queries("operator").common_pictures(
        connection, known_days=float(known_days), min_sites=min_sites, page=limit * 4
    )
    async for row in found:
        wearers = [Site(site) for site in dict.fromkeys(row["wearers"])]
        unrelated = _unrelated(wearers, families)
        looks = [Look.from_bytes(raw) for raw in row["looks"] or ()]
        known = catalogue.default_like(looks) or next(filter(None, map(catalogue.vendor_of, wearers)), None)
        if not looks or len(unrelated) < min_sites or known is not None or len(rows) == limit:
            continue
        rows.append(
            {
                "sha256": row["sha256"].hex(),
                "sites": row["sites"],
                "best": str(wearers[0]),
                "rank": row["positions"][0],
                "since": row["since"].date().isoformat(),
                "examples": [str(site) for site in unrelated[:_EXAMPLES]],
            }
        )
    notes = (
        "Proposals. A brand's icon that many copies wear looks the same from here: look at who is ranked.",
        "To take one: samelook catalogue add PRODUCT --picture SHA256",
    )
    return Answer(listings=(Listing("common", _COMMON, rows, notes=notes if rows else ()),))


async def audit_answer(
    connection: Connection, *, subject: str | None = None, limit: int = 50, after: str | None = None
) -> Answer:
    """What operators did, the newest first: who, when, what, why. Raises BadQuestion."""
    mark = read_mark(after, 1)
    if mark is not None and not mark[0].isdigit():
        raise BadQuestion(f"{after!r} is a page mark of another question.")
    found = [
        row
        async for row in queries("operator").audit_page(
            connection, subject=subject, before_id=int(mark[0]) if mark else None, page=limit + 1
        )
    ]
    more = page_mark(str(found[limit - 1]["id"])) if len(found) > limit else None
    rows = [plain_row(row, *_AUDIT, "id") for row in found[:limit]]
    return Answer(listings=(Listing("audit", _AUDIT, rows, after=more),))


async def lists_answer(connection: Connection, *, limit: int = 50, after: str | None = None) -> Answer:
    """The sites on the operator's allowlist and blocklist, by name. Raises BadQuestion."""
    mark = read_mark(after, 1)
    found = [
        row
        async for row in queries("operator").lists_page(
            connection, after_site=mark[0] if mark else None, page=limit + 1
        )
    ]
    more = page_mark(found[limit - 1]["site"]) if len(found) > limit else None
    rows = [plain_row(row, *_LISTS) for row in found[:limit]]
    return Answer(listings=(Listing("lists", _LISTS, rows, after=more),))


def _given_row(row: Mapping[str, Any]) -> Row:
    verdict: Mapping[str, Any] = row["verdict"]
    likes: Sequence[Mapping[str, Any]] = verdict.get("looks_like") or ()
    reasons: Sequence[Mapping[str, Any]] = verdict.get("reasons") or ()
    return {
        **plain_row(row, "at", "site", "id", "times", "list", "reports"),
        "own_rank": None if row["position"] is None else rank_of(row["position"]),
        "verdict": verdict.get("verdict"),
        "copies": likes[0].get("site") if likes else None,
        "rank": likes[0].get("rank") if likes else None,
        "because": reasons[0].get("code") if reasons else None,
        "rule": reasons[0].get("rule") if reasons else None,
        "reasons": [reason.get("code") for reason in reasons],
        "looks_like": list(likes),
    }


def _unrelated(wearers: Sequence[Site], families: Families) -> list[Site]:
    """The wearers that are of no family with a better-placed one, and not named as one is."""
    found: list[Site] = []
    labels: set[str] = set()
    groups: set[int] = set()
    for site in wearers:
        label, own = registrable_label(site), {id(group) for group in families.groups_of(site)}
        if label not in labels and not own & groups:
            found.append(site)
        labels.add(label)
        groups |= own
    return found


def _moment_in(mark: str | None) -> tuple[datetime | None, str | None]:
    values = read_mark(mark, 2)
    if values is None:
        return None, None
    try:
        return datetime.fromisoformat(values[0]), values[1]
    except ValueError as error:
        raise BadQuestion(f"{mark!r} is a page mark of another question.") from error
