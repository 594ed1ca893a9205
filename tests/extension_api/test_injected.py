"""What was injected on purpose never tells in a verdict, and what it hid comes back."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from samelook.demo.sample_web.sites import SITES
from samelook.extension_api.judge import Judge
from samelook.facts.questions import Asked
from samelook.facts.settings import VerdictSettings
from samelook.inspector.injection import clear, inject_error, inject_result
from samelook.sql.pool import open_connection

HOSTS = (
    "lumora.example",
    "lumora-secure.example",
    "rowanwiki.example",
    "halfsent.example",
    "roundabout.example",
)


def told(sample: Any) -> dict[str, tuple[str, tuple[str, ...]]]:
    judge = Judge(sample.follower, VerdictSettings(), time.time)
    decisions = {site.host: judge.judge(Asked.about(site.host)).decision for site in SITES}
    return {host: (str(one.verdict), one.codes) for host, one in decisions.items()}


@pytest.mark.parametrize("phase", ["domains", "icons", "hashes"])
async def test_injected_errors_change_no_verdict(sample: Any, phase: Any) -> None:
    before = told(sample)
    async with open_connection(sample.database) as connection:
        # One that never was reached has no icon that could fail.
        for host in HOSTS if phase == "domains" else HOSTS[:-1]:
            await inject_error(connection, host, phase=phase, kind="timeout", retry_in=timedelta(days=1))
        assert await connection.fetchval("SELECT count(*) FROM site_changes") > 0
    await sample.catch_up()
    assert told(sample) == before
    async with open_connection(sample.database) as connection:
        await clear(connection)
        assert await connection.fetchval("SELECT count(*) FROM site_changes") > 0
    await sample.catch_up()
    assert told(sample) == before


async def test_an_injected_result_makes_nobody_an_owner_and_wakes_the_keeper_when_it_goes(
    sample: Any,
) -> None:
    before = told(sample)
    async with open_connection(sample.database) as connection:
        await inject_result(connection, "plainpaper.example", wearing="lumora.example")
    await sample.catch_up()
    assert told(sample) == before
    async with open_connection(sample.database) as connection:
        await clear(connection)
        assert await connection.fetchval("SELECT count(*) FROM site_changes") > 0
    await sample.catch_up()
    assert told(sample) == before
