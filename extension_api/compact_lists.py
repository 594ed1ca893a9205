"""The compact list as this process has it: brought up to date when asked, signed, whole or by change."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from samelook.extension_api.compact import (
    CODE_BYTES,
    MOST_CODES,
    CompactList,
    TrustedSite,
    chosen,
    codes_of,
)
from samelook.extension_api.errors import BadRequest, Unavailable
from samelook.facts.catalogue import packaged_catalogue
from samelook.looks.letters import letter_in
from samelook.looks.look import Look
from samelook.names.platforms import platform_domains
from samelook.names.sites import Site
from samelook.names.suffixes import suffix_rules
from samelook.sql.named import queries

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from samelook.facts.follower import Follower
    from samelook.facts.standing import Tiers
    from samelook.sql.pool import Pool

FRESH_S: Final = 30.0
"""How long a list is given before anybody looks whether another should be."""
_BATCH: Final = 500
_VERSION: Final = re.compile("([0-9a-f]{8})-([0-9]{1,18})-([0-9a-f]{8})")


class CompactLists:
    """Gives the compact list. One process builds for itself; the codes of looks are computed once for all."""

    def __init__(
        self, pool: Pool, follower: Follower, tiers: Tiers, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._follower = follower
        self._tiers = tiers
        self._clock = clock
        self._queries: Any = queries("compact")
        self._reads: Any = queries("verdicts")
        self._lock = asyncio.Lock()
        self._built: CompactList | None = None
        self._epoch, self._seq = "", 0
        self._looked_at = 0.0
        self._key: Ed25519PrivateKey | None = None
        self._whole: tuple[CompactList, bytes] | None = None

    async def whole_or_since(self, since: str | None) -> tuple[str, bytes]:
        """The version and the signed file: of all, or of what changed after a version.

        Raises BadRequest, and Unavailable until what is known has been read.
        """
        if not self._follower.is_loaded:
            raise Unavailable("What is known is still being read; try again in a moment.")
        known = _VERSION.fullmatch(since) if since is not None else None
        if since is not None and known is None:
            raise BadRequest("`since` is a version that an earlier list named.")
        key = await self._signing_key()
        async with self._lock:
            built = await self._current()
            # A version from the future means that the database was put back to an earlier state.
            if since is None or known is None or known[1] != self._epoch or int(known[2]) > self._seq:
                return built.version, await self._signed_whole(built, key)
            rows = self._queries.sites_changed(self._pool, seq=int(known[2]))
            changed = [row["site"] async for row in rows]
            if 2 * len(changed) > len(built.sites):
                return built.version, await self._signed_whole(built, key)
            body = built.since(since, changed, key.public_key().public_bytes_raw())
        return built.version, body + await asyncio.to_thread(key.sign, body)

    async def _signed_whole(self, built: CompactList, key: Ed25519PrivateKey) -> bytes:
        """The whole list, signed; the same bytes for all who ask, as it may be tens of megabytes."""
        if self._whole is None or self._whole[0] is not built:
            body = await asyncio.to_thread(built.whole, key.public_key().public_bytes_raw())
            self._whole = (built, body + await asyncio.to_thread(key.sign, body))
        return self._whole[1]

    async def _current(self) -> CompactList:
        now = self._clock()
        if self._built is not None and 0 <= now - self._looked_at < FRESH_S:
            return self._built
        await self._compute_codes()
        # The newest number is read first: rows written meanwhile are read twice rather than never.
        epoch = (await self._reads.epoch(self._pool)).hex[:8]
        newest = await self._reads.newest_trusted(self._pool)
        if self._built is None or epoch != self._epoch or newest < self._seq:
            sites = {}
            rows = [row async for row in self._queries.codes_of_all(self._pool)]
        else:
            sites = {site.name: site for site in self._built.sites}
            changed = [row["site"] async for row in self._queries.sites_changed(self._pool, seq=self._seq)]
            for name in changed:
                sites.pop(name, None)
            rows = [row async for row in self._queries.codes_of_sites(self._pool, sites=changed)]
        extras = {"suffixes": [*suffix_rules(), *sorted(platform_domains())], "families": self._families()}
        version = f"{epoch}-{newest}"
        self._built = await asyncio.to_thread(self._build, version, sites, rows, extras)
        self._epoch, self._seq, self._looked_at = epoch, newest, now
        return self._built

    def _build(
        self,
        version: str,
        sites: dict[str, TrustedSite],
        rows: Iterable[Mapping[str, Any]],
        extras: dict[str, Any],
    ) -> CompactList:
        for row in rows:
            rule = self._tiers.rule_for(row["position"])
            if rule is None:
                continue
            tier = len(MOST_CODES) - 1 - int(rule)
            site = Site(row["site"])
            vendor = self._follower.catalogue.vendor_of(site)
            is_vendor = vendor is not None and not vendor.has_accounts
            sites[site] = TrustedSite(
                site,
                tier,
                chosen(_split(row["codes"]), MOST_CODES[tier]),
                is_common=is_vendor or (row["common"] and not self._follower.lists.families.is_written(site)),
            )
        return CompactList.of(version, sites.values(), extras)

    async def _compute_codes(self) -> None:
        """Compute what no process has computed yet: a millisecond or two for each new look."""
        while True:
            rows = [row async for row in self._queries.looks_without_codes(self._pool, batch=_BATCH)]
            if not rows:
                return
            codes, common = await asyncio.to_thread(_computed, [row["look"] for row in rows])
            ids = [row["look_id"] for row in rows]
            await self._queries.write_codes(self._pool, look_ids=ids, codes=codes, common=common)

    def _families(self) -> list[list[str]]:
        stated = self._follower.lists.stated.items()
        return sorted(sorted(pair) for pair, how in stated if how == "operator")

    async def _signing_key(self) -> Ed25519PrivateKey:
        if self._key is None:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

            seed = await queries("extension").service_key(self._pool, name="lists")
            self._key = Ed25519PrivateKey.from_private_bytes(seed)
        return self._key


def _computed(looks: Sequence[bytes]) -> tuple[list[bytes], list[bool]]:
    """The codes of looks, and whether each is a mere letter or a product's default picture."""
    parsed = [Look.from_bytes(raw) for raw in looks]
    catalogue = packaged_catalogue()
    common = [letter_in(look) is not None or catalogue.default_like([look]) is not None for look in parsed]
    return [codes_of(look) for look in parsed], common


def _split(looks: Iterable[bytes]) -> Iterable[bytes]:
    for codes in looks:
        for start in range(0, len(codes), CODE_BYTES):
            yield codes[start : start + CODE_BYTES]
