"""The short form of bench/faults: nothing acknowledged is lost or twice, and /readyz tells the truth."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bench.faults import crawling, database, killing, surroundings
from bench.faults.outcome import Outcome
from bench.faults.servers import one_server
from bench.faults.service import loaded, serving

pytestmark = pytest.mark.timeout(240)
UNTRUE_S = 10.0
"""/readyz may be late for so long on a machine that is busy with other tests; bench/faults asks for 2 s."""


def check(outcome: Outcome) -> None:
    assert outcome.untrue_s < UNTRUE_S
    outcome.untrue_s = 0.0
    assert outcome.faults == []


async def test_a_database_that_fails_in_every_way_under_one_service(tmp_path: Path) -> None:
    with one_server(*database.FEW_CONNECTIONS) as server:
        async with serving(server.url, tmp_path) as service, loaded(service, server.url) as load:
            for fault in database.FAULTS:
                outcome = await load.outcome(fault.__name__, await fault(server, load, 1.5))
                check(outcome)
                assert outcome.acknowledged > 20


@pytest.mark.parametrize(
    "scenario",
    [
        database.out_of_disk,
        database.failed_over,
        database.embedded_killed,
        surroundings.snapshot_disk_full,
        surroundings.no_names,
        *crawling.SCENARIOS,
    ],
    ids=lambda scenario: scenario.__name__,
)
async def test_scenario(scenario: Callable[[Path], Awaitable[Outcome]], tmp_path: Path) -> None:
    outcome = await scenario(tmp_path)
    check(outcome)
    assert outcome.acknowledged > 20 or "not run" in outcome.said


@pytest.mark.parametrize(
    "scenario", [killing.migration, killing.index_build], ids=lambda scenario: scenario.__name__
)
async def test_killed(scenario: Callable[[Path, int], Awaitable[Outcome]], tmp_path: Path) -> None:
    check(await scenario(tmp_path, 2))
