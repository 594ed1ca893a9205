"""Discord's interactions: signatures, slash commands, and answers as messages.

Follows Discord's "Receiving and Responding to Interactions" and "Application Commands" (API v10).
Pure but for the database connection that questions are asked on.
"""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samelook.inspector.errors import BadQuestion, InspectorError
from samelook.inspector.failures import errors_answer
from samelook.inspector.health import health_answer
from samelook.inspector.looks import look_answer, look_of_hash
from samelook.inspector.overlaps import overlaps_answer
from samelook.inspector.plain_text import as_text
from samelook.inspector.queues import queue_answer
from samelook.inspector.sites import site_answer

if TYPE_CHECKING:
    from samelook.inspector.listing import Answer
    from samelook.inspector.settings import InspectorSettings
    from samelook.inspector.thumbnails import Thumbnail
    from samelook.sql.pool import Connection

    Ask = Callable[[Connection, InspectorSettings, Mapping[str, Any]], Awaitable[Answer]]

PING, COMMAND = 1, 2
PONG, DEFERRED = 1, 5
REPLAY_WINDOW_S = 300.0
"""How far a request's time may be from ours; signatures are remembered for twice as long."""
MOST_CHARACTERS = 3_800
"""Of an embed's description, of 4096 that Discord takes."""

_STRING, _INTEGER, _SUB_COMMAND = 3, 4, 1


class Forged(InspectorError):
    """The request was not signed by Discord, not just now, or not for the first time."""

    kind = "forged"


def check_signature(public_key: str, signature: str, timestamp: str, body: bytes, *, now: float) -> bytes:
    """The signature's bytes when Discord signed this body at about this time. Raises Forged."""
    from nacl.exceptions import BadSignatureError
    from nacl.signing import VerifyKey

    try:
        signed = bytes.fromhex(signature)
        VerifyKey(bytes.fromhex(public_key)).verify(timestamp.encode() + body, signed)
        age_s = abs(now - int(timestamp))
    except (BadSignatureError, ValueError, TypeError) as error:
        raise Forged("The request's signature is not Discord's.") from error
    if age_s > REPLAY_WINDOW_S:
        raise Forged("The request was signed too long ago, or this machine's clock is wrong.")
    return signed


def _option(name: str, kind: int, description: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "type": kind, "description": description, "required": required}


@dataclass(frozen=True, slots=True)
class Command:
    """One slash command, `/samelook NAME`."""

    description: str
    options: tuple[dict[str, Any], ...]
    ask: Ask


async def _site(connection: Connection, settings: InspectorSettings, options: Mapping[str, Any]) -> Answer:
    return await site_answer(connection, settings, str(options["domain"]), limit=20)


async def _look(connection: Connection, settings: InspectorSettings, options: Mapping[str, Any]) -> Answer:
    signal = str(options.get("signal", "pdq"))
    looks = await look_of_hash(connection, str(options["hash"]), signal)
    return await look_answer(connection, settings, looks, signal=signal, limit=20)


async def _overlaps(
    connection: Connection, settings: InspectorSettings, options: Mapping[str, Any]
) -> Answer:
    return await overlaps_answer(
        connection,
        settings,
        distance=options.get("distance"),
        min_sites=max(2, int(options.get("min_sites", 2))),
        limit=20,
    )


async def _errors(connection: Connection, _: InspectorSettings, options: Mapping[str, Any]) -> Answer:
    return await errors_answer(connection, phase=options.get("phase"), kind=options.get("kind"), limit=20)


async def _queue(connection: Connection, settings: InspectorSettings, _: Mapping[str, Any]) -> Answer:
    return await queue_answer(connection, settings)


async def _health(connection: Connection, settings: InspectorSettings, _: Mapping[str, Any]) -> Answer:
    return await health_answer(connection, settings)


COMMANDS: dict[str, Command] = {
    "site": Command(
        "Everything known about a site", (_option("domain", _STRING, "A domain", required=True),), _site
    ),
    "look": Command(
        "Who wears a look, nearest first",
        (
            _option("hash", _STRING, "SHA-256, MD5, favicon hash, or a hash of the signal", required=True),
            _option("signal", _STRING, "pdq (default), phash, blockhash16, …"),
        ),
        _look,
    ),
    "overlaps": Command(
        "Clusters of sites that share a look",
        (
            _option("min_sites", _INTEGER, "Leave out smaller clusters"),
            _option("distance", _INTEGER, "Bits that may differ"),
        ),
        _overlaps,
    ),
    "errors": Command(
        "Which sites failed, and how often",
        (
            _option("phase", _STRING, "domains, icons or hashes"),
            _option("kind", _STRING, "One kind of error"),
        ),
        _errors,
    ),
    "queue": Command("What is due, leased and oldest; the workers", (), _queue),
    "health": Command("Whether something needs a person", (), _health),
}


def definitions() -> list[dict[str, Any]]:
    """What `samelook discord register` sends. Only administrators may use it until they allow others."""
    return [
        {
            "name": "samelook",
            "description": "Ask Samelook's database",
            "type": 1,
            "default_member_permissions": "0",
            "options": [
                {
                    "name": name,
                    "type": _SUB_COMMAND,
                    "description": command.description,
                    "options": list(command.options),
                }
                for name, command in COMMANDS.items()
            ],
        }
    ]


async def answer_of(
    connection: Connection, settings: InspectorSettings, interaction: Mapping[str, Any]
) -> tuple[str, Answer]:
    """The question as it was typed, and its answer. Raises InspectorError."""
    name, options = _asked(interaction)
    typed = " ".join([f"/samelook {name}", *(f"{key}:{value}" for key, value in options.items())])
    return typed, await COMMANDS[name].ask(connection, settings, options)


def _asked(interaction: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    try:
        (asked,) = interaction["data"]["options"]
        name = asked["name"]
        options = {option["name"]: option["value"] for option in asked.get("options", ())}
        wanted = COMMANDS[name].options
    except (KeyError, TypeError, ValueError) as error:
        raise BadQuestion("This command is not known here; register the commands again.") from error
    missing = [option["name"] for option in wanted if option["required"] and option["name"] not in options]
    if missing:
        raise BadQuestion(f"The command needs {', '.join(missing)}.")
    return name, options


def message_of(typed: str, text: str, *, link: str | None, pictured: bool) -> dict[str, Any]:
    """An answer as a message with one embed. Nobody is notified, whatever the text holds."""
    # Three backticks would end the block that keeps Discord from reading marks in the text.
    shown = text.replace("```", "'''")
    if len(shown) > MOST_CHARACTERS:
        shown = shown[:MOST_CHARACTERS].rpartition("\n")[0] or shown[:MOST_CHARACTERS]
    description = f"```\n{shown}\n```"
    if link is not None:
        description += f"\nThe whole answer: {link}"
    embed: dict[str, Any] = {"title": typed[:250].replace("`", "'"), "description": description}
    if pictured:
        embed["thumbnail"] = {"url": "attachment://icon.png"}
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def text_of(answer: Answer) -> str:
    """The answer as a message can hold it: notes, facts and tables."""
    return as_text(answer)


def png_of(picture: Thumbnail) -> bytes:
    """A drawn icon as a file: our own pixels, never the bytes that a site served."""
    from PIL import Image

    stored = io.BytesIO()
    Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).save(stored, "PNG")
    return stored.getvalue()
