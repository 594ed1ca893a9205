"""Good inputs, mangled by code: each gives a value or a typed error, soon, and the next good one is served.

Some twenty inputs with 61 mangled forms each: over 1,200 cases. Pictures go through one decoder, so that what
breaks it is seen by the next.
"""

from __future__ import annotations

import gzip
import io
import random
import time
import zlib
from collections.abc import Callable, Iterator

import brotli  # type: ignore[import-untyped]
import numpy as np
import pytest
import zstandard
from PIL import Image

from samelook.api.errors import ApiError
from samelook.api.requests import parsed_json
from samelook.banks.hash_lists import line_row
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.crawler.discovery.page import parse_page
from samelook.crawler.fetching.bodies import decoded
from samelook.crawler.fetching.errors import FetchError
from samelook.crawler.ranks.formats import NotARankList, RankParser, layout_of
from samelook.errors import SamelookError
from samelook.hashing.errors import DecoderTimeout, HashingError
from samelook.hashing.sandbox import Sandbox
from samelook.hashing.settings import SandboxLimits

FORMS = 60
LONGEST_S = 5.0
"""For one input, on a busy machine."""
SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><defs><g id="a">
<path d="M0 0L9 9Z"/></g></defs>
<style>path{fill:#123;transform:rotate(3deg)}</style><use href="#a"/><text y="5">x</text></svg>"""
PAGE = b"""<!doctype html><html><head><meta charset=utf-8><base href="/a/"><title>t</title>
<link rel="icon" href="/i.png" sizes="32x32"><meta http-equiv=refresh content="3;url=/x"></head></html>"""
RANKS = b"1,google.com\n2,bbc.co.uk\n3,example.org\n"


def mangled(good: bytes, seed: int) -> bytes:
    """One of many ways to break bytes, by number."""
    dice = random.Random(seed)
    at = dice.randrange(len(good))
    end = min(len(good), at + dice.choice([1, 4, 40]))
    ways: list[Callable[[], bytes]] = [
        lambda: good[:at],
        lambda: good[at:],
        lambda: good[:at] + bytes([good[at] ^ (1 << dice.randrange(8))]) + good[at + 1 :],
        lambda: good[:at] + b"\xff" * (end - at) + good[end:],
        lambda: good[:at] + bytes(end - at) + good[end:],
        lambda: good[:at] + good[at:end] * 5000 + good[end:],
        lambda: good[:end] * 30,
        lambda: good[:at] + dice.randbytes(end - at) + good[end:],
        lambda: good[:at] + b"9" * 4000 + good[at:],
        lambda: good.replace(good[at:end], b"\xed\xa0\x80\x00<" * 3),
    ]
    return ways[seed % len(ways)]()


def forms_of(good: bytes) -> Iterator[bytes]:
    yield b""
    for seed in range(FORMS):
        yield mangled(good, seed)


def picture(image_format: str) -> bytes:
    noise = np.random.default_rng(2).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    stored = io.BytesIO()
    Image.fromarray(noise).save(stored, image_format)
    return stored.getvalue()


async def test_pictures_and_drawings() -> None:
    async with Sandbox(1, SandboxLimits(seconds=LONGEST_S, memory_bytes=512 << 20)) as sandbox:
        for good in (picture("PNG"), picture("JPEG"), picture("GIF"), picture("WEBP"), picture("ICO"), SVG):
            whole = await sandbox.hash(good)
            late = 0
            for form in forms_of(good):
                try:
                    await sandbox.hash(form)
                except DecoderTimeout:
                    late += 1
                except HashingError as error:
                    assert error.kind  # noqa: PT017 - each is a typed error
            assert late <= 1
            assert await sandbox.hash(good) == whole


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_bodies(coding: str) -> None:
    pack = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": brotli.compress,
        "zstd": zstandard.compress,
    }
    good = pack[coding](PAGE * 20)
    for form in forms_of(good):
        began = time.perf_counter()
        try:
            assert len(await decoded(form, (coding,), 100_000)) <= 100_000
        except FetchError as error:
            assert error.kind  # noqa: PT017
        assert time.perf_counter() - began < LONGEST_S
    assert await decoded(good, (coding,), 100_000) == PAGE * 20


def test_pages() -> None:
    for form in forms_of(PAGE):
        began = time.perf_counter()
        page = parse_page(form, "text/html", "https://example.com/")
        assert len(page.icons) < 10_000
        assert time.perf_counter() - began < LONGEST_S
    assert [icon.url for icon in parse_page(PAGE, None, "https://example.com/").icons] == [
        "https://example.com/i.png"
    ]


def test_rank_lists() -> None:
    for form in forms_of(RANKS):
        try:
            copied = RankParser(layout_of(form)).copy_text(form)
        except NotARankList:
            continue
        rows = copied.decode().splitlines()
        assert all(row.count("\t") == rows[0].count("\t") for row in rows)
    assert RankParser(layout_of(RANKS)).copy_text(RANKS).count(b"\n") == 3
    # Found by fuzzing: what is blank as text and not as bytes.
    for blank in (b"\x1d", b"\xef\xbb\xbf\n", b"\xc2\xa0\n"):
        with pytest.raises(NotARankList, match="empty"):
            layout_of(blank)
    assert RankParser(layout_of(b"\n" * 900 + RANKS)).copy_text(b"\n" * 900 + RANKS).count(b"\n") == 3


@pytest.mark.parametrize("name", sorted(SIGNAL_TYPES))
def test_hashes(name: str) -> None:
    kind = SIGNAL_TYPES[name]
    good = b"-2094715651" if kind.decimal else b"0f" * (kind.bits // 8)
    for form in forms_of(good):
        text = form.decode(errors="surrogateescape")
        line_row(text, (name,))
        try:
            value = kind.parse(text)
        except SamelookError as error:
            assert error.kind  # noqa: PT017
        else:
            assert len(value) * 8 == kind.bits
    assert kind.text(kind.parse(good.decode())) == good.decode()


def test_json() -> None:
    good = b'{"sites":[{"url":"https://a.example","icons":[{"sha256":"00"}]}],"n":[1,2.5e3,true,null]}'
    for form in (*forms_of(good), b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, b"NaN", b"[-Infinity]"):
        try:
            parsed_json(form)
        except ApiError as error:
            assert error.status == 400  # noqa: PT017
    assert parsed_json(good)["n"] == [1, 2500.0, True, None]
