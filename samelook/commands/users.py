"""`samelook users`: people's accounts for the web pages, made where the database is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from samelook.commands.keys import JsonOption
from samelook.terminal.console import tell

if TYPE_CHECKING:
    from datetime import datetime

    from samelook.api.users import User, UserStore
    from samelook.terminal.tables import Table

_T = TypeVar("_T")
app = typer.Typer(
    help="People's accounts for the web pages: make, list and remove them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
_Name = Annotated[str, typer.Argument(help="The name to sign in with.", show_default=False)]
FromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the standard input, a line.")
]


@app.command("add")
def add(
    name: _Name,
    *,
    role: Annotated[
        str,
        typer.Option("--role", help="viewer, curator (decides) or admin; each includes the others before."),
    ] = "viewer",
    password_stdin: FromInput = False,
) -> None:
    """Make an account; asks for its password.

    For example:

        samelook users add anna --role curator
    """
    from samelook.api.users import USER_ROLES

    wanted = next((known for known in USER_ROLES if known == role), None)
    if wanted is None:
        raise typer.BadParameter(
            f"{role!r} is no role; there are {', '.join(USER_ROLES)}", param_hint="--role"
        )
    password = _password(from_input=password_stdin)

    async def make(store: UserStore) -> User:
        return await store.add(name, wanted, password)

    user = _with_users(make)
    tell(f"{user.name} can sign in as {user.role}.")


@app.command("list")
def list_users(*, as_json: JsonOption = False) -> None:
    """All accounts.

    For example:

        samelook users list
    """

    async def read(store: UserStore) -> list[User]:
        return await store.list()

    users = _with_users(read)
    if as_json:
        import json
        from dataclasses import asdict

        for user in users:
            typer.echo(json.dumps(asdict(user), default=str))
    elif users:
        from samelook.terminal.console import out

        out().print(_users_table(users))
    else:
        tell("There are no accounts yet: samelook users add NAME makes one.")


@app.command("password")
def change_password(name: _Name, *, password_stdin: FromInput = False) -> None:
    """Give an account another password. Its sessions end.

    For example:

        samelook users password anna
    """
    password = _password(from_input=password_stdin)

    async def change(store: UserStore) -> bool:
        return await store.change_password(name, password)

    _check_found(name, found=_with_users(change))


@app.command("remove")
def remove(name: _Name) -> None:
    """End an account and its sessions.

    For example:

        samelook users remove anna
    """

    async def end(store: UserStore) -> bool:
        return await store.remove(name)

    _check_found(name, found=_with_users(end))


def _users_table(users: list[User]) -> Table:
    from samelook.terminal.tables import Table

    def minute(moment: datetime | None, none: str) -> str:
        return none if moment is None else f"{moment:%Y-%m-%d %H:%M}"

    return Table(
        ("name", "role", "made", "last signed in"),
        [
            (user.name, user.role, minute(user.created_at, ""), minute(user.last_signed_in, "never"))
            for user in users
        ],
    )


def _password(*, from_input: bool) -> str:
    if from_input:
        return typer.get_text_stream("stdin").readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _check_found(name: str, *, found: bool) -> None:
    if not found:
        tell(f"samelook users: there is no user {name!r}.")
        raise typer.Exit(1)


def _with_users(work: Callable[[UserStore], Awaitable[_T]]) -> _T:
    from samelook.api.errors import ApiError
    from samelook.api.users import UserStore
    from samelook.postgres.configured import configured_database
    from samelook.processes.running import run_async
    from samelook.settings import load_settings
    from samelook.sql.audit import by_account
    from samelook.sql.pool import open_pool

    settings = load_settings()

    async def run(url: str) -> _T:
        async with open_pool(settings.database_at(url)) as pool:
            return await work(UserStore(pool))

    try:
        with configured_database(settings) as url, by_account():
            done: _T = run_async(run(url))
    except ApiError as error:
        tell(f"samelook users: {error.message}")
        raise typer.Exit(2) from error
    return done
