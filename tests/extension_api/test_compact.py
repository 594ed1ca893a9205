"""The compact list over HTTP: what it says of the crawled sample web, and of changes."""

from __future__ import annotations

import asyncio
import io
import json
import struct
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from PIL import Image, ImageDraw

from samelook.demo.sample_web.sites import SITES
from samelook.extension_api import compact_lists
from samelook.extension_api.compact import CODE_BYTES, MOST_CODES, SAME_BITS, chosen
from samelook.sql.pool import open_connection
from tests.extension_api.test_operator import wear
from tests.facts.test_catalogue import icon


def opened(body: bytes) -> dict[str, Any]:
    """The header and the sites' names, tiers and numbers of codes of a file whose signature holds."""
    assert body[:4] == b"slk1"
    (length,) = struct.unpack_from("<I", body, 4)
    header: dict[str, Any] = json.loads(body[8 : 8 + length])
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(header["key"])).verify(body[-64:], body[:-64])
    at, sections = 8 + length, {}
    for name, size in header["sections"].items():
        sections[name] = body[at : at + size]
        at += size
    assert at == len(body) - 64
    names = sections["names"].decode().split("\n") if sections["names"] else []
    removed = sections["removed"].decode().split("\n") if sections["removed"] else []
    tiers = dict(zip(names, sections["flags"], strict=True))
    return {**header, **sections, "tiers": tiers, "counts": list(sections["counts"]), "removed": removed}


async def get(http: TestClient[Any, Any], since: str | None = None) -> dict[str, Any]:
    params = {} if since is None else {"since": since}
    async with http.get("/x/v1/looks/compact", params=params) as answer:
        assert (answer.status, answer.content_type) == (200, "application/octet-stream")
        return opened(await answer.read())


async def test_the_list_has_the_sites_of_the_tiers_that_show_a_look(
    crawled: Any, serve_extension: Any
) -> None:
    http = await serve_extension(crawled)
    whole = await get(http)
    wanted = {
        site.host: 0 if site.rank <= 10_000 else 1 if site.rank <= 50_000 else 2
        for site in SITES
        if site.rank is not None and site.rank <= 100_000 and site.icons
    }
    assert whole["kind"] == "full"
    listed = {name: flags & 3 for name, flags in whole["tiers"].items()}
    # What is no site's own front door's (a redirect, a file of a network) the facts may leave out.
    assert listed.items() <= wanted.items()
    assert {
        "lumora.example",
        "tidepool.example",
        "norrbank.test",
        "stonequay.example",
        "saltmeadow.example",
    } <= set(listed)
    assert all(
        1 <= count <= MOST_CODES[flags & 3]
        for count, flags in zip(whole["counts"], whole["tiers"].values(), strict=True)
    )
    assert len(whole["pdqs"]) + len(whole["tints"]) == CODE_BYTES * sum(whole["counts"])
    assert "github.io" in json.loads(whole["extras"])["suffixes"]


async def test_who_wears_a_mere_letter_is_marked_so_that_nobody_asks_about_it(
    crawled: Any, serve_extension: Any
) -> None:
    """Not where all of the most-copied organisations' mark is one, nor where a logo is beside it."""
    letter, logo = letter_on_a_square("W"), icon("seagreen", shape="kite")
    async with open_connection(crawled) as connection:
        await wear(connection, letter, ("lettered.com", 120), ("paypal.com", 30), ("mixed.com", 300))
        await wear(connection, logo, ("drawn.com", 200))
        await connection.execute(
            "INSERT INTO trusted_looks (look_id, site, seq, position, tier, look)"
            " SELECT look_id, 'mixed.com', nextval('verdict_seq'), 300, tier, look FROM trusted_looks"
            " WHERE site = 'drawn.com'"
        )
    tiers = (await get(await serve_extension(crawled)))["tiers"]
    marked = {
        name: bool(tiers[name] & 4) for name in ("lettered.com", "paypal.com", "mixed.com", "drawn.com")
    }
    assert marked == {"lettered.com": True, "paypal.com": False, "mixed.com": False, "drawn.com": False}


def letter_on_a_square(letter: str) -> bytes:
    image = Image.new("RGB", (64, 64), "#1652c4")
    ImageDraw.Draw(image).text((32, 32), letter, "white", font_size=48, anchor="mm")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


async def test_changes_name_what_came_and_what_went(
    crawled: Any, serve_extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact_lists, "FRESH_S", 0.0)
    import asyncpg

    http = await serve_extension(crawled)
    whole = await get(http)
    nothing = await get(http, whole["version"])
    assert (nothing["kind"], nothing["tiers"], nothing["removed"]) == ("delta", {}, [])
    assert nothing["checksum"] == whole["checksum"]
    connection = await asyncpg.connect(crawled.url)
    try:
        await connection.execute(
            "UPDATE trusted_looks SET removed = true, seq = nextval('verdict_seq')"
            " WHERE site = 'tidepool.example'"
        )
        await connection.execute(
            "UPDATE trusted_looks SET position = 70000, tier = 'strict', seq = nextval('verdict_seq')"
            " WHERE site = 'lumora.example'"
        )
    finally:
        await connection.close()
    change = await get(http, whole["version"])
    assert (change["kind"], change["base"]) == ("delta", whole["version"])
    assert (change["tiers"], change["removed"]) == ({"lumora.example": 2}, ["tidepool.example"])
    assert change["extras"] == b""
    assert (await get(http))["checksum"] == change["checksum"]


async def test_a_version_of_another_database_gets_everything(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(crawled)
    version = (await get(http))["version"]
    for other in (f"ffffffff-1-{version[-8:]}", f"{version[:8]}-{10**15}-{version[-8:]}"):
        assert (await get(http, other))["kind"] == "full"
    async with http.get("/x/v1/looks/compact", params={"since": "yesterday"}) as answer:
        assert answer.status == 400


async def test_processes_agree_on_the_list_and_its_key(crawled: Any, serve_extension: Any) -> None:
    one, other = await asyncio.gather(
        get(await serve_extension(crawled)), get(await serve_extension(crawled))
    )
    assert (one["checksum"], one["key"]) == (other["checksum"], other["key"])


def test_near_codes_of_a_site_are_kept_once_and_the_farthest_first() -> None:
    def code(*bits: int) -> bytes:
        return sum(1 << bit for bit in bits).to_bytes(32) + bytes(8)

    far, near, other = code(*range(100)), code(*range(SAME_BITS)), code(*range(40, 80))
    assert chosen([other, far, near, code()], 8) == (code(), far, other)
    assert chosen([other, far, near, code()], 2) == (code(), far)
    assert chosen([], 3) == ()
