"""The database that the settings name: started when it is the embedded one, and migrated."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samelook.settings import Settings


@contextmanager
def configured_database(settings: Settings, *, migrated: bool = True) -> Iterator[str]:
    """The URL of the configured database, with the current schema unless `migrated` is False.

    Without a configured URL the embedded Postgres runs at least until the end of the block. To be
    entered before an event loop runs. Raises DatabaseError's leaves.
    """
    import structlog

    from samelook.logs import configure_logging
    from samelook.sql.migrate import migrate

    if not structlog.is_configured():  # unless told otherwise it would log to standard output
        configure_logging()
    with _server(settings) as url:
        if migrated:
            asyncio.run(migrate(url))
        yield url


@contextmanager
def _server(settings: Settings) -> Iterator[str]:
    if settings.database.url:
        yield settings.database.url
        return
    from samelook.postgres.embedded import embedded_postgres

    with embedded_postgres(settings.data_dir) as url:
        yield url
