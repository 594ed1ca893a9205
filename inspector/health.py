"""Whether something needs a person: a list of checks, each with its verdict and what to do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from samelook.inspector.listing import Answer, Listing, Row
from samelook.inspector.queues import MOST_DUE, worker_rows
from samelook.inspector.run_troubles import run_troubles
from samelook.inspector.tables import table_queries
from samelook.sql.migrate import FOLDER, migrations_in
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.inspector.settings import InspectorSettings
    from samelook.sql.pool import Connection

OK, WATCH, BAD = "ok", "watch", "bad"
LATELY_S = 3600.0
FEW = 20
"""Fewer outcomes than this say nothing about the share of failures."""
BUSY_SHARE = 0.8
_COLUMNS = ("state", "check", "found", "do")


async def health_answer(connection: Connection, settings: InspectorSettings) -> Answer:
    """The checks; `healthy` is false when one of them is `bad`, which means that a person is needed.

    `watch` is worth knowing and mends itself, or was done on purpose.
    """
    rows = [
        *await _schema(connection),
        *await _workers(connection, settings),
        *await _leases(connection, settings),
        *await _failures(connection, settings),
        *await _imports(connection, settings),
        *await _runs(connection),
        *await _injection(connection),
        *await _server(connection, settings),
    ]
    return Answer(
        facts={"healthy": all(row["state"] != BAD for row in rows)},
        listings=(Listing("checks", _COLUMNS, rows),),
    )


def _row(state: str, check: str, found: str, do: str = "") -> Row:
    return {"state": state, "check": check, "found": found, "do": "" if state == OK else do}


async def _schema(connection: Connection) -> list[Row]:
    applied = {row["name"] async for row in queries("inspector").applied_migrations(connection)}
    known = {step.name for step in migrations_in(FOLDER)}
    pending, foreign = sorted(known - applied), sorted(applied - known)
    if foreign:
        return [_row(BAD, "schema", f"newer than this program: {', '.join(foreign)}", "Upgrade Samelook.")]
    if pending:
        return [_row(BAD, "schema", f"not applied: {', '.join(pending)}", "Run `samelook db migrate`.")]
    return [_row(OK, "schema", f"{len(applied)} migrations applied")]


async def _workers(connection: Connection, settings: InspectorSettings) -> list[Row]:
    workers = await worker_rows(connection, settings)
    running = sum(worker["state"] == "running" for worker in workers)
    silent = [worker for worker in workers if worker["state"] == "silent"]
    rows = []
    if silent:
        names = ", ".join(f"{worker['host']}:{worker['pid']}" for worker in silent[:5])
        rows.append(
            _row(
                WATCH,
                "workers",
                f"{len(silent)} fell silent without a goodbye: {names}",
                "Their work is handed out again when its leases end. Look why they died.",
            )
        )
    newest = await queries("inspector").newest_work(connection)
    last = newest["at"]
    waiting = await _anything_due(connection)
    if running or not waiting:
        rows.append(_row(OK, "crawl", f"{running} crawling processes at work"))
    elif last is None or _age(newest["now"], last) > settings.stuck_s:
        found = "never" if last is None else f"{_span(_age(newest['now'], last))} ago"
        rows.append(
            _row(
                BAD,
                "crawl",
                f"work is due, nobody does it; the last result: {found}",
                "Start `samelook crawl run`.",
            )
        )
    else:
        rows.append(_row(WATCH, "crawl", "work is due and nobody is at work", "Start `samelook crawl run`."))
    return rows


async def _anything_due(connection: Connection) -> bool:
    """Whether work waits, told from what costs little: retries, and inputs ahead of the cursor."""
    for phase in ("domains", "icons", "hashes"):
        if await getattr(table_queries(), f"retries_due_{phase}")(connection, most=1):
            return True
    return bool(await queries("inspector").anything_ahead(connection))


async def _leases(connection: Connection, settings: InspectorSettings) -> list[Row]:
    now = await queries("inspector").now(connection)
    stuck = []
    async for times in queries("inspector").queue_times(connection):
        since = times["expired_since"]
        if since is not None and _age(now, since) > settings.stuck_s:
            stuck.append(f"{times['expired']} of {times['phase']} since {_span(_age(now, since))}")
    if stuck:
        return [
            _row(
                BAD,
                "leases",
                f"expired and not taken up: {'; '.join(stuck)}",
                "No worker of that phase runs: start `samelook crawl run`.",
            )
        ]
    return [_row(OK, "leases", "no expired lease waits for long")]


async def _failures(connection: Connection, settings: InspectorSettings) -> list[Row]:
    rows = []
    for phase in ("icons", "hashes"):
        failed = await getattr(table_queries(), f"failed_lately_{phase}")(
            connection, seconds=LATELY_S, most=MOST_DUE
        )
        done = await getattr(table_queries(), f"done_lately_{phase}")(
            connection, seconds=LATELY_S, most=MOST_DUE
        )
        total = failed + done
        found = f"{failed} of {total} outcomes of {phase} in the last hour failed"
        bad = total >= FEW and failed > settings.failing_share * total
        rows.append(
            _row(
                BAD if bad else OK,
                f"failures of {phase}",
                found,
                f"See `samelook inspect errors --phase {phase}`; is the network or the name server down?",
            )
        )
    return rows


async def _imports(connection: Connection, settings: InspectorSettings) -> list[Row]:
    now = await queries("inspector").now(connection)
    async for last_import in queries("inspector").imports(connection, most=1):
        age = _age(now, last_import["started_at"])
        if last_import["finished_at"] is None and age > settings.stuck_s:
            return [
                _row(
                    WATCH,
                    "imports",
                    f"the import of {last_import['file']} began {_span(age)} ago and has no end",
                    "If it does not run any more, import the file again: what it brought is kept.",
                )
            ]
        return [_row(OK, "imports", f"domains that the last brought: {last_import['domains']:,}")]
    return [_row(OK, "imports", "none yet")]


async def _runs(connection: Connection) -> list[Row]:
    troubles, planned = await run_troubles(connection)
    rows = [
        _row(BAD if trouble.needs_somebody else WATCH, "runs", trouble.text, trouble.advice)
        for trouble in troubles
    ]
    return rows or [_row(OK, "runs", f"{planned} scheduled, none late, none failed")]


async def _server(connection: Connection, settings: InspectorSettings) -> list[Row]:
    server = await queries("inspector").server(connection)
    used, most = server["connections"], server["max_connections"]
    oldest = server["oldest_transaction_s"] or 0.0
    return [
        _row(
            WATCH if used > BUSY_SHARE * most else OK,
            "connections",
            f"{used} of {most}",
            "Raise max_connections, or run fewer processes.",
        ),
        _row(
            BAD if oldest > settings.long_transaction_s else OK,
            "transactions",
            f"the oldest is open for {_span(oldest)}",
            "It keeps dead rows alive. Find it in pg_stat_activity and end it.",
        ),
    ]


async def _injection(connection: Connection) -> list[Row]:
    counts = await queries("injection").injected_rows(connection)
    found = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    return [
        _row(
            WATCH if found else OK,
            "injection",
            f"injected: {found}" if found else "nothing is injected",
            "On purpose? Else `samelook inspect inject --clear`.",
        )
    ]


def _age(now: datetime, then: datetime) -> float:
    return (now - then).total_seconds()


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
