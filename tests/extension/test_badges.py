"""What is said of sites, in a real browser; what leaves it; and that nothing is lost when the worker dies."""

from __future__ import annotations

import base64
import io
import json

import pytest
from PIL import Image

from samelook.demo.sample_web.sample_site import Kind
from samelook.demo.sample_web.sites import SITES
from tests.extension.attacks import ROBBED
from tests.extension.stage import Browser


@pytest.mark.parametrize(
    ("host", "verdict", "badge", "reason"),
    [
        ("lumora.example", "trusted", "✓", "ranked"),
        ("tidepool.example", "trusted", "✓", "ranked"),
        ("lumora.test", "trusted", "✓", "ranked"),
        ("asterdesk.example", "trusted", "✓", "ranked"),
        ("rowanwiki.example", "first_use", "", "first_use"),
        (ROBBED, "first_use", "", "first_use"),
        ("quietpage.example", "grey", "?", "no_icon"),
    ],
)
def test_what_can_be_said_at_home_asks_nobody(
    browser: Browser, host: str, verdict: str, badge: str, reason: str
) -> None:
    before = len(browser.stage.asked)
    said = browser.verdict(browser.open(host))
    assert (said["verdict"], said["badge"], said["reasons"][0]) == (verdict, badge, reason)
    assert browser.stage.asked[before:] == []


def test_a_shared_default_is_no_lock(browser: Browser) -> None:
    """The catalogue knows whose default it is; the server is asked where the list at home does not."""
    said = browser.verdict(browser.open("corner-bakery.example"))
    assert (said["verdict"], said["badge"]) == ("first_use", "")


def test_whose_name_is_not_borrowed_is_not_asked_about(browser: Browser) -> None:
    """The brand's mark in other colours, and a password, but no word of the brand."""
    before = len(browser.stage.asked)
    assert browser.verdict(browser.open("quiet-river.example"))["verdict"] == "first_use"
    assert browser.stage.asked[before:] == []


def test_of_a_title_only_the_brands_name_leaves_the_browser(browser: Browser) -> None:
    before = len(browser.stage.asked)
    assert browser.verdict(browser.open("quiet-orchard.example"))["verdict"] == "first_use"
    [(_, path, body)] = browser.stage.asked[before:]
    assert (path, json.loads(body)["page"]) == (
        "/x/v1/check",
        {"title": "Lumora", "asks_password": True},
    )


def test_fifty_ordinary_visits_ask_nothing_and_no_path_or_query_ever_leaves(browser: Browser) -> None:
    ordinary = [site for site in SITES if site.kind is Kind.BRAND and site.rank and site.rank <= 100_000]
    ordinary = [site for site in ordinary if not site.home and site.host != "vaultmoth.example"]
    before = len(browser.stage.asked)
    page = browser.context.new_page()
    visits = 0
    while visits < 50:
        for site in ordinary:
            page.goto(f"http://{site.host}/?secret={visits}")
            visits += 1
    assert browser.verdict(page)["verdict"] == "trusted"
    assert browser.stage.asked[before:] == []
    # What was asked in all other tests of this browser: hosts and icons, and nothing of an address.
    browser.verdict(browser.open("http://apollonotes.example/?token=hidden#part"))
    for method, path, body in browser.stage.asked:
        assert "?" not in path
        assert path.split("/")[1:3] == ["x", "v1"]
        if path == "/x/v1/check":
            question = json.loads(body)
            question.pop("page", None)  # see the test before this one
            assert (method, set(question), "/" in question["url"]) == ("POST", {"url", "icons"}, False)
            assert all(set(icon) == {"data"} for icon in question["icons"])
            drawn, *file = [
                Image.open(io.BytesIO(base64.b64decode(icon["data"]))) for icon in question["icons"]
            ]
            assert (drawn.format, drawn.size) == ("PNG", (32, 32))
            # The file behind it, where the page's cache had a larger one.
            assert all(larger.format == "PNG" and larger.width > drawn.width for larger in file)
            assert len(file) <= 1
        assert b"hidden" not in body
        assert b"secret" not in body


def test_without_the_server_it_warns_and_says_so(browser: Browser) -> None:
    browser.ask({"type": "settings", "changes": {"server": "http://127.0.0.1:9"}})
    try:
        # The list of another server is not trusted, so this one has none.
        said = browser.verdict(browser.open("corner-bakery.example"))
        assert said["reasons"][0] == "no_list"
    finally:
        browser.ask({"type": "settings", "changes": {"server": browser.stage.server}})


def test_the_stricter_mode_asks_nobody_and_warns_by_itself(browser: Browser) -> None:
    browser.ask({"type": "settings", "changes": {"mode": "strict"}})
    try:
        before = len(browser.stage.asked)
        said = browser.verdict(browser.open("lumora-secure.example"))
        assert (said["verdict"], said["action"], said["badge"]) == ("grey", "warn", "?")
        assert said["reasons"] == ["looks_like"]
        assert said["looksLike"][0] in {"lumora.example", "lumora.test", "lumora-mail.example"}
        assert browser.stage.asked[before:] == []
    finally:
        for page in browser.context.pages:
            if "lumora-secure" in page.url:
                page.close()
        browser.ask({"type": "settings", "changes": {"mode": "normal"}})


def test_a_page_cannot_tell_that_the_extension_is_there(browser: Browser) -> None:
    page = browser.open(ROBBED)
    browser.verdict(page)
    files = [
        "manifest.json",
        "pages/lock.html",
        "guard/guard.js",
        "icons/32.png",
        "_favicon/?pageUrl=http://a.example",
    ]
    reached = page.evaluate(
        """async ([id, files]) => {
          const got = [];
          for (const file of files)
            await fetch(`chrome-extension://${id}/${file}`).then(() => got.push(file), () => null);
          const api = typeof chrome === 'undefined' ? 'undefined' : typeof chrome.runtime;
          return [got, api, document.documentElement.outerHTML];
        }""",
        [browser.identity, files],
    )
    assert reached[:2] == [[], "undefined"]
    assert browser.identity not in reached[2]
    asked_for = {path for host, path in browser.stage.visits if host == ROBBED}
    assert asked_for <= {"/", "/own.png", "/favicon.ico"}
    assert browser.stage.visits[ROBBED, "/own.png"] <= browser.stage.visits[ROBBED, "/"]
