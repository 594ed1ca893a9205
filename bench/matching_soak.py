"""A live index under constant change: `python -m bench.matching_soak --minutes 10`.

One thread, as in a worker's event loop: every 10 ms it applies a hundredth of the changes of a second
(half additions, half removals of random items), and asks queries the rest of the time; merges and purges
run in the index's own background thread. Quiet and changing stretches are measured in the same process.
Bars: the 99th percentile of queries within twice that of the quiet index, and memory flat after warm-up.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np
import psutil

from bench.matching_data import near, uniform
from samelook.matching import HammingIndex

STEP_S = 0.01


def megabytes() -> float:
    memory = psutil.Process().memory_info()
    return float(memory.rss - memory.shared) / 1e6


class Soak:
    def __init__(self, count: int, changes: int) -> None:
        self.rng = np.random.default_rng(5)
        codes = uniform(count)
        self.index = HammingIndex(256)
        self.index.add(codes, np.arange(count))
        self.index.merge()
        self.queries = near(codes, 20_000, 31)
        self.live = np.arange(count)
        self.next_id = count
        self.half = max(1, round(changes * STEP_S / 2))
        self.asked = 0

    def change(self) -> None:
        places = self.rng.choice(len(self.live), self.half, replace=False)
        self.index.remove(self.live[places])
        ids = np.arange(self.next_id, self.next_id + self.half)
        self.index.add(self.rng.integers(0, 256, (self.half, 32), dtype=np.uint8), ids)
        self.live[places] = ids
        self.next_id += self.half

    def run(self, seconds: float, *, changing: bool) -> tuple[Any, float]:
        """Query times in µs, and the share of time that changes took."""
        times: list[float] = []
        started = time.perf_counter()
        due, spent = started, 0.0
        while (now := time.perf_counter()) < started + seconds:
            if changing and now >= due:
                self.change()
                due += STEP_S
                spent += time.perf_counter() - now
            query = self.queries[self.asked % len(self.queries)]
            self.asked += 1
            before = time.perf_counter()
            self.index.search(query, 31)
            times.append(time.perf_counter() - before)
        return np.array(times, np.float32) * 1e6, spent / seconds


def _trend(memory: list[float]) -> float:
    third = len(memory) // 3
    return float(np.mean(memory[-third:]) / np.mean(memory[-2 * third : -third]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--changes", type=int, default=1000, help="a second")
    options = parser.parse_args()
    soak = Soak(options.size, options.changes)
    soak.run(2, changing=False)
    stretch = options.minutes * 60 / 20
    quiet, _ = soak.run(max(10, stretch), changing=False)
    print(
        f"quiet: p50 {np.median(quiet):.1f} us, p99 {np.quantile(quiet, 0.99):.1f} us, {megabytes():.0f} MB"
    )
    memory, worst = [], []
    for number in range(20):
        times, share = soak.run(stretch, changing=True)
        memory.append(megabytes())
        worst.append(float(np.quantile(times, 0.99)))
        status = soak.index.status()
        print(
            f"{(number + 1) * stretch / 60:5.1f} min:"
            f" p50 {np.median(times):6.1f} us, p99 {worst[-1]:6.1f} us,"
            f" max {times.max() / 1000:5.1f} ms, {memory[-1]:6.0f} MB,"
            f" tail {status.tail}, dead {status.dead_codes},"
            f" changing {share:.0%} of the time",
            flush=True,
        )
    soak.index.settle()
    again, _ = soak.run(max(10, stretch), changing=False)
    quiet_p99 = min(float(np.quantile(quiet, 0.99)), float(np.quantile(again, 0.99)))
    assert len(soak.index) == options.size
    sample = soak.rng.choice(soak.live, 200)
    kept = set(soak.index.search(bytes(32), 256)[0].tolist())
    assert all(int(one) in kept for one in sample)
    assert len(kept) == options.size
    warm = memory[len(memory) // 4 :]
    # Dead codes stay until they are a tenth, so memory swings by that much.
    bars = [
        (
            "p99 while changing, times the quiet p99 (median stretch)",
            float(np.median(worst)) / quiet_p99,
            2.0,
        ),
        ("largest memory after warm-up, times the smallest", max(warm) / min(warm), 1.3),
        ("memory of the last third, times the third before", _trend(warm), 1.1),
    ]
    for name, value, limit in bars:
        print(f"{'pass' if value <= limit else 'FAIL'}  {name:<60}{value:6.2f} <= {limit:g}")
    return 0 if all(value <= limit for _, value, limit in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
