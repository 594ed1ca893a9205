"""`samelook discord`: tell Discord which slash commands there are."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from samelook.terminal.console import say, tell

app = typer.Typer(help="The Discord bot.", no_args_is_help=True, rich_markup_mode="markdown")

API_URL = "https://discord.com/api/v10"


@app.callback()
def discord() -> None:
    """The Discord bot: its set-up is described in docs/inspector.md."""


@app.command()
def register(
    application_id: Annotated[
        str,
        typer.Option(
            "--application-id", envvar="SAMELOOK_DISCORD_APPLICATION_ID", help="The application's id."
        ),
    ],
    token: Annotated[
        str,
        typer.Option(
            "--token",
            envvar="SAMELOOK_DISCORD_TOKEN",
            help="The bot's token. Use the variable: everybody on the machine can read a command line.",
        ),
    ],
    guild: Annotated[
        str | None, typer.Option("--guild", help="Only for this server, at once; without it for all, soon.")
    ] = None,
    api_url: Annotated[
        str, typer.Option("--api-url", envvar="SAMELOOK_DISCORD_API_URL", help="Discord's API.")
    ] = API_URL,
) -> None:
    """Send the definitions of the slash commands to Discord; they replace the former ones.

    For example:

        SAMELOOK_DISCORD_TOKEN=… samelook discord register --application-id 123 --guild 456
    """
    from samelook.inspector.discord import definitions

    place = f"applications/{application_id}" + (f"/guilds/{guild}" if guild else "") + "/commands"
    status, text = asyncio.run(_put(f"{api_url}/{place}", token, definitions()))
    if status != 200:  # noqa: PLR2004
        tell(f"samelook discord: Discord answered {status}: {text[:300]!r}")
        raise typer.Exit(1)
    names = ", ".join(f"/samelook {option['name']}" for option in definitions()[0]["options"])
    say(f"Registered: {names}.")


async def _put(url: str, token: str, body: object) -> tuple[int, str]:
    """The status and text of the answer; 0 and the reason when there was none."""
    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.put(url, json=body, headers={"Authorization": f"Bot {token}"}) as response,
        ):
            return response.status, await response.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        return 0, f"{type(error).__name__}: {error}"
