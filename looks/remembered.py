"""What was worked out lately, bounded by size and not by number: what others send may be of any size."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[_Value]):
    value: _Value
    size: int
    at: float


class Remembered(Generic[_Key, _Value]):
    """Values by key; what was not asked for longest is forgotten first, and what is older than `lasts_s`.

    Sizes are in whatever unit `most` is. A value that is larger than `most` is not kept. What comes from the
    future, because the clock was set back, is forgotten too.
    """

    def __init__(
        self, most: int, *, lasts_s: float = float("inf"), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.size = 0
        """Of all values together."""
        self._most = most
        self._lasts_s = lasts_s
        self._clock = clock
        self._kept: OrderedDict[_Key, _Kept[_Value]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    def get(self, key: _Key) -> _Value | None:
        """The value, if it is still remembered."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if not 0 <= self._clock() - kept.at <= self._lasts_s:
            self.forget(key)
            return None
        self._kept.move_to_end(key)
        return kept.value

    def put(self, key: _Key, value: _Value, size: int = 1) -> None:
        """Remembers a value, in place of an earlier one."""
        self.forget(key)
        now = self._clock()
        self._kept[key] = _Kept(value, size, now)
        self.size += size
        while self._kept and (self.size > self._most or self._is_old(now)):
            self.forget(next(iter(self._kept)))

    def _is_old(self, now: float) -> bool:
        return not 0 <= now - next(iter(self._kept.values())).at <= self._lasts_s

    def forget(self, key: _Key) -> None:
        """Forgets a value, if there is one."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.size -= kept.size

    def clear(self) -> None:
        """Forgets everything."""
        self._kept.clear()
        self.size = 0
