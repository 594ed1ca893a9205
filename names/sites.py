"""What a site is, and who speaks for it: the one notion that tables, facts and verdicts share.

A site is a registrable domain under the Public Suffix List, private suffixes and `platforms.csv` included.
Only its front door, the apex and `www.`, speaks for it: other hosts below it may be anybody's.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import StrEnum
from functools import lru_cache
from typing import NewType

import ada_url

from samelook.names.addresses import why_refused
from samelook.names.errors import NotASite
from samelook.names.hosts import MAX_NAME, Host
from samelook.names.platforms import Tenants, platform_of, proxied_host
from samelook.names.special import why_not_public
from samelook.names.suffixes import is_registry_suffix, public_suffix

Site = NewType("Site", str)
"""A registrable domain, a platform's tenant, or a public IP address."""

MAX_URL_CHARS = 8192
_IMPOSSIBLE = "a name of one label, or an impossible one"
_SCHEMES = frozenset({"http:", "https:"})
_CACHED = 8192
"""Names of which each answer is remembered: enough for those in hand at a time. Anybody can invent names, and
each takes up to a kilobyte in each of the caches."""


class Hosting(StrEnum):
    """Whose pages a host shows."""

    OWN = "own"
    TENANT = "tenant"
    """A platform's tenant (`a.github.io`, `a.weebly.com`): a site of its own, which inherits nothing."""
    PROXY = "proxy"
    """Another host's pages, shown by a translation or AMP proxy."""
    SHARED_PATHS = "shared_paths"
    """Strangers publish under paths of this very host: it can be neither trusted nor locked as a whole."""
    PERHAPS_SHARED = "perhaps_shared"
    """A host below the front door of a domain with so many hosts that strangers may have some of them."""


def host_of_url(text: str) -> Host:
    """The host of a URL in a browser's normal form (WHATWG URL: lower case, A-labels, no final dot).

    A bare host passes as well, and a public IP address. Raises NotASite for what is no public web site.
    """
    if len(text) > MAX_URL_CHARS:
        raise NotASite(f"A URL of {len(text)} characters is too long; send the host alone.")
    candidate = text.strip()
    if "://" not in candidate:
        # A bare IPv6 address is written without brackets wherever hosts are kept.
        bare = candidate.count(":") > 1 and not candidate.startswith("[") and "/" not in candidate
        candidate = f"https://[{candidate}]" if bare else f"https://{candidate}"
    try:
        parsed = ada_url.URL(candidate.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    except ValueError as error:
        raise NotASite("This is no URL.") from error
    host = str(parsed.hostname).removesuffix(".")
    if str(parsed.protocol) not in _SCHEMES:
        raise NotASite("Only http and https sites have verdicts.")
    why = _IMPOSSIBLE if len(host) > MAX_NAME else _why_private(host)
    if why is not None:
        raise NotASite(f"{host[:MAX_NAME]} is no public site: {why}.", reason=why)
    return Host(host.strip("[]"))


@lru_cache(maxsize=_CACHED)
def _why_private(host: str) -> str | None:
    if host.startswith("[") or host.rpartition(".")[2].isdigit():
        return why_refused(host.strip("[]"))
    if "." not in host or ".." in host or host.startswith("."):
        return _IMPOSSIBLE
    return why_not_public(host)


@lru_cache(maxsize=_CACHED)
def site_of(host: str) -> Site:
    """The site that a host in normal form belongs to: one that is a public suffix is a site itself.

    `github.io` and `blogspot.com` are suffixes and have a home page of their own all the same.
    """
    if is_address(host):
        return Site(host)
    registrable = registrable_domain(host)
    platform = platform_of(host)
    if platform is None:
        return _without_www(registrable) if registrable else Site(host)
    if platform.is_own(host):
        shares_paths = platform.shares_paths(host)
        return Site(platform.domain) if shares_paths else _apex_of(platform.domain)
    if platform.tenants is Tenants.WHOLE:
        return Site(host)
    tenant = f"{platform.label_of(host)}.{platform.domain}"
    return Site(max(tenant, registrable or host, key=len))


def site_of_url(text: str) -> Site:
    """The site of a URL or host. Raises NotASite."""
    return site_of(host_of_url(text))


@lru_cache(maxsize=_CACHED)
def registrable_domain(host: str) -> Site | None:
    """The registrable domain of a host under the suffix list; None when the host is itself a suffix."""
    suffix = public_suffix(host)
    if suffix == host:
        return None
    return Site(host[: -len(suffix) - 1].rpartition(".")[2] + "." + suffix)


def is_front_door(host: str) -> bool:
    """Whether a host speaks for its site: the apex and `www.` do, nothing else."""
    site = site_of(host)
    return host in {site, f"www.{site}"}


def is_address(host: str) -> bool:
    """Whether a host in normal form is an IP address."""
    return ":" in host or host.rpartition(".")[2].isdigit()


@lru_cache(maxsize=_CACHED)
def registrable_label(site: str) -> str:
    """The label that a site's owner chose: `google` for `google.co.uk`; empty for a suffix or an address."""
    if is_address(site):
        return ""
    platform = platform_of(site)
    if platform is not None and not platform.is_own(site):
        return platform.label_of(site)
    registrable = registrable_domain(site)
    return "" if registrable is None else registrable.partition(".")[0]


@lru_cache(maxsize=_CACHED)
def is_tenant(site: str) -> bool:
    """Whether a site's name is under a platform's, where anybody may take any label."""
    if is_address(site):
        return True
    platform = platform_of(site)
    if platform is not None and not platform.is_own(site):
        return True
    return registrable_domain(site) is not None and not is_registry_suffix(public_suffix(site))


def hosting_of(host: str, n_hosts: int | None, *, shared_hosts: AbstractSet[str], many_hosts: int) -> Hosting:
    """Whose pages `host` shows; `n_hosts` is how many hosts a rank list counts under its site."""
    platform = platform_of(host)
    if host in shared_hosts or (platform is not None and platform.shares_paths(host)):
        return Hosting.SHARED_PATHS
    if platform is not None and proxied_host(platform, host) is not None:
        return Hosting.PROXY
    site = site_of(host)
    if is_tenant(site):
        return Hosting.TENANT
    if not is_front_door(host) and (site in shared_hosts or (n_hosts or 0) >= many_hosts):
        return Hosting.PERHAPS_SHARED
    return Hosting.OWN


@lru_cache(maxsize=_CACHED)
def operators_of(host: str) -> frozenset[Site]:
    """The sites whose icons a host shows as its platform's default: whoever runs it, and what a proxy shows.

    Nothing for a host that is on no platform.
    """
    platform, site = platform_of(host), site_of(host)
    if platform is None:
        is_named_tenant = is_tenant(site) and not is_address(site)
        return frozenset({Site(public_suffix(site))} if is_named_tenant else ())
    if platform.is_own(host) and not platform.shares_paths(host):
        return frozenset()
    origin = proxied_host(platform, host)
    sites = {
        _apex_of(platform.domain),
        Site(platform.domain),
        *(site_of(operator) for operator in platform.operators),
        *([site_of(origin)] if origin else []),
    }
    return frozenset(sites)


def _apex_of(domain: str) -> Site:
    return registrable_domain(domain) or Site(domain)


def _without_www(registrable: Site) -> Site:
    """A platform's own `www.` is its front door, and no tenant of it."""
    label, _, suffix = registrable.partition(".")
    if label == "www" and "." in suffix and not is_registry_suffix(suffix):
        return Site(suffix)
    return registrable
