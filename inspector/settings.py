"""What can be chosen about the inspector."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from samelook.crawler.settings import icon_stale_field, page_stale_field
from samelook.variables import flag, url, variable, words


@dataclass(frozen=True, slots=True)
class InspectorSettings:
    """How long a question may take, and how much it may read."""

    statement_timeout_s: float = 10.0
    """For each statement; long questions consist of many short ones."""
    near_pictures: int = 300_000
    """A look's neighbours are searched by themselves up to so many pictures (some tenths of a second); in
    larger databases only when asked for."""
    near_looks: int = 50_000
    """The same for looks, which are compared by more than a distance."""
    verdict_looks: int = 20_000
    """A site's verdict is given by itself up to so many looks: the facts of all sites must be read for it."""
    counted_exactly: int = 200_000
    """Tables larger than this are counted by the planner's estimate."""
    page: int = 20_000
    """Hashes that one statement reads."""
    silent_s: float = 30.0
    """A crawling process that gave no sign of life for so long is held to be dead."""
    stuck_s: float = 600.0
    """Work that nobody took up for so long needs a person, as does an import that stands still."""
    failing_share: float = 0.5
    """More failures than this share of the last hour's outcomes need a person."""
    long_transaction_s: float = 3600.0
    """A transaction that is open for so long keeps the server from tidying up."""
    page_stale_s: float = page_stale_field()
    icon_stale_s: float = icon_stale_field()
    allow_injection: bool = variable(
        "SAMELOOK_ALLOW_INJECTION",
        False,
        "Let `samelook inspect inject` put errors, results and faults into this database (1): for tests and demos.",
        flag,
    )


def _public_key(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
        raise ValueError("write the 64 hex digits that Discord shows as the application's public key")
    return text.strip().lower()


def _digits(text: str) -> str:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("write the digits of the id")
    return text


def public_url_field() -> Any:
    """The field that says where the service is reached: the chat bot's, for links, and the service's own."""
    return variable(
        "SAMELOOK_PUBLIC_URL",
        "",
        "Where the service is reached from outside. Requests may name this host, and links to long answers lead "
        "there; unset, those are cut.",
        url,
    )


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """Who we are to Discord, and where long answers are linked to."""

    public_key: str = variable(
        "SAMELOOK_DISCORD_PUBLIC_KEY",
        "",
        "Public key of the Discord application, 64 hex digits. Set, the service answers /discord/interactions.",
        _public_key,
    )
    application_id: str = variable("SAMELOOK_DISCORD_APPLICATION_ID", "", "Its id.", _digits)
    bot_token: str = variable(
        "SAMELOOK_DISCORD_TOKEN",
        "",
        "Token of its bot, for answers that come too late for a reply. Unset: those are lost after fifteen minutes.",
        secret=True,
    )
    channel: str = variable(
        "SAMELOOK_DISCORD_CHANNEL",
        "",
        "Id of the channel that the bot tells of scheduled crawls and imports that failed, fell silent or did not come. "
        "Unset: nobody is told.",
        _digits,
    )
    guilds: frozenset[str] = variable(
        "SAMELOOK_DISCORD_GUILDS",
        frozenset(),
        "Ids of the Discord servers that may ask, comma separated. Default: all where it was installed.",
        lambda text: frozenset(words(text)),
    )
    api_url: str = variable("SAMELOOK_DISCORD_API_URL", "https://discord.com/api/v10", "Discord's API.", url)
    public_url: str = public_url_field()
    share_s: float = 86_400.0
    """How long a link to a long answer works."""
