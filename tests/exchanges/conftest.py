"""Exchanges against a database of the test's own, with everything that waits made quick."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from exchanges.fetching import FetchOutcome, fetch_once
from exchanges.settings import ExchangeSettings
from exchanges.store import ExchangeStore
from sql.pool import Pool

pytest.importorskip("threatexchange", reason="the exchanges extra is not installed: its tests DO NOT RUN")


@pytest.fixture
def settings() -> ExchangeSettings:
    """As at work, but impatient."""
    return ExchangeSettings(retry_s=0.01, silence_s=60.0)


@pytest.fixture
def store(pool: Pool, settings: ExchangeSettings) -> ExchangeStore:
    return ExchangeStore(pool, settings)


Fetch = Callable[..., Awaitable[FetchOutcome]]


@pytest.fixture
def fetch(pool: Pool, settings: ExchangeSettings) -> Fetch:
    """Fetches an exchange, with settings of the test's choice."""

    async def run(name: str, *, from_scratch: bool = False, **choices: Any) -> FetchOutcome:
        return await fetch_once(pool, name, replace(settings, **choices), from_scratch=from_scratch)

    return run
