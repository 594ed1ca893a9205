"""The recorded answers of Chromium are still those that it gives. Runs on request, where it is installed:

SAMELOOK_TEST_CHROMIUM=1 python -m pytest tests/crawler/browser/test_chromium.py
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
import trustme

from tests.crawler.browser.chromium import Chromium, installed
from tests.crawler.browser.raw_server import Answer, serving
from tests.crawler.browser.test_wire import FILES, expected, site_of
from tests.crawler.browser.wire_cases import CASES

pytestmark = [
    pytest.mark.skipif(
        not (os.environ.get("SAMELOOK_TEST_CHROMIUM") and installed()),
        reason="asks a browser, on request",
    ),
    pytest.mark.timeout(600),
]


async def shown_by_chromium(
    profile: Path, sites: dict[str, dict[str, Answer]], scheme: str = "http"
) -> dict[str, str]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if scheme == "https" else None
    if tls is not None:
        trustme.CA().issue_cert("*.test").configure_cert(tls)
    async with serving(sites, FILES, tls) as port:
        browser = Chromium(profile, port)
        async with browser:
            await browser.visit(f"{scheme}://{name}.test/" for name in sites)
    return browser.shown()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_chromium_shows_what_was_recorded_for_each_answer(tmp_path: Path, scheme: str) -> None:
    # Without TLS Chromium takes neither br nor zstd.
    names = [name for name in CASES if ("br" in name.split("-") or "zstd" in name) is (scheme == "https")]
    found = await shown_by_chromium(tmp_path, {name: site_of(CASES[name]) for name in names}, scheme)
    assert {name: found.get(name) for name in names} == {name: expected(name) for name in names}
