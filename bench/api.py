"""The hash-match service against HMA's figures, the bars of its issue: `python -m bench.api`.

`samelook serve --workers 2` with its own database, asked by one process over 32 connections that speak
HTTP themselves (bench/api_load.py), as a usual client would need more processor time than the service. Every
answer is checked. Photographs (bench/api_pictures.py) are hashed by HMA too, in turns, where its folder is
given (`--hma`); all other figures of HMA were measured earlier on the same kind of machine, with 2 workers,
and are constants here. Exit status 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import random
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.api_hma import Hma, running_hma
from bench.api_load import Load, get, post, run_load
from bench.api_pictures import KINDS, Kind, photograph
from bench.api_service import Service, processor_s, running_service
from bench.matching_data import near, uniform

WORKERS = 2
AT_ONCE = 32
HMA_LOOKUPS = {200_000: 180, 1_000_000: 172}
HMA_RAW_LOOKUPS = {200_000: 234, 1_000_000: 247}
HMA_LOOKUP_P99_MS = {200_000: 243, 1_000_000: 249}
HMA_HASHES = {"PNG, 256 px": 450}
HMA_MATCHABLE_S = "46-173"
HMA_MEMORY_MB = 1560
HMA_LITE_S = 29.2
TIMES_LOOKUPS, TIMES_HASHES = 20, 2.5
_UPLOADS_AT_ONCE, _TURNS = 16, 3
_HAS_PDQ = re.compile(rb'"pdq": ?"[0-9a-f]{64}"').search
_NDJSON = "application/x-ndjson"
_BOUNDARY = "b0undary"
_PROCESSOR = "    processor time of one"
_CALM_S = 125.0
"""Decoders end after one to two minutes without pictures."""


class Report:
    """Lines of what was measured beside HMA's figure and the bar."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str, str, str, bool | None]] = []

    def at_least(self, what: str, value: float, bar: float, hma: object, unit: str = "/s") -> None:
        """A line that is good from the bar on."""
        self._lines.append((what, f"{value:,.0f}{unit}", str(hma), f">= {bar:,.0f}", value >= bar))

    def at_most(self, what: str, value: float, bar: float, hma: object, unit: str) -> None:
        """A line that is good up to the bar."""
        self._lines.append((what, f"{value:,.3g} {unit}", str(hma), f"<= {bar:,.4g}", value <= bar))

    def told(self, what: str, value: str, hma: object = "") -> None:
        """A line without a bar."""
        self._lines.append((what, value, str(hma), "", None))

    def print(self) -> int:
        """Prints the table; the exit status."""
        table = Table(title="samelook serve, 2 workers, beside HMA with 2 workers as measured earlier")
        for name in ("what", "measured", "HMA", "bar", ""):
            table.add_column(name, justify="left" if name == "what" else "right")
        for *cells, met in self._lines:
            table.add_row(*cells, "" if met is None else "pass" if met else "FAIL")
        Console(width=110).print(table)
        return 1 if any(met is False for *_, met in self._lines) else 0


def ndjson(codes: Any) -> bytes:
    """Lines for the bulk route."""
    return b"\n".join(b'{"pdq": "%b"}' % code.tobytes().hex().encode() for code in codes)


def csv(codes: Any) -> bytes:
    """The same as a CSV."""
    return b"pdq\n" + b"\n".join(code.tobytes().hex().encode() for code in codes)


Work = Callable[[], Coroutine[Any, Any, Load]]


def load_for(
    service: Service, requests: list[bytes], seconds: float, check: Callable[[int, bytes], bool]
) -> Load:
    """Asks for so long, after a moment of warming up."""

    async def ask() -> Load:
        await run_load(service.address, requests, at_once=AT_ONCE, seconds=min(1.0, seconds))
        return await run_load(service.address, requests, at_once=AT_ONCE, seconds=seconds, check=check)

    return _run(ask)


def _run(work: Work) -> Load:
    if sys.platform == "win32":
        return asyncio.run(work())
    import uvloop

    return uvloop.run(work())


def lookups(report: Report, service: Service, codes: Any, seconds: float) -> None:
    """Lookups and raw lookups of hashes that differ in up to 31 bits from stored ones."""
    count = len(codes)
    queries = [code.hex() for code in near(codes, 10_000, 31)]
    for path, name, hma in (
        ("/m/lookup", "lookups", HMA_LOOKUPS),
        ("/m/raw_lookup", "raw lookups", HMA_RAW_LOOKUPS),
    ):
        requests = [get(f"{service.url}{path}?signal_type=pdq&signal={query}") for query in queries]
        sought = b'"A":[{' if path == "/m/lookup" else b'{"matches":['
        load = load_for(service, requests, seconds, partial(_holds, sought))
        _right(load)
        label = f"{name}, {count // 1000}k hashes"
        report.at_least(label, load.rate, TIMES_LOOKUPS * hma.get(count, 0), hma.get(count, "-"))
        if path == "/m/lookup":
            p99 = HMA_LOOKUP_P99_MS.get(count, "-")
            report.told(f"    p50, p99 of {AT_ONCE} at once", _spread(load), f"p99 {p99} ms")


def _holds(sought: bytes, _: int, body: bytes) -> bool:
    return sought in body and b"[]" not in body


def _spread(load: Load) -> str:
    return f"{load.percentile(0.5):.1f}, {load.percentile(0.99):.1f} ms"


def _right(load: Load) -> None:
    if load.wrong:
        raise SystemExit(f"{load.wrong} of {load.requests} answers were wrong: nothing measured here counts")


def uploads(url: str, kind: Kind) -> list[bytes]:
    """Requests that send photographs as forms."""
    requests = []
    for seed in range(kind.number):
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="p"\r\n'
            f"Content-Type: image/{kind.form.lower()}\r\n\r\n"
        )
        body = head.encode() + photograph(kind, seed) + f"\r\n--{_BOUNDARY}--\r\n".encode()
        requests.append(post(f"{url}/h/hash", body, f"multipart/form-data; boundary={_BOUNDARY}"))
    return requests


def hashing(report: Report, service: Service, seconds: float, hma: Hma | None) -> None:
    """Photographs as forms, sixteen at once; HMA by turns with ours, as the machine may change its pace."""
    for kind in KINDS:
        requests = uploads(service.url, kind)
        size = sum(map(len, requests)) / len(requests) / 1000
        what = f"hashes of uploads, {kind.name}, {size:,.0f} KB"
        if hma is None:
            ours, ours_ms = _hashed(service, requests, seconds)
            known = HMA_HASHES.get(kind.name)
            if known is None:
                report.told(what, f"{ours.rate:,.1f}/s", "run with --hma")
            else:
                report.at_least(what, ours.rate, TIMES_HASHES * known, known)
            report.told(_PROCESSOR, f"{ours_ms:.2f} ms")
            continue
        theirs = uploads(hma.url, kind)
        turns: list[tuple[float, float, float, float]] = []
        for _ in range(_TURNS):
            ours, ours_ms = _hashed(service, requests, seconds)
            other, other_ms = _hashed(hma, theirs, seconds)
            turns.append((ours.rate, other.rate, ours_ms, other_ms))
        mine, reference, mine_ms, reference_ms = (
            float(np.median(column)) for column in zip(*turns, strict=True)
        )
        report.at_least(what, mine, TIMES_HASHES * reference, f"{reference:,.1f}")
        shown = f"{mine_ms:.2f} ms ({reference_ms / mine_ms:.1f} times)"
        report.told(_PROCESSOR, shown, f"{reference_ms:.2f} ms")


def _hashed(asked: Service | Hma, requests: list[bytes], seconds: float) -> tuple[Load, float]:
    """The load, and the processor time of an upload in ms, which a machine with other work tells truer."""
    spent = [0.0]

    async def ask() -> Load:
        await run_load(asked.address, requests[:_UPLOADS_AT_ONCE], at_once=_UPLOADS_AT_ONCE)
        spent[0] = processor_s(asked.process)
        return await run_load(
            asked.address,
            requests,
            at_once=_UPLOADS_AT_ONCE,
            seconds=seconds,
            check=lambda _, body: _HAS_PDQ(body) is not None,
        )

    load = _run(ask)
    _right(load)
    return load, (processor_s(asked.process) - spent[0]) / load.requests * 1000


def matchable(report: Report, service: Service, times: int = 10) -> None:
    """How long until every worker finds a hash that was added through one of them."""
    slowest, at_once = 0.0, True
    for _ in range(times):
        value = random.randbytes(32).hex()
        connection = http.client.HTTPConnection(*service.address, timeout=30)
        began = time.perf_counter()
        body = json.dumps({"pdq": value})
        connection.request("POST", "/c/bank/A/signal", body, {"Content-Type": "application/json"})
        connection.getresponse().read()
        # A connection stays with one worker.
        at_once &= _finds(connection, value)
        connection.close()
        missing = True
        while missing:
            # New connections go to any worker: twenty of them miss one with a chance of one in 500,000.
            missing = False
            for _ in range(20):
                other = http.client.HTTPConnection(*service.address, timeout=30)
                missing |= not _finds(other, value)
                other.close()
                if missing:
                    break
            slowest = max(slowest, time.perf_counter() - began)
    report.at_most("a new hash matches in every worker after", slowest, 2, HMA_MATCHABLE_S, "s")
    report.at_least("    in the same worker at once (1: yes)", at_once, 1, "no", "")


def _finds(connection: http.client.HTTPConnection, value: str) -> bool:
    connection.request("GET", f"/m/lookup?signal_type=pdq&signal={value}")
    found = json.loads(connection.getresponse().read())
    return bool(found.get("A"))


def bulk(report: Report, service: Service, codes: Any, *, as_csv: bool) -> None:
    """A bulk load, nothing else going on."""
    body, kind = (csv(codes), "text/csv") if as_csv else (ndjson(codes), _NDJSON)
    began = time.perf_counter()
    answer = service.ask("/c/bank/A/signals", body, kind)
    took = time.perf_counter() - began
    if answer["added"] != len(codes) or answer["refused"]:
        raise SystemExit(f"the bulk load added {answer['added']} of {len(codes)} signals")
    label = f"bulk add of {len(codes) // 1000}k as {'CSV' if as_csv else 'JSON lines'}"
    report.at_least(label, len(codes) / took, 20_000, "-")


def bulk_beside_lookups(report: Report, service: Service, before: Any, codes: Any) -> None:
    """A bulk load while somebody looks things up, one at a time: does anything pause?"""
    queries = [code.hex() for code in near(before, 10_000, 31)]
    requests = [get(f"{service.url}/m/lookup?signal_type=pdq&signal={query}") for query in queries]
    body = ndjson(codes)
    added: list[Any] = []
    loader = threading.Thread(target=lambda: added.append(service.ask("/c/bank/A/signals", body, _NDJSON)))
    began = time.perf_counter()
    loader.start()
    latencies: list[float] = []

    while loader.is_alive():
        load = _run(partial(run_load, service.address, requests, at_once=1, seconds=0.5))
        _right(load)
        latencies.extend(load.latencies_ms)
    rate = len(codes) / (time.perf_counter() - began)
    if not added or added[0]["added"] != len(codes):
        raise SystemExit("the bulk load failed")
    p50, p99, longest = (float(np.quantile(latencies, share)) for share in (0.5, 0.99, 1.0))
    report.told(f"bulk add of {len(codes) // 1000}k beside lookups", f"{rate:,.0f}/s")
    report.told("    lookups meanwhile, p50, p99", f"{p50:.1f}, {p99:.1f} ms")
    report.at_most("    the longest wait for an answer", longest / 1000, 1, "stalls", "s")


def lite(report: Report, service: Service, codes: Any) -> None:
    """HMA-lite's headline: 10,000 lookups in 200k hashes, 32 at a time."""
    queries = [code.hex() for code in near(codes, 10_000, 31, seed=11)]
    requests = [get(f"{service.url}/v1/hashes/query?hash={query}") for query in queries]

    async def ask() -> Load:
        return await run_load(
            service.address, requests, at_once=32, check=lambda _, body: b'"match":true' in body
        )

    load: Load = _run(ask)
    _right(load)
    report.at_most("HMA-lite: 10,000 lookups in 200k, 32 at a time", load.seconds, 2, f"{HMA_LITE_S} s", "s")


def memory(report: Report, service: Service, count: int) -> None:
    """What all serving processes take: at once, and when decoders have had nothing to do for some time."""

    def size() -> tuple[float, float]:
        sizes = [service.memory() for _ in range(5)]
        own, database = (float(np.median(column)) for column in zip(*sizes, strict=True))
        return own, database

    busy, _ = size()
    time.sleep(_CALM_S)
    own, database = size()
    label = f"memory, all roles, all processes, {count // 1000}k"
    report.at_most(label, own, 400, HMA_MEMORY_MB, "MB")
    report.told("    while decoders run", f"{busy:,.0f} MB")
    report.told("    and of Postgres, its cache included", f"{database:,.0f} MB")


def small_service(report: Report, codes: Any, seconds: float, hma: Hma | None) -> None:
    """HMA-lite, then a service with all roles."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "hashes.csv"
        listed.write_bytes(csv(codes))
        with running_service(["--workers", str(WORKERS), "--role", "lite"], CSV_FILE=str(listed)) as service:
            lite(report, service, codes)
    with running_service(["--workers", str(WORKERS)]) as service:
        service.ask("/c/banks", json.dumps({"name": "A"}).encode())
        bulk(report, service, codes[:100_000], as_csv=False)
        bulk(report, service, codes[100_000:], as_csv=True)
        matchable(report, service)
        lookups(report, service, codes, seconds)
        hashing(report, service, seconds, hma)


def large_service(report: Report, codes: Any, small: Any, seconds: float, hma: Hma | None) -> None:
    """A service with all roles; its memory is measured after it has done a little of everything."""
    with running_service(["--workers", str(WORKERS)]) as service:
        service.ask("/c/banks", json.dumps({"name": "A"}).encode())
        bulk(report, service, small, as_csv=False)
        bulk_beside_lookups(report, service, small, codes[len(small) :])
        matchable(report, service)
        lookups(report, service, codes, seconds)
        hashing(report, service, seconds, hma)
        memory(report, service, len(codes))


def main() -> int:
    """Measures everything; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=5, help="for each rate")
    parser.add_argument("--only", choices=["200k", "1m", "photographs"], help="one part of it")
    parser.add_argument(
        "--hma",
        type=Path,
        help="HMA's folder hasher-matcher-actioner, to run it beside ours; see bench/api_hma.py",
    )
    options = parser.parse_args()
    report = Report()
    codes = uniform(1_000_000)
    small = codes[:200_000]
    with contextlib.ExitStack() as stack:
        hma = None if options.hma is None else stack.enter_context(running_hma(options.hma, WORKERS))
        if options.only == "photographs":
            with running_service(["--workers", str(WORKERS)]) as service:
                hashing(report, service, options.seconds, hma)
        if options.only in (None, "200k"):
            small_service(report, small, options.seconds, hma)
        if options.only in (None, "1m"):
            large_service(report, codes, small, options.seconds, hma)
    return report.print()


if __name__ == "__main__":
    sys.exit(main())
