"""Who may see and change what: sessions, forms' tokens, roles, and guessing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar

from samelook.api.description import operation_of
from samelook.api.sessions import MOST_OF_BOTH, Sessions
from samelook.api.state import KEYS
from samelook.api.users import UserStore
from samelook.api.visitors import next_of
from samelook.sql.pool import open_pool
from tests.api.conftest import Serve
from tests.api.pages.conftest import ADMIN_KEY, HTML, PASSWORDS, Person, Service

RANKS = ("", "viewer", "curator", "admin")
NO_BRACES = str.maketrans("", "", "{}")
DECISION = {"site": "tinlantern-outlet.example", "decision": "allow"}


async def test_whoever_has_not_signed_in_reads_on_loopback_and_changes_nothing(person: Person) -> None:
    status, text = await person.get("/ui/verdicts")
    assert status == 200
    assert 'action="/ui/decide"' not in text
    await person.get("/ui/sign-in")
    status, text = await person.post("/ui/decide", **DECISION)
    assert status == 401
    assert "Sign in" in text


async def test_a_viewer_decides_nothing(person: Person) -> None:
    await person.sign_in("viewer")
    status, text = await person.post("/ui/decide", **DECISION)
    assert status == 403
    assert "role curator" in text


@pytest.mark.parametrize("token", ["", "0" * 64])
async def test_a_form_of_another_page_is_refused(curator: Person, token: str) -> None:
    status, text = await curator.post("/ui/decide", token=token, **DECISION)
    assert status == 403
    assert "load the page again" in text


async def test_a_form_of_somebody_else_is_refused(service: Service, curator: Person) -> None:
    async with ClientSession(service.url, cookie_jar=CookieJar(unsafe=True)) as session:
        other = Person(session)
        await other.sign_in("admin")
        assert (await curator.post("/ui/decide", token=other.token, **DECISION))[0] == 403


async def test_another_sites_page_cannot_send_a_form(service: Service, curator: Person) -> None:
    sent = {"token": curator.token, **DECISION}
    headers = {"Origin": "https://elsewhere.example", **HTML}
    async with curator.session.post("/ui/decide", data=sent, headers=headers) as answer:
        assert answer.status == 403


async def test_a_decision_is_carried_out_told_and_undone(curator: Person) -> None:
    status, where = await curator.post("/ui/decide", next="/ui/verdicts?days=7", **DECISION)
    assert (status, where) == (303, "/ui/verdicts?days=7")
    _, text = await curator.get("/ui/verdicts")
    assert "tinlantern-outlet.example is allowed now." in text
    number = re.search(r'action="/ui/undo/(\d+)"', text)
    assert number is not None
    assert "user curator" in text
    assert "is allowed now" not in (await curator.get("/ui/verdicts"))[1]
    assert (await curator.post(f"/ui/undo/{number[1]}", next="/ui/verdicts"))[0] == 303
    assert "Taken back" in (await curator.get("/ui/verdicts"))[1]
    again, text = await curator.post(f"/ui/undo/{number[1]}")
    assert again == 400
    assert "decide anew" in text


async def test_signing_out_ends_the_session(curator: Person) -> None:
    cookies = {cookie.key: cookie.value for cookie in curator.session.cookie_jar}
    assert (await curator.post("/ui/sign-out"))[0] == 303
    curator.session.cookie_jar.update_cookies({"samelook_session": cookies["samelook_session"]})
    assert (await curator.post("/ui/decide", **DECISION))[0] in (401, 403)


async def test_an_api_key_signs_in_until_it_is_revoked(serve: Serve) -> None:
    api = await serve(roles=frozenset({"curator", "ui"}), require_keys=True)
    assert api.app is not None
    key, secret = await api.app[KEYS].create("desk", "curator")
    assert (await api("GET", "/ui/verdicts", headers=HTML)).status == 401
    form = await api("GET", "/ui/sign-in", headers=HTML)
    token = re.findall(r'name="token" value="([0-9a-f]+)"', form.text)[0]
    entered = await api("POST", "/ui/sign-in", data={"key": secret, "token": token}, allow_redirects=False)
    assert entered.status == 303
    assert "HttpOnly" in entered.headers["Set-Cookie"]
    assert "desk" in (await api("GET", "/ui/verdicts", headers=HTML)).text
    await api.app[KEYS].revoke(key.id)
    assert (await api("GET", "/ui/verdicts", headers=HTML)).status == 401
    _, extension = await api.app[KEYS].create("ext", "extension")
    form = await api("GET", "/ui/sign-in", headers=HTML)
    token = re.findall(r'name="token" value="([0-9a-f]+)"', form.text)[0]
    refused = await api("POST", "/ui/sign-in", data={"key": extension, "token": token}, headers=HTML)
    assert (refused.status, "browser extensions" in refused.text) == (403, True)


async def test_a_program_shows_a_key_and_needs_no_form(service: Service) -> None:
    async with ClientSession(service.url) as session:
        headers = {"X-API-Key": ADMIN_KEY}
        async with session.post(
            "/ui/decide", data={**DECISION, "decision": "block"}, headers=headers
        ) as answer:
            assert answer.status == 200
            undo = (await answer.json())["undo"]
        async with session.post(f"/ui/undo/{undo}", headers=headers) as answer:
            assert answer.status == 200
        async with session.post("/ui/decide", data=DECISION, headers={"X-API-Key": "guess"}) as answer:
            assert answer.status == 401


async def test_whoever_guesses_waits_although_they_find_the_password(database_url: str) -> None:
    from samelook.api.errors import ApiError
    from samelook.api.keys import KeyStore
    from samelook.sql.settings import DatabaseSettings

    async with open_pool(DatabaseSettings(url=database_url)) as pool:
        await UserStore(pool).add("anna", "admin", PASSWORDS["admin"])
        sessions = Sessions(pool, KeyStore(pool, None))
        for _ in range(MOST_OF_BOTH):
            with pytest.raises(ApiError, match="do not belong together"):
                await sessions.of_user("anna", "a wrong password", "192.0.2.0/24")
        with pytest.raises(ApiError, match="wait a quarter") as caught:
            await sessions.of_user("anna", PASSWORDS["admin"], "192.0.2.0/24")
        assert caught.value.status == 429
        token = await sessions.of_user("anna", PASSWORDS["admin"], "198.51.100.0/24")
        found = await sessions.who(token)
        assert found is not None
        assert (found.name, found.role, found.who) == ("anna", "admin", "user anna")
        assert await UserStore(pool).change_password("anna", "another password")
        assert await sessions.who(token) is None
        token = await sessions.of_user("anna", "another password", "198.51.100.0/24")
        await pool.execute("UPDATE sessions SET seen_at = now() - interval '13 hours'")
        assert await sessions.who(token) is None
        assert await UserStore(pool).remove("anna")
        assert await UserStore(pool).list() == []


@pytest.mark.parametrize(
    ("text", "led"),
    [
        ("/ui/verdicts?days=7", "/ui/verdicts?days=7"),
        ("//elsewhere.example/ui/", "/ui/"),
        ("https://elsewhere.example/ui/", "/ui/"),
        ("/ui/\\elsewhere", "/ui/"),
        ("/ui/\r\nSet-Cookie: a=b", "/ui/"),
        ("javascript:alert(1)", "/ui/"),
        ("", "/ui/"),
    ],
)
def test_signing_in_leads_to_pages_only(text: str, led: str) -> None:
    assert next_of(text) == led


async def test_every_change_of_the_pages_needs_a_token_and_its_role(service: Service, serve: Serve) -> None:
    app = (await serve(admin_key=ADMIN_KEY)).app
    assert app is not None
    found = [(route, operation_of(route.handler)) for route in app.router.routes() if route.method == "POST"]
    changes = {
        re.sub(r"\{\w*id[^{}]*\}", "999", str(route.resource.canonical)).translate(NO_BRACES): operation.role
        for route, operation in found
        if route.resource is not None and operation is not None and operation.page
    }
    assert {"/ui/exchanges/name/release", "/ui/banks/bank_name", "/ui/signal-types/name"} <= set(changes)
    for name in ("", "viewer", "curator", "admin"):
        async with ClientSession(service.url, cookie_jar=CookieJar(unsafe=True)) as session:
            person = Person(session)
            await (person.sign_in(name) if name else person.get("/ui/sign-in"))
            for path, role in changes.items():
                assert (await person.post(path, token="0" * 64))[0] == 403, path
                if role is None or role == "viewer" or RANKS.index(name) >= RANKS.index(role):
                    continue
                status, text = await person.post(path)
                assert status == (403 if name else 401), (path, name)
                assert ("Sign in" if not name else f"role {role}") in text, (path, name)


async def test_errors_are_pages_for_people_and_json_for_programs(service: Service, person: Person) -> None:
    status, text = await person.get("/ui/nothing-here")
    assert (status, text.startswith("<!doctype html>")) == (404, True)
    async with person.session.get("/ui/nothing-here") as answer:
        assert answer.content_type == "application/json"
    status, text = await person.get("/ui/verdicts?days=<script>alert(1)</script>")
    assert status == 400
    assert "<script>alert" not in text


async def test_the_service_has_an_icon_of_its_own(person: Person) -> None:
    async with person.session.get("/favicon.ico") as answer:
        body: Any = await answer.read()
        assert (answer.status, answer.content_type, body[:4]) == (200, "image/x-icon", b"\x00\x00\x01\x00")
    for path in ("/assets/../render.py", "/assets/%2e%2e%2frender.py", "/assets/nothing.js"):
        async with person.session.get(path) as answer:
            assert answer.status == 404
