"""Names that cannot be public web sites, whatever a local resolver makes of them.

A private host has no verdict: the crawler cannot see it, nobody may learn that it exists, and a lock on
somebody's own GitLab helps no one. `example` and `test` pass, though reserved (RFC 6761): documentation,
demonstrations and tests name their sites under them.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

from samelook.names.addresses import why_refused
from samelook.names.suffixes import is_delegated

_FOR_DOCUMENTATION = frozenset({"example", "test"})

# The list of suffixes has these two, but none of their names is looked up in the public DNS:
# `arpa` is infrastructure (home.arpa, RFC 8375), `onion` is Tor's (RFC 7686).
_NOT_OF_THE_WEB = {"arpa": "a name of the internet's infrastructure", "onion": "a Tor service"}

# Services that answer any name with the address written in it.
_ADDRESS_IN_NAME = (
    "nip.io",
    "sslip.io",
    "xip.io",
    "backname.io",
    "traefik.me",
    "plex.direct",
    "my.local-ip.co",
    "local-ip.sh",
    "ip.addr.tools",
)
# Public names that always lead to the computer itself, kept for developers.
_LOOPBACK = (
    "localtest.me",
    "lvh.me",
    "vcap.me",
    "local.gd",
    "fuf.me",
    "localho.st",
    "127-0-0-1.org.uk",
)
_TOPS = frozenset(name.rpartition(".")[2] for name in (*_ADDRESS_IN_NAME, *_LOOPBACK))
_UNDER_LOOPBACK = tuple(f".{name}" for name in _LOOPBACK)
_UNDER_ADDRESS_IN_NAME = tuple(f".{name}" for name in _ADDRESS_IN_NAME)

_DOTTED = re.compile(r"(?:^|[.-])((?:\d{1,3}[.-]){3}\d{1,3})(?=[.-]|$)")
_HEX_V4 = re.compile(r"(?:^|[.-])([0-9a-f]{8})(?=\.|$)")
_V6_LABEL = re.compile(r"(?:^|\.)([0-9a-f]*(?:-[0-9a-f]*){2,7})(?=\.|$)")


def why_not_public(host: str) -> str | None:
    """Why a host in normal form is no public name, in a few words; None when it may be one. O(1).

    Of services that find the address in the name, names of public addresses pass.
    """
    top = host.rpartition(".")[2]
    if top in _NOT_OF_THE_WEB:
        return _NOT_OF_THE_WEB[top]
    if top not in _FOR_DOCUMENTATION and not is_delegated(top):
        return f"nobody has delegated .{top[:20]}"
    if top in _TOPS:
        if f".{host}".endswith(_UNDER_LOOPBACK):
            return "a name of the computer itself"
        if host.endswith(_UNDER_ADDRESS_IN_NAME):
            return _why_address_is_private(host)
    return None


def _why_address_is_private(host: str) -> str | None:
    for address in _addresses_in(host):
        why = why_refused(address)
        if why is not None:
            return f"it stands for the address {address}: {why}"
    return None


def _addresses_in(host: str) -> list[str]:
    addresses = []
    for dotted in _DOTTED.findall(host):
        numbers = re.split(r"[.-]", dotted)
        if all(int(number) < 256 for number in numbers):  # noqa: PLR2004 - bytes of an IPv4 address
            addresses.append(".".join(str(int(number)) for number in numbers))
    addresses += [str(IPv4Address(int(digits, 16))) for digits in _HEX_V4.findall(host)]
    for dashed in _V6_LABEL.findall(host):
        try:
            addresses.append(str(IPv6Address(dashed.replace("-", ":"))))
        except ValueError:
            continue
    return addresses
