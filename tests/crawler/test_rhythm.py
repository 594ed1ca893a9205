"""When a repeated run is due."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samelook.crawler.rhythm import Due, Rhythm, again_after

NOW = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)
SIX_HOURS = Rhythm(timedelta(hours=6), time(3, 0))


def at(hour: int, minute: int = 0, day: int = 10) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rhythm", "last", "due"),
    [
        (Rhythm(timedelta(hours=6)), None, Due(NOW)),
        (Rhythm(timedelta(hours=6)), at(10), Due(at(16))),
        (Rhythm(timedelta(hours=6)), at(8), Due(at(14))),
        (Rhythm(timedelta(hours=6)), at(8, day=9), Due(at(14), 4)),
        (SIX_HOURS, None, Due(at(15))),
        (SIX_HOURS, at(9), Due(at(15))),
        (SIX_HOURS, at(9, 0, 9), Due(at(9), 3)),
        (Rhythm(timedelta(days=1), time(3)), at(3), Due(at(3, 0, 11))),
        # A week's rhythm begins at the next such hour, and keeps a week between its runs.
        (Rhythm(timedelta(days=7), time(3)), None, Due(at(3, 0, 11))),
        (Rhythm(timedelta(days=7), time(3)), at(3, 0, 4), Due(at(3, 0, 11))),
        (Rhythm(timedelta(days=7), time(3)), at(5, 17, 4), Due(at(3, 0, 11))),
        (Rhythm(timedelta(days=7), time(3)), at(2, 59, 4), Due(at(3, 0, 10), 0)),
        # Somebody ran it at another time before: the grid holds from now on.
        (SIX_HOURS, at(12, 17), Due(at(15))),
    ],
)
def test_the_next_time(rhythm: Rhythm, last: datetime | None, due: Due) -> None:
    assert rhythm.due(last, NOW) == due


@given(
    minutes=st.integers(1, 100_000),
    hour=st.none() | st.times(),
    ago=st.none() | st.integers(0, 10_000_000),
)
def test_a_run_is_due_once_and_never_more_than_a_span_ago(
    minutes: int, hour: time | None, ago: int | None
) -> None:
    rhythm = Rhythm(timedelta(minutes=minutes), hour)
    last = None if ago is None else NOW - timedelta(seconds=ago)
    due = rhythm.due(last, NOW)
    assert last is None or due.at > last
    assert due.at > NOW - rhythm.every
    # The next one, asked for at that very moment, lies in the future.
    assert rhythm.due(due.at, max(due.at, NOW)).at > max(due.at, NOW) or due.at <= NOW
    assert rhythm.due(due.at, due.at) == Due(due.at + rhythm.every)


def test_jitter_delays_and_never_hurries() -> None:
    rhythm = Rhythm(timedelta(hours=1), jitter=timedelta(minutes=5))
    delays = [rhythm.delay(random.Random(seed)) for seed in range(50)]
    assert all(timedelta() <= delay <= rhythm.jitter for delay in delays)
    assert max(delays) - min(delays) > timedelta(minutes=3)


def test_what_failed_is_tried_again_ever_later() -> None:
    waits = [again_after(failures) for failures in (1, 2, 3, 60)]
    assert waits[0] == timedelta(hours=1)
    assert waits == sorted(set(waits))
