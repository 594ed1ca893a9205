"""Messages: what was packed comes out again, and nothing else does."""

from __future__ import annotations

import random
import uuid
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.errors import RateLimited
from samelook.crawler.queues.interface import Lease, Outcome
from samelook.crawler.queues.messages import (
    LARGEST_UNPACKED,
    BadMessage,
    DeadMessage,
    InputBatch,
    OutcomeBatch,
    in_messages_of,
    packed_dead,
    packed_inputs,
    packed_outcomes,
    unpacked,
)
from samelook.crawler.stores import (
    DomainInput,
    FetchedIcon,
    IconInput,
    OfferedIcon,
    PageInput,
    PageVisit,
    TargetUrl,
)
from samelook.hashing.signals import HashedPicture
from samelook.processes.framing import encode
from samelook.sql.queue_queries import Phase

INPUTS: dict[Phase, Any] = {
    "domains": DomainInput("example.a", 3),
    "icons": PageInput("https://a.example/", 3, None, 'W/"1"', None),
    "hashes": IconInput(
        "https://a.example/\udcff.png", declared=True, position=2**62, etag=None, last_modified="x"
    ),
}
PICTURE = HashedPicture("ab" * 32, "cd" * 16, "png", 16, 16, 1, 3, {"pdq": "00" * 32, "favicon_mmh3": "-5"})
OFFERED = OfferedIcon(
    url="https://a.example/i",
    source="link-icon",
    declared=True,
    declared_url="i\0",
    sizes=None,
    type="image/png",
    media=None,
)
RESULTS: dict[Phase, Any] = {
    "domains": TargetUrl("https://a.example/", 3),
    "icons": PageVisit(
        position=3,
        final_url="https://a.example/",
        status=200,
        charset=None,
        etag=None,
        last_modified=None,
        icons=(OFFERED,),
        notes=("a manifest cannot be read",),
        revisited=True,
    ),
    "hashes": FetchedIcon(PICTURE, b"\x89PN", "https://a.example/i", 200, None, None),
}


def lease(number: int = 1, of: Any = None) -> Lease[Any]:
    return Lease(number, uuid.UUID(int=number), of)


def outcomes_back(*outcomes: Outcome[Any, Any], phase: Phase = "hashes", keep: int = 100) -> Any:
    batch = unpacked(packed_outcomes(OutcomeBatch(phase, outcomes), keep_picture_bytes=keep))
    assert isinstance(batch, OutcomeBatch)
    return batch.outcomes


@pytest.mark.parametrize("phase", INPUTS)
def test_inputs_come_out_as_they_went_in(phase: Phase) -> None:
    batch = InputBatch(phase, uuid.uuid4(), (lease(1, INPUTS[phase]), lease(2, INPUTS[phase])))
    assert unpacked(packed_inputs(batch)) == batch


@pytest.mark.parametrize("phase", RESULTS)
def test_results_come_out_as_they_went_in(phase: Phase) -> None:
    (back,) = outcomes_back(Outcome(lease(7), result=RESULTS[phase]), phase=phase)
    assert (back.lease, back.result, back.error) == (lease(7), RESULTS[phase], None)


def test_errors_keep_all_that_counts() -> None:
    class Odd(CrawlError):
        kind = "odd"
        retry = False

    odd = Odd("message")
    odd.detail = {"message": "a detail of that name", "self": 1, "thing": {2: b"\xff"}, "bad": "\0\ud800"}
    odd.injected = True
    limited = RateLimited("wait", retry_after_s=77.5, host="a.example")
    first, second = (
        back.error for back in outcomes_back(Outcome(lease(), error=odd), Outcome(lease(2), error=limited))
    )
    assert (first.kind, first.message, first.retry, first.injected) == ("odd", "message", False, True)
    assert first.detail["message"] == "a detail of that name"
    assert first.detail["bad"] == "\ufffd?"
    assert second.as_json() == limited.as_json()
    assert (second.retry, second.retry_after_s, second.injected) == (True, 77.5, False)


def test_bodies_that_nobody_keeps_stay_behind() -> None:
    body = bytes(101)
    large = FetchedIcon(PICTURE, body, "https://a.example/i", 200, None, None)
    absent = FetchedIcon(None, b"<html>", "https://a.example/i", 404, None, None)
    first, second = outcomes_back(Outcome(lease(), result=large), Outcome(lease(2), result=absent))
    assert (first.result.body, first.result.picture) == (b"", PICTURE)
    assert second.result.body == b""


def test_the_same_picture_costs_once() -> None:
    noise = random.Random(1).randbytes(20_000)
    icon = FetchedIcon(PICTURE, noise, "https://a.example/i", 200, None, None)
    batch = OutcomeBatch("hashes", tuple(Outcome(lease(number), result=icon) for number in range(50)))
    assert len(packed_outcomes(batch, keep_picture_bytes=100_000)) < 1.2 * len(noise)


def test_dead_messages_are_cut_to_fit() -> None:
    noise = random.Random(2).randbytes(50_000)
    message = packed_dead(DeadMessage("icons", "why", noise), most=20_000)
    assert len(message) <= 20_000
    dead = unpacked(message)
    assert isinstance(dead, DeadMessage)
    assert (dead.queue, dead.reason, noise.startswith(dead.body)) == ("icons", "why", True)


def test_what_is_too_large_is_halved_and_what_cannot_be_is_named() -> None:
    items = ["a" * 10, "b" * 10, "c" * 100, "d" * 10]
    messages, too_large = in_messages_of(items, lambda some: "".join(some).encode(), most=25)
    assert messages == [b"a" * 10 + b"b" * 10, b"d" * 10]
    assert too_large == ["c" * 100]
    assert in_messages_of([], lambda _: b"", most=25) == ([], [])


GOOD = packed_inputs(InputBatch("icons", uuid.UUID(int=1), (lease(1, INPUTS["icons"]),)))


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_damaged_message_is_bad_or_whole(at: int, flip: int) -> None:
    damaged = GOOD[:at] + bytes([GOOD[at] ^ flip]) + GOOD[at + 1 :]
    for message in (damaged, GOOD[:at], GOOD[:at] + b"more"):
        try:
            batch = unpacked(message)
        except BadMessage:
            continue
        assert isinstance(batch, InputBatch)
        assert isinstance(batch.leases[0].input, PageInput)


def mail(value: object) -> bytes:
    return b"SLM1" + zstandard.compress(encode(value))


ROW = [1, uuid.UUID(int=1).hex, 1, INPUTS["domains"]]
HEAD = {"phase": "domains", "feeder": uuid.UUID(int=1).hex}


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"SLM1",
        b"SLM2" + GOOD[4:],
        mail([]),
        mail({"phase": "domains"}),
        mail({**HEAD, "phase": "etl", "inputs": []}),
        mail({**HEAD, "phase": ["domains"], "inputs": []}),
        mail({**HEAD, "feeder": "me", "inputs": [ROW]}),
        mail({**HEAD, "inputs": [ROW[:3]]}),
        mail({**HEAD, "inputs": [["1", *ROW[1:]]]}),
        mail({**HEAD, "inputs": [[True, *ROW[1:]]]}),
        mail({**HEAD, "inputs": [[*ROW[:3], None]]}),
        mail({**HEAD, "inputs": [[*ROW[:3], {"reversed_name": "example.a"}]]}),
        mail({**HEAD, "inputs": [[*ROW[:3], {"reversed_name": "example.a", "position": "3"}]]}),
        mail({**HEAD, "inputs": [[*ROW[:3], {"reversed_name": "example.a", "position": 3, "more": 1}]]}),
        mail({**HEAD, "inputs": [[*ROW[:3], INPUTS["icons"]]]}),
        mail({**HEAD, "outcomes": [[1, uuid.UUID(int=1).hex, None, None]]}),
        mail({**HEAD, "outcomes": [[1, uuid.UUID(int=1).hex, {"kind": 5}, None]]}),
        mail({"dead": {"queue": "icons", "reason": 5, "body": b""}}),
    ],
)
def test_what_is_none_of_ours_is_refused(message: bytes) -> None:
    with pytest.raises(BadMessage):
        unpacked(message)


def test_a_bomb_is_refused() -> None:
    with pytest.raises(BadMessage, match="unpacks to more"):
        unpacked(b"SLM1" + zstandard.compress(bytes(LARGEST_UNPACKED + 1)))
