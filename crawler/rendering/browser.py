"""One Chromium process and the debugger's protocol on the socket that it shares with us."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from typing import Any, Self

from samelook.crawler.errors import CrawlError
from samelook.crawler.rendering.launch import CANNOT_CONFINE

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run",
    "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
    "--disable-default-apps", "--disable-extensions", "--disable-sync", "--disable-breakpad", "--mute-audio",
    "--disable-features=HttpsUpgrades,Translate,MediaRouter,OptimizationHints",
    # A second wall behind that of the namespace: no name resolves, and no address is asked directly.
    "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=http://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>", "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--js-flags=--max-old-space-size=256",
)  # fmt: skip
_MOST_MESSAGE_BYTES = 32 << 20
_STARTING_S = 30.0
_ENDING_S = 5.0

Event = dict[str, Any]


class RenderingFailed(CrawlError):
    """A page could not be drawn by Chromium, or Chromium cannot be started."""

    kind = "rendering_failed"


def installed_chromium(path: str = "") -> str | None:
    """The absolute path of the Chromium at `path`, or of one that is installed."""
    found = [shutil.which(name) for name in ((path,) if path else _NAMES)]
    return next((os.path.abspath(each) for each in found if each), None)  # noqa: PTH100 - a text for execv


class Browser:
    """A running Chromium; use it as an async context manager. It ends with what started it."""

    def __init__(self, chromium: str) -> None:
        self._chromium = chromium
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._listeners: dict[str, Callable[[Event], None]] = {}
        self.pages = 0
        """How many pages it drew."""

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            # Removed when Chromium has ended, which may still write to it.
            profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            ours, theirs = socket.socketpair()
            # Chromium has a sandbox of its own, which cannot be had as root.
            as_root = ["--no-sandbox"] if os.getuid() == 0 else []
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "samelook.crawler.rendering.launch", str(theirs.fileno())),
                    *(self._chromium, *_FLAGS, *as_root, f"--user-data-dir={profile}", "about:blank"),
                    pass_fds=[theirs.fileno()],
                    env={"HOME": profile, "PATH": os.defpath, "LANG": "C.UTF-8"},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                    start_new_session=True,
                )
            stack.push_async_callback(self._end)
            ours.settimeout(0)
            self._reader, self._writer = await asyncio.open_connection(sock=ours, limit=_MOST_MESSAGE_BYTES)
            self._reading = asyncio.create_task(self._read())
            stack.callback(self._reading.cancel)
            async with asyncio.timeout(_STARTING_S):
                await self.call("Browser.getVersion")
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def is_running(self) -> bool:
        """Whether it can still be asked."""
        return self._process.returncode is None and not self._reading.done()

    async def call(self, method: str, session: str | None = None, **parameters: object) -> dict[str, Any]:
        """The answer to a command of the protocol. Raises RenderingFailed."""
        if self._reading.done():
            raise self._ended()
        self._number += 1
        number = self._number
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        try:
            self._writer.write(json.dumps(message).encode() + b"\0")
            await self._writer.drain()
            return await answer
        except ConnectionError as error:
            raise self._ended() from error
        finally:
            self._answers.pop(number, None)

    def listen(self, session: str, listener: Callable[[Event], None]) -> None:
        """Hands the events of a session to `listener`."""
        self._listeners[session] = listener

    def forget(self, session: str) -> None:
        """Ends that."""
        self._listeners.pop(session, None)

    async def _read(self) -> None:
        try:
            while True:
                message = json.loads((await self._reader.readuntil(b"\0"))[:-1])
                if waiting := self._answers.get(message.get("id")):
                    if waiting.done():
                        continue
                    if "error" in message:
                        waiting.set_exception(RenderingFailed(f"Chromium: {message['error'].get('message')}"))
                    else:
                        waiting.set_result(message.get("result", {}))
                elif listener := self._listeners.get(message.get("sessionId", "")):
                    listener(message)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _ENDING_S)
            for waiting in self._answers.values():
                if not waiting.done():
                    waiting.set_exception(self._ended())

    def _ended(self) -> RenderingFailed:
        status = self._process.returncode
        if status == CANNOT_CONFINE:
            return RenderingFailed("This system does not let a process give up the network.", status=status)
        return RenderingFailed("Chromium has ended.", status=status)

    async def _end(self) -> None:
        if hasattr(self, "_writer"):
            self._writer.close()
        with contextlib.suppress(ProcessLookupError):
            # The whole session: Chromium is many processes.
            os.killpg(self._process.pid, 9)
        await self._process.wait()
