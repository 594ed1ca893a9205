from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samelook.hashing.formats import foreign_format, sniff


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\0\0\1\0\1\0", "ico"),
        (b"\0\0\2\0\1\0", "ico"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "bmp"),
        (b"\0\0\0\x1cftypavif" + bytes(16), "avif"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0miafavif", "avif"),
        (b"<svg/>", "svg"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "svg"),
        (b"<s:svg xmlns:s='http://www.w3.org/2000/svg'>", "svg"),
        (b"\xef\xbb\xbf \n<?xml version='1.0'?>\n<!-- <html> -->\n<!DOCTYPE svg>\n<svg>", "svg"),
        (b'<!DOCTYPE svg PUBLIC "-//W3C" "x.dtd" [ <!ENTITY a "]>"> ]><svg>', "svg"),
        ("\ufeff<?xml version='1.0' encoding='utf-16'?><svg>".encode("utf-16-le"), "svg"),
        ("\ufeff<svg>".encode("utf-16-be"), "svg"),
        ("<svg>".encode("utf-16-le"), "svg"),
    ],
)
def test_a_format_is_told_by_its_first_bytes(data: bytes, expected: str) -> None:
    assert sniff(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<",
        b"<!doctype html><html><body><svg></svg></body></html>",
        b"<html><!-- <svg> --></html>",
        b"<svgs>",
        b"BM is a common pair of letters",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\x1f\x8b\x08",
        b"<!-- never closed",
        b"<!DOCTYPE svg [ never closed",
        b"\0\0\0\0",
    ],
)
def test_what_is_not_on_the_list_has_no_format(data: bytes) -> None:
    assert sniff(data) is None


def test_known_formats_that_are_not_decoded_are_named() -> None:
    assert foreign_format(b"II*\0") == "TIFF"
    assert foreign_format(b"\x1f\x8b\x08\0") == "gzip (SVGZ is not unpacked)"
    assert foreign_format(b"\0\0\0\x18ftypheic") == "ISO media file of brand 'heic'"
    assert foreign_format(b"<html>") is None


@given(st.binary(max_size=300))
def test_sniffing_never_fails(data: bytes) -> None:
    sniff(data)
    sniff(b"<!DOCTYPE svg [" + data)
    foreign_format(data)
