"""Everything at once, for long: `python -m bench.soak [--minutes N] [--changes N]`.

One service and one crawl on one Postgres. Sites are checked, hashes looked up, contents edited, sites
reported and crawled, while the index takes so many changes a second: banks are filled and removed in turn.
Bars: no error, memory flat after the first third (slope within its noise), the 99th percentile steady; a
burst of three times what the service can do is shed, and latency is back within five seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import numpy as np
import psutil

from bench.faults.killing import command, killed_after, small_web
from bench.faults.servers import one_server
from bench.faults.service import Service, database_settings, serving
from bench.soak_burst import Burst
from samelook.sql.pool import open_pool

SITES = 400
FULL_S = 30.0
"""A bank is filled for so long, and the one before it removed."""
CAPACITY_S, BURST_S, BACK_S = 4.0, 8.0, 5.0
FILL_S = 60.0
"""Seconds of questions, as many as are answered, before anything is counted: caches have bounds in bytes, and
memory grows while they fill, which at the soak's own pace takes hours."""
_SAMPLE_S = 2.0
HEADER = "minute changes/s lookup p50  p99 ms check p50  p99 ms     MB  wrong"


@dataclass
class Soak:
    """What is asked, and what came back."""

    session: aiohttp.ClientSession
    process: psutil.Process
    url: str
    latencies: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """When and how long, in ms, by kind of question."""
    statuses: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)
    changes: int = 0
    known: list[str] = field(default_factory=list)

    async def ask(
        self, kind: str, method: str, path: str, *, expected: tuple[int, ...] = (200,), **more: object
    ) -> object:
        """An answer's JSON, timed; None for one that was not expected."""
        began = time.perf_counter()
        try:
            async with self.session.request(method, path, **more) as answer:  # type: ignore[arg-type]
                body = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            self.statuses[f"{kind}: {type(error).__name__}"] += 1
            return None
        self.latencies.setdefault(kind, []).append((time.monotonic(), 1000 * (time.perf_counter() - began)))
        if status not in expected:
            self.statuses[f"{kind}: {status} {body[:80].decode(errors='replace')}"] += 1
            return None
        return json.loads(body) if body[:1] in (b"{", b"[") else body

    async def change_for_ever(self, per_s: int) -> None:
        """Fills banks and removes them, the oldest of two first."""
        number, filled, due = 0, 0, time.monotonic()
        while True:
            name = f"SOAK_{number}"
            await self.ask("bank edit", "POST", "/c/banks", expected=(201,), json={"name": name})
            before, full = filled, time.monotonic() + FULL_S
            filled = 0
            while time.monotonic() < full:
                values = [secrets.token_hex(32) for _ in range(per_s // 2)]
                lines = "\n".join(f"pdq {value}" for value in values)
                added = await self.ask(
                    "bulk",
                    "POST",
                    f"/c/bank/{name}/signals",
                    data=lines,
                    headers={"Content-Type": "text/plain"},
                )
                if added is not None:
                    filled += len(values)
                    self.changes += len(values)
                    self.known = values[:50]
                due = max(due + 1.0, time.monotonic() - 5)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            if number:
                await self.ask("bank removal", "DELETE", f"/c/bank/SOAK_{number - 1}")
                self.changes += before
            number += 1

    async def edit_for_ever(self) -> None:
        """Adds a content, says something of it, removes it."""
        await self.ask("bank edit", "POST", "/c/banks", expected=(201,), json={"name": "EDITED"})
        while True:
            made = await self.ask(
                "bank edit", "POST", "/c/bank/EDITED/signal", json={"pdq": secrets.token_hex(32)}
            )
            if isinstance(made, dict):
                path = f"/c/bank/EDITED/content/{made['id']}"
                await self.ask("bank edit", "PUT", path, json={"note": secrets.token_hex(8)})
                await self.ask("bank edit", "DELETE", path)
            await asyncio.sleep(0.5)

    async def look_up_for_ever(self, pause_s: float = 0.03) -> None:
        """Half of what is asked for is there."""
        while True:
            value = (
                random.choice(self.known) if self.known and random.random() < 0.5 else secrets.token_hex(32)
            )
            await self.ask("lookup", "GET", f"/m/raw_lookup?signal_type=pdq&signal={value}")
            await asyncio.sleep(pause_s)

    async def check_for_ever(self, pause_s: float = 0.05) -> None:
        """Sites of the crawl, and invented ones with an invented icon."""
        while True:
            await self.check()
            await asyncio.sleep(pause_s)

    async def check(self) -> None:
        site = f"s{random.randrange(SITES)}.example.com" if random.random() < 0.5 else _invented()
        icon = {"signals": {"pdq": secrets.token_hex(32)}}
        await self.ask("check", "POST", "/x/v1/check", json={"url": f"https://{site}/", "icons": [icon]})

    async def report_for_ever(self) -> None:
        """As often as one network may."""
        made = await self.ask("report", "POST", "/x/v1/clients", expected=(201,), json={})
        token = made["client"] if isinstance(made, dict) else ""
        while True:
            body = {"url": f"https://{_invented()}/", "kind": "flag"}
            headers = {"X-Samelook-Client": token}
            await self.ask("report", "POST", "/x/v1/report", expected=(201,), json=body, headers=headers)
            await asyncio.sleep(65)

    async def watch_for_ever(self) -> None:
        """Memory of the serving process and its decoders; health."""
        while True:
            await self.ask("health", "GET", "/status/live")
            used = 0
            for one in (self.process, *self.process.children(recursive=True)):
                with suppress(psutil.Error):
                    info = one.memory_info()
                    used += info.rss - info.shared
            self.memory.append((time.monotonic(), used / 1e6))
            await asyncio.sleep(_SAMPLE_S)

    def percentile(self, kind: str, share: float, since: float = 0.0, until: float = float("inf")) -> float:
        found = [ms for at, ms in self.latencies.get(kind, []) if since <= at < until]
        return float(np.quantile(found, share)) if found else float("nan")


def _invented() -> str:
    return f"{secrets.token_hex(5)}.example.org"


async def soaked(minutes: float, per_s: int) -> int:
    with tempfile.TemporaryDirectory(prefix="samelook-soak-") as name, one_server() as server:
        folder = Path(name)
        async with small_web(SITES) as port, serving(server.url, folder) as service:
            async with open_pool(database_settings(server.url)) as pool:
                await pool.execute(
                    "INSERT INTO domains (reversed_name, harmonic_position, source)"
                    " SELECT 'com.example.s' || n, n + 1, 'test' FROM generate_series(0, $1::int - 1) AS n",
                    SITES,
                )
            crawl = await command(
                *("crawl", "run", "--quiet"),
                SAMELOOK_DATABASE_URL=server.url,
                SAMELOOK_DATA_DIR=str(folder / "crawl"),
                SAMELOOK_RESOLVE=f"*=127.0.0.1:{port}",
            )
            try:
                async with _soaking(service) as soak:
                    return await _run(soak, minutes, per_s)
            finally:
                await killed_after(crawl, 0.01)


@asynccontextmanager
async def _soaking(service: Service) -> AsyncIterator[Soak]:
    connections = aiohttp.TCPConnector(limit=0)
    limits = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(service.url, connector=connections, timeout=limits) as session:
        yield Soak(session, psutil.Process(service.process.pid), service.url)


async def _run(soak: Soak, minutes: float, per_s: int) -> int:
    filled = await _asked(soak, FILL_S, 0.0)
    print(f"caches filled by {filled.answered:,} checks in {FILL_S:g} s", flush=True)
    work = [soak.change_for_ever(per_s), soak.edit_for_ever(), soak.report_for_ever(), soak.watch_for_ever()]
    work += [soak.look_up_for_ever(), soak.look_up_for_ever(), soak.check_for_ever(), soak.check_for_ever()]
    tasks = [asyncio.create_task(one) for one in work]
    began = time.monotonic()
    try:
        print(HEADER)

        before = 0
        for minute in range(1, max(1, round(minutes)) + 1):
            since = time.monotonic()
            await asyncio.sleep(began + minute * 60 - since)
            figures = [
                soak.percentile(kind, share, since) for kind in ("lookup", "check") for share in (0.5, 0.99)
            ]
            print(
                f"{minute:6} {(soak.changes - before) / 60:9,.0f} {figures[0]:10.1f} {figures[1]:7.1f} "
                f"{figures[2]:9.1f} {figures[3]:7.1f} {soak.memory[-1][1]:6.0f} {soak.statuses.total():6}",
                flush=True,
            )
            before = soak.changes
        wrong = soak.statuses.total()
        slope, noise = _slope([one for one in soak.memory if one[0] > began + minutes * 20])
        print(f"memory: {slope:+.1f} MB an hour (noise {noise:.1f}) after the first third")
        for kind in sorted(soak.latencies):
            count = len(soak.latencies[kind])
            p50, p99 = soak.percentile(kind, 0.5), soak.percentile(kind, 0.99)
            print(f"{kind:13} {count:8,} p50 {p50:7.1f} p99 {p99:7.1f} ms")
        for text, count in soak.statuses.most_common(10):
            print(f"wrong: {count} {text}")
        back_s = await _burst(soak)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    broken = [one for one in ended if not isinstance(one, asyncio.CancelledError)]
    if broken:
        print(f"wrong: {broken}")
    return int(bool(wrong or broken) or abs(slope) > noise or back_s > BACK_S)


async def _burst(soak: Soak) -> float:
    """Three times what can be done, for some seconds; the seconds until latency is as before.

    Who asks the burst and who watches are processes of their own: one that asks too much is late itself.
    """
    since = time.monotonic()
    capacity = (await _asked(soak, CAPACITY_S, 0.0)).answered / CAPACITY_S
    await asyncio.sleep(3)
    quiet = soak.percentile("health", 0.99, since - 60, since)
    calm = soak.percentile("lookup", 0.99, since - 60, since)
    watching = asyncio.create_task(_watched(soak))
    await asyncio.sleep(1)
    began = time.monotonic()
    burst = await _asked(soak, BURST_S, 3 * capacity)
    ended = began + BURST_S
    watched = await watching
    during = [ms for at, ms in watched if began <= at < ended]
    back_s = _back(watched, ended, calm)
    health = soak.percentile("health", 0.99, began, ended)
    print(
        f"burst: {capacity:,.0f} checks a second are possible; {burst.asked:,} asked in {BURST_S:g} s, "
        f"{burst.answered:,} answered, {burst.shed:,} shed, {burst.wrong:,} wrong, "
        f"the last {burst.late_s:.1f} s later; p99 of the answered {burst.p99_ms:,.0f} ms\n"
        f"lookups: p99 {calm:.0f} ms before, {np.quantile(during, 0.99):.0f} ms meanwhile, as before after "
        f"{back_s:.1f} s; health p99 {health:.0f} ms (before {quiet:.0f})"
    )
    soak.statuses["burst: wrong"] += burst.wrong
    return back_s


async def _asked(soak: Soak, seconds: float, per_s: float) -> Burst:
    """What came of so many checks a second, asked by a process of its own; of as many as can be, with 0."""
    text = await _child("bench.soak_burst", soak.url, str(seconds), str(per_s))
    return Burst(**json.loads(text))


async def _watched(soak: Soak) -> list[tuple[float, float]]:
    """When lookups were asked, and how long each took in ms: from before the burst to long after it."""
    seconds = 1 + BURST_S + 4 * BACK_S
    text = await _child("bench.soak_burst", soak.url, str(seconds), "watch", soak.known[0])
    return [(at, ms) for at, ms in json.loads(text)]


async def _child(module: str, *arguments: str) -> bytes:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments), stdout=asyncio.subprocess.PIPE
    )
    text, _ = await child.communicate()
    return text


def _back(watched: list[tuple[float, float]], ended: float, calm_ms: float) -> float:
    """When lookups of half a second are as fast again as nearly all were."""
    for step in range(int(8 * BACK_S)):
        found = [ms for at, ms in watched if ended + step / 2 <= at < ended + (step + 1) / 2]
        if found and float(np.median(found)) <= max(calm_ms, 5.0):
            return (step + 1) / 2
    return 4 * BACK_S


def _slope(samples: list[tuple[float, float]]) -> tuple[float, float]:
    """MB an hour, and three standard errors of it, by minutes: samples of one minute go together."""
    hours = (np.array([at for at, _ in samples]) - samples[0][0]) / 3600
    used = np.array([mb for _, mb in samples])
    steps = max(4, min(len(used), round(hours[-1] * 60)))
    hours, used = (np.array([part.mean() for part in np.array_split(one, steps)]) for one in (hours, used))
    if len(hours) < 4:
        return 0.0, float("inf")
    (slope, start), rest = np.polyfit(hours, used, 1), hours - hours.mean()
    error = used - (slope * hours + start)
    return float(slope), float(3 * np.sqrt((error**2).sum() / (len(hours) - 2) / (rest**2).sum()))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--minutes", type=float, default=60)
    asked.add_argument(
        "--changes", type=int, default=1000, help="additions a second; as many removals follow"
    )
    chosen = asked.parse_args()
    sys.exit(asyncio.run(soaked(chosen.minutes, chosen.changes)))


if __name__ == "__main__":
    main()
