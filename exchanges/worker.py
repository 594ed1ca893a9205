"""The fetching process: `python -m samelook.exchanges.worker`, started by `child`, spoken to over its pipes.

It runs the library and nothing else, so that it can be killed at any moment; it has no database. It ends
when its standard input does, that is, with whoever started it.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, BinaryIO, NoReturn

from samelook.processes.framing import decode, encode, framed, read_frame

_MOST_BYTES = 4 << 20
_LONGEST_RAW = 262_144
_REPLICAS_DIFFER_S = 120
"""Seconds by which one of a source's servers may be behind another."""
_WORDS = frozenset({"message", "raw", "problems"})
"""Fields of messages in which credentials are masked: words of the library or of a server may repeat one."""
_Message = dict[str, Any]


class Pipes:
    """The pipes to the starter; messages wait in a queue, so that the end of the pipe is seen at once."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self._messages: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self.hidden: tuple[str, ...] = ()
        """Credentials, which are masked in what is sent."""
        threading.Thread(target=self._listen, daemon=True).start()

    def receive(self) -> _Message:
        return self._messages.get()

    def send(self, **message: Any) -> None:
        # Rows of data are not searched for secrets: they come from the exchange and must stay as they are.
        for name in _WORDS & message.keys():
            message[name] = _without(message[name], self.hidden)
        self._outgoing.write(framed(encode(message)))
        self._outgoing.flush()

    def _listen(self) -> NoReturn:
        while (frame := read_frame(self._incoming)) is not None:
            message: Any = decode(frame)
            self._messages.put(message)
        os._exit(3)


def _without(value: Any, hidden: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        for secret in hidden:
            value = value.replace(secret, "***")
        return value
    if isinstance(value, dict):
        return {key: _without(item, hidden) for key, item in value.items()}
    if isinstance(value, list):
        return [_without(item, hidden) for item in value]
    return value


class Fetch:
    """One run of one exchange."""

    def __init__(self, line: Pipes, start: _Message) -> None:
        from . import adapters, files
        from .conversion import Converter, Overheard
        from .library import load
        from .portable import Portable
        from .signal_registration import register_optional
        from .traffic import Traffic

        register_optional(start["optional_signals"])
        library = load(*(tuple(start[name]) for name in ("exchange_types", "signal_types", "extensions")))
        adapters.use_urls(start["urls"])
        files.use_folder(start["files_folder"])
        self._line, self._start = line, start
        self._api = library.exchange_type(start["api"])
        self._types = list(library.signal_types.values())
        self._portable = Portable(library.packages(self._api))
        self._overheard = Overheard()
        logging.basicConfig(handlers=[self._overheard], level=logging.WARNING, force=True)
        self._traffic = Traffic()
        self._traffic.install()
        self._read = 0
        """Pages that the library has yielded."""
        self._unusable = 0
        """Records that hold no signal of a type that is known here."""
        self._collab = _loaded(start["config"], self._api.get_config_cls())
        self._credentials = self._credentials_of(start["credentials"])
        self._converter = Converter(self._api, self._collab, self._types, self._portable, self._overheard)
        _bound_memory(start["memory_bytes"])

    def report(self) -> None:
        """Says one opinion, or that a signal was seen."""
        from threatexchange.exchanges.fetch_state import SignalOpinion, SignalOpinionCategory

        report = self._start["report"]
        kind = next((known for known in self._types if known.get_name() == report["signal_type"]), None)
        if kind is None:
            raise NotImplementedError
        api = self._client()
        if report["kind"] == "seen":
            if not hasattr(api, "report_seen"):
                raise NotImplementedError
            api.report_seen(kind, report["value"], self._api.get_record_cls())
        else:
            category = SignalOpinionCategory[report["category"]]
            api.report_opinion(
                kind,
                report["value"],
                SignalOpinion(is_mine=True, category=category, tags=set(report["tags"])),
            )
        self._line.send(about="done")

    def run(self) -> None:
        """Sends the plan, the pages and `done`."""
        checkpoint = self._planned()
        progress = kept = None if checkpoint is None else checkpoint.get_progress_timestamp()
        for delta in self._deltas(checkpoint):
            found = delta.checkpoint
            now = None if found is None else found.get_progress_timestamp()
            if kept is not None and now is not None and now < kept - _REPLICAS_DIFFER_S:
                # The source is behind our checkpoint, as after a restored backup: what it lost is unknown.
                self._line.send(about="rewound", by_s=kept - now)
                return
            rewound = progress is not None and now is not None and now < progress
            if now is not None:
                progress = now
            self._send_delta(delta, now, rewound=rewound)
        self._line.send(about="done", unusable=self._unusable)

    def _planned(self) -> Any:
        """The checkpoint to go on from; says which it is."""
        building, current = self._start["building"], self._start["current"]
        if not self._start["from_scratch"]:
            for plan, text in (("resume", building), ("follow", current)):
                checkpoint = self._usable(text)
                if checkpoint is not None:
                    self._line.send(about="plan", plan=plan, progress_at=checkpoint.get_progress_timestamp())
                    return checkpoint
                if plan == "resume" and self._start["has_building"]:
                    break  # begun, and not to be gone on with: anew
        self._line.send(about="plan", plan="fresh", progress_at=None)
        return None

    def _usable(self, text: str | None) -> Any:
        from threatexchange.exchanges.fetch_state import FetchCheckpointBase, NoCheckpointing

        from .portable import NotPortable

        if text is None:
            return None
        try:
            checkpoint = self._portable.loads(text)
        except NotPortable:
            return None  # of another version of its class
        # These two types keep no position: each fetch reads everything.
        says_nothing = type(checkpoint) in (FetchCheckpointBase, NoCheckpointing)
        return None if says_nothing or checkpoint.is_stale() else checkpoint

    def _deltas(self, checkpoint: Any) -> Iterator[Any]:
        """What the library yields; in a last attempt also past records that it cannot read."""
        read = 0
        self._traffic.begin()
        pages = self._client().fetch_iter(self._types, checkpoint)
        while True:
            try:
                delta = next(pages)
            except StopIteration:
                return
            except Exception as error:
                play = self._salvaged(error, checkpoint, read)
                if play is None:
                    raise
                self._overheard.take()  # what was said of the page that is now read again
                self._traffic.begin(play)
                pages = self._client().fetch_iter(self._types, checkpoint)
                with self._overheard.muting():
                    for _ in islice(pages, read):
                        pass
                continue
            read += 1
            self._read = read
            yield delta

    def _salvaged(self, error: Exception, checkpoint: Any, read: int) -> Any:
        from .conversion import Problem
        from .failures import explained
        from .traffic import PlaybackEnd, without_bad_records

        if not self._start["salvage"] or not self._traffic.complete:
            return None
        if explained(error)["kind"] != "malformed_page":
            return None

        def reads(answers: Any) -> bool:
            try:
                with self._traffic.trying(answers), self._overheard.muting():
                    for _ in islice(self._client().fetch_iter(self._types, checkpoint), read + 1):
                        pass
            except PlaybackEnd:
                return True
            except Exception:  # noqa: BLE001 - whatever it is, it does not read them
                return False
            return True

        found = without_bad_records(list(self._traffic.answers), reads)
        if found is None:
            return None
        bad, play = found
        message = f"the library cannot read it: {explained(error)['message']}"
        problems = [Problem("malformed_record", message, None, line[:_LONGEST_RAW]) for line in bad]
        self._line.send(
            about="page",
            rows=[],
            problems=[problem.as_json() for problem in problems],
            checkpoint=None,
            last=False,
        )
        return play

    def _send_delta(self, delta: Any, progress_at: int | None, *, rewound: bool) -> None:
        from .conversion import Problem, key_text

        problems = [Problem("left_out", complaint, None, complaint) for complaint in self._overheard.take()]
        if rewound:
            problems.append(
                Problem("time_rewound", "the source's time went back; what it sends is taken again")
            )
        checkpoint = None if delta.checkpoint is None else self._portable.dumps(delta.checkpoint)
        updates = iter(delta.updates.items())
        old: dict[str, str | None] = {}
        rows: list[list[Any]] = []
        while True:
            batch = list(islice(updates, self._start["page_records"]))
            if self._converter.needs_old_values and batch:
                keys = [key_text(key) for key, _ in batch]
                self._line.send(about="keys", keys=keys)
                old = dict(zip(keys, self._line.receive()["old"], strict=True))
            size = 0
            rows = []
            for record in self._converter.records(batch, partial(_old_value, old), problems):
                rows.append([record.key, record.value, record.signals, record.meta])
                self._unusable += record.unusable
                size += len(record.value or "") + len(record.key)
                if size > _MOST_BYTES:
                    self._send_page(rows, problems)
                    rows, problems, size = [], [], 0
            if len(batch) < self._start["page_records"]:
                break
            self._send_page(rows, problems)
            problems = []
        self._line.send(
            about="page",
            rows=rows,
            problems=[problem.as_json() for problem in problems],
            checkpoint=checkpoint,
            progress_at=progress_at,
            last=True,
        )

    def _send_page(self, rows: list[Any], problems: list[Any]) -> None:
        self._line.send(
            about="page",
            rows=rows,
            problems=[problem.as_json() for problem in problems],
            checkpoint=None,
            last=False,
        )

    def failed(self, error: BaseException) -> None:
        """Sends why the run ends here."""
        from .failures import explained

        message = explained(error)
        raw = self._traffic.last_body() if message["kind"] == "malformed_page" else None
        self._line.send(
            about="error",
            **message,
            raw=None if raw is None else raw[:_LONGEST_RAW],
            asked=bool(self._traffic.answers),
            read=self._read,
        )

    def _client(self) -> Any:
        if self._credentials is None:
            return self._api.for_collab(self._collab)
        return self._api.for_collab(self._collab, self._credentials)

    def _credentials_of(self, stored: Mapping[str, Any] | None) -> Any:
        from threatexchange.exchanges.auth import SignalExchangeWithAuth

        if not issubclass(self._api, SignalExchangeWithAuth):
            return None
        kind = self._api.get_credential_cls()
        found = _loaded(stored, kind) if stored is not None else kind.get(self._api)
        self._line.hidden = _secrets(found)
        return found


def _old_value(old: Mapping[str, str | None], key: object) -> str | None:
    from .conversion import key_text

    return old.get(key_text(key))


def _loaded(value: Mapping[str, Any], kind: type[Any]) -> Any:
    from threatexchange.utils import dataclass_json

    return dataclass_json.dataclass_load_dict(dict(value), kind)


def _secrets(credentials: object) -> tuple[str, ...]:
    """Every text of the credentials, in all ways that it may appear written; longest first."""
    from urllib.parse import quote, quote_plus

    shortest = 4
    texts = {
        value for value in vars(credentials).values() if isinstance(value, str) and len(value) >= shortest
    }
    texts = {text for text in texts if not text.startswith(("http://", "https://"))}
    written = {form for text in texts for form in (text, quote(text), quote(text, safe=""), quote_plus(text))}
    return tuple(sorted(written, key=len, reverse=True))


def _bound_memory(more_bytes: int) -> None:
    """Takes so much memory and no more from now on, where the system has such a limit."""
    if sys.platform == "win32":
        return
    import resource

    from samelook.hashing.worker import address_space

    most = address_space() + more_bytes
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main() -> None:
    """Does what the first message asks."""
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the library prints now and then
    line = Pipes(sys.stdin.buffer, outgoing)
    start = line.receive()
    from .failures import explained, impatient

    impatient()
    fetch = None
    try:
        fetch = Fetch(line, start)
        if "report" in start:
            fetch.report()
        else:
            fetch.run()
    except Exception as error:  # noqa: BLE001 - the root of the process: it says what happened and ends
        if isinstance(error, MemoryError):
            traceback.clear_frames(error.__traceback__)  # which hold what filled the memory
        if fetch is None:
            line.send(about="error", **explained(error), raw=None, asked=True, read=0)
        else:
            fetch.failed(error)


if __name__ == "__main__":
    main()
