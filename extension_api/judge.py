"""From a question to its verdict: facts are gathered in memory, `verdict.decide` weighs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samelook.extension_api.verdict import Decision, decide
from samelook.facts.asker import Knowledge
from samelook.facts.evidence import Facts
from samelook.facts.gathering import Gatherer
from samelook.facts.questions import Asked

if TYPE_CHECKING:
    from samelook.facts.settings import VerdictSettings


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision, and the facts that it was made of."""

    asked: Asked
    facts: Facts
    decision: Decision

    @property
    def needed(self) -> tuple[bytes, ...]:
        """The SHA-256 of the icons whose bytes would give a better verdict."""
        return tuple(bytes.fromhex(sha256) for sha256 in self.facts.needed)


class Judge(Gatherer):
    """Gives verdicts from memory. Nothing here waits for anything."""

    def __init__(self, knowledge: Knowledge, settings: VerdictSettings, clock: Callable[[], float]) -> None:
        super().__init__(knowledge, settings, clock)
        self._tiers = settings.tiers

    def judge(self, asked: Asked) -> Judgement:
        """The verdict on what is asked."""
        facts = self.gather(asked)
        return Judgement(asked, facts, decide(facts, self._tiers))
