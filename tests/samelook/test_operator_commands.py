"""`samelook site`, `reports`, `families`, `catalogue` and the inspector's lists, as they are typed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from samelook.cli import app
from samelook.sql.pool import OwnConnection

Samelook = Callable[..., Awaitable[Any]]


@pytest.fixture
def samelook(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Samelook:
    """Runs a command on the test's database, on a terminal of 80 columns."""
    monkeypatch.setenv("SAMELOOK_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "80")

    async def run(*arguments: str) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))

    return run


async def test_a_site_is_allowed_listed_and_forgotten(samelook: Samelook) -> None:
    done = await samelook("site", "allow", "https://www.lumora.com/x", "--for", "30d", "--note", "ticket 17")
    assert (done.exit_code, done.stdout) == (0, "lumora.com is allowed for 30d.\n")
    listed = await samelook("inspect", "lists", "--json")
    (row,) = (json.loads(line) for line in listed.stdout.splitlines())
    assert (row["site"], row["list"], row["note"]) == ("lumora.com", "allow", "ticket 17")
    done = await samelook("site", "block", "lumora.com", "--json")
    assert json.loads(done.stdout) == {"site": "lumora.com", "list": "block", "expires_s": None}
    assert (await samelook("site", "forget", "lumora.com")).stdout == "lumora.com is on no list.\n"
    acts = await samelook("inspect", "audit", "lumora.com", "--json")
    rows = [json.loads(line) for line in acts.stdout.splitlines()]
    assert [row["action"] for row in rows] == ["forget", "block", "allow"]
    assert all("@" in row["who"] for row in rows)


async def test_a_family_is_stated(samelook: Samelook) -> None:
    done = await samelook("site", "family", "lumora.com", "lumora.de", "--note", "their shop")
    assert done.stdout == "lumora.com, lumora.de are one family.\n"
    done = await samelook("site", "family", "--unrelated", "lumora.com", "club.net", "--json")
    assert json.loads(done.stdout) == {"sites": ["lumora.com", "club.net"], "related": False}


async def test_lists_are_imported_and_what_is_refused_is_said(
    samelook: Samelook, connection: OwnConnection, tmp_path: Path
) -> None:
    await connection.execute(
        "INSERT INTO domains (reversed_name, harmonic_position, source) VALUES ('com.lumora', 7, 'tranco')"
    )
    families = tmp_path / "list.json"
    families.write_text(
        json.dumps(
            [
                {"shared": ["lumora.com", "lumora.de"]},
                {"shared": ["nobody.net", "nowhere.net"]},
                {"shared": ["lumora.com", "paypal.com", "chase.com"]},
            ]
        )
    )
    done = await samelook("families", "import", str(families), "--name", "apple")
    assert done.exit_code == 0
    assert "apple: 1 family, 2 groups refused." in done.stdout
    assert "none of its sites has a rank" in done.stdout
    assert "would make" in done.stdout
    vendors = tmp_path / "vendors.tsv"
    vendors.write_text("toy-panel.com\tToy Panel\npaypal.com\tPayPal\nlumora.com\tLumora\n")
    done = await samelook("catalogue", "import", str(vendors), "--json")
    found = json.loads(done.stdout)
    assert (found["vendors"], len(found["refused"])) == (1, 2)
    assert (await samelook("catalogue", "forget", "Toy Panel")).exit_code == 0


async def test_reports_are_listed_and_dismissed(samelook: Samelook, connection: OwnConnection) -> None:
    await connection.execute(
        "INSERT INTO reports (site, kind, network) VALUES ('lumora.com', 'false_lock', 'n')"
    )
    listed = await samelook("reports", "list", "--kind", "false_lock", "--json")
    assert json.loads(listed.stdout)["site"] == "lumora.com"
    done = await samelook("reports", "dismiss", "lumora.com", "--note", "wrong")
    assert done.stdout == "1 report on lumora.com dismissed.\n"


async def test_who_was_locked_fits_a_small_terminal(samelook: Samelook, connection: OwnConnection) -> None:
    verdict = {
        "verdict": "lock",
        "reasons": [{"code": "looks_like"}],
        "looks_like": [{"site": "lumora.com", "rank": 7}],
    }
    await connection.execute(
        "INSERT INTO explained_verdicts (id, site, verdict)"
        " VALUES (gen_random_uuid(), 'lumora-login.top', $1)",
        verdict,
    )
    shown = await samelook("inspect", "verdicts", "--since", "1d")
    assert shown.exit_code == 0
    assert "lumora-login.top" in shown.stdout
    assert "lumora.com" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    (row,) = (
        json.loads(line) for line in (await samelook("inspect", "verdicts", "--json")).stdout.splitlines()
    )
    assert (row["site"], row["copies"], row["rank"]) == ("lumora-login.top", "lumora.com", 7)
    assert (await samelook("inspect", "verdicts", "--verdict", "grey")).exit_code == 0
    assert (await samelook("inspect", "common")).exit_code == 0


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["site", "allow", "localhost"], 1),
        (["site", "allow", "lumora.com", "--for", "a while"], 2),
        (["site", "allow", "lumora.com", "--for", "0s"], 2),
        (["site", "family", "lumora.com"], 1),
        (["families", "import", "/nowhere/list.json"], 2),
        (["catalogue", "add", "Toy", "--picture", "nonsense"], 2),
        (["catalogue", "add", "Toy", "--picture", "00" * 32], 1),
        (["inspect", "verdicts", "--verdict", "trusted"], 2),
    ],
)
async def test_bad_words_end_with_one_line(samelook: Samelook, words: list[str], status: int) -> None:
    ended = await samelook(*words)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        # `main` turns these into a line; the runner calls the application below it.
        from samelook.terminal.problems import explained

        advice = explained(ended.exception)
        assert advice is not None, ended.exception
        assert advice[1] == status
    else:
        assert ended.exit_code == status
