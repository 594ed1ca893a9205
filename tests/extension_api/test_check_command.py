"""`samelook check`, as it is typed."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.extension_api.test_marks import TITLED, png, turned_icon

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
import typer
from samelook.commands.check import check
typer.run(check)
"""


def run(database: Any, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=ROOT,
        env={**os.environ, "SAMELOOK_DATABASE_URL": database.url, "COLUMNS": "200", **settings},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("url", "verdict", "code"),
    [
        ("https://lumora-secure.example/login", "lock", "looks_like"),
        ("lumora.example", "trusted", "ranked"),
        ("tinydots.example", "grey", "hashing_failed"),
    ],
)
async def test_people_read_the_verdict_and_programs_get_json(
    crawled: Any, url: str, verdict: str, code: str
) -> None:
    shown = run(crawled, url)
    assert (shown.returncode, shown.stderr.startswith("data version")) == (0, True), shown.stderr
    assert verdict in shown.stdout
    assert f"because {code}" in shown.stdout
    answer = json.loads(run(crawled, url, "--json").stdout)
    assert (answer["verdict"], answer["reasons"][0]["code"]) == (verdict, code)


async def test_a_page_that_is_fetched_is_judged_by_its_title_too(crawled: Any) -> None:
    """An icon in other colours than the brand's, the brand's name in the title, and a password."""
    icon = base64.b64encode(png(turned_icon())).decode()
    page = '<title>{}</title><link rel=icon href="data:image/png;base64,{}"><body>{}'
    answers = {
        "flowers.example": page.format(TITLED, icon, "<input type=PassWord>"),
        "reads.example": page.format(TITLED, icon, "<input type=search>"),
        "garden.example": page.format("Flowers", icon, "<input type=password>"),
    }

    async def answer(request: web.Request) -> web.Response:
        text = answers.get(request.host.partition(":")[0]) if request.path == "/" else None
        return web.Response(text=text, content_type="text/html", status=200 if text else 404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        reached = {
            "SAMELOOK_RESOLVE": f"*=127.0.0.1:{server.port}",
            "SAMELOOK_CONTACT": "https://test.example/",
        }
        words = [f"http://{host}/" for host in answers]
        shown = await asyncio.to_thread(run, crawled, *words, "--fetch", "--json", **reached)
    assert shown.returncode == 0, shown.stderr
    told = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [(one["verdict"], one["reasons"][0]["rule"]) for one in told] == [
        ("lock", "4-mark"),
        ("grey", "4-titled"),
        ("first_use", "7-first"),
    ]


async def test_what_is_no_site_is_bad_usage(crawled: Any) -> None:
    refused = run(crawled, "http://192.0.2.1/")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "not public" in refused.stderr or "documentation" in refused.stderr
