"""What a site says of others: that they are its own, on its front page and in two well-known files.

- `hreflang` and `canonical`: links of the front page to its other languages, and to the page it is a copy of
- `webauthn`: origins that may use its passkeys (Related Origin Requests, WebAuthn Level 3)
- `assetlinks`: sites that share its sign-in (Digital Asset Links, `get_login_creds`)

What a site says proves nothing by itself; whoever reads these asks which of the two is better placed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final, Literal
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser

from samelook.crawler.discovery.charset import decode_page
from samelook.names.errors import NotASite
from samelook.names.sites import Site, site_of_url

StatementKind = Literal["hreflang", "canonical", "webauthn", "assetlinks"]
WELL_KNOWN: Final[dict[StatementKind, str]] = {
    "webauthn": "/.well-known/webauthn",
    "assetlinks": "/.well-known/assetlinks.json",
}
MOST_SITES: Final = 300
"""Sites that one page or file may name; more than any organisation has."""
_MOST_BYTES: Final = 1024 * 1024
_MOST_LINKS: Final = 2000
_SIGN_IN: Final = "delegate_permission/common.get_login_creds"


def sites_in_page(
    body: bytes, content_type: str | None, url: str, own: Site
) -> dict[StatementKind, set[Site]]:
    """The other sites that the front page at `url` links to as itself. Never fails on bad markup."""
    text, _ = decode_page(body[:_MOST_BYTES], content_type)
    found: dict[StatementKind, set[Site]] = {}
    for number, link in enumerate(LexborHTMLParser(text).css("head > link[rel][href]")):
        if number == _MOST_LINKS:
            break
        relations = (link.attributes.get("rel") or "").lower().split()
        target = _resolved(url, link.attributes.get("href") or "")
        if "canonical" in relations:
            found.setdefault("canonical", set()).update(_sites([target], own))
        elif "alternate" in relations and link.attributes.get("hreflang"):
            found.setdefault("hreflang", set()).update(_sites([target], own))
    return {kind: sites for kind, sites in found.items() if 0 < len(sites) <= MOST_SITES}


def sites_in_file(kind: StatementKind, body: bytes, own: Site) -> set[Site]:
    """The other sites that a file under `/.well-known/` names; none when it is not of that form."""
    if len(body) > _MOST_BYTES:
        return set()
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return set()
    named = _origins(value) if kind == "webauthn" else _targets(value)
    sites = set(_sites(named, own))
    return sites if len(sites) <= MOST_SITES else set()


def _origins(value: object) -> list[str]:
    origins = value.get("origins") if isinstance(value, dict) else None
    return [origin for origin in origins if isinstance(origin, str)] if isinstance(origins, list) else []


def _targets(value: object) -> Iterator[str]:
    for statement in value if isinstance(value, list) else []:
        relations = statement.get("relation") if isinstance(statement, dict) else None
        target = statement.get("target") if isinstance(statement, dict) else None
        if isinstance(relations, list) and _SIGN_IN in relations and isinstance(target, dict):
            site = target.get("site")
            if target.get("namespace") == "web" and isinstance(site, str):
                yield site


def _sites(urls: Iterable[str], own: Site) -> Iterator[Site]:
    for url in urls:
        try:
            site = site_of_url(url)
        except NotASite:
            continue
        if site != own:
            yield site


def _resolved(base: str, href: str) -> str:
    try:
        return urljoin(base, href.strip())
    except ValueError:
        return ""
