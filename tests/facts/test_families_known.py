"""Families by data: the curated ones, look-ups, and what is refused of public lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from samelook.facts.families_known import Families, Group, curated_families, curated_groups
from samelook.facts.family_lists import BadSiteList, ListedGroup, groups_in, sorted_out
from samelook.names.sites import Site, site_of

SHARED = Path(__file__).resolve().parents[3] / "shared" / "facts"


def test_the_most_copied_organisations_are_there_each_with_a_note_why() -> None:
    groups = curated_groups()
    assert len(groups) >= 150
    assert all(group.note and group.name for group in groups)
    for group in groups:
        assert all(site_of(site) == site for site in group.sites), group.name
    assert len({group.name for group in groups}) == len(groups)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("amazon.com", "amazon-logistics.com"),
        ("notion.so", "notion.com"),
        ("microsoft.com", "live.com"),
        ("google.com", "withgoogle.com"),
        ("paypal.com", "venmo.com"),
        ("dhl.de", "dhl.com"),
        ("twitter.com", "x.com"),
    ],
)
def test_domains_of_one_organisation_are_a_family(one: str, other: str) -> None:
    group = curated_families().shared(Site(one), Site(other))
    assert group is not None
    assert group.provenance == "curated"


def test_strangers_are_none() -> None:
    families = curated_families()
    assert families.shared(Site("paypal.com"), Site("amazon.com")) is None
    assert families.shared(Site("paypal.com"), Site("paypal-login.top")) is None


def test_groups_are_not_joined_by_a_site_that_is_in_both() -> None:
    one, other, between = Site("one.example"), Site("other.example"), Site("between.example")
    families = Families(
        [Group("a list", frozenset({one, between})), Group("another", frozenset({between, other}))]
    )
    assert families.shared(one, between) is not None
    assert families.shared(one, other) is None
    assert [group.provenance for group in families.groups_of(between)] == ["a list", "another"]


def test_statements_have_a_direction() -> None:
    families = Families(statements=[("brand.example", "shop.example", "hreflang")])
    assert families.says(Site("brand.example"), Site("shop.example")) == {"hreflang"}
    assert families.says(Site("shop.example"), Site("brand.example")) == frozenset()


def test_the_three_forms_of_lists_are_told_apart() -> None:
    apple = [
        {"shared": ["lumora.test-shop.com", "www.lumora.com", "lumora.de"]},
        {"from": ["lumora-old.com"], "to": ["lumora.com"], "fromDomainsAreObsoleted": True},
    ]
    disconnect = {
        "license": "…",
        "entities": {"Lumora": {"properties": ["lumora.com", "lumora.de"], "resources": ["lumora-cdn.net"]}},
    }
    duckduckgo = {"Lumora Inc.": {"displayName": "Lumora", "properties": ["lumora.com", "lumora.de"]}}
    assert [group.sites for group in groups_in(json.dumps(apple))] == [
        ("test-shop.com", "lumora.com", "lumora.de"),
        ("lumora-old.com", "lumora.com"),
    ]
    for named in (disconnect, duckduckgo):
        (group,) = groups_in(json.dumps(named))
        assert (group.name, group.sites) == ("Lumora", ("lumora.com", "lumora.de"))


def test_names_that_are_no_sites_are_left_out_and_counted() -> None:
    entry = {"shared": ["lumora.com", "localhost", "10.0.0.5", 7, None, "", "lumora.de", "a b"]}
    (group,) = groups_in(json.dumps([entry]))
    assert group.sites == ("lumora.com", "lumora.de")
    assert group.left_out == 6


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "7",
        "{}",
        '[{"quirks": ["a.com"]}]',
        '{"Lumora": {"domains": ["lumora.com"]}}',
        '{"entities": {"Lumora": ["lumora.com"]}}',
        '[["lumora.com", "lumora.de"]]',
    ],
)
def test_what_is_no_such_list_is_refused(text: str) -> None:
    with pytest.raises(BadSiteList):
        groups_in(text)


def listed(*sites: str) -> ListedGroup:
    return ListedGroup("a group", tuple(map(Site, sites)))


def test_groups_that_no_organisation_can_have_are_refused() -> None:
    fine = listed("lumora.com", "lumora.de")
    unranked = listed("nobody.example.com", "nowhere.com")
    alone = listed("lumora.com")
    largest = listed("lumora.com", *(f"shop{number}.com" for number in range(299)))
    too_large = listed("lumora.com", *(f"shop{number}.com" for number in range(300)))
    joins = listed("lumora.com", "paypal.com", "chase.com")
    taken, refused = sorted_out(
        [fine, unranked, alone, largest, too_large, joins], {Site("lumora.com")}, curated_families()
    )
    assert taken == [fine, largest]
    assert [one.group for one in refused] == [unranked, alone, too_large, joins]
    why = [one.why for one in refused]
    assert "rank" in why[0]
    assert "301" in why[2]
    assert "PayPal" in why[3]
    assert "JPMorgan Chase" in why[3]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public lists are not beside this checkout")
def test_apples_list_is_read_whole() -> None:
    groups = groups_in((SHARED / "shared-credentials.json").read_text("utf-8"))
    sites = {site for group in groups for site in group.sites}
    taken, refused = sorted_out(groups, sites, curated_families())
    assert len(taken) > 100
    assert {"airfrance.com", "klm.com"} <= {site for group in taken for site in group.sites}
    # Every refusal is for what a group is, none for a form that was not understood.
    assert all(one.why for one in refused)
    assert len(refused) < len(groups) / 10
