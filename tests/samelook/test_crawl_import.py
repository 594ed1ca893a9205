"""`samelook crawl import` as it is typed: exit status, summary, what goes to which stream."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

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
    assert "50,000 domains before that are imported" in result.stderr
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
