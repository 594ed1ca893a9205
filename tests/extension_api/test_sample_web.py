"""Verdicts on the crawled sample web: every kind of site, with exact reasons; poisoning; changes."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from samelook.demo.sample_web.sample_site import Kind, Proof, SampleSite
from samelook.demo.sample_web.sites import OPERATOR_FAMILIES, SITES
from samelook.extension_api.curation import list_site, state_families
from samelook.extension_api.judge import Judge
from samelook.facts.questions import Asked, AskedIcon
from samelook.facts.settings import VerdictSettings
from samelook.sql.pool import open_connection
from tests.fixtures.crawled import SITE_BY_HOST

SETTINGS = VerdictSettings()
BRANDS = [site for site in SITES if site.kind is Kind.BRAND]
COPIES = [site for site in SITES if site.kind is Kind.IMPERSONATOR and site.owner != "tinlantern.example"]


def told(judged: Any) -> tuple[str, tuple[str, ...]]:
    return str(judged.decision.verdict), judged.decision.codes


async def test_every_brand_in_the_tiers_is_trusted_for_its_rank(sample: Any) -> None:
    for site in BRANDS:
        in_tiers = SETTINGS.tiers.rule_for(site.rank) is not None
        expected = ("trusted", ("ranked",)) if in_tiers else ("first_use", ("first_use",))
        assert (site.host, *told(sample.ask(site.host))) == (site.host, *expected)


async def test_every_impersonator_is_locked_and_names_the_brand(sample: Any) -> None:
    for site in COPIES:
        judged = sample.ask(f"https://{site.host}/login?next=1")
        owner = SITE_BY_HOST[site.owner]
        verdict, codes = told(judged)
        assert (site.host, verdict, codes[0]) == (site.host, "lock", "looks_like")
        assert set(codes) <= {"looks_like", "same_picture"}
        assert judged.decision.looks_like[0].owner.site == owner.host
        match = judged.decision.looks_like[0]
        assert judged.decision.reasons[0].rule == f"4-{match.rule.name.lower()}"
        allowed = SETTINGS.tiers.rule_for(owner.rank)
        assert allowed is not None
        assert match.rule <= allowed


@pytest.mark.parametrize(
    "site",
    [site for site in SITES if site.kind is Kind.FAMILY and site.proof is not Proof.ROOT_REDIRECT],
    ids=lambda site: site.host,
)
async def test_a_member_of_a_family_is_trusted_with_its_proofs(sample: Any, site: SampleSite) -> None:
    async with open_connection(sample.database) as connection:
        assert (
            await state_families(connection, OPERATOR_FAMILIES, provenance="families of the sample web") == 1
        )
        await sample.follower.poll(connection)
    judged = sample.ask(site.host)
    assert told(judged) == ("trusted", ("family", "ranked"))
    proof = {
        Proof.SAME_LABEL: ["same_label"],
        Proof.OPERATOR: ["operator", "label_within"],
        None: [],
    }[site.proof]
    assert judged.decision.reasons[0].detail == {"of": site.owner, "proofs": proof}


async def test_a_site_that_leads_to_a_better_one_owns_nothing_of_what_is_shown_there(sample: Any) -> None:
    (site,) = [site for site in SITES if site.proof is Proof.ROOT_REDIRECT]
    assert told(sample.ask(site.host)) == ("first_use", ("unseen",))
    shown = AskedIcon(next(iter(dict(sample.judge.memory.site(site.owner).shown_looks(time.time())))))
    assert told(sample.ask(site.host, shown)) == ("grey", ("looks_like", "own_rank", "perhaps_family"))


async def test_a_sister_that_only_the_operator_knows_is_not_locked_before_it_says_so(sample: Any) -> None:
    assert told(sample.ask("harborpay-wallet.example")) == (
        "grey",
        ("looks_like", "own_rank", "perhaps_family"),
    )


@pytest.mark.parametrize(
    ("host", "verdict", "codes"),
    [
        ("gardenplan.example", "trusted", ("ranked",)),
        ("toolshed-weekly.example", "grey", ("looks_like", "same_picture", "own_rank")),
        ("corner-bakery.example", "lock", ("looks_like", "same_picture")),
        ("asterdesk.example", "trusted", ("ranked",)),
        ("atlastools.example", "trusted", ("ranked",)),
        ("apollonotes.example", "first_use", ("common_look",)),
        ("amberlab.example", "trusted", ("ranked",)),
        ("birchworks.example", "trusted", ("ranked",)),
        ("rowanwiki.example", "first_use", ("first_use",)),
        ("elmgrove.example", "first_use", ("first_use",)),
        ("plainpaper.example", "grey", ("no_icon",)),
        ("quietpage.example", "grey", ("no_icon",)),
        ("blanksheet.example", "grey", ("degenerate",)),
        ("tinlantern-outlet.example", "first_use", ("first_use",)),
        ("halfsent.example", "grey", ("hashing_failed",)),
        ("everypage.example", "grey", ("no_icon",)),
        ("tinydots.example", "grey", ("hashing_failed",)),
        ("closed-for-repair.example", "first_use", ("first_use",)),
        ("heavy-picture.example", "grey", ("hashing_failed",)),
        ("back-window.example", "grey", ("hashing_failed",)),
        ("heavy-page.example", "grey", ("discovery_failed",)),
        ("roundabout.example", "grey", ("discovery_failed",)),
        ("neverending.example", "grey", ("discovery_failed",)),
        ("dripping-tap.example", "grey", ("discovery_failed",)),
        ("inner-door.example", "grey", ("discovery_failed",)),
        ("slammed-door.example", "grey", ("discovery_failed",)),
        ("keep-out.example", "grey", ("discovery_failed",)),
        ("outsider.example", "first_use", ("first_use",)),
        ("confetti-storm.example", "first_use", ("first_use",)),
        ("never-heard-of.example", "first_use", ("unseen", "unvisited")),
    ],
)
async def test_everybody_else_is_told_exactly_why(
    sample: Any, host: str, verdict: str, codes: tuple[str, ...]
) -> None:
    assert told(sample.ask(host)) == (verdict, codes)


async def test_failures_name_what_failed(sample: Any) -> None:
    assert sample.ask("roundabout.example").decision.reasons[0].detail == {"error": "redirect_loop"}
    assert sample.ask("halfsent.example").decision.reasons[0].detail == {"errors": ["truncated"]}


async def test_a_restart_changes_no_verdict(sample: Any, crawled: Any) -> None:
    before = {site.host: told(sample.ask(site.host)) for site in SITES}
    again = type(sample.follower)(crawled, sample.follower._settings)
    await again.load()
    judge = Judge(again, VerdictSettings(), time.time)
    assert {site.host: told(judge.judge(Asked.about(site.host))) for site in SITES} == before


async def test_the_view_says_which_sites_are_grey_and_why(sample: Any) -> None:
    async with open_connection(sample.database) as connection:
        rows = await connection.fetch("SELECT site, reason FROM grey_sites ORDER BY site, reason")
    grey: dict[str, list[str]] = {}
    for row in rows:
        grey.setdefault(row["site"], []).append(row["reason"])
    expected = {
        site.host: code
        for site in SITES
        if (code := told(sample.ask(site.host))[1][0])
        in {"no_icon", "degenerate", "hashing_failed", "discovery_failed"}
    }
    assert {site: reasons[0] for site, reasons in grey.items()} == expected


# What changes a verdict, and what does not.


async def test_the_operators_lists_take_effect(sample: Any) -> None:
    async with open_connection(sample.database) as connection:
        await list_site(connection, "lumora-secure.example", "allow", by="test")
        await list_site(connection, "https://rowanwiki.example/x", "block", by="test")
        await sample.follower.poll(connection)
    assert told(sample.ask("lumora-secure.example"))[0] == "trusted"
    assert told(sample.ask("rowanwiki.example")) == ("lock", ("blocklisted",))


async def test_a_manipulated_rank_list_changes_no_verdict(sample: Any) -> None:
    before = {site.host: told(sample.ask(site.host))[0] for site in SITES}
    await sample.run(
        "INSERT INTO rank_imports (file, source, finished_at, lines) VALUES ('evil', 'tranco', now(), 9)"
    )
    await sample.run(
        "UPDATE domains SET list_position = 1, harmonic_position = NULL, import_id = "
        "(SELECT max(id) FROM rank_imports) WHERE reversed_name = 'example.lumora-secure'"
    )
    await sample.run(
        "UPDATE domains SET harmonic_position = 90000 + id, import_id = (SELECT max(id) FROM rank_imports) "
        "WHERE reversed_name IN ('example.tidepoool', 'example.kestre1shop', 'example.norrbank-login')"
    )
    await sample.run(
        "UPDATE domains SET harmonic_position = NULL, import_id = (SELECT max(id) FROM rank_imports) "
        "WHERE reversed_name IN ('example.lumora', 'example.tidepool')"
    )
    await sample.catch_up()
    assert {site.host: told(sample.ask(site.host))[0] for site in SITES} == before
    assert "probation" in told(sample.ask("lumora-secure.example"))[1]


async def test_a_thousand_clients_who_claim_a_look_first_change_nothing(sample: Any) -> None:
    before = {site.host: told(sample.ask(site.host)) for site in SITES}
    await sample.run(
        "INSERT INTO sightings (site, sha256, first_seen, times) "
        "SELECT 'thief.example', s.sha256, now() - interval '3 years', 1000 "
        "FROM (SELECT DISTINCT sha256 FROM site_looks) AS s"
    )
    await sample.catch_up()
    assert {site.host: told(sample.ask(site.host)) for site in SITES} == before


async def test_a_flood_of_flags_from_one_network_or_from_new_clients_changes_nothing(sample: Any) -> None:
    before = {site.host: told(sample.ask(site.host))[0] for site in SITES}
    for host in ("rowanwiki.example", "lumora.example"):
        await _flag(sample, host, clients=1000, networks=1, age_days=100)
        await _flag(sample, host, clients=25, networks=25, age_days=0)
    assert {site.host: told(sample.ask(site.host))[0] for site in SITES} == before
    await _flag(sample, "rowanwiki.example", clients=3, networks=3, age_days=100, salt="other")
    assert told(sample.ask("rowanwiki.example")) == ("grey", ("reported",))
    await _flag(sample, "lumora.example", clients=50, networks=50, age_days=100, salt="more")
    assert told(sample.ask("lumora.example"))[0] == "trusted"


async def _flag(
    sample: Any, host: str, *, clients: int, networks: int, age_days: int, salt: str = ""
) -> None:
    async with open_connection(sample.database) as connection:
        await connection.execute(
            """
            WITH added AS (
                INSERT INTO clients (token_sha256, created_at)
                SELECT sha256(convert_to($1 || n, 'UTF8')), now() - $2 * interval '1 day'
                FROM generate_series(1, $3) AS n RETURNING id
            )
            INSERT INTO reports (site, kind, client_id, network)
            SELECT $4, 'flag', id, convert_to($1 || (id % $5), 'UTF8') FROM added
            """,
            f"{host} {age_days} {salt}",
            float(age_days),
            clients,
            host,
            networks,
        )
        await sample.follower.poll(connection)


async def test_a_better_ranked_later_claimant_opens_the_case_again(sample: Any) -> None:
    assert told(sample.ask("confetti-storm.example"))[0] == "first_use"
    await sample.run(
        "INSERT INTO domains (reversed_name, harmonic_position, source) "
        "VALUES ('example.realrowan', 700, 'x')"
    )
    await sample.run(
        "INSERT INTO target_urls (domain_id, url, position) "
        "SELECT id, 'https://realrowan.example/', 700 FROM domains WHERE reversed_name = 'example.realrowan'"
    )
    await sample.run(
        "INSERT INTO site_icons (target_url_id, icon_url_id, ordinal, source, declared_url) "
        "SELECT n.id, s.icon_url_id, 0, 'link-icon', '/i' FROM target_urls AS n, site_icons AS s "
        "JOIN target_urls AS t ON t.id = s.target_url_id JOIN favicon_metadata AS m USING (icon_url_id) "
        "WHERE n.url LIKE '%realrowan%' AND t.url LIKE '%confetti-storm%' AND s.chromium_place = 0"
    )
    await sample.run(
        "INSERT INTO page_visits (target_url_id, final_url, status, icon_count) "
        "SELECT id, url, 200, 1 FROM target_urls WHERE url LIKE '%realrowan%'"
    )
    await sample.catch_up()
    judged = sample.ask("confetti-storm.example")
    assert told(judged) == ("lock", ("looks_like", "same_picture"))
    assert judged.decision.looks_like[0].owner.site == "realrowan.example"


async def test_an_old_icon_of_a_brand_stays_protected_for_a_while(sample: Any) -> None:
    await sample.run(
        "UPDATE site_icons SET gone_at = now() - interval '30 days' WHERE target_url_id = "
        "(SELECT id FROM target_urls WHERE url LIKE '%kestrelshop.example%')"
    )
    await sample.run(
        "INSERT INTO site_changes (domain_id) SELECT id FROM domains "
        "WHERE reversed_name = 'example.kestrelshop'"
    )
    await sample.catch_up()
    assert told(sample.ask("kestre1shop.example")) == ("lock", ("looks_like", "former_look"))
    sample.judge._clock = lambda: time.time() + 200 * 86_400.0
    assert told(sample.ask("kestre1shop.example"))[0] == "first_use"


async def test_losing_the_rank_removes_trust_after_the_probation(sample: Any) -> None:
    await sample.run(
        "UPDATE domains SET harmonic_position = NULL WHERE reversed_name = 'example.kestrelshop'"
    )
    # Not by an import that is judged: what is stated by hand counts at once.
    await sample.run("UPDATE domains SET import_id = NULL WHERE reversed_name = 'example.kestrelshop'")
    await sample.run(
        "INSERT INTO site_changes (domain_id) SELECT id FROM domains "
        "WHERE reversed_name = 'example.kestrelshop'"
    )
    await sample.catch_up()
    assert told(sample.ask("kestre1shop.example"))[0] != "lock"


async def lose_rank(sample: Any, name: str) -> None:
    """The next list, which is judged, does not name the site any more."""
    await sample.run(
        "INSERT INTO rank_imports (file, source, finished_at, lines) VALUES ('next', 'cc', now(), 9)"
    )
    await sample.run(
        "UPDATE domains SET harmonic_position = NULL, import_id = (SELECT max(id) FROM rank_imports) "
        "WHERE reversed_name = $1",
        name,
    )


async def replace_icons(sample: Any, name: str, *, by: str) -> None:
    """The site shows, from now on, nothing but the icons of another."""
    async with open_connection(sample.database) as connection, connection.transaction():
        await connection.execute(
            "UPDATE site_icons AS s SET gone_at = now() FROM target_urls AS t JOIN domains AS d "
            "ON d.id = t.domain_id WHERE s.target_url_id = t.id AND d.reversed_name = $1",
            name,
        )
        await connection.execute(
            "INSERT INTO site_icons (target_url_id, icon_url_id, ordinal, source, declared_url) "
            "SELECT n.id, s.icon_url_id, 0, 'link-icon', '/i' FROM site_icons AS s "
            "JOIN target_urls AS t ON t.id = s.target_url_id JOIN domains AS d ON d.id = t.domain_id "
            "JOIN favicon_metadata AS m USING (icon_url_id), "
            "target_urls AS n JOIN domains AS e ON e.id = n.domain_id "
            "WHERE d.reversed_name = $2 AND e.reversed_name = $1 AND m.sha256 IS NOT NULL",
            name,
            by,
        )
        await connection.execute(
            "UPDATE page_visits AS v SET crawled_at = now() FROM target_urls AS t JOIN domains AS d "
            "ON d.id = t.domain_id WHERE v.target_url_id = t.id AND d.reversed_name = $1",
            name,
        )


async def test_a_domain_that_lost_its_rank_and_its_look_is_trusted_no_longer(sample: Any) -> None:
    """It has another owner now, who must not inherit what the former one had."""
    await lose_rank(sample, "example.vaultmoth")
    await sample.catch_up()
    assert told(sample.ask("vaultmoth.example")) == ("trusted", ("ranked",))
    assert told(sample.ask("vaultmoth-unlock.example"))[0] == "lock"
    await replace_icons(sample, "example.vaultmoth", by="example.lumora")
    await sample.catch_up()
    judged = sample.ask("vaultmoth.example")
    assert told(judged)[0] == "lock"
    assert judged.decision.looks_like[0].owner.site == "lumora.example"
    assert told(sample.ask("vaultmoth-unlock.example"))[0] != "lock"


async def test_a_new_look_alone_and_a_lost_rank_alone_take_no_trust(sample: Any) -> None:
    await replace_icons(sample, "example.vaultmoth", by="example.elmgrove")
    await sample.catch_up()
    assert told(sample.ask("vaultmoth.example"))[0] == "trusted"
    assert told(sample.ask("vaultmoth-unlock.example")) == ("lock", ("looks_like", "former_look"))


async def test_emptying_the_crawls_tables_starts_memory_over(sample: Any) -> None:
    await sample.run("TRUNCATE domains, favicons CASCADE")
    await sample.catch_up()
    assert len(sample.follower.memory) == 0
    assert told(sample.ask("lumora-secure.example")) == ("first_use", ("unseen", "unvisited"))


async def test_more_trusted_brands_need_less_likeness(sample: Any) -> None:
    settings = VerdictSettings()
    strict = replace(settings, tiers=replace(settings.tiers, wide=0, standard=0))
    judge = Judge(sample.follower, strict, time.time)
    locked = {site.host for site in COPIES if told(judge.judge(Asked.about(site.host)))[0] == "lock"}
    assert locked
    assert locked <= {site.host for site in COPIES}
