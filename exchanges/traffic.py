"""What the library was answered: kept for quarantine, and played back to it without its bad records.

A page with one malformed record makes the library lose the page, and with it the way to the next one. So
in a last attempt the answer is played to it again with fewer records, until those are known that it cannot
read; with the others it goes on.
"""

from __future__ import annotations

import copy
import json
import threading
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import requests

_MOST_BYTES = 64 << 20
_MOST_TRIALS = 4000


class PlaybackEnd(BaseException):
    """The library asks for more than is played: it has read what it was to read.

    No Exception, so that it is not taken for something that went wrong on the way.
    """


class Traffic:
    """Every answer to the library since `begin`, up to some size; replaces requests' one way out."""

    def __init__(self) -> None:
        self.answers: list[requests.Response] = []
        self.complete = True
        self._bytes = 0
        self._playing: deque[requests.Response] = deque()
        self._trial = False
        self._inside = threading.local()

    def install(self) -> None:
        """From now on all sessions of this process pass through here."""
        send = requests.Session.send

        def passing(
            session: requests.Session, request: requests.PreparedRequest, **more: Any
        ) -> requests.Response:
            if getattr(self._inside, "sending", False):  # a redirect, within the request that led to it
                return send(session, request, **more)
            if self._playing:
                answer = copy.copy(self._playing.popleft())
            elif self._trial:
                raise PlaybackEnd
            else:
                self._inside.sending = True
                try:
                    answer = send(session, request, **more)
                finally:
                    self._inside.sending = False
            self._keep(answer, streamed=bool(more.get("stream")))
            return answer

        setattr(requests.Session, "send", passing)  # noqa: B010 - its signature is not quite the same

    def begin(self, play: Sequence[requests.Response] = ()) -> None:
        """Forgets what was, and plays these answers before asking anybody."""
        self.answers, self._bytes, self.complete = [], 0, True
        self._playing = deque(play)

    @contextmanager
    def trying(self, play: Sequence[requests.Response]) -> Iterator[None]:
        """In the block nobody is asked."""
        kept = self.answers, self._bytes, self.complete
        self.begin(play)
        self._trial = True
        try:
            yield
        finally:
            self._trial = False
            self._playing.clear()
            self.answers, self._bytes, self.complete = kept

    def last_body(self) -> str | None:
        """The last answer's body, as text."""
        return self.answers[-1].content.decode(errors="replace") if self.answers else None

    def _keep(self, answer: requests.Response, *, streamed: bool) -> None:
        if streamed or not self.complete:
            self.complete = False
            self.answers = [] if streamed else [answer]
            return
        self._bytes += len(answer.content)
        self.answers.append(answer)
        if self._bytes > _MOST_BYTES:
            self.complete, self.answers = False, [answer]


def without_bad_records(
    answers: Sequence[requests.Response], reads: Callable[[Sequence[requests.Response]], bool]
) -> tuple[list[str], list[requests.Response]] | None:
    """The records of the last answer that cannot be read, as they came, and all answers without them.

    `reads` says whether the library reads these answers to the end of the last one. None: that answer
    does not consist of records, or what is wrong with it is not in them.
    """
    if not answers:
        return None
    parts = _json_parts(answers[-1].content) or _xml_parts(answers[-1].content)
    if parts is None:
        return None
    records, joined = parts
    trials = 0

    def readable(places: Sequence[int]) -> bool:
        nonlocal trials
        trials += 1
        return trials > _MOST_TRIALS or reads([*answers[:-1], with_body(joined(places))])

    def with_body(body: bytes) -> requests.Response:
        changed = copy.copy(answers[-1])
        changed._content = body  # noqa: SLF001 - responses have no other way in
        return changed

    def bad(places: Sequence[int]) -> list[int]:
        if readable(places):
            return []
        if len(places) == 1:
            return list(places)
        half = len(places) // 2
        return bad(places[:half]) + bad(places[half:])

    every = list(range(len(records)))
    if not readable([]):
        return None
    found = bad(every)
    rest = sorted(set(every) - set(found))
    if trials > _MOST_TRIALS or not found or not readable(rest):
        return None
    return [records[place] for place in found], [*answers[:-1], with_body(joined(rest))]


_Parts = tuple[list[str], Callable[[Sequence[int]], bytes]]


def _json_parts(body: bytes) -> _Parts | None:
    try:
        page = json.loads(body)
    except ValueError:
        return None
    if not isinstance(page, dict):
        return None
    lists = [name for name, value in page.items() if isinstance(value, list) and value]
    if not lists:
        return None
    name = max(lists, key=lambda key: len(page[key]))
    records = page[name]

    def joined(places: Sequence[int]) -> bytes:
        return json.dumps({**page, name: [records[place] for place in places]}).encode()

    return [json.dumps(record) for record in records], joined


def _xml_parts(body: bytes) -> _Parts | None:
    try:
        root = ET.fromstring(body)  # noqa: S314 - the library has parsed the very same bytes
    except ET.ParseError:
        return None
    holders = [
        node for node in root.iter() if len(node) and any(child.attrib or len(child) for child in node)
    ]
    # Records hang directly under the lists that the page consists of.
    lists = [holder for holder in holders if holder in list(root)] or holders[:1]
    places = [(holder, child) for holder in lists for child in holder if len(child)]
    if not places:
        return None

    def joined(kept: Sequence[int]) -> bytes:
        chosen = set(kept)
        for holder in lists:
            for child in [child for child in holder if len(child)]:
                holder.remove(child)
        for number, (holder, child) in enumerate(places):
            if number in chosen:
                holder.append(child)
        return ET.tostring(root)

    return [ET.tostring(child, encoding="unicode") for _, child in places], joined
