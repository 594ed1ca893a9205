"""What a page says about its icons, read with a real HTML5 parser. This module fetches nothing."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser

from samelook.crawler.discovery.candidates import (
    BROWSERS,
    MAX_DECLARED_CHARS,
    Browser,
    IconCandidate,
    Source,
)
from samelook.crawler.discovery.charset import decode_page, encoded_query
from samelook.crawler.discovery.data_urls import says_no_icon
from samelook.crawler.discovery.head import end_of_head
from samelook.crawler.discovery.markup import INERT, original, passive
from samelook.crawler.discovery.policy import Policy
from samelook.crawler.discovery.xml_page import html_of_xml
from samelook.crawler.fetching.errors import BadUrl
from samelook.crawler.fetching.urls import resolve

MAX_PARSED_BYTES = 1 << 20
"""Of longer pages the first mebibyte is read; links to icons stand at the top."""
MAX_CANDIDATES = 256
"""Declarations that are looked at, a quarter of them the last ones, which browsers prefer."""
_LAST_CANDIDATES = MAX_CANDIDATES // 4

_ICON_SOURCES: dict[str, Source] = {
    "icon": "link-icon",
    "apple-touch-icon": "apple-touch-icon",
    "apple-touch-icon-precomposed": "apple-touch-icon-precomposed",
    "fluid-icon": "fluid-icon",
}
_TILES = frozenset(
    f"msapplication-{name}"
    for name in ("tileimage", "square70x70logo", "square150x150logo", "wide310x150logo", "square310x310logo")
)
# https://html.spec.whatwg.org/#attr-meta-http-equiv-refresh
_REFRESH = re.compile(
    # Possessive: digits or spaces that are given back and tried again cost their square.
    r"[\t\n\f\r ]*+(?P<delay>\d++|(?=\.\d))[\d.]*+[\t\n\f\r ]*+(?:[;,]|(?<=[\t\n\f\r ]))[\t\n\f\r ]*+"
    r"(?:url[\t\n\f\r ]*+=[\t\n\f\r ]*+)?+(?P<url>\"[^\"]*|'[^']*|.*)",
    re.IGNORECASE | re.DOTALL,
)
_XML_TYPES = frozenset({"application/xhtml+xml", "application/xml", "text/xml"})
_HTML_TYPES = _XML_TYPES | {"text/html"}
_UNKNOWN_TYPES = frozenset({"", "unknown/unknown", "application/unknown"})
_TYPE_ENDS = re.compile(r"[ \t;(]")
_PASSWORD = re.compile(rb"""\btype[ \t\n\f\r]*+=[ \t\n\f\r]*+["']?+password\b""", re.IGNORECASE)
_LONGEST_FIELD = 1000
# How an answer without a type begins that browsers read as HTML (MIME Sniffing Standard, 7.1).
_MARKUP = re.compile(
    rb"[\t\n\f\r ]*<(?:!--|\?xml|(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b"
    rb"|body|br|p)[ >])",
    re.IGNORECASE,
)
_SNIFFED_BYTES = 512
_SPACES = re.compile(r"[\t\n\f\r ]+")
# Browsers fetch no picture from an address that holds a user name.
_WITH_USER = re.compile(r"[\s]*(?:https?:)?[\\/]{2}[^\\/?#]*@", re.IGNORECASE)

# Put in where the head ends. No page can know the name and end its head earlier for us than for browsers.
_MARK = f"samelook-{secrets.token_hex(8)}"
_END_OF_HEAD = f"<link {_MARK}>".encode()

_Attributes = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says about its icons."""

    icons: tuple[IconCandidate, ...]
    base: str
    """What relative URLs on the page are resolved against."""
    charset: str
    manifest: str | None = None
    """URL of the web manifest."""
    browserconfig: str | None = None
    refresh: str | None = None
    """Where the page sends its visitors at once."""
    unusable_link: bool = False
    """A link to an icon leads nowhere (`#`, `blob:`): browsers do not ask for /favicon.ico then either."""
    says_no_icon: bool = False
    """It links to an empty icon (`data:,`), so that browsers do not ask for /favicon.ico."""
    title: str = ""
    asks_password: bool = False
    """Its markup has a field for a password, or a script that writes one."""
    policy: Policy = field(default_factory=lambda: Policy(""))
    """What may be shown on it."""


def is_html(body: bytes, content_type: str | None, *, sniffs: bool = True) -> bool:
    """Whether a browser would read the answer as HTML. Unlabelled answers count when markup shows.

    Not so where the answer forbids to look for it: then `sniffs` is false.
    """
    essence = _essence(content_type)
    if essence in _UNKNOWN_TYPES:
        start = body[:_SNIFFED_BYTES].removeprefix(b"\xef\xbb\xbf")
        return sniffs and _MARKUP.match(start) is not None
    return essence in _HTML_TYPES


def _essence(content_type: str | None) -> str:
    """The media type without parameters: the last of several that may be one to Chromium."""
    for part in reversed((content_type or "").split(",")):
        essence = _TYPE_ENDS.split(part.strip(), maxsplit=1)[0]
        if "/" in essence and essence != "*/*":
            return essence.lower()
    return ""


def parse_page(body: bytes, content_type: str | None, url: str, policy: str = "") -> Page:
    """What the page at `url` declares; `url` is the one after redirects. Never fails on bad markup.

    `policy` is its Content-Security-Policy header.
    """
    text, charset = decode_page(body[:MAX_PARSED_BYTES], content_type)
    if _essence(content_type) in _XML_TYPES:
        text = html_of_xml(text)
    markup = text.encode("utf-8", "replace")
    # With scripting on, as in a browser, the content of noscript is text.
    end = end_of_head(markup)
    markup = markup[:end] + _END_OF_HEAD + markup[end:]
    document = LexborHTMLParser(passive(markup), scripting=True)
    rules = _policy_of(document, url, policy)
    base = _base_of(document, url, rules)
    icons: list[IconCandidate] = []
    manifest: str | None = None
    no_icon = unusable = False
    in_head = True
    for link in document.tags("link"):
        attributes = link.attributes
        if _MARK in attributes:
            in_head = False
            continue
        rel = _SPACES.split((attributes.get("rel") or "").lower())
        href = encoded_query(original(attributes.get("href") or ""), charset)
        if not href.strip():
            continue
        if manifest is None and "manifest" in rel:
            manifest = _resolved(href, base)
        for source in _sources_of(rel):
            address = _resolved(href, base)
            if address is None or (address == url and not address.startswith("data:")):
                # `href="#"` and the like name the page itself
                unusable = unusable or (source == "link-icon" and in_head)
                continue
            if says_no_icon(address):
                no_icon = no_icon or source == "link-icon"
                continue
            icons.append(
                IconCandidate(
                    url=address,
                    declared=href[:MAX_DECLARED_CHARS],
                    source=source,
                    sizes=_short(attributes.get("sizes")),
                    type=_short(attributes.get("type")),
                    media=_short(attributes.get("media")),
                    # How Safari's stencils were declared before `mask-icon`; Firefox skips them as well.
                    purpose="monochrome" if "mask" in attributes else "",
                    order=len(icons),
                    in_head=in_head,
                    tab_icon_of=_tab_icon_of(rel, attributes) if source == "link-icon" else BROWSERS,
                    allowed=rules.shows(address) and _WITH_USER.match(href) is None,
                )
            )
    if len(icons) > MAX_CANDIDATES:
        icons = icons[: MAX_CANDIDATES - _LAST_CANDIDATES] + icons[-_LAST_CANDIDATES:]
    tiles, browserconfig, refresh = _metas_of(document, base, url, charset)
    return Page(
        icons=(*icons, *tiles),
        base=base,
        charset=charset,
        manifest=manifest,
        browserconfig=browserconfig,
        refresh=refresh,
        unusable_link=unusable,
        says_no_icon=no_icon,
        title=_title_of(document),
        asks_password=_asks_password(markup),
        policy=rules,
    )


def _sources_of(rel: list[str]) -> list[Source]:
    return [source for token, source in _ICON_SOURCES.items() if token in rel]


def _tab_icon_of(rel: list[str], attributes: _Attributes) -> frozenset[Browser]:
    """Who takes a link with the word `icon` for a tab's: Chromium by the last word, Firefox by the first."""
    kinds = [word for word in rel if word in _ICON_SOURCES]
    takes: dict[Browser, bool] = {
        "chromium": [word for word in kinds if word != "fluid-icon"][-1] == "icon",
        "firefox": kinds[0] == "icon" and "color" not in attributes and "mask" not in " ".join(rel),
    }
    return frozenset(browser for browser, does in takes.items() if does)


def _policy_of(document: LexborHTMLParser, url: str, header: str) -> Policy:
    relations = [
        original(meta.attributes.get("content") or "")
        for meta in document.tags("meta")
        if (meta.attributes.get("http-equiv") or "").strip().lower() == "content-security-policy"
    ]
    return Policy.of(url, [header, *relations] if header else relations)


def _base_of(document: LexborHTMLParser, url: str, rules: Policy) -> str:
    for base in document.tags("base"):
        href = base.attributes.get("href")
        if href is None:
            continue
        found = _resolved(original(href), url)
        usable = found is not None and not found.startswith("data:") and rules.has_base(found)
        return found if usable and found is not None else url
    return url


def _resolved(href: str, base: str) -> str | None:
    try:
        return resolve(href, base)
    except BadUrl:
        return None


def _short(value: str | None) -> str:
    return original(value).strip()[:MAX_DECLARED_CHARS] if value else ""


def _metas_of(
    document: LexborHTMLParser, base: str, url: str, charset: str
) -> tuple[list[IconCandidate], str | None, str | None]:
    """Tile images, the browserconfig's URL, and where an immediate refresh leads."""
    tiles: list[IconCandidate] = []
    browserconfig: str | None = None
    refresh: str | None = None
    for meta in document.tags("meta"):
        attributes = meta.attributes
        if INERT in attributes:
            continue
        content = encoded_query(original(attributes.get("content") or ""), charset)
        if not content.strip():
            continue
        name = (attributes.get("name") or "").strip().lower()
        if name in _TILES and len(tiles) < len(_TILES):
            address = _resolved(content, base)
            if address is not None and not says_no_icon(address):
                declared = content[:MAX_DECLARED_CHARS]
                tiles.append(IconCandidate(address, declared, "tile-image", order=len(tiles)))
        elif name == "msapplication-config" and browserconfig is None:
            browserconfig = None if content.strip().lower() == "none" else _resolved(content, base)
        elif refresh is None and (attributes.get("http-equiv") or "").lower() == "refresh":
            refresh = refresh_target(content, base, url)
    return tiles, browserconfig, refresh


def refresh_target(content: str, base: str, url: str) -> str | None:
    """Where a refresh of the page at `url` leads, if it comes without delay and not to the page itself.

    `content` is that of a `meta` or of a Refresh header.
    """
    found = _REFRESH.match(content[: MAX_DECLARED_CHARS * 4])
    if found is None or int(found["delay"][:9] or 0) > 0:
        return None
    quoted = found["url"].startswith(("'", '"'))
    target = _resolved(found["url"][quoted:], base)
    if target is None or target.startswith("data:") or not found["url"][quoted:].strip():
        return None
    return None if target == url else target


def _asks_password(markup: bytes) -> bool:
    starts = (
        markup.rfind(b"<", max(0, found.start() - _LONGEST_FIELD), found.start())
        for found in _PASSWORD.finditer(markup)
    )
    return any(start >= 0 and markup[start : start + 6].lower() == b"<input" for start in starts)


def _title_of(document: LexborHTMLParser) -> str:
    for title in document.tags("title"):
        return " ".join(original(title.text() or "").split())[:300]
    return ""
