"""The contents of an index, and the merges that move its tail into its body, mostly in the background.

Readers take one reference (`_searcher`) and never lock. Writers take turns. A merge freezes the tail,
makes new lists chunk by chunk outside any lock, swaps each in as it is ready (numbers beyond the count
of the body are skipped, so a chunk that knows more than the others does no harm), and publishes the
new count at the end: the extra memory at any moment is one chunk of sixteen.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .checking import checked_bits
from .engine import Engine, default_engine
from .list_kernels import Array
from .lists import PostingLists, no_lists
from .memory import give_back
from .merging import Purged, merged, purged
from .settings import IndexSettings
from .tail import Tail, new_tail
from .uniques import Uniques, no_uniques

_log = logging.getLogger(__name__)

# Merges of so many items leave holes in the heap that are worth giving back.
_LARGE_MERGE = 1 << 11


@dataclass(frozen=True, slots=True)
class Contents:
    """What one moment of the index consists of. `bodies` are two while a purge renumbers the codes."""

    bodies: tuple[Uniques, ...]
    lists: tuple[tuple[PostingLists, int], ...]
    tails: tuple[Tail, ...]


class MergingContents:
    """Contents that are read without a lock, written in turns, and merged."""

    def __init__(
        self, bits: int = 256, *, settings: IndexSettings | None = None, engine: Engine | None = None
    ) -> None:
        self._bits = checked_bits(bits)
        self._settings = settings or IndexSettings()
        self._engine: Engine = engine or default_engine()
        self._writing = threading.Lock()
        self._merging = threading.Lock()
        self._thread: threading.Thread | None = None
        self._removed: list[Array] | None = None  # ids removed since the running merge began
        self._items = 0
        self._engine_body: Any = None
        self._contents = Contents((), (), (new_tail(self._bits // 64, 64),))
        self._publish(self._contents, None)

    def _publish(self, contents: Contents, body: Any) -> None:
        searcher = self._engine.Searcher(self._bits, body, tuple(tail.parts() for tail in contents.tails))
        self._contents, self._engine_body = contents, body
        self._searcher = searcher

    def _body_of(self, contents: Contents) -> Any:
        bases = tuple(body.base() for body in contents.bodies)
        return self._engine.Body(
            self._bits, bases, tuple(lists.chunk(base) for lists, base in contents.lists)
        )

    def _after_adding(self) -> None:
        tails, bodies = self._contents.tails, self._contents.bodies
        waiting = sum(tail.count for tail in tails)
        listed = bodies[0].count if bodies else 0
        if waiting < max(self._settings.tail_codes, listed // 1024):
            return
        most = max(self._settings.most_tail_codes, listed // 32)
        if waiting >= most or not self._settings.background:
            self.merge()
        elif self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._merge_quietly, name="matching-merge", daemon=True)
            self._thread.start()

    def _merge_quietly(self) -> None:
        try:
            self.merge()
        except Exception:  # noqa: BLE001 - the root of a thread; logged, and what happens next is said here
            # The items stay in the tail, where queries find them; the next full tail tries again.
            _log.exception("matching.merge_failed")

    def settle(self) -> None:
        """Waits until no merge is running."""
        thread = self._thread
        if thread is not None:
            thread.join()
        with self._merging:
            pass

    def merge(self) -> None:
        """Lists everything that is in the tail now, and purges dead codes when there are many."""
        with self._merging:
            large = sum(tail.count for tail in self._contents.tails) > _LARGE_MERGE
            self._merge_tails()
            bodies = self._contents.bodies
            if bodies and bodies[0].count:
                dead = bodies[0].count - int(np.count_nonzero(bodies[0].living()))
                if dead > self._settings.purge_share * bodies[0].count:
                    large = True
                    self._purge()
        if large:
            give_back()

    def _merge_tails(self) -> None:
        with self._writing:
            frozen = self._contents.tails
            if not any(tail.count for tail in frozen):
                return
            fresh = new_tail(self._bits // 64, min(2 * self._settings.tail_codes, 1 << 15))
            self._publish(replace(self._contents, tails=(*frozen, fresh)), self._engine_body)
            self._removed = []
        try:
            parts = [tail.live() for tail in frozen]
            codes, ids = (
                np.concatenate([part for part, _ in parts]),
                np.concatenate([part for _, part in parts]),
            )
            if not len(ids):
                with self._writing:
                    contents = replace(self._contents, tails=self._contents.tails[len(frozen) :])
                    self._publish(contents, self._engine_body)
                return
            old = self._contents.bodies[0] if self._contents.bodies else no_uniques()
            done = merged(self._engine, self._engine_body, old, codes, ids)
            lists = self._contents.lists or tuple((no_lists(), 0) for _ in range(self._bits // 16))
            if len(done.fresh):
                lists = self._merge_lists(lists, done.fresh, old.count)
            with self._writing:
                tails = self._contents.tails[len(frozen) :]
                self._finish(Contents((done.uniques,), lists, tails))
        finally:
            self._removed = None

    def _merge_lists(
        self, lists: tuple[tuple[PostingLists, int], ...], fresh: Array, first: int
    ) -> tuple[tuple[PostingLists, int], ...]:
        try:
            for chunk in range(len(lists)):
                new = (lists[chunk][0].merged(self._engine, fresh, chunk, first), 0)
                lists = (*lists[:chunk], new, *lists[chunk + 1 :])
                with self._writing:
                    if self._contents.bodies:
                        contents = replace(self._contents, lists=lists)
                        self._publish(contents, self._body_of(contents))
        except BaseException:
            # Some lists name codes that the body will now never have.
            self._start_over()
            raise
        return lists

    def _purge(self) -> None:
        with self._writing:
            if not self._contents.bodies:
                return
            self._removed = []
        try:
            done = purged(self._contents.bodies[0])
            with self._writing:
                # From here on removals mark both bodies.
                bodies = (self._contents.bodies[0], done.uniques)
                self._finish(replace(self._contents, bodies=bodies))
            self._purge_lists(done)
            with self._writing:
                lists = tuple((held, 0) for held, _ in self._contents.lists)
                contents = replace(self._contents, bodies=(done.uniques,), lists=lists)
                if done.uniques.count:
                    self._publish(contents, self._body_of(contents))
                else:
                    self._publish(replace(contents, bodies=(), lists=()), None)
        finally:
            self._removed = None

    def _purge_lists(self, done: Purged) -> None:
        try:
            for chunk, (old, _) in enumerate(self._contents.lists):
                new = (old.purged(self._engine, done.renumbered, done.uniques.count), 1)
                with self._writing:
                    lists = (*self._contents.lists[:chunk], new, *self._contents.lists[chunk + 1 :])
                    contents = replace(self._contents, lists=lists)
                    self._publish(contents, self._body_of(contents))
        except BaseException:
            # Half renumbered: answers are right, but nothing can be merged into two numberings.
            self._start_over()
            raise

    def _finish(self, contents: Contents) -> None:
        """Publishes a new last body after repeating the removals that came in while it was made."""
        body = self._body_of(contents)
        if self._removed:
            ids = np.unique(np.concatenate(self._removed))
            last = len(contents.bodies) - 1
            _, numbers = body.find_ids(last, ids)
            contents.bodies[last].remove(ids, np.frombuffer(numbers, np.uint32).astype(np.int64))
        self._publish(contents, body)
        self._removed = None

    def _start_over(self) -> None:
        """Turns the body into a tail: slow, right, and the next merge builds a body again."""
        with self._writing:
            if not self._contents.bodies:
                return
            tails = self._contents.tails
            codes, ids = self._contents.bodies[0].items()
            old = new_tail(self._bits // 64, len(ids)).with_rows(codes, ids)
            self._publish(Contents((), (), (old, *tails)), None)
