"""How fast `/x/v1/check` answers, over a million looks: `python -m bench.check [--looks N] [--json]`.

A server process (the real application, its memory filled with drawn looks) runs on the first processor; the
client has the others. The figures, against the bars of the design:

- known: sites and icons that the service knows, as a share of what a handler reaches that returns a constant
  JSON answer, measured in turns in the same run (bar: at least half)
- new: looks that the service has not seen, sent as bytes, decoded, searched and judged, a second (bar: 300)
- mix: nine known and one new at 500 requests a second: the 99th percentile (bar: 15 ms)

`rss_mb` is the server's memory when everything is loaded; the looks' own bytes are in a file beside it, of
which the system keeps in memory what is read. `load_s` is what taking over the rows takes, without reading
the database. It ends with status 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.check_looks import drawn_looks, encoded, fresh_icons
from bench.check_server import fill, serve
from samelook.extension_api.settings import ExtensionSettings
from samelook.facts.memory import Memory
from samelook.logs import configure_logging
from samelook.postgres.embedded import embedded_postgres
from samelook.sql.migrate import migrate

KNOWN_QUESTIONS = 5000
CONNECTIONS = 16
ROUND_S = 4.0
ROUNDS = 3
MIX_PER_S = 500
MIX_S = 20.0
LEAST_KNOWN_SHARE = 0.5
LEAST_NEW_PER_S = 300
MOST_P99_MS = 15


class Connection:
    """One keep-alive connection that sends prepared requests and waits for each answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> bytes:
        """The answer's body. Raises RuntimeError when it is neither 200 nor 201."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            raise RuntimeError(head.decode("latin-1"))
        at = head.lower().index(b"content-length:") + 15
        return await self._reader.readexactly(int(head[at : head.index(b"\r", at)]))

    def close(self) -> None:
        self._writer.close()


@contextlib.asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    opened = [Connection(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


def request(body: Any) -> bytes:
    data = json.dumps(body).encode()
    head = (
        "POST /x/v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def known(looks: int, count: int) -> list[bytes]:
    """Questions about sites with their own icons, spread over all ranks."""
    numbers = np.linspace(1, looks, count).astype(int).tolist()
    return [
        request({"url": f"site{n}.example", "icons": [{"sha256": n.to_bytes(32, "big").hex()}]})
        for n in numbers
    ]


def new(icons: Sequence[bytes], seed: int) -> list[bytes]:
    return [
        request({"url": f"new{seed}-{n}.example", "icons": [{"data": encoded(icon)}]})
        for n, icon in enumerate(icons)
    ]


async def rate(port: int, requests: Sequence[bytes], seconds: float) -> float:
    """Answers a second over several connections, each asking one question after the other."""
    ends = time.perf_counter() + seconds
    done = 0

    async def run(connection: Connection, mine: Sequence[bytes]) -> None:
        nonlocal done
        while True:
            for one in mine:
                await connection.ask(one)
                done += 1
                if time.perf_counter() >= ends:
                    return

    started = time.perf_counter()
    async with connections(port, CONNECTIONS) as opened:
        await asyncio.gather(*(run(one, requests[k::CONNECTIONS]) for k, one in enumerate(opened)))
    return done / (time.perf_counter() - started)


async def all_of(port: int, requests: Sequence[bytes]) -> float:
    """Answers a second for asking each question once."""

    async def run(connection: Connection, mine: Sequence[bytes]) -> None:
        for one in mine:
            await connection.ask(one)

    started = time.perf_counter()
    async with connections(port, CONNECTIONS) as opened:
        await asyncio.gather(*(run(one, requests[k::CONNECTIONS]) for k, one in enumerate(opened)))
    return len(requests) / (time.perf_counter() - started)


async def mix(
    port: int, known_ones: Sequence[bytes], new_ones: Sequence[bytes], seconds: float
) -> dict[str, float]:
    """Latencies at a fixed rate of arrivals, from when each was due: waiting in line counts."""
    total = int(MIX_PER_S * seconds)
    free: asyncio.Queue[Connection] = asyncio.Queue()
    latencies: list[float] = []

    async def ask(body: bytes, due: float) -> None:
        connection = await free.get()
        await connection.ask(body)
        latencies.append(time.perf_counter() - due)
        free.put_nowait(connection)

    async with connections(port, 64) as opened:
        for one in opened:
            free.put_nowait(one)
        start = time.perf_counter() + 0.1
        async with asyncio.TaskGroup() as group:
            for number in range(total):
                due = start + number / MIX_PER_S
                if (wait := due - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                body = new_ones[number // 10] if number % 10 == 0 else known_ones[number % len(known_ones)]
                group.create_task(ask(body, due))
    p50, p99 = np.percentile(latencies, [50, 99]) * 1000
    return {"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2)}


def cpu_s(server: int) -> tuple[float, float]:
    """Seconds of processor that the server has used, and the processes that decode for it."""
    process = psutil.Process(server)
    children = [child.cpu_times() for child in process.children()]
    own = process.cpu_times()
    return own.user + own.system, sum(times.user + times.system for times in children)


async def measure(looks: int, ports: Sequence[int], server: int) -> dict[str, Any]:
    port, plain = ports
    questions = known(looks, KNOWN_QUESTIONS)
    await all_of(port, questions)
    rates: dict[str, list[float]] = {"known": [], "constant": []}
    for _ in range(ROUNDS):
        rates["constant"].append(await rate(plain, questions, ROUND_S))
        rates["known"].append(await rate(port, questions, ROUND_S))
    known_rate, constant_rate = (float(np.median(rates[name])) for name in ("known", "constant"))
    figures: dict[str, Any] = {
        "known_per_s": round(known_rate),
        "constant_per_s": round(constant_rate),
        "known_share": round(known_rate / constant_rate, 2),
        "known_first_time_per_s": round(await all_of(port, known(looks, KNOWN_QUESTIONS + 1)[1:-1])),
    }
    # The decoder has ended meanwhile, as nobody needed it; one that starts now would stay with the server.
    await all_of(port, new(fresh_icons(1, 3), 3))
    for child in psutil.Process(server).children():
        with contextlib.suppress(AttributeError, OSError):
            child.cpu_affinity([])
    questions_new = new(fresh_icons(2000, 1), 1)
    before = cpu_s(server)
    figures["new_per_s"] = round(await all_of(port, questions_new))
    after = cpu_s(server)
    for name, start, end in zip(("server", "decoder"), before, after, strict=True):
        figures[f"new_{name}_cpu_ms"] = round((end - start) / len(questions_new) * 1000, 2)
    new_ones = new(fresh_icons(int(MIX_PER_S * MIX_S) // 10, 2), 2)
    figures["mix"] = await mix(port, questions, new_ones, MIX_S)
    return figures


def searches(looks: int) -> dict[str, dict[str, float]]:
    """Searching and verifying drawn looks that nobody has, in this process, without HTTP; faintly too."""
    from samelook.looks.likeness import parse_look

    memory = Memory(ExtensionSettings().verdicts.tiers, 1e9)
    fill(memory, looks)
    asked = [parse_look(look) for look in drawn_looks(500, 99)]
    figures = {}
    for name, search in (
        ("search", memory.index.search),
        ("faint", lambda look: [*memory.index.faintly_like(look)]),
    ):
        times = []
        for look in asked:
            started = time.perf_counter()
            search(look)
            times.append(time.perf_counter() - started)
        p50, p99 = np.percentile(times, [50, 99]) * 1000
        figures[name] = {
            "per_s": round(1 / float(np.mean(times))),
            "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2),
        }
    return figures


def missed(figures: dict[str, Any]) -> list[str]:
    """The bars that these figures miss."""
    held = {
        f"known at {LEAST_KNOWN_SHARE} of a constant answer": figures["known_share"] >= LEAST_KNOWN_SHARE,
        f"{LEAST_NEW_PER_S} new looks a second": figures["new_per_s"] >= LEAST_NEW_PER_S,
        f"p99 of the mix at {MOST_P99_MS} ms": figures["mix"]["p99_ms"] <= MOST_P99_MS,
    }
    return [bar for bar, holds in held.items() if not holds]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--looks", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--search-only", action="store_true")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        import uvloop

        configure_logging(level="warning")
        uvloop.run(serve(arguments.looks, arguments.serve))
        return 0
    if arguments.search_only:
        print(json.dumps(searches(arguments.looks)))
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="samelook-bench-") as folder,
        embedded_postgres(Path(folder), durable=False) as url,
    ):
        asyncio.run(migrate(url))
        command = [sys.executable, "-m", "bench.check", "--looks", str(arguments.looks), "--serve", url]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            assert server.stdin is not None
            begun = json.loads(server.stdout.readline())
            figures = {
                "looks": arguments.looks,
                **{name: begun[name] for name in ("load_s", "rss_mb", "rss_empty_mb")},
                **asyncio.run(measure(arguments.looks, begun["ports"], server.pid)),
            }
            server.stdin.close()
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:24} {value}")
    for bar in missed(figures):
        print(f"Missed: {bar}.", file=sys.stderr)
    return int(bool(missed(figures)))


if __name__ == "__main__":
    raise SystemExit(main())
