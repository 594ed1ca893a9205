"""The text of a page: which character set it is in, by the rules of the HTML and Encoding Standards.

In order: byte order mark, Content-Type, `meta` in the first 1,024 bytes, an XML declaration, a later
`meta`, then detection (`charset_guess`), which looks only when the page is not valid UTF-8.
"""

from __future__ import annotations

import codecs
import re
from functools import cache

PRESCAN_BYTES = 1_024
_LATER_META_BYTES = 65_536

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
_HEADER = re.compile(r";[\s;]*charset\s*=\s*(?:\"([^\"]*)\"|([^\s;\"]+))", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(rb"<meta[\s/][^>]{0,2000}", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    rb"[\t\n\f\r /]([^\t\n\f\r /=>]+)"
    rb"(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:\"([^\"]*)\"|'([^']*)'|([^\t\n\f\r >\"'][^\t\n\f\r >]*)))?"
)
# https://html.spec.whatwg.org/#algorithm-for-extracting-a-character-encoding-from-a-meta-element
_CHARSET = re.compile(rb"charset\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s;\"']+))", re.IGNORECASE)
_XML_ENCODING = re.compile(
    rb"<\?xml[^>]*?encoding[\0-\x20]*=[\0-\x20]*(?:\"([^\"\0-\x20]*)\"|'([^'\0-\x20]*)')"
)

# The labels of the Encoding Standard (https://encoding.spec.whatwg.org/#names-and-labels). Several mean
# another set than Python's codec of that name: on the Web, Latin 1 and ASCII are windows-1252, and
# national standards are their larger successors. What is not here (utf-7 least of all) a page cannot choose.
_CHARSETS = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "ibm866": "866 cp866 csibm866 ibm866",
    "iso-8859-2": "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "iso-8859-3": "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso-8859-4": "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso-8859-5": "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 "
    "iso_8859-5:1988",
    "iso-8859-6": "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e "
    "iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987",
    "iso-8859-7": "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 "
    "iso_8859-7 iso_8859-7:1987 sun_eu_greek",
    "iso-8859-8": "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 "
    "iso_8859-8 iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical",
    "iso-8859-10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso-8859-13": "iso-8859-13 iso8859-13 iso885913",
    "iso-8859-14": "iso-8859-14 iso8859-14 iso885914",
    "iso-8859-15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso-8859-16": "iso-8859-16",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "macintosh": "csmacintosh mac macintosh x-mac-roman",
    "windows-874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "windows-1250": "cp1250 windows-1250 x-cp1250",
    "windows-1251": "cp1251 windows-1251 x-cp1251",
    "windows-1252": "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 "
    "iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
    "windows-1253": "cp1253 windows-1253 x-cp1253",
    "windows-1254": "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 "
    "l5 latin5 windows-1254 x-cp1254",
    "windows-1255": "cp1255 windows-1255 x-cp1255",
    "windows-1256": "cp1256 windows-1256 x-cp1256",
    "windows-1257": "cp1257 windows-1257 x-cp1257",
    "windows-1258": "cp1258 windows-1258 x-cp1258",
    "x-mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gbk": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk",
    "gb18030": "gb18030",
    "big5": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc-jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "iso-2022-jp": "csiso2022jp iso-2022-jp",
    "shift_jis": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "euc-kr": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 "
    "windows-949",
    "utf-16be": "unicodefffe utf-16be",
    "utf-16le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
    "x-user-defined": "x-user-defined",
}
_LABELS = {label: charset for charset, labels in _CHARSETS.items() for label in labels.split()}
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


def charset_named(label: str) -> str | None:
    """The character set that a label means on the Web, in lower case; None for an unknown label."""
    return _LABELS.get(label.strip("\t\n\f\r ").lower())


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


def encoded_query(url: str, charset: str) -> str:
    """A URL of a page with its query in the page's character set, percent-encoded.

    Only the query depends on it (URL Standard, "percent-encode after encoding"); UTF-8 is left to
    the URL parser.
    """
    start = url.find("?")
    if start < 0 or charset.startswith("utf-") or url.isascii():
        return url
    end = url.find("#", start)
    end = len(url) if end < 0 else end
    codec = "gbk" if charset == "gbk" else _PYTHON_CODECS.get(charset, charset)
    query = "".join(
        letter if letter.isascii() else _percent_encoded(letter, codec) for letter in url[start:end]
    )
    return url[:start] + query + url[end:]


def _percent_encoded(letter: str, codec: str) -> str:
    try:
        code = letter.encode(codec)
    except UnicodeEncodeError:
        return f"%26%23{ord(letter)}%3B"  # as the character reference that forms send
    return "".join(chr(byte) if 0x3F < byte < 0x7F else f"%{byte:02X}" for byte in code)  # noqa: PLR2004


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
    """What `meta` or an XML declaration says in the first 1,024 bytes, or a `meta` further down."""
    return (
        _first_meta(body[:PRESCAN_BYTES]) or _xml_declaration(body) or _first_meta(body[:_LATER_META_BYTES])
    )


def _first_meta(head: bytes) -> str | None:
    if b"charset" not in head and b"CHARSET" not in head.upper():
        return None
    for meta in _META.finditer(_COMMENT.sub(b"", head)):
        charset = _declared_by(meta[0])
        if charset is not None:
            return charset
    return None


def _declared_by(meta: bytes) -> str | None:
    """The character set of one `meta`: its `charset`, or its `content` if that stands for a Content-Type."""
    attributes: dict[bytes, bytes] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(meta, len(b"<meta")):
        attributes.setdefault(name.lower(), double or single or bare)
    label = attributes.get(b"charset")
    if label is None and attributes.get(b"http-equiv", b"").strip().lower() == b"content-type":
        found = _CHARSET.search(attributes.get(b"content", b""))
        label = found and (found[1] or found[2] or found[3])
    return _readable_as_ascii(charset_named(label.decode("latin-1"))) if label else None


def _readable_as_ascii(charset: str | None) -> str | None:
    """What a declaration in ASCII really means (HTML Standard, 13.2.3.2)."""
    if charset in {"utf-16le", "utf-16be"}:
        return "utf-8"  # it could not have been read, were it true
    return "windows-1252" if charset == "x-user-defined" else charset


def _xml_declaration(body: bytes) -> str | None:
    """The encoding of an XML declaration (HTML Standard, "get an XML encoding")."""
    found = _XML_ENCODING.match(body[:PRESCAN_BYTES])
    return _readable_as_ascii(charset_named((found[1] or found[2]).decode("latin-1"))) if found else None


def _detected(body: bytes, near: int) -> str:
    from samelook.crawler.discovery.charset_guess import guessed_codec

    codec = guessed_codec(body, near)
    return _by_codec().get(codecs.lookup(codec).name, "windows-1252") if codec else "windows-1252"


@cache
def _by_codec() -> dict[str, str]:
    """What the Web calls the sets that Python's codecs are for."""
    named = {codecs.lookup(_PYTHON_CODECS.get(charset, charset)).name: charset for charset in _CHARSETS}
    return named | {
        "gb18030": "gbk",
        "gb2312": "gbk",
        "gbk": "gbk",
        "big5": "big5",
        "shift_jis": "shift_jis",
        "euc_kr": "euc-kr",
        "iso8859-1": "windows-1252",
        "iso8859-9": "windows-1254",
        # Its small letters are those of windows-1251, in which such pages nearly always are.
        "mac-cyrillic": "windows-1251",
    }
