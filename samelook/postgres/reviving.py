"""The embedded Postgres, started again when it dies while somebody works with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from samelook.postgres.cluster import EmbeddedPostgresError
from samelook.postgres.embedded import revive

if TYPE_CHECKING:
    from samelook.settings import Settings

_log = structlog.get_logger(__name__)
_LOOK_S = 0.5
_LONGEST_PAUSE_S = 30.0
_T = TypeVar("_T")


async def with_database_kept(settings: Settings, work: Coroutine[Any, Any, _T], *, needed: bool = True) -> _T:
    """The result of `work`, during which a database of the settings' own data folder is kept running.

    One that is not needed is not, and a database that is somebody else's is left to them.
    """
    if settings.database.url or not needed:
        return await work
    keeping = asyncio.create_task(_keep(settings.data_dir))
    try:
        return await work
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


async def _keep(data_dir: Path) -> None:
    pause_s = _LOOK_S
    while True:
        await asyncio.sleep(pause_s)
        try:
            if await asyncio.to_thread(revive, data_dir):
                _log.warning("postgres.revived", data=str(data_dir))
            pause_s = _LOOK_S
        except (EmbeddedPostgresError, OSError) as error:
            pause_s = min(4 * pause_s, _LONGEST_PAUSE_S)
            _log.error("postgres.not_revived", error=str(error), next_try_in_s=pause_s)
