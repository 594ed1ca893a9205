"""The hash list (version 2) of Tech Against Terrorism's TCAP.

Made after https://terrorismanalytics.org/docs/hash-list-v2 and what python-threatexchange reads: a JSON web
token for a user, records by the time of their last update after a checkpoint `TIME,ID`, and pages by limit
and offset whose `next` is a URL with all parameters of the request, in alphabetical order as Django REST
framework writes them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

from tests.exchanges.standins.server import Asked, Reply, StandIn, as_json

USER, PASSWORD = "analyst", "correct horse"
_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiYW5hbHlzdCJ9.c2lnbmF0dXJl"
_LIST = "/api/hash-list/v2/all"


@dataclass
class Entry:
    """A fingerprint of a file."""

    digest: str
    time: float
    algorithm: str = "PDQ"
    file_type: str = "jpg"
    deleted: bool = False
    id: int = field(default_factory=itertools.count(2819).__next__)

    def as_json(self) -> dict[str, Any]:
        return {
            "hash_digest": self.digest,
            "algorithm": self.algorithm,
            "ideology": "islamist",
            "file_type": self.file_type,
            "deleted": self.deleted,
            "updated_on": self.time,
            "created_on": datetime.fromtimestamp(0, UTC).isoformat(),
            "id": self.id,
        }


class Tat(StandIn):
    """The whole service."""

    def __init__(self, page_size: int = 3) -> None:
        super().__init__()
        self.page_size = page_size
        self._entries: dict[int, Entry] = {}

    @property
    def url(self) -> str:
        """What takes the place of https://app.terrorismanalytics.org/."""
        return f"{self.origin}/"

    def share(self, entry: Entry) -> Entry:
        """Adds or replaces an entry; deleted ones stay, marked so."""
        self._entries[entry.id] = entry
        return entry

    def forget(self, number: int) -> None:
        """As if it had never been."""
        del self._entries[number]

    def is_page(self, asked: Asked) -> bool:
        return asked.path == _LIST

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/token-auth/tcap/" and asked.method == "POST":
            given = {name: values[-1] for name, values in parse_qs(asked.body.decode()).items()}
            if (given.get("username"), given.get("password")) != (USER, PASSWORD):
                return as_json({"non_field_errors": ["Unable to log in with provided credentials."]}, 400)
            return as_json({"token": _TOKEN, "user": {"username": USER}})
        if asked.headers.get("authorization") != f"Bearer {_TOKEN}":
            return as_json({"detail": "Authentication credentials were not provided."}, 401)
        if not self.is_page(asked):
            return as_json({"detail": "Not found."}, 404)
        found = sorted(self._entries.values(), key=lambda one: (one.time, one.id))
        after = asked.query.get("after")
        if after:
            time, _, number = after.partition(",")
            found = [one for one in found if (one.time, one.id) > (float(time), int(number))]
        first = int(asked.query.get("offset", "0"))
        size = self.page_size
        page = found[first : first + size]
        more = first + size < len(found)
        # Without results it is that of the last record there is: an earlier one after a restored backup.
        last = (
            page[-1]
            if page
            else max(self._entries.values(), key=lambda one: (one.time, one.id), default=None)
        )
        return as_json(
            {
                "count": len(found),
                "next": self._page_url(asked, first + size) if more else None,
                "previous": self._page_url(asked, first - size) if first else None,
                "checkpoint": f"{last.time},{last.id}" if last is not None else None,
                "results": [one.as_json() for one in page],
            }
        )

    def _page_url(self, asked: Asked, offset: int) -> str:
        known = {name: value for name, value in asked.query.items() if not name.startswith("http")}
        wanted = {**known, "limit": str(self.page_size), "offset": str(offset)}
        return f"{self.origin}{_LIST}?{urlencode(sorted(wanted.items()))}"
