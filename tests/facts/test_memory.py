"""What memory says of sites and pictures is what a plain list of the same facts says."""

from __future__ import annotations

import numpy as np
import pytest

from bench.check_looks import drawn_looks
from samelook.facts.memory import BEST, Memory
from samelook.facts.standing import Tiers
from samelook.looks.rules import Rule
from samelook.names.sites import Site
from samelook.sql.rows import DomainFacts, ShownPicture

FORMER_S = 1000.0
NOW = 5000.0
LAST = 1 << 62


def facts(domain_id: int, site: str, position: int | None, new: int | None = None) -> DomainFacts:
    return {
        "domain_id": domain_id,
        "site": site,
        "host": f"h{domain_id}.{site}" if domain_id % 2 else site,
        "trusted_position": position,
        "new_position": new,
        "n_hosts": domain_id,
        "visited": domain_id % 2 == 0,
        "redirect_host": f"r{domain_id}.example" if domain_id % 3 == 0 else None,
        "discovery_error": "timeout" if domain_id % 4 == 0 else None,
        "hashing_errors": ["not_an_image"] if domain_id % 7 == 0 else [],
    }


def showing(domain_id: int, sha256: bytes, since: float, gone: float | None) -> ShownPicture:
    return {
        "domain_id": domain_id,
        "sha256": sha256,
        "since": since,
        "gone_since": gone,
        "confirmed": domain_id % 2 == 1,
        "displayed_by": ["both", "chromium", "firefox"][domain_id % 3],
        "icon_url": f"https://i.example/{domain_id}/{since}/é",
        "md5": sha256[:16],
    }


class Plain:
    """The same as lists and dicts."""

    def __init__(self) -> None:
        self.domains: dict[int, DomainFacts] = {}
        self.shows: dict[tuple[int, bytes], ShownPicture] = {}

    def main(self, site: str) -> DomainFacts:
        domains = [row for row in self.domains.values() if row["site"] == site]
        return min(
            domains, key=lambda one: (one["host"] != site, one["trusted_position"] or LAST, one["host"])
        )

    def shown(self, site: str, sha256: bytes) -> ShownPicture | None:
        found = [
            row
            for (domain_id, shown), row in self.shows.items()
            if shown == sha256 and self.domains[domain_id]["site"] == site
        ]
        return min(found, key=lambda one: (one["gone_since"] is not None, one["since"]), default=None)

    def owners(self, sha256: bytes) -> list[tuple[str, float]]:
        sites = {self.domains[domain_id]["site"] for domain_id, shown in self.shows if shown == sha256}
        owners = []
        for site in sites:
            shown, main = self.shown(site, sha256), self.main(site)
            assert shown is not None
            gone, since = shown["gone_since"], shown["since"]
            on_probation = (
                main["new_position"] if Tiers().rule_for(main["trusted_position"]) is None else None
            )
            key = (main["trusted_position"] or LAST, on_probation or LAST, gone is not None, since, site)
            owners.append((key, site, since, gone))
        return [
            (site, since)
            for _, site, since, gone in sorted(owners)[:BEST]
            if gone is None or gone + FORMER_S > NOW
        ]


def drawn_position(rng: np.random.Generator) -> int | None:
    return [None, 5, 5000, 20_000, 70_000, 300_000][rng.integers(6)]


@pytest.mark.parametrize("seed", range(4))
def test_it_says_what_the_facts_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    memory, plain = Memory(Tiers(), FORMER_S), Plain()
    looks = list(drawn_looks(12, seed))
    sha256s = [bytes([number]) * 32 for number in range(10)]
    memory.put_pictures(
        [
            (sha256s[n], [(n, looks[n])] if n else [(100, looks[10]), (101, None), (102, looks[11])])
            for n in range(10)
        ]
    )
    # A blank picture, and one that is known already.
    memory.put_pictures([(b"blank" * 6 + b"..", [(103, None)]), (sha256s[3], [(3, looks[3])])])
    assert memory.looks_of(b"blank" * 6 + b"..") == range(0)
    assert memory.looks_of(b"unknown" * 4 + b"....") is None
    assert [len(memory.looks_of(sha256) or ()) for sha256 in sha256s] == [2] + [1] * 9
    for step in range(400):
        domain_id = int(rng.integers(1, 60))
        if domain_id not in plain.domains or rng.random() < 0.2:
            new = [None, 0, 70][rng.integers(3)]
            # A new list of suffixes may file a domain under another site.
            moved = int(rng.integers(3)) if domain_id in plain.domains else 0
            row = facts(domain_id, f"s{domain_id // 2 + moved}.example", drawn_position(rng), new)
            if moved:
                row["host"] = f"h{domain_id}.{row['site']}"
            plain.domains[domain_id] = row
            memory.put_domain(row)
        # The first two are worn by many.
        sha256 = sha256s[rng.integers(2) if rng.random() < 0.5 else rng.integers(10)]
        if rng.random() < 0.2:
            plain.shows.pop((domain_id, sha256), None)
            memory.put_shown(showing(domain_id, sha256, 0.0, float("-inf")))
        else:
            gone = [None, NOW - 10, NOW - 2 * FORMER_S][rng.integers(3)]
            look = showing(domain_id, sha256, float(rng.integers(5000)), gone)
            plain.shows[domain_id, sha256] = look
            memory.put_shown(look)
        if step % 20 == 0:
            _compare(memory, plain, sha256s)
    _compare(memory, plain, sha256s)


def _compare(memory: Memory, plain: Plain, sha256s: list[bytes]) -> None:
    assert len(memory) == len(plain.domains)
    for sha256 in sha256s:
        owners = memory.owners_of(sha256, NOW, 100)
        assert [(site.name, shown.since) for site, shown in owners] == plain.owners(sha256)
        wearers = [row for (_, shown), row in plain.shows.items() if shown == sha256]
        assert memory.md5_of(sha256) == (sha256[:16] if wearers else b"")
        best = [site.position for site, _ in memory.owners_of(sha256, -1e9, 1)]
        for number in memory.looks_of(sha256) or ():
            assert memory.picture_of_look(number) == sha256
            _is_searched_rightly(memory, number, bool(wearers), best)
    for site in {row["site"] for row in plain.domains.values()}:
        known, main = memory.site(Site(site)), plain.main(site)
        assert known is not None
        assert (known.main.host, known.position, known.main.n_hosts, known.main.visited) == (
            main["host"],
            main["trusted_position"],
            main["n_hosts"],
            main["visited"],
        )
        assert known.main.redirect_host == main["redirect_host"]
        in_widest = (main["trusted_position"] or LAST) <= Tiers().wide
        assert (site in memory.namesakes.borrowed_by(site.partition(".")[0])) == in_widest
        assert known.main.discovery_error == main["discovery_error"]
        assert list(known.main.hashing_errors) == main["hashing_errors"]
        current = {
            sha256
            for (domain_id, sha256), row in plain.shows.items()
            if plain.domains[domain_id]["site"] == site and row["gone_since"] is None
        }
        lately = dict(known.shown_looks(NOW))
        assert {sha256 for sha256, one in lately.items() if one.gone_since is None} == current
        for sha256 in sha256s:
            shown, expected = known.shown(sha256), plain.shown(site, sha256)
            assert (shown is None) == (expected is None)
            if shown is not None and expected is not None:
                assert (shown.since, shown.gone_since) == (expected["since"], expected["gone_since"])
                assert (shown.icon_url, shown.md5) == (expected["icon_url"], expected["md5"])
                assert shown.confirmed == expected["confirmed"]
                assert shown.displayed_by == expected["displayed_by"]
    assert memory.site(Site("nobody.example")) is None


def _is_searched_rightly(memory: Memory, number: int, worn: bool, best: list[int | None]) -> None:
    look = memory.index.look(number)
    tiers: list[Rule | None] = [*Rule, None]
    found = {
        tier
        for tier in tiers
        if number in {one.number for one in memory.index.search(look, tiers=[tier], own=number)}
    }
    expected = {Tiers().rule_for(best[0])} if best else found if worn else set()
    assert found == expected
    assert len(found) == worn
