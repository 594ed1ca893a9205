"""Which bank a content is in, and whether it is enabled, for every content: twelve bytes each.

Kept in pages of neighbouring ids, as Postgres gives ids out in order and never again: a page of which every
content was removed goes, so that what is added and removed all day leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_PAGE_BITS = 12
_PAGE = 1 << _PAGE_BITS
_FEW = 32
Ids = NDArray[np.int64]


class _Page:
    """The states of 4,096 contents. Bank 0: there is none, or it was removed."""

    __slots__ = ("bank", "disable_until")

    def __init__(self) -> None:
        self.bank = np.zeros(_PAGE, np.int32)
        self.disable_until = np.zeros(_PAGE, np.int64)


class ContentStates:
    """Found by content id; one thread writes, others may read meanwhile."""

    def __init__(self) -> None:
        self._pages: dict[int, _Page] = {}

    def __len__(self) -> int:
        return sum(int(np.count_nonzero(page.bank)) for page in self._pages.values())

    def set(self, ids: Ids, banks: NDArray[np.int32], disable_until: NDArray[np.int64]) -> None:
        """Notes what is true of contents from now on; bank 0 for removed ones."""
        for number, rows in _by_page(ids):
            page = self._pages.get(number)
            if page is None:
                if not banks[rows].any():
                    continue
                page = _Page()
            within = ids[rows] & (_PAGE - 1)
            page.disable_until[within] = disable_until[rows]
            page.bank[within] = banks[rows]
            if page.bank.any():
                self._pages[number] = page
            else:
                self._pages.pop(number, None)

    def of(self, ids: Ids) -> tuple[list[int], list[int]]:
        """The banks of contents, 0 for unknown ones, and until when each is disabled."""
        if len(ids) > _FEW:
            banks, times = np.zeros(len(ids), np.int32), np.zeros(len(ids), np.int64)
            for number, rows in _by_page(ids):
                page = self._pages.get(number)
                if page is not None:
                    within = ids[rows] & (_PAGE - 1)
                    banks[rows], times[rows] = page.bank[within], page.disable_until[within]
            return banks.tolist(), times.tolist()
        few_banks, few_times = [], []
        for content_id in ids.tolist():
            page = self._pages.get(content_id >> _PAGE_BITS)
            place = content_id & (_PAGE - 1)
            few_banks.append(0 if page is None else page.bank.item(place))
            few_times.append(0 if page is None else page.disable_until.item(place))
        return few_banks, few_times

    def exist(self, ids: Ids) -> NDArray[np.bool_]:
        """Which of the contents are in a bank."""
        there = np.zeros(len(ids), bool)
        for number, rows in _by_page(ids):
            page = self._pages.get(number)
            if page is not None:
                there[rows] = page.bank[ids[rows] & (_PAGE - 1)] > 0
        return there


def _by_page(ids: Ids) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """The numbers of the pages that ids are on, and the places of each page's ids, in their order."""
    if not len(ids):
        return
    numbers = ids >> _PAGE_BITS
    order = np.argsort(numbers, kind="stable")
    sorted_numbers = numbers[order]
    for rows in np.split(order, np.flatnonzero(np.diff(sorted_numbers)) + 1):
        yield int(numbers[rows[0]]), rows
