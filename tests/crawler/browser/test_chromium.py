"""Chromium still shows what was recorded of it: it is asked again wherever it is installed."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme

from tests.crawler.browser import page_cases, test_pages, test_wire
from tests.crawler.browser.chromium import Chromium, installed
from tests.crawler.browser.raw_server import Answer, Sites, serving
from tests.crawler.browser.wire_cases import CASES

pytestmark = pytest.mark.timeout(600)

# What Chromium shows of these depends on how much it had read when the fault came.
UNSTEADY = {"s-empty", "e-gzip-corrupt-late"}


@pytest.fixture(autouse=True)
def _chromium() -> None:
    if not installed():
        if os.environ.get("CI"):
            pytest.fail("CI asks Chromium itself, and it is not installed.")
        pytest.skip("CHROMIUM IS NOT INSTALLED: what it shows was compared with what was recorded only.")


async def shown_by_chromium(
    folder: Path,
    sites: Sites,
    files: Mapping[str, Answer],
    recorded: Mapping[str, str | None],
    scheme: str = "http",
) -> dict[str, str | None]:
    """What Chromium shows of each site, which is waited for where something was recorded.

    What differs is looked at once more by itself: on a busy machine an icon may come after the wait for it.
    """
    found = await _shown(folder / "first", sites, files, recorded, scheme)
    differing = {name: icon for name, icon in recorded.items() if found[name] != icon}
    if differing:
        found |= await _shown(folder / "again", sites, files, differing, scheme)
    return found


async def _shown(
    profile: Path,
    sites: Sites,
    files: Mapping[str, Answer],
    recorded: Mapping[str, str | None],
    scheme: str,
) -> dict[str, str | None]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if scheme == "https" else None
    if tls is not None:
        trustme.CA().issue_cert("*.test").configure_cert(tls)
    async with serving(sites, files, tls) as port:
        browser = Chromium(profile, port)
        async with browser:
            await browser.visit(
                {f"{scheme}://{name}.test/": icon is not None for name, icon in recorded.items()}
            )
    shown = browser.shown()
    return {name: shown.get(name) for name in recorded}


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_chromium_shows_what_was_recorded_for_each_answer(tmp_path: Path, scheme: str) -> None:
    # Without TLS Chromium takes neither br nor zstd.
    steady = CASES.keys() - UNSTEADY
    names = [
        name for name in sorted(steady) if ("br" in name.split("-") or "zstd" in name) is (scheme == "https")
    ]
    sites = {name: test_wire.site_of(CASES[name]) for name in names}
    recorded = {name: test_wire.expected(name) for name in names}
    assert await shown_by_chromium(tmp_path, sites, test_wire.FILES, recorded, scheme) == recorded


async def test_chromium_shows_what_was_recorded_for_each_page(tmp_path: Path) -> None:
    recorded = {name: test_pages.expected(name) for name in page_cases.CASES}
    assert await shown_by_chromium(tmp_path, page_cases.CASES, page_cases.FILES, recorded) == recorded
