"""What people do on the pages beyond verdicts: objecting, matching, keeping banks and exchanges."""

from __future__ import annotations

import re
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar, FormData

from samelook.extension_api.objections import Objection, objection
from samelook.sql.pool import open_pool
from tests.api.pages.conftest import HTML, Person, Service

SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


async def number_of(person: Person, owner: str = "lumora.example") -> str:
    async with person.session.get(f"/ui/verdicts.json?verdict=lock&owner={owner}") as answer:
        return str((await answer.json())[0]["id"])


@pytest.mark.parametrize(
    ("language", "sentence"), [("en", "shows the icon of"), ("de", "zeigt das Symbol von")]
)
async def test_a_verdict_is_explained_in_a_sentence(person: Person, language: str, sentence: str) -> None:
    path = f"/x/v1/why/{await number_of(person)}"
    status, text = await person.get(path, **{"Accept-Language": f"{language}-AT,fr;q=0.5"})
    assert (status, sentence in text) == (200, True)
    assert f'<html lang="{language}">' in text
    assert text.count("/x/v1/icons/") == 2
    async with person.session.get(path) as answer:
        assert (await answer.json())["verdict"] == "lock"


async def test_an_objection_is_kept_and_reaches_the_operator(service: Service, person: Person) -> None:
    number = await number_of(person, "tidepool.example")
    await person.get(f"/x/v1/why/{number}")
    refused, text = await person.post(f"/x/v1/why/{number}/objection", contact=" ", message="It is mine.")
    assert (refused, "how we can reach you" in text) == (400, True)
    refused, _ = await person.post(f"/x/v1/why/{number}/objection", token="0" * 64, contact="a@b.example")
    assert refused == 403
    status, where = await person.post(
        f"/x/v1/why/{number}/objection", contact="owner@site.example", message=SCRIPT
    )
    assert (status, where.startswith("/x/v1/objections/")) == (303, True)
    status, text = await person.get(where)
    assert (status, "/.well-known/samelook-objection.txt" in text) == (200, True)
    site = re.findall(r"https://([a-z0-9.-]+)/\.well-known", text)[0]
    _, shown = await person.get(f"/ui/site/{site}")
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert" not in shown
    assert "owner@site.example" not in shown
    await person.sign_in("curator")
    assert "owner@site.example" in (await person.get(f"/ui/site/{site}"))[1]


async def test_only_the_sites_own_file_proves_its_owner(service: Service, person: Person) -> None:
    number = await number_of(person, "norrbank.example")
    await person.get(f"/x/v1/why/{number}")
    _, where = await person.post(f"/x/v1/why/{number}/objection", contact="a@b.example")
    made = re.findall(r"objections/([0-9a-f-]{36})", where)[0]
    async with open_pool(service.database) as pool, pool.acquire() as connection:
        from uuid import UUID

        kept: Objection = await objection(connection, UUID(made))
    body = f"hello\n{made}\n".encode()
    assert kept.is_proven_by(kept.proof_url, 200, body)
    assert kept.is_proven_by(f"https://www.{kept.site}/x", 200, body)
    assert not kept.is_proven_by("https://elsewhere.example/", 200, body)
    assert not kept.is_proven_by(kept.proof_url, 404, body)
    assert not kept.is_proven_by(kept.proof_url, 200, b"<p>" + made.encode() + b"</p>")
    status, text = await person.post(f"/x/v1/objections/{made}/proof")
    assert (status, "not there yet" in text) == (200, True)


async def sent(person: Person, path: str, **fields: Any) -> tuple[int, str]:
    form = FormData(default_to_multipart=True)
    for name, value in fields.items():
        if isinstance(value, bytes):
            form.add_field(name, value, filename=f"{SCRIPT}.png", content_type="image/png")
        else:
            form.add_field(name, value)
    headers = {"Origin": str(person.session._base_url), **HTML}
    async with person.session.post(
        f"{path}?token={person.token}", data=form, headers=headers, allow_redirects=False
    ) as answer:
        return answer.status, answer.headers.get("Location", "") + await answer.text()


async def test_a_picture_finds_its_sites_and_the_banks_that_hold_it(person: Person, picture: Any) -> None:
    await person.get("/ui/match")
    async with person.session.get("/ui/verdicts.json?owner=lumora.example") as answer:
        digest = (await answer.json())[0]["looks_like"][0]["sha256"]["owner"]
    async with person.session.get(f"/x/v1/icons/{digest}") as answer:
        body = await answer.read()
    status, text = await sent(person, "/ui/match", photo=body)
    assert (status, "lumora.example" in text, "CRAWLED_LOOKS" in text) == (200, True, True)
    assert "<script>alert" not in text
    status, text = await sent(person, "/ui/match", photo=body, other=picture(seed=3))
    assert (status, "Two pictures" in text, "No rule calls" in text) == (200, True, True)
    status, text = await person.get(f"/ui/match?hash={digest}")
    assert (status, "lumora.example" in text) == (200, True)
    for bad in ("zz", SCRIPT):
        async with person.session.get("/ui/match", params={"hash": bad}, headers=HTML) as answer:
            assert answer.status == 400
            assert "<script>alert" not in await answer.text()
    status, text = await sent(person, "/ui/match", photo=b"no picture")
    assert status == 400


async def test_a_bank_is_made_filled_and_emptied(service: Service, curator: Person, picture: Any) -> None:
    status, where = await curator.post(
        "/ui/banks",
        name="PAGES",
        enabled_ratio="1",
        active="true",
        tags="a, b",
        radii="pdq 40",
        description=SCRIPT,
    )
    assert (status, where) == (303, "/ui/banks/PAGES")
    await curator.get(where)
    status, where = await sent(
        curator,
        "/ui/banks/PAGES/contents",
        photo=picture(seed=9),
        note=SCRIPT,
        metadata='{"case": 17}',
        tags="kit",
    )
    assert status == 303
    number = where.rpartition("=")[2]
    _, text = await curator.get(where)
    assert "<script>alert" not in text
    assert "case" in text
    assert "&lt;script&gt;alert(1)" in text
    for act, told in (
        ("disable", "matches no longer"),
        ("enable", "matches again"),
        ("describe", "is described"),
        ("remove", "is removed"),
        ("restore", "is back"),
    ):
        status, where = await curator.post(f"/ui/banks/PAGES/content/{number}", act=act, note="known")
        assert status == 303
        assert told in (await curator.get(where))[1]
    status, _ = await sent(curator, "/ui/banks/PAGES/contents", hash="0f" * 32, signal_type="pdq")
    assert status == 303
    assert (await sent(curator, "/ui/banks/PAGES/contents", hash="0f", signal_type="pdq"))[0] == 400
    assert (await curator.post("/ui/banks/PAGES", name="PAGES", enabled_ratio="0.5", radii="pdq"))[0] == 400
    assert (await curator.post("/ui/banks/PAGES", name="PAGES", enabled_ratio="0.5"))[0] == 303
    assert (await curator.post("/ui/signal-types/pdq", on="no"))[0] == 403
    assert (await curator.post("/ui/banks/PAGES/remove", confirmed="OTHER"))[0] == 400
    assert (await curator.post("/ui/banks/PAGES/remove", confirmed="PAGES"))[0] == 303
    async with open_pool(service.database) as pool:
        whose = await pool.fetch("SELECT DISTINCT who FROM audit WHERE subject LIKE 'PAGES%'")
    assert [row["who"] for row in whose] == ["user curator"]


async def test_an_exchange_is_made_from_its_schema(service: Service, curator: Person) -> None:
    _, text = await curator.get("/ui/exchanges?api=local_file")
    assert 'action="/ui/exchanges"' not in text
    assert (await curator.post("/ui/exchanges", name="FILES", api="local_file"))[0] == 403
    async with ClientSession(service.url, cookie_jar=CookieJar(unsafe=True)) as session:
        admin = Person(session)
        await admin.sign_in("admin")
        _, text = await admin.get("/ui/exchanges?api=local_file")
        fields = dict.fromkeys(re.findall(r'name="(config\.\w+)"', text), "x")
        assert fields
        status, text = await admin.post("/ui/exchanges", name="FILES", api="local_file", **fields)
        # Which folder files may be read from is the operator's setting; without it none are.
        assert status in (303, 400), text
        if status == 303:
            assert (await admin.get("/ui/exchanges/FILES"))[0] == 200
            assert (await admin.post("/ui/exchanges/FILES/fetch"))[0] == 303
            assert (await admin.post("/ui/exchanges/FILES/remove", confirmed="FILES"))[0] == 303
        assert (await admin.get("/ui/exchanges/NOBODYS"))[0] == 404


async def test_what_strangers_sent_is_text_on_the_page_of_a_held_exchange(service: Service) -> None:
    error = {"kind": SCRIPT, "message": SCRIPT, "detail": {}}
    async with open_pool(service.database) as pool:
        bank = await pool.fetchval(
            "INSERT INTO banks (name, owner, description, tags, negative) VALUES "
            "('HELD', 'exchange', $1, ARRAY[$1], true) RETURNING id",
            SCRIPT,
        )
        content = await pool.fetchval(
            "INSERT INTO bank_content (bank_id, note, tags, original_media_uri, metadata) VALUES "
            "($1, $2, ARRAY[$2], $2, jsonb_build_object('json', $2::text)) RETURNING id",
            bank,
            SCRIPT,
        )
        exchange = await pool.fetchval(
            "INSERT INTO exchanges (name, bank_id, api, config, error, failures, held_after) VALUES "
            "('HELD', $1, 'local_file', jsonb_build_object('file', $2::text), $3, 1, 0) RETURNING id",
            bank,
            SCRIPT,
            error,
        )
        await pool.execute(
            "INSERT INTO exchange_quarantine (exchange_id, digest, error, raw) VALUES ($1, 'x', $2, $3)",
            exchange,
            error,
            SCRIPT.encode(),
        )
        await pool.execute(
            "INSERT INTO exchange_opinions (exchange_id, kind, signal_type, value) "
            "VALUES ($1, 'seen', $2, $2)",
            exchange,
            SCRIPT,
        )
    async with ClientSession(service.url, cookie_jar=CookieJar(unsafe=True)) as session:
        admin = Person(session)
        await admin.sign_in("admin")
        for path in ("/ui/exchanges/HELD", f"/ui/banks/HELD?find={content}", "/ui/banks", "/ui/exchanges"):
            status, text = await admin.get(path)
            assert (status, "<script>alert" in text, 'onerror=alert(1)">' in text) == (200, False, False), (
                path
            )
            assert "&lt;script&gt;alert(1)" in text or path == "/ui/exchanges", path
        assert (await admin.post("/ui/exchanges/HELD/release"))[0] == 303
        assert "match from now on" in (await admin.get("/ui/exchanges/HELD"))[1]
        assert (await admin.post("/ui/exchanges/HELD/remove", confirmed="HELD"))[0] == 303
