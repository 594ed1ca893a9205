"""What Home says of runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from samelook.api.pages.home import LIVE, Live
from samelook.api.pages.render import fragment
from samelook.api.state import POOL
from samelook.crawler.rhythm import Due, Rhythm
from samelook.crawler.runs import Planned, recorded
from samelook.sql.errors import DatabaseError


async def test_home_shows_the_latest_runs_and_what_is_wrong_with_them(pool: Any) -> None:
    async with recorded(pool, "crawl", "domains icons hashes", dict):
        pass
    planned = Planned(Rhythm(timedelta(hours=6)), Due(datetime.now(UTC)))
    with pytest.raises(DatabaseError):
        async with recorded(pool, "import", "<b>tranco", dict, planned):
            raise DatabaseError("The list is gone.")
    app: Any = {POOL: pool, LIVE: Live()}
    text = fragment("home_live.html", **await app[LIVE].cache.values(app))
    assert '<span class="tag bad">failed</span>' in text
    assert '<span class="tag ok">done</span>' in text
    assert "The list is gone." in text
    assert "<b>tranco" not in text
