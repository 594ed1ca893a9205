"""Whether a site whose name borrows an owner's shows the owner's mark too, in whatever rendition.

A mark alone says little: of ten thousand owners some have a mark like any other's. A name alone says little
too. A site that has both of one owner's is dressed up as the owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samelook.facts.asker import looks_at
from samelook.facts.evidence import LookMatch
from samelook.looks.remembered import Remembered
from samelook.looks.rules import Rule
from samelook.looks.same_mark import Likest, Marks, likest, marks_of
from samelook.names.sites import Site, registrable_label

if TYPE_CHECKING:
    from samelook.facts.known import Shown
    from samelook.facts.memory import KnownSite, Memory
    from samelook.looks.look import Look

MOST_OWNERS = 3
"""At most so many owners of borrowed names are looked at, the best-ranked."""
MOST_PICTURES = 6
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


class NamesakeMarks:
    """Compares the marks of askers and of those whose names they borrow; remembers what came of it."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._marks: Remembered[bytes, Marks] = Remembered(_SIGNS_KEPT)
        self._borrowed: Remembered[Site, _Borrowed] = Remembered(_SITES_KEPT)
        self._compared: Remembered[tuple[bytes, bytes], _Compared] = Remembered(_PAIRS_KEPT)

    def steps(self, sha256: bytes, looks: tuple[Look, ...], site: Site, now: float) -> Iterator[object]:
        """Compare, so that `matches` finds it done; a step takes some milliseconds, others go on between."""
        for owner in self._owners(site):
            for theirs, _ in self._pictures_of(owner, now):
                if (sha256, theirs) in self._compared:
                    continue
                for picture, shown in ((sha256, looks), (theirs, looks_at(self._memory, theirs) or ())):
                    if picture not in self._marks:
                        marks = marks_of(shown)
                        self._marks.put(picture, marks, 1 + len(marks.owners))
                        yield picture
                asked, found = self._marks.get(sha256), self._marks.get(theirs)
                if asked is not None and found is not None:
                    self._compared.put((sha256, theirs), _Compared(likest(asked, found)))
                yield theirs

    def matches(self, sha256: bytes, looks: tuple[Look, ...], site: Site, now: float) -> Iterator[LookMatch]:
        """The owners of borrowed names whose mark the picture shows."""
        for _ in self.steps(sha256, looks, site, now):
            pass
        for owner in self._owners(site):
            for theirs, shown in self._pictures_of(owner, now):
                compared = self._compared.get((sha256, theirs))
                if compared is not None and compared.likest is not None:
                    yield LookMatch(
                        owner=owner.as_owner(shown),
                        rule=Rule.WIDE,
                        asker_sha256=sha256.hex(),
                        owner_sha256=theirs.hex(),
                        form=compared.likest.form,
                        current=shown.gone_since is None,
                        displayed=shown.is_displayed,
                        mark=compared.likest.points,
                        asker_md5=self._memory.md5_of(sha256).hex(),
                        owner_md5=shown.md5.hex(),
                        owner_icon_url=shown.icon_url,
                    )

    def _owners(self, site: Site) -> list[KnownSite]:
        namesakes = self._memory.namesakes
        borrowed = self._borrowed.get(site)
        if borrowed is None or borrowed.version != namesakes.version:
            borrowed = _Borrowed(namesakes.version, namesakes.borrowed_by(registrable_label(site)) - {site})
            self._borrowed.put(site, borrowed)
        if not borrowed.sites:
            return []
        owners = [known for name in borrowed.sites if (known := self._memory.site(Site(name))) is not None]
        return sorted(owners, key=lambda known: (known.position or _LAST, known.name))[:MOST_OWNERS]

    def _pictures_of(self, owner: KnownSite, now: float) -> list[tuple[bytes, Shown]]:
        shown = sorted(
            owner.shown_looks(now),
            key=lambda item: (not item[1].is_displayed, item[1].gone_since is not None, item[0]),
        )
        return shown[:MOST_PICTURES]
