"""What can go wrong with an index and its files."""

from __future__ import annotations

from samelook.errors import SamelookError


class MatchingError(SamelookError):
    """An index could not be built, searched, saved or opened.

    `kind` is a stable word for tables and programs, the message is for people, and `detail`
    holds JSON-ready facts.
    """

    kind = "matching_error"


class BadQuery(MatchingError, ValueError):
    """A code, an id or a radius has the wrong shape, type or range."""

    kind = "bad_query"


class SnapshotDamaged(MatchingError):
    """A snapshot file is cut short, or its bytes are not those that were written."""

    kind = "snapshot_damaged"


class SnapshotForeign(MatchingError):
    """A snapshot file is whole, but not of this format version, number of bits or subject."""

    kind = "snapshot_foreign"


class SourceUnavailable(MatchingError):
    """The place that an index follows cannot be asked at the moment."""

    kind = "source_unavailable"


class BackendUnavailable(SourceUnavailable):
    """The service that keeps an index cannot be asked at the moment, or refuses."""

    kind = "backend_unavailable"


class BackendMissing(MatchingError):
    """The library of the backend that was chosen is not installed."""

    kind = "backend_missing"


class PositionLost(MatchingError):
    """A log cannot say what changed since a position: it was cut, replaced, or too much happened."""

    kind = "position_lost"
