"""The web of bench/weather: sites as weather_sites.py has them.

    python -m bench.weather_web SITES still|weather FOLDER

Prints, as JSON, the ports for plain HTTP, for TLS, of a listener that says nothing and of one that accepts no
more connections; then serves until its standard input closes. FOLDER gets nothing but the certificate.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import sys
from pathlib import Path

import trustme
from aiohttp import web

from bench.crawl_web import PAGE_FILLER, draw_icon
from bench.weather_sites import Site, number_of, site

DRIP_PIECES, DRIP_EVERY_S = 30, 0.3
ROBOTS = {
    "allows": b"User-agent: *\nAllow: /\n",
    "some": b"User-agent: *\nDisallow: /private/\nDisallow: /*.pdf$\n\nUser-agent: others\nDisallow: /\n",
    "long": b"User-agent: *\n" + b"".join(b"Disallow: /folder-%d/*/print\n" % n for n in range(1000)),
    "delay": b"User-agent: *\nCrawl-delay: 1\nDisallow: /private/\n",
    "all": b"User-agent: *\nDisallow: /\n",
}


def page_of(place: Site) -> bytes:
    sizes = [16 * (n + 1) for n in range(place.icons)]
    links = "".join(
        f'<link rel="icon" sizes="{size}x{size}" href="/i{n}.png">' for n, size in enumerate(sizes)
    )
    head = f"<head><meta charset=utf-8><title>A site</title>{links}</head>"
    return f"<!doctype html><html>{head}<body>{PAGE_FILLER * 3}</body></html>".encode()


def create_app(sites: int, *, weather: bool) -> web.Application:
    icons = {
        (number, n): draw_icon(number * 8 + n, (16, 32, 48)[n % 3], "PNG")
        for number in range(sites)
        for n in range(site(number).icons)
    }

    async def answer(request: web.Request) -> web.StreamResponse:  # noqa: PLR0911 - one table
        place = site(number_of(request.host))
        if weather:
            await asyncio.sleep(place.latency_s)
        path = request.path
        if path == "/robots.txt":
            return robots(place, request)
        if place.www and not request.host.startswith("www."):
            location = f"{request.scheme}://www.{request.host}{path}"
            return web.Response(status=301, headers={"Location": location})
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304, headers={"ETag": '"1"'})
        if path == "/":
            if weather and place.drip:
                return await drip(place, request)
            return web.Response(body=page_of(place), content_type="text/html", headers={"ETag": '"1"'})
        if path.startswith("/i") and path.endswith(".png"):
            body = icons.get((place.number, int(path[2:-4])))
            if body is not None:
                return web.Response(body=body, content_type="image/png", headers={"ETag": '"1"'})
        return web.Response(status=404)

    def robots(place: Site, request: web.Request) -> web.Response:
        if place.robots == "moved" and request.query_string != "again":
            return web.Response(status=302, headers={"Location": "/robots.txt?again"})
        if place.robots == "error":
            return web.Response(status=503)
        body = ROBOTS.get(place.robots)
        return web.Response(status=404) if body is None else web.Response(body=body)

    async def drip(place: Site, request: web.Request) -> web.StreamResponse:
        page = page_of(place)
        response = web.StreamResponse(headers={"Content-Type": "text/html", "Content-Length": str(len(page))})
        await response.prepare(request)
        step = len(page) // DRIP_PIECES + 1 if place.drip == "slow" else 1
        # Whoever asked gives up at its own time limit.
        with contextlib.suppress(ConnectionResetError):
            for at in range(0, len(page), step):
                await response.write(page[at : at + step])
                await asyncio.sleep(DRIP_EVERY_S)
        return response

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


async def serve(sites: int, *, weather: bool, folder: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("w.example").configure_cert(context)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    runner = web.AppRunner(create_app(sites, weather=weather), access_log=None, keepalive_timeout=30)
    await runner.setup()
    for tls in (None, context):
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls, backlog=4096).start()
    # The kernel accepts for this one, and nobody ever reads.
    silent = socket.create_server(("127.0.0.1", 0), backlog=65_535)
    # And here the queue of the kernel is full: further packets are dropped, as by a firewall.
    dropped = socket.create_server(("127.0.0.1", 0), backlog=0)
    filling = [socket.socket() for _ in range(4)]
    for client in filling:
        client.settimeout(0)
        client.connect_ex(dropped.getsockname())
    ports = [address[1] for address in runner.addresses]
    print(
        json.dumps(
            {
                "plain": ports[0],
                "tls": ports[1],
                "silent": silent.getsockname()[1],
                "dropped": dropped.getsockname()[1],
            }
        ),
        flush=True,
    )
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    import resource

    import uvloop

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(serve(int(sys.argv[1]), weather=sys.argv[2] == "weather", folder=Path(sys.argv[3])))
