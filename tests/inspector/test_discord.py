"""The Discord bot over HTTP: signed requests in, answers out to a stand-in of Discord's REST API."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
import psutil
import pytest
from aiohttp import web
from nacl.signing import SigningKey
from PIL import Image
from typer.testing import CliRunner

from samelook.commands.discord import app as discord_app
from samelook.hashing.sandbox import Sandbox
from samelook.inspector.chat import ChatDesk, add_chat
from samelook.inspector.discord import COMMANDS, REPLAY_WINDOW_S, definitions
from samelook.inspector.settings import ChatSettings
from samelook.sql.pool import Pool
from samelook.sql.settings import DatabaseSettings
from tests.fixtures.waiting import until

KEY = SigningKey.generate()


@dataclass
class Discord:
    """What a stand-in of Discord was sent, and how it answers."""

    url: str = ""
    messages: list[tuple[str, str, dict[str, Any], bytes | None]] = field(default_factory=list)
    """Method, path, payload and icon of each message that was taken."""
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Statuses and headers for the next requests; then it takes everything."""
    replies_known: bool = True
    definitions: Any = None
    authorization: str | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        form = await request.post()
        if self.refusals:
            status, headers = self.refusals.pop(0)
            return web.json_response({"message": "no"}, status=status, headers=headers)
        if request.method == "PATCH" and not self.replies_known:
            return web.json_response({"message": "Unknown Webhook", "code": 10015}, status=404)
        written = form["payload_json"]
        assert isinstance(written, str | bytes | bytearray)
        payload = json.loads(written)
        icon = form.get("files[0]")
        data = icon.file.read() if isinstance(icon, web.FileField) else None
        self.authorization = request.headers.get("Authorization")
        self.messages.append((request.method, request.path, payload, data))
        self.arrived.set()
        return web.json_response({"id": "1"})

    async def define(self, request: web.Request) -> web.Response:
        self.authorization = request.headers.get("Authorization")
        if self.authorization != "Bot secret":
            return web.json_response({"message": "401: Unauthorized"}, status=401)
        self.definitions = (request.path, await request.json())
        return web.json_response([])


async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def discord() -> AsyncIterator[Discord]:
    stand_in = Discord()
    app = web.Application()
    app.router.add_patch("/webhooks/{tail:.*}", stand_in.take)
    app.router.add_post("/channels/{tail:.*}", stand_in.take)
    app.router.add_put("/applications/{tail:.*}", stand_in.define)
    async for url in served(app):
        stand_in.url = url
        yield stand_in


@pytest.fixture
async def service(crawled_url: str, crawled_pool: Pool, discord: Discord) -> AsyncIterator[str]:
    """The URL of a service that answers Discord; long answers are linked to it."""
    app = web.Application()
    async with Sandbox(workers=1) as sandbox:

        def desk(_: web.Application) -> ChatDesk:
            settings = ChatSettings(
                public_key=KEY.verify_key.encode().hex(),
                application_id="77",
                bot_token="secret",
                public_url="https://samelook.example",
                api_url=discord.url,
            )
            return ChatDesk(crawled_pool, DatabaseSettings(url=crawled_url), sandbox, settings)

        add_chat(app, desk)
        async for url in served(app):
            yield url


Send = Callable[..., Awaitable[tuple[int, Any]]]


def question(name: str, **options: Any) -> dict[str, Any]:
    asked = {"name": name, "options": [{"name": key, "value": value} for key, value in options.items()]}
    return {"type": 2, "token": "tok", "channel_id": "5", "data": {"name": "samelook", "options": [asked]}}


def signed(body: bytes, *, at: float | None = None, key: SigningKey = KEY) -> dict[str, str]:
    timestamp = str(int(time.time() if at is None else at))
    signature = key.sign(timestamp.encode() + body).signature.hex()
    return {"X-Signature-Ed25519": signature, "X-Signature-Timestamp": timestamp}


async def post(service: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{service}/discord/interactions", data=body, headers=headers) as response,
    ):
        return response.status, await response.json()


async def answered(service: str, discord: Discord, asked: dict[str, Any]) -> dict[str, Any]:
    discord.arrived.clear()
    body = json.dumps(asked | {"id": str(time.monotonic_ns())}).encode()
    assert await post(service, body, signed(body)) == (200, {"type": 5})
    async with asyncio.timeout(20):
        await discord.arrived.wait()
    embed: dict[str, Any] = discord.messages[-1][2]["embeds"][0]
    return embed


async def test_a_ping_is_answered_at_once(service: str) -> None:
    body = b'{"type": 1}'
    assert await post(service, body, signed(body)) == (200, {"type": 1})


async def test_forged_and_replayed_requests_get_401(
    service: str, discord: Discord, crawled_pool: Pool
) -> None:
    body = json.dumps(question("health")).encode()
    good = signed(body)
    wrong = [
        {},
        signed(body, key=SigningKey.generate()),
        signed(body + b" "),
        signed(body, at=time.time() - REPLAY_WINDOW_S - 60),
        signed(body, at=time.time() + REPLAY_WINDOW_S + 60),
        good | {"X-Signature-Timestamp": str(int(good["X-Signature-Timestamp"]) + 1)},
        good | {"X-Signature-Timestamp": "now"},
        good | {"X-Signature-Ed25519": "zz"},
        good | {"X-Signature-Ed25519": "00" * 64},
    ]
    for headers in wrong:
        assert (await post(service, body, headers))[0] == 401, headers
    assert await crawled_pool.fetchval("SELECT count(*) FROM chat_requests") == 0
    assert (await post(service, body, good))[0] == 200
    assert (await post(service, body, good))[0] == 401
    async with asyncio.timeout(20):
        await discord.arrived.wait()
    # Also when it has been answered long since.
    assert (await post(service, body, good))[0] == 401
    assert len(discord.messages) == 1
    junk = b"[1]"
    assert (await post(service, junk, signed(junk)))[0] == 401
    assert (await post(service, b" " * 70_000, good))[0] == 413


async def test_each_command_is_answered_with_an_embed(service: str, discord: Discord) -> None:
    sha256 = "04f4d1e1c87b65b1"
    for asked, says in (
        (question("site", domain="norrbank-login.example"), "norrbank.example"),
        (question("overlaps", min_sites=3), "lumora.example"),
        (question("errors", phase="icons", kind="timeout"), "dripping-tap.example"),
        (question("queue"), "stopped"),
        (question("health"), "nothing is injected"),
        (question("look", hash="ff8880a5a15ade47", signal="phash"), "lumora.example"),
        (question("site", domain="nowhere.example"), "No domain nowhere.example"),
        (question("look", hash=sha256), "no file here"),
        (question("nonsense"), "not known here"),
    ):
        embed = await answered(service, discord, asked)
        assert says in embed["description"], embed
        assert len(embed["description"]) <= 4096
        assert discord.messages[-1][2]["allowed_mentions"] == {"parse": []}
        assert discord.messages[-1][:2] == ("PATCH", "/webhooks/77/tok/messages/@original")
    assert {"site", "look", "overlaps", "errors", "queue", "health"} == COMMANDS.keys()


async def test_the_icon_comes_as_pixels_of_our_own(service: str, discord: Discord) -> None:
    embed = await answered(service, discord, question("site", domain="norrbank-login.example"))
    assert embed["thumbnail"] == {"url": "attachment://icon.png"}
    icon = discord.messages[-1][3]
    assert icon is not None
    assert Image.open(io.BytesIO(icon)).format == "PNG"


async def test_a_long_answer_is_shared_by_a_link_that_expires(
    service: str, discord: Discord, crawled_pool: Pool
) -> None:
    embed = await answered(service, discord, question("site", domain="lumora.example"))
    link = embed["description"].rpartition(" ")[2]
    assert link.startswith("https://samelook.example/discord/shared/")
    key = link.rpartition("/")[2]
    assert len(key) >= 40
    stored = await crawled_pool.fetchrow("SELECT key_sha256, body FROM shared_outputs")
    assert stored is not None
    assert key.encode() not in bytes(stored["key_sha256"]) + stored["body"]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{service}/discord/shared/{key}") as response:
            text = await response.text()
            assert response.status == 200
            assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "xn--lumor-8ve.example" in text
        await crawled_pool.execute("UPDATE shared_outputs SET expires_at = now()")
        for tail in (key, "x" * 43):
            async with session.get(f"{service}/discord/shared/{tail}") as response:
                assert response.status == 404


async def test_an_outage_of_discord_loses_nothing(service: str, discord: Discord, crawled_pool: Pool) -> None:
    discord.refusals = [(503, {}), (500, {}), (429, {"Retry-After": "0.2"})]

    async def hasten() -> None:
        while True:
            await crawled_pool.execute("UPDATE chat_requests SET try_at = now() WHERE tries < 3")
            await asyncio.sleep(0.2)

    hurry = asyncio.create_task(hasten())
    embed = await answered(service, discord, question("health"))
    hurry.cancel()
    assert "healthy" in embed["description"]
    await until(lambda: crawled_pool.fetchval("SELECT answered_at IS NOT NULL FROM chat_requests"))
    row = await crawled_pool.fetchrow("SELECT tries, interaction, gave_up FROM chat_requests")
    assert row is not None
    assert tuple(row) == (4, None, None)
    assert len(discord.messages) == 1


async def test_an_answer_that_is_too_late_for_a_reply_goes_to_the_channel(
    service: str, discord: Discord
) -> None:
    discord.replies_known = False
    await answered(service, discord, question("queue"))
    assert discord.messages[-1][:2] == ("POST", "/channels/5/messages")
    assert discord.authorization == "Bot secret"
    assert discord.messages[-1][2]["enforce_nonce"] is True


async def test_a_channel_is_told_once_of_each_scheduled_run_in_trouble(discord: Discord, pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO crawl_runs (kind, what, every_s, due_at, next_at, host, pid, started_at, finished_at,"
        " outcome, message) VALUES"
        " ('crawl', 'domains icons hashes', 21600, now(), now() + interval '6 hours', 'box', 1, now(), now(),"
        "  'failed', 'the disk is full'),"
        " ('import', 'tranco', 86400, now() - interval '2 days', now() - interval '1 day', 'box', 2,"
        "  now() - interval '2 days', now() - interval '2 days', 'done', ''),"
        " ('crawl', 'icons', NULL, NULL, NULL, 'box', 3, now(), now(), 'failed', 'by hand: nobody is told')"
    )
    settings = ChatSettings(
        public_key="00" * 32, application_id="77", bot_token="secret", channel="99", api_url=discord.url
    )
    for _ in range(3):
        # Two processes look at the same moment, again and again.
        desks = [ChatDesk(pool, DatabaseSettings(), cast("Sandbox", None), settings) for _ in range(2)]
        await asyncio.gather(*(desk.tell_of_runs() for desk in desks))
        async with aiohttp.ClientSession() as session:
            while await desks[0].answer_one(session):
                pass
    texts = sorted(payload["embeds"][0]["description"] for _, _, payload, _ in discord.messages)
    assert {(method, path) for method, path, _, _ in discord.messages} == {("POST", "/channels/99/messages")}
    assert len(texts) == 2
    assert "crawl domains icons hashes failed: the disk is full" in texts[0]
    assert "import tranco missed its time, by 1 day" in texts[1]


async def test_register_sends_the_definitions(discord: Discord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMELOOK_DISCORD_API_URL", discord.url)
    monkeypatch.setenv("SAMELOOK_DISCORD_TOKEN", "secret")
    command = ["register", "--application-id", "77", "--guild", "9"]
    result = await asyncio.to_thread(CliRunner().invoke, discord_app, command)
    assert result.exit_code == 0, result.output
    assert discord.definitions == ("/applications/77/guilds/9/commands", definitions())
    monkeypatch.setenv("SAMELOOK_DISCORD_TOKEN", "wrong")
    refused = await asyncio.to_thread(CliRunner().invoke, discord_app, command)
    assert refused.exit_code == 1
    assert "401" in refused.output
    assert "wrong" not in refused.output


@asynccontextmanager
async def samelook_serve(database_url: str, discord_url: str) -> AsyncIterator[tuple[str, Any]]:
    """`samelook serve` as an operator starts it: its URL and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "samelook",
        "serve",
        env={
            **os.environ,
            "SAMELOOK_DATABASE_URL": database_url,
            "SAMELOOK_PORT": str(port),
            "SAMELOOK_ROLES": "curator",
            "SAMELOOK_DISCORD_PUBLIC_KEY": KEY.verify_key.encode().hex(),
            "SAMELOOK_DISCORD_APPLICATION_ID": "77",
            "SAMELOOK_DISCORD_TOKEN": "secret",
            "SAMELOOK_DISCORD_API_URL": discord_url,
            "SAMELOOK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            while True:
                assert process.returncode is None
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    async with session.get(f"{url}/status/live") as response:
                        if response.status == 200:
                            break
                await asyncio.sleep(0.05)
        yield url, process
    finally:
        if process.returncode is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
        await process.wait()


async def test_the_served_bot_outlives_an_outage_and_its_own_death(
    crawled_url: str, crawled_pool: Pool, discord: Discord
) -> None:
    body = json.dumps(question("site", domain="lumora.example") | {"id": "1"}).encode()
    headers = signed(body)
    discord.refusals = [(503, {})] * 1_000
    async with samelook_serve(crawled_url, discord.url) as (service, _):
        assert (await post(service, body, signed(body, key=SigningKey.generate())))[0] == 401
        assert await post(service, body, headers) == (200, {"type": 5})
        async with asyncio.timeout(30):
            while len(discord.refusals) == 1_000:
                await asyncio.sleep(0.05)
    # The process was killed while Discord was away. Another one answers when Discord is back.
    assert discord.messages == []
    discord.refusals = []
    async with samelook_serve(crawled_url, discord.url) as (service, _):
        assert (await post(service, body, headers))[0] == 401
        await crawled_pool.execute("UPDATE chat_requests SET try_at = now()")
        async with asyncio.timeout(30):
            await discord.arrived.wait()
        ((method, path, payload, _),) = discord.messages
        assert (method, path) == ("PATCH", "/webhooks/77/tok/messages/@original")
        link = payload["embeds"][0]["description"].rpartition(" ")[2]
        async with aiohttp.ClientSession() as session:
            link = f"{service}/discord/shared/{link.rpartition('/')[2]}"
            async with session.get(link) as response:
                assert response.status == 200
                assert "xn--lumor-8ve.example" in await response.text()
            async with session.get(link[:-1]) as response:
                assert response.status == 404
