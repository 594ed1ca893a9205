"""A page cut down to the tags that can say something about icons, before it is parsed.

A tree builder does work for every open element: Lexbor takes 11 s for 100,000 nested `div`, 13 s
for a tag of 100,000 attributes, and gigabytes where thousands of open `b` are opened again for
each paragraph. None of that nesting says anything about icons. So every tag that cannot matter is
turned, in linear time, into a comment (`<div class=x>` becomes `<!samelook div class=x>`), or, when
a value contains `>`, into a `meta` with a mark. Tokenisation stays the same, so that quotes,
comments, scripts and other raw text end where they did.
"""

from __future__ import annotations

import re

# The tags which carry links, or whose content is not markup.
_KEPT = rb"link|meta|base|script|style|title|textarea|noscript|template|iframe|noembed|noframes|xmp|plaintext"
_SPACE = rb"[\t\n\f\r ]"
_MAX_ATTRIBUTES = 64

_MAX_KEPT_TAGS = 3_000
_LONG_VALUE = 65_536
_SHORT_VALUE = 2_048
_GAP = rb"[\t\n\f\r /]*+"
_EQUALS = rb"%s*+=%s*+" % (_SPACE, _SPACE)


def _inert_attributes() -> bytes:
    """A pattern for what follows the name of a tag that does not matter, up to and with `>`.

    It bounds what is read twice, for linear time: no part reaches over the next "<", but for two
    quoted values a tag.
    """
    name = rb"[^\t\n\f\r /><][^\t\n\f\r />=<]*+"
    value = rb"\"[^\"<]*+\"|'[^'<]*+'|[^\t\n\f\r >\"'<][^\t\n\f\r ><]*+|(?=>)"
    # Without the look-ahead the name of `a="x<y"` would pass for an attribute without a value.
    plain = rb"(?:%s%s(?:%s(?:%s))?+(?!%s*+=))" % (_GAP, name, _EQUALS, value, _SPACE)
    quoted = rb"(?:\"[^\"]{0,%d}+\"|'[^']{0,%d}+')" % (_SHORT_VALUE, _SHORT_VALUE)
    run = rb"%s{0,%d}+" % (plain, _MAX_ATTRIBUTES)
    return rb"%s(?:%s%s%s%s%s){0,2}+%s>" % (run, _GAP, name, _EQUALS, quoted, run, _GAP)


def _kept_attributes() -> bytes:
    """The same for tags that matter, as HTML's tokeniser reads them; there are few of these."""
    name = rb"[^\t\n\f\r />][^\t\n\f\r />=]{0,256}+"
    quoted = rb"\"[^\"]{0,%d}+\"|'[^']{0,%d}+'" % (_LONG_VALUE, _LONG_VALUE)
    value = rb"%s|[^\t\n\f\r >\"'][^\t\n\f\r >]{0,%d}+|(?=>)" % (quoted, _LONG_VALUE)
    return rb"(?:%s%s(?:%s(?:%s))?+){0,%d}+%s>" % (_GAP, name, _EQUALS, value, _MAX_ATTRIBUTES, _GAP)


_TAG_END = rb"(?=[\t\n\f\r />])"
_KEPT_TAG = rb"/?+(?:%s)%s" % (_KEPT, _TAG_END)
_OTHER_TAG = rb"/?+(?!(?:%s)%s)[^\t\n\f\r />]{1,64}+%s" % (_KEPT, _TAG_END, _TAG_END)
# Quotes close before the first ">" or "<": true of nearly every tag, and cheap to see.
_CALM = rb"[^<>\"']*+(?:\"[^\"<>]*+\"[^<>\"']*+|'[^'<>]*+'[^<>\"']*+)*+>"
_ARROWED = re.compile(
    rb"<(?=/?+[a-z])(?!%s)(?=%s%s)" % (_CALM, _OTHER_TAG, _inert_attributes()), re.IGNORECASE
)
_OTHER = re.compile(rb"<(?=/?+[a-z])(?!%s%s)" % (_KEPT_TAG, _kept_attributes()), re.IGNORECASE)
_KEPT_START = re.compile(rb"<(?=%s)" % _KEPT_TAG, re.IGNORECASE)

INERT = "samelook"
"""An attribute that marks tags which stand for another one."""
_ARROWED_MARK = b"<meta samelook "
_COMMENT_MARK = b"<!samelook "


def passive(markup: bytes) -> bytes:
    """The same page with every tag that cannot matter for icons made inert.

    A tag with more than about 64 attributes, or without an end, becomes a comment up to its first
    `>`. Everything after the 3,000th tag that is kept is cut off.
    """
    # Tags with ">" in a value: as comments they would end within it. What this pass writes, the
    # next one checks like any other tag, so a page gains nothing by writing it itself.
    markup = _ARROWED.sub(_ARROWED_MARK, markup)
    for count, start in enumerate(_KEPT_START.finditer(markup), 1):
        if count > _MAX_KEPT_TAGS:
            markup = markup[: start.start()]
            break
    return _OTHER.sub(_COMMENT_MARK, markup)


def original(value: str) -> str:
    """An attribute's value as the page had it, e.g. a `data:` URL that holds SVG markup."""
    if "samelook " not in value:
        return value
    return value.replace(_ARROWED_MARK.decode(), "<").replace(_COMMENT_MARK.decode(), "<")
