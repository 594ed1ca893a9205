"""The text of a page: which character set it is in, by the rules of the HTML and Encoding Standards.

In order: byte order mark, Content-Type, `meta` in the first 1,024 bytes, an XML declaration, a later
`meta`, then detection (chardetng, as Firefox has it), which looks only when the page is not
valid UTF-8. Labels mean what the Encoding Standard says, by webencodings.
"""

from __future__ import annotations

import codecs
import re
from functools import cache

import webencodings
from chardetng_py import detect

PRESCAN_BYTES = 1_024
_LATER_META_BYTES = 65_536
_SAMPLE_BYTES, _BEFORE_BYTES = 6_000, 256
_FEW = 0.04
"""Share of bytes beyond ASCII that may be broken: real pages mix in a wrong one here and there."""
_NOT_ASCII = bytes(range(0x80, 0x100))

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
_HEADER = re.compile(r";[\s;]*charset\s*=\s*(?:\"([^\"]*)\"|([^\s;\"]+))", re.IGNORECASE)
_SPACE = rb"[\t\n\f\r ]"
# A comment, or a tag with its attributes: within quotes ">" ends nothing, and "<meta" begins nothing.
_MARKUP = re.compile(
    rb"<!--.*?(?:-->|\Z)|<[!?][^>]*+>|</?([a-z][^\t\n\f\r />]*+)"
    rb"(?:[\t\n\f\r /]*+=?[^\t\n\f\r />=][^\t\n\f\r />=]*+"
    rb"(?:%s*+=%s*+(?:\"[^\"]*+\"|'[^']*+'|[^\t\n\f\r >\"'][^\t\n\f\r >]*+|(?=>))|(?!%s*+=)))*+"
    rb"[\t\n\f\r /]*+>" % (_SPACE, _SPACE, _SPACE),
    re.DOTALL | re.IGNORECASE,
)
_MARKUP_START = re.compile(rb"<(?=[!?]|/?[a-z])", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    rb"[\t\n\f\r /]([^\t\n\f\r /=>]+)"
    rb"(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:\"([^\"]*)\"|'([^']*)'|([^\t\n\f\r >\"'][^\t\n\f\r >]*)))?"
)
# https://html.spec.whatwg.org/#algorithm-for-extracting-a-character-encoding-from-a-meta-element
_CHARSET = re.compile(rb"charset\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s;\"']+))", re.IGNORECASE)
_XML_ENCODING = re.compile(
    rb"<\?xml[^>]*?encoding[\0-\x20]*=[\0-\x20]*(?:\"([^\"\0-\x20]*)\"|'([^'\0-\x20]*)')"
)

_PYTHON_CODECS = {
    "iso-8859-8-i": "iso-8859-8",
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
    found = webencodings.lookup(label)
    return None if found is None else str(found.name)


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
    if charset == "replacement":
        # Sets in which markup could hide from whoever reads it as ASCII: browsers read nothing.
        return "\ufffd" if body else ""
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
    at = 0
    while start := _MARKUP_START.search(head, at):
        found = _MARKUP.match(head, start.start())
        if found is None:
            # It does not end within what is read.
            return None
        at = found.end()
        if found[1] is not None and found[1].lower() == b"meta":
            charset = _declared_by(found[0][:-1])
            if charset is not None:
                return charset
    return None


def _declared_by(meta: bytes) -> str | None:
    """The character set of one `meta`: its `charset`, or its `content` if that stands for a Content-Type."""
    attributes: dict[bytes, bytes] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(meta, len(b"<meta")):
        attributes.setdefault(name.lower(), double or single or bare)
    label = attributes.get(b"charset")
    if label is None and attributes.get(b"http-equiv", b"").lower() == b"content-type":
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
    """What the page is in, by its text from the first byte on that is not UTF-8."""
    sample = body[max(0, near - _BEFORE_BYTES) : near + _SAMPLE_BYTES]
    around = body[max(0, near - _SAMPLE_BYTES) : near + _SAMPLE_BYTES]
    if around.decode("utf-8", "replace").count("\ufffd") <= _FEW * (
        len(around) - len(around.translate(None, _NOT_ASCII))
    ):
        return "utf-8"
    codec = detect(sample, allow_utf8=False)
    found = webencodings.lookup(codec)
    charset = _by_codec().get(codecs.lookup(codec).name, "windows-1252") if found is None else str(found.name)
    return "gbk" if charset == "gb18030" else charset


@cache
def _by_codec() -> dict[str, str]:
    """What the Web calls the sets that Python's codecs are for."""
    found: dict[str, str] = {}
    for charset in dict.fromkeys(webencodings.LABELS.values()):
        if charset != "replacement":
            found.setdefault(codecs.lookup(_PYTHON_CODECS.get(charset, charset)).name, charset)
    return found
