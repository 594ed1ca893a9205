"""What the shell completes after options of `samelook inspect`: fixed words, none asks the database."""

from __future__ import annotations

from collections.abc import Iterable


def _beginning_with(typed: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(typed)]


def phases(incomplete: str) -> list[str]:
    """The phases of the crawl."""
    from samelook.sql.queue_queries import PHASES

    return _beginning_with(incomplete, PHASES)


def error_kinds(incomplete: str) -> list[str]:
    """Every kind of error that an input of the crawl can end with."""
    from samelook.inspector.injection import error_kinds as known

    return _beginning_with(incomplete, sorted(known()))


def signals(incomplete: str) -> list[str]:
    """The signals that can be compared by distance."""
    from samelook.hashing.table import COMPARED

    return _beginning_with(incomplete, [signal.name for signal in COMPARED])


def grey_reasons(incomplete: str) -> list[str]:
    """Why the database calls a site grey."""
    from samelook.inspector.opinions import GREY_REASONS

    return _beginning_with(incomplete, GREY_REASONS)


def report_kinds(incomplete: str) -> list[str]:
    """What people report."""
    from samelook.inspector.opinions import REPORT_KINDS

    return _beginning_with(incomplete, REPORT_KINDS)


def fault_kinds(incomplete: str) -> list[str]:
    """The faults that can be injected."""
    from samelook.crawler.faults import FAULT_KINDS

    return _beginning_with(incomplete, FAULT_KINDS)


def spans(incomplete: str) -> list[str]:
    """Some spans of time."""
    return _beginning_with(incomplete, ("15m", "1h", "12h", "1d", "7d"))


def given_verdicts(incomplete: str) -> list[str]:
    """The verdicts that are kept."""
    from samelook.inspector.operator import VERDICTS

    return _beginning_with(incomplete, VERDICTS)
