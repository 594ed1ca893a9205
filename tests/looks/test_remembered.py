"""What is remembered is bounded by size and by time."""

from __future__ import annotations

from samelook.looks.remembered import Remembered


def test_the_sizes_of_all_values_together_are_bounded() -> None:
    kept: Remembered[int, str] = Remembered(100)
    for number in range(50):
        kept.put(number, "x", 1 + number)
        kept.put(number, "x", 1 + number)
        assert kept.size <= 100
    assert kept.get(49) == "x"
    assert len(kept) == 2
    kept.put(50, "larger than all that may be kept", 101)
    assert (len(kept), kept.size) == (0, 0)


def test_what_is_asked_for_stays_longest() -> None:
    kept: Remembered[str, int] = Remembered(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)


def test_what_is_old_goes_by_itself_as_new_values_come() -> None:
    now = [1000.0]
    kept: Remembered[int, int] = Remembered(1000, lasts_s=60, clock=lambda: now[0])
    for number in range(100):
        now[0] += 10
        kept.put(number, number)
    assert len(kept) <= 8
    assert kept.get(98) == 98
    now[0] -= 3600
    assert kept.get(99) is None, "what comes from the future, as the clock was set back, holds no longer"
