"""`samelook banks`: what HMA's command line does in its daily work, for trying and for looking."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from samelook.terminal.console import counted, tell
from samelook.terminal.exchange_display import print_rows

if TYPE_CHECKING:
    from samelook.banks.store import Bank, BankStore

_T = TypeVar("_T")
_SAMPLE = "SEED_SAMPLE"
_BATCH = 50_000
_NO_BANK = "There is no bank yet: `samelook banks seed` makes one."
app = typer.Typer(
    help="Banks of signals: what is in them, samples to try with, and back to nothing.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command("list")
def list_banks(*, as_json: JsonOption = False) -> None:
    """All banks, with how many contents and signals each has. It counts them.

    For example:

        samelook banks list --json
    """

    async def read(store: BankStore) -> list[dict[str, Any]]:
        return [await _row(store, bank) for bank in await store.banks()]

    print_rows(_asked(read), as_json=as_json, empty=_NO_BANK)


@app.command("tables")
def tables(*, as_json: JsonOption = False) -> None:
    """The database's tables by size: rows, dead rows, megabytes with indexes, when they were last vacuumed.

    Rows are as Postgres estimates them.
    """

    async def read(store: BankStore) -> list[dict[str, Any]]:
        return await store.table_figures()

    print_rows(_asked(read), as_json=as_json, empty="There is no table.")


@app.command("seed")
def seed() -> None:
    """Add the exchange SEED_SAMPLE, whose bank is filled with the library's examples at the next fetch.

    For example:

        samelook banks seed && samelook exchange fetch SEED_SAMPLE
    """

    async def write(store: BankStore) -> None:
        from samelook.exchanges.store import ExchangeStore
        from samelook.settings import load_settings

        await ExchangeStore(store.pool, load_settings().exchanges).create(_SAMPLE, "sample")

    _asked(write)
    tell(f"Added {_SAMPLE}. `samelook exchange fetch {_SAMPLE}` fetches it now.")


@app.command("big-seed")
def big_seed(
    *,
    banks: Annotated[int, typer.Option("--banks", "-b", min=1, max=10_000, help="How many banks.")] = 100,
    hashes: Annotated[int, typer.Option("--hashes", "-s", min=0, help="How many hashes in all.")] = 10_000,
) -> None:
    """Add banks SEED_BANK_0, SEED_BANK_1, … of random hashes, PDQ and MD5 in turn, to try how much it bears.

    Banks that are there already get more.

    For example:

        samelook banks big-seed --banks 10 --hashes 1000000
    """

    async def write(store: BankStore) -> int:
        return sum([await _filled(store, f"SEED_BANK_{number}", hashes // banks) for number in range(banks)])

    added = _asked(write)
    tell(f"Added {counted(added, 'hash', 'hashes')} to {counted(banks, 'bank')}.")


@app.command("reset")
def reset(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove all exchanges, and all banks with everything in them. What the crawl has found stays."""
    if not yes:
        typer.confirm("Remove all exchanges and all banks with all that is in them?", abort=True)

    async def write(store: BankStore) -> int:
        from samelook.exchanges.store import ExchangeStore

        exchanges = ExchangeStore(store.pool)
        for exchange in await exchanges.exchanges():
            await exchanges.delete(exchange.name)
        own = [bank.name for bank in await store.banks() if bank.owner is None]
        for name in own:
            await store.delete(name)
        return len(own)

    tell(f"Removed all exchanges, and {counted(_asked(write), 'bank')} besides theirs.")


async def _row(store: BankStore, bank: Bank) -> dict[str, Any]:
    contents, signals = await store.counts(bank)
    return {
        "name": bank.name,
        "contents": contents,
        "signals": ", ".join(f"{number:,} {name}" for name, number in signals.items()) or None,
        "enabled_ratio": bank.enabled_ratio if bank.active else 0.0,
        "negative": bank.negative,
        "owner": bank.owner,
    }


async def _filled(store: BankStore, name: str, hashes: int) -> int:
    from samelook.banks.bulk import Batch, BulkAdd
    from samelook.banks.errors import BankExists
    from samelook.banks.signal_types import signal_type

    try:
        bank = await store.create(name)
    except BankExists:
        bank = await store.bank(name)
    kinds = [(signal_type("pdq"), 32), (signal_type("video_md5"), 16)]
    adding = BulkAdd(store, bank)
    for begin in range(0, hashes, _BATCH):
        batch = Batch()
        for number in range(begin, min(hashes, begin + _BATCH)):
            kind, size = kinds[number % 2]
            batch.add_one(kind, secrets.token_bytes(size))
        await adding.add(batch)
    return hashes


def _asked(question: Callable[[BankStore], Awaitable[_T]]) -> _T:
    """The answer of the configured database's banks."""
    from samelook.banks.store import BankStore
    from samelook.postgres.configured import configured_database
    from samelook.processes.running import run_async
    from samelook.settings import load_settings
    from samelook.sql.audit import by_account
    from samelook.sql.pool import open_pool

    settings = load_settings()

    async def ask(url: str) -> _T:
        from samelook.exchanges.signal_registration import register_signal_types

        register_signal_types(settings.exchanges)
        async with open_pool(settings.database_at(url)) as pool:
            return await question(BankStore(pool))

    with configured_database(settings) as url, by_account():
        found: _T = run_async(ask(url))
    return found
