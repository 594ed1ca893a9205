"""Names of hosts: one normal form, and the reversed form that ranks use.

The normal form is what a browser's address bar resolves: lower case, A-labels, no final dot
(UTS 46, non-transitional, as the WHATWG URL standard's "domain to ASCII" asks). Underscores and
hyphens at a label's edge pass: DNS serves such hosts and browsers open them.
"""

from __future__ import annotations

import re
from typing import NewType

from samelook.names.errors import NotADomain
from samelook.names.special import why_not_public

Host = NewType("Host", str)
"""A host name in normal form: `www.example.com`."""
ReversedHost = NewType("ReversedHost", str)
"""The same, labels turned round: `com.example.www`, so that a domain's hosts sort together."""

MAX_NAME = 253  # RFC 1035's 255 octets, less the root's dot and the first length octet
MAX_LABEL = 63

# The last label must not begin with a digit: names that end in a number are IPv4 addresses to
# the URL standard ("ends in a number checker"), and no top-level domain begins with one.
_ASCII_HOST = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{1,62}\Z")


def normalised_host(name: str) -> Host:
    """The normal form of a host name.

    Raises NotADomain for what no public DNS lookup could resolve to a web site: a name of one label, an
    IP address, a label that is empty or too long, a character that UTS 46 forbids, a private name.
    """
    if _ASCII_HOST.match(name) is None:  # nearly every name of a rank list matches, at a tenth of the cost
        name = name.strip().lower() if name.isascii() else _to_ascii(name.strip())
        name = name.removesuffix(".")
        if _ASCII_HOST.match(name) is None:
            raise NotADomain(_fault_of(name))
    why = why_not_public(name)
    if why is not None:
        raise NotADomain(why)
    return Host(name)


def reversed_host(host: str) -> ReversedHost:
    """`com.example.www` for `www.example.com`; the host must be in normal form."""
    return ReversedHost(".".join(host.split(".")[::-1]))


def host_of(reversed_name: str) -> Host:
    """`www.example.com` for `com.example.www`: what `reversed_host` turned round."""
    return Host(".".join(reversed_name.split(".")[::-1]))


def _to_ascii(name: str) -> str:
    """UTS 46 ToASCII without the length checks, which `_ASCII_HOST` makes.

    `idna.encode` alone would apply IDNA 2008 and refuse what browsers open, such as emoji.
    """
    import idna

    try:
        mapped = idna.uts46_remap(name, std3_rules=False, transitional=False)
        return ".".join(_a_label(label) for label in mapped.split("."))
    except (idna.IDNAError, UnicodeError) as error:
        raise NotADomain("a character that domain names may not have") from error


def _a_label(label: str) -> str:
    import idna

    if label.isascii():
        return label
    idna.check_nfc(label)
    idna.check_initial_combiner(label)
    idna.check_bidi(label)
    for position, character in enumerate(label):
        if character in "\u200c\u200d" and not idna.valid_contextj(label, position):
            raise idna.InvalidCodepointContext(label)
    return "xn--" + label.encode("punycode").decode("ascii")


def _fault_of(name: str) -> str:
    """What is wrong with a lower-case ASCII name that `_ASCII_HOST` refused."""
    labels = name.split(".")
    if not name:
        fault = "it is empty"
    elif _is_ip_literal(name, labels[-1]):
        fault = "it is an IP address"
    elif len(name) > MAX_NAME:
        fault = f"longer than {MAX_NAME} characters"
    elif "" in labels:
        fault = "two dots in a row, or a dot at the start"
    elif max(map(len, labels)) > MAX_LABEL:
        fault = f"a label longer than {MAX_LABEL} characters"
    elif not re.fullmatch(r"[a-z0-9._-]+", name):
        fault = "a character that domain names may not have"
    elif len(labels) == 1:
        fault = "a top-level domain or bare word alone"
    else:
        fault = "its top-level domain cannot exist"
    return fault


def _is_ip_literal(name: str, last_label: str) -> bool:
    if name.startswith("[") or name.count(":") > 1:
        return True
    return last_label.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last_label) is not None
