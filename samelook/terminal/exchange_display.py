"""What `samelook exchange` prints: rows, and how fetches go and went."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from samelook.terminal.console import counted, err, out, say, tell
from samelook.terminal.tables import Table, words_of

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
            words = f"{outcome.exchange}: {counted(outcome.stored, 'record')}, {outcome.removed:,} removed"
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
    words = f"{outcome.exchange}: {counted(outcome.stored, 'record')}, {outcome.removed:,} removed"
    words += f", {outcome.seconds:.1f} s"
    if outcome.quarantined:
        words += f", {outcome.quarantined:,} in quarantine (samelook exchange quarantine {outcome.exchange})"
    say(f"{words}.")
    if outcome.error is not None:
        tell(f"samelook: {outcome.error.message}")


def status_row(name: str, stands: ExchangeStatus) -> dict[str, Any]:
    """How an exchange stands, as a row."""
    return {
        "name": name,
        "records": stands.records,
        "up_to_date": stands.up_to_date,
        "running": stands.running_since is not None,
        "rebuilding": stands.rebuilding,
        "last_fetch": None
        if stands.completed_at is None
        else stands.completed_at.isoformat(timespec="seconds"),
        "succeeded": stands.succeeded,
        "failures": stands.failures,
        "quarantined": stands.quarantined,
        "held": stands.held,
        "next_fetch": None
        if stands.next_fetch_at is None
        else stands.next_fetch_at.isoformat(timespec="seconds"),
        "checkpoint_ts": stands.checkpoint_ts,
        "error": None if stands.error is None else stands.error["message"],
    }


def print_rows(rows: list[dict[str, Any]], *, as_json: bool, empty: str) -> None:
    """A table, or a JSON object a line; `empty` where there is no row."""
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return
    if not rows:
        tell(empty)
        return
    out().print(Table([words_of(name) for name in rows[0]], [list(row.values()) for row in rows]))
