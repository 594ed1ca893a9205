"""The chat desk: takes signed questions, answers them when Discord can be reached, shares long answers.

A question is in the database before it is acknowledged, and stays there until its answer was taken.
An interaction's own reply is possible for fifteen minutes; after that, and where Discord does not
know it any more, the answer goes to the channel that it came from.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog
from aiohttp import web

from samelook.inspector.discord import (
    COMMAND,
    DEFERRED,
    MOST_CHARACTERS,
    PING,
    PONG,
    REPLAY_WINDOW_S,
    Forged,
    answer_of,
    check_signature,
    message_of,
    png_of,
    text_of,
)
from samelook.inspector.errors import InspectorError
from samelook.inspector.reading import reading
from samelook.inspector.run_troubles import untold_troubles
from samelook.inspector.settings import ChatSettings, InspectorSettings
from samelook.inspector.thumbnails import thumbnails
from samelook.sql.cancelled import check_cancelled
from samelook.sql.named import queries
from samelook.sql.storable import storable_json

if TYPE_CHECKING:
    from samelook.hashing.sandbox import Sandbox
    from samelook.sql.pool import Pool
    from samelook.sql.settings import DatabaseSettings

log = structlog.get_logger()

REPLY_S = 14 * 60.0
"""An interaction's token lasts fifteen minutes."""
POLL_S = 2.0
RUNS_EVERY_S = 30.0
"""Between two looks for scheduled runs in trouble."""
BUSY_S = 120.0
LONGEST_WAIT_S = 300.0
MOST_TRIES = 300
"""About a day."""
LARGEST_BODY = 64 * 1024
_GONE = (401, 403, 404)
_TOO_MANY = 429


class ChatDesk:
    """Receives questions and answers them. One per process; many processes may share a database."""

    def __init__(
        self,
        pool: Pool,
        database: DatabaseSettings,
        sandbox: Sandbox,
        settings: ChatSettings,
        inspector: InspectorSettings | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pool = pool
        self._database = database
        self._sandbox = sandbox
        self._settings = settings
        self._inspector = inspector or InspectorSettings()
        self._clock = clock
        self._asked = asyncio.Event()
        self._looked_at_runs = 0.0

    async def receive(self, signature: str, timestamp: str, body: bytes) -> dict[str, Any]:
        """What Discord is answered at once: a pong, or that the answer comes later. Raises Forged."""
        signed = check_signature(self._settings.public_key, signature, timestamp, body, now=self._clock())
        try:
            interaction = json.loads(body)
            kind = interaction["type"]
        except (ValueError, KeyError, TypeError) as error:
            raise Forged("The request is no interaction.") from error
        guilds = self._settings.guilds
        if kind == COMMAND and guilds and interaction.get("guild_id") not in guilds:
            raise Forged("This server may not ask.")
        kept = await queries("chat").keep_request(
            self._pool, signature=signed, interaction=storable_json(interaction) if kind == COMMAND else None
        )
        if kept is None:
            raise Forged("The request was received before.")
        if kind == PING:
            return {"type": PONG}
        self._asked.set()
        return {"type": DEFERRED}

    async def answer_for_ever(self) -> None:
        """Answer what waits until cancelled; failures are tried again with growing waits."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
            while True:
                self._asked.clear()
                try:
                    while await self.answer_one(session):
                        pass
                    await queries("chat").forget_old(self._pool, seconds=2 * REPLAY_WINDOW_S)
                    await self.tell_of_runs()
                except Exception as error:  # noqa: BLE001 - the database is away: requests stay, the next round tries again
                    check_cancelled()
                    log.warning("chat.failed", error=str(error) or type(error).__name__)
                try:
                    async with asyncio.timeout(POLL_S):
                        await self._asked.wait()
                except TimeoutError:
                    continue

    async def tell_of_runs(self) -> None:
        """Put what is wrong with scheduled runs, and was not told yet, among what waits to be sent."""
        if not self._settings.channel or self._clock() - self._looked_at_runs < RUNS_EVERY_S:
            return
        self._looked_at_runs = self._clock()
        for trouble in await untold_troubles(self._pool):
            await queries("chat").keep_request(
                self._pool,
                # Without a signature there is no id to tell it by: a random one is drawn.
                signature=secrets.token_bytes(32),
                interaction=storable_json(
                    {"channel_id": self._settings.channel, "notice": f"{trouble.text}\n{trouble.advice}"}
                ),
            )

    async def answer_one(self, session: aiohttp.ClientSession) -> bool:
        """Answer the next question that waits; False when none does."""
        request = await queries("chat").take_request(self._pool, busy_s=BUSY_S)
        if request is None:
            return False
        if request["tries"] > MOST_TRIES:
            await queries("chat").give_up(self._pool, id=request["id"], why=f"{MOST_TRIES} tries failed")
            return True
        try:
            message, icon = await self._message(request["interaction"])
            wait_s = await self._send(session, request, message, icon)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("chat.unreachable", tries=request["tries"], error=type(error).__name__)
            wait_s = min(2.0 ** request["tries"], LONGEST_WAIT_S)
        if wait_s is not None:
            await queries("chat").try_later(self._pool, id=request["id"], wait_s=wait_s)
        return True

    async def shared(self, key: str) -> tuple[str, bytes] | None:
        """A long answer by its link's key; None when there is none or its time is over."""
        row = await queries("chat").shared(self._pool, key_sha256=hashlib.sha256(key.encode()).digest())
        return None if row is None else (row["content_type"], row["body"])

    async def _message(self, interaction: dict[str, Any]) -> tuple[dict[str, Any], bytes | None]:
        typed, link, icon = "Samelook", None, None
        if "notice" in interaction:
            return message_of(typed, interaction["notice"], link=None, pictured=False), None
        try:
            async with reading(self._database, self._inspector) as connection:
                typed, answer = await answer_of(connection, self._inspector, interaction)
        except InspectorError as error:
            return message_of(typed, error.message, link=None, pictured=False), None
        text = text_of(answer)
        drawn = await thumbnails(self._sandbox, dict(list(answer.bodies.items())[:1]), 64)
        if drawn:
            icon = png_of(next(iter(drawn.values())))
        if len(text) > MOST_CHARACTERS and self._settings.public_url:
            link = await self._share(text)
        return message_of(typed, text, link=link, pictured=icon is not None), icon

    async def _share(self, text: str) -> str:
        key = secrets.token_urlsafe(32)
        await queries("chat").share(
            self._pool,
            key_sha256=hashlib.sha256(key.encode()).digest(),
            content_type="text/plain",
            body=text.encode(),
            lasts_s=self._settings.share_s,
        )
        return f"{self._settings.public_url.rstrip('/')}/discord/shared/{key}"

    async def _send(
        self, session: aiohttp.ClientSession, request: Any, message: dict[str, Any], icon: bytes | None
    ) -> float | None:
        """Send the answer; None when that is settled, or the seconds until the next try."""
        interaction, settings = request["interaction"], self._settings
        if "token" in interaction and request["age_s"] < REPLY_S:
            webhook = f"{settings.api_url}/webhooks/{settings.application_id}/{interaction['token']}"
            url = f"{webhook}/messages/@original"
            status, wait_s = await _call(session, "PATCH", url, message, icon, {})
            if status not in _GONE:
                return await self._settled(request, status, wait_s)
        if not settings.bot_token or "channel_id" not in interaction:
            await queries("chat").give_up(
                self._pool, id=request["id"], why="too late for a reply, and no bot token for the channel"
            )
            return None
        # The nonce makes Discord accept the same message only once.
        late = message | {"nonce": f"samelook-{request['id']}"[:25], "enforce_nonce": True}
        url = f"{settings.api_url}/channels/{interaction['channel_id']}/messages"
        status, wait_s = await _call(
            session, "POST", url, late, icon, {"Authorization": f"Bot {settings.bot_token}"}
        )
        return await self._settled(request, status, wait_s)

    async def _settled(self, request: Any, status: int, wait_s: float | None) -> float | None:
        if status < 300:  # noqa: PLR2004
            await queries("chat").answered(self._pool, id=request["id"])
            return None
        if status == _TOO_MANY or status >= 500:  # noqa: PLR2004
            return wait_s if wait_s is not None else min(2.0 ** request["tries"], LONGEST_WAIT_S)
        log.error("chat.refused", status=status)
        await queries("chat").give_up(self._pool, id=request["id"], why=f"Discord answered {status}")
        return None


async def _call(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    message: dict[str, Any],
    icon: bytes | None,
    headers: dict[str, str],
) -> tuple[int, float | None]:
    """The status, and how long Discord asks to wait."""
    form = aiohttp.FormData()
    form.add_field("payload_json", json.dumps(message), content_type="application/json")
    if icon is not None:
        form.add_field("files[0]", icon, filename="icon.png", content_type="image/png")
    async with session.request(method, url, data=form, headers=headers, allow_redirects=False) as response:
        try:
            wait_s = float(response.headers.get("Retry-After", ""))
        except ValueError:
            wait_s = None
        return response.status, wait_s


DESK: web.AppKey[ChatDesk] = web.AppKey("chat_desk")


def add_chat(app: web.Application, desk: Callable[[web.Application], ChatDesk]) -> None:
    """Make an application answer Discord at /discord/interactions, and serve long answers.

    `desk` builds the desk when the application starts, after the resources that it needs.
    """

    async def running(application: web.Application) -> AsyncIterator[None]:
        application[DESK] = desk(application)
        answering = asyncio.create_task(application[DESK].answer_for_ever(), name="chat")
        yield
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)

    app.cleanup_ctx.append(running)
    app.router.add_post("/discord/interactions", interactions)
    app.router.add_get("/discord/shared/{key}", shared_output)


async def interactions(request: web.Request) -> web.Response:
    """Discord's request, answered within its three seconds; 401 when it is not Discord's."""
    body = await request.content.read(LARGEST_BODY + 1)
    while len(body) <= LARGEST_BODY and (more := await request.content.read(LARGEST_BODY)):
        body += more
    if len(body) > LARGEST_BODY:
        return web.json_response({"message": "The request is too large."}, status=413)
    try:
        answer = await request.app[DESK].receive(
            request.headers.get("X-Signature-Ed25519", ""),
            request.headers.get("X-Signature-Timestamp", ""),
            body,
        )
    except Forged as error:
        return web.json_response({"message": error.message}, status=401)
    return web.json_response(answer)


async def shared_output(request: web.Request) -> web.Response:
    """A long answer; whoever has the link may read it until it expires."""
    found = await request.app[DESK].shared(request.match_info["key"])
    headers = {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
        "Content-Security-Policy": "default-src 'none'",
    }
    if found is None:
        return web.json_response(
            {"message": "There is nothing here, or no more."}, status=404, headers=headers
        )
    content_type, body = found
    return web.Response(body=body, content_type=content_type, charset="utf-8", headers=headers)
