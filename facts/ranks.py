"""When a rank counts: at once when it is among the first, else after it has held for the time of probation.

A list of ranks can be manipulated, and a mistake in one import would otherwise lock or free thousands of
sites. So later imports may move a site within its tier, and nothing else at once: who enters the tiers,
leaves them, changes tier or moves far waits, and what was known before holds meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

from samelook.facts.standing import Tiers

GONE = 0
"""On probation: the rank is gone."""
_FAR = 2


@dataclass(frozen=True, slots=True)
class SettledRank:
    """The position that counts, and one that may come to count."""

    trusted: int | None = None
    new: int | None = None
    new_since: float | None = None


def settled(
    before: SettledRank | None,
    position: int | None,
    *,
    now: float,
    probation_s: float,
    judged: bool,
    tiers: Tiers,
    changed_hands: bool = False,
) -> SettledRank:
    """The rank that counts from now on, given the one in the lists.

    `judged`: the position comes from an import later than those that trust began with. Positions beyond the
    tiers protect nobody and count at once. So does the loss of a rank for a site that has `changed_hands`: it
    shows nothing any more of what it showed with the rank. Times are in seconds since 1970.
    """
    if before is None:
        before = SettledRank()
    if position == before.trusted:
        return SettledRank(position)
    if position is None and changed_hands:
        return SettledRank()
    if not judged or not _matters(before.trusted, position, tiers):
        return SettledRank(position)
    waiting = GONE if position is None else position
    since = before.new_since
    if since is None or before.new is None or not _is_same_move(before.new, waiting, tiers):
        return SettledRank(before.trusted, waiting, now)
    if now - since >= probation_s:
        return SettledRank(position)
    return SettledRank(before.trusted, waiting, since)


def _matters(trusted: int | None, position: int | None, tiers: Tiers) -> bool:
    """Whether a move could change a verdict of others."""
    old, new = tiers.rule_for(trusted), tiers.rule_for(position)
    if old is None and new is None:
        return False
    if old is not new or trusted is None or position is None:
        return True
    return not trusted / _FAR <= position <= trusted * _FAR


def _is_same_move(earlier: int, later: int, tiers: Tiers) -> bool:
    """Whether a position on probation is confirmed by the one that the lists have now."""
    if GONE in {earlier, later}:
        return earlier == later
    return tiers.rule_for(earlier) is tiers.rule_for(later) and earlier / _FAR <= later <= earlier * _FAR
