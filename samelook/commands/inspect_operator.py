"""`samelook inspect verdicts`, `common`, `audit`, `lists`: who was caught, and what was done about it."""

from __future__ import annotations

from typing import Annotated

import typer

from samelook.commands import completions
from samelook.commands.asking import (
    AfterOption,
    CsvOption,
    JsonOption,
    LimitOption,
    Shape,
    SinceOption,
    TableOption,
    TimeoutOption,
    moment_of,
    print_rows,
)


def verdicts(
    verdict: Annotated[
        str,
        typer.Option("--verdict", help="lock or grey.", autocompletion=completions.given_verdicts),
    ] = "lock",
    since: SinceOption = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    timeout: TimeoutOption = 10.0,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """Which sites were locked when somebody asked, and whom they copy; the newest first.

    For example:

        samelook inspect verdicts --since 1d

        samelook inspect verdicts --verdict grey --json
    """
    from samelook.inspector.operator import verdicts_answer

    moment = None if since is None else moment_of(since)

    print_rows(
        verdicts_answer,
        timeout,
        Shape(json, csv, table),
        verdict=verdict,
        since=moment,
        limit=limit,
        after=after,
    )


def common(
    min_sites: Annotated[
        int, typer.Option("--min-sites", min=3, help="Leave out what fewer unrelated sites wear.")
    ] = 10,
    known_days: Annotated[
        int, typer.Option("--days", min=60, help="For how many days it must have been worn.")
    ] = 60,
    limit: LimitOption = 50,
    timeout: TimeoutOption = 60.0,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """Icons that many unrelated sites have worn for long: proposals for the catalogue of common looks.

    Nothing is taken by itself: `samelook catalogue add` takes what you have looked at.

    For example:

        samelook inspect common --min-sites 20
    """
    from samelook.inspector.operator import common_answer

    print_rows(
        common_answer,
        timeout,
        Shape(json, csv, table),
        min_sites=min_sites,
        known_days=known_days,
        limit=limit,
    )


def audit(
    subject: Annotated[
        str | None, typer.Argument(metavar="SITE|LIST", help="Only what was done about it.")
    ] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    timeout: TimeoutOption = 10.0,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """What operators did: who, when, what and why; the newest first.

    For example:

        samelook inspect audit lumora.example
    """
    from samelook.inspector.operator import audit_answer

    print_rows(audit_answer, timeout, Shape(json, csv, table), subject=subject, limit=limit, after=after)


def lists(
    limit: LimitOption = 50,
    after: AfterOption = None,
    timeout: TimeoutOption = 10.0,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """The sites on the operator's allowlist and blocklist, with notes and ends.

    For example:

        samelook inspect lists --csv
    """
    from samelook.inspector.operator import lists_answer

    print_rows(lists_answer, timeout, Shape(json, csv, table), limit=limit, after=after)


def runs(
    limit: LimitOption = 50,
    after: AfterOption = None,
    timeout: TimeoutOption = 10.0,
    json: JsonOption = False,
    csv: CsvOption = False,
    table: TableOption = None,
) -> None:
    """Runs of the crawl and of imports: when, how many, which errors, how they ended; the newest first.

    For example:

        samelook crawl runs --limit 10
    """
    from samelook.inspector.runs import runs_answer

    print_rows(runs_answer, timeout, Shape(json, csv, table), limit=limit, after=after)
