"""The server of `bench.check`: the real application, its memory filled with drawn looks, on one processor."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import time
from itertools import islice
from pathlib import Path

from aiohttp import web

from bench.check_looks import drawn_looks, encoded, fresh_icons
from samelook.api.app import create_app
from samelook.api.server import service_runner
from samelook.api.settings import ApiSettings
from samelook.extension_api.extension import EXTENSION
from samelook.extension_api.limits import Buckets
from samelook.extension_api.models import Icon, SiteQuestion
from samelook.extension_api.settings import ExtensionSettings
from samelook.facts.follower import PAGE
from samelook.facts.memory import Memory
from samelook.sql.settings import DatabaseSettings

CONSTANT = {"verdict": "trusted", "action": "allow", "reasons": []}


def fill(memory: Memory, looks: int, seed: int = 7) -> float:
    """Sites of rank 1 to `looks`, each with one look of its own; a few pictures are nearly another's.

    The seconds that it took, without the drawing.
    """
    drawn, seconds = enumerate(drawn_looks(looks, seed), start=1), 0.0
    while page := list(islice(drawn, PAGE)):
        started = time.perf_counter()
        for number, _ in page:
            memory.put_domain(
                {
                    "domain_id": number,
                    "site": f"site{number}.example",
                    "host": f"site{number}.example",
                    "trusted_position": number,
                    "new_position": None,
                    "n_hosts": None,
                    "visited": True,
                    "redirect_host": None,
                    "discovery_error": None,
                    "hashing_errors": [],
                }
            )
        memory.put_pictures([(number.to_bytes(32, "big"), [(number, look)]) for number, look in page])
        for number, _ in page:
            memory.put_shown(
                {
                    "domain_id": number,
                    "sha256": number.to_bytes(32, "big"),
                    "since": 1.0,
                    "gone_since": None,
                    "confirmed": True,
                    "displayed_by": "both",
                    "icon_url": f"https://site{number}.example/favicon.ico",
                    "md5": number.to_bytes(16, "big"),
                }
            )
        memory.index.flush()
        seconds += time.perf_counter() - started
    merging = time.perf_counter()
    memory.index.merge()
    return seconds + time.perf_counter() - merging


async def serve(looks: int, url: str) -> None:
    """Run the server until its input ends; the ports go to its output."""
    settings = ExtensionSettings(work_per_s=1e9, work_burst=1e9)
    app = create_app(
        ApiSettings(DatabaseSettings(url=url), roles=frozenset({"extension"}), extension=settings)
    )
    runner = service_runner(app)
    await runner.setup()
    extension = app[EXTENSION]
    while not extension.follower.is_loaded:
        await asyncio.sleep(0.01)
    # One icon is asked about before this process is bound to a processor: the sandbox's decoder, its child,
    # would inherit that.
    await extension.answers.answer(
        SiteQuestion(url="warm.example", icons=[Icon(data=encoded(fresh_icons(1, 0)[0]))])
    )
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {0})
    # As `samelook serve` does when it has imported everything.
    gc.collect()
    gc.freeze()
    extension.work = Buckets(1e9, 1e9, time.monotonic)
    before = _rss_mb()
    load_s = fill(extension.follower.memory, looks)
    plain = web.Application()

    async def constant(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response(CONSTANT)

    plain.router.add_post("/x/v1/check", constant)
    other = web.AppRunner(plain, access_log=None)
    await other.setup()
    ports = []
    for one in (runner, other):
        await web.TCPSite(one, "127.0.0.1", 0).start()
        ports.append(one.addresses[0][1])
    figures = {"ports": ports, "load_s": round(load_s, 1), "rss_mb": _rss_mb(), "rss_empty_mb": before}
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await other.cleanup()
    await runner.cleanup()


def _rss_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000
