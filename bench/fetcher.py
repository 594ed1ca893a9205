"""What the fetcher costs on top of plain aiohttp: the same URLs, the same server, in turns.

Run as `python -m bench.fetcher [--sites N] [--rounds N]`. The server is a process of its own. A
site is a page of 30 KB, gzipped, and five icons of 2 KB each; plain aiohttp downloads the same
six URLs and undoes gzip too, at the same concurrency. The fetcher also asks for robots.txt.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import multiprocessing
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import aiohttp
import uvloop
from aiohttp import web

from samelook.crawler.fetching.connections import Connections
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings

PAGE = ("<p>" + " ".join(random.Random(1).choices(["icon", "look", "site", "rank", "hash"], k=5000))).encode()
ICON = random.Random(2).randbytes(2048)
PATHS = ["/", *(f"/icon{number}.png" for number in range(5))]
CONCURRENCY = 50


def serve(ready: Connection) -> None:
    page = gzip.compress(PAGE)

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.path == "/":
            return web.Response(body=page, headers={"Content-Encoding": "gzip", "Content-Type": "text/html"})
        if request.path == "/robots.txt":
            return web.Response(status=404)
        return web.Response(body=ICON, content_type="image/png")

    async def run() -> None:
        runner = web.ServerRunner(web.Server(answer, access_log=None))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    uvloop.run(run())


async def sites_at_once(visit: Callable[[str], Awaitable[None]], sites: list[str]) -> float:
    """Seconds that visiting all sites takes."""
    waiting = iter(sites)

    async def work() -> None:
        for site in waiting:
            await visit(site)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(work())
    return time.perf_counter() - started


async def with_fetcher(settings: FetchSettings, sites: list[str]) -> float:
    async with Fetcher(settings) as fetcher:

        async def visit(site: str) -> None:
            page = await fetcher.fetch(f"https://{site}/")
            assert page.body == PAGE
            for icon in await asyncio.gather(
                *(fetcher.fetch(f"https://{site}{path}", kind="icon") for path in PATHS[1:])
            ):
                assert icon.body == ICON

        return await sites_at_once(visit, sites)


async def with_aiohttp(settings: FetchSettings, sites: list[str]) -> float:
    # The same resolver, so that both open connections to one address under many names.
    connections = Connections(settings)
    connector = connections.mapped.connector
    async with aiohttp.ClientSession(connector=connector, connector_owner=False) as session:

        async def get(url: str) -> bytes:
            async with session.get(url) as response:
                return await response.read()

        async def visit(site: str) -> None:
            assert await get(f"http://{site}/") == PAGE
            for icon in await asyncio.gather(*(get(f"http://{site}{path}") for path in PATHS[1:])):
                assert icon == ICON

        seconds = await sites_at_once(visit, sites)
    await connections.close()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sites", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    resolve = parse_resolve(f"*=127.0.0.1:{ours.recv()}")
    ways: dict[str, Callable[[list[str]], Awaitable[float]]] = {
        "plain aiohttp": lambda sites: with_aiohttp(FetchSettings(resolve=resolve), sites),
        "fetcher": lambda sites: with_fetcher(FetchSettings(resolve=resolve), sites),
        "fetcher, robots.txt off": lambda sites: with_fetcher(
            FetchSettings(resolve=resolve, honour_robots=False), sites
        ),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    try:
        for turn in range(options.rounds + 1):
            for name, way in ways.items():
                sites = [f"s{turn}-{number}.example" for number in range(options.sites)]

                async def once(
                    way: Callable[[list[str]], Awaitable[float]] = way, sites: list[str] = sites
                ) -> float:
                    return await way(sites)

                busy = time.process_time()
                seconds = uvloop.run(once())
                busy = time.process_time() - busy
                if turn:  # the first round warms up
                    rates[name].append(options.sites * len(PATHS) / seconds)
                    cpu[name].append(busy / options.sites / len(PATHS) * 1e6)
    finally:
        server.terminate()
        server.join()
    base = statistics.median(rates["plain aiohttp"])
    print(f"{options.sites} sites of {len(PATHS)} URLs, {options.rounds} rounds, {CONCURRENCY} sites at once")
    print(f"{'':26}{'URLs/s, median':>16}{'lowest':>9}{'highest':>9}{'of plain':>10}{'CPU µs/URL':>12}")
    for name, found in rates.items():
        median = statistics.median(found)
        row = f"{name:26}{median:16.0f}{min(found):9.0f}{max(found):9.0f}{median / base:10.2f}"
        print(f"{row}{statistics.median(cpu[name]):12.0f}")


if __name__ == "__main__":
    main()
