"""`samelook inspect` as it is typed: tables, JSON, CSV, exit statuses, hostile texts."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from samelook.commands.inspect import app
from samelook.demo.sample_web.pictures import png
from samelook.inspector.plain_text import harmless
from samelook.inspector.thumbnails import Thumbnail
from samelook.sql.pool import OwnConnection
from samelook.terminal.inspect_display import half_blocks

Inspect = Callable[..., Awaitable[Any]]  # the result that typer's runner gives

SITES = ("lumora", "lumora-mail", "loud")
ESCAPES = "\x1b]0;owned\x07\x1b[31m red \u202egnp.exe \x9b2J"


@pytest.fixture
def inspect(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Inspect:
    """Runs `samelook inspect` on the test's database."""
    monkeypatch.setenv("SAMELOOK_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "200")

    async def run(*arguments: str) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))

    return run


@pytest.fixture
async def three_sites(connection: OwnConnection) -> bytes:
    """Two sites that share an icon file, and one whose icon URL and error are meant to harm a terminal."""
    from samelook.hashing.signals import hash_bytes

    body = png("gearwheel", 32).data
    picture = hash_bytes(body)
    sha256 = bytes.fromhex(picture.sha256)
    await connection.execute(
        "INSERT INTO favicons (sha256, md5, size, format, width, height, frames, body)"
        " VALUES ($1, $2, $3, 'png', 32, 32, 1, $4)",
        sha256,
        bytes.fromhex(picture.md5),
        len(body),
        body,
    )
    await connection.execute(
        "INSERT INTO hash_pdq VALUES ($1, $2)", sha256, bytes.fromhex(picture.signals["pdq"])
    )
    for rank, name in enumerate(SITES, start=1):
        await connection.execute(
            "WITH d AS (INSERT INTO domains (reversed_name, harmonic_position, source)"
            " VALUES ($1, $2, 'test') RETURNING id),"
            " t AS (INSERT INTO target_urls (domain_id, url, position)"
            " SELECT id, $3, $2 FROM d RETURNING id),"
            " u AS (INSERT INTO icon_urls (url_sha256, icon_url, declared, position)"
            " VALUES (sha256($4::text::bytea), $4, true, $2) RETURNING id),"
            " s AS (INSERT INTO site_icons (target_url_id, icon_url_id, ordinal, source, declared_url)"
            " SELECT t.id, u.id, 0, 'link-icon', $4 FROM t, u)"
            " INSERT INTO favicon_metadata (icon_url_id, sha256, status) SELECT id, $5, 200 FROM u",
            f"example.{name}",
            rank,
            f"https://{name}.example/",
            f"=https://{name}.example/i.png" + (ESCAPES.replace("\\", "/") if name == "loud" else ""),
            sha256 if name != "loud" else None,
        )
    await connection.execute(
        "INSERT INTO icon_errs (target_url_id, error, retry_at)"
        " SELECT id, jsonb_build_object('kind', 'tls_failed', 'message', $1::text, 'detail', '{}'::jsonb),"
        " now() + interval '1 hour' FROM target_urls WHERE url LIKE '%loud%'",
        ESCAPES,
    )
    return body


async def test_a_site_as_table_json_and_csv(inspect: Inspect, three_sites: bytes) -> None:
    table = await inspect("site", "lumora.example")
    assert table.exit_code == 0, table.output
    assert "lumora-mail.example" in table.output
    found = json.loads((await inspect("site", "lumora.example", "--json")).output)
    assert found["rank"] == 1
    assert [row["site"] for row in found["look_alikes"]] == ["lumora-mail.example"]
    assert found["look_alikes"][0]["same_file"] is True
    as_csv = await inspect("site", "lumora.example", "--csv", "--table", "look_alikes")
    (row,) = csv.DictReader(io.StringIO(as_csv.output))
    assert (row["site"], row["rank"], row["distance"]) == ("lumora-mail.example", "2", "0")


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv", "--table", "icons"), ("--pictures",)])
async def test_hostile_texts_do_not_reach_the_terminal(
    inspect: Inspect, three_sites: bytes, form: tuple[str, ...]
) -> None:
    for command in (("site", "loud.example"), ("errors",)):
        if command == ("errors",) and form not in ((), ("--json",)):
            continue
        printed = (await inspect(*command, *form)).output
        plain = printed if "--pictures" not in form else printed.replace("\x1b[", "")
        assert not set(plain) & {"\x1b", "\x07", "\u202e", "\x9b"}, printed
        assert "owned" in printed


async def test_csv_cells_that_look_like_formulas_are_made_text(inspect: Inspect, three_sites: bytes) -> None:
    printed = (await inspect("site", "lumora.example", "--csv", "--table", "icons")).output
    (row,) = csv.DictReader(io.StringIO(printed))
    assert row["icon_url"] == "'=https://lumora.example/i.png"


async def test_a_picture_is_drawn_in_half_blocks(inspect: Inspect, three_sites: bytes) -> None:
    drawn = (await inspect("site", "lumora.example", "--pictures")).output
    assert drawn.count("▀") >= 16 * 8
    assert "▀" not in (await inspect("site", "lumora.example", "--no-pictures")).output
    text = half_blocks(Thumbnail(1, 2, bytes((255, 0, 0, 0, 0, 255))))
    assert (text.plain, str(text.spans[0].style)) == ("▀", "#ff0000 on #0000ff")


async def test_an_undecodable_picture_is_left_undrawn(
    inspect: Inspect, three_sites: bytes, connection: OwnConnection
) -> None:
    await connection.execute("UPDATE favicons SET body = 'no picture'")
    result = await inspect("site", "lumora.example", "--pictures")
    assert result.exit_code == 0
    assert "▀" not in result.output


async def test_a_look_by_file_and_by_hash(inspect: Inspect, three_sites: bytes, tmp_path: Path) -> None:
    file = tmp_path / "icon.png"
    file.write_bytes(three_sites)
    by_file = json.loads((await inspect("look", str(file), "--json")).output)
    assert [row["site"] for row in by_file["wearers"]] == ["lumora.example", "lumora-mail.example"]
    by_hash = json.loads((await inspect("look", by_file["looks"][0]["pdq"], "--json")).output)
    assert by_hash["wearers"] == [row | {"same_file": False} for row in by_file["wearers"]]
    (tmp_path / "page.html").write_text("<!DOCTYPE html>")
    refused = await inspect("look", str(tmp_path / "page.html"))
    assert refused.exit_code == 1


async def test_overlaps_are_one_json_line_a_row(inspect: Inspect, three_sites: bytes) -> None:
    lines = [json.loads(line) for line in (await inspect("overlaps", "--json")).output.splitlines()]
    assert [(line["table"], line.get("owner") or line["site"]) for line in lines] == [
        ("overlaps", "lumora.example"),
        ("members", "lumora.example"),
        ("members", "lumora-mail.example"),
    ]


async def test_pages_go_on_where_they_ended(
    inspect: Inspect, three_sites: bytes, connection: OwnConnection
) -> None:
    await connection.execute(
        "INSERT INTO icon_errs (target_url_id, error, retry_at) SELECT target_url_id + 0, error, retry_at"
        " FROM (SELECT id AS target_url_id FROM target_urls WHERE url NOT LIKE '%loud%') AS t,"
        " (SELECT error, retry_at FROM icon_errs LIMIT 1) AS e"
    )
    seen: list[Any] = []
    after: tuple[str, ...] = ()
    for _ in range(3):
        lines = [
            json.loads(line)
            for line in (await inspect("errors", "--json", "--limit", "1", *after)).output.splitlines()
        ]
        seen += [line["site"] for line in lines if line["table"] == "errors"]
        after = next((("--after", line["after"]) for line in lines if line["table"] == "more"), ())
    assert sorted(seen) == ["loud.example", "lumora-mail.example", "lumora.example"]
    assert not after


async def test_health_is_an_exit_status(inspect: Inspect, connection: OwnConnection) -> None:
    assert (await inspect("health")).exit_code == 0
    await connection.execute("INSERT INTO domains (reversed_name, source) VALUES ('example.due', 'test')")
    result = await inspect("health")
    assert result.exit_code == 1
    assert "samelook crawl run" in result.output
    assert json.loads((await inspect("health", "--json")).output)["healthy"] is False


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("site", "nowhere.example"), 1, "No domain nowhere.example"),
        (("site", "not a domain"), 2, "Not a domain name"),
        (("look", "zz"), 1, "no file here"),
        (("look", "0" * 64, "--signal", "md5"), 2, "cannot be compared"),
        (("errors", "--phase", "lunch"), 2, "no phase"),
        (("errors", "--since", "yesterday"), 2, "--since"),
        (("errors", "--after", "here"), 2, "page mark"),
        (("queue", "--csv", "--table", "chairs"), 2, "phases, workers"),
        (("reports", "--kind", "praise"), 2, "no kind of report"),
    ],
)
async def test_bad_questions_are_one_line_and_a_status(
    inspect: Inspect, arguments: tuple[str, ...], status: int, says: str
) -> None:
    result = await inspect(*arguments)
    assert result.exit_code == status, result.output
    assert says in result.output
    assert "Traceback" not in result.output


async def test_an_empty_database_asks_for_migration(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMELOOK_DATABASE_URL", empty_database_url)
    result = await asyncio.to_thread(CliRunner().invoke, app, ["queue"])
    assert result.exit_code == 1
    assert "samelook db migrate" in result.output


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("samelook insp", ["inspect"]),
        ("samelook inspect errors --kind blocked_", ["blocked_address", "blocked_port"]),
        ("samelook inspect errors --phase ", ["domains", "icons", "hashes"]),
        ("samelook inspect look --signal phash", ["phash"]),
        ("samelook inspect grey --reason re", ["reported"]),
        ("samelook inspect reports --kind f", ["flag", "false_lock"]),
        ("samelook inspect inject fault http", ["http-503"]),
        ("samelook inspect errors --since 1", ["15m", "1h", "12h", "1d"]),
    ],
)
async def test_the_shell_completes(typed: str, offered: list[str]) -> None:
    words = typed.split(" ")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from samelook.cli import app; app(prog_name='samelook')",
        env={
            **os.environ,
            "_SAMELOOK_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(words) - 1),
        },
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert output.decode().split() == offered


async def test_words_that_nobody_knows_are_refused(inspect: Inspect, three_sites: bytes) -> None:
    for arguments, message in (
        (("errors", "--kind", "meteor"), "is no kind of error; there are"),
        (("grey", "--reason", "mood"), "is no reason to be grey; write degenerate"),
    ):
        answer = await inspect(*arguments)
        assert answer.exit_code == 2
        assert message in answer.output
    answer = await inspect("errors", "--kind", "site_busy")
    assert (answer.exit_code, "Nothing was found." in answer.stdout) == (0, True)


def test_help_teaches_by_example() -> None:
    for command in ("site", "look", "overlaps", "errors", "grey", "reports", "queue", "health"):
        printed = CliRunner().invoke(app, [command, "--help"]).output
        assert f"samelook inspect {command}" in printed, command


def test_harmless_keeps_what_can_be_read() -> None:
    assert harmless("naïve 日本 ±") == "naïve 日本 ±"
    assert harmless("a\x1b[2Jb\u202ec\u2028\u200d") == "a\\x1b[2Jb\\u202ec\\u2028\\u200d"


async def test_injection_is_off_unless_allowed(
    inspect: Inspect, three_sites: bytes, connection: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = await inspect("inject", "fault", "dns")
    assert refused.exit_code == 1
    assert "SAMELOOK_ALLOW_INJECTION=1" in refused.output
    assert await connection.fetchval("SELECT count(*) FROM injected_faults") == 0
    monkeypatch.setenv("SAMELOOK_ALLOW_INJECTION", "1")
    done = await inspect("inject", "fault", "timeout", "--site", "lumora.example", "--for", "5m")
    assert done.exit_code == 0, done.output
    assert "timeout falls on lumora.example" in done.output
    error = await inspect("inject", "error", "lumora.example", "--phase", "icons", "--kind", "dns_failed")
    assert "1 injected error." in error.output
    result = await inspect("inject", "result", "loud.example", "--wearing", "lumora.example")
    assert "1 injected icon." in result.output
    assert "INJECTED" in (await inspect("site", "loud.example")).output
    assert "INJECTED" in (await inspect("errors")).output
    listed = json.loads((await inspect("inject", "--json")).output)
    assert (listed["faults_in_force"], listed["errors"], listed["results"]) == (1, 1, 2)
    # What is in the way can be cleared without leave.
    monkeypatch.delenv("SAMELOOK_ALLOW_INJECTION")
    cleared = json.loads((await inspect("inject", "--clear", "--json")).output)
    assert cleared == {"faults": 1, "errors": 1, "restored": 0, "results": 2}
    for wrong in (("--for", "soon"), ("--share", "2"), ("--site", "nowhere.example")):
        monkeypatch.setenv("SAMELOOK_ALLOW_INJECTION", "1")
        assert (await inspect("inject", "fault", "dns", *wrong)).exit_code in (1, 2)
