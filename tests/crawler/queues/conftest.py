"""Message services for tests: moto's SQS server, Google's emulator of Pub/Sub, and a stand-in for it.

Whole crawls use the emulator where it is installed (package google-cloud-cli-pubsub-emulator, with Java),
and the stand-in elsewhere; refusals, and what only a server can tell, are tried on the stand-in everywhere.
It follows the reference of projects.topics and projects.subscriptions (v1) in what the crawl uses of it:
acknowledgement ids are of one delivery, deadlines pass, modifyAckDeadline of zero gives back, and what is
not there is not found. And it is as unkind as the emulator: a pull that waits goes on when whoever asked
is gone, and takes messages with it.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import logging
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from samelook.crawler.queues.message_queue import MessageService
from samelook.crawler.queues.pubsub import open_pubsub
from samelook.crawler.queues.settings import QueueSettings
from samelook.crawler.queues.sqs import open_sqs
from tests.fixtures.waiting import wait_until

CHOICES = QueueSettings(prefix="test", wait_s=0.1)


@dataclass
class Held:
    """One message of a subscription."""

    id: str
    data: str
    visible_at: float = 0.0
    ack_id: str = ""


@dataclass
class PubsubServer:
    """Pub/Sub's REST interface, as far as a queue needs it."""

    port: int = 0
    topics: set[str] = field(default_factory=set)
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, list[Held]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    fail_with: int | None = None
    """Answer everything with this status."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def error(self, status: int, reason: str) -> web.Response:
        return web.json_response({"error": {"code": status, "message": reason}}, status=status)

    async def answer(self, request: web.Request) -> web.Response:  # noqa: PLR0911 - one a verb
        path, _, verb = request.match_info["path"].partition(":")
        self.requests.append((request.method, request.match_info["path"]))
        if self.fail_with is not None:
            return self.error(self.fail_with, "out of order")
        kind = path.split("/")[2]
        body = await request.json() if request.can_read_body else {}
        if request.method == "PUT":
            return self.create(kind, path, body)
        if request.method == "GET":
            found = path in self.topics if kind == "topics" else path in self.subscriptions
            return web.json_response({"name": path}) if found else self.error(404, "Resource not found")
        if kind == "topics" and verb == "publish":
            return self.publish(path, body)
        if path not in self.subscriptions:
            return self.error(404, "Resource not found")
        if verb == "pull":
            return await self.pull(path, body["maxMessages"], wait=not body.get("returnImmediately"))
        now = time.monotonic()
        for held in tuple(self.messages[path]):
            # An id whose deadline has passed counts for nothing.
            if held.ack_id in body["ackIds"] and held.visible_at > now:
                if verb == "acknowledge":
                    self.messages[path].remove(held)
                else:
                    held.visible_at = now + body["ackDeadlineSeconds"]
        return web.json_response({})

    def create(self, kind: str, path: str, body: dict[str, Any]) -> web.Response:
        if path in self.topics or path in self.subscriptions:
            return self.error(409, "Resource already exists")
        if kind == "topics":
            self.topics.add(path)
        else:
            if body["topic"] not in self.topics:
                return self.error(404, "Resource not found")
            if not 10 <= body["ackDeadlineSeconds"] <= 600:
                return self.error(400, "Invalid ack deadline given")
            self.subscriptions[path] = body
            self.messages[path] = []
        return web.json_response({"name": path} | body)

    def publish(self, path: str, body: dict[str, Any]) -> web.Response:
        if path not in self.topics:
            return self.error(404, "Resource not found")
        ids = []
        for message in body["messages"]:
            ids.append(str(next(self._numbers)))
            # Protocol buffers' JSON takes both alphabets, and gives the standard one.
            data = base64.b64decode(message["data"].translate({45: 43, 95: 47}), validate=True)
            for subscription, about in self.subscriptions.items():
                if about["topic"] == path:
                    self.messages[subscription].append(Held(ids[-1], base64.b64encode(data).decode()))
        return web.json_response({"messageIds": ids})

    async def pull(self, path: str, most: int, *, wait: bool) -> web.Response:
        found: list[Held] = []
        for _ in range(400):
            now = time.monotonic()
            found = [held for held in self.messages[path] if held.visible_at <= now][:most]
            if found or not wait:
                break
            await asyncio.sleep(0.05)
        received = []
        for held in found:
            held.visible_at = time.monotonic() + self.subscriptions[path]["ackDeadlineSeconds"]
            held.ack_id = f"ack-{held.id}-{next(self._numbers)}"
            received.append(
                {
                    "ackId": held.ack_id,
                    "message": {
                        "data": held.data,
                        "messageId": held.id,
                        "publishTime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                    },
                }
            )
        return web.json_response({"receivedMessages": received} if received else {})


@pytest.fixture
async def pubsub_server() -> AsyncIterator[PubsubServer]:
    server = PubsubServer()
    app = web.Application(client_max_size=20_000_000)
    app.router.add_route("*", "/v1/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """moto's SQS, over HTTP."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def sqs_endpoint(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """moto's SQS with nothing in it, and credentials that it takes."""
    import urllib.request

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    request = urllib.request.Request(f"{moto_endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(request, timeout=10).close()
    return moto_endpoint


Opener = Callable[[QueueSettings], Any]
EMULATOR = Path("/usr/lib/google-cloud-sdk/platform/pubsub-emulator/lib")


@pytest.fixture(scope="session")
def pubsub_emulator() -> Iterator[str | None]:
    """Google's emulator, where it is installed."""
    jar = next(EMULATOR.glob("cloud-pubsub-emulator-*-all.jar"), None)
    java = shutil.which("java")
    if jar is None or java is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [java, "-Xmx256m", "-jar", str(jar), "--host=127.0.0.1", f"--port={port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: _listens(port), 60)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(params=["sqs", "pubsub"])
def open_service(
    request: pytest.FixtureRequest,
    sqs_endpoint: str,
    pubsub_server: PubsubServer,
    pubsub_emulator: str | None,
) -> Opener:
    """Opens a message service with the given choices: every test runs on each."""
    if request.param == "sqs":
        return lambda choices: open_sqs(
            replace(choices, sqs_region="eu-central-1", sqs_endpoint=sqs_endpoint)
        )
    if pubsub_emulator is None or "visible_at" in request.fixturenames:
        where = replace(CHOICES, pubsub_project="test", pubsub_endpoint=pubsub_server.endpoint)
    else:
        # It forgets nothing between tests, so each has a project of its own.
        project = f"test-{uuid.uuid4().hex[:12]}"
        where = replace(CHOICES, pubsub_project=project, pubsub_endpoint=pubsub_emulator)
    return lambda choices: open_pubsub(
        replace(choices, pubsub_project=where.pubsub_project, pubsub_endpoint=where.pubsub_endpoint)
    )


@pytest.fixture
async def service(open_service: Opener) -> AsyncIterator[MessageService]:
    async with open_service(CHOICES) as opened:
        yield opened


@pytest.fixture
def visible_at(request: pytest.FixtureRequest, pubsub_server: PubsubServer) -> Callable[[str], list[float]]:
    """When each message of a queue is delivered next, in the service's own seconds."""

    def of_sqs(name: str) -> list[float]:
        from moto.backends import get_backend

        queue = get_backend("sqs")["123456789012"]["eu-central-1"].queues[f"test-{name}"]
        gone: Any = queue.deleted_messages
        return [message.visible_at for message in queue._messages if message.id not in gone]

    def of_pubsub(name: str) -> list[float]:
        return [
            held.visible_at for held in pubsub_server.messages[f"projects/test/subscriptions/test-{name}"]
        ]

    return of_sqs if request.node.callspec.params["open_service"] == "sqs" else of_pubsub
