"""The `samelook` command. Command modules keep heavy imports inside their functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from copy import copy
from typing import Annotated

import typer

from samelook.commands import (
    banks,
    check,
    compare_hma,
    crawl,
    crawl_import,
    db,
    demo,
    discord,
    exchange,
    hash,  # noqa: A004 - named as the command is
    icons,
    inspect,
    inspect_operator,
    keys,
    operator,
    serve,
    similar,
    users,
)
from samelook.terminal.console import say, tell

app = typer.Typer(
    name="samelook",
    help="Tells when a web site wears another site's face: crawl favicons, hash them, compare them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `samelook demo`. Settings are environment variables: `samelook settings` lists them.",
)
crawl_app = typer.Typer(help="Import rank lists, crawl, see how it stands.", no_args_is_help=True)
crawl_app.command("import")(crawl_import.import_ranks)
crawl_app.command("run")(crawl.run)
crawl_app.command("status")(crawl.status)
crawl_app.command("runs")(inspect_operator.runs)
crawl_app.command("add")(crawl_import.add)

app.command("demo")(demo.demo)
app.add_typer(crawl_app, name="crawl")
app.command("check")(check.check)
app.command("icons")(icons.icons)
app.command("hash")(hash.hash_files)
app.command("similar")(similar.similar)
app.command("serve")(serve.serve)
for question in (
    inspect_operator.verdicts,
    inspect_operator.common,
    inspect_operator.audit,
    inspect_operator.lists,
    inspect_operator.runs,
):
    inspect.app.command()(question)
app.command("compare-hma")(compare_hma.compare_hma)
app.add_typer(inspect.app, name="inspect")
app.add_typer(operator.site_app, name="site")
operator.reports_app.command("list")(inspect.reports)
app.add_typer(operator.reports_app, name="reports")
app.add_typer(operator.families_app, name="families")
app.add_typer(operator.catalogue_app, name="catalogue")
app.add_typer(discord.app, name="discord")
app.add_typer(banks.app, name="banks")
app.add_typer(exchange.app, name="exchange")
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")
app.add_typer(db.app, name="db")


@app.command("settings")
def settings(
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The page docs/settings.md, with defaults instead of values.")
    ] = False,
) -> None:
    """Every environment variable that Samelook reads, with its value now and what it means."""
    from samelook.settings import settings_page, settings_table

    if markdown:
        typer.echo(settings_page())
    else:
        say(settings_table())


@app.callback(invoke_without_command=True)
def start(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Tells when a web site wears another site's face: crawl favicons, hash them, compare them."""
    if version:
        from importlib.metadata import version as version_of

        say(f"samelook {version_of('samelook')}")
        raise typer.Exit
    from samelook.logs import configure_logging
    from samelook.settings import load_settings, unknown_variables

    for name, nearest in unknown_variables().items():
        advice = (
            f"; did you mean {nearest}?" if nearest else ". `samelook settings` lists those that there are."
        )
        tell(f"samelook: {name} is no setting{advice}")
    configure_logging(level=load_settings().log_level)


def _named(words: Sequence[str]) -> typer.Typer:
    """The program with only the command that `words` begin with; with all of them where they name none.

    To make seventy commands takes longer than what most of them do.
    """
    chosen = copy(app)
    chosen.registered_commands = [command for command in app.registered_commands if command.name in words[:1]]
    chosen.registered_groups = [group for group in app.registered_groups if group.name in words[:1]]
    return chosen if chosen.registered_commands or chosen.registered_groups else app


def main() -> None:
    """Run the command line; exit status 0 done, 1 the work failed, 2 bad usage.

    Errors that the user can mend are one line on standard error, not a traceback.
    """
    # Our matrices are small. Several threads for one wait for each other ten times as long as it takes, where
    # other processes want the processors too. numpy reads this when it is loaded, here and in children.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from samelook.terminal.help import readable
    from samelook.terminal.problems import explained

    try:
        try:
            readable(typer.main.get_command(_named(sys.argv[1:])))(prog_name="samelook")
        finally:
            # Here and not at the interpreter's end, where an error could not be told any more.
            sys.stdout.flush()
    except Exception as error:
        advice = explained(error)
        if advice is None:
            raise
        message, status = advice
        if isinstance(error, OSError):
            # What is still buffered cannot be written either, and would be tried again at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        tell(f"samelook: {message}")
        sys.exit(status)
