"""Takes pictures of the web pages, light, dark and as wide as a telephone, of a crawl of the sample web.

python tools/screenshots.py docs/screenshots
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession
from PIL import Image
from playwright.async_api import Browser, async_playwright

from samelook.demo.sample_web.sites import SITES

PAGES = {
    "home": "/ui/",
    "verdicts": "/ui/verdicts?verdict=lock",
    "site": "/ui/site/lumora-secure.example",
    "looks": "/ui/looks",
    "match": "/ui/match?hash={picture}",
    "banks": "/ui/banks/CRAWLED_LOOKS",
    "why": "{why}",
}
KEY = "the-admins-key-of-the-screenshots"
QUALITY = 75
PATIENCE_S = 60.0


@dataclass(frozen=True)
class View:
    """How a page is looked at."""

    name: str
    scheme: str
    width: int
    height: int


VIEWS = (View("light", "light", 1280, 860), View("dark", "dark", 1280, 860), View("phone", "light", 360, 740))


def main(folder: Path) -> None:
    """Crawls the sample web, serves what came of it, and looks at each page."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("screenshots need Chromium, which is not on this machine")
    folder.mkdir(parents=True, exist_ok=True)
    samelook = str(Path(sys.executable).parent / "samelook")
    with tempfile.TemporaryDirectory(prefix="samelook-screenshots-") as data:
        subprocess.run([samelook, "demo", "--keep", data], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        with served(samelook, data) as url:
            asyncio.run(look(url, chromium, folder))


@contextmanager
def served(samelook: str, data: str) -> Iterator[str]:
    """The address of a service on the demo's database."""
    environment = {**os.environ, "SAMELOOK_DATA_DIR": data, "SAMELOOK_ADMIN_KEY": KEY}
    with subprocess.Popen(  # noqa: S603 - our own program
        [samelook, "serve", "--port", "0"], env=environment, stderr=subprocess.PIPE, text=True
    ) as service:
        try:
            for line in service.stderr or ():
                found = re.search(r"http://\S+", line)
                if found:
                    yield found[0]
                    break
        finally:
            service.terminate()


async def look(url: str, chromium: str, folder: Path) -> None:
    """Writes a picture of each page in each view."""
    names = await known(url)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for view in VIEWS:
            for name, path in PAGES.items():
                picture = await taken(browser, url, path.format(**names), view)
                Image.open(io.BytesIO(picture)).convert("RGB").save(
                    folder / f"{name}-{view.name}.webp", quality=QUALITY, method=6
                )
        await browser.close()


async def known(url: str) -> dict[str, str]:
    """What paths need: asks about every site first, so that there are verdicts to show."""
    async with ClientSession(url) as session, asyncio.timeout(PATIENCE_S):
        for site in SITES:
            while True:
                async with session.post("/x/v1/check", json={"url": site.host}) as answer:
                    if answer.status != 503:  # noqa: PLR2004 - what is known is still being read
                        break
                await asyncio.sleep(0.2)
        while True:  # verdicts are written down a moment later
            async with session.get("/ui/verdicts.json?verdict=lock&owner=lumora.example") as answer:
                rows = await answer.json()
            if rows:
                break
            await asyncio.sleep(0.2)
    row = next(row for row in rows if row["site"] == "lumora-secure.example")
    return {"why": f"/x/v1/why/{row['id']}", "picture": row["looks_like"][0]["sha256"]["owner"]}


async def taken(browser: Browser, url: str, path: str, view: View) -> bytes:
    """One page as PNG."""
    size = {"width": view.width, "height": view.height}
    context = await browser.new_context(color_scheme=view.scheme, viewport=size, base_url=url)  # type: ignore[arg-type]
    page = await context.new_page()
    if path.startswith("/ui/"):
        await page.goto("/ui/sign-in")
        await page.fill("#key", KEY)
        await page.click("text=Sign in with the key")
        await page.wait_for_url("**/ui/")
    await page.goto(path)
    # Pictures that nobody sees yet are loaded late, or never.
    await page.evaluate(
        "Promise.all([...document.images].filter(one => one.checkVisibility() && "
        "one.getBoundingClientRect().top < innerHeight).map(one => one.decode().catch(() => 0)))"
    )
    picture = await page.screenshot()
    await context.close()
    return picture


if __name__ == "__main__":
    main(Path(sys.argv[1]))
