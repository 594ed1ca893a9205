"""From a question to the facts of its verdict: one pass over what is in memory, without a wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from samelook.facts.asker import Asker, Knowledge, looks_at
from samelook.facts.claimed_marks import ClaimedMarks
from samelook.facts.evidence import Claim, Facts, LookMatch, Wearer
from samelook.facts.families import FamilyMember, Kinship, kinship
from samelook.facts.known import DisplayedBy
from samelook.facts.questions import Asked, AskedIcon, source_of
from samelook.looks.look import Look
from samelook.looks.near import NearLooks
from samelook.looks.rules import Rule
from samelook.names.sites import Hosting, Site, hosting_of, operators_of, registrable_domain

if TYPE_CHECKING:
    from samelook.facts.memory import KnownSite, Memory
    from samelook.facts.settings import VerdictSettings
    from samelook.facts.standing import Owner

MOST_OWNERS = 12
"""At most so many owners are weighed by a verdict, the best-ranked."""
MOST_WEARERS = 8
"""At most so many others that wear an owner's look are looked up, the best-ranked: enough to decide whether
the look is common."""
MOST_WITH_WEARERS = 3
"""For at most so many owners of a look the others that wear it are looked up: each takes a search."""
_LAST = 1 << 62


class Gatherer:
    """Puts together the facts of questions from memory."""

    def __init__(self, knowledge: Knowledge, settings: VerdictSettings, clock: Callable[[], float]) -> None:
        self._knowledge = knowledge
        self._settings = settings
        self._clock = clock
        self._of: Memory | None = None
        self._near: NearLooks
        self._marks: ClaimedMarks

    @property
    def memory(self) -> Memory:
        return self._knowledge.memory

    def look_around(self, icon: AskedIcon, asked: Asked) -> Iterator[object]:
        """Search for looks like an icon of a question, step by step, so that `gather` finds that done."""
        looks = None if icon.error or icon.pdq else self._looks_of(icon)
        if looks:
            yield from self.near.steps(icon.sha256, looks, self.memory.looks_of(icon.sha256))
            known = self.memory.site(asked.site)
            if known is not None and not self._is_in_tiers(known.main.position):
                shown = dict(known.shown_looks(self._clock())).get(icon.sha256)
                if shown is not None and shown.confirmed:
                    yield from self.near.faint_steps(icon.sha256, looks)
            if self._settings.look_model and not (known and self._is_in_tiers(known.main.position)):
                icon = _with_source(icon, known, asked.site)
                yield from self.marks.steps(icon, looks, asked, self._clock())

    @property
    def near(self) -> NearLooks:
        """The searches of the present memory."""
        self._follow_memory()
        return self._near

    @property
    def marks(self) -> ClaimedMarks:
        """Comparisons of marks, remembered for as long as the present memory is used."""
        self._follow_memory()
        return self._marks

    def _follow_memory(self) -> None:
        """Begin anew with another memory: numbers of looks mean something within one only."""
        if self._of is not self.memory:
            self._of, choices = self.memory, self._settings
            self._near = NearLooks(
                self.memory.index, self._clock, cached_s=choices.cached_s, most=choices.found_looks
            )
            self._marks = ClaimedMarks(self._knowledge)

    def distinct(self, icons: Iterable[AskedIcon]) -> tuple[AskedIcon, ...]:
        """Each icon once, whatever the order: of entries of one icon the one that says most about it.

        A client may send an icon's bytes and name its SHA-256 too. If the bytes could not be decoded, the
        reason counts, not the digest without looks.
        """
        best: dict[bytes, AskedIcon] = {}
        for icon in sorted(icons, key=self._by_knowledge):
            best.setdefault(icon.sha256, icon)
        return tuple(best.values())

    def _by_knowledge(self, icon: AskedIcon) -> tuple[int, str]:
        if icon.error is not None:
            return 1, icon.error
        return (0 if self._is_known(icon) else 2), ""

    def gather(self, asked: Asked) -> Facts:
        """The facts of a question. The order of its icons changes nothing."""
        memory, lists, now, site = self.memory, self._knowledge.lists, self._clock(), asked.site
        known = memory.site(site)
        main = known.main if known else None
        hosting = self._hosting(asked.host, known)
        position = (main.position if main else asked.position) if hosting is Hosting.OWN else None
        offered = dict(known.shown_looks(now)) if known else {}
        # Only what visitors see in the tab speaks for the site, or against it. Where nothing is seen there,
        # and nobody names an icon, those for home screens are what there is.
        shown = {sha256: worn for sha256, worn in offered.items() if worn.is_displayed}
        if not shown and not asked.icons:
            shown = {
                sha256: worn for sha256, worn in offered.items() if worn.displayed_by is not DisplayedBy.WALL
            }
        current = {sha256: worn for sha256, worn in shown.items() if worn.gone_since is None}
        icons = self._with_known(
            self.distinct(asked.icons) or tuple(map(AskedIcon, () if asked.no_icon else current)), current
        )
        icons = tuple(_with_source(icon, known, site) for icon in icons)
        looks_of = {icon.sha256: self._looks_of(icon) for icon in icons if not (icon.error or icon.pdq)}
        matches = [match for icon in icons for match in self._matches(icon, looks_of, site)]
        if self._settings.look_model and not self._is_in_tiers(position):
            for icon in icons:
                found = looks_of.get(icon.sha256)
                matches += self.marks.matches(icon, found, asked, now) if found else ()
        wearers: dict[str, set[Site]] = {}
        for match in matches:
            wearers.setdefault(match.asker_sha256, set()).add(match.owner.site)
        asker = Asker(self._knowledge, self.near, self._settings.tiers, now, site, position, shown)
        looks = [
            asker.look(sha256, seen, wearers.get(sha256.hex(), ()))
            for sha256, seen in sorted(looks_of.items())
            if seen is not None
        ]
        matches = self._with_wearers(_of_best_owners(matches), in_tiers=self._is_in_tiers(position))
        operators = self._operators(asked.host, hosting)
        kinships = self._kinships({site, *operators, *_sites_in(matches)}) if matches else {}
        matches = [self._placed(match, operators, kinships) for match in matches]
        listed = lists.operator_list(site, now)
        allowed = lists.is_allowed(asked.client, site, now)
        own = [look for look in looks if look.own_since is not None or look.like_own]
        needed = sorted(sha256.hex() for sha256, seen in looks_of.items() if seen is None)
        if listed or allowed or (own and self._is_in_tiers(position)):
            # The verdict needs no picture: the client is asked for none.
            needed = []
        errors = {icon.error for icon in icons if icon.error is not None}
        first = [worn.since for worn in current.values()]
        return Facts(
            site=site,
            now=now,
            position=position,
            on_probation=main.on_probation if main else None,
            hosting=hosting,
            allowlisted="client" if allowed else "operator" if listed == "allow" else None,
            blocklisted=listed == "block",
            looks=tuple(looks),
            matches=tuple(sorted(matches, key=_by_evidence)),
            kinships=kinships,
            visited=main is not None and main.visited,
            no_icon=asked.no_icon
            or (main is not None and main.visited and not current and main.redirect_host is None),
            discovery_error=main.discovery_error if main else None,
            hashing_errors=tuple(sorted(errors)) or (main.hashing_errors if main and not asked.icons else ()),
            known_with_other_look=bool(current) and any(not look.degenerate for look in looks) and not own,
            first_seen=min(
                (time for time in (*first, asked.first_seen) if time is not None),
                default=None,
            ),
            seen_by_clients=asked.first_seen is not None,
            needed=tuple(needed),
            asks_password=asked.asks_password,
            reports=lists.reports.get(site, {}),
        )

    # ---- the asker ----

    def _hosting(self, host: str, known: KnownSite | None) -> Hosting:
        return hosting_of(
            host,
            known.main.n_hosts if known else None,
            shared_hosts=self._settings.shared_hosts,
            many_hosts=self._settings.many_hosts,
        )

    def _is_in_tiers(self, position: int | None) -> bool:
        return self._settings.tiers.rule_for(position) is not None

    def _with_known(self, icons: tuple[AskedIcon, ...], current: Iterable[bytes]) -> tuple[AskedIcon, ...]:
        """The icons, and where all that a client named are unknown, those that the crawl knows too."""
        if any(icon.error or icon.pdq or self._is_known(icon) for icon in icons):
            return icons
        return (*icons, *map(AskedIcon, current))

    def _is_known(self, icon: AskedIcon) -> bool:
        return icon.looks is not None or icon.sha256 in self.memory.pictures

    def _looks_of(self, icon: AskedIcon) -> tuple[Look, ...] | None:
        return icon.looks if icon.looks is not None else self._looks_at(icon.sha256)

    # ---- the owners ----

    def _matches(
        self, icon: AskedIcon, looks_of: dict[bytes, tuple[Look, ...] | None], site: Site
    ) -> Iterator[LookMatch]:
        if icon.pdq:
            yield from self._matches_of_pdq(icon, site)
        looks = looks_of.get(icon.sha256)
        if not looks:
            return
        memory, vendor_of = self.memory, self._knowledge.catalogue.vendor_of
        for found in self.near.near(icon.sha256, looks, memory.looks_of(icon.sha256)):
            sha256 = memory.picture_of_look(found.number)
            for owner, shown in memory.owners_of(sha256, self._clock(), MOST_OWNERS + 1):
                if owner.name != site:
                    yield LookMatch(
                        owner=owner.as_owner(shown),
                        rule=found.like.rule,
                        asker_sha256=icon.sha256.hex(),
                        owner_sha256=sha256.hex(),
                        form=found.like.form,
                        version=found.like.version,
                        pdq=found.like.pdq,
                        colour=found.like.colour,
                        current=shown.gone_since is None,
                        asker_md5=(icon.md5 or memory.md5_of(icon.sha256)).hex(),
                        owner_md5=shown.md5.hex(),
                        owner_icon_url=shown.icon_url,
                        vendor=vendor_of(owner.name),
                        displayed=shown.is_displayed,
                        claim=Claim.ICON if icon.source == owner.name else None,
                    )

    def _matches_of_pdq(self, icon: AskedIcon, site: Site) -> Iterator[LookMatch]:
        memory, vendor_of = self.memory, self._knowledge.catalogue.vendor_of
        for number, form, distance in memory.index.search_pdq(icon.pdq):
            sha256 = memory.picture_of_look(number)
            for owner, shown in memory.owners_of(sha256, self._clock(), MOST_OWNERS + 1):
                if owner.name != site:
                    yield LookMatch(
                        owner=owner.as_owner(shown),
                        rule=Rule.STRICT,
                        asker_sha256=icon.sha256.hex(),
                        owner_sha256=sha256.hex(),
                        form=form,
                        pdq=distance,
                        current=shown.gone_since is None,
                        signal_only=True,
                        owner_md5=shown.md5.hex(),
                        owner_icon_url=shown.icon_url,
                        vendor=vendor_of(owner.name),
                        displayed=shown.is_displayed,
                    )

    def _with_wearers(self, matches: list[LookMatch], *, in_tiers: bool) -> list[LookMatch]:
        """The matches, those with owners in the tiers knowing who else wears the owner's look.

        Only where a lock is near: what the asker's look misses decides whether the owner's is common.
        """
        if in_tiers:
            return matches
        asked_for: dict[str, set[Site]] = {}
        completed = []
        for match in sorted(matches, key=_by_evidence):
            best = asked_for.setdefault(match.asker_sha256, set())
            protected = self._is_in_tiers(match.owner.position) and not match.signal_only
            protected = protected and match.mark is None
            if protected and (match.owner.site in best or len(best) < MOST_WITH_WEARERS):
                best.add(match.owner.site)
                match = replace(match, also_worn_by=self._wearers(match))  # noqa: PLW2901
            completed.append(match)
        return completed

    def _wearers(self, match: LookMatch) -> tuple[Wearer, ...]:
        """The other sites that wear the owner's picture now, the best-ranked."""
        memory, sha256 = self.memory, bytes.fromhex(match.owner_sha256)
        pictures = {sha256}
        for found in self.near.near(
            sha256, self._looks_at(sha256) or (), memory.looks_of(sha256), of_tiers=True
        ):
            if found.like.rule is Rule.STRICT:
                pictures.add(memory.picture_of_look(found.number))
        wearers = {
            site.name: Wearer(site.name, site.position, shown.since)
            for picture in sorted(pictures)
            for site, shown in memory.owners_of(picture, self._clock(), MOST_WEARERS)
            if shown.gone_since is None and shown.is_displayed and site.name != match.owner.site
        }
        ordered = sorted(wearers.values(), key=lambda wearer: (wearer.position or _LAST, wearer.site))
        return tuple(ordered[:MOST_WEARERS])

    def _operators(self, host: str, hosting: Hosting) -> frozenset[Site]:
        """The sites whose icons are a default at this host."""
        if hosting is Hosting.OWN:
            return frozenset()
        registrable = registrable_domain(host)
        perhaps = hosting in {Hosting.PERHAPS_SHARED, Hosting.SHARED_PATHS} and registrable
        return operators_of(host) | ({registrable} if perhaps and registrable else frozenset())

    def _placed(
        self,
        match: LookMatch,
        operators: frozenset[Site],
        kinships: dict[frozenset[Site], Kinship],
    ) -> LookMatch:
        owner = match.owner.site
        runs = owner in operators or any(
            kinships.get(frozenset((owner, operator)), _STRANGERS).related for operator in operators
        )
        return replace(match, runs_the_platform=True) if runs else match

    def _kinships(self, sites: Iterable[Site]) -> dict[frozenset[Site], Kinship]:
        lists, trusted_to = self._knowledge.lists, self._settings.tiers.strict
        kin = {}
        for one, other in combinations(sorted(map(self._member, sites), key=lambda member: member.site), 2):
            stated = lists.stated_of(one.site, other.site)
            found = kinship(one, other, stated=stated, says=lists.families.says, trusted_to=trusted_to)
            if not found.is_unrelated:
                kin[frozenset((one.site, other.site))] = found
        return kin

    def _member(self, name: Site) -> FamilyMember:
        known = self.memory.site(name)
        return FamilyMember(name, None) if known is None else known.as_member()

    def _looks_at(self, sha256: bytes) -> tuple[Look, ...] | None:
        return looks_at(self.memory, sha256)


_STRANGERS = Kinship()


def _with_source(icon: AskedIcon, known: KnownSite | None, site: Site) -> AskedIcon:
    """The icon with the other site that browsers are sent to for it, as the asker or the crawl has seen."""
    seen = known.shown(icon.sha256) if known and icon.source is None else None
    source = icon.source if seen is None else source_of(seen.icon_url)
    return replace(icon, source=None if source == site else source)


def _sites_in(matches: Iterable[LookMatch]) -> set[Site]:
    return {
        site
        for match in matches
        for site in (match.owner.site, *(wearer.site for wearer in match.also_worn_by))
    }


def _of_best_owners(matches: Iterable[LookMatch]) -> list[LookMatch]:
    """The matches with the owners of best standing."""
    found = list(matches)
    owners = sorted({match.owner.site: match.owner for match in found}.values(), key=_by_standing)
    best = {owner.site for owner in owners[:MOST_OWNERS]}
    return [match for match in found if match.owner.site in best]


def _by_standing(owner: Owner) -> tuple[int, int, float, str]:
    return (
        owner.position or _LAST,
        owner.on_probation or _LAST,
        _LAST if owner.verified_since is None else owner.verified_since,
        owner.site,
    )


def _by_evidence(match: LookMatch) -> tuple[object, ...]:
    return (
        *_by_standing(match.owner),
        match.asker_sha256,
        match.signal_only,
        match.mark is not None,
        not match.current,
        match.rule,
        match.pdq,
        match.colour,
        match.owner_sha256,
        match.form,
        match.version,
    )
