"""The operator's families file: what it says is stated, what it says no longer is taken back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from samelook.extension_api.curation import FamiliesFile, families_in, state_families
from samelook.extension_api.errors import BadRequest
from samelook.names.errors import NotASite
from samelook.sql.pool import Pool


def write(file: Path, text: str, at: int) -> None:
    file.write_text(text, "utf-8")
    os.utime(file, (at, at))


async def stated(pool: Pool) -> set[tuple[str, str, str]]:
    rows = await pool.fetch("SELECT site, other, proof FROM family_proofs")
    return {(row["site"], row["other"], row["proof"]) for row in rows}


async def test_the_database_follows_the_file(pool: Pool, tmp_path: Path) -> None:
    await state_families(pool, [("x.example", "y.example")], provenance="somebody")
    path = tmp_path / "families.txt"
    write(path, "# ours\nb.example a.example www.c.example\n\n", 1_000)
    file = FamiliesFile(path, pool)
    assert await file.take_over()
    mine = {("a.example", "b.example"), ("a.example", "c.example"), ("b.example", "c.example")}
    others = ("x.example", "y.example", "operator")
    assert await stated(pool) == {*((one, two, "operator") for one, two in mine), others}
    assert not await file.take_over()
    write(path, "a.example b.example\n", 2_000)
    assert await file.take_over()
    assert await stated(pool) == {("a.example", "b.example", "operator"), others}
    write(path, "a.example\n", 3_000)
    with pytest.raises(BadRequest, match="line 1"):
        await file.take_over()
    assert await stated(pool) == {("a.example", "b.example", "operator"), others}


@pytest.mark.parametrize(("text", "error"), [("one.example\n", BadRequest), ("a.example b\n", NotASite)])
def test_a_bad_file_says_what_is_wrong(tmp_path: Path, text: str, error: type[Exception]) -> None:
    path = tmp_path / "families.txt"
    path.write_text(text, "utf-8")
    with pytest.raises(error):
        families_in(path)
