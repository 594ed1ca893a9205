"""A page cut down to the tags that can say something about icons, before it is parsed.

A tree builder does work for every open element: Lexbor takes 11 s for 100,000 nested `div`, 13 s
for a tag of 100,000 attributes, and gigabytes where thousands of open `b` are opened again for
each paragraph. None of that nesting says anything about icons. So every tag that cannot matter is
turned, in one linear pass, into an end tag that matches nothing (`<div class=x>` becomes
`</samelook div class=x>`), which the parser skips in constant time. Tokenisation stays the same, so
that quotes, comments, scripts and other raw text end where they did.
"""

from __future__ import annotations

import re

# The tags which carry links, or whose content is not markup.
_KEPT = rb"link|meta|base|script|style|title|textarea|noscript|template|iframe|noembed|noframes|xmp|plaintext"
_SPACE = rb"[\t\n\f\r ]"
_MAX_ATTRIBUTES = 64

_MAX_KEPT_TAGS = 2_000
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
_OTHER_NAME = rb"[^\t\n\f\r />]{0,64}+" + _TAG_END
_KEPT_TAG = rb"/?+(?:%s)%s" % (_KEPT, _TAG_END)
_PASSIVE = re.compile(
    rb"<(?=/?+[a-z])(?!%s)(?=/?+%s%s)" % (_KEPT_TAG, _OTHER_NAME, _inert_attributes()), re.IGNORECASE
)
# What is left over after the first pass: tags that are unclosed, monstrous, or hold markup in a value.
_MONSTROUS = re.compile(
    rb"<(?=/?+[a-z])(?!/samelook )(?!%s%s)" % (_KEPT_TAG, _kept_attributes()), re.IGNORECASE
)
_KEPT_START = re.compile(rb"<(?=/?+(?:%s)%s)" % (_KEPT, _TAG_END), re.IGNORECASE)

_PASSIVE_MARK = b"</samelook "
_MONSTROUS_MARK = b"<!samelook "


def passive(markup: bytes) -> bytes:
    """The same page with every tag that cannot matter for icons made inert.

    A tag with more than about 64 attributes, or without an end, becomes a comment up to its first
    `>`. Everything after the 2,000th tag that would be kept is cut off. Costs about 6 ns a byte.
    """
    for count, start in enumerate(_KEPT_START.finditer(markup), 1):
        if count > _MAX_KEPT_TAGS:
            markup = markup[: start.start()]
            break
    return _MONSTROUS.sub(_MONSTROUS_MARK, _PASSIVE.sub(_PASSIVE_MARK, markup))


def original(value: str) -> str:
    """An attribute's value as the page had it, e.g. a `data:` URL that holds SVG markup."""
    if "samelook " not in value:
        return value
    return value.replace(_PASSIVE_MARK.decode(), "<").replace(_MONSTROUS_MARK.decode(), "<")
