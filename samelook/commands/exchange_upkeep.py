"""`samelook exchange auth` and `samelook exchange release`: what a person decides of exchanges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from samelook.commands.exchange_asking import asked, secrets_in
from samelook.terminal.console import counted, tell

if TYPE_CHECKING:
    from samelook.exchanges.store import ExchangeStore


def auth(
    api: Annotated[
        str, typer.Argument(metavar="TYPE", help="The exchange type; `exchange types` lists them.")
    ],
    *,
    credentials: Annotated[
        str | None,
        typer.Option("--credentials", metavar="FILE", help="JSON file; - reads standard input."),
    ] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Forget them.")] = False,
) -> None:
    """Keep the credentials of all exchanges of a type that have none of their own.

    Without a file they are looked for where the library looks: in the environment (TX_ACCESS_TOKEN, …) and in
    its own file.

    For example:

        TX_ACCESS_TOKEN='12345678|facefaceface' samelook exchange auth fb_threatexchange
    """
    secrets = secrets_in(credentials)

    async def write(store: ExchangeStore) -> None:
        found = secrets if unset or secrets is not None else await store.credentials_here(api)
        await store.set_type_credentials(api, None if unset else found)

    asked(write)
    tell(f"{api} has {'no credentials any more' if unset else 'credentials'}.")


def release(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The exchange.")],
) -> None:
    """Let a flood match that was held, and the exchange go on.

    An exchange that suddenly brings a thousand times its usual is held: what it brought matches nothing, and
    nothing more is fetched. Look at its bank first; `samelook exchange remove` is the other way out.
    """

    async def write(store: ExchangeStore) -> int:
        return await store.release(name)

    released, _ = asked(write)
    if released:
        match = "matches" if released == 1 else "match"
        tell(f"{counted(released, 'content')} of {name} {match} from now on.")
    else:
        tell(f"Nothing of {name} is held.")
