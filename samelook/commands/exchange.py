"""`samelook exchange`: signals shared with others, fetched, watched and given on."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samelook.commands import exchange_export, exchange_upkeep
from samelook.commands.exchange_asking import asked, secrets_in, with_pool
from samelook.terminal.console import tell
from samelook.terminal.exchange_display import fetch_progress, print_outcome, print_rows, status_row

if TYPE_CHECKING:
    from samelook.exchanges.settings import ExchangeSettings
    from samelook.exchanges.store import Exchange, ExchangeStatus, ExchangeStore
    from samelook.sql.pool import Pool

_PATIENCE_S = 10.0

app = typer.Typer(
    help="Signals shared with others: fetch them into banks, see how that goes, give banks on.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    epilog="""Begin with the sample, which needs no account, and ask for one of its hashes:

    samelook exchange add SAMPLE sample

    samelook exchange fetch SAMPLE

    samelook exchange status

`samelook serve` fetches by itself whatever is due.""",
)
app.command("export")(exchange_export.export)
app.command("auth")(exchange_upkeep.auth)
app.command("release")(exchange_upkeep.release)

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command("list")
def list_exchanges(*, as_json: JsonOption = False) -> None:
    """All exchanges, their types, and how often they are fetched.

    For example:

        samelook exchange list --json
    """

    async def read(store: ExchangeStore) -> list[Exchange]:
        return await store.exchanges()

    found, settings = asked(read)
    rows = [
        {
            "name": exchange.name,
            "api": exchange.api,
            "enabled": exchange.enabled,
            "every_s": exchange.every_s or settings.every_s,
            "own_credentials": exchange.credentials is not None,
        }
        for exchange in found
    ]
    print_rows(
        rows, as_json=as_json, empty="There is no exchange yet: `samelook exchange add SAMPLE sample`."
    )


@app.command("add")
def add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its name and its bank's: capitals, digits, underscores.")
    ],
    api: Annotated[str, typer.Argument(metavar="TYPE", help="Its type; --types lists them.")] = "",
    *,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="A field of its configuration. Repeat it for more."
        ),
    ] = None,
    credentials: Annotated[
        str | None,
        typer.Option(
            "--credentials",
            metavar="FILE",
            help="JSON file with its credentials; - reads them from standard input.",
        ),
    ] = None,
    every: Annotated[
        float | None, typer.Option("--every", metavar="SECONDS", help="How often it is fetched.")
    ] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Do not fetch it yet.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add an exchange and the bank that it feeds.

    For example:

        samelook exchange add PARTNERS local_file --set filename=hashes.csv --set signal_type=pdq

        samelook exchange add NCMEC ncmec --credentials login.json --set environment=https://…
    """
    if not api:
        raise typer.BadParameter("say which type; `samelook exchange types` lists them", param_hint="TYPE")
    config = _fields(option or [])
    secrets = secrets_in(credentials)

    async def write(store: ExchangeStore) -> Exchange:
        return await store.create(name, api, config, credentials=secrets, enabled=not disabled, every_s=every)

    made, _ = asked(write)
    if as_json:
        typer.echo(json.dumps({"name": made.name, "api": made.api, "enabled": made.enabled}))
    else:
        tell(f"Added {made.name}. `samelook exchange fetch {made.name}` fetches it now.")


@app.command("types")
def types(*, as_json: JsonOption = False) -> None:
    """The exchange types that there are, and the fields that each takes."""
    from samelook.exchanges.library import load
    from samelook.exchanges.types import schema_of
    from samelook.settings import load_settings

    chosen = load_settings().exchanges
    library = load(chosen.exchange_types, chosen.signal_types, chosen.extensions)
    rows = []
    for name, kind in library.exchange_types.items():
        schema = schema_of(kind)
        credentials = schema["credentials_schema"]
        rows.append(
            {
                "api": name,
                "fields": [
                    field["name"] + ("" if field["required"] else "?")
                    for field in schema["config_schema"]["fields"]
                ],
                "credentials": [field["name"] for field in credentials["fields"]] if credentials else [],
            }
        )
    print_rows(rows, as_json=as_json, empty="")


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The exchange.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove an exchange with its bank and everything in it."""
    if not yes:
        typer.confirm(f"Remove {name} and the bank {name} with all that is in it?", abort=True)

    async def write(store: ExchangeStore) -> bool:
        return await store.delete(name)

    existed, _ = asked(write)
    tell(f"Removed {name}." if existed else f"There was no {name}.")


@app.command("status")
def status(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Only this one.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """How the fetches of each exchange stand: how far, how many, what went wrong, what is in quarantine.

    Exit status 1 when one of them failed or holds something in quarantine.

    For example:

        samelook exchange status || mail -s 'An exchange needs you' operator@example.com
    """

    async def read(store: ExchangeStore) -> list[tuple[str, ExchangeStatus]]:
        names = [name] if name else [exchange.name for exchange in await store.exchanges()]
        return [(exchange, await store.status(exchange)) for exchange in names]

    found, _ = asked(read)
    print_rows(
        [status_row(exchange, stands) for exchange, stands in found],
        as_json=as_json,
        empty="There is no exchange yet.",
    )
    if any(stands.succeeded is False or stands.quarantined for _, stands in found):
        raise typer.Exit(1)


@app.command("quarantine")
def quarantine(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The exchange.")],
    *,
    resolved: Annotated[bool, typer.Option("--resolved", help="Also what has been read well since.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What an exchange sent that could not be used, newest first, as it came."""

    async def read(store: ExchangeStore) -> list[dict[str, Any]]:
        rows = await store.quarantine(name, include_resolved=resolved, most=1000)
        return [
            {
                "last_at": row.last_at.isoformat(timespec="seconds"),
                "kind": row.error["kind"],
                "times": row.times,
                "message": row.error["message"],
                "raw": None if row.raw is None else row.raw.decode(errors="replace"),
            }
            for row in rows
        ]

    rows, _ = asked(read)
    print_rows(rows, as_json=as_json, empty="Nothing is in quarantine.")


@app.command("fetch")
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Default: all that are enabled.")
    ] = None,
    *,
    from_scratch: Annotated[
        bool,
        typer.Option(
            "--from-scratch", help="Read everything anew, beside what is there, and swap at the end."
        ),
    ] = False,
    loop: Annotated[
        bool, typer.Option("--loop", help="Go on: fetch whatever is due, until stopped.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch exchanges now, due or not, each to its end.

    Exit status 0 when all are up to date, 1 when one failed.

    For example:

        samelook exchange fetch

        samelook exchange fetch PARTNERS --from-scratch

        samelook exchange fetch --loop
    """
    from samelook.postgres.configured import configured_database
    from samelook.postgres.reviving import with_database_kept
    from samelook.processes.running import run_async
    from samelook.settings import load_settings

    settings = load_settings()
    chosen = settings.exchanges
    with configured_database(settings) as url:
        work = (
            _loop(chosen, as_json=as_json)
            if loop
            else _fetch(chosen, names or [], from_scratch, quiet, as_json)
        )
        working = with_pool(settings.database_at(url), chosen, work)
        failed = run_async(with_database_kept(settings, working))
    if failed:
        raise typer.Exit(1)


def _fetch(
    settings: ExchangeSettings, names: list[str], from_scratch: bool, quiet: bool, as_json: bool
) -> Callable[[Pool], Awaitable[bool]]:
    async def run(pool: Pool) -> bool:
        from samelook.exchanges.errors import ExchangeHeld, FetchedElsewhere
        from samelook.exchanges.fetching import fetch_once
        from samelook.exchanges.store import ExchangeStore

        wanted = names or [
            exchange.name for exchange in await ExchangeStore(pool, settings).exchanges() if exchange.enabled
        ]
        failed = False
        for name in wanted:
            with fetch_progress(quiet=quiet or not sys.stderr.isatty()) as shown:
                try:
                    outcome = await fetch_once(
                        pool, name, settings, from_scratch=from_scratch, patience_s=_PATIENCE_S, on_page=shown
                    )
                except (ExchangeHeld, FetchedElsewhere) as error:
                    tell(f"samelook: {error.message}")
                    failed = True
                    continue
            print_outcome(outcome, as_json=as_json)
            failed = failed or not outcome.succeeded
        if not wanted:
            tell("There is no enabled exchange.")
        return failed

    return run


def _loop(settings: ExchangeSettings, *, as_json: bool) -> Callable[[Pool], Awaitable[bool]]:
    async def run(pool: Pool) -> bool:
        from samelook.exchanges.schedule import Schedule
        from samelook.processes.running import stopping

        schedule = Schedule(
            pool, settings, on_outcome=lambda outcome: print_outcome(outcome, as_json=as_json)
        )
        with stopping(schedule.stop):
            await schedule.run()
        return False

    return run


def _fields(options: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for option in options:
        field, equals, text = option.partition("=")
        if not equals or not field:
            raise typer.BadParameter(f"write FIELD=VALUE, not {option!r}", param_hint="--set")
        try:
            fields[field] = json.loads(text)
        except ValueError:
            fields[field] = text
    return fields
