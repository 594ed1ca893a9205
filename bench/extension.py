"""What the browser extension costs a browser, with 100,000 trusted sites: `python -m bench.extension`.

Chromium with the unpacked extension fetches a signed list of invented sites from a server on this machine and
opens pages beside a Chromium without it. The figures, against the bars of the extension's design:

- page: milliseconds of the main thread that a page costs more than without the extension (bar: 5). The page
  has a form of 200 fields and 2,000 other elements, and its icon is near nobody's look.
- worker: milliseconds from an icon's picture to its verdict: decoding, its forms, the search over all codes
  (bar: 50). The extension's own modules are timed in its options page, which is the same engine.
- wake: milliseconds to read the list again after the browser has stopped the worker
- memory: megabytes of the extension's process with the list loaded, less an extension's process without one
  (bar: 60)

It ends with status 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import shutil
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image, ImageDraw
from playwright.sync_api import BrowserContext, sync_playwright

from samelook.extension_api.compact import CODE_BYTES, MOST_CODES, CompactList, TrustedSite
from samelook.names.suffixes import suffix_rules
from samelook.terminal.console import out
from samelook.terminal.tables import Table

EXTENSION = Path(__file__).parents[1] / "extension"
TIER_SITES = (10_000, 50_000)
"""Sites of the widest tier, and of it and the next; the others are in the third."""
BARS = {"page": 5.0, "worker": 50.0, "memory": 60.0}
PAGE = (
    "<!doctype html><link rel=icon href=/icon.png><title>page</title><form>"
    + "<input name=field>" * 200
    + "</form>"
    + "<p>words</p>" * 2000
)
_WAIT_MS = 60_000


def compact_list(sites: int) -> bytes:
    """A signed list of so many invented sites with random codes, as many each as the tiers allow."""
    random = np.random.default_rng(1)

    def site(number: int) -> TrustedSite:
        tier = sum(number >= last for last in TIER_SITES)
        codes = tuple(random.bytes(CODE_BYTES) for _ in range(MOST_CODES[tier]))
        return TrustedSite(f"{random.bytes(3).hex()}{number:x}.com", tier, codes)

    key = Ed25519PrivateKey.generate()
    extras = {"suffixes": list(suffix_rules()), "families": []}
    body = CompactList.of("bench-1", map(site, range(sites)), extras).whole(
        key.public_key().public_bytes_raw()
    )
    return body + key.sign(body)


def icon() -> bytes:
    """A drawn icon that is near no random code."""
    picture = Image.new("RGBA", (32, 32), (20, 60, 160, 255))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((4, 6, 26, 22), fill=(240, 240, 250, 255))
    draw.line((2, 30, 28, 3), fill=(250, 120, 20, 255), width=4)
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


@contextmanager
def served(body: bytes, picture: bytes) -> Iterator[int]:
    """The port of a server that has the list, a page on every host, and its icon."""
    started, port, loop = threading.Event(), 0, asyncio.new_event_loop()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/x/v1/looks/compact":
            return web.Response(body=body, content_type="application/octet-stream")
        if request.path == "/icon.png":
            return web.Response(body=picture, content_type="image/png")
        return web.Response(text=PAGE, content_type="text/html")

    async def serve() -> None:
        nonlocal port
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = int(runner.addresses[0][1])
        started.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@contextmanager
def browser(chromium: str, port: int, *, extended: bool) -> Iterator[BrowserContext]:
    """Chromium, with the extension or without; every invented host is the server."""
    with tempfile.TemporaryDirectory(prefix="samelook-bench-") as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium,
            headless=True,
            args=[
                "--no-sandbox",
                f"--host-resolver-rules=MAP *.test 127.0.0.1:{port}",
                *(
                    [f"--disable-extensions-except={EXTENSION}", f"--load-extension={EXTENSION}"]
                    if extended
                    else []
                ),
            ],
        )
        try:
            yield context
        finally:
            context.close()


def main_thread_ms(context: BrowserContext, rounds: int) -> float:
    """Milliseconds of tasks on the main thread of a page until it has long been complete: the median."""
    spent = []
    for number in range(rounds + 1):
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(f"http://page-{number}.test/", wait_until="load")
        page.wait_for_timeout(400)
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        spent.append(metrics["TaskDuration"] * 1000)
        page.close()
    # The first page also starts a process.
    return float(statistics.median(spent[1:]))


_JUDGE = """async ([picture, rounds]) => {
  const {formsOf} = await import('/looks/look.js');
  const {decide} = await import('/lib/decide.js');
  const {list} = await import('/lib/lists.js');
  let began = performance.now();
  const ready = await list();
  const wake = performance.now() - began;
  const bytes = Uint8Array.from(atob(picture), (sign) => sign.charCodeAt(0));
  const times = [];
  for (let round = 0; round < rounds; round++) {
    began = performance.now();
    const exact = {premultiplyAlpha: 'none', colorSpaceConversion: 'none'};
    const bitmap = await createImageBitmap(new Blob([bytes]), exact);
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d', {willReadFrequently: true});
    context.drawImage(bitmap, 0, 0);
    const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height);
    const read = performance.now();
    const forms = formsOf(pixels);
    const formed = performance.now();
    const said = decide({site: 'stranger.test', forms, allowed: false, seen: null}, ready, 'normal');
    if (said.verdict !== 'first_use') throw new Error(said.verdict);
    const end = performance.now();
    times.push([end - began, read - began, formed - read, end - formed]);
  }
  return {wake, times, sites: ready.list.counts.length};
}"""


def judging(context: BrowserContext, port: int, picture: bytes, rounds: int, sites: int) -> dict[str, Any]:
    """The worker's figures, and what the list adds to the memory of its process."""
    workers = context.service_workers
    worker = workers[0] if workers else context.wait_for_event("serviceworker")
    identity = worker.url.split("/")[2]
    page = context.new_page()
    page.goto(f"chrome-extension://{identity}/pages/options.html")
    before = extension_memory()
    ask = "changes => chrome.runtime.sendMessage({type: 'settings', changes})"
    page.evaluate(ask, {"server": f"http://127.0.0.1:{port}"})
    page.wait_for_function(
        "sites => chrome.storage.local.get('list').then(({list}) => list?.sites === sites)",
        arg=sites,
        timeout=_WAIT_MS,
    )
    page.wait_for_timeout(3000)
    loaded = extension_memory()
    told = page.evaluate(_JUDGE, [base64.b64encode(picture).decode(), rounds])
    assert told["sites"] == sites
    return {"wake": told["wake"], "times": told["times"], "memory": loaded - before}


def extension_memory() -> float:
    """Megabytes of the extension's process that nobody shares with it."""
    return sum(
        process.memory_full_info().uss / 2**20
        for process in psutil.Process().children(recursive=True)
        if "--extension-process" in process.cmdline()
    )


def main() -> int:
    """Measures, prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sites", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=30)
    asked = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("this benchmark needs Chromium, which is not on this machine")
    body, picture = compact_list(asked.sites), icon()
    with served(body, picture) as port:
        with browser(chromium, port, extended=False) as context:
            without = main_thread_ms(context, asked.rounds)
        with browser(chromium, port, extended=True) as context:
            figures = judging(context, port, picture, asked.rounds, asked.sites)
            extended = main_thread_ms(context, asked.rounds)
    times, *parts = [sorted(column) for column in zip(*figures["times"], strict=True)]
    drawn, formed, searched = map(statistics.median, parts)
    measured = {
        "page": extended - without,
        "worker": statistics.median(times),
        "memory": figures["memory"],
    }
    rows = [
        ("list", f"{len(body) / 1e6:.1f} MB for {asked.sites:,} sites", "16 MB"),
        (
            "page, main thread",
            f"{measured['page']:.1f} ms ({extended:.1f} with, {without:.1f} without)",
            "5 ms",
        ),
        ("worker, an icon", f"{measured['worker']:.1f} ms (slowest {times[-1]:.1f})", "50 ms"),
        ("  decoding, forms, search", f"{drawn:.1f}, {formed:.1f}, {searched:.1f} ms", ""),
        ("wake: list read again", f"{figures['wake']:.0f} ms", ""),
        ("memory for the list", f"{measured['memory']:.0f} MB", "60 MB"),
    ]
    out().print(Table(("what", "measured", "bar"), rows))
    return int(any(measured[name] > bar for name, bar in BARS.items()))


if __name__ == "__main__":
    sys.exit(main())
