"""Clusters of sites, beside a slow and simple computation from the sample web's own pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from samelook.demo.sample_web.sites import SITES
from samelook.inspector.errors import BadQuestion
from samelook.inspector.overlaps import overlaps_answer
from samelook.inspector.overlaps_export import export_overlaps
from samelook.inspector.settings import InspectorSettings
from samelook.sql.pool import OwnConnection

SETTINGS = InspectorSettings(page=17)


def simple_clusters(looks: Any, signal: str, within: int) -> list[tuple[str, set[str]]]:
    """Owner and sites of each cluster: the best-ranked free look takes what is near it."""
    wearers: dict[str, list[str]] = {}
    for host, files in looks.files.items():
        for file in files:
            wearers.setdefault(file, []).append(host)
    free = sorted(wearers, key=lambda file: (min(looks.order(host)[:2] for host in wearers[file]), file))
    clusters = []
    while free:
        centre = free[0]
        members = [file for file in free if looks.between(centre, file, signal) <= within]
        free = [file for file in free if file not in members]
        sites = {host for file in members for host in wearers[file]}
        if len(sites) > 1:
            clusters.append((min(sites, key=looks.order), sites))
    return clusters


@pytest.mark.parametrize(
    ("signal", "within"), [("pdq", 31), ("pdq", 0), ("blockhash16", 10), ("phash", 8), ("blockhash8", 0)]
)
async def test_clusters_are_those_of_the_sample_web(
    reader: OwnConnection, sample_looks: Any, signal: str, within: int
) -> None:
    answer = await overlaps_answer(reader, SETTINGS, signal=signal, distance=within)
    overlaps, members = answer.listings
    # Sites without a rank tie in the simple computation; their order is that of the database.
    expected = {frozenset(sites) for _, sites in simple_clusters(sample_looks, signal, within)}
    found = {
        frozenset(row["site"] for row in members.rows if row["cluster"] == number)
        for number in range(1, len(overlaps.rows) + 1)
    }
    assert found == expected
    assert [row["sites"] for row in overlaps.rows] == sorted((len(sites) for sites in expected), reverse=True)
    for row in overlaps.rows:
        if row["owner_rank"] is not None:
            sites = {row["owner"], *row["others"]}
            ranks = [sample_looks.ranks[site] for site in sites if sample_looks.ranks[site] is not None]
            assert sample_looks.ranks[row["owner"]] == row["owner_rank"] == min(ranks)


async def test_equal_drawings_end_up_in_one_cluster(reader: OwnConnection) -> None:
    answer = await overlaps_answer(reader, InspectorSettings(), distance=0)
    clusters = [{row["owner"], *row["others"]} for row in answer.listings[0].rows]
    default_icon = {site.host for site in SITES if site.logo == "quillpress"}
    assert default_icon in clusters


async def test_small_clusters_and_long_lists_are_cut(reader: OwnConnection) -> None:
    large = await overlaps_answer(reader, InspectorSettings(), min_sites=4)
    assert [row["owner"] for row in large.listings[0].rows] == ["lumora.example"]
    short = await overlaps_answer(reader, InspectorSettings(), limit=2)
    assert len(short.listings[0].rows) == 2
    assert "--limit" in short.listings[0].notes[0]


async def test_an_export_says_offline_what_the_clusters_say(reader: OwnConnection, tmp_path: Path) -> None:
    file = tmp_path / "worn.parquet"
    done = await export_overlaps(reader, SETTINGS, file)
    assert list(tmp_path.iterdir()) == [file]
    answer = await overlaps_answer(reader, SETTINGS, distance=31, limit=1000)
    assert answer.facts is not None
    assert done.pictures == answer.facts["pictures"]
    # The page of the documentation, word for word: it leaves `exact` and `near`.
    page = Path(__file__).parents[2] / "docs" / "billion-rows.md"
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(block.replace("worn.parquet", str(file)), names)
    members = answer.listings[1].rows
    together = {frozenset((row["site"], other["site"])) for row in members for other in members
                if row["cluster"] == other["cluster"] and row["site"] < other["site"]}  # fmt: skip
    assert together <= {frozenset(pair) for pair in names["near"]}
    equal = await overlaps_answer(reader, SETTINGS, distance=0, limit=1000)
    assert {frozenset(sites) for _, sites in names["exact"]} >= {
        frozenset([row["owner"], *row["others"]]) for row in equal.listings[0].rows if row["files"] == 1
    }


async def test_an_export_that_cannot_be_written_leaves_nothing(reader: OwnConnection, tmp_path: Path) -> None:
    with pytest.raises(BadQuestion, match="cannot be written"):
        await export_overlaps(reader, SETTINGS, tmp_path / "none" / "worn.parquet")
