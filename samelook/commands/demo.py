"""`samelook demo`: a whole crawl of the bundled sample web, to watch, and to walk about in with a browser."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from samelook.settings import Settings

LOCKED = "lumora-secure.example"
"""A site of the sample web that is locked."""


def demo(
    *,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="FOLDER",
            help="Keep the demo's database there. Default: the folder `demo` in the data folder.",
        ),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option(
            "--serve",
            help="Afterwards keep the sample web and the service running, and print how to open a browser.",
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also the crawl's tables, and a line for each site.")
    ] = False,
) -> None:
    """Crawl the bundled sample web, some sixty sites under .example, and show who copies whom.

    Starts an embedded Postgres and a web server on this machine, imports a rank list, crawls and judges;
    nothing leaves the machine, and the demo's data have a folder of their own.

    For example:

        samelook demo

        samelook demo --serve
    """
    from samelook.demo.demonstration import run_demo

    raise typer.Exit(run_demo(keep, verbose=verbose, afterwards=_served if serve else None))


async def _served(settings: Settings, url: str, web_port: int) -> None:
    """Serve until a signal: the extension finds the service at its usual address."""
    import asyncio

    from samelook.commands.serve import api_settings, listening, serve_here
    from samelook.terminal.console import say, tell

    script = await asyncio.to_thread(_write_script, settings, web_port)
    with listening(settings.api.host, settings.api.port) as listener:
        port = listener.getsockname()[1]
        if script is None:
            tell("The extension is not in this package: take extension/ from the source to see it lock.")
        else:
            say("\nTo see a browser lock a look-alike, in another terminal:\n", style="bold")
            say(f"  sh {shlex.quote(str(script))}\n")
        say(f"The pages are at http://127.0.0.1:{port}/ui/. Ctrl-C ends all of it.")
        await serve_here(api_settings(settings, url), listener)


def _write_script(settings: Settings, web_port: int) -> Path | None:
    """A script that opens Chromium with the extension on a look-alike; None where there is no extension."""
    import samelook

    extension = Path(samelook.__file__).resolve().parent.parent / "extension"
    if not (extension / "manifest.json").is_file():
        return None
    profile = settings.data_dir / "chromium"
    rules = ",".join(f"MAP *.{suffix} 127.0.0.1:{web_port}" for suffix in ("example", "test"))
    options = [
        f"--user-data-dir={profile}",
        f"--disable-extensions-except={extension}",
        f"--load-extension={extension}",
        f"--host-resolver-rules={rules}",
        "--no-first-run",
        # Chromium refuses to start for root with its sandbox, and this web is harmless.
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ]
    script = settings.data_dir / "open-chromium.sh"
    script.write_text(
        "#!/bin/sh\n"
        "# Written by `samelook demo --serve`: Chromium with the extension, in the sample web.\n"
        "for browser in chromium chromium-browser; do\n"
        '  command -v "$browser" >/dev/null && break\n'
        "done\n"
        f'exec "$browser" {shlex.join(options)} "$@" http://{LOCKED}/\n',
        encoding="utf-8",
    )
    return script
