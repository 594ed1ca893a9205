"""What functions remember is bounded: names and files that others invent must not fill the memory."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest

import samelook
from samelook.names.errors import NotASite
from samelook.names.sites import _why_private, host_of_url

MOST = 16_384
"""A name takes up to a kilobyte in a cache, as what it is found by and as what was found."""
CLOSED = {
    "samelook.api.requests.field_names": "our models",
    "samelook.crawler.queues.messages._hints": "our kinds of messages",
    "samelook.hashing.svg.text.covered": "the fonts that come with the package",
    "samelook.looks.probes._plan": "few versions, or many",
    "samelook.sql.hash_queries.hash_queries": "the signals of the settings",
    "samelook.sql.named.queries": "our files of queries",
    "samelook.sql.queue_queries.queue_queries": "the four phases",
}
"""Functions that remember everything they were ever asked, and whose questions are few, whoever asks."""


def _remembering() -> Iterator[tuple[str, Any]]:
    for found in pkgutil.walk_packages(samelook.__path__, "samelook."):
        if found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if hasattr(value, "cache_info") and value.__module__ == found.name:
                yield f"{found.name}.{name}", value


def test_what_functions_remember_is_bounded() -> None:
    remembering = dict(_remembering())
    assert len(remembering) > 30
    unbounded = {
        name
        for name, function in remembering.items()
        if function.cache_info().maxsize is None and inspect.signature(function).parameters
    }
    assert unbounded == CLOSED.keys()
    large = {name for name, function in remembering.items() if (function.cache_info().maxsize or 0) > MOST}
    assert not large


def test_a_name_that_no_host_has_is_not_remembered() -> None:
    _why_private.cache_clear()
    for number in range(100):
        with pytest.raises(NotASite):
            host_of_url(f"https://{number}{'.a' * 3000}.example/")
    assert _why_private.cache_info().currsize == 0
