"""From what is asked to the facts of a verdict: gathering, in memory, what `verdict.decide` is to weigh."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Protocol

from samelook.extension_api.verdict import AskerLook, Decision, Facts, LookMatch, decide
from samelook.facts.families import STRONG, Kinship, kinship
from samelook.facts.standing import Owner
from samelook.looks.index import Found
from samelook.looks.likeness import versions_of, wear_one_look
from samelook.looks.look import Look
from samelook.looks.rules import Rule
from samelook.names.sites import Hosting, Site, hosting_of, site_of

if TYPE_CHECKING:
    from samelook.facts.lists import Lists
    from samelook.facts.memory import KnownSite, Memory
    from samelook.facts.settings import VerdictSettings

MOST_OWNERS = 12
"""Owners that a verdict weighs, the best-ranked: with so many unrelated ones the look is shared anyway."""
MOST_SISTERS = 6
MOST_WITH_SISTERS = 3
"""Owners of a look of whom it is asked who else wears theirs, the best-ranked: each takes a search."""
_TRUSTED_TIERS = tuple(Rule)


class Knowledge(Protocol):
    """What is known now: a follower of the database, or facts put together by hand."""

    memory: Memory
    lists: Lists


@dataclass(frozen=True, slots=True)
class AskedIcon:
    """One icon that a client names. Its looks are given when this process has seen the bytes."""

    sha256: bytes
    looks: tuple[Look, ...] | None = None
    md5: bytes = b""
    error: str | None = None
    """Why the bytes that were sent are no picture."""
    pdq: bytes = b""
    """All that is known of an icon given as a signal; `sha256` then stands for it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a site."""

    host: str
    icons: tuple[AskedIcon, ...] = ()
    client: int | None = None
    position: int | None = None
    """The rank of a site that is not in memory."""
    first_seen: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The decision, and what the answer tells beside it."""

    site: Site
    decision: Decision
    needed: tuple[bytes, ...] = ()
    first_seen: float | None = None
    visited: bool = False
    shown: tuple[bytes, ...] = ()
    """The pictures that the verdict is about."""
    shared_with: tuple[Site, ...] = ()


@dataclass(slots=True)
class _Nearby:
    """What a search found for one picture, and for which state of the index."""

    version: int
    at: float
    found: list[list[Found]] = field(default_factory=list)
    """For each look of the picture."""


class Judge:
    """Gives verdicts from memory. Nothing here waits for anything."""

    def __init__(self, knowledge: Knowledge, settings: VerdictSettings, clock: Callable[[], float]) -> None:
        self._knowledge = knowledge
        self._settings = settings
        self._clock = clock
        self._nearby: OrderedDict[tuple[bytes, bool], _Nearby] = OrderedDict()
        self._memory: Memory | None = None

    @property
    def memory(self) -> Memory:
        memory = self._knowledge.memory
        if memory is not self._memory:
            # Numbers of looks mean something within one memory only.
            self._memory = memory
            self._nearby.clear()
        return memory

    def site_of(self, host: str) -> Site:
        """The site that a host is judged as: a host among many tenants is one of its own."""
        site = site_of(host)
        return Site(host) if self._hosting(host, site) is Hosting.PERHAPS_SHARED else site

    def look_around(self, icon: AskedIcon) -> Iterator[object]:
        """Search for looks like an icon's, step by step, so that `judge` finds that done.

        A step is a millisecond or two; others may be answered between two of them.
        """
        looks = None if icon.error or icon.pdq else self._looks_of(icon)
        if looks and self._remembered((icon.sha256, False)) is None:
            yield from self._searching(icon.sha256, looks, trusted_only=False)

    def judge(self, asked: Asked) -> Judged:
        """The verdict on what is asked."""
        registrable = site_of(asked.host)
        hosting = self._hosting(asked.host, registrable)
        name = Site(asked.host) if hosting is Hosting.PERHAPS_SHARED else registrable
        facts, shown = self._facts(asked, name, registrable, hosting)
        decision = decide(facts, self._settings.tiers)
        shared: list[Site] = next(
            (reason.detail["with"] for reason in decision.reasons if reason.code == "shared_look"), []
        )
        return Judged(
            site=name,
            decision=decision,
            needed=tuple(bytes.fromhex(sha256) for sha256 in facts.needed),
            first_seen=facts.first_seen,
            visited=facts.visited,
            shown=shown,
            shared_with=tuple(other for other in shared if other != name),
        )

    # ---- gathering ----

    def _hosting(self, host: str, site: Site) -> Hosting:
        known = self.memory.site(site)
        return hosting_of(
            host,
            known.main.n_hosts if known else None,
            shared_hosts=self._settings.shared_hosts,
            many_hosts=self._settings.many_hosts,
        )

    def _facts(
        self, asked: Asked, name: Site, registrable: Site, hosting: Hosting
    ) -> tuple[Facts, tuple[bytes, ...]]:
        memory, lists, now = self.memory, self._knowledge.lists, self._clock()
        known = memory.site(name)
        main = known.main if known else None
        listed = {lists.operator_list(one, now) for one in {name, registrable}}
        allowed = any(lists.is_allowed(asked.client, one, now) for one in {name, registrable})
        current = dict(known.current()) if known else {}
        icons = asked.icons or tuple(AskedIcon(sha256) for sha256 in sorted(current))
        position = main.position if main else asked.position
        looks, matches, needed, errors = [], [], [], []
        strange = False
        for icon in self._with_known(icons, current):
            if icon.error is not None:
                errors.append(icon.error)
                continue
            if icon.pdq:
                matches += self._matches_of_pdq(icon, name)
                continue
            seen = self._looks_of(icon)
            if seen is None:
                needed.append(icon.sha256.hex())
                continue
            fetched = icon.sha256 in current or self._is_shown(seen, current)
            strange |= bool(seen) and not fetched
            looks.append(
                AskerLook(
                    icon.sha256.hex(),
                    not seen,
                    fetched and not needed,
                )
            )
            if seen:
                matches += self._matches_of(icon, seen, name)
        if listed != {None} or allowed or (looks and self._settings.tiers.rule_for(position) is not None):
            # Decided without them: nobody needs to send anything.
            needed.clear()
        best = _best_owners(matches)
        matches = [match for match in matches if match.owner.site in best]
        matches = self._with_sisters(matches, position)
        since = min((shown.since for shown in current.values()), default=None)
        facts = Facts(
            site=name,
            position=None if hosting is Hosting.TENANT and known is None else position,
            on_probation=main.on_probation if main else None,
            hosting=hosting,
            allowlisted="client" if allowed else "operator" if "allow" in listed else None,
            blocklisted="block" in listed,
            looks=tuple(looks),
            matches=tuple(matches),
            kinships=self._kinships(name, best, matches),
            visited=main is not None and main.visited,
            no_icon=main is not None and main.visited and not current,
            discovery_error=main.discovery_error if main else None,
            hashing_errors=tuple(errors) or (main.hashing_errors if main and not asked.icons else ()),
            known_with_other_look=bool(current) and strange,
            verified_since=since if any(look.verified for look in looks) else None,
            first_seen=min((one for one in (since, asked.first_seen) if one is not None), default=None),
            needed=tuple(needed),
            reports=lists.reports.get(name, {}),
        )
        return facts, tuple(icon.sha256 for icon in icons if not icon.pdq)

    def _with_known(self, icons: tuple[AskedIcon, ...], current: Iterable[bytes]) -> tuple[AskedIcon, ...]:
        """The icons, and where all that a client named are unknown, those that the crawl knows after them.

        What the browser shows then is still to be seen, so what the crawl has seen verifies nothing.
        """
        if any(icon.error or icon.pdq or self._is_known(icon) for icon in icons):
            return icons
        return (*icons, *(AskedIcon(sha256) for sha256 in sorted(current)))

    def _is_known(self, icon: AskedIcon) -> bool:
        return icon.looks is not None or icon.sha256 in self.memory.pictures

    def _looks_of(self, icon: AskedIcon) -> tuple[Look, ...] | None:
        if icon.looks is not None:
            return icon.looks
        numbers = self.memory.looks_of(icon.sha256)
        return None if numbers is None else self._looks(numbers)

    def _is_shown(self, looks: Sequence[Look], current: Iterable[bytes]) -> bool:
        """Whether the crawl has fetched a look like one of these from the site."""
        return wear_one_look(looks, [look for sha256 in current for look in self._looks_at(sha256)])

    def _matches_of(self, icon: AskedIcon, looks: Sequence[Look], name: Site) -> list[LookMatch]:
        matches = []
        for found in self._search(icon.sha256, looks, trusted_only=False):
            sha256 = self.memory.picture_of_look(found.number)
            for site, shown in self.memory.owners_of(sha256, self._clock(), MOST_OWNERS + 1):
                if site.name != name:
                    matches.append(
                        LookMatch(
                            owner=site.as_owner(shown),
                            rule=found.like.rule,
                            asker_sha256=icon.sha256.hex(),
                            owner_sha256=sha256.hex(),
                            form=found.like.form,
                            version=found.like.version,
                            pdq=found.like.pdq,
                            colour=found.like.colour,
                            current=shown.gone_since is None,
                            asker_md5=(icon.md5 or self.memory.md5_of(icon.sha256)).hex(),
                            owner_md5=shown.md5.hex(),
                            owner_icon_url=shown.icon_url,
                        )
                    )
        return matches

    def _matches_of_pdq(self, icon: AskedIcon, name: Site) -> list[LookMatch]:
        matches = []
        for number, form, distance in self.memory.index.search_pdq(icon.pdq):
            sha256 = self.memory.picture_of_look(number)
            matches += [
                LookMatch(
                    owner=site.as_owner(shown),
                    rule=Rule.STRICT,
                    asker_sha256=icon.sha256.hex(),
                    owner_sha256=sha256.hex(),
                    form=form,
                    pdq=distance,
                    current=shown.gone_since is None,
                    signal_only=True,
                    owner_md5=shown.md5.hex(),
                    owner_icon_url=shown.icon_url,
                )
                for site, shown in self.memory.owners_of(sha256, self._clock(), MOST_OWNERS + 1)
                if site.name != name
            ]
        return matches

    def _search(self, sha256: bytes, looks: Sequence[Look], *, trusted_only: bool) -> list[Found]:
        """What the index finds for a picture; remembered while the index stays as it is, or for a moment."""
        remembered = self._remembered((sha256, trusted_only))
        if remembered is None:
            remembered = list(self._searching(sha256, looks, trusted_only=trusted_only))
        return [one for found in remembered for one in found]

    def _remembered(self, key: tuple[bytes, bool]) -> list[list[Found]] | None:
        """What was found for a picture before, if that still holds."""
        nearby = self._nearby.get(key)
        if nearby is None:
            return None
        self._nearby.move_to_end(key)
        holds = (
            nearby.version == self.memory.index.version or self._clock() - nearby.at < self._settings.cached_s
        )
        return nearby.found if holds else None

    def _searching(
        self, sha256: bytes, looks: Sequence[Look], *, trusted_only: bool
    ) -> Iterator[list[Found]]:
        """What is found for each look of a picture, look by look; all of it is remembered at the end."""
        memory, key = self.memory, (sha256, trusted_only)
        # As it is now: what is placed between two steps is found by the next search.
        index, version, now = memory.index, memory.index.version, self._clock()
        nearby = self._nearby.get(key)
        tiers: tuple[Rule | None, ...] = _TRUSTED_TIERS if trusted_only else (*_TRUSTED_TIERS, None)
        found: list[list[Found]] = []
        numbers = memory.looks_of(sha256)
        for which, look in enumerate(looks):
            own = numbers[which] if numbers is not None else None
            # Who else wears an owner's own look is asked for that look as it is.
            probes = versions_of(look, derived=not trusted_only)
            again = None
            if nearby is not None:
                again = index.search_again(probes, nearby.found[which], nearby.version, tiers=tiers)
            found.append(index.search(probes, tiers=tiers, own=own) if again is None else again)
            yield found[-1]
        if memory is self.memory:
            self._nearby[key] = _Nearby(version, now, found)
            while len(self._nearby) > self._settings.cached_answers:
                self._nearby.popitem(last=False)

    def _with_sisters(self, matches: list[LookMatch], position: int | None) -> list[LookMatch]:
        """The matches, those with trusted owners knowing who else of the trusted wears the owner's look.

        Only where a lock is near: the asker's look may reach one wearer of a default icon and miss others.
        """
        rule_for = self._settings.tiers.rule_for
        if rule_for(position) is not None:
            return matches
        asked_for: dict[str, set[Site]] = {}
        with_sisters = []
        for match in sorted(matches, key=lambda one: one.owner.position or 1 << 62):
            best = asked_for.setdefault(match.asker_sha256, set())
            trusted = rule_for(match.owner.position) is not None and not match.signal_only
            # With more owners than these the look is shared, or they are one family.
            if trusted and (match.owner.site in best or len(best) < MOST_WITH_SISTERS):
                best.add(match.owner.site)
                match = replace(match, also_worn_by=self._sisters(match))  # noqa: PLW2901
            with_sisters.append(match)
        return with_sisters

    def _sisters(self, match: LookMatch) -> tuple[Site, ...]:
        """The other trusted sites that wear the owner's picture now."""
        sha256 = bytes.fromhex(match.owner_sha256)
        looks = self._looks_at(sha256)
        sisters: set[Site] = set()
        for found in self._search(sha256, looks, trusted_only=True):
            if found.like.rule is Rule.STRICT:
                other = self.memory.picture_of_look(found.number)
                for site, shown in self.memory.owners_of(other, self._clock(), MOST_OWNERS):
                    # What a site showed formerly does not make it an owner among others.
                    trusted = self._settings.tiers.rule_for(site.position) is not None
                    if shown.gone_since is None and trusted:
                        sisters.add(site.name)
        sisters.discard(match.owner.site)
        return tuple(sorted(sisters))[:MOST_SISTERS]

    def _kinships(
        self, name: Site, owners: Iterable[Site], matches: Iterable[LookMatch]
    ) -> dict[frozenset[Site], Kinship]:
        sites = {name, *owners, *(site for match in matches for site in match.also_worn_by)}
        kin = {}
        for one, other in combinations(sorted(sites), 2):
            found = self._kinship(one, other)
            if found.related or found.proofs:
                kin[frozenset((one, other))] = found
        return kin

    def _kinship(self, one: Site, other: Site) -> Kinship:
        stated = self._knowledge.lists.stated_of(one, other)
        known = self.memory.site(one), self.memory.site(other)
        if known[0] is None or known[1] is None:
            return Kinship(related=stated == "operator", proofs=("operator",) if stated == "operator" else ())
        members = known[0].as_member(), known[1].as_member()
        trusted_to = self._settings.tiers.strict
        without_look = kinship(*members, same_look=False, stated=stated, trusted_to=trusted_to)
        if without_look.related or STRONG.isdisjoint(without_look.proofs):
            return without_look
        same = self._wear_one_look(known[0], known[1])
        return kinship(*members, same_look=same, stated=stated, trusted_to=trusted_to)

    def _wear_one_look(self, one: KnownSite, other: KnownSite) -> bool:
        """Whether the crawl has fetched one look from the hosts of both."""
        own = [
            [look for sha256, shown in site.current() if shown.own_host for look in self._looks_at(sha256)]
            for site in (one, other)
        ]
        return wear_one_look(*own)

    def _looks_at(self, sha256: bytes) -> tuple[Look, ...]:
        """The looks of a known picture."""
        return self._looks(self.memory.looks_of(sha256) or ())

    def _looks(self, numbers: Sequence[int]) -> tuple[Look, ...]:
        return tuple(self.memory.index.look(number) for number in numbers)


def _best_owners(matches: Iterable[LookMatch]) -> set[Site]:
    owners: dict[Site, Owner] = {}
    for match in matches:
        owners.setdefault(match.owner.site, match.owner)
    ordered = sorted(
        owners.values(),
        key=lambda one: (
            one.position or 1 << 62,
            one.on_probation or 1 << 62,
            one.verified_since or 1e18,
            one.site,
        ),
    )
    return {owner.site for owner in ordered[:MOST_OWNERS]}
