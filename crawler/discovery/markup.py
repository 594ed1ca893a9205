"""A page cut down to the tags that can say something about icons, before it is parsed.

A tree builder does work for every open element: Lexbor takes 11 s for 100,000 nested `div`, 13 s
for a tag of 100,000 attributes, and gigabytes where thousands of open `b` are opened again for
each paragraph. None of that nesting says anything about icons. So every tag that cannot matter is
turned, in linear time, into a comment (`<!`, a control character, `div class=x>`), or, when a value
contains `>`, into a `meta` with a mark. Tokenisation stays the same, so that quotes, comments,
scripts and other raw text end where they did.
"""

from __future__ import annotations

import re

# The tags which carry links, or whose content is not markup.
_RAW = rb"script|style|title|textarea|noscript|iframe|noembed|noframes|xmp"
_KEPT = rb"link|meta|base|template|frameset|plaintext|" + _RAW
_SPACE = rb"[\t\n\f\r ]"
_MAX_ATTRIBUTES = 64
_MAX_KEPT_ATTRIBUTES = 256

_MAX_KEPT_TAGS = 3_000
_LONG_VALUE = 65_536
_LONGEST_VALUE = 1_400_000
"""Quoted values may be whole pictures: `data:` URLs."""
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
    quoted = rb"\"[^\"]{0,%d}+\"|'[^']{0,%d}+'" % (_LONGEST_VALUE, _LONGEST_VALUE)
    value = rb"%s|[^\t\n\f\r >\"'][^\t\n\f\r >]{0,%d}+|(?=>)" % (quoted, _LONG_VALUE)
    return rb"(?:%s%s(?:%s(?:%s))?+){0,%d}+%s>" % (_GAP, name, _EQUALS, value, _MAX_KEPT_ATTRIBUTES, _GAP)


_TAG_END = rb"(?=[\t\n\f\r />])"
# The first three letters of those names, position by position: a sieve that costs a fifth of the names.
_MAYBE_KEPT = rb"/?+[bfilmnpstxBFILMNPSTX][acefilmortACEFILMORT][aefmnprstxyAEFMNPRSTXY]"
_KEPT_TAG = rb"(?=%s)/?+(?:%s)%s" % (_MAYBE_KEPT, _KEPT, _TAG_END)
_OTHER_TAG = rb"/?+(?!(?:%s)%s)[^\t\n\f\r />]{1,64}+%s" % (_KEPT, _TAG_END, _TAG_END)
# Quotes close before the first ">" or "<": true of nearly every tag, and cheap to see.
_CALM = rb"[^<>\"']*+(?:\"[^\"<>]*+\"[^<>\"']*+|'[^'<>]*+'[^<>\"']*+)*+>"
_ARROWED = re.compile(
    rb"<(?=/?+[a-z])(?!%s)(?=%s%s)" % (_CALM, _OTHER_TAG, _inert_attributes()), re.IGNORECASE
)
# Where a quoted value holds ">". Without one no tag is arrowed, and this is seen at half the cost.
_MAYBE_ARROWED = re.compile(rb"=%s*+(?:\"[^\">]*+>|'[^'>]*+>)" % _SPACE)
# A "<" that may stay: before a tag that perhaps matters, or before what makes it no tag at all.
# A run of them is found as one: a page may consist of a million.
_MAYBE_STAYS = re.compile(rb"(?:<(?=<))++|<(?:%s|(?=[^a-zA-Z/]|/[^a-zA-Z]|/?\Z))" % _MAYBE_KEPT)
_STAYS = re.compile(rb"<(?:(?!/?+[a-z])|(?=%s%s))" % (_KEPT_TAG, _kept_attributes()), re.IGNORECASE)
_KEPT_START = re.compile(rb"<(?=%s)" % _KEPT_TAG, re.IGNORECASE)

INERT = "samelook"
"""An attribute that marks tags which stand for another one."""
_ARROWED_MARK = b"<meta samelook "
_LESS = ord("<")
_COMMENT_MARK = b"<!\x1f"
"""Short, because a page has thousands of tags, and with a character that no page has."""


# A comment, or perhaps an element whose content is no markup, or a drawing.
_MAYBE_OPENING = re.compile(rb"<(?:!--|[instxINSTX][cefimotvCEFIMOTV][a-zA-Z])")
_OPENING = re.compile(rb"<(?:(%s)|svg)%s" % (_RAW, _TAG_END), re.IGNORECASE)
_DRAWING_END = re.compile(rb"</svg", re.IGNORECASE)
_CLOSINGS = {name: re.compile(rb"</%s%s" % (name, _TAG_END), re.IGNORECASE) for name in _RAW.split(b"|")}
# What ends a drawing, or makes it uncertain where it ends: HTML within it, or tags that are no part of
# drawings and close them (HTML Standard, 13.2.6.5).
_DRAWING_EDGE = re.compile(
    rb"<(?:(/svg)|svg|foreignObject|body|blockquote|br|center|code|d[dlt]|div|em|embed|h[1-6]|head|hr|img|li|menu"
    rb"|meta|nobr|ol|p|pre|ruby|small|span|strong|table|ul)%s" % _TAG_END,
    re.IGNORECASE,
)
_ANY_TAG = re.compile(rb"<(?=/?+[a-zA-Z])")


def _drawings_made_inert(markup: bytes) -> bytes:
    """The same page with every tag within `svg` inert.

    There `title`, `style` and `script` hold markup and may close themselves (`<title/>`), and links are
    no links. Read as HTML they would swallow the rest of the page.
    """
    if _DRAWING_END.search(markup) is None:
        return markup
    pieces: list[bytes] = []
    done = at = 0
    while found := _MAYBE_OPENING.search(markup, at):
        if found[0] == b"<!--":
            # From its third character, because `<!-->` is a whole comment.
            at = markup.find(b"-->", found.start() + 2) + 3
            if at < 3:  # noqa: PLR2004 - not found
                break
            continue
        element = _OPENING.match(markup, found.start())
        if element is None:
            at = found.end()
            continue
        closing = _CLOSINGS[element[1].lower()] if element[1] else _DRAWING_EDGE
        end = closing.search(markup, element.end())
        if end is None:
            break
        if element[1]:
            at = end.end()
            continue
        at = end.start()
        if end[1]:
            drawing = markup[element.start() : at]
            pieces += (markup[done : element.start()], _ANY_TAG.sub(_COMMENT_MARK, drawing))
            done = at
    return b"".join((*pieces, markup[done:]))


def _cut_off(markup: bytes) -> bytes:
    for count, kept in enumerate(_KEPT_START.finditer(markup), 1):
        if count > _MAX_KEPT_TAGS:
            return markup[: kept.start()]
    return markup


def passive(markup: bytes) -> bytes:
    """The same page with every tag that cannot matter for icons made inert.

    A tag with very many attributes, or without an end, becomes a comment up to its first
    `>`. Everything after the 3,000th tag that is kept is cut off.
    """
    markup = _drawings_made_inert(markup)
    # Tags with ">" in a value: as comments they would end within it. What this pass writes, the
    # next one checks like any other tag, so a page gains nothing by writing it itself.
    if _MAYBE_ARROWED.search(markup) is not None:
        markup = _ARROWED.sub(_ARROWED_MARK, markup)
    # Looking for the few that stay costs a fifth of a substitution for each of the others.
    starts = [
        (found.start(), found.end() if markup[found.end() - 1] == _LESS else found.start() + 1)
        for found in _MAYBE_STAYS.finditer(markup)
    ]
    if len(starts) > _MAX_KEPT_TAGS:
        markup = _cut_off(markup)
        starts = [span for span in starts if span[0] < len(markup)]
    pieces: list[bytes] = []
    done = 0
    for at, end in starts:
        if _STAYS.match(markup, at) is not None:
            pieces += (markup[done:at].replace(b"<", _COMMENT_MARK), markup[at:end])
            done = end
    return b"".join((*pieces, markup[done:].replace(b"<", _COMMENT_MARK)))


def original(value: str) -> str:
    """An attribute's value as the page had it, e.g. a `data:` URL that holds SVG markup."""
    if "<!\x1f" not in value and "<meta samelook " not in value:
        return value
    return value.replace(_ARROWED_MARK.decode(), "<").replace(_COMMENT_MARK.decode(), "<")
