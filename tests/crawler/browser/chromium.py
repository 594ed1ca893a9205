"""What Chromium shows in the tab: it visits pages without a window, and its own database of icons is read."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

AT_ONCE = 8
LONGEST_S = 30.0
"""How long a tab waits for an icon that should come."""
NO_ICON_S = 3.0
"""How long one stays open in which none should. There is no event for "no icon will come"."""
SETTLING_S = 0.3
"""How long one stays open that shows an icon, for another to take its place."""
_LOOKING_S = 0.1
_TAB_ICON = 1


def installed() -> str | None:
    """The path of Chromium, where there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    """A browser for which every name leads to one port of this machine."""

    def __init__(self, profile: Path, port: int) -> None:
        self._profile = profile
        self._port = port
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            installed() or "chromium",
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
            *("--disable-background-networking", "--disable-component-update", "--ignore-certificate-errors"),
            "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
            f"--host-resolver-rules=MAP * 127.0.0.1:{self._port}",
            *("--remote-debugging-port=0", f"--user-data-dir={self._profile}", "about:blank"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        port, path = await self._address()
        self._http = aiohttp.ClientSession()
        self._debugging = f"127.0.0.1:{port}"
        self._socket = await self._http.ws_connect(f"ws://{self._debugging}{path}", max_msg_size=0)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(TimeoutError):
            await self._call("Browser.close")
        try:
            async with asyncio.timeout(15):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
        self._reading.cancel()
        await self._http.close()

    async def _address(self) -> tuple[str, str]:
        found = self._profile / "DevToolsActivePort"
        async with asyncio.timeout(30):
            while not found.exists() or found.read_text().count("\n") < 1:
                await asyncio.sleep(0.1)
        port, path, *_ = found.read_text().split("\n")
        return port, path

    async def _read(self) -> None:
        async for message in self._socket:
            answer = json.loads(message.data)
            if waiting := self._answers.pop(answer.get("id"), None):
                waiting.set_result(answer.get("result", {}))

    async def _call(self, method: str, session: str | None = None, **parameters: object) -> dict[str, Any]:
        number = len(self._answers) + 1
        while number in self._answers:
            number += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        to = {"sessionId": session} if session else {}
        await self._socket.send_json({"id": number, "method": method, "params": parameters} | to)
        async with asyncio.timeout(30):
            return await answer

    async def visit(self, urls: Mapping[str, bool]) -> None:
        """Open each page in a tab for a while; by URL, whether an icon is waited for."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(url: str) -> None:
            async with slots:
                tab = (await self._call("Target.createTarget", url="about:blank"))["targetId"]
                attached = await self._call("Target.attachToTarget", targetId=tab, flatten=True)
                with suppress(TimeoutError):
                    await self._call("Page.navigate", attached["sessionId"], url=url)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST_S if urls[url] else NO_ICON_S):
                        while not await self._has_icon(tab):
                            await asyncio.sleep(_LOOKING_S)
                await asyncio.sleep(SETTLING_S)
                await self._call("Target.closeTarget", targetId=tab)

        await asyncio.gather(*map(one, urls))

    async def _has_icon(self, tab: str) -> bool:
        async with self._http.get(f"http://{self._debugging}/json/list") as answer:
            tabs = await answer.json(content_type=None)
        return any(found["id"] == tab and found.get("faviconUrl") for found in tabs)

    def shown(self) -> dict[str, str]:
        """By the first label of a host, the path (or `data:` URL) of the icon of its start page.

        To be read when the browser has ended.
        """
        with sqlite3.connect(self._profile / "Default" / "Favicons") as database:
            rows = database.execute(
                "SELECT m.page_url, f.url FROM icon_mapping AS m JOIN favicons AS f ON f.id = m.icon_id"
                " WHERE f.icon_type = ?",
                (_TAB_ICON,),
            ).fetchall()
        found: dict[str, str] = {}
        for page, icon in rows:
            parts = urlsplit(icon)
            path = icon if parts.scheme == "data" else parts.path + (f"?{parts.query}" if parts.query else "")
            found[(urlsplit(page).hostname or "").partition(".")[0]] = path
        return found
