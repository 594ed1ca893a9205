"""Records as an exchange has them → signals as banks have them, one record at a time.

Runs in the fetching process. One record that cannot be used costs only itself.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any

from threatexchange.exchanges.fetch_state import AggregateSignalOpinion, SignalOpinion
from threatexchange.exchanges.signal_exchange_api import SignalExchangeAPI, SignalExchangeAPIWithSimpleUpdates

from samelook.banks.limits import LONGEST_TAG, MOST_TAGS

from .portable import NotPortable, Portable

_MOST_OPINIONS = 100
_LONGEST_RAW = 65_536
_OWNERS = ("owner_app_id", "esp_id", "owner", "owner_id", "source")


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be used, as it came."""

    kind: str
    message: str
    key: str | None = None
    raw: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "message": self.message, "key": self.key, "raw": self.raw}


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A record after merging. Without a value it is gone, or holds nothing that banks could use."""

    key: str
    value: str | None
    signals: tuple[tuple[str, str], ...] = ()
    meta: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    unusable: bool = False
    """It is there, and holds no signal of a type that is known here."""


class Overheard(logging.Handler):
    """Collects what the library only logs when it leaves something out."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.muted = False
        self._heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # The library logs to the root logger; urllib3's notes on second attempts report no loss.
        if record.name == "root" and not self.muted:
            self._heard.append(plain(record.getMessage())[:_LONGEST_RAW])

    def take(self) -> list[str]:
        taken, self._heard = self._heard, []
        return taken

    @contextmanager
    def muting(self) -> Iterator[None]:
        """Hears nothing: what is tried out in the block has been heard before."""
        self.muted = True
        try:
            yield
        finally:
            self.muted = False


class Converter:
    """Merges and converts the records of one exchange."""

    def __init__(
        self,
        api: type[Any],
        collab: Any,
        signal_types: Sequence[type[Any]],
        portable: Portable,
        overheard: Overheard,
    ) -> None:
        self._api = api
        self._collab = collab
        self._types = list(signal_types)
        self._names = {kind.get_name() for kind in signal_types}
        self._portable = portable
        self._overheard = overheard
        self._simple = issubclass(api, SignalExchangeAPIWithSimpleUpdates)
        merge: Any = api.fetch_value_merge
        default: Any = SignalExchangeAPI.fetch_value_merge
        self.needs_old_values = merge.__func__ is not default.__func__ and not getattr(
            api, "IGNORES_OLD_VALUES", False
        )

    def records(
        self,
        updates: Iterable[tuple[object, object]],
        old_values: Callable[[object], str | None],
        problems: list[Problem],
    ) -> Iterator[Record]:
        """The updates as records; what cannot be used goes to `problems` instead."""
        for key, new in updates:
            text = key_text(key)
            try:
                yield self._record(key, text, old_values(key), new, problems)
            except Exception as error:  # noqa: BLE001 - foreign code about foreign data: anything may come
                problems.append(
                    Problem(
                        "bad_record",
                        f"{type(error).__name__}: {plain(str(error))[:1000]}",
                        text,
                        _raw(key, new),
                    )
                )

    def _record(self, key: Any, text: str, old: str | None, new: Any, problems: list[Problem]) -> Record:
        merged = self._api.fetch_value_merge(None if old is None else self._portable.loads(old), new)
        if merged is None:
            return Record(text, None)
        self._overheard.take()
        converted = self._api.naive_convert_to_signal_type(self._types, self._collab, {key: merged})
        lost = self._overheard.take()
        signals: dict[tuple[str, str], None] = {}
        opinions: list[Any] = []
        for kind, found in converted.items():
            for signal, metadata in found.items():
                try:
                    signals[kind.get_name(), kind.validate_signal_str(signal)] = None
                except Exception as error:  # noqa: BLE001 - foreign code about foreign data: anything may come
                    lost.append(f"{signal[:200]!r} is no {kind.get_name()} signal: {plain(str(error))[:200]}")
                else:
                    opinions.append(metadata)
        if not signals and not lost and self._simple and isinstance(key, tuple) and key[0] in self._names:
            lost.append(f"{str(key[1])[:200]!r} is no {key[0]} signal")
        problems.extend(Problem("bad_signal", lost_type, text, _raw(key, new)) for lost_type in lost)
        if not signals and not self.needs_old_values:
            return Record(text, None, unusable=True)
        meta = {**described(opinions), "record": shown_fields(merged)} if signals else {}
        return Record(text, self._portable.dumps(merged), tuple(signals), meta, unusable=not signals)


def key_text(key: object) -> str:
    """A record's key as text."""
    return json.dumps(key, separators=(",", ":"), default=str)


def described(several: Sequence[Any]) -> dict[str, Any]:
    """What an exchange says of a record, as JSON: the opinion of all together, tags, and who says what."""
    opinions: list[SignalOpinion] = []
    shown: list[dict[str, Any]] = []
    for metadata in several:
        found = list(metadata.get_as_opinions())
        feedbacks = list(getattr(metadata, "feedbacks", ()))
        for number, opinion in enumerate(found):
            opinions.append(opinion)
            source = feedbacks[number] if number < len(feedbacks) else opinion
            read = _opinion(opinion, source)
            if read not in shown:
                shown.append(read)
    if not opinions:
        return {"opinion": None, "tags": [], "opinions": []}
    together = AggregateSignalOpinion.from_opinions(opinions)
    return {
        "opinion": together.category.name,
        "tags": _tags(together.tags),
        "opinions": shown[:_MOST_OPINIONS],
    }


def shown_fields(value: object) -> Any:  # noqa: PLR0911 - one line a type
    """A record's own fields as JSON for people to read; what is no value of JSON's own is written as text."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Enum():
            return value.name
        case str():
            return plain(value)
        case list() | tuple():
            return [shown_fields(item) for item in value]
        case set() | frozenset():
            return sorted((shown_fields(item) for item in value), key=str)
        case dict():
            return {plain(str(key)): shown_fields(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {field.name: shown_fields(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return plain(str(value))


def _opinion(opinion: SignalOpinion, source: object) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "category": opinion.category.name,
        "tags": _tags(opinion.tags),
        "is_mine": bool(opinion.is_mine),
    }
    owner = next(
        (value for name in _OWNERS if (value := getattr(source, name, None)) not in (None, "")), None
    )
    if owner is not None:
        shown["owner"] = plain(str(owner))[:LONGEST_TAG]
    return shown


def _tags(tags: Iterable[object]) -> list[str]:
    return sorted({plain(str(tag))[:LONGEST_TAG] for tag in tags} - {""})[:MOST_TAGS]


def plain(text: str) -> str:
    """Text that Postgres can hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _raw(key: object, value: object) -> str:
    try:
        kept = Portable({type(value).__module__.partition(".")[0], "threatexchange"}).dumps(value)
    except NotPortable:
        kept = repr(value)
    return f"{key_text(key)}: {kept}"[:_LONGEST_RAW]
