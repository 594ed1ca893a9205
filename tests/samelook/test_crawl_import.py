"""`samelook crawl import` as it is typed: exit status, summary, what goes to which stream."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from samelook.commands.crawl_import import import_ranks

app = typer.Typer()
app.command()(import_ranks)


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database that the command finds by its setting."""
    monkeypatch.setenv("SAMELOOK_DATABASE_URL", database_url)
    return database_url


async def command(*words: str, stdin: bytes | None = None) -> Result:
    # In a thread: the command runs an event loop of its own.
    return await asyncio.to_thread(CliRunner().invoke, app, list(words), input=stdin)


@pytest.mark.usefixtures("database")
async def test_the_summary_tells_what_was_imported_and_shows_bad_lines_safely(tmp_path: Path) -> None:
    path = tmp_path / "top.csv"
    path.write_bytes(b"1,google.com\r\n2,\x1b[31mred.com\r\n3,t.co\r\n")
    result = await command(str(path))
    assert result.exit_code == 0
    assert "\x1b[31m" not in result.output
    assert "line 2: a character that domain names may not have: 2,\\x1b[31mred.com" in result.stdout
    again = await command(str(path), "--json")
    summary = json.loads(again.stdout)
    assert (summary["source"], summary["domains"], summary["unchanged"]) == ("tranco", 2, 2)
    assert summary["bad_examples"][0]["line"] == 2
    assert summary["finished"] is True


@pytest.mark.usefixtures("database")
async def test_a_list_is_read_from_standard_input() -> None:
    result = await command("-", "--json", stdin=gzip.compress(b"a.example\nb.example\n"))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["added"] == 2


@pytest.mark.usefixtures("database")
async def test_a_truncated_file_ends_with_status_1_and_says_what_was_imported(tmp_path: Path) -> None:
    path = tmp_path / "list.gz"
    path.write_bytes(gzip.compress(b"".join(b"d%d.example\n" % number for number in range(50_000)))[:-8])
    result = await command(str(path))
    assert result.exit_code == 1
    assert "breaks off" in result.stderr
    assert "Imported before that: 50,000 domains." in result.stderr
    summary = json.loads((await command(str(path), "--json")).stdout)
    assert summary["error"]["kind"] == "rank_file_damaged"
    assert summary["finished"] is False


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "empty"), (b"\x7fELF\0", "binary"), (b"<html>", "web page"), (b"?!\n", "No line of the file")],
)
async def test_what_is_no_list_ends_with_status_1(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(content)
    result = await command(str(path))
    assert result.exit_code == 1
    assert says in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["missing-file"], "there is no file"),
        (["."], "is a folder"),
        ([__file__, "--format", "alexa"], "no format"),
        ([__file__, "--limit", "1", "--complete"], "not complete"),
        ([__file__, "--limit", "0"], "--limit"),
        ([], "FILE"),
    ],
)
async def test_bad_usage_ends_with_status_2_before_any_database_is_opened(
    words: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMELOOK_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    result = await command(*words)
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())


@pytest.mark.usefixtures("database")
async def test_suspects_get_no_rank_and_known_domains_keep_theirs(tmp_path: Path, pool: Any) -> None:
    trusted, suspects = tmp_path / "trusted.txt", tmp_path / "suspects.txt"
    trusted.write_bytes(b"bank.example\nshop.example\n")
    suspects.write_bytes(b"bank-login.example\nshop.example\nbank-login.example\n")
    assert "better now: 2." in (await command(str(trusted))).stdout
    result = await command(str(suspects), "--unranked")
    assert "trusted no more than strangers" in result.stdout
    ranks = dict(await pool.fetch("SELECT reversed_name, list_position FROM domains"))
    assert ranks == {"example.bank": 1, "example.shop": 2, "example.bank-login": None}
    assert (await command(str(trusted), "--unranked", "--complete")).exit_code == 2


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n"])
async def test_lines_end_in_any_way(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "list"
    path.write_bytes(end.join((b"1,one.example", b"2,two.example", b"3,three.example")) + end)
    summary = json.loads((await command(str(path), "--json")).stdout)
    assert (summary["domains"], summary["bad_lines"]) == (3, 0)


async def test_sigterm_ends_an_import_with_its_status_and_keeps_what_was_merged(
    database_url: str, pool: Any
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "samelook", "crawl", "import", "-"),
        env={**os.environ, "SAMELOOK_DATABASE_URL": database_url},
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(b"".join(b"d%d.example\n" % number for number in range(400_000)))
    async with asyncio.timeout(60):
        while not await pool.fetchval("SELECT count(*) FROM domains"):
            await asyncio.sleep(0.05)
    process.terminate()
    process.stdin.close()
    _, errors = await process.communicate()
    assert process.returncode == 143, errors.decode()
    assert b"Interrupted" in errors
    assert b"Traceback" not in errors
    assert await pool.fetchval("SELECT outcome FROM crawl_runs") == "stopped"
