"""What can go wrong in a crawl: one typed error a cause, each with a stable `kind`."""

from __future__ import annotations


class CrawlError(Exception):
    """Something went wrong with one input of the crawl; the crawl itself goes on.

    `kind` is a stable word for tables and programs, the message is for people, `detail` holds
    JSON-ready facts, and `retry` says whether trying again later can help.
    """

    kind = "crawl_error"
    retry = True
    injected = False
    """Whether a fault was injected on purpose (see crawler.faults)."""

    def __init__(self, message: str, **detail: object) -> None:
        super().__init__(message)
        self.message = message
        self.detail: dict[str, object] = detail

    def as_json(self) -> dict[str, object]:
        """The row that error tables keep: `{"kind", "message", "detail"}`."""
        return {"kind": self.kind, "message": self.message, "detail": self.detail}
