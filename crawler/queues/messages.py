"""What goes through a message service: batches of inputs, of outcomes, and messages that nobody could use.

A message is a mark, then a zstd frame of `processes.framing`'s JSON with bytes beside it. Services deliver to
whoever may read the queue and from whoever may write to it, so a message is checked like any
input: what does not fit is a `BadMessage`, never a half-built object.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final
from uuid import UUID

import zstandard

from samelook.crawler import stores
from samelook.crawler.errors import CrawlError
from samelook.crawler.queues.interface import Lease, Outcome
from samelook.hashing.signals import HashedPicture
from samelook.processes.framing import BrokenFrame, decode, encode
from samelook.sql.queue_queries import PHASES, Phase
from samelook.sql.storable import storable_json

_MARK: Final = b"SLM1"
"""Samelook message, form 1. Another form gets another mark, and old workers leave it alone."""
LARGEST_UNPACKED = 64 * 1024 * 1024
"""A message that unpacks to more is refused; ours stay far below, as services take at most some MB."""


_LONGEST_REASON = 3000
"""Of a dead message: a traceback's end, and within what is kept free beside its body."""


class BadMessage(CrawlError):
    """A message of the queue is none of ours, or of another version; it is put with the dead ones."""

    kind = "bad_message"
    retry = False


class MessageTooLarge(CrawlError):
    """One input or result alone is larger than the message service takes."""

    kind = "message_too_large"
    retry = False


class CarriedError(CrawlError):
    """An error that came through a queue; `kind` and all else are those of the original."""

    def __init__(
        self,
        kind: str,
        message: str,
        detail: dict[str, object],
        *,
        retry: bool,
        injected: bool,
        wait_s: float,
    ) -> None:
        super().__init__(message)
        self.detail = detail
        self.kind = kind
        self.retry = retry
        self.injected = injected
        self.retry_after_s = wait_s


@dataclass(frozen=True, slots=True)
class InputBatch:
    """Inputs of one phase, leased in the name of the process that fed them."""

    phase: Phase
    feeder: UUID
    leases: tuple[Lease[Any], ...]


@dataclass(frozen=True, slots=True)
class OutcomeBatch:
    """What became of inputs of one phase. The leases carry no inputs: only their ids are needed."""

    phase: Phase
    outcomes: tuple[Outcome[Any, Any], ...]


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A message that could not be used, and why."""

    queue: str
    reason: str
    body: bytes


INPUTS: Final[Mapping[Phase, type]] = {
    "domains": stores.DomainInput,
    "icons": stores.PageInput,
    "hashes": stores.IconInput,
}
RESULTS: Final[Mapping[Phase, type]] = {
    "domains": stores.TargetUrl,
    "icons": stores.PageVisit,
    "hashes": stores.FetchedIcon,
}


def packed_inputs(batch: InputBatch) -> bytes:
    """The message for a batch of inputs."""
    rows = [[lease.input_id, lease.lease_id.hex, lease.attempts, lease.input] for lease in batch.leases]
    return _packed({"inputs": rows, "phase": batch.phase, "feeder": batch.feeder.hex})


def packed_outcomes(batch: OutcomeBatch, *, keep_picture_bytes: int) -> bytes:
    """The message for a batch of outcomes; pictures that the database would not keep stay behind."""
    rows = [
        [
            outcome.lease.input_id,
            outcome.lease.lease_id.hex,
            None if outcome.error is None else _error_row(outcome.error),
            _lightened(outcome.result, keep_picture_bytes),
        ]
        for outcome in batch.outcomes
    ]
    return _packed({"outcomes": rows, "phase": batch.phase})


def packed_dead(dead: DeadMessage, *, most: int) -> bytes:
    """The message that keeps an unusable one; its body is cut where it would not fit into `most` bytes."""
    body = dead.body[: max(0, most - 4096)]
    return _packed({"dead": {"queue": dead.queue, "reason": dead.reason[:_LONGEST_REASON], "body": body}})


def unpacked(message: bytes) -> InputBatch | OutcomeBatch | DeadMessage:
    """What a message holds. Raises BadMessage."""
    try:
        value = decode(_unpacked_bytes(message))
        if not isinstance(value, dict):
            raise BadMessage("The message holds no object.")
        if isinstance(value.get("dead"), dict):
            dead: DeadMessage = _rebuilt(DeadMessage, value["dead"])
            return dead
        phase = value["phase"]
        if phase not in PHASES:
            raise BadMessage(f"{str(phase)[:40]!r} is no phase.")
        if "inputs" in value:
            return InputBatch(
                phase,
                UUID(hex=value["feeder"]),
                tuple(
                    Lease(_int(id_), UUID(hex=lease), _rebuilt(INPUTS[phase], input_), _int(attempts))
                    for id_, lease, attempts, input_ in value["inputs"]
                ),
            )
        return OutcomeBatch(
            phase,
            tuple(
                Outcome(
                    Lease(_int(id_), UUID(hex=lease), None),
                    result=None if error is not None else _rebuilt(RESULTS[phase], result),
                    error=None if error is None else _error_of(error),
                )
                for id_, lease, error, result in value["outcomes"]
            ),
        )
    except (BrokenFrame, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadMessage(f"The message cannot be read: {type(error).__name__}: {str(error)[:200]}") from error


def in_messages_of(
    items: Sequence[Any], pack: Callable[[Sequence[Any]], bytes], *, most: int
) -> tuple[list[bytes], list[Any]]:
    """The items in messages of at most `most` bytes, few of them; and the items too large for one alone."""
    if not items:
        return [], []
    message = pack(items)
    if len(message) <= most:
        return [message], []
    if len(items) == 1:
        return [], list(items)
    middle = len(items) // 2
    first, too_large = in_messages_of(items[:middle], pack, most=most)
    second, more_too_large = in_messages_of(items[middle:], pack, most=most)
    return first + second, too_large + more_too_large


def _packed(value: object) -> bytes:
    return _MARK + zstandard.ZstdCompressor(level=3).compress(encode(value))


def _unpacked_bytes(message: bytes) -> bytes:
    if not message.startswith(_MARK):
        raise BadMessage("The message does not begin as ours do.")
    try:
        # One byte more than allowed shows that there is more, whatever the frame claims about its size.
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            message[len(_MARK) :]
        ) as reader:
            data = bytes(reader.read(LARGEST_UNPACKED + 1))
    except zstandard.ZstdError as error:
        raise BadMessage(f"The message cannot be unpacked: {error}") from error
    if len(data) > LARGEST_UNPACKED:
        raise BadMessage(f"The message unpacks to more than {LARGEST_UNPACKED} bytes.")
    return data


def _lightened(result: Any, keep_picture_bytes: int) -> Any:
    """The result without a body that nobody will keep."""
    if not isinstance(result, stores.FetchedIcon):
        return result
    if result.picture is not None and len(result.body) <= keep_picture_bytes:
        return result
    return replace(result, body=b"")


def _error_row(error: CrawlError) -> dict[str, object]:
    return {
        "kind": error.kind,
        "message": error.message,
        "detail": json.loads(storable_json(error.detail)),
        "retry": error.retry,
        "injected": error.injected,
        "wait_s": float(getattr(error, "retry_after_s", None) or 0.0),
    }


def _error_of(row: dict[str, Any]) -> CarriedError:
    if not isinstance(row["kind"], str) or not isinstance(row["detail"], dict):
        raise BadMessage("An error in the message has no kind or no detail.")
    return CarriedError(
        row["kind"],
        str(row["message"]),
        row["detail"],
        retry=bool(row["retry"]),
        injected=bool(row["injected"]),
        wait_s=float(row["wait_s"]),
    )


def _int(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadMessage(f"{str(value)[:40]!r} is no whole number.")
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    # stores.py names HashedPicture for type checkers only.
    return typing.get_type_hints(kind, localns={"HashedPicture": HashedPicture})


def _rebuilt(kind: Any, value: Any) -> Any:  # noqa: PLR0911 - one a shape
    """`value` as what the annotation `kind` says. Raises BadMessage where it is something else."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        if not isinstance(value, dict) or not value.keys() <= hints.keys():
            raise BadMessage(f"The message holds no {kind.__name__} of this version.")
        return kind(**{name: _rebuilt(hints[name], item) for name, item in value.items()})
    if origin is types.UnionType or origin is typing.Union:
        if value is None and type(None) in arguments:
            return None
        (wanted,) = (argument for argument in arguments if argument is not type(None))
        return _rebuilt(wanted, value)
    if origin is tuple and isinstance(value, list):
        return tuple(_rebuilt(arguments[0], item) for item in value)
    if origin is dict and isinstance(value, dict):
        return {_rebuilt(arguments[0], key): _rebuilt(arguments[1], item) for key, item in value.items()}
    if origin is typing.Literal and value in arguments:
        return value
    if isinstance(kind, type) and type(value) is kind:
        return value
    raise BadMessage(f"{str(value)[:40]!r} is not what was expected there.")
