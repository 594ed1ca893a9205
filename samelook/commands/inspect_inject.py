"""`samelook inspect inject`: errors, results and faults on purpose, and their removal."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from samelook.commands import completions
from samelook.terminal.console import counted, out, say, tell
from samelook.terminal.spans import span_of

if TYPE_CHECKING:
    from samelook.sql.pool import Connection

ALLOW = "SAMELOOK_ALLOW_INJECTION"

app = typer.Typer(
    help="Errors, results and faults on purpose, so that every way through the crawl can be tried.",
    rich_markup_mode="markdown",
    epilog="""What is injected is marked, shown as such, never part of a verdict, and `--clear` removes it:

    export SAMELOOK_ALLOW_INJECTION=1      # here and for the crawling processes

    samelook inspect inject fault timeout --share 0.05 --for 10m

    samelook inspect inject fault crash-worker --site example.com --times 3

    samelook inspect inject error example.com --phase icons --kind tls_failed

    samelook inspect inject result example.com --wearing example.org

    samelook inspect inject --clear""",
)

SiteArgument = Annotated[str, typer.Argument(help="A domain that the database knows.", show_default=False)]


@app.callback(invoke_without_command=True)
def inject(
    context: typer.Context,
    clear: Annotated[bool, typer.Option("--clear", help="Take away everything that was injected.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of words.")] = False,
    allowed: Annotated[
        bool,
        typer.Option(
            "--allow-injection", envvar=ALLOW, help="Injection is off without it; --clear always works."
        ),
    ] = False,
) -> None:
    """Without a command: what is injected now."""
    if context.invoked_subcommand is not None:
        if clear:
            raise typer.BadParameter("it goes without another command", param_hint="--clear")
        if not allowed:
            tell(f"samelook inspect: injection is off. It is meant for tests and demos; {ALLOW}=1 allows it.")
            raise typer.Exit(1)
        return
    if clear:
        from samelook.inspector.injection import clear as clear_all

        cleared = _written(clear_all).as_json()
        if as_json:
            typer.echo(json.dumps(cleared))
            return
        say(
            f"Cleared: {counted(cleared['faults'], 'fault')}, {counted(cleared['errors'], 'error')} "
            f"({cleared['restored']:,} of them in the place of real ones, which are back), "
            f"{counted(cleared['results'], 'result')}."
        )
        return
    from samelook.inspector.injection import injected_answer
    from samelook.terminal.inspect_display import as_json as json_of
    from samelook.terminal.inspect_display import as_tables

    answer = _written(injected_answer)
    if as_json:
        typer.echo(json_of(answer))
    else:
        out().print(as_tables(answer, {}))


@app.command()
def fault(
    kind: Annotated[
        str,
        typer.Argument(
            help="dns, timeout, tls, http-503, truncated, bomb, not-an-image, crash-worker or "
            "duplicate-message.",
            show_default=False,
            autocompletion=completions.fault_kinds,
        ),
    ],
    site: Annotated[str | None, typer.Option("--site", help="Only this site's.")] = None,
    share: Annotated[
        float, typer.Option("--share", help="This share of all sites, always the same ones: 0.1 is a tenth.")
    ] = 1.0,
    lasts: Annotated[str, typer.Option("--for", help="How long: 90s, 10m, 2h; at most a day.")] = "10m",
    times: Annotated[
        int | None, typer.Option("--times", min=1, help="Strike so often and no more. crash-worker: once.")
    ] = None,
) -> None:
    """A fault in every running crawl that may inject (SAMELOOK_ALLOW_INJECTION=1), within a second.

    For example:

        samelook inspect inject fault dns --share 0.1 --for 5m

        samelook inspect inject fault bomb --site example.com
    """
    from samelook.inspector.injection import inject_fault

    span = span_of(lasts, "--for")

    async def write(connection: Connection) -> Any:
        return await inject_fault(connection, kind, site=site, share=share, lasts=span, times=times)

    row = _written(write)
    where = row["site"] or f"{row['share']:.0%} of all sites"
    often = "" if row["times_left"] is None else f", {row['times_left']} times"
    say(f"The fault {kind} falls on {where} until {row['ends_at'][:19].replace('T', ' ')} UTC{often}.")


@app.command()
def error(
    site: SiteArgument,
    phase: Annotated[
        str,
        typer.Option(
            "--phase",
            help="domains, icons or hashes.",
            show_default=False,
            autocompletion=completions.phases,
        ),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="The error's kind, such as timeout.",
            show_default=False,
            autocompletion=completions.error_kinds,
        ),
    ],
    message: Annotated[str, typer.Option("--message", help="What it says.")] = "",
    attempts: Annotated[int, typer.Option("--attempts", min=1, help="Failures in a row.")] = 1,
    retry_in: Annotated[str, typer.Option("--retry-in", help="When it is due again: 10m, 2h, 1d.")] = "1h",
    icon: Annotated[
        str | None, typer.Option("--icon", help="With --phase hashes: this icon's URL. Default: all.")
    ] = None,
) -> None:
    """An error for a site, as if the crawl had met it.

    For example:

        samelook inspect inject error example.com --phase icons --kind robots_disallowed
    """
    from samelook.inspector.injection import inject_error

    wait = span_of(retry_in, "--retry-in")

    async def write(connection: Connection) -> Any:
        return await inject_error(
            connection,
            site,
            phase=cast("Any", phase),
            kind=kind,
            message=message,
            attempts=attempts,
            retry_in=wait,
            icon_url=icon,
        )

    count = _written(write)
    say(f"{counted(count, 'injected error')}.")


@app.command()
def result(
    site: SiteArgument,
    wearing: Annotated[
        str,
        typer.Option("--wearing", help="The site whose icons it shall seem to offer.", show_default=False),
    ],
) -> None:
    """A result for a site, as if the crawl had found another site's icons there.

    For example:

        samelook inspect inject result example.com --wearing example.org
    """
    from samelook.inspector.injection import inject_result

    async def write(connection: Connection) -> Any:
        return await inject_result(connection, site, wearing=wearing)

    count = _written(write)
    say(f"{counted(count, 'injected icon')}.")


def _written(write: Callable[[Connection], Awaitable[Any]]) -> Any:
    """What `write` gives, on a connection that may write; mistakes of the asker are one line and a status."""
    from samelook.commands.asking import run_question
    from samelook.postgres.configured import configured_database
    from samelook.settings import load_settings
    from samelook.sql.pool import open_connection

    settings = load_settings()

    async def run(url: str) -> Any:
        async with open_connection(settings.database_at(url)) as connection:
            return await write(connection)

    with configured_database(settings, migrated=False) as url:
        return run_question(run(url))
