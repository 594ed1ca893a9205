"""The tiles of a browserconfig.xml, which old Windows start screens showed.

Read by the HTML parser: it knows no entity declarations, so nothing can expand or be fetched.
"""

from __future__ import annotations

from selectolax.lexbor import LexborHTMLParser

from samelook.crawler.discovery.candidates import MAX_DECLARED_CHARS, IconCandidate
from samelook.crawler.discovery.charset import decode_page
from samelook.crawler.discovery.manifest import DeclaredIcons
from samelook.crawler.fetching.errors import BadUrl
from samelook.crawler.fetching.urls import resolve

MAX_BYTES = 65_536
_TILES = {
    "square70x70logo": "70x70",
    "square150x150logo": "150x150",
    "wide310x150logo": "310x150",
    "square310x310logo": "310x310",
    "tileimage": "",
}


def parse_browserconfig(body: bytes, content_type: str | None, url: str) -> DeclaredIcons:
    """The tiles that the browserconfig at `url` declares, relative to it."""
    text, _ = decode_page(body[:MAX_BYTES], content_type)
    # Links of an HTML error page are none of its tiles, so the root element has to be there.
    document = LexborHTMLParser(text)
    if not document.tags("browserconfig"):
        return DeclaredIcons(note="The browserconfig has no browserconfig element")
    icons: list[IconCandidate] = []
    for name, sizes in _TILES.items():
        for tile in document.tags(name)[:1]:
            declared = tile.attributes.get("src") or ""
            try:
                resolved = resolve(declared, url) if declared.strip() else ""
            except BadUrl:
                continue
            if resolved:
                icons.append(
                    IconCandidate(
                        url=resolved,
                        declared=declared[:MAX_DECLARED_CHARS],
                        source="browserconfig",
                        sizes=sizes,
                        order=len(icons),
                    )
                )
    return DeclaredIcons(tuple(icons))
