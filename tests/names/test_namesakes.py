"""The index of names finds exactly what comparing a label with every name finds, and soon."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samelook.names.namesakes import Namesakes
from samelook.names.resemblance import resembles

NAMES = [
    "gitlab",
    "git-lab",
    "okta",
    "hp",
    "x",
    "squarespace",
    "phpmyadmin",
    "home-assistant",
    "bücher",
    "rn",
]
_LABELS = st.one_of(
    st.text("gitlabokrnvsm013-é", min_size=1, max_size=14),
    st.builds(
        lambda name, cut, put, lure: f"{lure}{name[:cut]}{put}{name[cut + 1 :]}",
        st.sampled_from(NAMES),
        st.integers(0, 12),
        st.sampled_from(["", "a", "l1", "-", "rn", "ы"]),
        st.sampled_from(["", "my", "login-", "secure"]),
    ),
)


def _known(names: list[str]) -> Namesakes:
    known = Namesakes()
    for name in names:
        known.add(name, f"{name}.example")
    return known


@given(st.lists(_LABELS, max_size=12), _LABELS)
def test_what_each_name_says_for_itself_is_found_among_all(more: list[str], label: str) -> None:
    names = [*NAMES, *more]
    expected = {f"{name}.example" for name in names if resembles(label, name)}
    assert _known(names).borrowed_by(label) == expected


def test_one_name_may_be_several_sites_and_is_forgotten_with_the_last() -> None:
    known = _known(["gitlab"])
    known.add("gitlab", "gitlab.test")
    assert known.borrowed_by("gitlab-login") == {"gitlab.example", "gitlab.test"}
    known.remove("gitlab", "gitlab.example")
    assert known.borrowed_by("gltlabb") == {"gitlab.test"}
    known.remove("gitlab", "gitlab.test")
    known.remove("gitlab", "gitlab.test")
    assert known.borrowed_by("gitlab") == frozenset()


@pytest.mark.parametrize(
    ("title", "named"),
    [
        ("GitLab", {"gitlab", "git-lab"}),
        ("Sign in · Git Lab", {"gitlab", "git-lab"}),
        ("G\u0456tL\u0430b's account | 0kta.com", {"gitlab", "git-lab", "okta"}),
        ("Log in to Home Assistant", {"home-assistant"}),
        ("Bücher, Zeitschriften", {"bücher"}),
        ("gitlabs git la x b_1", set()),
        ("Hp x rn", set()),
        ("", set()),
        ("\0\ud800 ١٢٣", set()),
    ],
)
def test_a_title_names_whom_it_has_as_words(title: str, named: set[str]) -> None:
    assert _known(NAMES).named_in(title) == {f"{name}.example" for name in named}


@pytest.mark.parametrize(
    "label", ["-".join(["abcdef"] * 9), "-".join("ab" * 15), "a" * 63, "name-" * 12 + "nam"]
)
def test_no_label_takes_long_among_ten_thousand_names(label: str) -> None:
    """The asker chooses the label, and the event loop answers nobody else during the lookup."""
    dice = random.Random(1)
    known = _known(["".join(dice.choices("abcdefghinmsaeot", k=dice.randint(4, 14))) for _ in range(10_000)])
    known.borrowed_by(label)
    started = time.thread_time()
    known.borrowed_by(label)
    assert time.thread_time() - started < 0.1
