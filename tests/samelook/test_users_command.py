"""`samelook users list`: a table for people, lines for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def users(*arguments: str, database_url: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "samelook", "users", *arguments],
        env={**os.environ, "SAMELOOK_DATABASE_URL": database_url},
        input=typed,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def test_accounts_are_listed_for_people_and_for_programs(database_url: str) -> None:
    none = users("list", database_url=database_url)
    assert (none.stdout, "no accounts yet" in none.stderr) == ("", True)
    for name, role in (("anna", "curator"), ("bert", "viewer")):
        added = ("add", name, "--role", role, "--password-stdin")
        users(*added, database_url=database_url, typed="a long password\n")
    table = users("list", database_url=database_url).stdout.splitlines()
    assert table[0].split() == ["name", "role", "made", "last", "signed", "in"]
    assert [(row.split()[:2], row.split()[-1]) for row in table[1:]] == [
        (["anna", "curator"], "never"),
        (["bert", "viewer"], "never"),
    ]
    rows = [
        json.loads(line) for line in users("list", "--json", database_url=database_url).stdout.splitlines()
    ]
    assert [(row["name"], row["role"], row["last_signed_in"]) for row in rows] == [
        ("anna", "curator", None),
        ("bert", "viewer", None),
    ]
    assert all(row["created_at"] for row in rows)
