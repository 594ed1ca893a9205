"""Whether a site that gives itself out for an owner shows the owner's mark too, in whatever rendition.

A mark alone says little: of ten thousand owners some have a mark like any other's. A name alone says little
too. A site that has both of one owner's is dressed up as the owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samelook.facts.asker import looks_at
from samelook.facts.evidence import Claim, LookMatch
from samelook.looks.remembered import Remembered
from samelook.looks.rules import Rule
from samelook.looks.same_mark import FAINT_POINTS, Likest, Marks, likest, marks_of
from samelook.names.sites import Site, registrable_label

if TYPE_CHECKING:
    from samelook.facts.asker import Knowledge
    from samelook.facts.known import Shown
    from samelook.facts.memory import KnownSite
    from samelook.facts.questions import Asked, AskedIcon
    from samelook.looks.look import Look

MOST_OWNERS = {Claim.NAME: 3, Claim.ICON: 1, Claim.TITLE: 8}
"""At most so many owners are looked at for a claim, the best-ranked: a title may be stuffed with names."""
MOST_PICTURES = {Claim.NAME: 6, Claim.ICON: 6, Claim.TITLE: 3}
"""Of each at most so many pictures, those that it displays first."""
_SIGNS_KEPT = 2000
"""Signs that are remembered with all that is measured of them, 6 kB each."""
_PAIRS_KEPT = 20_000
_SITES_KEPT = 50_000
_LAST = 1 << 62


@dataclass(frozen=True, slots=True)
class _Compared:
    """The outcome of comparing two pictures; `likest` is None where they do not show one mark."""

    likest: Likest | None


@dataclass(frozen=True, slots=True)
class _Borrowed:
    """The sites whose names a site borrows, as of a version of all names."""

    version: int
    sites: frozenset[str]


class ClaimedMarks:
    """Compares the marks of askers and of whom they give themselves out for; remembers what came of it."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._memory = knowledge.memory
        self._vendor_of = knowledge.catalogue.vendor_of
        self._marks: Remembered[bytes, Marks] = Remembered(_SIGNS_KEPT)
        self._borrowed: Remembered[Site, _Borrowed] = Remembered(_SITES_KEPT)
        self._compared: Remembered[tuple[bytes, bytes], _Compared] = Remembered(_PAIRS_KEPT)

    def steps(self, icon: AskedIcon, looks: tuple[Look, ...], asked: Asked, now: float) -> Iterator[object]:
        """Compare, so that `matches` finds it done; a step takes some milliseconds, others go on between."""
        for _, _, theirs, _ in self._pairs(icon, asked, now):
            if (icon.sha256, theirs) in self._compared:
                continue
            for picture, shown in ((icon.sha256, looks), (theirs, looks_at(self._memory, theirs) or ())):
                if picture not in self._marks:
                    marks = marks_of(shown)
                    self._marks.put(picture, marks, 1 + len(marks.owners))
                    yield picture
            ours, found = self._marks.get(icon.sha256), self._marks.get(theirs)
            if ours is not None and found is not None:
                self._compared.put((icon.sha256, theirs), _Compared(likest(ours, found, FAINT_POINTS)))
            yield theirs

    def matches(
        self, icon: AskedIcon, looks: tuple[Look, ...], asked: Asked, now: float
    ) -> Iterator[LookMatch]:
        """The owners that the asker gives itself out for and whose mark the picture shows."""
        for _ in self.steps(icon, looks, asked, now):
            pass
        for owner, claim, theirs, shown in self._pairs(icon, asked, now):
            compared = self._compared.get((icon.sha256, theirs))
            if compared is not None and compared.likest is not None:
                yield LookMatch(
                    owner=owner.as_owner(shown),
                    rule=Rule.WIDE,
                    asker_sha256=icon.sha256.hex(),
                    owner_sha256=theirs.hex(),
                    form=compared.likest.form,
                    current=shown.gone_since is None,
                    displayed=shown.is_displayed,
                    mark=compared.likest.points,
                    claim=claim,
                    asker_md5=self._memory.md5_of(icon.sha256).hex(),
                    owner_md5=shown.md5.hex(),
                    owner_icon_url=shown.icon_url,
                    vendor=self._vendor_of(owner.name),
                )

    def _pairs(
        self, icon: AskedIcon, asked: Asked, now: float
    ) -> Iterator[tuple[KnownSite, Claim, bytes, Shown]]:
        """The owners' pictures that the icon is compared with."""
        for owner, claim in self._owners(icon, asked):
            shown = sorted(
                owner.shown_looks(now),
                key=lambda item: (not item[1].is_displayed, item[1].gone_since is not None, item[0]),
            )
            for sha256, worn in shown[: MOST_PICTURES[claim]]:
                yield owner, claim, sha256, worn

    def _owners(self, icon: AskedIcon, asked: Asked) -> Iterator[tuple[KnownSite, Claim]]:
        """Whom the asker gives itself out for, each once, by the strongest claim."""
        claimed: dict[Claim, Iterable[str]] = {
            Claim.NAME: self._borrowed_by(asked.site),
            Claim.ICON: () if icon.source is None else (icon.source,),
            Claim.TITLE: self._memory.namesakes.named_in(asked.title) if asked.title else (),
        }
        names = {str(asked.site)}
        for claim, sites in claimed.items():
            known = [known for name in sites if (known := self._memory.site(Site(name))) is not None]
            best = sorted(known, key=lambda owner: (owner.position or _LAST, owner.name))
            for owner in best[: MOST_OWNERS[claim]]:
                if owner.name not in names:
                    names.add(owner.name)
                    yield owner, claim

    def _borrowed_by(self, site: Site) -> frozenset[str]:
        namesakes = self._memory.namesakes
        borrowed = self._borrowed.get(site)
        if borrowed is None or borrowed.version != namesakes.version:
            borrowed = _Borrowed(namesakes.version, namesakes.borrowed_by(registrable_label(site)) - {site})
            self._borrowed.put(site, borrowed)
        return borrowed.sites
