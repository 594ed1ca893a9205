"""What can go wrong in a crawl: one typed error a cause, each with a stable `kind`."""

from __future__ import annotations

from samelook.errors import SamelookError


class CrawlError(SamelookError):
    """Something went wrong with one input of the crawl; the crawl itself goes on.

    `kind` is a stable word for tables and programs, the message is for people, `detail` holds
    JSON-ready facts, and `retry` says whether trying again later can help.
    """

    kind = "crawl_error"
    retry = True
    injected = False
    """Whether a fault was injected on purpose (see samelook.crawler.faults)."""
