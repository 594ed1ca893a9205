"""Marks of pages: what was written is read, and nothing else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samelook.sql.page_marks import BadPageMark, page_mark, read_page_mark


@given(st.lists(st.text() | st.integers()))
def test_what_was_written_is_read(values: list[str | int]) -> None:
    mark = page_mark(*values)
    assert read_page_mark(mark, *map(type, values)) == values
    assert mark.isascii()
    assert not set(mark) & set("=+/&?# ")


@given(st.text(max_size=50))
def test_nonsense_is_refused(mark: str) -> None:
    with pytest.raises(BadPageMark):
        read_page_mark(mark, str, int)


@pytest.mark.parametrize(
    "text", ["[1]", "[1,2,3]", '["a",true]', '["a","1"]', '{"a":1}', "[" * 100_000, '["a",1.0]', "\ud800"]
)
def test_marks_of_other_lists_are_refused(text: str) -> None:
    mark = base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode()
    with pytest.raises(BadPageMark):
        read_page_mark(mark, str, int)
