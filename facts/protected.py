"""Whose protected look a picture has, read from the database for an import, which may take a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from samelook.looks.likeness import LOOK_RULES, likenesses, versions_of
from samelook.looks.look import PDQ_BYTES, BadLook, Look
from samelook.looks.rules import Rule
from samelook.looks.stored import pdqs_in
from samelook.matching.distance import distances
from samelook.names.sites import Site
from samelook.sql.named import queries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samelook.sql.pool import Connection

_PAGE = 5000


class Protected:
    """The looks of all sites in the tiers: their PDQs for the search, their bytes for the comparison."""

    def __init__(self) -> None:
        self._sites: list[Site] = []
        self._looks: list[bytes] = []
        self._codes: NDArray[np.uint64] = np.empty((0, PDQ_BYTES // 8), np.uint64)
        self._of_code: NDArray[np.int64] = np.empty(0, np.int64)

    @classmethod
    async def read(cls, connection: Connection) -> Protected:
        """Everything that is protected now; some hundred megabytes where a hundred thousand sites are."""
        protected, parts, counts = cls(), [], []
        look_id, site = -1, ""
        ask: Any = queries("operator")
        while True:
            rows = [
                row
                async for row in ask.protected_looks(
                    connection, after_look=look_id, after_site=site, page=_PAGE
                )
            ]
            for row in rows:
                codes = pdqs_in(row["look"])
                parts.append(codes)
                counts.append(len(codes) // PDQ_BYTES)
                protected._sites.append(Site(row["site"]))
                protected._looks.append(row["look"])
            if len(rows) < _PAGE:
                break
            look_id, site = rows[-1]["look_id"], rows[-1]["site"]
        protected._codes = np.frombuffer(b"".join(parts), np.uint64).reshape(-1, PDQ_BYTES // 8)
        protected._of_code = np.repeat(np.arange(len(counts)), counts)
        return protected

    def like(self, looks: Sequence[bytes]) -> list[Site]:
        """The sites whose look is the same as one of these under the standard rule, each once."""
        found: dict[Site, None] = {}
        for raw in looks:
            try:
                probes = versions_of(Look.from_bytes(raw))
            except BadLook:
                continue
            for place in self._near(np.ascontiguousarray(probes.pdqs).view(np.uint64)):
                owner = Look.from_bytes(self._looks[place])
                if likenesses(probes, (owner,), Rule.STANDARD)[0] is not None:
                    found[self._sites[place]] = None
        return list(found)

    def _near(self, asked: NDArray[np.uint64]) -> list[int]:
        """The places of looks with a form within the standard radius of one of the codes."""
        near = np.zeros(len(self._codes), np.bool_)
        for code in asked:
            bits = distances(self._codes, code)
            near |= bits <= LOOK_RULES[Rule.STANDARD].radius_bits
        places: list[int] = np.unique(self._of_code[near]).tolist()
        return places
