"""`samelook keys`: API keys of the service, made where the database is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from samelook.terminal.console import tell

if TYPE_CHECKING:
    from datetime import datetime

    from samelook.api.keys import ApiKey, KeyStore
    from samelook.terminal.tables import Table

_T = TypeVar("_T")
app = typer.Typer(
    help="API keys of the service: make, list, replace and revoke them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_Id = Annotated[int, typer.Argument(metavar="ID", help="As samelook keys list shows it.", show_default=False)]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Who or what it is for.", show_default=False)],
    *,
    role: Annotated[
        str,
        typer.Option("--role", help="extension, viewer, curator or admin; each includes the others before."),
    ] = "viewer",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help="Only this group of operations: matching, hashing, banks, … Repeat it for more.",
            show_default=False,
        ),
    ] = None,
    per_minute: Annotated[
        int | None, typer.Option("--per-minute", min=1, help="Requests a minute.", show_default=False)
    ] = None,
    per_day: Annotated[
        int | None,
        typer.Option("--per-day", min=1, help="Requests a day, which come back evenly.", show_default=False),
    ] = None,
    days: Annotated[
        float | None, typer.Option("--days", min=0.0, help="Days that it works.", show_default=False)
    ] = None,
) -> None:
    """Make a key and print it. It is shown this once.

    For example:

        samelook keys create dashboard --role viewer
    """
    from samelook.api.access import ROLES

    wanted = next((known for known in ROLES if known == role), None)
    if wanted is None:
        raise typer.BadParameter(f"{role!r} is no role; there are {', '.join(ROLES)}", param_hint="--role")
    expires_s = None if days is None else days * 86_400

    async def make(store: KeyStore) -> tuple[ApiKey, str]:
        return await store.create(
            name,
            wanted,
            scopes=frozenset(scope) if scope else None,
            per_minute=per_minute,
            per_day=per_day,
            expires_s=expires_s,
        )

    _, secret = _with_keys(make)
    typer.echo(secret)


@app.command("list")
def list_keys(*, as_json: JsonOption = False) -> None:
    """All keys that work.

    For example:

        samelook keys list
    """

    async def read(store: KeyStore) -> list[ApiKey]:
        return await store.list()

    keys = _with_keys(read)
    if as_json:
        import json
        from dataclasses import asdict

        for key in keys:
            row = {**asdict(key), "scopes": sorted(key.scopes) if key.scopes else None}
            typer.echo(json.dumps(row, default=str))
    else:
        from samelook.terminal.console import out

        out().print(keys_table(keys))


@app.command("rotate")
def rotate(
    key_id: _Id,
    *,
    grace_hours: Annotated[
        float, typer.Option("--grace-hours", min=0.0, help="Hours that the old secret goes on working.")
    ] = 24.0,
) -> None:
    """Print a new secret for a key. The old one works for a day more.

    For example:

        samelook keys rotate 3
    """

    async def replace(store: KeyStore) -> tuple[ApiKey, str]:
        return await store.rotate(key_id, grace_s=grace_hours * 3600)

    _, secret = _with_keys(replace)
    typer.echo(secret)


@app.command("revoke")
def revoke(key_id: _Id) -> None:
    """End a key, in every serving process within two seconds.

    For example:

        samelook keys revoke 3
    """

    async def end(store: KeyStore) -> bool:
        return await store.revoke(key_id)

    if not _with_keys(end):
        tell(f"samelook keys: no key has the number {key_id}.")
        raise typer.Exit(1)


def keys_table(keys: list[ApiKey]) -> Table:
    """What people are to know of each key: never the key itself."""
    from samelook.terminal.tables import Table

    def day(moment: datetime | None, none: str) -> str:
        return none if moment is None else f"{moment:%Y-%m-%d %H:%M}"

    return Table(
        ("id", "role", "name", "only for", "a minute", "a day", "until", "last used"),
        [
            (
                key.id,
                key.role,
                key.name,
                sorted(key.scopes or ()),
                key.per_minute,
                key.per_day,
                day(key.expires_at, ""),
                day(key.last_used_at, "never"),
            )
            for key in keys
        ],
    )


def _with_keys(work: Callable[[KeyStore], Awaitable[_T]]) -> _T:
    from samelook.api.errors import ApiError
    from samelook.api.keys import KeyStore
    from samelook.banks.errors import BankError
    from samelook.postgres.configured import configured_database
    from samelook.processes.running import run_async
    from samelook.settings import load_settings
    from samelook.sql.audit import by_account
    from samelook.sql.pool import open_pool

    settings = load_settings()

    async def run(url: str) -> _T:
        async with open_pool(settings.database_at(url)) as pool:
            return await work(KeyStore(pool, None))

    try:
        with configured_database(settings) as url, by_account():
            done: _T = run_async(run(url))
    except (ApiError, BankError) as error:
        tell(f"samelook keys: {error.message}")
        raise typer.Exit(2) from error
    return done
