"""Where the head of a page ends: links behind that point are no icons to Chromium, and are to Firefox.

`markup.passive` makes comments of all tags that say nothing about icons, so the tree no longer tells. The end
is found in the page as it was sent, by the rules of the HTML Standard (13.2.6.4.4 "in head" and the two modes
around it): the first text or tag that does not belong there.
"""

from __future__ import annotations

import re

# A quotation mark opens a value only behind `=`; elsewhere it is a letter of a name.
_ATTRIBUTES = rb"(?=[\t\n\f\r />])(?:=[\t\n\f\r ]*+(?:\"[^\"]*+\"|'[^']*+')|[^>])*+>"
_PART = re.compile(
    # Zeros are dropped before the tree is built.
    rb"[\t\n\f\r \0]++|&#(?:0*(?:9|1[023]|32)|x0*(?:[9acd]|20));|<!--(?:>|->|.*?(?:--!?>|\Z))"
    rb"|<(?:[!?]|/(?![a-z]))[^>]*+>"
    rb"|<(?P<raw>title|script|style|noscript|noframes|template)" + _ATTRIBUTES + rb"|"
    rb"<(?:html|head|base|basefont|bgsound|link|meta)" + _ATTRIBUTES + rb"|"
    rb"</(?!(?:body|html|br)[\t\n\f\r />])[a-z][^>]*+>",
    re.IGNORECASE | re.DOTALL,
)
_CLOSINGS = {
    name: re.compile(rb"</%s(?=[\t\n\f\r />])[^>]*+>" % name, re.IGNORECASE)
    for name in (b"title", b"script", b"style", b"noscript", b"noframes", b"template")
}


def end_of_head(markup: bytes) -> int:
    """The offset at which the body of the page begins."""
    at = 0
    while found := _PART.match(markup, at):
        at = found.end()
        if name := found["raw"]:
            closing = _CLOSINGS[name.lower()].search(markup, at)
            if closing is None:
                return len(markup)
            at = closing.end()
    return at
