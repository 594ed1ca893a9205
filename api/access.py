"""Who may call what: keys by role, host names by configuration, pages and extensions by origin.

Everything here decides from values; `middlewares.py` asks it about requests.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from aiohttp import hdrs

from samelook.api.description import AccessRole, Operation
from samelook.api.settings import ApiSettings, is_loopback

ROLES: tuple[AccessRole, ...] = ("extension", "viewer", "curator", "admin")
"""Each includes those before it."""
EXTENSION_SCHEMES = ("chrome-extension://", "moz-extension://", "safari-web-extension://")
SAFE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s\[\]:@/?#,]+)(?::[0-9]{1,5})?")


def allows(role: AccessRole, needed: AccessRole) -> bool:
    """Whether a role includes another."""
    return ROLES.index(role) >= ROLES.index(needed)


def key_needed(operation: Operation, settings: ApiSettings) -> bool:
    """Whether callers of the operation must show a key."""
    if operation.role is None:
        return False
    if operation.role == "extension" and not operation.proof:
        return settings.extension.require_key
    changes = operation.page and operation.role != "viewer"
    return operation.proof or changes or settings.keys_needed


def is_trusted(address: str, settings: ApiSettings) -> bool:
    """Whether somebody at this address needs no key, because the operator has named their network."""
    if not settings.trusted_networks:
        return False
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in settings.trusted_networks)


def key_in(headers: Mapping[str, str]) -> str | None:
    """The API key that a request shows."""
    key = headers.get("X-API-Key")
    if key is not None:
        return key
    scheme, _, token = headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def host_named(values: Sequence[str]) -> str | None:
    """The name in a request's Host headers, without port and brackets; None when they are no host's."""
    return _host_of(values[0]) if len(values) == 1 else None


@lru_cache(maxsize=256)
def _host_of(value: str) -> str | None:
    found = _HOST.fullmatch(value)
    return found and found[1].strip("[]").rstrip(".").lower()


def is_own_name(host: str, settings: ApiSettings) -> bool:
    """Whether a request for this host is meant for this service.

    A stranger's name that leads here makes his page same-origin with the service (DNS rebinding); an address
    cannot do that, as his page would have to be served from it.
    """
    if is_loopback(host) or host in _names(settings.host, settings.hosts, settings.public_url):
        return True
    return not settings.on_loopback and _is_address(host)


def may_call(origin: str | None, host: str, operation: Operation | None, settings: ApiSettings) -> bool:
    """Whether a page or an extension of this origin may call the operation and read the answer.

    `host` is the service's own as the request names it. Of its routes, browser extensions get those that
    are made for them, and what everybody may know.
    """
    if origin is None or origin in settings.allowed_origins:
        return True
    scheme, _, page = origin.partition("://")
    if page == host and scheme in ("http", "https"):
        return True
    if operation is not None and operation.role not in (None, "extension"):
        return False
    named = settings.extension.origins
    if operation is not None and operation.role == "extension" and named:
        return "*" in named or origin in named
    return origin.startswith(EXTENSION_SCHEMES)


def is_foreign_fetch(headers: Mapping[str, str], operation: Operation | None) -> bool:
    """Whether a page of another site, or an extension, asks for something by a request without an origin.

    Pictures, scripts, frames and the GET requests of extensions that may read every site carry none. Browsers
    tell in Sec-Fetch-* what a request is for (Fetch Metadata); where it is missing nothing can be told.
    """
    if operation is None or operation.role in (None, "extension"):
        return False
    if headers.get("Sec-Fetch-Site") in (None, "same-origin"):
        return False
    # A person who follows a link to a page of the service is no attack.
    return headers.get("Sec-Fetch-Mode") != "navigate" or headers.get("Sec-Fetch-Dest") != "document"


@lru_cache(maxsize=16)
def _names(bound: str, hosts: tuple[str, ...], public_url: str) -> frozenset[str]:
    names = {name.rstrip(".").lower() for name in (bound, *hosts) if name}
    if public_url:
        names.add((urlsplit(public_url).hostname or "").lower())
    return frozenset(names)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
