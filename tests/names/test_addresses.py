from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samelook.names.addresses import AddressRefused, guarded_socket, literal_address, why_refused

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",  # IPv4-translated
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",  # Teredo
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:808:808::1",
    "3ffe::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "febf::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2a00:1450:4001::5efe:a00:1",  # ISATAP
    "2a00:1450:4001::200:5efe:808:808",
    "localhost",
    "",
    "127.1",
    "0x7f000001",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "128.0.0.1",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450:4001:800::200e",
]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_unicast_is_refused_with_a_reason(address: str) -> None:
    assert why_refused(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert why_refused(address) is None


@given(st.ip_addresses())
def test_nothing_is_allowed_that_the_standard_library_calls_not_global(
    address: IPv4Address | IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast:
        assert why_refused(str(address))


@given(st.ip_addresses(v=4))
def test_no_ipv6_form_smuggles_an_ipv4_address(address: IPv4Address) -> None:
    number = int(address)
    prefixes = (0, 0xFFFF << 32, 0x64FF9B << 96, 0x20010000 << 96, 0xFFFF << 48)
    for prefix in prefixes:
        assert why_refused(str(IPv6Address(prefix | number)))
    assert why_refused(str(IPv6Address(0x2002 << 112 | number << 80)))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.1", "127.0.0.1"),
        ("0x7f.0x0.0x0.0x1", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("0x", "0.0.0.0"),
        ("8.8.2056", "8.8.8.8"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("[::FFFF:127.0.0.1]", "::ffff:7f00:1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
    ],
)
def test_a_literal_address_is_recognised_in_every_form(host: str, address: str) -> None:
    assert literal_address(host) == address


@pytest.mark.parametrize(
    "host", ["example.com", "1.example", "0x7f.example", "a.b.c", "localhost", "1e3", "0xg", "٣"]
)
def test_a_name_is_no_literal(host: str) -> None:
    assert literal_address(host) is None


@pytest.mark.parametrize(
    "host",
    [
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.256",
        "4294967296",
        "a.1",
        "08",
        "0x1ffffffff",
        "1..2",
        "[zz]",
        "9" * 5000,
    ],
)
def test_what_ends_in_a_number_but_is_no_address_is_an_error(host: str) -> None:
    with pytest.raises(ValueError):
        literal_address(host)


def test_a_zone_makes_a_literal_unusable() -> None:
    address = literal_address("[fe80::1%25eth0]")
    assert address is not None
    assert why_refused(address)


@given(st.ip_addresses(v=4))
def test_decimal_hex_and_octal_spell_the_same_address(address: IPv4Address) -> None:
    number = int(address)
    for spelling in (str(address), str(number), hex(number), f"0{number:o}"):
        assert literal_address(spelling) == str(address)


def test_no_socket_is_made_for_a_private_address() -> None:
    with pytest.raises(AddressRefused, match="loopback"):
        guarded_socket((socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 80)))
    with pytest.raises(AddressRefused, match="unique local"):
        guarded_socket((socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("fd00::1", 80, 0, 0)))


def test_a_socket_is_made_for_a_public_address() -> None:
    with guarded_socket(
        (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("8.8.8.8", 80))
    ) as made:
        assert made.family == socket.AF_INET
