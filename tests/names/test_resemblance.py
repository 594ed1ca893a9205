"""Names that borrow another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ("oktalogin", "okta"),
        ("myokta24", "okta"),
        ("okta365", "okta"),
        ("squarespcea", "squarespace"),
        ("bitvvarden", "bitwarden"),
        ("phpmyadrnin-5", "phpmyadmin"),
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
        ("nokta", "okta"),
        ("oktagon-fitness", "okta"),
        ("github", "gitlab"),
        ("granada", "grafana"),
        ("-", "gitlab"),
        ("xn--not-punycode-\u00e4", "gitlab"),
        ("", "gitlab"),
    ],
)
def test_a_label_of_its_own_is_none(label: str, name: str) -> None:
    assert not resembles(label, name)


@given(st.text(max_size=80), st.text(max_size=30))
def test_any_text_is_compared_without_an_error(label: str, name: str) -> None:
    assert isinstance(resembles(label, name), bool)
