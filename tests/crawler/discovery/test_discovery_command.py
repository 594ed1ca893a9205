"""`samelook icons` as a user runs it: a process of its own, mapped to a local server."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

if TYPE_CHECKING:

    class HostsServer(Protocol):
        resolve: str

        def add(self, host: str, path: str, body: bytes | str = b"", *, status: int = 200) -> None: ...


def png(size: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (size, size), "green").save(out, "PNG")
    return out.getvalue()


async def run(*arguments: str, resolve: str) -> tuple[int, str, str]:
    environment = os.environ | {"SAMELOOK_RESOLVE": resolve, "COLUMNS": "200"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "samelook",
        "icons",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_json_gives_one_object_an_icon(hosts_server: HostsServer) -> None:
    hosts_server.add("a.example", "/", "<link rel=icon href='i.png?v=1' sizes=48x48>")
    hosts_server.add("a.example", "/i.png", png(48))
    status, out, err = await run("a.example", "--json", resolve=hosts_server.resolve)
    assert status == 0, err
    (icon,) = [json.loads(line) for line in out.splitlines()]
    expected: dict[str, Any] = {
        "url": "i.png?v=1",
        "final_url": "https://a.example/i.png?v=1",
        "source": "link-icon",
        "format": "png",
        "width": 48,
        "height": 48,
        "sizes": "48x48",
        "bytes": len(png(48)),
        "md5": hashlib.md5(png(48)).hexdigest(),
        "displayed": True,
    }
    assert {key: icon[key] for key in expected} == expected


async def test_people_get_a_table_and_reasons(hosts_server: HostsServer) -> None:
    hosts_server.add("a.example", "/", "<link rel=icon href=i.png><link rel=icon href=gone.png>")
    hosts_server.add("a.example", "/i.png", png(48))
    status, out, err = await run("http://a.example", resolve=hosts_server.resolve)
    assert status == 0
    assert "http://a.example/i.png" in out
    assert "gone.png (link-icon): the server answered 404" in err


async def test_exit_status_tells_a_failed_page_from_bad_usage(hosts_server: HostsServer) -> None:
    status, out, err = await run("http://127.0.0.1/", "--json", resolve=hosts_server.resolve)
    assert (status, out) == (1, "")
    assert err.strip()
    assert "Traceback" not in err
    assert (await run("ftp://a.example/", resolve=hosts_server.resolve))[0] == 2
    hosts_server.add("none.example", "/", "<p>no icon</p>")
    assert (await run("none.example", "--json", resolve=hosts_server.resolve))[:2] == (0, "")
