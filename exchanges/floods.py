"""Whether an exchange brings so much more than usual that a person is to look at it first.

It may be poisoned, broken, or another list than before. What a run has brought until then is switched off.
"""

from __future__ import annotations

import uuid

from samelook.sql.named import queries
from samelook.sql.pool import Connection

from .errors import Flooded
from .settings import ExchangeSettings
from .store import Exchange


class FloodWatch:
    """Counts what one run brings."""

    def __init__(
        self, connection: Connection, exchange: Exchange, run_id: uuid.UUID, settings: ExchangeSettings
    ) -> None:
        self.added = 0
        """Contents that were not there before."""
        self._connection = connection
        self._exchange = exchange
        self._run_id = run_id
        self._settings = settings
        self._most = 0.0
        self._last_content = 0

    def begin(self, usual: float | None, last_content: int) -> None:
        """What runs usually bring, and the id of the last content that is there."""
        settings = self._settings
        self._most = max(settings.flood_least, settings.flood_times * (usual or 0.0))
        self._last_content = last_content

    async def note(self, added: int, *, first: bool) -> Flooded | None:
        """Counts a page's new contents, and holds them if they are too many; the error to end the run with.

        It belongs into the page's transaction. The first reading may bring any number.
        """
        self.added += added
        if first or not self._settings.flood_times or self.added <= self._most:
            return None
        held = await queries("exchanges").hold_flood(
            self._connection, id=self._exchange.id, run_id=self._run_id, after=self._last_content
        )
        name = self._exchange.name
        return Flooded(
            f"{name} brought {self.added} new contents, and usually brings far fewer; they match nothing "
            f"until somebody has looked: samelook exchange release {name}",
            added=self.added,
            held=held,
        )
