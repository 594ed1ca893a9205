"""What `samelook exchange` prints: rows, and how fetches go and went."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from samelook.exchanges.fetching import FetchOutcome
    from samelook.exchanges.store import ExchangeStatus


class fetch_progress:  # noqa: N801 - a context manager, named as it reads
    """Shows how many records have come, on standard error."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Any = None

    def __enter__(self) -> Callable[[FetchOutcome], None]:
        if self._quiet:
            return lambda _: None
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        from samelook.terminal.console import err

        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=err(),
            transient=True,
        )
        self._bar.start()
        task = self._bar.add_task("beginning", total=None)

        def show(outcome: FetchOutcome) -> None:
            words = f"{outcome.exchange}: {outcome.stored:,} records, {outcome.removed:,} removed"
            self._bar.update(task, description=words)

        return show

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def print_outcome(outcome: FetchOutcome, *, as_json: bool) -> None:
    """How a fetch went; what went wrong goes to standard error."""
    if as_json:
        shown = {
            "exchange": outcome.exchange,
            "succeeded": outcome.succeeded,
            "up_to_date": outcome.up_to_date,
            "pages": outcome.pages,
            "stored": outcome.stored,
            "removed": outcome.removed,
            "quarantined": outcome.quarantined,
            "seconds": round(outcome.seconds, 3),
            "error": None if outcome.error is None else outcome.error.as_json(),
        }
        typer.echo(json.dumps(shown))
        return
    words = f"{outcome.exchange}: {outcome.stored:,} records, {outcome.removed:,} removed"
    words += f", {outcome.seconds:.1f} s"
    if outcome.quarantined:
        words += f", {outcome.quarantined:,} in quarantine (samelook exchange quarantine {outcome.exchange})"
    typer.echo(f"{words}.")
    if outcome.error is not None:
        typer.echo(f"samelook: {outcome.error.message}", err=True)


def status_row(name: str, one: ExchangeStatus) -> dict[str, Any]:
    """How an exchange stands, as a row."""
    return {
        "name": name,
        "records": one.records,
        "up_to_date": one.up_to_date,
        "running": one.running_since is not None,
        "rebuilding": one.rebuilding,
        "last_fetch": None if one.completed_at is None else one.completed_at.isoformat(timespec="seconds"),
        "succeeded": one.succeeded,
        "failures": one.failures,
        "quarantined": one.quarantined,
        "next_fetch": None if one.next_fetch_at is None else one.next_fetch_at.isoformat(timespec="seconds"),
        "checkpoint_ts": one.checkpoint_ts,
        "error": None if one.error is None else one.error["message"],
    }


def print_rows(rows: list[dict[str, Any]], *, as_json: bool, empty: str) -> None:
    """A table, or a JSON object a line; `empty` where there is no row."""
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return
    if not rows:
        typer.echo(empty, err=True)
        return
    from rich.table import Table
    from rich.text import Text

    from samelook.terminal.console import out

    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    out().print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
    # What came from elsewhere may hold what a terminal obeys.
    return "".join(one if one.isprintable() or one == " " else repr(one)[1:-1] for one in text)
