"""What can be chosen about the inspector."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InspectorSettings:
    """How long a question may take, and how much it may read."""

    statement_timeout_s: float = 10.0
    """For each statement; long questions consist of many short ones."""
    near_pictures: int = 300_000
    """A look's neighbours are searched by themselves up to so many pictures (some tenths of a second); in
    larger databases only when asked for."""
    near_looks: int = 50_000
    """The same for looks, which are compared by more than a distance."""
    verdict_looks: int = 20_000
    """A site's verdict is given by itself up to so many looks: the facts of all sites must be read for it."""
    counted_exactly: int = 200_000
    """Tables larger than this are counted by the planner's estimate."""
    page: int = 20_000
    """Hashes that one statement reads."""
    silent_s: float = 30.0
    """A crawling process that gave no sign of life for so long is held to be dead."""
    stuck_s: float = 600.0
    """Work that nobody took up for so long needs a person, as does an import that stands still."""
    failing_share: float = 0.5
    """More failures than this share of the last hour's outcomes need a person."""
    long_transaction_s: float = 3600.0
    """A transaction that is open for so long keeps the server from tidying up."""
    page_stale_s: float = 7 * 86_400.0
    icon_stale_s: float = 7 * 86_400.0
