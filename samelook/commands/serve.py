"""`samelook serve`: the HTTP service, in this process or in several."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samelook.errors import reason_of
from samelook.terminal.console import err, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiohttp import web

    from samelook.api.settings import ApiSettings, Role
    from samelook.settings import Settings

_BACKLOG = 1024


def serve(
    *,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            help="Address to listen on. Beyond loopback, callers need keys. Default: 127.0.0.1, or "
            "SAMELOOK_HOST.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="0: any that is free. Default: 5100, or SAMELOOK_PORT.",
            show_default=False,
        ),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role",
            help="Only this part: hasher, matcher, curator, lite, extension or ui. Repeat it for more. "
            "Default: all, or SAMELOOK_ROLES.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            max=256,
            help="Serving processes. Default: 1, or SAMELOOK_WORKERS.",
            show_default=False,
        ),
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv-file", help="HMA-lite: hashes to begin with, or CSV_FILE.")
    ] = None,
    index_file: Annotated[
        Path | None,
        typer.Option("--index-file", help="HMA-lite: where uploaded hashes are kept, or INDEX_FILE."),
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            "--state-dir", help="HMA-lite: their folder, or STATE_DIR. Default: lite in the data folder."
        ),
    ] = None,
    require_keys: Annotated[
        bool,
        typer.Option("--require-keys", help="Ask for API keys on loopback too, or SAMELOOK_REQUIRE_KEYS."),
    ] = False,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-origin",
            help="A web page's origin that may call from a browser, or SAMELOOK_ALLOWED_ORIGINS. "
            "Repeat it for more.",
        ),
    ] = None,
) -> None:
    """Serve the API: hashing, matching and curation as HMA speaks them, HMA-lite, the extension's verdicts.

    Without API keys only this machine can connect. To serve others, make keys for them with samelook keys
    create; whoever has an admin's may also do so with POST /c/api_keys.

    For example:

        samelook serve

        samelook serve --host 0.0.0.0 --workers 4
    """
    from samelook.postgres.reviving import with_database_kept
    from samelook.processes.running import allow_many_connections, run_async
    from samelook.settings import load_settings

    settings = load_settings()
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "roles": _roles(role) if role else None,
        "require_keys": require_keys or None,
        "allowed_origins": tuple(allow_origin or ()) or None,
    }
    files = {"csv_file": csv_file, "index_file": index_file, "state_dir": state_dir}
    lite = replace(settings.api.lite, **{name: value for name, value in files.items() if value is not None})
    settings = replace(
        settings,
        api=replace(
            settings.api, lite=lite, **{name: value for name, value in options.items() if value is not None}
        ),
        workers=workers or settings.workers,
    )
    allow_many_connections()
    with _database(settings) as url:
        chosen = api_settings(settings, url)
        with listening(chosen.host, chosen.port) as listener:
            run_async(_check_keys(chosen))
            if settings.workers > 1:
                _announce(listener, chosen)
                _serve_many(settings, chosen, listener)
            else:
                work = serve_here(chosen, listener)
                run_async(with_database_kept(settings, work, needed=chosen.needs_database))


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The URL of the database; none where nobody configured one and the roles do without."""
    from samelook.api.settings import WITHOUT_DATABASE
    from samelook.postgres.configured import configured_database

    if settings.api.roles <= WITHOUT_DATABASE and not settings.chat.public_key:
        # Other processes that use this database migrate it; it may be away just now.
        yield settings.database.url
        return
    with configured_database(settings) as url:
        yield url


def api_settings(settings: Settings, url: str) -> ApiSettings:
    """What the service needs of the settings."""
    from samelook.api.settings import MOST_HELD
    from samelook.exchanges.signal_registration import register_signal_types
    from samelook.extension_api.curation import families_in
    from samelook.matching.backends.libraries import check_installed
    from samelook.settings import SettingsError

    if settings.extension.families_file is not None:
        # The file is read now, so that a mistake in it ends the command instead of standing in a log.
        families_in(settings.extension.families_file)
    if settings.chat.public_key and not settings.chat.application_id:
        raise SettingsError("SAMELOOK_DISCORD_PUBLIC_KEY needs SAMELOOK_DISCORD_APPLICATION_ID too")

    check_installed(settings.api.live.backend)
    # Before any bank is loaded; and better to hear now of an extension that is not there.
    register_signal_types(settings.exchanges)
    folder, lite, verdicts = settings.data_dir, settings.api.lite, settings.extension.verdicts
    return replace(
        settings.api,
        # The service sets nothing outside its transactions, and takes back its LISTEN itself.
        database=replace(
            settings.database_at(url), reset_on_release=False, application_name="samelook serve"
        ),
        # Somebody asks for this very URL: robots.txt is about crawling. Videos are larger than icons.
        fetch=replace(
            settings.fetch,
            honour_robots=False,
            max_icon_bytes=min(settings.api.max_upload_bytes, MOST_HELD),
            own=settings.api.media_hosts,
        ),
        live=replace(settings.api.live, snapshot_folder=folder / "indexes"),
        lite=replace(lite, state_dir=lite.state_dir or folder / "lite"),
        extension=replace(settings.extension, verdicts=replace(verdicts, looks_folder=folder / "looks")),
        chat=settings.chat if settings.chat.public_key else None,
    )


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises typer.BadParameter when it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise typer.BadParameter(
            f"cannot listen on {host}:{port}: {reason_of(error)}", param_hint="--host/--port"
        ) from error
    return listener


async def serve_here(settings: ApiSettings, listener: socket.socket) -> None:
    """Serve in this process until a signal stops it."""
    from samelook.api.app import create_app

    await _serve(create_app(settings), listener, ready=lambda: _announce(listener, settings))


async def _serve(
    app: web.Application,
    listener: socket.socket,
    lifeline: int | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until a signal, or until the descriptor `lifeline` ends: whoever started this process is gone."""
    from aiohttp import web

    from samelook.api.server import service_runner
    from samelook.processes.restarts import STOP_S
    from samelook.processes.running import collect_garbage_rarely, stopping

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    # Requests that have arrived are answered; waiting connections are closed.
    runner = service_runner(app, shutdown_timeout=STOP_S / 2)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, backlog=_BACKLOG).start()
        collect_garbage_rarely()
        if lifeline is not None:
            loop.add_reader(lifeline, stop.set)
        with stopping(stop.set):
            ready()
            await stop.wait()
        if lifeline is not None:
            loop.remove_reader(lifeline)
    finally:
        await runner.cleanup()


async def _check_keys(settings: ApiSettings) -> None:
    """Refuses to open a service to others that nobody could administer; says which keys open it."""
    from samelook.api.keys import KeyStore
    from samelook.commands.keys import keys_table
    from samelook.sql.pool import open_pool

    if not settings.keys_needed:
        return
    if not settings.needs_database and (
        settings.admin_key or settings.keys_file or not settings.database.url
    ):
        if not await KeyStore(None, settings.admin_key, settings.keys_file).has_any():
            raise typer.BadParameter(
                "others could connect, and there is no key: set SAMELOOK_ADMIN_KEY or SAMELOOK_KEYS_FILE, "
                "or listen on 127.0.0.1",
                param_hint="--host",
            )
        return
    async with open_pool(replace(settings.database, max_connections=1)) as pool:
        store = KeyStore(pool, settings.admin_key, settings.keys_file)
        keys = await store.list()
        if not await store.any():
            raise typer.BadParameter(
                "others could connect, and there is no API key yet: samelook keys create NAME --role admin "
                "makes one, or set SAMELOOK_ADMIN_KEY to a long random text, or listen on 127.0.0.1",
                param_hint="--host",
            )
    if keys and not settings.on_loopback:
        tell("Others can connect. These API keys work; samelook keys revoke ID ends one:")
        err().print(keys_table(keys))


def _announce(listener: socket.socket, settings: ApiSettings) -> None:
    address, port = listener.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    keys = "API keys needed" if settings.keys_needed else "this machine only, no API keys needed"
    if settings.keys_needed and settings.trusted_networks:
        networks = ", ".join(str(network) for network in settings.trusted_networks)
        tell(f"WARNING: whoever connects from {networks} may do everything, without a key.")
    tell(f"Serving on http://{shown}:{port} ({', '.join(sorted(settings.roles))}; {keys}).")


def _roles(names: list[str]) -> frozenset[Role]:
    from samelook.api.settings import roles_of

    try:
        return roles_of(" ".join(names))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--role") from error


def _read_what_all_share(settings: ApiSettings) -> None:
    """Read now what each serving process would otherwise read for itself: some megabytes for every one."""
    import numpy.ma  # noqa: F401 - numpy imports it when the first index is made

    if "extension" in settings.roles:
        from samelook.facts.catalogue import packaged_catalogue
        from samelook.facts.families_known import curated_families
        from samelook.looks.letters import load_alphabet
        from samelook.names.suffixes import load_suffixes

        load_suffixes()
        load_alphabet()
        curated_families()
        packaged_catalogue()


def _serve_many(configured: Settings, settings: ApiSettings, listener: socket.socket) -> None:
    """Run serving processes on one socket until a signal; one that dies is replaced."""
    from samelook.postgres.reviving import with_database_kept
    from samelook.processes.forked import keep_forked
    from samelook.processes.restarts import STOP_S
    from samelook.processes.running import run_async

    count = configured.workers
    with tempfile.TemporaryDirectory(prefix="samelook-metrics-") as metrics:
        # Read when prometheus_client is imported, which create_app does.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics
        import samelook.api.server  # noqa: F401 - so that the processes share it
        from samelook.api.app import create_app

        # The processors are shared out: more decoders than processors take memory and help nobody.
        app = create_app(replace(settings, hash_processes=max(1, settings.hash_processes // count)))
        _read_what_all_share(settings)
        gc.collect()
        gc.freeze()

        def work(lifeline: int) -> int:
            work = _serve(app, listener, lifeline)
            run_async(with_database_kept(configured, work, needed=settings.needs_database))
            return 0

        def told(status: int) -> None:
            tell(f"A serving process ended with status {status}; starting another.")

        keep_forked(work, count, stop_s=STOP_S, on_death=told)
