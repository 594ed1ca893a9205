"""A serving process under load, and people who remember what it acknowledged and what it said of itself."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from bench.faults.outcome import RECOVERY_S, Outcome
from samelook.sql.settings import DatabaseSettings

PATIENCE_S = 90.0
LOOK_S = 0.1
BANK = "FAULTS"
ROLES = ("matcher", "curator", "extension", "hasher")


@dataclass
class Service:
    """A service that runs."""

    process: asyncio.subprocess.Process
    url: str
    said: list[str] = field(default_factory=list)


@asynccontextmanager
async def serving(database_url: str, folder: Path, *more: str, **environment: str) -> AsyncIterator[Service]:
    """`samelook serve`, stopped at the end of the block if it still runs."""
    command = [sys.executable, "-P", "-m", "samelook", "serve", "--port", "0", *more]
    for role in ROLES:
        command += ["--role", role]
    own = {"SAMELOOK_DATABASE_URL": database_url, "SAMELOOK_DATA_DIR": str(folder), **environment}
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **own}, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    said: list[str] = []
    url = ""
    async with asyncio.timeout(PATIENCE_S):
        while not url:
            line = (await process.stderr.readline()).decode()
            if not line:
                raise RuntimeError("it ended before it served: " + "".join(said))
            said.append(line)
            if found := re.search(r"Serving on (http://\S+)", line):
                url = found[1]

    async def listen() -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            said.append(line.decode(errors="replace"))

    listening = asyncio.create_task(listen())
    try:
        async with aiohttp.ClientSession(url) as session:
            await until_ready(session)
        yield Service(process, url, said)
    finally:
        if process.returncode is None:
            process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 30)
        if process.returncode is None:
            process.kill()
        await listening


async def until_ready(session: aiohttp.ClientSession) -> float:
    """Waits for READY; the seconds that it took."""
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get("/readyz") as answer:
                    if answer.status == 200:
                        return time.monotonic() - began
            await asyncio.sleep(LOOK_S / 2)


@dataclass
class Load:
    """Writers, readers and watchers of a service, and what they saw."""

    session: aiohttp.ClientSession
    database: str
    acknowledged: dict[str, int] = field(default_factory=dict)
    """Values, with the ids that they were given."""
    sent: set[str] = field(default_factory=set)
    statuses: Counter[str] = field(default_factory=Counter)
    told: list[tuple[float, bool]] = field(default_factory=list)
    """When, and whether /readyz said that the database is there."""
    true: list[tuple[float, bool]] = field(default_factory=list)
    """When, and whether it was."""
    known: str = ""
    wrong: list[str] = field(default_factory=list)

    async def write_for_ever(self) -> None:
        """Adds a signal after the other. What is not acknowledged is refused with 503, and says why."""
        while True:
            value = secrets.token_hex(32)
            self.sent.add(value)
            try:
                async with self.session.post(f"/c/bank/{BANK}/signal", json={"pdq": value}) as answer:
                    self.statuses[f"write {answer.status}"] += 1
                    if answer.status == 200:
                        self.acknowledged[value] = (await answer.json())["id"]
                        continue
                    if answer.status not in (503, 429):
                        self._odd(f"a write was answered {answer.status}: {(await answer.text())[:120]}")
            except (aiohttp.ClientError, TimeoutError) as error:
                self.statuses[f"write {type(error).__name__}"] += 1
            await asyncio.sleep(LOOK_S)

    async def look_up_for_ever(self) -> None:
        """Looks up what is known, which goes on from memory whatever the database does."""
        while True:
            try:
                params = {"signal": self.known, "signal_type": "pdq"}
                async with self.session.get("/m/raw_lookup", params=params) as answer:
                    self.statuses[f"lookup {answer.status}"] += 1
                    if answer.status != 200 or not (await answer.json())["matches"]:
                        self._odd(f"a lookup was answered {answer.status}: {(await answer.text())[:120]}")
            except (aiohttp.ClientError, TimeoutError) as error:
                self._odd(f"a lookup failed: {type(error).__name__}")
            await asyncio.sleep(LOOK_S)

    async def listen_for_ever(self) -> None:
        """Asks the service how it is."""
        while True:
            try:
                async with self.session.get("/readyz") as answer:
                    text = await answer.text()
                    self.told.append((time.monotonic(), "DATABASE-AWAY" not in text))
            except (aiohttp.ClientError, TimeoutError) as error:
                self._odd(f"/readyz was silent: {type(error).__name__}")
            await asyncio.sleep(LOOK_S)

    async def probe_for_ever(self) -> None:
        """Asks the database itself."""
        while True:
            self.true.append((time.monotonic(), await answers(self.database)))
            await asyncio.sleep(LOOK_S)

    def _odd(self, text: str) -> None:
        if text not in self.wrong and len(self.wrong) < 5:
            self.wrong.append(text)

    @property
    def untrue_s(self) -> float:
        """The longest time for which /readyz said something else than was the case."""
        longest, since, there = 0.0, None, True
        changes = iter(self.true)
        at_next, there_next = next(changes, (float("inf"), True))
        for at, said in self.told:
            while at_next <= at:
                if there_next is not there:
                    there, since = there_next, at_next
                at_next, there_next = next(changes, (float("inf"), True))
            if said is there:
                longest = max(longest, at - since if since is not None else 0.0)
                since = None
            elif since is None:
                since = at
        return longest

    async def well_again(self) -> float:
        """The seconds until a write is acknowledged and /readyz is READY."""
        began, before = time.monotonic(), len(self.acknowledged)
        async with asyncio.timeout(RECOVERY_S * 2):
            while len(self.acknowledged) == before:
                await asyncio.sleep(LOOK_S / 2)
            await until_ready(self.session)
        return time.monotonic() - began

    async def acknowledges(self, count: int) -> None:
        """Waits for so many more."""
        wanted = len(self.acknowledged) + count
        async with asyncio.timeout(PATIENCE_S):
            while len(self.acknowledged) < wanted:
                await asyncio.sleep(LOOK_S / 5)

    async def outcome(self, name: str, recovery_s: float, database: str | None = None) -> Outcome:
        """What is there now, compared with what was acknowledged."""
        lost, twice = await compared(database or self.database, self.acknowledged, self.sent)
        return Outcome(
            name,
            len(self.acknowledged),
            lost,
            twice,
            recovery_s,
            self.untrue_s,
            f"{self.statuses['write 503']} refused, {self.statuses['lookup 200']} lookups from memory",
            list(self.wrong),
        )


async def compared(database: str, acknowledged: Mapping[str, int], sent: set[str]) -> tuple[int, int]:
    """How many acknowledged values are not there, and how many are there more than once."""
    acknowledged = dict(acknowledged)  # more may come while the database answers
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(
            "SELECT encode(s.value, 'hex') AS value, count(*) AS times, min(c.id) AS id "
            "FROM bank_content AS c JOIN content_signals AS cs ON cs.content_id = c.id "
            "JOIN signals AS s ON s.id = cs.signal_id "
            "WHERE c.removed_at IS NULL GROUP BY s.value"
        )
    finally:
        await connection.close()
    there = {row["value"]: row for row in rows}
    lost = sum(value not in there or there[value]["id"] != number for value, number in acknowledged.items())
    return lost, sum(row["times"] > 1 for row in rows) + len(there.keys() - sent)


async def answers(database: str) -> bool:
    """Whether the database answers within a second."""
    try:
        async with asyncio.timeout(1.0):
            connection = await asyncpg.connect(database)
            try:
                await connection.fetchval("SELECT 1")
            finally:
                connection.terminate()
    except asyncpg.TooManyConnectionsError:
        return True  # it is there, and has no place for us
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


@asynccontextmanager
async def loaded(service: Service, database: str) -> AsyncIterator[Load]:
    """The service with a bank, under load for the block."""
    limits = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(service.url, timeout=limits) as session:
        load = Load(session, database)
        async with session.post("/c/banks", json={"name": BANK}) as answer:
            assert answer.status == 201, await answer.text()
        load.known = secrets.token_hex(32)
        load.sent.add(load.known)
        async with session.post(f"/c/bank/{BANK}/signal", json={"pdq": load.known}) as answer:
            load.acknowledged[load.known] = (await answer.json())["id"]
        work: list[Any] = [load.write_for_ever, load.write_for_ever, load.look_up_for_ever]
        work += [load.listen_for_ever, load.probe_for_ever]
        tasks = [asyncio.create_task(one()) for one in work]
        try:
            await load.acknowledges(20)
            yield load
        finally:
            for task in tasks:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
        for one in done:
            if not isinstance(one, asyncio.CancelledError):
                load.wrong.append(f"an observer failed: {one!r}")


def database_settings(url: str) -> DatabaseSettings:
    """For a scenario's own look at a database."""
    return DatabaseSettings(url=url, application_name="bench.faults")
