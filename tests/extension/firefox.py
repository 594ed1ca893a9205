"""Firefox with the extension, by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/) and no driver."""

from __future__ import annotations

import asyncio
import json
import os
import re
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.extension.stage import PATIENCE_S, Stage

START_S = 90.0
_LISTENS = re.compile(r"ws://127\.0\.0\.1:\d+")


@dataclass
class Firefox:
    """A running browser; `tree` and `type_into` see what its user sees."""

    socket: aiohttp.ClientWebSocketResponse
    numbers: Any

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self.numbers)
        await self.socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await self.socket.receive_json()
                if answer.get("id") == number:
                    assert answer["type"] == "success", answer
                    return dict(answer["result"])

    async def open(self, host: str, path: str = "/") -> str:
        """A tab that goes to a host; its context."""
        tab = str((await self.command("browsingContext.create", type="tab"))["context"])
        await self.command("browsingContext.navigate", context=tab, url=f"http://{host}{path}", wait="none")
        return tab

    async def urls(self) -> list[str]:
        """What the tabs show."""
        tree = await self.command("browsingContext.getTree", maxDepth=0)
        return [str(context["url"]) for context in tree["contexts"]]

    async def is_locked(self, host: str) -> bool:
        """Whether a tab shows the lock page for a host, and none shows the host."""
        urls = await self.urls()
        locked = any(url.startswith("moz-extension://") and f"lock.html?site={host}" in url for url in urls)
        return locked and not any(f"//{host}/" in url for url in urls)

    async def value_after_typing(self, tab: str, text: str) -> str:
        """What stands in the page's first field after somebody has typed into it."""
        where = {"context": tab}
        await self._run(where, "() => document.querySelector('input').focus()")
        keys = [action for key in text for action in (_key("keyDown", key), _key("keyUp", key))]
        actions = [{"type": "key", "id": "keys", "actions": keys}]
        await self.command("input.performActions", context=tab, actions=actions)
        return str(await self._run(where, "() => document.querySelector('input').value"))

    async def has_field(self, tab: str) -> bool:
        return bool(await self._run({"context": tab}, "() => document.querySelector('input') !== null"))

    async def _run(self, where: dict[str, str], function: str) -> Any:
        done = await self.command(
            "script.callFunction", functionDeclaration=function, target=where, awaitPromise=True
        )
        assert done["type"] == "success", done
        return done["result"].get("value")


def _key(kind: str, value: str) -> dict[str, str]:
    return {"type": kind, "value": value}


@asynccontextmanager
async def running_firefox(program: str, archive: Path, stage: Stage, folder: Path) -> AsyncIterator[Firefox]:
    """Firefox with the packed extension, whose server is the stage's; every host is the sample web."""
    extension, profile = folder / "extension", folder / "profile"
    profile.mkdir()
    _unpack(archive, extension, stage.server)
    (profile / "user.js").write_text(_preferences(stage.web_port))
    process = await asyncio.create_subprocess_exec(
        program,
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        "--remote-debugging-port=0",
        env={**os.environ, "HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        address = await _address_of(process)
        drained = asyncio.create_task(_drained(process))
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{address}/session", max_msg_size=0) as socket,
        ):
            firefox = Firefox(socket, count(1))
            await firefox.command("session.new", capabilities={})
            await firefox.command(
                "webExtension.install", extensionData={"type": "path", "path": str(extension)}
            )
            yield firefox
        drained.cancel()
    finally:
        process.kill()
        await process.wait()


async def _address_of(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(START_S):
        async for line in process.stderr:
            found = _LISTENS.search(line.decode(errors="replace"))
            if found:
                return found[0]
    raise AssertionError("Firefox ended before it listened")


async def _drained(process: asyncio.subprocess.Process) -> None:
    """What Firefox writes is read, so that it never waits for a reader."""
    assert process.stderr is not None
    while await process.stderr.read(65_536):
        pass


def _unpack(archive: Path, folder: Path, server: str) -> None:
    """The packed files; the server of its default settings is this one, since no driver opens its options."""
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    state = folder / "lib/state.js"
    text = state.read_text()
    assert text.count("http://127.0.0.1:5100") == 1
    state.write_text(text.replace("http://127.0.0.1:5100", server))


def _preferences(web_port: int) -> str:
    wanted = {
        # All hosts are the sample web, which answers as a proxy does; loopback is reached directly.
        "network.proxy.type": 1,
        "network.proxy.http": "127.0.0.1",
        "network.proxy.http_port": web_port,
        "network.proxy.no_proxies_on": "127.0.0.1",
        "dom.security.https_first": False,
        "app.update.auto": False,
        "app.normandy.enabled": False,
        "datareporting.policy.dataSubmissionEnabled": False,
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
        "services.settings.server": "http://127.0.0.1:9",
    }
    return "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in wanted.items())
