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
from samelook.extension_api.verdict import Verdict, decide
from samelook.facts.common import Vendor
from samelook.facts.evidence import AskerLook, Claim, Facts, LookMatch, Wearer
from samelook.facts.families import FamilyMember, Kinship, kinship
from samelook.facts.standing import Owner, Tiers
from samelook.looks.rules import Rule
from samelook.looks.same_mark import LEAST_POINTS
from samelook.names.sites import Hosting, Site

ME = Site("me.example")
ICON, OTHER_ICON = "aa", "bb"
DAY = 86_400.0
NOW = 1000 * DAY
MONTH_AGO = NOW - 28 * DAY
YESTERDAY = NOW - DAY
OWN = AskerLook(ICON, own_since=MONTH_AGO, confirmed=True)
"""What the crawl has seen here for long enough."""
NEW = AskerLook(ICON, own_since=YESTERDAY)


def match(name: str, position: int | None = 500, *, rule: Rule = Rule.STRICT, **more: Any) -> LookMatch:
    icon = more.pop("asker_sha256", ICON)
    owner = Owner(Site(name), position, more.pop("on_probation", None), more.pop("since", MONTH_AGO))
    return LookMatch(owner, rule, icon, f"look of {name}", "trimmed", pdq=10, colour=2.0, **more)


def facts(*matches: LookMatch, **more: Any) -> Facts:
    more.setdefault("looks", (AskerLook(ICON),))
    more.setdefault("visited", True)
    return Facts(more.pop("site", ME), now=NOW, matches=matches, **more)


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


# 1. Lists.


def test_the_lists_come_first_the_clients_own_before_the_operators() -> None:
    like = match("brand.example")
    assert verdict(facts(like, allowlisted="client", blocklisted=True)) == ("trusted", "1-client")
    assert verdict(facts(like, allowlisted="operator")) == ("trusted", "1-operator")
    assert verdict(facts(blocklisted=True)) == ("lock", "1-blocklist")
    codes = decide(facts(like, allowlisted="client", blocklisted=True)).codes
    assert codes == ("allowlisted", "blocklisted", "looks_like")


# 2. Trust.


def test_a_ranked_site_is_trusted_with_its_own_look_and_with_one_like_nobody_elses() -> None:
    assert verdict(facts(position=399)) == ("trusted", "2-ranked")
    assert verdict(facts(match("copy.example", 400), looks=(OWN,), position=399)) == ("trusted", "2-ranked")
    assert verdict(facts(match("copy.example", None), looks=(NEW,), position=90_000)) == (
        "trusted",
        "2-ranked",
    )
    badge = AskerLook(ICON, like_own=True)
    assert verdict(facts(match("copy.example", 400), looks=(badge,), position=399)) == ("trusted", "2-ranked")


def test_popularity_is_not_ownership() -> None:
    """A hacked site that is ranked better than the bank whose icon it suddenly shows."""
    hacked = facts(match("bank.example", 20_000), position=501, known_with_other_look=True)
    assert verdict(hacked) == ("grey", "4-ranked-asker")


def test_a_rank_beyond_the_tiers_is_no_trust() -> None:
    assert verdict(facts(position=2_000_000)) == ("first_use", "7-first")


def test_an_unranked_site_is_trusted_once_the_crawl_has_seen_its_look_for_long_enough() -> None:
    assert verdict(facts()) == ("first_use", "7-first")
    assert verdict(facts(looks=(NEW,))) == ("first_use", "7-first")
    once = AskerLook(ICON, own_since=MONTH_AGO)
    assert verdict(facts(looks=(once,))) == ("first_use", "7-first")
    assert verdict(facts(looks=(OWN,))) == ("trusted", "2-seen")
    assert verdict(facts(looks=(OWN, AskerLook(OTHER_ICON)))) == ("first_use", "7-first")
    assert verdict(facts(looks=(OWN,), needed=("cc",))) == ("first_use", "7-first")


def test_a_member_of_the_owners_family_is_trusted() -> None:
    related = kin(ME, "brand.example")
    decision = decide(facts(match("brand.example", 10), position=300, kinships=related))
    assert (decision.verdict, decision.reasons[0].detail) == (
        Verdict.TRUSTED,
        {"of": "brand.example", "proofs": ["operator"]},
    )
    assert verdict(facts(match("brand.example", 10), kinships=related)) == ("trusted", "2-family")
    # A far worse stranger with the same look takes nothing away from a family.
    assert verdict(facts(match("brand.example", 10), match("late.example", 95_000), kinships=related)) == (
        "trusted",
        "2-family",
    )


def test_a_relative_of_a_relative_is_of_the_family() -> None:
    related = kin(ME, "brand.example") | kin("brand.example", "brand.test")
    matches = (match("brand.example", 10), match("brand.test", 20))
    assert verdict(facts(*matches, position=300, kinships=related)) == ("trusted", "2-family")


def test_what_is_faintly_like_a_protected_look_is_not_trusted_for_its_age_alone() -> None:
    faint = replace(OWN, faintly_like=Site("brand.example"))
    decision = decide(facts(looks=(faint,)))
    assert (str(decision.verdict), decision.reasons[0].rule) == ("first_use", "7-first")
    assert "faint_likeness" in decision.codes
    # A rank of its own is no matter of age, and nobody is accused.
    assert verdict(facts(looks=(faint,), position=399)) == ("trusted", "2-ranked")
    assert decision.looks_like == ()


def test_a_look_that_is_not_like_itself_with_its_hues_turned_is_not_trusted_for_its_age_alone() -> None:
    unsteady = replace(OWN, unsteady=True)
    decision = decide(facts(looks=(unsteady,)))
    assert (str(decision.verdict), decision.reasons[0].rule) == ("first_use", "7-first")
    assert "unsteady_look" in decision.codes
    assert verdict(facts(looks=(unsteady,), position=399)) == ("trusted", "2-ranked")


def test_a_letter_identifies_nobody_unless_the_name_is_borrowed() -> None:
    letter = AskerLook(ICON, letter="A")
    owner = match("atlastools.example", 500)
    assert verdict(facts(owner)) == ("lock", "4-strict")
    assert verdict(facts(owner, looks=(letter,))) == ("first_use", "3-common")
    borrowed = facts(owner, looks=(letter,), site=Site("atlastools-login.example"))
    assert verdict(borrowed) == ("lock", "4-strict")
    # Of two ranked sites neither is warned of, and a second icon that copies somebody's still locks.
    assert verdict(facts(owner, looks=(letter,), position=900)) == ("trusted", "2-ranked")
    other = match("brand.example", 40, asker_sha256=OTHER_ICON)
    assert verdict(facts(owner, other, looks=(letter, AskerLook(OTHER_ICON))))[0] == "lock"


# 3. Looks without contrast, and common ones.


def test_a_look_without_contrast_warns() -> None:
    assert verdict(facts(looks=(AskerLook(ICON, degenerate=True),))) == ("grey", "3-degenerate")


GITLAB = Vendor("GitLab", frozenset({Site("gitlab.example")}), names=("gitlab",))


@pytest.mark.parametrize("looks", [(AskerLook(ICON),), (NEW,), (OWN,)])
def test_what_people_host_themselves_accuses_nobody(looks: tuple[AskerLook, ...]) -> None:
    of = facts(match("gitlab.example", 900, vendor=GITLAB), looks=looks)
    assert verdict(of) == ("first_use", "3-common")
    assert decide(of).reasons[0].detail == {"of": ["GitLab"]}
    assert verdict(facts(looks=(replace(looks[0], default_of=GITLAB),))) == ("first_use", "3-common")


@pytest.mark.parametrize("name", ["gitlab-login.example", "g1tlab.example", "mygitlab.example"])
def test_a_name_that_borrows_the_vendors_is_judged_as_a_copy(name: str) -> None:
    of = facts(match("gitlab.example", 900, vendor=GITLAB), site=Site(name))
    assert verdict(of) == ("lock", "4-strict")


def test_a_leftover_of_a_framework_beside_an_own_icon_accuses_nobody() -> None:
    looks = (OWN, AskerLook(OTHER_ICON, default_of=GITLAB))
    assert verdict(facts(looks=looks)) == ("trusted", "2-seen")
    assert verdict(facts(looks=looks, position=5)) == ("trusted", "2-ranked")
    brand = match("brand.example", 10)
    assert verdict(facts(brand, looks=(AskerLook(ICON), looks[1]))) == ("lock", "4-strict")


def test_a_vendors_domain_that_shows_a_brand_makes_it_common_for_nobody() -> None:
    sold = match("gitlab.example", 800_000, vendor=GITLAB)
    assert verdict(facts(match("brand.example", 120), sold)) == ("lock", "4-strict")
    near = match("gitlab.example", 900, vendor=GITLAB, rule=Rule.WIDE)
    assert verdict(facts(match("brand.example", 120), near)) == ("lock", "4-strict")


def test_a_look_that_many_unrelated_sites_have_worn_for_long_is_common() -> None:
    worn = [match("a.example", 1_000), match("b.example", 9_000), match("c.example", 80_000)]
    assert verdict(facts(*worn)) == ("first_use", "3-common")
    # Two are a brand and a suspect; three young ones may be copies.
    assert verdict(facts(*worn[:2])) == ("lock", "4-strict")
    young = [match(f"{name}.example", 1_000 + place, since=YESTERDAY) for place, name in enumerate("abc")]
    assert verdict(facts(*young)) == ("lock", "4-strict")
    assert verdict(facts(*worn, kinships=kin("a.example", "b.example"))) == ("lock", "4-strict")
    unsure = kin("a.example", "b.example", related=False, proofs=("label_within",))
    assert verdict(facts(*worn, kinships=unsure)) == ("lock", "4-strict")


@pytest.mark.parametrize("wearers", [1, 3, 30])
def test_far_worse_ranked_wearers_never_take_an_owners_protection_away(wearers: int) -> None:
    late = [match(f"late{number}.example", 95_000 + number) for number in range(wearers)]
    unranked = [match(f"unranked{number}.example", None) for number in range(wearers)]
    for others in (late, unranked, late + unranked):
        decision = decide(facts(match("brand.example", 120), *others))
        assert (decision.verdict, decision.looks_like[0].owner.site) == (Verdict.LOCK, "brand.example")
        owner = facts(*others, looks=(OWN,), position=120)
        assert verdict(owner) == ("trusted", "2-ranked")
    hidden = tuple(Wearer(one.owner.site, one.owner.position, MONTH_AGO) for one in late)
    assert verdict(facts(match("brand.example", 120, also_worn_by=hidden))) == ("lock", "4-strict")


def test_wearers_that_the_askers_look_does_not_reach_make_a_look_common_too() -> None:
    others = (Wearer(Site("b.example"), 9_000, MONTH_AGO), Wearer(Site("c.example"), 70_000, MONTH_AGO))
    assert verdict(facts(match("a.example", 1_000, also_worn_by=others))) == ("first_use", "3-common")
    # A sister that nothing proves and a suspect far down, or copies of a month, make no brand common.
    sister = (Wearer(Site("b.example"), 160, MONTH_AGO), Wearer(Site("c.example"), 90_000, MONTH_AGO))
    assert verdict(facts(match("a.example", 120, also_worn_by=sister))) == ("lock", "4-strict")
    copies = tuple(Wearer(Site(f"copy{number}.example"), None, MONTH_AGO) for number in range(9))
    shown = facts(match("a.example", 1_000, also_worn_by=(others[0], *copies)))
    assert verdict(shown) == ("lock", "4-strict")


def test_a_tenant_that_shows_its_platforms_icon_is_no_copy() -> None:
    like = match("weebly.com", 300, runs_the_platform=True)
    tenant = {"hosting": Hosting.TENANT}
    assert verdict(facts(like, site=Site("bakery.weebly.com"), **tenant)) == ("first_use", "3-common")
    assert verdict(facts(like, site=Site("weebly-login.weebly.com"), **tenant)) == ("lock", "4-strict")
    assert verdict(facts(match("chase.com"), site=Site("chase-x.weebly.com"), **tenant)) == (
        "lock",
        "4-strict",
    )
    proxied = match("brand.com", 300, runs_the_platform=True)
    assert verdict(facts(proxied, site=Site("www-brand-com.translate.goog"), hosting=Hosting.PROXY)) == (
        "first_use",
        "3-common",
    )


# 4. Copies of protected owners.


@pytest.mark.parametrize(
    ("position", "rule", "expected"),
    [
        (10_000, Rule.WIDE, ("lock", "4-wide")),
        (10_000, Rule.STRICT, ("lock", "4-strict")),
        (10_001, Rule.WIDE, ("first_use", "7-first")),
        (50_000, Rule.STANDARD, ("lock", "4-standard")),
        (50_001, Rule.STANDARD, ("first_use", "7-first")),
        (100_000, Rule.STRICT, ("lock", "4-strict")),
        (100_001, Rule.STRICT, ("grey", "5-older-look")),
        (100_001, Rule.STANDARD, ("first_use", "7-first")),
        (None, Rule.STANDARD, ("first_use", "7-first")),
    ],
)
def test_which_likeness_locks_depends_on_how_trusted_the_owner_is(
    position: int | None, rule: Rule, expected: tuple[str, str]
) -> None:
    assert verdict(facts(match("brand.example", position, rule=rule))) == expected


def test_a_lock_names_the_owner_the_form_and_the_distances() -> None:
    decision = decide(facts(match("brand.example")))
    assert decision.action == "lock"
    assert decision.reasons[0].rule == "4-strict"
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


def test_a_ranked_site_is_never_locked_for_likeness() -> None:
    assert verdict(facts(match("brand.example", 10), looks=(OWN,), position=90_000)) == (
        "grey",
        "4-ranked-asker",
    )
    assert verdict(facts(match("brand.example", 10, rule=Rule.WIDE), position=90_000)) == (
        "trusted",
        "2-ranked",
    )
    assert verdict(facts(match("brand.example", 10), position=100_001)) == ("lock", "4-strict")


def test_who_has_worn_a_brands_look_openly_for_long_is_warned_of_and_not_locked() -> None:
    """A dealer, a chapter, a club."""
    brand = match("brand.example", 300)
    assert verdict(facts(brand, looks=(OWN,))) == ("grey", "4-openly-worn")
    assert verdict(facts(brand, looks=(NEW,))) == ("lock", "4-strict")
    assert verdict(facts(brand, looks=(AskerLook(ICON, own_since=MONTH_AGO),))) == ("lock", "4-strict")
    assert verdict(facts(brand, looks=(AskerLook(ICON, like_own=True),))) == ("lock", "4-strict")


def test_a_site_that_suddenly_shows_a_brands_icon_is_locked() -> None:
    decision = decide(facts(match("brand.example", 300), known_with_other_look=True))
    assert (decision.verdict, "look_changed" in decision.codes) == (Verdict.LOCK, True)


def test_a_mark_locks_where_nothing_explains_it() -> None:
    """Matches with a mark are made only for sites that give themselves out for the owner."""
    mark = match("brand.example", mark=3.0, claim=Claim.NAME)
    decision = decide(facts(mark, site=Site("brand-login.example")))
    assert (str(decision.verdict), decision.codes[0]) == ("lock", "same_mark")
    assert decision.reasons[0].detail == {
        "site": "brand.example", "position": 500, "under": "mark", "claim": "name", "form": "trimmed",
        "points": 3.0,
    }  # fmt: skip
    assert verdict(facts(mark, looks=(OWN,))) == ("grey", "4-openly-worn")
    assert verdict(facts(mark, position=90_000)) == ("trusted", "2-ranked")
    assert verdict(facts(mark, hosting=Hosting.SHARED_PATHS)) == ("grey", "4-shared-hosting")
    assert verdict(facts(mark, site=Site("brand.test"))) == ("grey", "4-same-name")
    assert verdict(facts(mark, kinships=kin(ME, "brand.example"))) == ("first_use", "7-first")
    unranked = match("brand.example", None, mark=3.0, claim=Claim.NAME)
    assert verdict(facts(unranked)) == ("first_use", "7-first")
    assert verdict(facts(mark, looks=(AskerLook(ICON, default_of=GITLAB),))) == ("first_use", "3-common")


def test_a_mark_and_a_title_lock_only_where_a_password_is_asked_for() -> None:
    titled = match("brand.example", mark=3.0, claim=Claim.TITLE)
    assert verdict(facts(titled)) == ("grey", "4-titled")
    assert verdict(facts(titled, asks_password=True)) == ("lock", "4-mark")
    assert verdict(facts(titled, asks_password=True, looks=(OWN,))) == ("grey", "4-openly-worn")
    assert verdict(facts(titled, asks_password=True, position=90_000)) == ("trusted", "2-ranked")
    better = match("better.example", 5, mark=3.0, claim=Claim.TITLE)
    named = match("brand.example", mark=3.0, claim=Claim.NAME)
    assert verdict(facts(better, named)) == ("lock", "4-mark"), "the stronger claim counts"


def test_a_mark_that_is_not_sure_warns() -> None:
    faint = match("brand.example", mark=LEAST_POINTS - 0.1, claim=Claim.NAME)
    assert verdict(facts(faint)) == ("grey", "4-faint-mark")
    sure = match("other.example", 9_000, mark=LEAST_POINTS, claim=Claim.NAME)
    assert verdict(facts(faint, sure)) == ("lock", "4-mark")
    assert verdict(facts(replace(faint, claim=Claim.TITLE), asks_password=True)) == ("grey", "4-faint-mark")
    titled = replace(sure, claim=Claim.TITLE)
    assert verdict(facts(faint, titled, asks_password=True)) == ("lock", "4-mark")


def test_whoever_runs_software_or_is_a_platforms_tenant_names_the_vendor_in_the_title() -> None:
    for claim, expected in ((Claim.TITLE, "7-first"), (Claim.ICON, "7-first"), (Claim.NAME, "4-mark")):
        sold = match("gitlab.example", mark=3.0, claim=claim, vendor=GITLAB)
        assert verdict(facts(sold, asks_password=True))[1] == expected
        hosted = match("brand.example", mark=3.0, claim=claim, runs_the_platform=True)
        assert verdict(facts(hosted, asks_password=True))[1] == expected


def test_an_icon_from_another_sites_door_is_that_sites_however_young_and_unranked() -> None:
    young = match("small.example", None, since=NOW, claim=Claim.ICON)
    assert verdict(facts(young)) == ("grey", "5-hotlinked")
    assert verdict(facts(replace(young, claim=None))) == ("first_use", "7-first")
    assert verdict(facts(young, looks=(OWN,))) == ("trusted", "2-seen"), "worn openly for long"
    assert verdict(facts(young, position=500_000)) == ("first_use", "7-first")
    assert verdict(facts(young, kinships=kin(ME, "small.example"))) == ("first_use", "7-first")


def test_a_likeness_says_more_than_a_mark() -> None:
    both = match("brand.example", mark=3.0), match("brand.example")
    assert verdict(facts(*both)) == ("lock", "4-strict")
    assert verdict(facts(match("a.example", 10, mark=3.0), match("b.example"))) == ("lock", "4-strict")


def test_offices_of_one_government_may_show_one_crest() -> None:
    """Nobody else gets a name under its suffix; but such a site may be hacked, so it is no family."""
    office = Site("office.gov.uk")
    shown = facts(
        match(office, 900), site=Site("town.gov.uk"), kinships=real_kin(office, Site("town.gov.uk"))
    )
    assert verdict(shown) == ("grey", "4-perhaps-family")
    other = facts(
        match(office, 900), site=Site("town.gov.au"), kinships=real_kin(office, Site("town.gov.au"))
    )
    assert verdict(other) == ("lock", "4-strict")


def real_kin(owner: Site, asker: Site) -> dict[frozenset[Site], Kinship]:
    return {frozenset((owner, asker)): kinship(FamilyMember(owner, 900), FamilyMember(asker, None))}


def test_a_ranked_site_with_the_owners_label_is_not_locked() -> None:
    unsure = kin(ME, "brand.test", related=False, proofs=("same_label",))
    assert verdict(facts(match("brand.test", 10), position=400_000, kinships=unsure)) == (
        "grey",
        "4-perhaps-family",
    )


def test_a_copy_among_honest_icons_is_a_copy() -> None:
    looks = (OWN, AskerLook(OTHER_ICON), AskerLook("cc", degenerate=True))
    common = match("gitlab.example", 10, vendor=GITLAB)
    copied = match("brand.example", 9, asker_sha256=OTHER_ICON)
    assert verdict(facts(common, copied, looks=looks)) == ("lock", "4-strict")


def test_a_host_with_shared_paths_is_neither_trusted_nor_locked_as_a_whole() -> None:
    shared = {"hosting": Hosting.SHARED_PATHS}
    assert verdict(facts(match("brand.example"), **shared)) == ("grey", "4-shared-hosting")
    assert verdict(facts(looks=(OWN,), **shared)) == ("first_use", "7-first")
    decision = decide(facts(match("docs-runner.example", runs_the_platform=True), **shared))
    assert (decision.verdict, decision.codes) == (Verdict.FIRST_USE, ("common_look", "shared_hosting"))


def test_hosts_that_strangers_may_have_are_judged_as_unranked_sites() -> None:
    for hosting in (Hosting.TENANT, Hosting.PERHAPS_SHARED, Hosting.PROXY):
        assert verdict(facts(match("brand.example"), hosting=hosting)) == ("lock", "4-strict")
        assert verdict(facts(hosting=hosting)) == ("first_use", "7-first")


def test_a_bare_hash_warns_and_does_not_lock() -> None:
    decision = decide(facts(match("brand.example", signal_only=True), looks=()))
    assert (decision.verdict, decision.reasons[0].rule) == (Verdict.GREY, "4-signal-only")
    assert "signal_only" in decision.codes


# 5. Owners beyond the tiers.


def test_between_unranked_sites_the_much_older_look_has_the_better_claim() -> None:
    old, older = NOW - 100 * DAY, NOW - 128 * DAY
    mine = (AskerLook(ICON, own_since=old, confirmed=True),)
    assert verdict(facts(match("early.example", None, since=older), looks=mine)) == ("grey", "5-older-look")
    assert verdict(facts(match("near.example", None, since=older + DAY), looks=mine)) == ("trusted", "2-seen")
    assert verdict(facts(match("late.example", None, since=YESTERDAY), looks=mine)) == ("trusted", "2-seen")
    assert verdict(facts(match("young.example", None, since=YESTERDAY))) == ("first_use", "7-first")
    assert verdict(facts(match("claimed.example", None, since=None))) == ("first_use", "7-first")


def test_an_unranked_copy_never_becomes_a_ranked_sites_better() -> None:
    early = match("copy.example", None, since=0.0)
    assert verdict(facts(early, position=300_000)) == ("first_use", "7-first")
    assert verdict(facts(early, looks=(OWN,), position=300_000)) == ("trusted", "2-seen")


def test_a_rank_on_probation_neither_locks_nor_protects() -> None:
    new = match("riser.example", None, on_probation=50)
    decision = decide(facts(new))
    assert (decision.verdict, decision.reasons[0].rule) == (Verdict.GREY, "5-older-look")
    assert "probation" in decision.codes
    assert verdict(facts(match("brand.example", 12), on_probation=5)) == ("lock", "4-strict")
    assert verdict(facts(new, position=12)) == ("trusted", "2-ranked")
    assert verdict(facts(new, match("brand.example", 12))) == ("lock", "4-strict")


# 6 and 7. Failures, reports, first use.


def test_failures_are_grey_each_with_its_reason() -> None:
    assert verdict(facts(looks=(), no_icon=True)) == ("grey", "6-no-icon")
    assert verdict(facts(looks=(), discovery_error="timeout")) == ("grey", "6-discovery")
    assert verdict(facts(looks=(), hashing_errors=("truncated",), no_icon=True)) == ("grey", "6-hashing")


def test_without_any_icon_nothing_is_said_of_one() -> None:
    decision = decide(facts(looks=(), visited=False))
    assert (decision.verdict, decision.codes) == (Verdict.FIRST_USE, ("unseen", "unvisited"))


def test_reports_warn_of_unranked_sites_only_and_never_unlock() -> None:
    assert verdict(facts(reports={"flag": 3.0})) == ("grey", "6-reported")
    assert verdict(facts(reports={"flag": 2.9}))[0] == "first_use"
    assert verdict(facts(reports={"flag": 900.0}, position=70_000)) == ("trusted", "2-ranked")
    decision = decide(facts(match("brand.example"), reports={"unlock": 900.0, "false_lock": 900.0}))
    assert decision.verdict is Verdict.LOCK
    assert {"unlock_reported", "false_lock_reported"} <= set(decision.codes)


def test_what_many_ask_about_needs_more_reports() -> None:
    assert verdict(facts(reports={"flag": 3.0, "asked": 10_000.0})) == ("first_use", "7-first")
    assert verdict(facts(reports={"flag": 50.0, "asked": 10_000.0})) == ("grey", "6-reported")


def test_a_sighting_by_clients_is_told_and_trusts_nothing() -> None:
    seen = decide(facts(seen_by_clients=True))
    assert (seen.verdict, "provisional" in seen.codes) == (Verdict.FIRST_USE, True)
    changed = decide(facts(known_with_other_look=True))
    assert (changed.verdict, "look_changed" in changed.codes) == (Verdict.FIRST_USE, True)


def test_every_code_has_a_sentence() -> None:
    assert set(EXPLANATIONS) == set(Code)


# Properties.

POSITIONS = st.none() | st.integers(1, 300_000)
NAMES = st.sampled_from([f"site{number}.example" for number in range(8)])
TIMES = st.none() | st.floats(0, NOW)


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
                since=draw(TIMES),
                on_probation=None if positions[name] else draw(st.none() | st.integers(1, 100_000)),
                signal_only=draw(st.booleans()),
                mark=draw(st.none() | st.floats(2, 9)),
                runs_the_platform=draw(st.booleans()),
                vendor=draw(st.none() | st.just(GITLAB)),
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
        now=NOW,
        position=draw(POSITIONS),
        looks=tuple(
            AskerLook(
                icon,
                own_since=draw(TIMES),
                confirmed=draw(st.booleans()),
                like_own=draw(st.booleans()),
                default_of=draw(st.none() | st.just(GITLAB)),
            )
            for icon in icons
        ),
        matches=matches,
        kinships=kinships,
        hosting=draw(st.sampled_from(Hosting)),
        visited=draw(st.booleans()),
        reports={"flag": draw(st.floats(0, 10))},
        first_seen=draw(TIMES),
    )


@given(any_facts())
def test_only_a_protected_unrelated_owner_locks(of: Facts) -> None:
    decision = decide(of)
    if decision.verdict is not Verdict.LOCK:
        return
    owner = decision.looks_like[0].owner
    assert owner.position is not None
    assert owner.position <= 100_000
    assert of.position is None or of.position > 100_000
    assert not of.kinships.get(frozenset((ME, owner.site)), Kinship()).related
    assert of.hosting is not Hosting.SHARED_PATHS


@given(any_facts(), st.integers(1, 100_000))
def test_a_brand_with_its_own_look_is_trusted_whoever_else_wears_it(of: Facts, position: int) -> None:
    """Of all that an attacker can arrange, nothing takes a brand's trust away."""
    worse = tuple(one for one in of.matches if one.owner.position is None or one.owner.position > position)
    looks = tuple(AskerLook(look.sha256, own_since=MONTH_AGO, confirmed=True) for look in of.looks)
    plain = tuple(replace(one, runs_the_platform=False, vendor=None) for one in worse)
    brand = replace(of, position=position, hosting=Hosting.OWN, looks=looks, matches=plain)
    assert decide(brand).verdict is Verdict.TRUSTED or not looks


@given(any_facts())
def test_far_worse_wearers_change_nothing_for_a_brands_copy(of: Facts) -> None:
    brand, copy = match("brand.example", 900), (AskerLook(ICON),)
    worse = tuple(
        replace(one, vendor=None, runs_the_platform=False, asker_sha256=ICON)
        for one in of.matches
        if (one.owner.position or 1 << 62) > 9_000
    )
    decision = decide(facts(brand, *worse, looks=copy))
    assert decision.verdict is Verdict.LOCK
    assert decision.looks_like[0].owner.site == "brand.example"


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
    loud = decide(
        replace(
            of, reports={"flag": 1e6, "unlock": 1e6, "false_lock": 1e6}, first_seen=1.0, seen_by_clients=True
        )
    )
    assert (loud.verdict is Verdict.LOCK) is (without.verdict is Verdict.LOCK)
    if without.reasons[0].rule.startswith("2-"):
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
