"""What servers do to those who fetch: bad records, broken pages, errors, limits, and words that must stay
secret.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from samelook.exchanges.errors import MalformedPage, SourceBusy, SourceRefused, SourceUnreachable

TOKEN = "a-secret-token/with+signs"
HASHES = [f"{n:032x}" for n in range(1, 41)]


def pages_of(*pages: Any, seen: list[str] | None = None) -> Any:
    """Answers page n with what is given: records, or a response."""

    async def answer(request: web.Request) -> web.Response:
        number = int(request.query["page"])
        if seen is not None:
            seen.append(request.query["page"])
        page = pages[number]
        if callable(page):
            page = page()
        if isinstance(page, web.Response):
            return page
        following = number + 1 if number + 1 < len(pages) else None
        return web.json_response({"records": page, "next": following})

    return answer


def records(*values: str) -> list[dict[str, Any]]:
    return [{"type": "md5", "signal": value} for value in values]


async def made(store: Any, url: str, name: str = "WEB") -> None:
    await store.create(name, "web", {"url": url}, credentials={"token": TOKEN})


async def test_malformed_records_are_quarantined_and_the_rest_goes_on(
    store: Any, fetch: Any, source: Any, matching: Any
) -> None:
    bad = [{"type": "md5"}, {"signal": "of no type"}]
    first, second, third = HASHES[:19], HASHES[19:30], HASHES[30:]
    page = records(*second)
    page[3:3] = bad[:1]
    page.append(bad[1])
    seen: list[str] = []
    await made(store, await source(pages_of(records(*first), page, records(*third), seen=seen)))
    outcome = await fetch("WEB")
    assert outcome.succeeded, outcome.error
    assert outcome.up_to_date
    assert await matching("WEB") == {"md5": HASHES}
    held = await store.quarantine("WEB")
    assert sorted(one.raw for one in held) == sorted(json.dumps(one).encode() for one in bad)
    assert {one.error["kind"] for one in held} == {"malformed_record"}
    # Finding them asked the source for nothing.
    assert seen == ["0", "1", "1", "2"]


async def test_a_page_of_nothing_but_bad_records_is_passed(
    store: Any, fetch: Any, source: Any, matching: Any
) -> None:
    pages = pages_of([{"no": n} for n in range(5)], records(HASHES[0]))
    await made(store, await source(pages))
    outcome = await fetch("WEB")
    assert outcome.succeeded
    assert outcome.quarantined == 5
    assert await matching("WEB") == {"md5": HASHES[:1]}


@pytest.mark.parametrize("body", ["<html>sorry</html>", '{"records": [', '{"next": 1}', "[]", ""])
async def test_a_page_that_is_no_page_is_kept_as_it_came(
    store: Any, fetch: Any, source: Any, matching: Any, body: str
) -> None:
    broken = [web.Response(text=body, content_type="application/json") for _ in range(4)]
    later: list[Any] = []
    answers = pages_of(records(HASHES[0]), lambda: broken.pop() if broken else later[0], records(HASHES[2]))
    await made(store, await source(answers))
    outcome = await fetch("WEB")
    assert isinstance(outcome.error, MalformedPage)
    assert await matching("WEB") == {"md5": HASHES[:1]}
    (held,) = await store.quarantine("WEB")
    assert (held.error["kind"], held.raw) == ("malformed_page", body.encode())
    broken.clear()
    later.append(records(HASHES[1]))
    assert (await fetch("WEB")).succeeded
    assert await matching("WEB") == {"md5": HASHES[:3]}
    assert await store.quarantine("WEB") == []


async def test_a_source_that_says_when_is_asked_then(store: Any, fetch: Any, source: Any, pool: Any) -> None:
    busy = web.Response(status=429, headers={"Retry-After": "7200"})
    await made(store, await source(pages_of(busy)))
    outcome = await fetch("WEB")
    assert isinstance(outcome.error, SourceBusy)
    wait = await pool.fetchval("SELECT extract(epoch FROM next_fetch_at - now()) FROM exchanges")
    assert 7100 < wait < 7300
    assert await store.quarantine("WEB") == []


async def test_failures_are_waited_out_longer_and_longer(
    store: Any, fetch: Any, source: Any, pool: Any
) -> None:
    url = await source(pages_of(lambda: web.Response(status=500)))
    await made(store, url)
    waits = []
    for _ in range(3):
        outcome = await fetch("WEB", backoff_s=100.0)
        assert isinstance(outcome.error, SourceUnreachable)
        waits.append(
            float(await pool.fetchval("SELECT extract(epoch FROM next_fetch_at - now()) FROM exchanges"))
        )
    # With jitter: each between half of what is due and all of it.
    assert [50 * 2**n - 5 <= wait <= 100 * 2**n for n, wait in enumerate(waits)] == [True] * 3
    assert await store.quarantine("WEB") == []


async def test_a_wait_has_an_upper_limit(store: Any, fetch: Any, source: Any, pool: Any) -> None:
    await made(
        store, await source(pages_of(web.Response(status=429, headers={"Retry-After": "99999999999"})))
    )
    await fetch("WEB")
    assert await pool.fetchval("SELECT next_fetch_at < now() + interval '2 days' FROM exchanges")


async def test_nobody_at_the_address(store: Any, fetch: Any) -> None:
    await made(store, "http://127.0.0.1:1/")
    outcome = await fetch("WEB")
    assert isinstance(outcome.error, SourceUnreachable)


async def test_credentials_appear_nowhere(
    store: Any, fetch: Any, source: Any, pool: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    def echoing() -> web.Response:
        return web.Response(text=f"who is {TOKEN}?", status=200)

    # The library's error names the URL, with the token in it; the page repeats it.
    url = await source(pages_of(web.Response(status=403)))
    await made(store, url)
    outcome = await fetch("WEB")
    assert isinstance(outcome.error, SourceRefused)
    assert "403" in outcome.error.message
    await made(store, await source(pages_of(echoing)), "ECHO")
    await fetch("ECHO")
    (held,) = await store.quarantine("ECHO")
    assert b"who is ***?" in held.raw
    texts = [str(row) for row in await pool.fetch("SELECT error, config FROM exchanges")]
    texts += [str(row) for row in await pool.fetch("SELECT error, raw FROM exchange_quarantine")]
    texts += [repr(await store.exchange("WEB")), str(outcome), *capfd.readouterr()]
    for text in texts:
        assert TOKEN not in text
        assert "a-secret-token" not in text


async def test_without_credentials_the_error_says_what_to_set(
    store: Any, fetch: Any, source: Any, monkeypatch: pytest.MonkeyPatch, matching: Any
) -> None:
    url = await source(pages_of(records(HASHES[0])))
    await store.create("WEB", "web", {"url": url})
    outcome = await fetch("WEB")
    assert isinstance(outcome.error, SourceRefused)
    assert "EXCHANGE_PLUGIN_TOKEN" in outcome.error.message
    monkeypatch.setenv("EXCHANGE_PLUGIN_TOKEN", "from-the-environment")
    assert (await fetch("WEB")).succeeded
    assert await matching("WEB") == {"md5": HASHES[:1]}
