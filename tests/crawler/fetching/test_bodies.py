from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # ships no types
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from samelook.crawler.fetching.bodies import codings_of, decode
from samelook.crawler.fetching.errors import BadEncoding, TooLarge, TruncatedBody


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
        assert tracemalloc.get_traced_memory()[1] < 2 * cap
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("kept", [0.01, 0.5, 0.99])
def test_a_cut_body_is_truncated(name: str, kept: float) -> None:
    coding, encode = ENCODERS[name]
    body = encode(DATA)
    with pytest.raises(TruncatedBody):
        decode(body[: int(len(body) * kept)], (coding,), 1 << 20)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_that_is_not_what_it_claims_is_a_bad_encoding(coding: str) -> None:
    with pytest.raises(BadEncoding):
        decode(b"<!doctype html><title>plain text</title>" * 20, (coding,), 1 << 20)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_an_empty_body_stays_empty(coding: str) -> None:
    assert decode(b"", (coding,), 10) == b""


def test_members_of_a_gzip_file_are_joined_and_padding_is_dropped() -> None:
    assert decode(gzip.compress(b"a") + gzip.compress(b"b") + b"\0\0", ("gzip",), 10) == b"ab"


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


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        ("", ()),
        ("identity", ()),
        ("utf-8", ()),
        ("none", ()),
        ("GZIP", ("gzip",)),
        (" x-gzip ,", ("x-gzip",)),
        ("deflate, identity, zstd", ("zstd", "deflate")),
    ],
)
def test_unknown_codings_are_passed_over(header: str, codings: tuple[str, ...]) -> None:
    assert codings_of(header) == codings


def test_too_many_codings_are_refused() -> None:
    with pytest.raises(BadEncoding):
        codings_of(", ".join(["gzip"] * 50))
