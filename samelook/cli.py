"""The `samelook` command. Command modules keep heavy imports inside their functions."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="samelook",
    help="Tells when a web site wears another site's face: crawl favicons, hash them, compare them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; exit status 0 done, 1 the work failed, 2 bad usage."""
    app()
