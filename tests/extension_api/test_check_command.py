"""`samelook check`, as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
import typer
from samelook.commands.check import check
typer.run(check)
"""


def run(database: Any, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=ROOT,
        env={**os.environ, "SAMELOOK_DATABASE_URL": database.url, "COLUMNS": "200"},
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


async def test_what_is_no_site_is_bad_usage(crawled: Any) -> None:
    refused = run(crawled, "http://192.0.2.1/")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "not public" in refused.stderr or "documentation" in refused.stderr
