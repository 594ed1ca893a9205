"""What an operator states: sites on the two lists, families, reports that are wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import structlog

from samelook.errors import SamelookError
from samelook.extension_api.errors import BadRequest
from samelook.names.sites import site_of_url
from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.sql.pool import Connection, Pool

log = structlog.get_logger()

FILE_S = 5.0
"""How often the families file is looked at."""


async def list_site(
    pool: Pool | Connection,
    url: str,
    which: Literal["allow", "block"],
    *,
    by: str,
    note: str = "",
    expires_s: float | None = None,
) -> str:
    """Put a site on the operator's allowlist or blocklist; the site. Raises NotASite."""
    site = site_of_url(url)
    await _writes().add_operator_entry(
        pool, site=site, list=which, note=note, added_by=by, expires_s=expires_s
    )
    return site


async def unlist_site(pool: Pool | Connection, url: str) -> str:
    """Take a site off the operator's lists; the site."""
    site = site_of_url(url)
    await _writes().remove_operator_entry(pool, site=site)
    return site


async def state_families(
    pool: Pool | Connection,
    families: Iterable[Sequence[str]],
    *,
    provenance: str,
    related: bool = True,
) -> int:
    """State that the sites of each group are one organisation, or are not; how many pairs were stated."""
    pairs = _pairs_of(families)
    await _writes().state_family(
        pool,
        sites=[site for site, _ in pairs],
        others=[other for _, other in pairs],
        proof="operator" if related else "not_related",
        provenance=provenance,
    )
    return len(pairs)


async def dismiss_reports(pool: Pool | Connection, url: str) -> str:
    """Disagree with all reports on a site so far; the site."""
    site = site_of_url(url)
    await _writes().dismiss_reports(pool, site=site)
    return site


class FamiliesFile:
    """Keeps what is stated in the database the same as a file that the operator edits."""

    def __init__(self, path: Path, pool: Pool) -> None:
        self._path = path
        self._pool = pool
        self._taken_over: tuple[int, int] | None = None

    async def take_over(self) -> bool:
        """State what the file says, and take back what it says no longer; whether it had changed.

        Raises what `families_in` raises, and then changes nothing.
        """
        stat = await asyncio.to_thread(self._path.stat)
        version = (stat.st_mtime_ns, stat.st_size)
        if version == self._taken_over:
            return False
        families = await asyncio.to_thread(families_in, self._path)
        provenance = f"file {self._path.name}"
        pairs = _pairs_of(families)
        async with self._pool.acquire() as connection, connection.transaction():
            await _writes().forget_stated(
                connection,
                provenance=provenance,
                sites=[site for site, _ in pairs],
                others=[other for _, other in pairs],
            )
            await state_families(connection, families, provenance=provenance)
        self._taken_over = version
        return True

    async def run(self) -> None:
        """Look at the file now and then until cancelled; a bad one is logged and changes nothing."""
        while True:
            try:
                await self.take_over()
            except (SamelookError, *AWAY) as error:
                check_cancelled()
                log.warning("families.not_taken_over", file=str(self._path), error=str(error))
            await asyncio.sleep(FILE_S)


def families_in(path: Path) -> list[tuple[str, ...]]:
    """The groups of a families file: one family a line, sites separated by blanks; `#` begins a comment.

    Raises BadRequest for a line with a single site, NotASite for a name that is none, OSError.
    """
    families: list[tuple[str, ...]] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        names = line.partition("#")[0].split()
        if len(names) == 1:
            raise BadRequest(f"{path}, line {number}: a family has two sites or more.", line=number)
        if names:
            families.append(tuple(site_of_url(name) for name in names))
    return families


def _pairs_of(families: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
    return sorted(
        {
            pair
            for family in families
            for pair in combinations(sorted({site_of_url(name) for name in family}), 2)
        }
    )


def _writes() -> Any:
    return queries("extension")
