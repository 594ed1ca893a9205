"""How the commands of `samelook exchange` reach the configured database's exchanges."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from samelook.exchanges.settings import ExchangeSettings
    from samelook.exchanges.store import ExchangeStore
    from samelook.sql.pool import Pool

_T = TypeVar("_T")


def secrets_in(file: str | None) -> dict[str, Any] | None:
    """The credentials in a file that the command line names. Raises typer.BadParameter."""
    if file is None:
        return None
    try:
        if file == "-":
            text = sys.stdin.read()
        else:
            with open(file, encoding="utf-8") as opened:  # noqa: PTH123 - a word from the command line
                text = opened.read()
        found = json.loads(text)
    except (OSError, ValueError) as error:
        # Not the parser's own words: those may quote what was given.
        reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise typer.BadParameter(f"{file} cannot be read: {reason}", param_hint="--credentials") from None
    if not isinstance(found, dict):
        raise typer.BadParameter("the file is to hold a JSON object", param_hint="--credentials")
    return found


def asked(question: Callable[[ExchangeStore], Awaitable[_T]]) -> tuple[_T, ExchangeSettings]:
    """The answer of the configured database's exchanges, and what is configured."""
    from samelook.exchanges.store import ExchangeStore
    from samelook.postgres.configured import configured_database
    from samelook.processes.running import run_async
    from samelook.settings import load_settings
    from samelook.sql.audit import by_account

    settings = load_settings()
    chosen = settings.exchanges

    async def ask(pool: Pool) -> _T:
        return await question(ExchangeStore(pool, chosen))

    with configured_database(settings) as url, by_account():
        return run_async(with_pool(settings.database_at(url), chosen, ask)), chosen


async def with_pool(database: Any, settings: ExchangeSettings, work: Callable[[Pool], Awaitable[_T]]) -> _T:
    """What comes of work with the database, once the types of extensions are known."""
    from samelook.exchanges.signal_registration import register_signal_types
    from samelook.sql.pool import open_pool

    await asyncio.to_thread(register_signal_types, settings)
    async with open_pool(replace(database, max_connections=4, application_name="samelook exchange")) as pool:
        return await work(pool)
