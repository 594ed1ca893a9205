"""Which addresses are public: the rule that keeps the crawler out of private networks.

Allowed is what the IANA special-purpose registries leave of the unicast space (RFC 6890 and
its updates, as of 2025), less every form that carries another address inside: a tunnel or
translator on the way could turn such a form into a private address.
"""

from __future__ import annotations

import re
import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_REFUSED_V4 = tuple(
    (IPv4Network(network), why)
    for network, why in (
        ("0.0.0.0/8", "this network (RFC 791)"),
        ("10.0.0.0/8", "private (RFC 1918)"),
        ("100.64.0.0/10", "carrier-grade NAT (RFC 6598)"),
        ("127.0.0.0/8", "loopback (RFC 1122)"),
        ("169.254.0.0/16", "link-local (RFC 3927)"),
        ("172.16.0.0/12", "private (RFC 1918)"),
        ("192.0.0.0/24", "protocol assignments (RFC 6890)"),
        ("192.0.2.0/24", "documentation (RFC 5737)"),
        ("192.31.196.0/24", "AS112 service (RFC 7535)"),
        ("192.52.193.0/24", "AMT relays (RFC 7450)"),
        ("192.88.99.0/24", "6to4 relay (RFC 7526)"),
        ("192.168.0.0/16", "private (RFC 1918)"),
        ("192.175.48.0/24", "AS112 service (RFC 7534)"),
        ("198.18.0.0/15", "benchmarking (RFC 2544)"),
        ("198.51.100.0/24", "documentation (RFC 5737)"),
        ("203.0.113.0/24", "documentation (RFC 5737)"),
        ("224.0.0.0/4", "multicast (RFC 5771)"),
        ("240.0.0.0/4", "reserved or broadcast (RFC 1112)"),
    )
)

_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")

# First the forms outside global unicast, for a message that says what they are.
_REFUSED_V6 = tuple(
    (IPv6Network(network), why)
    for network, why in (
        ("::/128", "unspecified (RFC 4291)"),
        ("::1/128", "loopback (RFC 4291)"),
        ("::ffff:0:0/96", "IPv4-mapped (RFC 4291)"),
        ("::ffff:0:0:0/96", "IPv4-translated (RFC 2765)"),
        ("::/96", "IPv4-compatible (RFC 4291)"),
        ("64:ff9b::/96", "NAT64 (RFC 6052)"),
        ("64:ff9b:1::/48", "local NAT64 (RFC 8215)"),
        ("100::/64", "discard only (RFC 6666)"),
        ("2001::/32", "Teredo tunnel (RFC 4380)"),
        ("2001:2::/48", "benchmarking (RFC 5180)"),
        ("2001::/23", "protocol assignments (RFC 2928)"),
        ("2001:db8::/32", "documentation (RFC 3849)"),
        ("2002::/16", "6to4 tunnel (RFC 7526)"),
        ("2620:4f:8000::/48", "AS112 service (RFC 7534)"),
        ("3ffe::/16", "6bone, given back (RFC 3701)"),
        ("3fff::/20", "documentation (RFC 9637)"),
        ("5f00::/16", "segment routing (RFC 9602)"),
        ("fc00::/7", "unique local (RFC 4193)"),
        ("fe80::/10", "link-local (RFC 4291)"),
        ("fec0::/10", "site-local (RFC 3879)"),
        ("ff00::/8", "multicast (RFC 4291)"),
    )
)

# ISATAP (RFC 5214) puts an IPv4 address behind these 32 bits under any prefix.
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})

_V4_PART = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)\Z")


@lru_cache(maxsize=4096)
def why_refused(address: str) -> str | None:
    """The reason not to connect to `address`, or None when it is public unicast.

    `address` is what `getaddrinfo` or a literal gave; anything that is no plain address, one
    with a zone included, is refused too.
    """
    if "%" in address:
        return "an address with a zone"
    try:
        ip = IPv6Address(address) if ":" in address else IPv4Address(address)
    except ValueError:
        return "not an address"
    if isinstance(ip, IPv4Address):
        return next((why for network, why in _REFUSED_V4 if ip in network), None)
    why = next((why for network, why in _REFUSED_V6 if ip in network), None)
    if why is None and ip not in _GLOBAL_UNICAST_V6:
        why = "outside global unicast (RFC 4291)"
    if why is None and (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
        why = "ISATAP tunnel (RFC 5214)"
    return why


def literal_address(host: str) -> str | None:
    """The canonical address when `host` is a literal address in any form, None when it is a name.

    Knows `[…]` for IPv6 and the IPv4 forms that browsers and `inet_aton` accept: one to four
    parts, each decimal, octal or hexadecimal (WHATWG URL, "ends in a number" and "IPv4
    parser"). Raises ValueError for what would be read as an address but is none.
    """
    if host.startswith("[") or ":" in host:
        inner = host.removeprefix("[").removesuffix("]")
        return str(IPv6Address(inner.partition("%")[0])) + ("%" if "%" in inner else "")
    parts = host.removesuffix(".").split(".")
    last = parts[-1]
    if not (last.isascii() and (last.isdigit() or (_V4_PART.match(last) and last[:2].lower() == "0x"))):
        return None
    if len(parts) > 4:  # noqa: PLR2004 - an IPv4 address has four bytes
        raise ValueError(f"{host!r} ends in a number but has more than four parts")
    numbers = [_number(part, host) for part in parts]
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(numbers)):  # noqa: PLR2004
        raise ValueError(f"{host!r} ends in a number but is out of range for IPv4")
    value = numbers[-1] + sum(number << 8 * (3 - place) for place, number in enumerate(numbers[:-1]))
    return str(IPv4Address(value))


def _number(part: str, host: str) -> int:
    if not _V4_PART.match(part) or not part.isascii():
        raise ValueError(f"{host!r} ends in a number but is no IPv4 address")
    try:
        if part[:2].lower() == "0x":
            return int(part[2:] or "0", 16)
        # Longer than any IPv4 number; also keeps int() from being fed kilobytes.
        if len(part.lstrip("0")) > 11:  # noqa: PLR2004
            return 1 << 32
        return int(part, 8 if len(part) > 1 and part[0] == "0" else 10)
    except ValueError:
        raise ValueError(f"{host!r} ends in a number but is no IPv4 address") from None


class AddressRefused(PermissionError):
    """A socket to a non-public address was asked for."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"{address} is not public: {why}")
        self.address = address
        self.why = why


AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]


def guarded_socket(info: AddressInfo) -> socket.socket:
    """A new socket for `info`, the very address that is connected to next.

    The last wall of the guard: whatever path a request took here (name, literal, redirect, a
    change in a library), no socket is made for an address that is not public.
    Raises AddressRefused.
    """
    family, kind, protocol, _, (host, *_rest) = info
    why = why_refused(str(host))
    if why:
        raise AddressRefused(str(host), why)
    return socket.socket(family, kind, protocol)
