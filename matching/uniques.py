"""The unique codes of an index and the items that hang off them.

A unique code has a number, its place in columns that are kept in blocks, so that adding codes copies
nothing. Its state says what its value is: the id of its only item, or the number of a group of items.
Readers never lock: what they see is only ever appended to (behind the count they know), replaced as
a whole, or marked dead, one byte at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .list_kernels import BLOCK_ROWS, BLOCK_SHIFT, DEAD, GROUP, SINGLE, Array, expand, rows_of


@dataclass(frozen=True, slots=True)
class Uniques:
    count: int
    codes: tuple[Array, ...]
    """uint64[rows, words] in chunk form, blocks of BLOCK_ROWS rows."""
    values: tuple[Array, ...]
    """int64: the id (SINGLE) or the number of the group (GROUP)."""
    states: tuple[Array, ...]
    """uint8: DEAD, SINGLE or GROUP."""
    group_starts: Array
    """uint64[groups + 1]: where each group's items begin."""
    group_ids: Array
    """int64: the items of all groups, ascending within a group."""
    group_dead: Array
    """uint8: 1 for a removed item."""
    group_numbers: Array
    """uint32[groups]: the code of each group."""
    order: Array
    """uint32: the codes that are, or were, SINGLE, sorted by id."""
    member_ids: Array
    """int64: the items of all groups again, sorted by id and group …"""
    member_groups: Array
    """uint32: … and their groups."""

    def base(self) -> tuple[Any, ...]:
        """What an engine's Body takes."""
        return (
            self.count,
            self.codes,
            self.values,
            self.states,
            self.group_starts,
            self.group_ids,
            self.group_dead,
            self.order,
        )

    def arrays(self) -> list[Array]:
        """Every array, for counting bytes."""
        columns = [*self.codes, *self.values, *self.states]
        groups = [self.group_starts, self.group_ids, self.group_dead, self.group_numbers]
        return [*columns, *groups, self.order, self.member_ids, self.member_groups]

    def memberships(self, ids: Array) -> tuple[Array, Array]:
        """Row and place in group_ids of every live group item that has one of the ids."""
        first = np.searchsorted(self.member_ids, ids, "left")
        lengths = np.searchsorted(self.member_ids, ids, "right") - first
        members = expand(first, lengths)
        rows = np.repeat(np.arange(len(ids)), lengths)
        places = self.places(self.member_groups[members].astype(np.int64), ids[rows])
        alive = self.group_dead[places] == 0
        return rows[alive], places[alive]

    def places(self, groups: Array, ids: Array) -> Array:
        """For each group, where in group_ids the id is, or would have to be put."""
        low = self.group_starts[groups].astype(np.int64)
        high = self.group_starts[groups + 1].astype(np.int64)
        while len(undecided := np.flatnonzero(low < high)):
            middle = (low[undecided] + high[undecided]) // 2
            smaller = self.group_ids[middle] < ids[undecided]
            low[undecided[smaller]] = middle[smaller] + 1
            high[undecided[~smaller]] = middle[~smaller]
        return low

    def group_of(self, places: Array) -> Array:
        """The groups that own places in group_ids."""
        return np.searchsorted(self.group_starts, places.astype(np.uint64), "right") - 1

    def remove(self, ids: Array, singles: Array) -> int:
        """Marks items dead: all of `ids` in groups, and the SINGLE codes of numbers `singles`."""
        _, places = self.memberships(ids)
        places = np.unique(places)
        self.group_dead[places] = 1
        singles = np.unique(singles)
        for block in np.unique(singles >> BLOCK_SHIFT).tolist():
            self.states[block][singles[singles >> BLOCK_SHIFT == block] & (BLOCK_ROWS - 1)] = DEAD
        return len(places) + len(singles)

    def present(self, rows: Array, numbers: Array, codes: Array, ids: Array) -> Array:
        """Which of the pairs (code, id) are here; `rows` and `numbers` are the findings of find_ids."""
        here = np.zeros(len(ids), bool)
        here[rows[np.all(rows_of(self.codes, numbers) == codes[rows], axis=1)]] = True
        if len(self.member_ids):
            rows, places = self.memberships(ids)
            numbers = self.group_numbers[self.group_of(places)].astype(np.int64)
            here[rows[np.all(rows_of(self.codes, numbers) == codes[rows], axis=1)]] = True
        return here

    def items(self) -> tuple[Array, Array]:
        """Codes and ids of all live items."""
        numbers = np.arange(self.count)
        single = numbers[rows_of(self.states, numbers) == SINGLE]
        places = np.flatnonzero(self.group_dead == 0)
        grouped = self.group_numbers[self.group_of(places)].astype(np.int64)
        ids = np.concatenate([rows_of(self.values, single), self.group_ids[places]])
        return rows_of(self.codes, np.concatenate([single, grouped])), ids

    def living(self) -> Array:
        """For each code, whether anything hangs off it."""
        states = np.concatenate([np.empty(0, np.uint8), *self.states])[: self.count]
        alive: Array = states != DEAD
        grouped = np.flatnonzero(states == GROUP)
        if len(grouped):
            live = np.concatenate([[0], np.cumsum(self.group_dead == 0)])
            sizes = (
                live[self.group_starts[1:].astype(np.int64)] - live[self.group_starts[:-1].astype(np.int64)]
            )
            alive[grouped] = sizes[rows_of(self.values, grouped)] > 0
        return alive


def no_uniques() -> Uniques:
    """No codes at all."""
    ids, numbers = np.empty(0, np.int64), np.empty(0, np.uint32)
    starts, dead = np.zeros(1, np.uint64), np.empty(0, np.uint8)
    return Uniques(0, (), (), (), starts, ids, dead, numbers, numbers, ids, numbers)
