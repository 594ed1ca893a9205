"""Locks in a real browser: typing does nothing, the tab goes to the lock page, and no page argues."""

from __future__ import annotations

import contextlib
import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Page

from tests.extension.stage import PATIENCE_MS, Browser
from tests.fixtures.waiting import wait_until

COPIES = ("lumora-secure.example", "norrbank-login.example", "farewind-deals.example")
FIGHTING = [
    "by-svg",
    "by-script",
    "by-swap",
    "in-frame",
    "late-field",
    "asks-to-stay",
    "location-war",
    "writes-anew",
    "alert-loop",
    "busy-loop",
    "late-frames",
    "by-canvas",
]


def lock_url(host: str) -> str:
    return f"/pages/lock.html?site={host}"


def is_locked(browser: Browser, host: str) -> bool:
    """Whether a tab shows the lock page for a host, and none shows the host."""
    addresses = browser.control.evaluate(
        "async () => (await chrome.tabs.query({})).map(tab => [tab.url ?? '', tab.pendingUrl ?? ''])"
    )
    shown = [url for url, _ in addresses]
    return any(lock_url(host) in url for url in shown) and not any(f"//{host}/" in url for url in shown)


def shown(browser: Browser) -> list[str]:
    """The addresses of all tabs that the extension may know."""
    return list(
        browser.control.evaluate("async () => (await chrome.tabs.query({})).map(tab => tab.url ?? '')")
    )


def visit(browser: Browser, host: str) -> Page:
    page = browser.context.new_page()
    # A locked site's visit ends elsewhere than where it went.
    with contextlib.suppress(Error):
        page.goto(f"http://{host}/", wait_until="commit", timeout=PATIENCE_MS)
    return page


def lock_pages(browser: Browser, host: str) -> list[Page]:
    return [page for page in browser.context.pages if lock_url(host) in page.url]


def visit_and_be_locked(browser: Browser, host: str) -> Page:
    """The lock page: in the tab that was opened, or in the one that took its place."""
    visit(browser, host)
    wait_until(lambda: is_locked(browser, host) and lock_pages(browser, host))
    page = lock_pages(browser, host)[0]
    page.wait_for_selector("#locked:not([hidden])")
    return page


def close_tabs(browser: Browser) -> None:
    browser.control.evaluate(
        """async () => {
          for (const tab of await chrome.tabs.query({}))
            if (!tab.url?.endsWith('options.html')) await chrome.tabs.remove(tab.id);
        }"""
    )


@pytest.mark.parametrize("name", FIGHTING)
def test_no_page_gets_past_the_lock(browser: Browser, name: str) -> None:
    visit(browser, f"{name}.example")
    wait_until(lambda: is_locked(browser, f"{name}.example"))
    close_tabs(browser)


def test_a_window_that_a_copy_filled_is_locked_and_the_copy_stays_readable(browser: Browser) -> None:
    visit(browser, "by-window.example")
    # The copy writes a form into a window that it opened: that one is locked, as the page asks for nothing.
    wait_until(lambda: any(lock_url("by-window.example") in url for url in shown(browser)))
    assert "http://by-window.example/" in shown(browser)
    close_tabs(browser)


def test_tabs_that_are_locked_at_the_same_moment_all_go_to_the_lock_page(browser: Browser) -> None:
    sites = [f"at-once-{number}.example" for number in range(6)]
    browser.control.evaluate(
        """async (sites) => {
          const {pageAsks} = await import('/lib/lock.js');
          const {setTabState} = await import('/lib/state.js');
          const tabs = await Promise.all(sites.map(() => chrome.tabs.create({active: false})));
          await Promise.all(tabs.map(({id}, i) => setTabState(id, {guard: 'watch', scope: sites[i]})));
          await Promise.all(tabs.map(({id}) => pageAsks(id)));
        }""",
        sites,
    )
    for site in sites:
        assert is_locked(browser, site), site
    close_tabs(browser)


def test_impersonators_of_the_sample_web_are_locked(browser: Browser) -> None:
    for host in COPIES:
        visit_and_be_locked(browser, host)
        close_tabs(browser)


@pytest.mark.parametrize("name", ["lum0ra-rewards", "quiet-harbour"])
def test_a_mark_in_other_colours_is_locked_under_the_brands_name(browser: Browser, name: str) -> None:
    """The name stands in the address, or in the title of a page that asks for a password."""
    visit_and_be_locked(browser, f"{name}.example")
    close_tabs(browser)


def test_a_password_that_is_asked_for_later_locks_too(browser: Browser) -> None:
    page = visit(browser, "quiet-meadow.example")
    said = browser.verdict(page)
    assert (said["verdict"], said["asksPassword"]) == ("first_use", False)
    page.click("button")
    wait_until(lambda: is_locked(browser, "quiet-meadow.example"))
    close_tabs(browser)


def test_a_title_that_comes_later_is_read_when_a_password_is_typed(browser: Browser) -> None:
    page = visit(browser, "quiet-forest.example")
    assert browser.verdict(page)["verdict"] == "first_use"
    page.wait_for_function("document.title.includes('Lumora')")
    page.click("#password")
    wait_until(lambda: is_locked(browser, "quiet-forest.example"))
    close_tabs(browser)


def test_a_page_that_asks_for_nothing_stays_readable(browser: Browser) -> None:
    page = visit(browser, "nothing-asked.example")
    wait_until(lambda: browser.verdict(page).get("guard") == "watch")
    said = browser.verdict(page)
    assert (said["verdict"], said["badge"]) == ("lock", "✕")
    page.wait_for_timeout(600)
    assert page.inner_text("h1") == "Only words"
    page.keyboard.type("abc")
    assert page.evaluate("keys") == []
    page.evaluate("document.body.append(document.createElement('input'))")
    wait_until(lambda: is_locked(browser, "nothing-asked.example"))
    close_tabs(browser)


def test_back_stays_on_the_lock_page(browser: Browser) -> None:
    page = visit_and_be_locked(browser, "to-return.example")
    with contextlib.suppress(Error):
        page.evaluate("history.back()")
    page.wait_for_timeout(500)
    assert not any("//to-return.example" in url for url in shown(browser))
    close_tabs(browser)


def test_the_lock_page_shows_both_and_leads_out(browser: Browser) -> None:
    page = visit_and_be_locked(browser, "to-leave.example")
    assert page.inner_text("#copy") == "to-leave.example"
    assert page.inner_text("#original").startswith("lumora")
    assert page.inner_text("#text").startswith(
        f"This is not {page.inner_text('#original')}: you are on to-leave.example."
    )
    for icon in ("#copy-icon", "#original-icon"):
        assert page.eval_on_selector(icon, "image => image.decode().then(() => image.naturalWidth)") >= 16
    why = page.get_attribute("#why", "href")
    assert why is not None
    assert why.startswith(f"{browser.stage.server}/x/v1/why/")
    for path in ("pages/options.html", "pages/popup.html"):
        accessible(browser.extension_page(path))
    accessible(page)
    with browser.context.expect_page():
        page.click("#leave")
    wait_until(lambda: not is_locked(browser, "to-leave.example"))
    close_tabs(browser)


def accessible(page: Page) -> None:
    """Raises AssertionError where axe-core finds something serious."""
    page.wait_for_function(
        "() => document.documentElement.lang && "
        "![...document.querySelectorAll('button:empty')].some(one => one.checkVisibility())"
    )
    found = Axe().run(page).response["violations"]
    assert [
        (one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")
    ] == []


def test_a_locked_page_can_be_looked_at_without_script_and_typing(browser: Browser) -> None:
    page = visit_and_be_locked(browser, "to-view.example")
    page.click("#view")
    page.wait_for_url("http://to-view.example/")
    page.wait_for_selector("#password")
    assert page.evaluate("[self.origin, typeof keys]") == ["null", "undefined"]
    page.click("#user", force=True)
    page.keyboard.type("secret")
    assert page.input_value("#user") == ""
    wait_until(lambda: browser.badge(browser.tab_of(page)) == "▣")
    close_tabs(browser)


def test_an_unlock_takes_a_second_step_is_remembered_and_reported(browser: Browser) -> None:
    host = "to-unlock.example"
    page = visit_and_be_locked(browser, host)
    page.click("#real")
    assert page.is_disabled("#go-on")
    page.check(f"input[value='{host}']")
    page.click("#go-on")
    page.wait_for_url(f"http://{host}/")
    said = browser.verdict(page)
    assert (said["verdict"], said["reasons"]) == ("trusted", ["allowlisted"])
    page.fill("#user", "me")
    assert page.input_value("#user") == "me"
    query = "SELECT kind, site, looks_like FROM reports WHERE site = $1"
    wait_until(lambda: browser.stage.rows(query, host))
    (row,) = browser.stage.rows(query, host)
    assert (row["kind"], row["site"]) == ("unlock", host)
    assert row["looks_like"].startswith("lumora")
    reports = [json.loads(body) for _, path, body in browser.stage.asked if path == "/x/v1/report"]
    assert {"url", "kind", "looks_like", "idempotency_key"} == set(reports[-1])
    page.on("dialog", lambda dialog: dialog.accept())
    page.close(run_before_unload=False)


def test_a_tab_that_was_given_up_is_judged_when_the_server_is_back(browser: Browser) -> None:
    point = "server => chrome.storage.local.set({settings: {server}})"
    browser.control.evaluate(point, "http://127.0.0.1:9")
    page = visit(browser, "to-wait.example")
    tab = browser.tab_of(page)
    wait_until(lambda: (browser.verdict(page).get("tries") or 0) >= 1)
    # As if it had been asked about for as long as it is.
    browser.control.evaluate(
        """async key => {
          const {[key]: state} = await chrome.storage.session.get(key);
          await chrome.storage.session.set({[key]: {...state, tries: 3}});
        }""",
        f"tab {tab}",
    )
    wait_until(lambda: browser.verdict(page).get("tries") == 4)
    assert (browser.verdict(page)["verdict"], "offline" in browser.verdict(page)["reasons"]) == ("grey", True)
    browser.control.evaluate(point, browser.stage.server)
    browser.control.evaluate("chrome.alarms.create('update', {when: Date.now()})")
    wait_until(lambda: is_locked(browser, "to-wait.example"))
    close_tabs(browser)


def test_a_report_made_offline_is_sent_once_when_the_server_is_back(browser: Browser) -> None:
    stage = browser.stage
    browser.control.evaluate(
        "chrome.storage.local.set({settings: {server: 'http://127.0.0.1:9'}, client: null})"
    )
    message = {"type": "report", "kind": "flag", "host": "harmless-thing.example", "looksLike": None}
    browser.ask(message)
    assert (
        browser.control.evaluate("async () => (await chrome.storage.local.get('reports')).reports.length")
        == 1
    )
    browser.control.evaluate("server => chrome.storage.local.set({settings: {server}})", stage.server)
    browser.ask({**message, "host": "rowanwiki.example"})
    query = "SELECT site FROM reports WHERE kind = 'flag' ORDER BY site"
    wait_until(lambda: len(stage.rows(query)) == 2)
    assert [row["site"] for row in stage.rows(query)] == ["harmless-thing.example", "rowanwiki.example"]
    wait_until(
        lambda: (
            browser.control.evaluate("async () => (await chrome.storage.local.get('reports')).reports.length")
            == 0
        )
    )
