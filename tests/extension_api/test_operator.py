"""What an operator does counts for readers at once and is audited, and a poisoned list changes nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from samelook.extension_api import operator
from samelook.extension_api.errors import BadRequest
from samelook.extension_api.operator import Act
from samelook.facts.catalogue_lists import Entries, ListedPicture, ListedVendor
from samelook.facts.family_lists import groups_in
from samelook.facts.follower import Follower
from samelook.facts.settings import VerdictSettings
from samelook.inspector.errors import BadQuestion
from samelook.inspector.operator import audit_answer, common_answer, lists_answer, verdicts_answer
from samelook.looks.files import looks_of_file
from samelook.looks.look import Look
from samelook.names.errors import NotASite
from samelook.names.hosts import reversed_host
from samelook.names.sites import Site
from samelook.sql.pool import OwnConnection
from samelook.sql.settings import DatabaseSettings
from tests.facts.test_catalogue import icon

ACT = Act("ada@host", "ticket 17")


async def followed(connection: OwnConnection) -> Follower:
    follower = Follower(DatabaseSettings(url=""), VerdictSettings())
    await follower.load(connection)
    return follower


async def rank(connection: OwnConnection, *sites: str) -> None:
    await connection.executemany(
        "INSERT INTO domains (reversed_name, harmonic_position, source) VALUES ($1, $2, 'tranco')",
        [(str(reversed_host(site)), place) for place, site in enumerate(sites, start=5)],
    )


async def wear(
    connection: OwnConnection, picture: bytes, *sites: tuple[str, int | None], days: int = 90
) -> bytes:
    """Have the crawl seen a picture at some sites with these ranks, for some days; its SHA-256."""
    sha256, md5 = hashlib.sha256(picture).digest(), hashlib.md5(picture).digest()
    await connection.execute(
        "INSERT INTO favicons (sha256, md5, size, format, width, height, frames, body)"
        " VALUES ($1, $2, $3, 'png', 48, 48, 1, $4)",
        *(sha256, md5, len(picture), picture),
    )
    for frame, look in enumerate(looks_of_file(picture)):
        await connection.execute(
            "INSERT INTO looks (sha256, frame, look) VALUES ($1, $2, $3)", sha256, frame, look
        )
    for site, position in sites:
        domain = await connection.fetchval(
            "INSERT INTO domains (reversed_name, harmonic_position, source)"
            " VALUES ($1, $2, 'tranco') RETURNING id",
            *(str(reversed_host(site)), position),
        )
        await connection.execute(
            "INSERT INTO site_facts (domain_id, seq, site, host, position, trusted_position)"
            " VALUES ($1, nextval('verdict_seq'), $2, $2, $3, $3)",
            *(domain, site, position),
        )
        await connection.execute(
            "INSERT INTO site_looks (domain_id, sha256, seq, icon_url, md5, since)"
            " VALUES ($1, $2, nextval('verdict_seq'), '/i', $3, now() - make_interval(days => $4))",
            *(domain, sha256, md5, days),
        )
    await connection.execute(
        "INSERT INTO trusted_looks (look_id, site, seq, position, tier, look)"
        " SELECT l.id, f.site, nextval('verdict_seq'), f.trusted_position, 'wide', l.look"
        " FROM site_looks AS s JOIN site_facts AS f USING (domain_id) JOIN looks AS l USING (sha256)"
        " WHERE f.trusted_position <= 100000 ON CONFLICT DO NOTHING"
    )
    return sha256


async def audit(connection: OwnConnection, subject: str | None = None) -> list[dict[str, Any]]:
    return list((await audit_answer(connection, subject=subject)).listings[0].rows)


async def test_a_listed_site_counts_for_readers_and_everything_is_audited(connection: OwnConnection) -> None:
    assert await operator.list_site(connection, "https://www.Lumora.com/x", "allow", ACT, expires_s=60) == (
        "lumora.com"
    )
    follower = await followed(connection)
    now = (await connection.fetchval("SELECT extract(epoch FROM now())::float8")) or 0.0
    assert follower.lists.operator_list(Site("lumora.com"), now) == "allow"
    assert follower.lists.operator_list(Site("lumora.com"), now + 61) is None
    await operator.list_site(connection, "lumora.com", "block", Act("bob"))
    (row,) = (await lists_answer(connection)).listings[0].rows
    assert (row["list"], row["expires_at"], row["added_by"]) == ("block", None, "bob")
    await operator.forget_site(connection, "lumora.com", ACT)
    assert (await lists_answer(connection)).listings[0].rows == []
    acts = await audit(connection, "lumora.com")
    assert [(act["who"], act["action"]) for act in acts] == [
        ("ada@host", "forget"),
        ("bob", "block"),
        ("ada@host", "allow"),
    ]
    assert acts[-1]["note"] == "ticket 17"
    assert acts[-1]["detail"] == {"expires_s": 60}


@pytest.mark.parametrize("url", ["localhost", "10.0.0.1", "", "ftp://lumora.com"])
async def test_what_is_no_site_is_refused_and_not_audited(connection: OwnConnection, url: str) -> None:
    for act in (
        operator.list_site(connection, url, "block", ACT),
        operator.forget_site(connection, url, ACT),
        operator.dismiss_reports(connection, url, ACT),
        operator.state_family(connection, ["lumora.com", url], ACT),
    ):
        with pytest.raises(NotASite):
            await act
    assert await audit(connection) == []


async def test_a_family_is_stated_denied_and_forgotten(connection: OwnConnection) -> None:
    one, other, third = Site("lumora.com"), Site("lumora-mail.com"), Site("club.net")
    await operator.state_family(connection, [one, other, third], ACT)
    lists = (await followed(connection)).lists
    assert lists.stated_of(one, other) == "operator"
    await operator.state_family(connection, [one, third], ACT, related=False)
    lists = (await followed(connection)).lists
    assert lists.stated_of(one, third) == "not_related"
    assert lists.stated_of(other, third) == "operator"
    await operator.forget_site(connection, other, ACT)
    assert (await followed(connection)).lists.stated_of(one, other) is None


async def test_a_family_of_one_site_is_refused(connection: OwnConnection) -> None:
    with pytest.raises(BadRequest):
        await operator.state_family(connection, ["lumora.com", "www.lumora.com"], ACT)


async def test_an_imported_list_replaces_its_former_state_and_no_other(connection: OwnConnection) -> None:
    await rank(connection, "lumora.com")
    first = groups_in(json.dumps([{"shared": ["lumora.com", "lumora.de"]}, {"shared": ["a.com", "b.com"]}]))
    found = await operator.import_families(connection, first, "apple", ACT)
    assert (len(found.taken), len(found.refused), found.replaced) == (1, 1, 0)
    other = groups_in(json.dumps([{"shared": ["lumora.com", "lumora.fr"]}]))
    await operator.import_families(connection, other, "another", ACT)
    again = groups_in(json.dumps([{"shared": ["lumora.com", "lumora.it"]}]))
    assert (await operator.import_families(connection, again, "apple", ACT)).replaced == 1
    lists = (await followed(connection)).lists
    related = {
        name: lists.stated_of(Site("lumora.com"), Site(name))
        for name in ("lumora.de", "lumora.fr", "lumora.it")
    }
    assert related == {"lumora.de": None, "lumora.fr": "another", "lumora.it": "apple"}


async def test_a_list_that_makes_a_brand_and_its_copy_a_family_needs_the_operators_own_word(
    connection: OwnConnection,
) -> None:
    await rank(connection, "lumora.com")
    poisoned = groups_in(json.dumps([{"shared": ["paypal.com", "chase.com", "lumora.com"]}]))
    assert (await operator.import_families(connection, poisoned, "poisoned", ACT)).taken == []
    with pytest.raises(BadRequest):
        await operator.import_families(connection, [], "operator", ACT)


async def test_reports_are_dismissed_and_counted(connection: OwnConnection) -> None:
    await connection.executemany(
        "INSERT INTO reports (site, kind, network) VALUES ($1, 'flag', $2)",
        [("lumora.com", b"one"), ("lumora.com", b"two"), ("other.com", b"one")],
    )
    assert await operator.dismiss_reports(connection, "lumora.com", ACT) == ("lumora.com", 2)
    assert await operator.dismiss_reports(connection, "lumora.com", ACT) == ("lumora.com", 0)
    assert await connection.fetchval("SELECT count(*) FROM reports WHERE dismissed_at IS NULL") == 1


async def test_an_imported_default_is_common_and_a_brands_icon_is_refused(connection: OwnConnection) -> None:
    default, brand = icon("crimson"), icon("seagreen", shape="kite")
    await wear(connection, default, ("stranger.net", None))
    await wear(connection, brand, ("lumora.com", 120))
    entries = Entries(
        vendors=(ListedVendor("Toy Panel", Site("toy-panel.com")), ListedVendor("Pay", Site("paypal.com"))),
        pictures=(
            ListedPicture("Toy Panel", hashlib.md5(default).digest()),
            ListedPicture("Toy Theme", hashlib.md5(brand).digest()),
            ListedPicture("PayPal", b"\7" * 16),
            ListedPicture("Never Seen", b"\1" * 16),
        ),
    )
    found = await operator.import_catalogue(connection, entries, "a list", ACT)
    assert (found.vendors, found.pictures) == (1, 2)
    assert {one.entry.partition(" (")[0] for one in found.refused} == {"Pay", "Toy Theme", "PayPal"}
    assert any("lumora.com" in one.why for one in found.refused)
    catalogue = (await followed(connection)).catalogue
    vendor = catalogue.default_like([Look.from_bytes(raw) for raw in looks_of_file(default)])
    assert vendor is not None
    assert vendor.product == "Toy Panel"
    assert catalogue.vendor_of(Site("toy-panel.com")) == vendor
    assert catalogue.default_like([Look.from_bytes(raw) for raw in looks_of_file(brand)]) is None
    assert catalogue.vendor_of(Site("paypal.com")) is None


async def test_a_picture_that_only_looks_like_a_brands_is_refused_too(connection: OwnConnection) -> None:
    await wear(connection, icon("seagreen", shape="kite", side=64), ("lumora.com", 120))
    copy = icon("seagreen", shape="kite", side=48)
    await wear(connection, copy, ("stranger.net", None))
    entries = Entries(pictures=(ListedPicture("Toy Theme", hashlib.md5(copy).digest()),))
    found = await operator.import_catalogue(connection, entries, "a list", ACT)
    assert found.pictures == 0
    assert "lumora.com" in found.refused[0].why


async def test_a_default_that_a_brand_turns_out_to_wear_counts_no_longer(connection: OwnConnection) -> None:
    brand = icon("seagreen", shape="kite")
    entries = Entries(pictures=(ListedPicture("Toy Theme", hashlib.md5(brand).digest()),))
    # Nobody can say whose it is before the crawl has seen it.
    assert (await operator.import_catalogue(connection, entries, "a list", ACT)).pictures == 1
    await wear(connection, brand, ("lumora.com", 120))
    looks = [Look.from_bytes(raw) for raw in looks_of_file(brand)]
    assert (await followed(connection)).catalogue.default_like(looks) is None


async def test_what_many_unrelated_sites_wear_for_long_is_proposed_and_not_taken(
    connection: OwnConnection,
) -> None:
    old, young = icon("crimson"), icon("seagreen", shape="kite")
    sha256 = await wear(
        connection,
        old,
        *(
            (f"club{number}-{word}.net", None)
            for number, word in enumerate(
                ["ada", "bob", "cleo", "dora", "emil", "fay", "gus", "hal", "ida", "jon"]
            )
        ),
        days=61,
    )
    await wear(connection, young, *((f"shop{number}.net", None) for number in range(12)), days=59)
    (row,) = (await common_answer(connection)).listings[0].rows
    assert (row["sha256"], row["sites"]) == (sha256.hex(), 10)
    assert (await common_answer(connection, min_sites=11)).listings[0].rows == []
    looks = [Look.from_bytes(raw) for raw in looks_of_file(old)]
    assert (await followed(connection)).catalogue.default_like(looks) is None
    await operator.add_common_picture(connection, "Toy Panel", sha256, ACT)
    vendor = (await followed(connection)).catalogue.default_like(looks)
    assert vendor is not None
    assert (await common_answer(connection)).listings[0].rows == []
    assert await operator.forget_product(connection, "Toy Panel", ACT) == 2
    with pytest.raises(BadRequest):
        await operator.add_common_picture(connection, "Toy Panel", b"\0" * 32, ACT)


async def test_one_owners_many_domains_are_no_proposal(connection: OwnConnection) -> None:
    await wear(
        connection,
        icon("crimson"),
        *(
            (f"lumora.{suffix}", None)
            for suffix in ["com", "net", "org", "de", "fr", "it", "es", "pl", "nl", "be", "at", "ch"]
        ),
    )
    assert (await common_answer(connection, min_sites=3)).listings[0].rows == []


async def test_given_verdicts_name_whom_a_locked_site_copies(connection: OwnConnection) -> None:
    def verdict(site: str, word: str) -> dict[str, Any]:
        return {
            "verdict": word,
            "site": site,
            "reasons": [{"code": "looks_like", "rule": "4-standard"}],
            "looks_like": [{"site": "lumora.com", "rank": 120}],
        }

    await connection.executemany(
        "INSERT INTO explained_verdicts (id, site, at, verdict)"
        " VALUES (gen_random_uuid(), $1, now() - make_interval(hours => $2), $3)",
        [
            ("lumora-login.top", 3, verdict("lumora-login.top", "lock")),
            ("lumora-login.top", 1, verdict("lumora-login.top", "lock")),
            ("lum0ra.net", 2, verdict("lum0ra.net", "lock")),
            ("odd.net", 1, verdict("odd.net", "grey")),
        ],
    )
    rows = (await verdicts_answer(connection)).listings[0].rows
    assert [(row["site"], row["copies"], row["rank"], row["times"]) for row in rows] == [
        ("lumora-login.top", "lumora.com", 120, 2),
        ("lum0ra.net", "lumora.com", 120, 1),
    ]
    first = (await verdicts_answer(connection, limit=1)).listings[0]
    assert first.after is not None
    second = (await verdicts_answer(connection, limit=1, after=first.after)).listings[0]
    assert [row["site"] for row in (*first.rows, *second.rows)] == ["lumora-login.top", "lum0ra.net"]
    (grey,) = (await verdicts_answer(connection, verdict="grey")).listings[0].rows
    assert grey["site"] == "odd.net"
    for bad in ({"verdict": "trusted"}, {"after": "nonsense"}):
        with pytest.raises(BadQuestion):
            await verdicts_answer(connection, **bad)  # type: ignore[arg-type]


async def test_notes_have_a_limit_and_somebody_acts(connection: OwnConnection) -> None:
    for act in (Act("ada", "x" * 2001), Act(" ")):
        with pytest.raises(BadRequest):
            await operator.list_site(connection, "lumora.com", "allow", act)
    await operator.list_site(connection, "lumora.com", "allow", Act("a\0da", "why\0"))
