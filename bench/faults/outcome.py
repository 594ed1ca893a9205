"""What a scenario found."""

from __future__ import annotations

from dataclasses import dataclass, field

RECOVERY_S = 30.0
UNTRUE_S = 2.0
"""How long /readyz may take to notice a change."""


@dataclass
class Outcome:
    """What was lost, how long it took; `wrong` are faults in words."""

    name: str
    acknowledged: int = 0
    lost: int = 0
    twice: int = 0
    recovery_s: float = 0.0
    untrue_s: float = 0.0
    said: str = ""
    wrong: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Everything that is not as it should be."""
        found = list(self.wrong)
        if self.lost:
            found.append(f"{self.lost} lost")
        if self.twice:
            found.append(f"{self.twice} twice")
        if self.recovery_s > RECOVERY_S:
            found.append(f"well again after {self.recovery_s:.1f} s")
        if self.untrue_s > UNTRUE_S:
            found.append(f"/readyz untrue for {self.untrue_s:.1f} s")
        return found

    @property
    def row(self) -> str:
        """A line of the table."""
        figures = f"{self.acknowledged:12,} {self.lost:5} {self.twice:6} {self.recovery_s:10.1f} "
        return f"{self.name:34} {figures}{self.untrue_s:9.1f}  {'; '.join(self.faults) or self.said or 'ok'}"


HEADER = (
    f"{'fault':34} {'acknowledged':>12} {'lost':>5} {'twice':>6} {'recovery s':>10} {'untrue s':>9}  remarks"
)
