"""Meta ThreatExchange's `/PRIVACY_GROUP/threat_updates`, as the Graph API serves it.

Made after https://developers.facebook.com/docs/threat-exchange/reference/apis/threat-updates/ and what
python-threatexchange reads: a list of signals by the time of their last update, in which an update moves a
signal to the end, and a deleted one leaves a tombstone for 90 days.
"""

from __future__ import annotations

import base64
import itertools
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from tests.exchanges.standins.server import Asked, Reply, StandIn, as_json

TOKEN = "1234567890123456|" + "a" * 27
APP_ID = 1234567890123456
GROUP = 303636684709969
_PATH = re.compile(r"/v\d+\.0/(\d+)/threat_updates/?")


@dataclass(frozen=True)
class Descriptor:
    """What one member says of a signal."""

    owner: int
    status: str = "MALICIOUS"
    tags: tuple[str, ...] = ()
    reactions: tuple[tuple[str, str], ...] = ()
    id: int = field(default_factory=itertools.count(4000).__next__)

    def as_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": str(self.id), "owner": {"id": str(self.owner)}, "status": self.status}
        if self.tags:
            shown["tags"] = {"data": [{"id": str(7000 + n), "text": tag} for n, tag in enumerate(self.tags)]}
        if self.reactions:
            shown["reactions"] = [{"key": key, "value": value} for key, value in self.reactions]
        return shown


@dataclass(frozen=True)
class Update:
    """A signal's last event."""

    id: int
    indicator: str
    type: str
    time: int
    descriptors: tuple[Descriptor, ...]
    deleted: bool = False

    def as_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": str(self.id),
            "indicator": self.indicator,
            "type": self.type,
            "last_updated": self.time,
            "should_delete": self.deleted,
        }
        if not self.deleted:
            shown["descriptors"] = {"data": [one.as_json() for one in self.descriptors]}
        return shown


class Graph(StandIn):
    """One privacy group."""

    def __init__(self, page_size: int = 3) -> None:
        super().__init__()
        self.page_size = page_size
        self._updates: dict[tuple[str, str], Update] = {}
        self._ids = itertools.count(9_000_000_000_000_001)

    @property
    def url(self) -> str:
        """What takes the place of https://graph.facebook.com/vN.0."""
        return f"{self.origin}/v26.0"

    def share(self, indicator: str, time: int, *descriptors: Descriptor, type_: str = "HASH_PDQ") -> None:
        """Adds or updates a signal; either way it is now the last one."""
        old = self._updates.pop((type_, indicator), None)
        number = next(self._ids) if old is None else old.id
        said = descriptors or (Descriptor(42),)
        self._updates[type_, indicator] = Update(number, indicator, type_, time, said)

    def delete(self, indicator: str, time: int, *, type_: str = "HASH_PDQ") -> None:
        """Leaves a tombstone at the end."""
        old = self._updates.pop((type_, indicator))
        self._updates[type_, indicator] = replace(old, time=time, deleted=True, descriptors=())

    def forget_tombstones(self) -> None:
        """90 days pass."""
        self._updates = {key: one for key, one in self._updates.items() if not one.deleted}

    def is_page(self, asked: Asked) -> bool:
        return _PATH.fullmatch(asked.path) is not None

    def answer(self, asked: Asked) -> Reply:
        found = _PATH.fullmatch(asked.path)
        if found is None:
            return error(400, 100, "GraphMethodException", "Unsupported get request.")
        if asked.query.get("access_token") != TOKEN:
            return error(400, 190, "OAuthException", "Invalid OAuth access token - Cannot parse access token")
        if int(found[1]) != GROUP:
            return error(500, 1, "OAuthException", "An unknown error has occurred.")
        events = sorted(self._updates.values(), key=lambda one: one.time)
        start, stop = asked.query.get("start_time"), asked.query.get("stop_time")
        events = [one for one in events if int(start or 0) <= one.time and (not stop or one.time < int(stop))]
        size = min(self.page_size, int(asked.query.get("limit") or self.page_size))
        first = _place(asked.query.get("after"))
        page = events[first : first + size]
        body: dict[str, Any] = {"data": [one.as_json() for one in page]}
        if page:
            cursors = {"before": _cursor(first), "after": _cursor(first + len(page))}
            body["paging"] = {"cursors": cursors}
            if first + size < len(events):
                following = {**asked.query, "after": cursors["after"]}
                body["paging"]["next"] = f"{self.origin}{asked.path}?{urlencode(following)}"
        return as_json(body)


def error(status: int, code: int, kind: str, message: str, **more: Any) -> Reply:
    """An error as Graph answers it."""
    shown = {"message": message, "type": kind, "code": code, "fbtrace_id": "AbCdEfGhIjK", **more}
    return as_json({"error": shown}, status)


def too_many_calls() -> Reply:
    """Graph limits rates by an error of its own, not by 429."""
    return error(400, 4, "OAuthException", "(#4) Application request limit reached", is_transient=True)


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(f"place:{place}".encode()).decode()


def _place(cursor: str | None) -> int:
    return int(base64.urlsafe_b64decode(cursor).partition(b":")[2]) if cursor else 0
