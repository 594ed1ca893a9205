"""Putting new items into the unique codes, and purging dead ones: the work of a background merge.

Nothing here touches what readers see. New codes go behind the count that readers know; blocks with
codes whose items change are copied first; the small tables (groups, orders) are made anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .engine import Engine
from .list_kernels import BLOCK_ROWS, BLOCK_SHIFT, GROUP, SINGLE, Array, expand, rows_of
from .memory import array
from .uniques import Uniques

# Any odd numbers will do: a sum that keeps equal codes together, and nearly always different ones apart.
_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64
)


@dataclass(frozen=True, slots=True)
class Grouped:
    """Rows sorted by code, then id: `order` sorts them, and run i of equal codes begins at starts[i]."""

    order: Array
    starts: Array
    lengths: Array


def grouped_by_code(codes: Array, ids: Array) -> Grouped:
    """How to sort rows so that equal codes are together, in a fixed order."""
    keys = (codes * _FACTORS[: codes.shape[1]]).sum(axis=1, dtype=np.uint64)
    order = np.argsort(keys, kind="stable")
    new = _changes(codes[order])
    if np.any(new[1:] & (np.diff(keys[order]) == 0)):
        # Two codes with one key may lie interleaved: sort by the codes themselves.
        order = np.lexsort((ids, *codes.T))
    elif not new.all():
        order = np.lexsort((ids, keys))
    starts = np.flatnonzero(_changes(codes[order]))
    return Grouped(order, starts, np.diff(starts, append=len(order)))


def _changes(rows: Array) -> Array:
    new = np.ones(len(rows), bool)
    new[1:] = np.any(rows[1:] != rows[:-1], axis=1)
    return new


@dataclass(frozen=True, slots=True)
class MergeResult:
    uniques: Uniques
    fresh: Array
    """uint64[n, words]: the codes that are new, numbered from the old count."""


def merged(engine: Engine, body: Any | None, old: Uniques, codes: Array, ids: Array) -> MergeResult:
    """`old` with the items (codes[i], ids[i]); `body` is the engine's Body of `old`, if it has codes."""
    runs = grouped_by_code(codes, ids)
    first = runs.order[runs.starts]
    known = np.full(len(first), -1, np.int64)
    if body is not None:
        known = np.frombuffer(body.find_codes(np.ascontiguousarray(codes[first])), np.int64)
    new = known < 0
    alone = runs.lengths == 1
    fresh = codes[first[new]]
    added = len(fresh)
    if old.count + added > 2**32 - 2 * BLOCK_ROWS:
        raise OverflowError("an index numbers its codes with 32 bits and is full; split it")
    numbers = np.where(new, old.count + np.cumsum(new) - 1, known)

    old_states = rows_of(old.states, known[~new]) if old.count else np.empty(0, np.uint8)
    joining = np.zeros(len(new), bool)  # runs whose code had one item so far, and gets a group
    joining[np.flatnonzero(~new)[old_states != GROUP]] = True
    opening = joining | (new & ~alone)
    group = np.empty(len(new), np.int64)
    opened = old.group_numbers.size
    group[opening] = opened + np.arange(int(opening.sum()))
    staying = ~new & ~joining
    group[staying] = rows_of(old.values, known[staying]) if old.count else 0

    values = np.where(alone, ids[first], group)[new]
    states = np.where(alone, SINGLE, GROUP).astype(np.uint8)[new]
    columns = _appended(old, fresh, values, states)
    columns = _regrouped(columns, known[joining], group[joining])

    # The items that go into groups: those of the rows, and the single items met so far.
    in_group = opening | staying
    members = np.repeat(group[in_group], runs.lengths[in_group])
    member_ids = ids[runs.order[expand(runs.starts[in_group], runs.lengths[in_group])]]
    was_alive = rows_of(old.states, known[joining]) == SINGLE if old.count else np.empty(0, bool)
    met = rows_of(old.values, known[joining])[was_alive] if old.count else np.empty(0, np.int64)
    members = np.concatenate([members, group[joining][was_alive]])
    member_ids = np.concatenate([member_ids, met])
    singles = old.count + np.flatnonzero(alone[new])
    out = replace(
        old,
        count=old.count + added,
        codes=columns[0],
        values=columns[1],
        states=columns[2],
        order=_ordered(engine, body, old, columns, known[joining], singles),
        group_numbers=np.concatenate([old.group_numbers, numbers[opening].astype(np.uint32)]),
    )
    return MergeResult(_with_members(engine, out, members, member_ids, opened), fresh)


_Columns = tuple[tuple[Array, ...], tuple[Array, ...], tuple[Array, ...]]


def _appended(old: Uniques, codes: Array, values: Array, states: Array) -> _Columns:
    out: list[tuple[Array, ...]] = []
    for blocks, rows in ((old.codes, codes), (old.values, values), (old.states, states)):
        grown, at, left = list(blocks), old.count, rows
        while len(left):
            block, inside = at >> BLOCK_SHIFT, at & (BLOCK_ROWS - 1)
            if block == len(grown):
                grown.append(_block(rows))
            elif len(grown[block]) < BLOCK_ROWS:  # of a snapshot: as long as it was filled
                fuller = _block(rows)
                fuller[:inside] = grown[block][:inside]
                grown[block] = fuller
            fitting = min(len(left), BLOCK_ROWS - inside)
            grown[block][inside : inside + fitting] = left[:fitting]
            at, left = at + fitting, left[fitting:]
        out.append(tuple(grown))
    return out[0], out[1], out[2]


def _block(like: Array) -> Array:
    width = like.shape[1] if like.ndim > 1 else 1
    block = array(BLOCK_ROWS * width, like.dtype)
    return block.reshape(BLOCK_ROWS, width) if like.ndim > 1 else block


def _regrouped(columns: _Columns, numbers: Array, groups: Array) -> _Columns:
    """The columns with codes turned into groups, in copies of the blocks that this touches."""
    values, states = list(columns[1]), list(columns[2])
    for block in np.unique(numbers >> BLOCK_SHIFT).tolist():
        mine = numbers >> BLOCK_SHIFT == block
        rows = numbers[mine] & (BLOCK_ROWS - 1)
        for column, put in ((values, groups[mine]), (states, GROUP)):
            copy = array(len(column[block]), column[block].dtype)
            copy[:] = column[block]
            copy[rows] = put
            column[block] = copy
    return columns[0], tuple(values), tuple(states)


def _ordered(
    engine: Engine, body: Any, old: Uniques, columns: _Columns, leaving: Array, singles: Array
) -> Array:
    """The order by id, without the codes that leave it and with new ones."""
    new_ids = rows_of(columns[1], singles)
    turn = np.argsort(new_ids, kind="stable")
    if not len(old.order):
        return singles[turn].astype(np.uint32)
    drops = np.frombuffer(body.order_positions(rows_of(old.values, leaving)), np.int64).copy()
    while len(wrong := np.flatnonzero(old.order[drops] != leaving)):
        drops[wrong] += 1  # several codes of one id
    places = np.frombuffer(body.order_positions(new_ids[turn]), np.int64)
    return spliced(engine, old.order, np.sort(drops), places, singles[turn].astype(np.uint32))


def spliced(engine: Engine, source: Array, drops: Array, places: Array, values: Array) -> Array:
    """`source` without some positions and with values put in before others; both ascend."""
    target = array(len(source) - len(drops) + len(places), source.dtype)
    engine.splice(
        np.ascontiguousarray(source),
        np.ascontiguousarray(drops, np.int64),
        np.ascontiguousarray(places, np.int64),
        np.ascontiguousarray(values, source.dtype),
        target,
    )
    return target


def _with_members(engine: Engine, uniques: Uniques, groups: Array, ids: Array, opened: int) -> Uniques:
    """The groups with more members, and without those that are dead; `opened` groups are old."""
    if not len(groups):
        return uniques
    turn = np.lexsort((ids, groups))
    groups, ids = groups[turn], ids[turn]
    drops = np.flatnonzero(uniques.group_dead)
    old_groups = groups[groups < opened]
    places = np.full(len(groups), len(uniques.group_ids), np.int64)
    places[: len(old_groups)] = uniques.places(old_groups, ids[: len(old_groups)])
    dropped = uniques.group_of(drops)
    sizes = np.zeros(len(uniques.group_numbers), np.int64)
    sizes[:opened] = np.diff(uniques.group_starts.astype(np.int64))
    sizes += np.bincount(groups, minlength=len(sizes))
    sizes -= np.bincount(dropped, minlength=len(sizes))
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint64)

    turn = np.lexsort((groups, ids))
    member_drops = np.sort(_members_at(uniques, uniques.group_ids[drops], dropped))
    member_places = _members_at(uniques, ids[turn], groups[turn])
    return replace(
        uniques,
        group_starts=starts,
        group_ids=spliced(engine, uniques.group_ids, drops, places, ids),
        # Removals that come in meanwhile mark the old array; whoever merges repeats them here.
        group_dead=np.zeros(int(starts[-1]), np.uint8),
        member_ids=spliced(engine, uniques.member_ids, member_drops, member_places, ids[turn]),
        member_groups=spliced(
            engine, uniques.member_groups, member_drops, member_places, groups[turn].astype(np.uint32)
        ),
    )


def _members_at(uniques: Uniques, ids: Array, groups: Array) -> Array:
    """Where (id, group) is, or would have to be put, among the members sorted by both."""
    low = np.searchsorted(uniques.member_ids, ids, "left")
    high = np.searchsorted(uniques.member_ids, ids, "right")
    while len(undecided := np.flatnonzero(low < high)):
        middle = (low[undecided] + high[undecided]) // 2
        smaller = uniques.member_groups[middle] < groups[undecided]
        low[undecided[smaller]] = middle[smaller] + 1
        high[undecided[~smaller]] = middle[~smaller]
    return low


@dataclass(frozen=True, slots=True)
class Purged:
    uniques: Uniques
    renumbered: Array
    """uint32[old count]: the new number of each code, or 2**32 - 1."""


def purged(old: Uniques) -> Purged:
    """`old` without the codes that nothing hangs off."""
    keep = old.living()
    kept = np.flatnonzero(keep)
    renumbered = np.full(old.count, 2**32 - 1, np.uint32)
    renumbered[kept] = np.arange(len(kept), dtype=np.uint32)

    live_items = np.flatnonzero(old.group_dead == 0)
    items_group = old.group_of(live_items)
    sizes = np.bincount(items_group, minlength=len(old.group_numbers))
    # A group stays when its code does; it may have died since `keep` was taken.
    staying = keep[old.group_numbers] if len(old.group_numbers) else np.empty(0, bool)
    new_group = np.cumsum(staying) - 1
    items_stay = staying[items_group]
    live_items, items_group = live_items[items_stay], items_group[items_stay]

    columns: list[list[Array]] = [[], [], []]
    for start in range(0, max(1, len(kept)), BLOCK_ROWS):
        numbers = kept[start : start + BLOCK_ROWS]
        parts = [rows_of(blocks, numbers) for blocks in (old.codes, old.values, old.states)]
        is_group = parts[2] == GROUP
        parts[1][is_group] = new_group[parts[1][is_group]]
        for column, rows in zip(columns, parts, strict=True):
            block = _block(rows)
            block[: len(rows)] = rows
            column.append(block)
    # By `keep` alone: states are marked meanwhile, and those removals are repeated later by this order.
    in_order = old.order[keep[old.order]] if len(old.order) else old.order
    group_ids = old.group_ids[live_items]
    groups = new_group[items_group]
    turn = np.lexsort((groups, group_ids))
    uniques = Uniques(
        count=len(kept),
        codes=tuple(columns[0]),
        values=tuple(columns[1]),
        states=tuple(columns[2]),
        group_starts=np.concatenate([[0], np.cumsum(sizes[staying])]).astype(np.uint64),
        group_ids=group_ids,
        group_dead=np.zeros(len(group_ids), np.uint8),
        group_numbers=renumbered[old.group_numbers[staying]],
        order=renumbered[in_order],
        member_ids=group_ids[turn],
        member_groups=groups[turn].astype(np.uint32),
    )
    return Purged(uniques, renumbered)
