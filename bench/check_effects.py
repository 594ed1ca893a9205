"""How soon a change shows in every serving process: `python -m bench.check_effects [--rounds N] [--json]`.

`samelook serve --workers 2`, as users start it, with a database of its own. Each round changes something at a
random moment, just after both processes have made an answer that they may give again for a while, and asks
both, over connections of their own, until both answer by the change:

- listed: the operator puts a site on the blocklist
- allowed: a client puts a site on its allowlist
- reported: the third of three flags from different networks makes a site grey
- new look: the crawl has fetched a ranked brand's icon, which a known site wears too; its look is still to be
  computed, numbered and read

The figures are seconds from the commit to the first answer of the slower process (bar: 2 s at most).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import numpy as np
import psutil

from bench.api_service import Service, running_service
from bench.check import Connection, request
from bench.check_looks import fresh_icons
from samelook.extension_api.curation import list_site
from samelook.postgres.embedded import embedded_postgres
from samelook.sql.pool import OwnConnection, open_connection
from samelook.sql.settings import DatabaseSettings

WORKERS = 2
BAR_S = 2.0
PATIENCE_S = 30.0
BETWEEN_S = 0.01


class Asking:
    """A connection to each serving process."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = connections

    async def verdicts(self, question: bytes) -> list[str]:
        """What each process says."""
        answers = await asyncio.gather(*(one.ask(question) for one in self._connections))
        return [json.loads(answer)["verdict"] for answer in answers]

    async def until(self, question: bytes, verdict: str) -> float:
        """When the last process said so for the first time. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                told = await self.verdicts(question)
                if set(told) == {verdict}:
                    return time.perf_counter()
                await asyncio.sleep(BETWEEN_S)


async def asking(service: Service) -> Asking:
    """Connects until every serving process has a connection and answers."""
    by_process: dict[int, Connection] = {}
    async with asyncio.timeout(PATIENCE_S):
        while len(by_process) < WORKERS:
            reader, writer = await asyncio.open_connection(*service.address)
            connection = Connection(reader, writer)
            try:
                await connection.ask(request({"url": "warm.example"}))
            except RuntimeError:  # what is known is still being read
                connection.close()
                await asyncio.sleep(0.1)
                continue
            port = writer.get_extra_info("sockname")[1]
            owner = next(
                process.pid
                for process in service.process.children(recursive=True)
                if port in _ports_of(process)
            )
            if by_process.setdefault(owner, connection) is not connection:
                connection.close()
    return Asking(list(by_process.values()))


def _ports_of(process: psutil.Process) -> set[int]:
    """The ports of those who are connected to a process."""
    connected = (one for one in process.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED)
    return {one.raddr[1] for one in connected}


# ---- changes: each gives the question, the verdicts before and after, and what to do ----


Change = tuple[bytes, str, str, Callable[[], Awaitable[object]]]


async def listed(number: int, database: OwnConnection, _: Service) -> Change:
    site = f"listed{number}.example"
    return question(site), "first_use", "lock", lambda: list_site(database, site, "block", by="bench")


async def allowed(number: int, database: OwnConnection, service: Service) -> Change:
    site = f"allowed{number}.example"
    await list_site(database, site, "block", by="bench")
    client = (await asyncio.to_thread(service.ask, "/x/v1/clients", b"{}"))["client"]
    asked = question(site, client)

    async def change() -> None:
        reader, writer = await asyncio.open_connection(*service.address)
        connection = Connection(reader, writer)
        body = json.dumps({"url": site}).encode()
        head = (
            "POST /x/v1/allowlist HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"X-Samelook-Client: {client}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        await connection.ask(head.encode() + body)
        connection.close()

    return asked, "lock", "trusted", change


async def reported(number: int, database: OwnConnection, _: Service) -> Change:
    site = f"reported{number}.example"
    clients = [
        await database.fetchval(
            "INSERT INTO clients (token_sha256, created_at) VALUES ($1, now() - interval '30 days') "
            "RETURNING id",
            hashlib.sha256(f"{number} {which}".encode()).digest(),
        )
        for which in range(4)
    ]

    async def flag(which: int) -> None:
        await database.execute(
            "INSERT INTO reports (site, kind, client_id, network) VALUES ($1, 'flag', $2, $3)",
            site, clients[which], bytes([which]) * 16,
        )  # fmt: skip

    for which in range(3):
        await flag(which)
    return question(site), "first_use", "grey", lambda: flag(3)


async def new_look(number: int, database: OwnConnection, _: Service) -> Change:
    (icon,) = fresh_icons(1, 1000 + number)
    site = f"copy{number}.example"
    asked = request({"url": site, "icons": [{"data": base64.b64encode(icon).decode()}]})

    async def change() -> None:
        async with database.transaction():
            await fetched(database, f"brand{number}.example", 5 + number, icon)

    return asked, "first_use", "lock", change


async def fetched(database: OwnConnection, host: str, position: int, icon: bytes) -> None:
    """What the crawl writes when it has visited a site and fetched its icon."""
    sha256, md5 = hashlib.sha256(icon).digest(), hashlib.md5(icon, usedforsecurity=False).digest()
    url = f"https://{host}/favicon.ico"
    domain = await database.fetchval(
        "INSERT INTO domains (reversed_name, harmonic_position, source) VALUES ($1, $2, 'bench') "
        "RETURNING id",
        ".".join(host.split(".")[::-1]), position,
    )  # fmt: skip
    target = await database.fetchval(
        "INSERT INTO target_urls (domain_id, url, position) VALUES ($1, $2, $3) RETURNING id",
        domain, f"https://{host}/", position,
    )  # fmt: skip
    icon_url = await database.fetchval(
        "INSERT INTO icon_urls (url_sha256, icon_url, declared, position) VALUES ($1, $2, true, $3) "
        "RETURNING id",
        hashlib.sha256(url.encode()).digest(), url, position,
    )  # fmt: skip
    await database.execute(
        "INSERT INTO favicons (sha256, md5, size, format, width, height, frames, body) "
        "VALUES ($1, $2, $3, 'png', 48, 48, 1, $4)",
        sha256, md5, len(icon), icon,
    )  # fmt: skip
    await database.execute(
        "INSERT INTO favicon_metadata (icon_url_id, sha256, md5, size, format, final_url, status) "
        "VALUES ($1, $2, $3, $4, 'png', $5, 200)",
        icon_url, sha256, md5, len(icon), url,
    )  # fmt: skip
    await database.execute(
        "INSERT INTO site_icons (target_url_id, icon_url_id, ordinal, source, declared_url) "
        "VALUES ($1, $2, 0, 'link-icon', '/favicon.ico')",
        target, icon_url,
    )  # fmt: skip
    await database.execute(
        "INSERT INTO page_visits (target_url_id, final_url, status, icon_count) VALUES ($1, $2, 200, 1)",
        target, f"https://{host}/",
    )  # fmt: skip


def question(site: str, client: str | None = None) -> bytes:
    """A question about a site whose icon is not known; it has one that looks like nobody's."""
    asked = request({"url": site, "icons": [{"data": base64.b64encode(_ICON).decode()}]})
    if client is None:
        return asked
    return asked.replace(
        b"Host: localhost\r\n", f"Host: localhost\r\nX-Samelook-Client: {client}\r\n".encode(), 1
    )


_ICON = fresh_icons(1, 7)[0]
CHANGES = {"listed": listed, "allowed": allowed, "reported": reported, "new look": new_look}


async def measure(service: Service, url: str, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in CHANGES}
    moments = random.Random(4)
    async with open_connection(DatabaseSettings(url=url)) as database:
        everybody = await asking(service)
        for number in range(rounds):
            for name, prepared in CHANGES.items():
                asked, before, after, change = await prepared(number, database, service)
                await everybody.until(asked, before)
                # A random pause, so that the change does not always hit the same phase of the poll.
                await asyncio.sleep(moments.uniform(1.0, 2.0))
                # This change makes the service forget its kept answers, so that `before` is computed anew.
                await list_site(
                    database, f"{name.replace(' ', '-')}{number}.other.example", "block", by="bench"
                )
                await asyncio.sleep(0.1)
                assert set(await everybody.verdicts(asked)) == {before}
                await change()
                committed = time.perf_counter()
                times[name].append(await everybody.until(asked, after) - committed)
    return times


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with (
        running_service(["--workers", str(WORKERS), "--role", "extension"]) as service,
        embedded_postgres(Path(service.folder), durable=False) as url,
    ):
        times = asyncio.run(measure(service, url, arguments.rounds))
    figures = {
        name: {"median_s": round(float(np.median(some)), 2), "max_s": round(max(some), 2)}
        for name, some in times.items()
    }
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, figure in figures.items():
            print(f"{name:10} median {figure['median_s']:.2f} s  most {figure['max_s']:.2f} s")
    return int(max(figure["max_s"] for figure in figures.values()) > BAR_S)


if __name__ == "__main__":
    raise SystemExit(main())
