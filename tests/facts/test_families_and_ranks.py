"""Families and settled ranks: pure rules beside the verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samelook.facts.families import FamilyMember, kinship
from samelook.facts.ranks import SettledRank, settled
from samelook.facts.standing import Tiers
from samelook.names.sites import Site

DAY = 86_400.0


def member(name: str, position: int | None = 100, redirects_to: str | None = None) -> FamilyMember:
    return FamilyMember(Site(name), position, Site(redirects_to) if redirects_to else None)


@pytest.mark.parametrize(
    ("one", "other", "related", "proofs"),
    [
        (member("brand.com"), member("brand.de"), True, ("same_label",)),
        (member("brand.com"), member("brand.de", 400_000), True, ("same_label",)),
        # A list of the whole web ranks what nobody visits.
        (member("brand.com"), member("brand.de", 4_000_000), False, ("label_within",)),
        (member("brand.com"), member("brand.de", None), False, ("label_within",)),
        # What the better-placed site says of another is proof; what a site says of a better one is none.
        (member("brand.com", 100, "new-name.com"), member("new-name.com", 5_000), True, ("root_redirect",)),
        (member("brand.com", 100, "new-name.com"), member("new-name.com", None), True, ("root_redirect",)),
        (
            member("brand.com"),
            member("brand-mail.com", 200, "brand.com"),
            False,
            ("label_within", "leads_to"),
        ),
        (member("brand.com"), member("other.com", None, "brand.com"), False, ("leads_to",)),
        (member("late.com", 300_000, "other.com"), member("other.com", None), False, ("leads_to",)),
        (member("brand.com"), member("brand-login.com"), False, ("label_within",)),
        (member("brand.com"), member("brand.github.io", 200), False, ()),
        (member("brand.com"), member("brand.weebly.com", 200), False, ()),
        (member("bbc.com"), member("bbc-x.com"), False, ()),
    ],
)
def test_what_makes_a_family(
    one: FamilyMember, other: FamilyMember, related: bool, proofs: tuple[str, ...]
) -> None:
    for pair in ((one, other), (other, one)):
        found = kinship(*pair)
        assert (found.related, found.proofs) == (related, proofs)
        assert found.is_unrelated is (not proofs)


def test_what_the_better_placed_site_says_of_another_is_proof() -> None:
    statements = {("brand.com", "shop.example"): {"hreflang"}, ("copy.example", "brand.com"): {"webauthn"}}

    def says(one: str, other: str) -> set[str]:
        return statements.get((one, other), set())

    brand = member("brand.com")
    assert kinship(member("shop.example", None), brand, says=says).proofs == ("hreflang",)
    assert kinship(brand, member("shop.example", 900), says=says).related
    assert kinship(member("copy.example", 900), brand, says=says).is_unrelated
    assert kinship(member("brand.com", 300_000), member("shop.example", None), says=says).is_unrelated


def test_what_somebody_vouches_for_counts_either_way() -> None:
    strangers = member("brand.com"), member("wallet.example", None)
    assert kinship(*strangers, stated="operator").related
    assert kinship(*strangers, stated="operator").proofs == ("operator",)
    sisters = member("brand.com"), member("brand.de")
    assert not kinship(*sisters, stated="not_related").related


def settle(
    before: SettledRank | None, position: int | None, *, now: float, judged: bool = True
) -> SettledRank:
    return settled(before, position, now=now, probation_s=28 * DAY, judged=judged, tiers=Tiers())


def test_the_first_ranks_count_at_once() -> None:
    assert settle(None, 12, now=0, judged=False) == SettledRank(12)
    assert settle(None, None, now=0, judged=False) == SettledRank()


def test_who_enters_the_tiers_later_is_on_probation() -> None:
    first = settle(None, 500, now=0)
    assert first == SettledRank(None, 500, 0)
    still = settle(first, 520, now=27 * DAY)
    assert (still.trusted, still.new_since) == (None, 0)
    assert settle(still, 520, now=28 * DAY) == SettledRank(520)


def test_a_rank_that_jumps_about_starts_its_probation_anew() -> None:
    first = settle(None, 500, now=0)
    jumped = settle(first, 60_000, now=20 * DAY)
    assert jumped == SettledRank(None, 60_000, 20 * DAY)


def test_who_loses_a_rank_keeps_its_trust_for_the_time_of_probation() -> None:
    lost = settle(SettledRank(12), None, now=0)
    assert lost.trusted == 12
    assert settle(lost, None, now=28 * DAY) == SettledRank()
    assert settle(lost, 12, now=5 * DAY) == SettledRank(12)


def test_drift_within_a_tier_counts_at_once_and_over_its_edge_later() -> None:
    assert settle(SettledRank(9_000), 9_900, now=0) == SettledRank(9_900)
    assert settle(SettledRank(9_900), 10_100, now=0).trusted == 9_900
    assert settle(SettledRank(9_000), 5, now=0).trusted == 9_000
    assert settle(SettledRank(200_000), 900_000, now=0) == SettledRank(900_000)


@given(st.none() | st.integers(1, 200_000), st.lists(st.none() | st.integers(1, 200_000), max_size=6))
def test_no_sequence_of_lists_within_the_probation_changes_who_is_trusted(
    first: int | None, later: list[int | None]
) -> None:
    tiers = Tiers()
    rank = settle(None, first, now=0, judged=False)
    for day, position in enumerate(later):
        rank = settle(rank, position, now=day * DAY)
        assert tiers.rule_for(rank.trusted) is tiers.rule_for(first)
