"""What can be chosen about verdicts: the tiers, the times of probation, and how facts are followed."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

from samelook.facts.standing import Tiers
from samelook.variables import flag, seconds, variable, words

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class VerdictSettings:
    """How verdicts are made and kept up to date."""

    tiers: Tiers = field(default_factory=Tiers)
    probation_s: float = variable(
        "SAMELOOK_RANK_PROBATION_DAYS",
        28 * DAY_S,
        "Days that a rank must have held before it counts, when a later list brings, takes or moves it.",
        seconds,
        unit=DAY_S,
    )
    trust_takes_s: float = 28 * DAY_S
    """Over how long the crawl must have seen a look at a site twice before the look speaks for it."""
    former_look_s: float = 180 * DAY_S
    """How long a look stays protected after its owner stopped showing it."""
    shared_hosts: AbstractSet[str] = variable(
        "SAMELOOK_SHARED_HOSTS",
        frozenset(),
        "Hosts where strangers publish under paths, and domains where they have hosts, comma separated, besides "
        "those that are built in.",
        lambda text: frozenset(words(text)),
    )
    look_model: bool = variable(
        "SAMELOOK_LOOK_MODEL",
        True,
        "Whether sites are also locked that give themselves out for an owner, by name, and show the owner's "
        "mark drawn anew. "
        "`off`: only looks count.",
        flag,
    )
    many_hosts: int = 50_000
    """A domain with so many hosts may have strangers among them."""
    poll_s: float = 0.4
    """How often changes are looked for; two polls lie between a write and its effect."""
    cached_s: float = 0.8
    """How long an answer may be given again while facts of other sites change."""
    found_looks: int = 50_000
    """Looks found by searches that are remembered, some 30 MB."""
    looks_folder: Path | None = None
    """Where processes share the bytes of looks; None: each keeps its own."""
    remembered_sightings: int = 200_000
