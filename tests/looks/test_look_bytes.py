"""What is read from stored looks without parsing them is what parsing them gives."""

from __future__ import annotations

import numpy as np
import pytest

from bench.check_looks import drawn_looks, fresh_icons
from samelook.looks.likeness import parse_look
from samelook.looks.look import FORM_BYTES, PICTURE_BYTES, BadLook, Look, look_of
from samelook.looks.measures import tints_of
from samelook.looks.rules import RULES
from samelook.looks.stored import (
    HUES,
    form_name,
    hues_in,
    hues_of,
    may_be_near,
    names_in,
    pdqs_in,
    picture_offset,
)


@pytest.fixture(scope="module")
def looks() -> list[Look]:
    """Drawn ones, and some of pictures, which have fewer forms."""
    from samelook.hashing.decode import decode_frames

    pictures = [look_of(decode_frames(icon)[0].rgba) for icon in fresh_icons(20, 2)]
    return [parse_look(raw) for raw in drawn_looks(200, 1)] + [look for look in pictures if look.forms]


def test_parts_are_where_parsing_finds_them(looks: list[Look]) -> None:
    assert {len(look.forms) for look in looks} > {4}
    for look in looks:
        raw = look.to_bytes()
        assert [form_name(name) for name in names_in(raw)] == [form.name for form in look.forms]
        assert pdqs_in(raw) == b"".join(form.pdq for form in look.forms)
        for which, form in enumerate(look.forms):
            start = picture_offset(which)
            assert raw[start : start + PICTURE_BYTES] == form.picture


def test_the_kept_hues_are_those_of_the_pictures(looks: list[Look]) -> None:
    kept = hues_in([look.to_bytes() for look in looks])
    asked = hues_of(np.concatenate([look.pictures for look in looks]))
    assert kept.shape == asked.shape == (sum(len(look.forms) for look in looks), HUES)
    assert np.abs(kept - asked).max() <= 0.5


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_only_pairs_that_the_rule_refuses_are_left_out(looks: list[Look], rule: object) -> None:
    rng = np.random.default_rng(5)
    pictures = np.concatenate([look.pictures for look in looks])
    # Among strangers, and among pictures that differ a little more or less than the rule lets pass.
    left = pictures[rng.integers(0, len(pictures), 20_000)]
    right = pictures[rng.integers(0, len(pictures), 20_000)].astype(np.int16)
    step = rng.integers(0, 40, (10_000, 1))
    right[:10_000] = left[:10_000] + step * rng.choice([-1, 0, 1], (10_000, 1))
    other = np.clip(right, 0, 255).astype(np.uint8)
    for one in (one for one in RULES.values() if one is rule):
        kept = np.clip(np.rint(hues_of(other)), 0, 255).astype(np.uint8)
        near = may_be_near(hues_of(left), kept, one.most_tint)
        passing = tints_of(left, other) <= one.most_tint
        assert not (passing & ~near).any()
        assert (~near).any()
        assert passing.any()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"x",
        lambda raw: b"xx" + raw[2:],
        lambda raw: raw[:3] + b"\x05" + raw[4:],
        lambda raw: raw[:4] + b"\x09" + raw[5:],
        lambda raw: raw + raw[4 : 4 + FORM_BYTES],
        lambda _: b"",
        lambda _: Look(()).to_bytes(),
    ],
)
def test_bytes_that_parsing_refuses_are_refused(looks: list[Look], spoil: object) -> None:
    assert callable(spoil)
    raw = spoil(looks[0].to_bytes())
    with pytest.raises(BadLook):
        parse_look(raw)
    with pytest.raises(BadLook):
        names_in(raw)
