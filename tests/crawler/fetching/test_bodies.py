from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
import time
import tracemalloc
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # ships no types
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from samelook.crawler.fetching.bodies import MAX_CODINGS, codings_of, decoded
from samelook.crawler.fetching.errors import BadEncoding, TooLarge


def decode(body: bytes, codings: tuple[str, ...], max_bytes: int) -> bytes:
    return asyncio.run(decoded(body, codings, max_bytes))


def bare_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare_deflate),
    "br": ("br", lambda data: bytes(brotli.compress(data, quality=5))),
    "zstd": ("zstd", zstd),
}
DATA = random.Random(5).randbytes(3000) + b"favicon " * 30_000


@pytest.mark.parametrize("name", ENCODERS)
def test_what_was_encoded_is_decoded(name: str) -> None:
    coding, encode = ENCODERS[name]
    assert decode(encode(DATA), (coding,), len(DATA)) == DATA


@given(data=st.binary(max_size=5000), name=st.sampled_from(sorted(ENCODERS)))
def test_any_bytes_survive(data: bytes, name: str) -> None:
    coding, encode = ENCODERS[name]
    assert decode(encode(data), (coding,), max(1, len(data))) == data


@pytest.mark.parametrize("name", ENCODERS)
def test_one_byte_over_the_cap_is_too_large(name: str) -> None:
    coding, encode = ENCODERS[name]
    with pytest.raises(TooLarge) as raised:
        decode(encode(DATA), (coding,), len(DATA) - 1)
    assert raised.value.detail == {"where": "decoded", "max_bytes": len(DATA) - 1}


@pytest.mark.parametrize("name", ENCODERS)
def test_a_bomb_costs_no_more_memory_than_the_cap(name: str) -> None:
    coding, encode = ENCODERS[name]
    bomb = encode(bytes(64 << 20))
    cap = 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            decode(bomb, (coding,), cap)
        assert tracemalloc.get_traced_memory()[1] < 2 * cap + (512 << 10)  # a loop of its own
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("kept", [0.01, 0.5, 0.99])
def test_of_a_body_that_was_cut_off_what_came_is_kept(name: str, kept: float) -> None:
    coding, encode = ENCODERS[name]
    body = encode(DATA)
    came = decode(body[: int(len(body) * kept)], (coding,), 1 << 20)
    assert DATA.startswith(came)
    # zstd gives whole blocks of up to 128 KiB, the others nearly all that came.
    assert kept < 0.9 or name == "zstd" or len(came) > 1_000


@pytest.mark.parametrize("missing", [0, 1, 4, 8])
def test_gzip_without_its_trailer_is_whole(missing: int) -> None:
    body = gzip.compress(DATA)
    assert decode(body[: len(body) - missing], ("gzip",), 1 << 20) == DATA


@pytest.mark.parametrize("trailer", [bytes(8), b"\xff" * 8, b"junk"])
def test_gzip_with_a_wrong_checksum_or_length_is_read(trailer: bytes) -> None:
    assert decode(gzip.compress(DATA)[:-8] + trailer, ("gzip",), 1 << 20) == DATA


def test_deflate_with_a_wrong_checksum_is_a_bad_encoding_and_without_one_is_read() -> None:
    body = zlib.compress(DATA)
    assert decode(body[:-4], ("deflate",), 1 << 20) == DATA
    with pytest.raises(BadEncoding):
        decode(body[:-4] + bytes(4), ("deflate",), 1 << 20)


@pytest.mark.parametrize(
    "header",
    [
        b"\x04\0\0\0\0\0\x03\x03\0abc",
        b"\x08\0\0\0\0\0\x03page.html\0",
        b"\x10\0\0\0\0\0\x03a comment\0",
        b"\x1e\0\0\0\0\0\x03\x01\0abc\0d\0\xff\xff",
        b"\xe0\0\0\0\0\0\x03",
    ],
    ids=["extra", "name", "comment", "all of them and a wrong checksum", "reserved flags"],
)
def test_every_gzip_header_is_passed_over(header: bytes) -> None:
    assert decode(b"\x1f\x8b\x08" + header + bare_deflate(DATA), ("gzip",), 1 << 20) == DATA
    for length in range(len(header) + 3):
        assert decode((b"\x1f\x8b\x08" + header)[:length], ("gzip",), 1 << 20) == b""


@pytest.mark.parametrize("name", ["gzip", "deflate", "bare deflate", "br"])
@pytest.mark.parametrize("behind", [b"\0", b"junk" * 20_000, b"again"])
def test_what_follows_the_end_is_ignored(name: str, behind: bytes) -> None:
    coding, encode = ENCODERS[name]
    more = encode(b"more") if behind == b"again" else behind
    assert decode(encode(DATA) + more, (coding,), 1 << 20) == DATA


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_that_is_not_what_it_claims_is_a_bad_encoding(coding: str) -> None:
    with pytest.raises(BadEncoding):
        decode(b"<!doctype html><title>plain text</title>" * 20, (coding,), 1 << 20)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_an_empty_body_stays_empty(coding: str) -> None:
    assert decode(b"", (coding,), 10) == b""


def test_frames_of_zstd_are_joined() -> None:
    assert decode(zstd(b"a") + zstd(b"b"), ("zstd",), 10) == b"ab"


def test_a_zstd_frame_that_asks_for_a_huge_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, compression_level=1)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = stream.compress(DATA) + stream.flush()
    with pytest.raises(BadEncoding):
        decode(body, ("zstd",), 1 << 20)


def test_codings_are_undone_in_reverse() -> None:
    codings = codings_of("gzip, br")
    assert codings == ("br", "gzip")
    assert decode(brotli.compress(gzip.compress(DATA)), codings, len(DATA)) == DATA


def test_a_bomb_within_a_bomb_stops_at_the_cap() -> None:
    with pytest.raises(TooLarge):
        decode(gzip.compress(gzip.compress(bytes(64 << 20))), ("gzip", "gzip"), 10_000)


EMPTY = {
    "gzip members": ("gzip", gzip.compress(b"")),
    "zstd frames": ("zstd", zstd(b"")),
    "skippable zstd frames": ("zstd", b"\x50\x2a\x4d\x18\0\0\0\0"),
    "deflate blocks": ("deflate", b"\0\0\0\xff\xff"),
    "fixed deflate blocks": ("deflate", b"\x02\x08\x20\x80\0"),
}


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("outer", ["br", "gzip", "zstd", None])
async def test_millions_of_empty_units_cost_little_and_never_hold_up_the_loop(
    name: str, outer: str | None
) -> None:
    coding, unit = EMPTY[name]
    body = unit * ((8 << 20) // len(unit))
    codings: tuple[str, ...] = (coding,)
    if outer is not None:
        body, codings = ENCODERS[outer][1](body), (outer, coding)
        assert len(body) < 40_000

    async def decode_it() -> None:
        with contextlib.suppress(TooLarge, BadEncoding):
            await decoded(body, codings, 8 << 20)

    started = time.process_time()
    decoding = asyncio.create_task(decode_it())
    longest = 0.0
    while not decoding.done():
        before = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - before)
    assert time.process_time() - started < 4
    assert longest < 0.05


async def test_a_decoder_whose_time_is_over_ends() -> None:
    body = zstd(bytes(256 << 20))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await decoded(body, ("zstd",), 256 << 20)


def test_zstd_of_too_many_frames_is_refused() -> None:
    assert decode(zstd(b"a") * 1_000, ("zstd",), 1_000) == b"a" * 1_000
    with pytest.raises(BadEncoding, match="1000 frames"):
        decode(zstd(b"a") * 1_001, ("zstd",), 2_000)


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        ("", ()),
        ("identity", ()),
        ("utf-8", ()),
        ("none", ()),
        ("GZIP", ("gzip",)),
        (" x-gzip ", ("x-gzip",)),
        ("deflate, zstd", ("zstd", "deflate")),
        ("gzip, identity", ()),
        ("none, gzip", ()),
        ("gzip,", ()),
        ("gzip;q=1", ()),
    ],
)
def test_with_a_coding_that_nobody_knows_the_body_is_taken_as_it_is(
    header: str, codings: tuple[str, ...]
) -> None:
    assert codings_of(header) == codings


def test_too_many_codings_are_refused() -> None:
    assert len(codings_of(", ".join(["gzip"] * MAX_CODINGS))) == MAX_CODINGS
    with pytest.raises(BadEncoding):
        codings_of(", ".join(["gzip"] * 50))
