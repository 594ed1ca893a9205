"""Distances of a few codes, against a count of one bit after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from samelook.matching.distance import bits_apart, distances

CODE = st.binary(min_size=32, max_size=32)


def counted(one: bytes, other: bytes) -> int:
    return sum(
        (left >> bit & 1) != (right >> bit & 1)
        for left, right in zip(one, other, strict=True)
        for bit in range(8)
    )


@given(CODE, st.lists(CODE, min_size=1, max_size=5))
def test_bits_are_counted(one: bytes, others: list[bytes]) -> None:
    expected = [counted(one, other) for other in others]
    assert [bits_apart(one, other) for other in others] == expected
    words = np.frombuffer(b"".join(others), np.uint64).reshape(len(others), -1)
    asked = np.frombuffer(one, np.uint64)
    assert distances(words, asked).tolist() == expected
    assert distances(asked[None, None], words).tolist() == [expected]
