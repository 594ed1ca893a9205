"""Takes pictures of the web pages and the extension's, light, dark and as wide as a telephone.

What they show is a crawl of the sample web.

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
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Playwright, async_playwright

from samelook.demo.sample_web.sites import SITES

PAGES = {
    "home": "/ui/",
    "verdicts": "/ui/verdicts?verdict=lock",
    "site": "/ui/site/lumora-secure.example",
    "looks": "/ui/looks",
    "match": "/ui/match?hash={picture}",
    "banks": "/ui/banks/CRAWLED_LOOKS",
    "exchanges": "/ui/exchanges?api=local_file",
    "api": "/openapi/",
    "sign-in": "/ui/sign-in",
    "why": "{why}",
}
COPY, OWNER = "lumora-secure.example", "lumora.example"
EXTENSION = Path(__file__).parents[1] / "extension"
KEY = "the-admins-key-of-the-screenshots"
QUALITY = 70
PATIENCE_S = 60.0


@dataclass(frozen=True)
class View:
    """How a page is looked at."""

    name: str
    scheme: str
    width: int
    height: int
    touched: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """Of a browser's context: a telephone has no keys to tell of."""
        return {
            "color_scheme": self.scheme,
            "viewport": {"width": self.width, "height": self.height},
            "has_touch": self.touched,
            "is_mobile": self.touched,
        }


VIEWS = (
    View("light", "light", 1280, 860),
    View("dark", "dark", 1280, 860),
    View("phone", "light", 360, 740, touched=True),
)


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
        for view in VIEWS:
            async with extended(playwright, chromium, view) as (context, identity):
                for name, picture in (await of_the_extension(context, identity, url, names)).items():
                    if name == "popup" and view.touched:
                        continue  # It is as wide as it is, whatever shows it.
                    keep(picture, folder / f"{name}-{view.name}.webp")
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for view in VIEWS:
            for name, path in PAGES.items():
                picture = await taken(browser, url, path.format(**names), view)
                keep(picture, folder / f"{name}-{view.name}.webp")
        await browser.close()


def keep(picture: bytes, path: Path) -> None:
    """Writes a picture that came as PNG."""
    Image.open(io.BytesIO(picture)).convert("RGB").save(path, quality=QUALITY, method=6)


@asynccontextmanager
async def extended(
    playwright: Playwright, chromium: str, view: View
) -> AsyncIterator[tuple[BrowserContext, str]]:
    """A browser with the extension, and the extension's own name in it."""
    with tempfile.TemporaryDirectory(prefix="samelook-screenshots-") as profile:
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium,
            **view.options,
            locale="en-GB",
            args=[
                "--no-sandbox",
                f"--disable-extensions-except={EXTENSION}",
                f"--load-extension={EXTENSION}",
            ],
        )
        workers = context.service_workers
        worker = workers[0] if workers else await context.wait_for_event("serviceworker")
        yield context, worker.url.split("/")[2]
        await context.close()


async def of_the_extension(
    context: BrowserContext, identity: str, url: str, names: dict[str, str]
) -> dict[str, bytes]:
    """Its lock page, options and popup, as they are when a copy was locked."""
    copy = await context.new_page()
    await copy.route("**", lambda route: route.fulfill(body="A copy", content_type="text/html"))
    await copy.goto(f"http://{COPY}/")
    page = await context.new_page()
    await page.goto(f"chrome-extension://{identity}/pages/options.html")
    tab = await page.evaluate(_LOCK, {"server": url, "copy": COPY, "owner": OWNER, **names})
    pictures = {}
    for name, path in (
        ("lock", f"lock.html?site={COPY}"),
        ("options", "options.html"),
        ("popup", f"popup.html?tab={tab}"),
    ):
        await page.goto(f"chrome-extension://{identity}/pages/{path}")
        await page.wait_for_function(_DRAWN)
        pictures[name] = await (page.locator("body").screenshot() if name == "popup" else page.screenshot())
    return pictures


_LOCK = """async ({server, copy, owner, picture, shown, why}) => {
  const {base64Of} = await import('/lib/icon.js');
  const drawn = await (await fetch(`${server}/x/v1/icons/${shown}`)).blob();
  const said = {
    host: copy, site: copy, scope: copy, looksLike: [owner], picture: `/x/v1/icons/${picture}`, why,
    shown: `data:image/png;base64,${await base64Of(drawn)}`, reasons: ['looks_like'],
  };
  await chrome.runtime.sendMessage({type: 'settings', changes: {server}});
  const {id} = (await chrome.tabs.query({})).find((tab) => tab.url?.includes(copy));
  const state = {...said, verdict: 'lock', action: 'lock', byServer: true, pictures: []};
  await chrome.storage.session.set({[`lock ${copy}`]: said, [`tab ${id}`]: state});
  return id;
}"""
_DRAWN = """() => document.documentElement.lang
  && ![...document.querySelectorAll('button:empty')].some(one => one.checkVisibility())
  && [...document.images].every(one => !one.checkVisibility() || one.complete)"""


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
    row = next(row for row in rows if row["site"] == COPY)
    digests = row["looks_like"][0]["sha256"]
    return {"why": f"/x/v1/why/{row['id']}", "picture": digests["owner"], "shown": digests["asker"]}


async def taken(browser: Browser, url: str, path: str, view: View) -> bytes:
    """One page as PNG."""
    context = await browser.new_context(**view.options, base_url=url)
    page = await context.new_page()
    if path.startswith("/ui/") and path != PAGES["sign-in"]:
        await page.goto("/ui/sign-in")
        await page.fill("#key", KEY)
        await page.click("text=Sign in with the key")
        await page.wait_for_url("**/ui/")
    await page.goto(path)
    if path == PAGES["api"]:
        await page.wait_for_selector("details")
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
