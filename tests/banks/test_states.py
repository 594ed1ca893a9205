"""The states of contents: right for any order of changes, and without a trace of what was removed."""

from __future__ import annotations

import numpy as np

from samelook.banks.states import ContentStates


def test_states_are_those_of_a_dictionary_after_any_changes() -> None:
    dice, states, expected = np.random.default_rng(5), ContentStates(), dict[int, tuple[int, int]]()
    for _ in range(60):
        ids = np.unique(dice.integers(0, 60_000, dice.integers(1, 400)))
        banks = dice.integers(0, 3, len(ids)).astype(np.int32)
        times = dice.integers(0, 2**40, len(ids))
        states.set(ids, banks, times)
        expected |= dict(zip(ids.tolist(), zip(banks.tolist(), times.tolist(), strict=True), strict=True))
        for count in (3, 300):
            asked = dice.integers(0, 80_000, count)
            homes, until = states.of(asked)
            known = [expected.get(one, (0, 0)) for one in asked.tolist()]
            assert homes == [bank for bank, _ in known]
            assert [time for home, time in zip(homes, until, strict=True) if home] == [
                time for bank, time in known if bank
            ]
            assert states.exist(asked).tolist() == [bank > 0 for bank, _ in known]
    assert len(states) == sum(bank > 0 for bank, _ in expected.values())


def test_contents_that_came_and_went_leave_no_memory_behind() -> None:
    states = ContentStates()
    lasting = np.array([7], np.int64)
    states.set(lasting, np.ones(1, np.int32), np.ones(1, np.int64))
    for begin in range(10, 2_000_000, 20_000):
        ids = np.arange(begin, begin + 20_000)
        states.set(ids, np.ones(len(ids), np.int32), np.ones(len(ids), np.int64))
        states.set(ids, np.zeros(len(ids), np.int32), np.ones(len(ids), np.int64))
    assert len(states._pages) == 1
    assert states.of(lasting) == ([1], [1])
