"""The text of a page: which character set it is in, by the rules of the HTML and Encoding Standards.

In order: byte order mark, Content-Type, `meta` in the first 1,024 bytes, a later `meta`, then
detection, which looks at 4 KiB only and only when the page is not valid UTF-8.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

PRESCAN_BYTES = 1_024
DETECTED_BYTES = 4_096
_LATER_META_BYTES = 65_536

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
_HEADER = re.compile(r";[\s;]*charset\s*=\s*(?:\"([^\"]*)\"|([^\s;\"]+))", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(rb"<meta[\s/][^>]{0,2000}", re.IGNORECASE)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([^\s\"'/>;]{1,64})", re.IGNORECASE)

# Labels whose WHATWG meaning differs from Python's codec of the same name. On the Web, Latin 1 and
# ASCII are windows-1252, and national standards are their larger successors.
_CODECS = {
    "windows-1252": "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 "
    "iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
    "windows-1254": "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 "
    "l5 latin5 windows-1254 x-cp1254",
    "windows-874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "gbk": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk",
    "gb18030": "gb18030",
    "big5": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "shift_jis": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "euc-kr": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 "
    "windows-949",
    "iso-8859-8": "iso-8859-8 iso-8859-8-e iso-8859-8-i logical visual csiso88598e csiso88598i "
    "csisolatinhebrew hebrew iso-ir-138 iso8859-8 iso88598",
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "utf-16le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
    "utf-16be": "unicodefffe utf-16be",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "macintosh": "csmacintosh mac macintosh x-mac-roman",
    "x-mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "x-user-defined": "x-user-defined",
}
_LABELS = {label: charset for charset, labels in _CODECS.items() for label in labels.split()}
_PYTHON_CODECS = {
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "gbk": "gb18030",
    "windows-874": "cp874",
    "macintosh": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    # ASCII is all that markup needs; the upper half has private meanings.
    "x-user-defined": "latin-1",
    "windows-1252": "cp1252",
}
# Codecs that Python has and the Web does not: a page must not choose them, utf-7 least of all.
_SHARED = re.compile(
    r"(?:iso[-_]?8859[-_]?\d+|windows-125\d|cp125\d|x-cp125\d|euc-jp|iso-2022-jp|ibm866|cp866)\Z"
)


@lru_cache(maxsize=1_024)
def charset_named(label: str) -> str | None:
    """The character set that a label means on the Web, in lower case; None for an unknown label."""
    name = label.strip("\t\n\f\r ").lower()
    if name in _LABELS:
        return _LABELS[name]
    if _SHARED.match(name) is None:
        return None
    try:
        found = codecs.lookup(name.removeprefix("x-")).name
    except LookupError:
        return None
    return found.replace("iso8859-", "iso-8859-").replace("cp125", "windows-125").replace("_", "-")


def decode_page(body: bytes, content_type: str | None) -> tuple[str, str]:
    """The text of a page and the character set it was read in. Never fails: bad bytes become U+FFFD."""
    for mark, charset in _BOMS:
        if body.startswith(mark):
            return _decoded(body[len(mark) :], charset), charset
    declared = _charset_of_header(content_type) or _charset_of_meta(body)
    if declared is not None:
        return _decoded(body, declared), declared
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        # A page cut off at a size cap may end within a character.
        if error.start >= len(body) - 3:
            return body.decode("utf-8", "replace"), "utf-8"
        charset = _detected(body, error.start)
        return _decoded(body, charset), charset


def _decoded(body: bytes, charset: str) -> str:
    if charset == "windows-1252":
        return _windows_1252(body)
    return body.decode(_PYTHON_CODECS.get(charset, charset), "replace")


def _windows_1252(body: bytes) -> str:
    """Five bytes that Python's codec leaves undefined are control characters on the Web."""
    try:
        return body.decode("cp1252")
    except UnicodeDecodeError:
        return body.decode("latin-1").translate(_UPPER_1252)


_UPPER_1252 = {
    byte: bytes((byte,)).decode("cp1252")
    for byte in range(0x80, 0xA0)
    if byte not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}


def _charset_of_header(content_type: str | None) -> str | None:
    found = _HEADER.search(content_type[:1_000]) if content_type else None
    return charset_named(found[1] or found[2]) if found else None


def _charset_of_meta(body: bytes) -> str | None:
    """What `meta charset` or `meta http-equiv` says: first in the prescan, then further down."""
    return _first_meta(body[:PRESCAN_BYTES]) or _first_meta(body[:_LATER_META_BYTES])


def _first_meta(head: bytes) -> str | None:
    if b"charset" not in head and b"CHARSET" not in head.upper():
        return None
    for meta in _META.finditer(_COMMENT.sub(b"", head)):
        found = _CHARSET.search(meta[0])
        if found is None:
            continue
        charset = charset_named(found[1].decode("latin-1"))
        if charset in {"utf-16le", "utf-16be"}:
            # It could not have been read as ASCII, were it true (HTML Standard, 13.2.3.2).
            return "utf-8"
        if charset == "x-user-defined":
            return "windows-1252"
        if charset is not None:
            return charset
    return None


def _detected(body: bytes, near: int) -> str:
    """A guess from the bytes around the first that is not UTF-8."""
    from bs4.dammit import UnicodeDammit

    start = max(0, near - DETECTED_BYTES // 4)
    guess = UnicodeDammit(body[start : start + DETECTED_BYTES], is_html=True).original_encoding
    return (guess and (charset_named(guess) or _successor(guess))) or "windows-1252"


def _successor(codec: str) -> str | None:
    """Detectors name some sets by Python's codec rather than by a label of the Web."""
    named = {"cp932": "shift_jis", "cp949": "euc-kr", "euc_jp": "euc-jp", "maccyrillic": "x-mac-cyrillic"}
    return named.get(codec.lower())
