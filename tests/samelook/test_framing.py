from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samelook.processes.framing import BrokenFrame, Frames, decode, encode, framed

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda key: key != "$bytes"), inner),
    max_leaves=20,
)


@dataclass
class Point:
    x: int
    name: bytes


@given(VALUES)
def test_a_value_comes_back_as_it_went(value: object) -> None:
    assert decode(encode(value)) == value


def test_dataclasses_come_back_as_dicts_and_tuples_as_lists() -> None:
    assert decode(encode((Point(1, b"a"), [memoryview(b"b")]))) == [{"x": 1, "name": b"a"}, [b"b"]]


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), Point])
def test_what_is_no_json_is_not_sent(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode(value)


@given(st.binary(max_size=200))
def test_nonsense_is_a_broken_frame_and_nothing_else(payload: bytes) -> None:
    with contextlib.suppress(BrokenFrame):
        decode(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        struct.pack("<II", 2, 2**31) + b"{}",
        struct.pack("<III", 12, 1, 9) + b'{"$bytes":0}',
        struct.pack("<III", 12, 1, 1) + b'{"$bytes":7}x',
        struct.pack("<II", 200_000, 0) + b"[" * 200_000,
    ],
)
def test_lengths_and_references_are_checked(payload: bytes) -> None:
    with pytest.raises(BrokenFrame):
        decode(payload)


@given(st.lists(st.binary(max_size=50)), st.integers(1, 20))
def test_frames_are_cut_wherever_the_stream_is(payloads: list[bytes], step: int) -> None:
    stream = b"".join(framed(payload[:3], payload[3:]) for payload in payloads)
    frames = Frames()
    found = [payload for at in range(0, len(stream), step) for payload in frames.feed(stream[at : at + step])]
    assert found == payloads


def test_a_frame_over_the_limit_is_refused_by_its_length() -> None:
    with pytest.raises(BrokenFrame):
        list(Frames(max_bytes=10).feed(struct.pack("<I", 11)))
