"""docs/inspector.md shows what the commands print. SAMELOOK_REWRITE_DOCS=1 writes the answers into it."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import samelook.cli  # noqa: F401 - the command line brings all commands together
from samelook.commands.inspect import app

PAGE = Path(__file__).parents[2] / "docs" / "inspector.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


async def test_every_answer_in_the_documentation_is_given(
    crawled_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMELOOK_DATABASE_URL", crawled_url)
    monkeypatch.setenv("SAMELOOK_ALLOW_INJECTION", "1")
    monkeypatch.setenv("COLUMNS", "260")
    text = PAGE.read_text(encoding="utf-8")
    commands = []
    for block in BLOCK.findall(text):
        printed = ""
        for command in re.findall(r"(?m)^\$ samelook inspect (.*)$", block):
            commands.append(command.split()[0])
            result = await asyncio.to_thread(CliRunner().invoke, app, shlex.split(command))
            printed += f"$ samelook inspect {command}\n" + "\n".join(
                line.rstrip() for line in result.output.splitlines()
            )
            printed += "\n"
        if os.environ.get("SAMELOOK_REWRITE_DOCS"):
            text = text.replace(block, printed.replace(platform.node(), "crawler-1"))
        else:
            assert comparable(printed) == comparable(block)
    if os.environ.get("SAMELOOK_REWRITE_DOCS"):
        PAGE.write_text(text, encoding="utf-8")
    documented = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    assert documented <= set(commands)


def comparable(text: str) -> str:
    """Without what differs from run to run: times, ids, processes, and how wide columns are for them."""
    for pattern, name in (
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(\+00:00)?", "<time>"),
        (r"\d+:\d\d:\d\d", "<span>"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{9,}", "<id>"),
        (r"\b[0-9a-f-]*[0-9a-f]{12,}\b", "<hex>"),
        (r"(stopped|silent|running)\s+\S+\s+\d+", r"\1 <host>"),
        (r"\b\d+\.\d\b", "<seconds>"),
        (r"\b\d+ s\b", "<seconds> s"),
        (r"\d+ of 100\b", "<connections>"),
        (r"\d+ migrations", "<migrations>"),
        (r"[ \t]+", " "),
    ):
        text = re.sub(pattern, name, text)
    # Sorted: what failed at once may come in any order.
    return "\n".join(sorted(line.strip() for line in text.splitlines() if line.strip()))
