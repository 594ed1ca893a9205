"""The inputs that fuzzing found worth keeping, and good ones, do what each target promises."""

from __future__ import annotations

import pytest

from bench.fuzz import kept, seeds_of
from tests.hostile.targets import TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_corpus(name: str) -> None:
    inputs = kept(name)
    assert len(inputs) > 3
    for data in (b"", *seeds_of(name), *inputs):
        TARGETS[name](data)
