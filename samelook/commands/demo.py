"""`samelook demo`: a whole crawl of the bundled sample web, to watch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    *,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", help="Keep the demo's database in this folder, and continue there next time."),
    ] = None,
) -> None:
    """Crawl the bundled sample web, some sixty sites under .example, and show what was found.

    Starts an embedded Postgres and a web server on this machine, imports a rank list, and crawls;
    nothing leaves the machine.
    """
    from samelook.demo.demonstration import run_demo

    raise typer.Exit(run_demo(keep))
