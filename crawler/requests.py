"""Domains that somebody asked for, though no rank list names them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from samelook.crawler.queues.postgres import announce
from samelook.names.hosts import normalised_host, reversed_host
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.sql.pool import Connection


async def add_unranked(connection: Connection, names: Iterable[str]) -> int:
    """Add domains without a rank to the crawl; how many of them were new.

    They are visited after all ranked ones. Raises NotADomain for a name that is none.
    """
    reversed_names = sorted({reversed_host(normalised_host(name)) for name in names})
    async with connection.transaction():
        positions = [
            row["position"]
            async for row in queries("crawl").add_unranked_domains(connection, reversed_names=reversed_names)
        ]
        if positions:
            await announce(connection, "domains", min(positions))
    return len(positions)
