"""What the pages show: the sample web's copies beside their originals, in real Chromium too."""

from __future__ import annotations

import csv
import io
import json
import time
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.api.pages.conftest import HTML, Person, Service, signed_in

PAGES = [
    "/ui/",
    "/ui/verdicts",
    "/ui/site/lumora-secure.example",
    "/ui/looks",
    "/ui/match",
    "/ui/banks",
    "/ui/banks/CRAWLED_LOOKS",
    "/ui/exchanges?api=local_file",
    "/ui/sign-in",
    "/openapi/",
]
PHONE, DESK = (360, 740), (1280, 900)
ALL_RULES = {"resultTypes": ["violations"]}
COLOURS_ONLY = ALL_RULES | {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
"""What axe finds in the dark and not in the light."""


async def test_a_copy_is_shown_beside_its_original(person: Person) -> None:
    status, text = await person.get("/ui/verdicts?verdict=lock&owner=lumora.example")
    assert status == 200
    assert text.count('<article class="card pair"') >= 2
    assert 'href="/ui/site/lumora-secure.example"' in text
    assert "rank 12" in text
    assert "It looks like lumora.example" in text


@pytest.mark.parametrize(
    ("query", "there", "missing"),
    [
        ("verdict=lock", "lumora-secure", "quietpage"),
        ("verdict=grey", "quietpage", "lumora-secure"),
        ("because=no_icon", "quietpage", "atlastools"),
        ("owner=norrbank.example", "norrbank-login", "lumora-secure"),
    ],
)
async def test_verdicts_are_filtered(person: Person, query: str, there: str, missing: str) -> None:
    async with person.session.get(f"/ui/verdicts.json?{query}") as answer:
        sites = " ".join(row["site"] for row in await answer.json())
    assert there in sites
    assert missing not in sites


async def test_verdicts_are_given_as_tables_too(person: Person) -> None:
    async with person.session.get("/ui/verdicts.csv?verdict=lock") as answer:
        assert answer.content_type == "text/csv"
        rows = list(csv.DictReader(io.StringIO(await answer.text())))
    copies = {row["site"]: row["copies"] for row in rows}
    assert copies["lumora-secure.example"] == "lumora.example"


async def test_a_site_shows_its_face_its_hashes_and_who_else_wears_them(person: Person) -> None:
    status, text = await person.get("/ui/site/https://lumora-secure.example/login".replace("https://", ""))
    assert status in (200, 404)
    status, text = await person.get("/ui/site/lumora-secure.example")
    assert status == 200
    assert '<span class="tag lock">locked</span>' in text
    assert 'class="bits"' in text
    assert 'href="/ui/site/lumora.example"' in text
    status, text = await person.get("/ui/site/nobody-knows-this.example")
    assert (status, "Nothing is known here" in text) == (404, True)


async def test_pictures_are_drawn_anew(person: Person) -> None:
    async with person.session.get("/ui/verdicts.json?owner=lumora.example") as answer:
        digest = (await answer.json())[0]["looks_like"][0]["sha256"]["asker"]
    async with person.session.get(f"/ui/picture/{digest}") as answer:
        assert (answer.status, answer.content_type) == (200, "image/png")
        assert (await answer.read()).startswith(b"\x89PNG")
    async with person.session.get(f"/ui/picture/{'0' * 64}") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("typed", "led"),
    [
        ("lumora.example", "/ui/site/lumora.example"),
        ("https://lumora.example/path?q=1", "/ui/site/lumora.example"),
    ],
)
async def test_a_search_leads_to_the_page(person: Person, typed: str, led: str) -> None:
    async with person.session.get(
        "/ui/search", params={"q": typed}, headers=HTML, allow_redirects=False
    ) as found:
        assert (found.status, found.headers["Location"]) == (302, led)


async def test_visit_now_puts_the_site_first(service: Service, curator: Person) -> None:
    status, where = await curator.post("/ui/visit", site="lumora.example", next="/ui/site/lumora.example")
    assert (status, where) == (303, "/ui/site/lumora.example")
    assert "is next" in (await curator.get(where))[1]


async def test_home_is_sent_again_as_events(person: Person) -> None:
    async with person.session.get("/ui/events", headers={"Accept": "text/event-stream"}) as stream:
        assert stream.content_type == "text/event-stream"
        line = await stream.content.readline()
    assert "Caught last" in json.loads(line.removeprefix(b"data: "))
    async with person.session.get("/ui/events") as refused:
        assert refused.status == 406


@pytest.mark.parametrize("path", [path for path in PAGES if path != "/openapi/"])
async def test_pages_answer_at_once(person: Person, path: str) -> None:
    taken = [1.0]
    # What the service and the test compute; how long others keep the processors says nothing of a page.
    while min(taken) >= 0.1 and len(taken) < 40:
        began = time.process_time()
        assert (await person.get(path))[0] == 200
        taken.append(time.process_time() - began)
    assert min(taken) < 0.1, taken


def opened(page: Page, path: str) -> list[str]:
    """What the browser complains about while a page is open."""
    complaints: list[str] = []
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path)
    page.wait_for_selector("main h1")
    # The first visitor of Looks is told that it is being made, and comes again by itself.
    # Not wait_for_function, which evaluates text again while it waits: the pages' policy forbids that.
    page.wait_for_selector("meta[http-equiv=refresh]", state="detached")
    return complaints


@pytest.mark.parametrize(
    ("scheme", "size", "options"),
    [("light", PHONE, ALL_RULES), ("light", DESK, ALL_RULES), ("dark", DESK, COLOURS_ONLY)],
)
def test_pages_open_without_complaints_and_for_everybody(
    browser: Browser, service: Service, scheme: str, size: tuple[int, int], options: dict[str, Any]
) -> None:
    width, height = size
    context = signed_in(
        browser, service, "curator", color_scheme=scheme, viewport={"width": width, "height": height}
    )
    try:
        for path in PAGES:
            page = context.new_page()
            complaints = opened(page, path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is too wide"
            found = Axe().run(page, options=options).response["violations"]
            serious = [
                (one["id"], [node["html"][:150] for node in one["nodes"]][:3])
                for one in found
                if one["impact"] in ("serious", "critical")
            ]
            assert (complaints, serious) == ([], []), path
            page.close()
    finally:
        context.close()


def test_one_key_is_one_decision(browser: Browser, service: Service) -> None:
    context = signed_in(browser, service, "curator")
    try:
        page = context.new_page()
        assert opened(page, "/ui/verdicts?verdict=lock&owner=obolia.example") == []
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.ariaLabel") == "obolia-airdrop.example"
        page.keyboard.press("b")
        page.wait_for_selector("#told:has-text('obolia-airdrop.example is blocked now.')")
        with page.expect_navigation():
            page.keyboard.press("u")
        assert "Taken back what was decided about obolia-airdrop.example." in page.inner_text("main")
    finally:
        context.close()
