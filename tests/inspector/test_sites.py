"""What the inspector says about sites and looks, beside what the sample web is by construction."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import asyncpg
import pytest
from PIL import Image

from samelook.demo.sample_web.server import answers_of
from samelook.demo.sample_web.sites import SITES
from samelook.extension_api.extension import answering_once
from samelook.extension_api.models import SiteQuestion
from samelook.hashing.signals import hash_bytes
from samelook.inspector.errors import BadQuestion, NoSuchLook, NoSuchSite
from samelook.inspector.listing import Answer, Row
from samelook.inspector.looks import look_answer, look_of_hash, look_of_signals
from samelook.inspector.settings import InspectorSettings
from samelook.inspector.sites import site_answer
from samelook.looks.files import looks_of_file
from samelook.looks.look import Look
from samelook.looks.rules import RULES
from samelook.sql.pool import OwnConnection, Pool
from samelook.sql.settings import DatabaseSettings
from tests.fixtures.crawled import SITE_BY_HOST

SETTINGS = InspectorSettings()


def rows(answer: Answer, name: str) -> list[Row]:
    (listing,) = [listing for listing in answer.listings if listing.name == name]
    return listing.rows


@pytest.mark.parametrize(("signal", "within"), [("pdq", 31), ("phash", 8), ("blockhash16", 20)])
async def test_look_alikes_and_distances_are_those_of_the_pictures(
    reader: OwnConnection, sample_looks: Any, signal: str, within: int
) -> None:
    for host in sample_looks.files:
        answer = await site_answer(reader, SETTINGS, host, signal=signal, distance=within)
        found = {row["site"]: row["distance"] for row in rows(answer, "look_alikes") if not row["same"]}
        same = {row["site"] for row in rows(answer, "look_alikes") if row["same"]}
        expected = {
            other: sample_looks.distance(host, other, signal)
            for other in sample_looks.files
            if other not in {host, *same} and sample_looks.distance(host, other, signal) <= within
        }
        assert (host, found) == (host, expected)


async def test_look_alikes_are_those_of_the_rules_too(reader: OwnConnection) -> None:
    for site in SITES:
        if site.kind != "impersonator" or site.page_error is not None:
            continue
        answer = await site_answer(reader, SETTINGS, site.host, distance=0)
        same = {row["site"]: row for row in rows(answer, "look_alikes") if row["same"]}
        assert site.owner in same, site.host
        row = same[site.owner]
        assert row["same"] in RULES
        assert row["form_pdq"] <= RULES[row["same"]].radius_bits


async def test_the_verdict_is_the_services(crawled_url: str, reader: OwnConnection) -> None:
    answers = {site.host: await site_answer(reader, SETTINGS, site.host) for site in SITES}
    async with answering_once(DatabaseSettings(url=crawled_url)) as service:
        for host, answer in answers.items():
            expected = await service.answer(SiteQuestion(url=host))
            assert (host, answer.facts["verdict"]) == (host, expected["verdict"])
            assert answer.facts["action"] == expected["action"]
            assert rows(answer, "reasons") == expected["reasons"]
            assert [
                (row["site"], row["form"], row["pdq"], row["under"]) for row in rows(answer, "looks_like")
            ][:1] == [(one["site"], one["form"], one["pdq"], one["under"]) for one in expected["looks_like"]][
                :1
            ]
    assert Counter(answer.facts["verdict"] for answer in answers.values())["lock"] >= 10


async def test_a_large_database_gives_its_verdict_when_asked(
    crawled_pool: Pool, reader: OwnConnection
) -> None:
    few = InspectorSettings(verdict_looks=10)
    answer = await site_answer(reader, few, "lumora-secure.example")
    assert "verdict" not in answer.facts
    (listing,) = [listing for listing in answer.listings if listing.name == "reasons"]
    assert "--verdict" in listing.notes[0]
    answer = await site_answer(reader, few, "lumora-secure.example", verdict=True)
    assert answer.facts["verdict"] == "lock"
    # What nobody has taken up yet is told.
    await crawled_pool.execute("INSERT INTO site_changes (domain_id) SELECT min(id) FROM domains")
    answer = await site_answer(reader, SETTINGS, "lumora-secure.example")
    assert any("not in the facts yet" in note for one in answer.listings for note in one.notes)


async def test_every_sample_site_is_described(reader: OwnConnection, sample_looks: Any) -> None:
    for site in SITES:
        answer = await site_answer(reader, SETTINGS, site.host)
        assert answer.facts["rank"] == site.rank
        assert {row["sha256"] for row in rows(answer, "icons")} - {None} == sample_looks.files.get(
            site.host, set()
        )
        page_errors = [row["kind"] for row in rows(answer, "errors") if row["phase"] == "icons"]
        assert page_errors == ([site.page_error] if site.page_error else [])
        for row in rows(answer, "signals"):
            if row["signal"] != "sha256":
                assert str(row["value"]) == sample_looks.signals[row["sha256"]][row["signal"]]


async def test_an_impersonator_shows_the_brand_that_it_wears(reader: OwnConnection) -> None:
    answer = await site_answer(reader, SETTINGS, "https://kestre1shop.example/login?x=1")
    assert answer.facts["site"] == "kestre1shop.example"
    best = answer.facts["best_ranked_look_alike"]
    assert best["site"] == SITE_BY_HOST["kestre1shop.example"].owner == "kestrelshop.example"
    assert best["rank"] == 131
    assert {row["sha256"] for row in rows(answer, "icons")} - {None} <= set(answer.bodies)


async def test_a_host_of_a_known_site_leads_to_the_site(reader: OwnConnection) -> None:
    answer = await site_answer(reader, SETTINGS, "shop.LUMORA.example.")
    assert answer.facts["site"] == "lumora.example"


async def test_unknown_and_impossible_names_are_told_apart(reader: OwnConnection) -> None:
    with pytest.raises(NoSuchSite, match=r"nowhere\.example"):
        await site_answer(reader, SETTINGS, "nowhere.example")
    for name in ("", "127.0.0.1", "two words.example", "localhost"):
        with pytest.raises(BadQuestion):
            await site_answer(reader, SETTINGS, name)


async def test_sightings_reports_and_history_are_shown(crawled_pool: Pool, reader: OwnConnection) -> None:
    await crawled_pool.execute(
        "INSERT INTO sightings (site, sha256, times) VALUES ('lumora.example', sha256('x'), 7)"
    )
    await crawled_pool.execute(
        "INSERT INTO reports (site, kind, network) VALUES ('lumora.example', 'false_lock', 'n')"
    )
    await crawled_pool.execute(
        "INSERT INTO favicon_history SELECT m.icon_url_id, f.sha256, now() - interval '1 day', now()"
        " FROM favicon_metadata AS m JOIN icon_urls AS u ON u.id = m.icon_url_id"
        " CROSS JOIN (SELECT min(sha256) AS sha256 FROM favicons) AS f"
        " WHERE u.icon_url = 'https://lumora.example/favicon.ico'"
    )
    answer = await site_answer(reader, SETTINGS, "lumora.example")
    assert [row["times"] for row in rows(answer, "sightings")] == [7]
    assert [row["kind"] for row in rows(answer, "reports")] == ["false_lock"]
    assert len(rows(answer, "history")) == 1


async def test_a_large_database_is_searched_for_equal_looks_unless_asked_for_more(
    reader: OwnConnection, sample_looks: Any
) -> None:
    small = InspectorSettings(near_pictures=10, near_looks=10)
    equal = await site_answer(reader, small, "lumora.example")
    assert [row["site"] for row in rows(equal, "look_alikes")] == ["lumora-mail.example"]
    assert "--near" in next(listing.notes[0] for listing in equal.listings if listing.name == "look_alikes")
    near = await site_answer(
        reader, InspectorSettings(near_pictures=10, near_looks=10, page=7), "lumora.example", near=True
    )
    usual = await site_answer(reader, SETTINGS, "lumora.example")
    assert rows(near, "look_alikes") == rows(usual, "look_alikes")


async def test_a_look_is_found_by_each_of_its_names(reader: OwnConnection, sample_looks: Any) -> None:
    sha256 = min(sample_looks.files["norrbank.example"])
    signals = sample_looks.signals[sha256]
    wearers = sorted(
        host
        for host, files in sample_looks.files.items()
        if min(sample_looks.between(sha256, other, "pdq") for other in files) <= 31
    )
    for text in (sha256, signals["md5"].upper(), signals["favicon_mmh3"], signals["pdq"]):
        looks = await look_of_hash(reader, text, "pdq")
        answer = await look_answer(reader, SETTINGS, looks)
        # A bare hash has no look; what is the same by its look may differ in more bits than were asked for.
        assert sorted(row["site"] for row in rows(answer, "wearers") if row["distance"] <= 31) == wearers
        assert all(row["same"] for row in rows(answer, "wearers") if row["distance"] > 31)
    answer = await look_answer(reader, SETTINGS, [look_of_signals(signals)])
    assert sorted(row["site"] for row in rows(answer, "wearers")) == wearers
    distances = [row["distance"] for row in rows(answer, "wearers")]
    assert distances == sorted(distances)


async def test_a_picture_that_nobody_has_is_found_by_its_look(reader: OwnConnection) -> None:
    body = answers_of(SITES)["lumora.example", "/icons/lumora-192.png"].data
    small = Image.open(io.BytesIO(body)).convert("RGBA").resize((80, 80), Image.Resampling.BILINEAR)
    changed = io.BytesIO()
    small.save(changed, "PNG")
    picture = hash_bytes(changed.getvalue())
    looks = [Look.from_bytes(look) for look in looks_of_file(changed.getvalue())]
    answer = await look_answer(reader, SETTINGS, [look_of_signals(picture.signals, looks)], distance=0)
    wearers = {row["site"]: row for row in rows(answer, "wearers")}
    assert wearers["lumora.example"]["same"] == "strict"
    assert not wearers["lumora.example"]["same_file"]
    assert "norrbank.example" not in wearers


async def test_a_picture_without_contrast_has_no_look(reader: OwnConnection) -> None:
    flat = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(flat, "PNG")
    looks = [look for raw in looks_of_file(flat.getvalue()) if (look := Look.from_bytes(raw)).forms]
    answer = await look_answer(
        reader, SETTINGS, [look_of_signals(hash_bytes(flat.getvalue()).signals, looks)], distance=0
    )
    assert "no contrast" in answer.listings[0].notes[0]


async def test_hashes_that_lead_nowhere_are_refused(reader: OwnConnection) -> None:
    with pytest.raises(NoSuchLook, match="64 hex digits"):
        await look_of_hash(reader, "abc", "pdq")
    with pytest.raises(NoSuchLook):
        await look_of_hash(reader, "0" * 32, "pdq")  # an MD5 that nobody has
    with pytest.raises(BadQuestion, match="cannot be compared"):
        await look_of_hash(reader, "0" * 64, "crc32")
    for distance in (-1, 257):
        with pytest.raises(BadQuestion, match="makes no sense"):
            await look_answer(
                reader, SETTINGS, await look_of_hash(reader, "0" * 64, "pdq"), distance=distance
            )


async def test_nothing_can_be_written(reader: OwnConnection) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await reader.execute("DELETE FROM domains")
