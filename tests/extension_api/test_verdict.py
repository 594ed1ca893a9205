"""The rules of the verdict, without a database."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samelook.extension_api.reasons import EXPLANATIONS, Code
from samelook.extension_api.verdict import AskerLook, Facts, LookMatch, Verdict, decide
from samelook.facts.families import Kinship
from samelook.facts.standing import Owner, Tiers
from samelook.looks.rules import Rule
from samelook.names.sites import Hosting, Site

ME = Site("me.example")
ICON, OTHER_ICON = "aa", "bb"


def match(name: str, position: int | None = 500, *, rule: Rule = Rule.STRICT, **more: Any) -> LookMatch:
    icon = more.pop("asker_sha256", ICON)
    owner = Owner(Site(name), position, more.pop("on_probation", None), more.pop("since", None))
    return LookMatch(owner, rule, icon, f"look of {name}", "trimmed", pdq=10, colour=2.0, **more)


def facts(*matches: LookMatch, **more: Any) -> Facts:
    more.setdefault("looks", (AskerLook(ICON),))
    more.setdefault("visited", True)
    return Facts(ME, matches=matches, **more)


def kin(
    *names: str, related: bool = True, proofs: tuple[str, ...] = ("operator",)
) -> dict[frozenset[Site], Kinship]:
    return {
        frozenset((Site(one), Site(other))): Kinship(related=related, proofs=proofs)
        for one, other in combinations(names, 2)
    }


def verdict(of: Facts) -> tuple[str, str]:
    """The verdict and the rule that decided."""
    decision = decide(of)
    return str(decision.verdict), decision.reasons[0].rule


@pytest.mark.parametrize(
    ("position", "rule", "expected"),
    [
        (10_000, Rule.WIDE, ("lock", "4-wide")),
        (10_001, Rule.WIDE, ("first_use", "6-first")),
        (50_000, Rule.STANDARD, ("lock", "4-standard")),
        (50_001, Rule.STANDARD, ("first_use", "6-first")),
        (100_000, Rule.STRICT, ("lock", "4-strict")),
        (100_001, Rule.STRICT, ("grey", "4-untrusted-owner")),
        (100_001, Rule.STANDARD, ("first_use", "6-first")),
        (None, Rule.STANDARD, ("first_use", "6-first")),
    ],
)
def test_which_likeness_locks_depends_on_how_trusted_the_owner_is(
    position: int | None, rule: Rule, expected: tuple[str, str]
) -> None:
    assert verdict(facts(match("brand.example", position, rule=rule, since=1.0))) == expected


def test_a_lock_names_the_owner_the_form_and_the_distances() -> None:
    decision = decide(facts(match("brand.example")))
    assert decision.action == "lock"
    assert decision.reasons[0].detail == {
        "site": "brand.example",
        "position": 500,
        "under": "strict",
        "form": "trimmed",
        "version": "as is",
        "pdq": 10,
        "colour": 2.0,
    }
    assert [one.owner.site for one in decision.looks_like] == ["brand.example"]


def test_the_lists_come_first_the_clients_own_before_the_operators() -> None:
    like = match("brand.example")
    assert verdict(facts(like, allowlisted="client", blocklisted=True)) == ("trusted", "1-client")
    assert verdict(facts(like, allowlisted="operator")) == ("trusted", "1-operator")
    assert verdict(facts(blocklisted=True)) == ("lock", "1-blocklist")
    codes = decide(facts(like, allowlisted="client", blocklisted=True)).codes
    assert codes == ("allowlisted", "blocklisted", "looks_like")


def test_a_site_ranked_above_all_who_share_its_look_is_trusted() -> None:
    assert verdict(facts(match("copy.example", 400), position=399)) == ("trusted", "2-ranked")
    assert verdict(facts(match("copy.example", None, since=1.0), position=2_000_000)) == (
        "trusted",
        "2-ranked",
    )


def test_a_ranked_site_is_never_locked_for_likeness() -> None:
    assert verdict(facts(match("brand.example", 10), position=90_000)) == ("grey", "3-shared")
    assert verdict(facts(match("brand.example", 10, rule=Rule.WIDE), position=90_000)) == (
        "trusted",
        "2-ranked",
    )
    assert verdict(facts(match("brand.example", 10), position=100_001)) == ("lock", "4-wide")


def test_a_member_of_the_owners_family_is_trusted() -> None:
    related = kin(ME, "brand.example")
    decision = decide(facts(match("brand.example", 10), position=300, kinships=related))
    assert (decision.verdict, decision.reasons[0].detail) == (
        Verdict.TRUSTED,
        {"of": "brand.example", "proofs": ["operator"]},
    )
    assert verdict(facts(match("brand.example", 10), kinships=related)) == ("trusted", "2-family")


def test_a_relative_of_a_relative_is_of_the_family() -> None:
    related = kin(ME, "brand.example") | kin("brand.example", "brand.test")
    matches = (match("brand.example", 10), match("brand.test", 20))
    assert verdict(facts(*matches, position=300, kinships=related)) == ("trusted", "2-family")


def test_two_unrelated_trusted_owners_make_a_look_nobodys() -> None:
    assert verdict(facts(match("a.example", 10), match("b.example", 99_000))) == ("grey", "3-shared")
    assert verdict(facts(match("a.example", 10), match("b.example", 101_000))) == ("lock", "4-wide")
    family = kin("a.example", "b.example")
    assert verdict(facts(match("a.example", 10), match("b.example", 99_000), kinships=family)) == (
        "lock",
        "4-wide",
    )


def test_the_owners_look_may_be_shared_though_the_askers_reaches_one_owner_only() -> None:
    sister = match("a.example", 10, also_worn_by=(Site("b.example"),))
    assert verdict(facts(sister)) == ("grey", "3-shared")
    assert verdict(facts(sister, kinships=kin("a.example", "b.example"))) == ("lock", "4-wide")


def test_a_sister_that_is_hard_to_recognise_does_not_strip_a_brand_of_protection() -> None:
    unsure = kin("a.example", "a-shop.example", related=False, proofs=("label_within",))
    matches = (match("a.example", 10), match("a-shop.example", 52_000))
    assert verdict(facts(*matches, kinships=unsure)) == ("lock", "4-wide")


def test_a_ranked_site_with_the_owners_label_is_not_locked() -> None:
    unsure = kin(ME, "brand.test", related=False, proofs=("same_label",))
    assert verdict(facts(match("brand.test", 10), position=400_000, kinships=unsure)) == (
        "grey",
        "4-perhaps-family",
    )


def test_a_copy_among_honest_icons_is_a_copy() -> None:
    looks = (AskerLook(ICON, verified=True), AskerLook(OTHER_ICON), AskerLook("cc", degenerate=True))
    shared = [match(name, 10, asker_sha256=ICON) for name in ("a.example", "b.example")]
    assert verdict(facts(*shared, match("brand.example", 9, asker_sha256=OTHER_ICON), looks=looks)) == (
        "lock",
        "4-wide",
    )


def test_a_shared_host_is_neither_trusted_nor_locked() -> None:
    for hosting in (Hosting.SHARED_PATHS, Hosting.PERHAPS_SHARED):
        assert verdict(facts(match("brand.example"), hosting=hosting)) == ("grey", "4-shared-hosting")
        assert verdict(facts(position=1, hosting=hosting)) == ("grey", "5-shared-hosting")
    assert verdict(facts(match("brand.example"), hosting=Hosting.TENANT)) == ("lock", "4-wide")


def test_between_unranked_sites_the_earlier_verified_sighting_is_more_trusted() -> None:
    mine = (AskerLook(ICON, verified=True),)
    assert verdict(facts(match("late.example", None, since=20.0), looks=mine, verified_since=10.0)) == (
        "trusted",
        "6-seen",
    )
    assert verdict(facts(match("early.example", None, since=5.0), looks=mine, verified_since=10.0)) == (
        "grey",
        "4-untrusted-owner",
    )
    assert verdict(facts(match("claimed.example", None), looks=mine, verified_since=10.0))[0] == "trusted"


def test_a_rank_on_probation_warns_and_does_not_lock() -> None:
    new = match("riser.example", None, on_probation=50, since=20.0)
    mine = (AskerLook(ICON, verified=True),)
    decision = decide(facts(new, looks=mine, verified_since=10.0))
    assert (decision.verdict, decision.reasons[0].rule) == (Verdict.GREY, "4-untrusted-owner")
    assert "probation" in decision.codes
    # Nor does it protect the riser, nor make it the owner of what a brand wears.
    assert verdict(facts(match("brand.example", 12), on_probation=5)) == ("lock", "4-wide")
    assert verdict(facts(new, position=12)) == ("trusted", "2-ranked")
    assert verdict(facts(new, match("brand.example", 12))) == ("lock", "4-wide")


def test_failures_are_grey_each_with_its_reason() -> None:
    assert verdict(facts(looks=(), no_icon=True)) == ("grey", "5-no-icon")
    assert verdict(facts(looks=(), discovery_error="timeout")) == ("grey", "5-discovery")
    assert verdict(facts(looks=(), hashing_errors=("truncated",), no_icon=True)) == ("grey", "5-hashing")
    assert verdict(facts(looks=(AskerLook(ICON, degenerate=True),))) == ("grey", "3-degenerate")
    assert verdict(facts(looks=(AskerLook(ICON, degenerate=True),), position=5)) == ("grey", "3-degenerate")


def test_reports_warn_of_unranked_sites_only_and_never_unlock() -> None:
    assert verdict(facts(reports={"flag": 3.0})) == ("grey", "5-reported")
    assert verdict(facts(reports={"flag": 2.9}))[0] == "first_use"
    assert verdict(facts(reports={"flag": 900.0}, position=70_000)) == ("trusted", "2-ranked")
    decision = decide(facts(match("brand.example"), reports={"unlock": 900.0, "false_lock": 900.0}))
    assert decision.verdict is Verdict.LOCK
    assert {"unlock_reported", "false_lock_reported"} <= set(decision.codes)


def test_trust_on_first_use_waits_for_the_crawl() -> None:
    assert verdict(facts()) == ("first_use", "6-first")
    assert verdict(facts(looks=(AskerLook(ICON, verified=True),))) == ("trusted", "6-seen")
    seen = decide(facts(first_seen=3.0))
    assert (seen.verdict, "provisional" in seen.codes) == (Verdict.FIRST_USE, True)
    changed = decide(facts(known_with_other_look=True))
    assert (changed.verdict, "look_changed" in changed.codes) == (Verdict.FIRST_USE, True)


def test_a_bare_hash_warns_and_does_not_lock() -> None:
    decision = decide(facts(match("brand.example", signal_only=True), looks=()))
    assert (decision.verdict, "signal_only" in decision.codes) == (Verdict.GREY, True)


def test_every_code_has_a_sentence() -> None:
    assert set(EXPLANATIONS) == set(Code)


# Properties.

POSITIONS = st.none() | st.integers(1, 300_000)
NAMES = st.sampled_from([f"site{number}.example" for number in range(8)])


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    positions = {name: draw(POSITIONS) for name in [f"site{number}.example" for number in range(8)]}
    icons = draw(st.lists(st.sampled_from([ICON, OTHER_ICON]), min_size=0, max_size=2, unique=True))
    matches = tuple(
        replace(
            match(
                name := draw(NAMES),
                positions[name],
                rule=draw(st.sampled_from(Rule)),
                asker_sha256=draw(st.sampled_from(icons)),
                since=draw(st.none() | st.floats(0, 100)),
                on_probation=None if positions[name] else draw(st.none() | st.integers(1, 100_000)),
                signal_only=draw(st.booleans()),
            ),
            pdq=draw(st.integers(0, 59)),
        )
        for _ in range(draw(st.integers(0, 8)) if icons else 0)
    )
    pairs = list(combinations([ME, *positions], 2))
    kinships = {
        frozenset((Site(one), Site(other))): Kinship(related=draw(st.booleans()), proofs=("operator",))
        for one, other in draw(st.lists(st.sampled_from(pairs), max_size=4, unique=True))
    }
    return Facts(
        ME,
        position=draw(POSITIONS),
        looks=tuple(AskerLook(icon, verified=draw(st.booleans())) for icon in icons),
        matches=matches,
        kinships=kinships,
        hosting=draw(st.sampled_from(Hosting)),
        visited=draw(st.booleans()),
        reports={"flag": draw(st.floats(0, 10))},
        verified_since=draw(st.none() | st.floats(0, 100)),
    )


@given(any_facts())
def test_only_a_trusted_unrelated_better_ranked_owner_locks(of: Facts) -> None:
    decision = decide(of)
    if decision.verdict is not Verdict.LOCK:
        return
    owner = decision.looks_like[0].owner
    assert owner.position is not None
    assert owner.position <= 100_000
    assert of.position is None or of.position > 100_000
    assert not of.kinships.get(frozenset((ME, owner.site)), Kinship()).related
    assert of.hosting in {Hosting.OWN, Hosting.TENANT}


@given(any_facts(), st.integers(1, 300_000))
def test_a_ranked_site_above_all_lookalikes_is_never_locked(of: Facts, position: int) -> None:
    below = tuple(one for one in of.matches if one.owner.position is None or one.owner.position > position)
    decision = decide(replace(of, position=position, matches=below))
    assert decision.verdict is not Verdict.LOCK
    if of.hosting is Hosting.OWN and of.looks:
        assert decision.verdict is Verdict.TRUSTED


@given(any_facts(), st.sampled_from([ICON, OTHER_ICON]))
def test_a_look_that_two_strangers_share_never_locks(of: Facts, icon: str) -> None:
    strangers = [match(f"stranger{number}.example", 10 + number, asker_sha256=icon) for number in range(2)]
    mine = tuple(one for one in of.matches if one.asker_sha256 == icon)
    shown = tuple(look for look in of.looks if look.sha256 == icon) or (AskerLook(icon),)
    assert decide(replace(of, looks=shown, matches=(*mine, *strangers))).verdict is not Verdict.LOCK


@given(any_facts(), st.randoms(use_true_random=False))
def test_the_order_of_evidence_does_not_matter(of: Facts, dice: random.Random) -> None:
    def shuffled(items: Any) -> tuple[Any, ...]:
        return tuple(dice.sample(list(items), len(items)))

    turned = replace(
        of,
        looks=shuffled(of.looks),
        matches=shuffled(of.matches),
        kinships=dict(shuffled(list(of.kinships.items()))),
    )
    assert decide(turned) == decide(of)


@given(any_facts())
def test_what_clients_and_reporters_say_never_locks_and_never_unlocks(of: Facts) -> None:
    without = decide(replace(of, reports={}))
    loud = decide(replace(of, reports={"flag": 1e6, "unlock": 1e6, "false_lock": 1e6}, first_seen=1.0))
    assert (loud.verdict is Verdict.LOCK) is (without.verdict is Verdict.LOCK)
    if without.reasons[0].rule == "2-ranked":
        assert loud.verdict is Verdict.TRUSTED


@given(any_facts())
def test_the_same_answer_comes_with_every_reason_that_applies_and_names_no_copy_of_the_asker(
    of: Facts,
) -> None:
    decision = decide(of)
    assert decision == decide(of)
    assert decision.reasons
    assert ME not in {one.owner.site for one in decision.looks_like}
    assert len({(reason.code, reason.rule, str(reason.detail)) for reason in decision.reasons}) == len(
        decision.reasons
    )


def test_tiers_can_be_chosen() -> None:
    tiers = Tiers(wide=0, standard=0, strict=50)
    assert decide(facts(match("brand.example", 51)), tiers).verdict is Verdict.GREY
    assert decide(facts(match("brand.example", 50)), tiers).verdict is Verdict.LOCK
