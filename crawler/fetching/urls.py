"""URLs as browsers read them: the WHATWG URL Standard, by the Ada parser that Node.js uses.

Everything that leaves here is http or https (or `data:`), has its host in ASCII by non-transitional
UTS 46, number forms of IPv4 addresses written out (so that an address guard sees the address that
will be connected to), no fragment and no user name or password.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

import ada_url

from samelook.crawler.fetching.errors import BadUrl

MAX_URL_CHARS = 8_192
MAX_DATA_URL_CHARS = 1_400_000
"""Room for a mebibyte of base64: no icon needs more."""

_MAX_HOST_CHARS = 253
_MAX_LABEL_CHARS = 63
_STRIPPED = "".join(map(chr, range(0x21)))
_NOT_HOSTS = frozenset("/\\?#@ \t\r\n")


# What the parser would give back as it is, which most URLs are: plain letters, no dots at the start of a
# path's segment, no number at the end of the host (that would be an IPv4 address), no Punycode.
_CANONICAL = re.compile(
    r"https?://(?!(?:[^/]*\.)?xn--)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z][a-z0-9-]{0,61}[a-z0-9]"
    r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*/)*(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*)?(?:\?[A-Za-z0-9._~=&-]*)?\Z"
)


def resolve(url: str, base: str | None = None) -> str:
    """The absolute URL that a browser would request for `url` on a page at `base`.

    User name and password are dropped: icons behind them are not what visitors see. Raises BadUrl
    for what is no URL, is neither http, https nor `data:`, is too long, or has an unusable host.
    """
    if _CANONICAL.match(url) is not None and len(url) <= MAX_URL_CHARS:
        return url
    text = url.strip(_STRIPPED)
    limit = MAX_DATA_URL_CHARS if text[:5].lower() == "data:" else MAX_URL_CHARS
    if len(text) > limit:
        raise BadUrl(f"A URL of {len(text)} characters is longer than {limit}", start=text[:80])
    try:
        parsed = ada_url.URL(well_formed(text), base)
    except ValueError as error:
        raise BadUrl(f"Not a URL: {text[:200]!r}", url=text[:200]) from error
    protocol = parsed.protocol
    if protocol not in {"http:", "https:", "data:"}:
        raise BadUrl(f"Not an http, https or data URL: {text[:200]!r}", url=text[:200])
    # The href is cut rather than the hash set to "": that works for opaque paths as well.
    if protocol == "data:":
        return parsed.href.partition("#")[0]
    _check_host(parsed.hostname)
    if parsed.username or parsed.password:
        parsed.username = parsed.password = ""
    href = parsed.href.partition("#")[0]
    if len(href) > MAX_URL_CHARS:
        raise BadUrl(f"A URL of {len(href)} characters is longer than {MAX_URL_CHARS}", start=href[:80])
    return href


def well_formed(text: str) -> str:
    """`text` with U+FFFD for unpaired surrogates, which broken JSON gives, as in a browser."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@lru_cache(maxsize=16_384)
def _check_host(host: str) -> None:
    """Raises BadUrl for a host that the URL parser lets through but that no name server can know.

    Ada does not verify labels that come in Punycode already; idna does, by UTS 46.
    """
    if host.startswith("["):
        return
    name = host.removesuffix(".")
    labels = name.split(".")
    if len(name) > _MAX_HOST_CHARS or not all(0 < len(label) <= _MAX_LABEL_CHARS for label in labels):
        raise BadUrl(f"No host has this name: {host[:80]!r}", host=host[:300])
    for label in labels:
        if label.startswith("xn--"):
            _check_punycode(label, host)


def _check_punycode(label: str, host: str) -> None:
    try:
        spelled = label[4:].encode("ascii").decode("punycode")
        again = ada_url.idna_to_ascii(spelled) if spelled and not spelled.isascii() else b""
    except (UnicodeError, ValueError) as error:
        raise BadUrl(f"The label {label!r} is not valid Punycode", host=host) from error
    if _text(again) != label:
        raise BadUrl(f"The label {label!r} is not valid Punycode", host=host)


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


def origin_of(url: str) -> str:
    """Scheme, host and port, without the default port: `https://example.org`."""
    try:
        return str(ada_url.URL(url).origin)
    except ValueError as error:
        raise BadUrl(f"Not a URL: {url[:200]!r}", url=url[:200]) from error


def host_of(url: str) -> str:
    """The host of an absolute URL in ASCII, without port; IPv6 addresses keep their brackets."""
    try:
        return str(ada_url.URL(url).hostname)
    except ValueError as error:
        raise BadUrl(f"Not a URL: {url[:200]!r}", url=url[:200]) from error


def site_url_of(domain: str) -> str:
    """The URL at which the site of a bare domain starts: `https://example.org/`. Raises BadUrl."""
    name = domain.strip(_STRIPPED)
    if not name or not _NOT_HOSTS.isdisjoint(name):
        raise BadUrl(f"Not a domain: {domain[:200]!r}", domain=domain[:200])
    return resolve(f"https://{name}/")


def start_urls_of(target: str) -> tuple[str, ...]:
    """The URLs to try for what someone asked about, best first.

    A URL stands for itself. A bare domain (or its start page over https, which is how a crawl
    spells it) is tried over https, then http, then both with `www.`.
    """
    text = target.strip(_STRIPPED)
    if text[:8].lower().startswith(("http:", "https:")):
        url = resolve(text)
        if not url.startswith("https:") or url != f"{origin_of(url)}/":
            return (url,)
        secure = url
    elif "://" in text:
        raise BadUrl(f"Not an http or https URL: {text[:200]!r}", url=text[:200])
    else:
        secure = resolve(f"https://{text}")
    hosts = [secure]
    host = host_of(secure)
    if not host.startswith("www.") and not _is_address(host) and "." in host.rstrip("."):
        hosts.append(secure.replace("https://", "https://www.", 1))
    # A port that someone names is meant for one scheme; both are tried all the same.
    return tuple(url for name in hosts for url in (name, name.replace("https:", "http:", 1)))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
