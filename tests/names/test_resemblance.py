"""Names that borrow another's."""

from __future__ import annotations

import pytest

from samelook.names.resemblance import resembles


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("gitlab", "gitlab"),
        ("gitlab-login", "gitlab"),
        ("mygitlab", "gitlab"),
        ("0kta-acme", "okta"),
        ("glt1ab", "gitlab"),
        ("gitlabb", "gitlab"),
        ("gtilab", "gitlab"),
        ("gitla", "gitlab"),
        ("grafaná".encode("idna").decode(), "grafana"),
        ("xn--" + "g\u0456tlab".encode("punycode").decode(), "gitlab"),  # a Cyrillic letter
        ("homeassistant-app", "home-assistant"),
        ("rnatomo-cloud", "matomo"),
    ],
)
def test_a_label_that_borrows_a_name_is_found(label: str, name: str) -> None:
    assert resembles(label, name)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("firm", "gitlab"),
        ("git", "gitlab"),
        ("lab-git", "gitlab"),
        ("oktober", "okta"),
        ("hpe", "hp"),
        ("vueling", "vue"),
        ("xn--not-punycode-\u00e4", "gitlab"),
        ("", "gitlab"),
    ],
)
def test_a_label_of_its_own_is_none(label: str, name: str) -> None:
    assert not resembles(label, name)
