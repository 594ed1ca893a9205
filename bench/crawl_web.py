"""A web of many small sites for bench/crawl: a page and five distinct icons each, answered from memory.

    python -m bench.crawl_web SITES

Prints the port it listens on, then serves until its standard input closes. Any Host is a site; the
icons are drawn once, mostly 16 to 48 pixels, PNG and ICO.
"""

from __future__ import annotations

import io
import random
import sys

from aiohttp import web
from PIL import Image, ImageDraw

PAGE_FILLER = "<p>" + "Plain words about nothing in particular, as pages have them. " * 40 + "</p>\n"
ICONS = (
    ("favicon.ico", "ICO", 32),
    ("i16.png", "PNG", 16),
    ("i32.png", "PNG", 32),
    ("i48.png", "PNG", 48),
    ("touch.png", "PNG", 180),
)
LINKS = (
    '<link rel="shortcut icon" href="/favicon.ico">'
    '<link rel="icon" sizes="16x16" href="/i16.png"><link rel="icon" sizes="32x32" href="/i32.png">'
    '<link rel="icon" sizes="48x48" href="/i48.png"><link rel="apple-touch-icon" href="/touch.png">'
)


def draw_icon(seed: int, size: int, kind: str) -> bytes:
    """A small picture of some coloured shapes; `seed` decides which."""
    dice = random.Random(seed)
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x0, x1 = sorted(dice.sample(range(size), 2))
        y0, y1 = sorted(dice.sample(range(size), 2))
        colour = (*[dice.randrange(256) for _ in range(3)], 255)
        shape = draw.ellipse if dice.random() < 0.5 else draw.rectangle
        shape((x0, y0, x1, y1), fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"sizes": [(16, 16), (size, size)]} if kind == "ICO" else {}))
    return buffer.getvalue()


def create_app(sites: int) -> web.Application:
    """Hosts are `sN.example`; a site's five icons differ from each other and from every other site's."""
    bodies: dict[str, bytes] = {}
    for site in range(sites):
        for number, (name, kind, size) in enumerate(ICONS):
            bodies[f"s{site}.example/{name}"] = draw_icon(site * 8 + number, size, kind)
    head = f"<head><meta charset=utf-8><title>A site</title>{LINKS}</head>"
    page_bytes = f"<!doctype html><html>{head}<body>{PAGE_FILLER * 3}</body></html>".encode()

    async def answer(request: web.Request) -> web.Response:
        host = request.host.partition(":")[0]
        if request.path == "/":
            return web.Response(body=page_bytes, content_type="text/html")
        body = bodies.get(f"{host}{request.path}")
        if body is None:
            return web.Response(status=404)
        return web.Response(body=body, content_type="image/png", headers={"ETag": '"1"'})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


async def serve(sites: int) -> None:
    import asyncio

    runner = web.AppRunner(create_app(sites), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1])))
