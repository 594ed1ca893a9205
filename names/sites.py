"""What a site is: the registrable domain of a host, private suffixes included, and who hosts it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NewType

import ada_url

from samelook.names.errors import NotASite

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

Site = NewType("Site", str)
"""A registrable domain, or the whole host where tenants share a domain that no suffix list knows."""

MAX_URL_CHARS = 8192
_SCHEMES = frozenset({"http:", "https:"})
_MAX_HOST = 253


class Hosting(StrEnum):
    """Whose name a site's host is under."""

    OWN = "own"
    TENANT = "tenant"
    """Under a private suffix (`a.github.io`): a site of its own, which inherits nothing."""
    SHARED_PATHS = "shared_paths"
    """Strangers publish under paths of this very host: it can be neither trusted nor locked as a whole."""
    PERHAPS_SHARED = "perhaps_shared"
    """A host under a domain with so many hosts that strangers may have some of them."""


# Hosts on which anybody may publish under a path. From the services' own documentation; operators add theirs
# (VerdictSettings.shared_hosts).
SHARED_PATH_HOSTS: AbstractSet[str] = frozenset(
    {
        "sites.google.com",
        "docs.google.com",
        "drive.google.com",
        "storage.googleapis.com",
        "firebasestorage.googleapis.com",
        "script.google.com",
        "forms.office.com",
        "sway.office.com",
        "s3.amazonaws.com",
        "ipfs.io",
        "dweb.link",
        "cloudflare-ipfs.com",
        "gateway.pinata.cloud",
        "telegra.ph",
        "raw.githubusercontent.com",
        "gist.github.com",
        "htmlpreview.github.io",
        "web.archive.org",
        "translate.goog",
    }
)


def host_of_url(text: str) -> str:
    """The host of a URL in a browser's normal form (WHATWG URL: lower case, A-labels, no final dot).

    A bare host passes as well. Raises NotASite for what is no public web site.
    """
    if len(text) > MAX_URL_CHARS:
        raise NotASite(f"A URL of {len(text)} characters is too long; send the host alone.")
    candidate = text.strip()
    if "://" not in candidate:
        candidate = f"https://{candidate}"
    try:
        parsed = ada_url.URL(candidate.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    except ValueError as error:
        raise NotASite("This is no URL.") from error
    host = str(parsed.hostname).removesuffix(".")
    if str(parsed.protocol) not in _SCHEMES:
        raise NotASite("Only http and https sites have verdicts.")
    if host.startswith("[") or (host.rpartition(".")[2][:1].isdigit()):
        raise NotASite("An IP address has no verdict: it may be anybody's.")
    if "." not in host or len(host) > _MAX_HOST or ".." in host:
        raise NotASite("A name of one label, or an impossible one, is no public site.")
    return host


@lru_cache(maxsize=262_144)
def site_of_host(host: str) -> Site:
    """The registrable domain of a host in normal form; the host itself where it is a public suffix."""
    if host in SHARED_PATH_HOSTS:
        return Site(host)
    return Site(_suffixes().privatesuffix(host) or host)


def site_of_url(text: str) -> Site:
    """The site of a URL or host. Raises NotASite."""
    return site_of_host(host_of_url(text))


@lru_cache(maxsize=262_144)
def registrable_label(site: str) -> str:
    """The label that a site's owner chose: `google` for `google.co.uk`; empty for a suffix itself."""
    suffix = _suffixes().publicsuffix(site)
    if suffix is None or suffix == site:
        return ""
    return site[: -len(suffix) - 1].rpartition(".")[2]


@lru_cache(maxsize=262_144)
def is_tenant(site: str) -> bool:
    """Whether a private suffix, that is a platform, is all that the site's name is under."""
    every, public = _suffixes(), _suffixes_of_registries()
    return every.privatesuffix(site) is not None and every.publicsuffix(site) != public.publicsuffix(site)


def hosting_of(host: str, n_hosts: int | None, *, shared_hosts: AbstractSet[str], many_hosts: int) -> Hosting:
    """Who hosts `host`; `n_hosts` is how many hosts the crawl's list counts under its registrable domain."""
    if host in SHARED_PATH_HOSTS or host in shared_hosts:
        return Hosting.SHARED_PATHS
    site = site_of_host(host)
    if is_tenant(site):
        return Hosting.TENANT
    if host not in {site, f"www.{site}"} and (site in shared_hosts or (n_hosts or 0) >= many_hosts):
        return Hosting.PERHAPS_SHARED
    return Hosting.OWN


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@lru_cache(maxsize=1)
def _suffixes_of_registries() -> PublicSuffixList:
    """The list without the private section."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(only_icann=True)


def site_of_reversed(reversed_name: str) -> tuple[Site, str]:
    """Site and host of a name as rank lists have it (`com.example.www`)."""
    host = ".".join(reversed_name.split(".")[::-1])
    return site_of_host(host), host
