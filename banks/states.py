"""Which bank a content is in, and whether it is enabled, for every content: twelve bytes each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FIRST = 1024


class ContentStates:
    """Arrays indexed by content id, which Postgres gives out without large gaps."""

    def __init__(self) -> None:
        self.bank = np.zeros(_FIRST, np.int32)
        self.disable_until = np.zeros(_FIRST, np.int64)

    def __len__(self) -> int:
        return int(np.count_nonzero(self.bank))

    def set(self, ids: NDArray[np.int64], banks: NDArray[np.int32], disable_until: NDArray[np.int64]) -> None:
        """Notes what is true of contents from now on; bank 0 for removed ones."""
        if not len(ids):
            return
        self._reach(int(ids.max()))
        self.disable_until[ids] = disable_until
        self.bank[ids] = banks

    def banks_of(self, ids: NDArray[np.int64]) -> NDArray[np.int32]:
        """The banks of contents, 0 for unknown ones."""
        banks = self.bank
        try:
            return banks[ids]
        except IndexError:  # a content that came just now; asking for the largest first takes as long as this
            known = np.zeros(len(ids), np.int32)
            within = ids < len(banks)
            known[within] = banks[ids[within]]
            return known

    def _reach(self, largest: int) -> None:
        size = len(self.bank)
        if largest < size:
            return
        size = max(largest + 1, size + size // 2)
        # Readers in other threads keep the arrays that they have taken.
        for name in ("bank", "disable_until"):
            old = getattr(self, name)
            new = np.zeros(size, old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)
