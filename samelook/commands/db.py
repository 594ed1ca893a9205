"""`samelook db`: the schema, the URL and a shell of the configured database."""

from __future__ import annotations

from typing import Annotated

import typer

from samelook.terminal.console import say, tell

app = typer.Typer(
    help="The database: bring its schema up to date, show its URL, open a shell.", no_args_is_help=True
)


@app.command()
def migrate() -> None:
    """Bring the schema up to date. Other commands do it by themselves; this one says what it did.

    For example:

        samelook db migrate
    """
    import asyncio

    from samelook.postgres.configured import configured_database
    from samelook.settings import load_settings
    from samelook.sql.migrate import migrate as bring_up_to_date

    with configured_database(load_settings(), migrated=False) as url:
        applied = asyncio.run(bring_up_to_date(url))
    for step in applied:
        say(f"{step.name}: {step.sentence}")
    if not applied:
        say("The schema is up to date.")


@app.command()
def url(
    *,
    hold: Annotated[
        bool, typer.Option("--hold", help="Keep an embedded database running until Ctrl-C.")
    ] = False,
) -> None:
    """Print the URL of the configured database, with its password, for other programs.

    The embedded database runs only while a samelook process uses it. `--hold` is one, until Ctrl-C:
    leave it running in one terminal, and use the URL in another.

    For example:

        samelook db url --hold

        psql "$(samelook db url)"
    """
    import os
    import signal
    import sys

    from samelook.postgres.configured import configured_database
    from samelook.settings import load_settings

    settings = load_settings()
    if settings.database.url and not hold:
        typer.echo(settings.database.url)
        return
    with configured_database(settings, migrated=False) as found:
        if not hold:
            typer.echo(found)
            if not settings.database.url:
                tell(
                    "The embedded database stops with the last samelook process that uses it. To use this "
                    "URL, let one run: samelook db url --hold"
                )
            return
        # Not an Event: to set one in a signal's handler hangs where the signal meets its lock.
        end, wish = os.pipe()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os.write(wish, b"."))
        typer.echo(found)
        sys.stdout.flush()
        tell("The database runs until Ctrl-C.")
        os.read(end, 1)


@app.command()
def shell(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="-- PSQL ARGS", help="Given to psql as they are.")
    ] = None,
) -> None:
    """Open psql on the configured database; the exit status is psql's.

    The machine's psql is used if it has one, else the one that comes with the embedded Postgres,
    which keeps running as long as the shell does.

    For example:

        samelook db shell

        samelook db shell -- -Atc 'select count(*) from domains'
    """
    from samelook.postgres.configured import configured_database
    from samelook.settings import load_settings

    with configured_database(load_settings(), migrated=False) as found:
        status = _psql(found, arguments or [])
    raise typer.Exit(status)


def _psql(database_url: str, arguments: list[str]) -> int:
    import os
    import shutil
    import signal
    import subprocess

    from samelook.postgres.cluster import psql_path
    from samelook.sql.urls import split_password

    # The password goes by the environment: everybody on the machine can read a command line.
    plain_url, password = split_password(database_url)
    environment = dict(os.environ)
    if password is not None:
        environment["PGPASSWORD"] = password
    psql = shutil.which("psql") or str(psql_path())

    # Ctrl-C in psql cancels a query; the terminal sends it to us too, and we stay. A handler and
    # not SIG_IGN, because a program started from here would inherit that.
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        done = subprocess.run([psql, f"--dbname={plain_url}", *arguments], env=environment, check=False)  # noqa: S603
    finally:
        signal.signal(signal.SIGINT, before)
    return done.returncode if done.returncode >= 0 else 128 - done.returncode
