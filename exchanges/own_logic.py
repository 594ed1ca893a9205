"""What a signal type's class says of comparing and hashing, as banks ask for it (`banks.own_values`)."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from samelook.banks.errors import BadSignal

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class ClassLogic:
    """The logic of one class."""

    kind: type[Any]

    @property
    def takes_text(self) -> bool:
        """Whether its values are held against texts."""
        from threatexchange.signal_type.signal_base import MatchesStr

        return issubclass(self.kind, MatchesStr)

    @property
    def needs_path(self) -> bool:
        """Whether it reads nothing but files on disk."""
        from threatexchange.signal_type.signal_base import BytesHasher, TextHasher

        return not issubclass(self.kind, (BytesHasher, TextHasher))

    def hashed(self, data: bytes, path: str | None) -> str:
        """The value of a file. Raises what the class raises."""
        from threatexchange.signal_type.signal_base import TextHasher

        if path is not None:
            return str(self.kind.hash_from_file(Path(path)))
        if issubclass(self.kind, TextHasher):
            return str(self.kind.hash_from_str(data.decode()))
        return str(self.kind.hash_from_bytes(data))

    def compare(self, one: str, other: str) -> tuple[bool, object]:
        """Whether two values match, by compare_hash or, with a text as the second, by matches_str."""
        compare = getattr(self.kind, "compare_hash", None)
        if self.takes_text:
            compare = self.kind.matches_str
        if not callable(compare):
            raise BadSignal(
                f"{self.kind.get_name()} does not compare signals.", signal_type=self.kind.get_name()
            )
        try:
            matches, distance = compare(one, other)
            return bool(matches), _as_json(distance)
        except Exception as error:
            raise self._refused(error) from error

    def built(self, entries: Sequence[tuple[str, int]]) -> Any:
        """The class's own index; where it has none, one that compares with each value."""
        of = _index_class(self.kind)
        # An index may take a value and then fail at every question; and a class may change its mind.
        valid = [entry for entry in entries if self._passes(self.kind.validate_signal_str, entry[0], entry)]
        try:
            return of.build(valid)
        except Exception:  # noqa: BLE001 - foreign code, and one bad value must not stop the others
            return of.build([entry for entry in valid if self._passes(of.build, [entry], entry)])

    def found(self, index: Any, question: str) -> list[tuple[int, str]]:
        """What the index finds, as it orders it."""
        try:
            return [
                (int(match.metadata), str(match.similarity_info.pretty_str()))
                for match in index.query(question)
            ]
        except Exception as error:
            raise self._refused(error) from error

    def _passes(self, check: Callable[[Any], Any], value: object, entry: tuple[str, int]) -> bool:
        try:
            check(value)
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything
            _log.warning(
                "signal_type.left_out: %s refuses the signal of content %d (%s)",
                self.kind.get_name(),
                entry[1],
                type(error).__name__,
            )
            return False
        return True

    def _refused(self, error: Exception) -> BadSignal:
        # An extension's code may raise anything; to the sender it means that the value is no signal.
        name = self.kind.get_name()
        return BadSignal(f"{name} cannot compare with that ({type(error).__name__}).", signal_type=name)


def own_logic(kind: type[Any]) -> ClassLogic | None:
    """How a class compares; None where it says no more than that equal values match."""
    from threatexchange.signal_type.signal_base import MatchesStr, TrivialSignalTypeIndex

    by_equality = _index_class(kind) is TrivialSignalTypeIndex and _compares_plainly(kind)
    return None if by_equality and not issubclass(kind, MatchesStr) else ClassLogic(kind)


def own_hasher(kind: type[Any]) -> ClassLogic | None:
    """How a class hashes files; None where it does not."""
    from threatexchange.signal_type.signal_base import FileHasher

    return ClassLogic(kind) if issubclass(kind, FileHasher) else None


def _compares_plainly(kind: type[Any]) -> bool:
    from threatexchange.signal_type.signal_base import SimpleSignalType

    plain = vars(SimpleSignalType)["compare_hash"].__func__
    compare = getattr(kind, "compare_hash", None)
    return compare is None or getattr(compare, "__func__", None) is plain


def _index_class(kind: type[Any]) -> type[Any]:
    from threatexchange.signal_type.signal_base import (
        MatchesStr,
        TrivialLinearSearchHashIndex,
        TrivialLinearSearchMatchIndex,
        TrivialSignalTypeIndex,
    )

    try:
        own = kind.get_index_cls()
    except NotImplementedError:
        own = None
    if own is not None:
        return own  # type: ignore[no-any-return]
    # A class that leaves its index out compares each value, as the library's command line does.
    if issubclass(kind, MatchesStr):
        return type("MatchIndex", (TrivialLinearSearchMatchIndex,), {"_SIGNAL_TYPE": kind})
    if _compares_plainly(kind):
        return TrivialSignalTypeIndex
    return type("HashIndex", (TrivialLinearSearchHashIndex,), {"_SIGNAL_TYPE": kind})


def _as_json(distance: Any) -> object:
    """A similarity as HMA writes it: the object's fields."""
    is_value = dataclasses.is_dataclass(distance) and not isinstance(distance, type)
    fields = dataclasses.asdict(distance) if is_value else {}
    try:
        json.dumps(fields)
    except (TypeError, ValueError):
        return {"distance": distance.pretty_str()}
    return fields
