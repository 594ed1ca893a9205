"""The API of StopNCII.org: `FetchHashes`, behind Azure's API Management.

Made after what python-threatexchange reads and its documented examples: JSON, a token for the next page of a
set, and a `nextSetTimestamp` that every page of the set carries, with the time of the set's last change.
"""

from __future__ import annotations

import base64
import itertools
from dataclasses import dataclass, field
from typing import Any

from tests.exchanges.standins.server import Asked, Reply, StandIn, as_json

FUNCTION_KEY, SUBSCRIPTION_KEY = "function-key-0123456789", "subscription-key-0123456789"


@dataclass
class Record:
    """A hash with the cases that it belongs to."""

    value: str
    time: int
    type: str = "ImagePDQ"
    status: str = "Active"
    feedbacks: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    """Source, value, tags."""

    def as_json(self, case: str) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "lastModtimestamp": self.time,
            "hashValue": self.value,
            "hashStatus": self.status,
            "caseNumbers": {case: self.status},
            "signalType": self.type,
            "hashRegions": ["UK"],
        }
        if self.feedbacks:
            shown["CSPFeedbacks"] = [
                {"source": source, "feedbackValue": value, "tags": list(tags)}
                for source, value, tags in self.feedbacks
            ]
        return shown


class StopNcii(StandIn):
    """The whole service."""

    def __init__(self, page_size: int = 3) -> None:
        super().__init__()
        self.page_size = page_size
        self._records: dict[tuple[str, str], Record] = {}
        self._cases = itertools.count(1)

    @property
    def url(self) -> str:
        """What takes the place of https://api.stopncii.org/v1."""
        return f"{self.origin}/v1"

    def share(self, record: Record) -> None:
        """Adds or replaces a record; withdrawn ones stay, with that status."""
        self._records[record.type, record.value] = record

    def forget(self, value: str) -> None:
        """As if it had never been."""
        del self._records["ImagePDQ", value]

    def is_page(self, asked: Asked) -> bool:
        return asked.path == "/v1/FetchHashes"

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("ocp-apim-subscription-key") != SUBSCRIPTION_KEY:
            return as_json(
                {"statusCode": 401, "message": "Access denied due to invalid subscription key."}, 401
            )
        if asked.headers.get("x-functions-key") != FUNCTION_KEY:
            return Reply(b"", 401)
        if not self.is_page(asked):
            return as_json({"statusCode": 404, "message": "Resource not found"}, 404)
        start = int(asked.query["startTimestamp"])
        found = [one for one in self._records.values() if one.time >= start]
        size = min(self.page_size, int(asked.query["pageSize"]))
        first = _place(asked.query.get("nextPageToken"))
        page = found[first : first + size]
        more = first + size < len(found)
        # What there is, not what was asked: a server restored from a backup answers with an earlier time.
        latest = max((one.time for one in self._records.values()), default=start)
        cases = [f"27664732-76e1-4a17-8099-{next(self._cases):012d}" for _ in page]
        return as_json(
            {
                "count": len(page),
                "nextPageToken": _token(first + size) if more else None,
                "nextSetTimestamp": latest,
                "hasMoreRecords": more,
                "hashRecords": [one.as_json(case) for one, case in zip(page, cases, strict=True)],
            }
        )


def rate_limited(wait_s: int) -> Reply:
    """Azure's answer to too many requests."""
    message = f"Rate limit is exceeded. Try again in {wait_s} seconds."
    return as_json({"statusCode": 429, "message": message}, 429, Retry_After=str(wait_s))


def _token(place: int) -> str:
    return base64.b64encode(f'[{{"token":"+RID:~{place}"}}]'.encode()).decode()


def _place(token: str | None) -> int:
    return int(base64.b64decode(token).decode().partition("~")[2].partition('"')[0]) if token else 0
