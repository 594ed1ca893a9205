from __future__ import annotations

import time

import pytest

from samelook.crawler.discovery.charset import charset_named, decode_page, encoded_query

# ruff: noqa: RUF001 - Cyrillic letters are the point
RUSSIAN = "Добро пожаловать на страницу о погоде и новостях нашего города. " * 4


@pytest.mark.parametrize(
    ("label", "charset"),
    [
        ("UTF8", "utf-8"),
        (" gb2312 ", "gbk"),
        ("ISO-8859-1", "windows-1252"),
        ("latin1", "windows-1252"),
        ("us-ascii", "windows-1252"),
        ("iso-8859-9", "windows-1254"),
        ("tis-620", "windows-874"),
        ("Shift_JIS", "shift_jis"),
        ("ks_c_5601-1987", "euc-kr"),
        ("windows-1251", "windows-1251"),
        ("cp1251", "windows-1251"),
        ("ISO-8859-2", "iso-8859-2"),
        ("euc-jp", "euc-jp"),
        ("x-euc-jp", "euc-jp"),
        ("latin2", "iso-8859-2"),
        ("cyrillic", "iso-8859-5"),
        ("866", "ibm866"),
        ("x-cp1250", "windows-1250"),
        ("iso-8859-8-i", "iso-8859-8-i"),
        ("hz-gb-2312", "replacement"),
        ("x-user-defined", "x-user-defined"),
        ("utf-7", None),
        ("utf-32", None),
        ("base64", None),
        ("rot13", None),
        ("no-such-set", None),
        ("iso-8859-99", None),
        ("", None),
    ],
)
def test_labels_mean_what_they_mean_on_the_web(label: str, charset: str | None) -> None:
    assert charset_named(label) == charset


@pytest.mark.parametrize(
    ("body", "content_type", "text", "charset"),
    [
        (b"\xef\xbb\xbf\xc3\xa9", "text/html; charset=windows-1251", "é", "utf-8"),
        (b"\xff\xfeA\x00", "text/html; charset=utf-8", "A", "utf-16le"),
        (b"\xfe\xff\x00A", None, "A", "utf-16be"),
        ("Ж".encode("cp1251"), "text/html; charset=windows-1251", "Ж", "windows-1251"),
        ("Ж".encode("cp1251"), 'text/html;;CHARSET="windows-1251"', "Ж", "windows-1251"),
        (b"\x80\x81", "text/html; charset=iso-8859-1", "\u20ac\x81", "windows-1252"),
        ("镕".encode("gbk"), "text/html; charset=gb2312", "镕", "gbk"),
        (b"<meta charset=koi8-r>\xc1", "text/html", "<meta charset=koi8-r>а", "koi8-r"),
        (b"<meta charset=utf-16>\xc3\xa9", None, "<meta charset=utf-16>é", "utf-8"),
        (b"<meta charset=x-user-defined>\xe9", None, "<meta charset=x-user-defined>é", "windows-1252"),
        (b"<meta charset=klingon>\xc3\xa9", None, "<meta charset=klingon>é", "utf-8"),
        (b"\xc3\xa9", "text/html; charset=klingon", "é", "utf-8"),
        (b"", None, "", "utf-8"),
        (b"<link rel=icon>", "text/html; charset=iso-2022-kr", "\ufffd", "replacement"),
    ],
)
def test_mark_then_header_then_meta_decide(
    body: bytes, content_type: str | None, text: str, charset: str
) -> None:
    assert decode_page(body, content_type) == (text, charset)


def test_meta_counts_as_http_equiv_too_and_beyond_the_prescan() -> None:
    meta = b'<META http-equiv="Content-Type" content="text/html; charset=windows-1251">'
    for padding in (0, 5_000):
        body = b" " * padding + meta + "Ж".encode("cp1251")
        assert decode_page(body, None)[1] == "windows-1251"


def test_a_meta_within_a_comment_does_not_count() -> None:
    body = b"<!-- <meta charset=koi8-r> --><meta charset=windows-1251>\xc6"
    assert decode_page(body, None)[1] == "windows-1251"


def test_only_what_stands_for_a_content_type_declares() -> None:
    body = b"<meta name=keywords content='charset=koi8-r'><meta charset=windows-1251>\xc6"
    assert decode_page(body, None)[1] == "windows-1251"
    assert decode_page(b"<meta name=keywords content='charset=koi8-r'>\xc3\xa9", None)[1] == "utf-8"


def test_an_xml_declaration_counts_after_the_meta_of_the_head() -> None:
    declaration = b"<?xml version='1.0' encoding='windows-1251'?>"
    assert decode_page(declaration + b"\xc6", None)[1] == "windows-1251"
    assert decode_page(declaration + b"<meta charset=koi8-r>\xc6", None)[1] == "koi8-r"


@pytest.mark.parametrize(
    ("url", "charset", "sent"),
    [
        ("/i.png?n=\u00e9#\u00e9", "windows-1252", "/i.png?n=%E9#\u00e9"),
        ("/\u00e9.png", "windows-1252", "/\u00e9.png"),
        ("/i.png?n=\u0436", "windows-1252", "/i.png?n=%26%231078%3B"),
        ("/i.png?n=\u8868&m", "shift_jis", "/i.png?n=%95\\&m"),
        ("/i.png?n=\u00e9", "utf-8", "/i.png?n=\u00e9"),
    ],
)
def test_a_query_is_sent_in_the_page_s_character_set(url: str, charset: str, sent: str) -> None:
    assert encoded_query(url, charset) == sent


@pytest.mark.parametrize(
    ("markup", "charset"),
    [
        ('<p title="x><meta charset=koi8-r>"><meta charset=cp1251>', "windows-1251"),
        ('<meta test=" charset=koi8-r>', "utf-8"),
        ('<a href="x"title=y><meta charset=koi8-r>', "koi8-r"),
        ("<!-- <meta charset=cp1251> --><? <meta charset=cp1251><meta/charset=koi8-r>", "koi8-r"),
        ('<meta http-equiv="Content-Type " content="a; charset=koi8-r">', "utf-8"),
    ],
)
def test_a_declaration_is_one_only_where_a_tag_is(markup: str, charset: str) -> None:
    assert decode_page(markup.encode(), "text/html")[1] == charset


def test_undeclared_text_is_detected() -> None:
    text, charset = decode_page(RUSSIAN.encode("cp1251"), "text/html")
    assert charset == "windows-1251"
    assert text == RUSSIAN


def test_a_character_cut_in_two_at_the_end_leaves_a_page_utf_8() -> None:
    text, charset = decode_page("aé".encode()[:-1], None)
    assert (text, charset) == ("a\ufffd", "utf-8")


def test_bad_bytes_never_fail() -> None:
    every_byte = bytes(range(256)) * 8
    for label in ("utf-8", "gbk", "big5", "shift_jis", "euc-kr", "iso-2022-jp", "windows-874", "iso-8859-8"):
        assert decode_page(every_byte, f"text/html; charset={label}")[0]
    assert decode_page(every_byte, None)[0]


def test_the_prescan_does_not_stall_on_hostile_heads() -> None:
    began = time.process_time()
    for head in (
        b"<meta " * 200_000,
        b"<!--" * 200_000,
        b"<meta charset=" + b" " * 1_000_000,
        b"\xff" * 1_000_000,
    ):
        decode_page(head, "text/html;" + "charset=" * 10_000)
    assert time.process_time() - began < 2.0
