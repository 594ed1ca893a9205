"""Names of hosts: normal form, reversal, registrable domain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samelook.names.errors import NotADomain
from samelook.names.hosts import host_of, normalised_host, reversed_host


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("www.example.com", "www.example.com"),
        ("WWW.Example.COM", "www.example.com"),
        (" example.com.\t", "example.com"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("BÜCHER.de", "xn--bcher-kva.de"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("faß.de", "xn--fa-hia.de"),  # non-transitional: not fass.de
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("example。com", "example.com"),  # the ideographic full stop is a dot
        ("\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45.com", "example.com"),  # full width
        ("i❤.ws", "xn--i-7iq.ws"),  # browsers open it, IDNA 2008 alone would not
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("a-.tumblr.com", "a-.tumblr.com"),
        ("r3---sn-4g5e6nsz.googlevideo.com", "r3---sn-4g5e6nsz.googlevideo.com"),
    ],
)
def test_a_name_is_brought_to_its_normal_form(written: str, normal: str) -> None:
    assert normalised_host(written) == normal


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "it is empty"),
        (".", "it is empty"),
        ("com", "a top-level domain or bare word alone"),
        ("192.0.2.1", "it is an IP address"),
        ("192.0.2.0x1f", "it is an IP address"),
        ("[2001:db8::1]", "it is an IP address"),
        ("2001:db8::1", "it is an IP address"),
        ("a..example", "two dots in a row, or a dot at the start"),
        (".example.com", "two dots in a row, or a dot at the start"),
        ("a" * 64 + ".com", "a label longer than 63 characters"),
        (".".join(["abc"] * 64), "longer than 253 characters"),
        ("exa mple.com", "a character that domain names may not have"),
        ("*.example.com", "a character that domain names may not have"),
        ("example.com:80", "a character that domain names may not have"),
        ("a\u200db.com", "a character that domain names may not have"),  # a joiner out of context
        ("\u0301a.com", "a character that domain names may not have"),  # begins with a combining mark
        ("\ud800.com", "a character that domain names may not have"),
        ("example.c", "its top-level domain cannot exist"),
        ("example.1com", "its top-level domain cannot exist"),
        ("gitlab.lan", "nobody has delegated .lan"),
        ("router.home.arpa", "a name of the internet's infrastructure"),
        ("10.0.0.5.nip.io", "it stands for the address 10.0.0.5: private (RFC 1918)"),
    ],
)
def test_what_is_no_name_of_a_web_site_is_refused_with_the_reason(written: str, reason: str) -> None:
    with pytest.raises(NotADomain) as refused:
        normalised_host(written)
    assert refused.value.reason == reason
    assert refused.value.as_json()["kind"] == "not_a_domain"


def test_the_longest_name_that_dns_allows_passes() -> None:
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 57, "com"])
    assert len(longest) == 253
    assert normalised_host(longest) == longest


LABEL = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?\Z")


@given(st.lists(LABEL, min_size=1, max_size=5))
def test_reversing_twice_changes_nothing_and_hosts_sort_under_their_domain(labels: list[str]) -> None:
    host = ".".join([*labels, "example"])
    assert host_of(reversed_host(host)) == host
    assert reversed_host(host).startswith("example.")


@given(st.text(max_size=40))
def test_normalising_is_idempotent_and_never_fails_otherwise(text: str) -> None:
    try:
        normal = normalised_host(text)
    except NotADomain:
        return
    assert normal.isascii()
    assert normalised_host(normal) == normal
