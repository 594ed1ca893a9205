"""Who is let in: as much work as the process gets done soon, and no client more than its share.

A request that would have to wait longer than anybody waits is refused at the door, with the time after which
to come back: work that piles up is done for people who have gone. Health routes are never refused.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from math import ceil

from aiohttp import web

from samelook.api.callers import client_behind
from samelook.api.description import Handler, operation_of
from samelook.api.errors import ApiError, error_response, too_many
from samelook.api.metrics import METRICS

MOST_AT_ONCE = 1024
"""Most requests in hand, of all clients together."""
MOST_OF_A_CLIENT = 256
MOST_BYTES = 256 << 20
"""The most memory, in bytes, that the bodies of all requests being answered may hold together."""
MOST_BYTES_OF_A_CLIENT = 96 << 20
MOST_UNREAD_OF_A_CLIENT = 64 << 20
"""Most bytes of answers that a client has asked for and not read yet."""
KEPT_FOR_SMALL = 64 << 20
"""Bytes of MOST_BYTES that only bodies up to _SMALL may use: slow uploads of files do not keep others out."""
_SMALL = 1 << 20
HELD_AT_MOST = 64 << 20
"""Most bytes that are counted for one body; of a longer one the beginning is freed before the end arrives."""
LONGEST_WAIT_S = 2.0
LATE_S = 0.05
"""A round of the event loop that takes longer leaves requests unread in the sockets."""
_ROUNDS, _CROWD = 3, 64
"""Requests are refused after _ROUNDS late rounds in a row, each with _CROWD requests: a slow machine alone
refuses nobody."""
_MORE_REFUSED, _FEWER_REFUSED = 0.2, 0.95
"""A late round adds the first to the share of requests that are refused; any other multiplies the share by
the second."""
_LEAST_REFUSED, _MOST_REFUSED = 0.01, 0.98
_TICK_S = 0.1
CHECKS_AT_ONCE = 4
"""The process has one loop: more checks at once answer nobody sooner, and make everything else wait."""
_FIRST_GUESS_S = 0.002
_WEIGHT = 0.05
ALWAYS = frozenset({"/status", "/status/live", "/livez", "/readyz", "/metrics"})


class Gone(Exception):
    """Whoever asked has closed the connection."""


class Door:
    """How much is in hand, and how long work takes here."""

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._in_hand = 0
        self._bytes = 0
        self._bytes_of_client: Counter[str] = Counter()
        self._unread: Counter[str] = Counter()
        self._slots = asyncio.Semaphore(CHECKS_AT_ONCE)
        self._outstanding = 0.0
        self._of_client: Counter[str] = Counter()
        self._came = 0
        self._rounds: deque[float] = deque(maxlen=_ROUNDS)
        self.refused_share = 0.0
        """The share of requests for a turn that is refused, so that the others do not wait long."""
        self._owed = 0.0
        self.unit_s = _FIRST_GUESS_S
        """Seconds that a unit of work takes, measured."""

    def came_round(self, took_s: float) -> None:
        """Notes how long a round of the loop took, and refuses more of those who ask, or fewer.

        Work that never waits is done before the next request is even seen, so that nothing is outstanding
        however many connections have something to say; a request waits for some rounds of the loop. A queue
        that stands is what counts, not one that a burst leaves and that is soon gone (CoDel, RFC 8289).
        """
        came, self._came = self._came, 0
        self._rounds.append(took_s if came >= _CROWD else 0.0)
        if took_s <= LATE_S:
            fewer = self.refused_share * _FEWER_REFUSED
            self.refused_share = fewer if fewer > _LEAST_REFUSED else 0.0
        elif len(self._rounds) == _ROUNDS and min(self._rounds) > LATE_S:
            self.refused_share = min(_MOST_REFUSED, self.refused_share + _MORE_REFUSED)

    def enter(self, client: str, size: int) -> None:
        """Takes a request in hand. Raises ApiError when there are too many."""
        room = MOST_BYTES if size <= _SMALL else MOST_BYTES - KEPT_FOR_SMALL
        if self._in_hand >= MOST_AT_ONCE or self._bytes + size > room:
            raise busy(1.0)
        own_bytes = self._bytes_of_client[client] + size
        if self._requests[client] >= MOST_OF_A_CLIENT or own_bytes > MOST_BYTES_OF_A_CLIENT:
            raise too_many("You have too many requests in hand here; wait for their answers.", 1.0)
        unread = self._unread[client]
        if unread > MOST_UNREAD_OF_A_CLIENT or (unread > _SMALL and self._unread.total() > MOST_BYTES):
            raise too_many("Read the answers that you have asked for first.", 1.0)
        self._in_hand += 1
        self._came += 1
        self._requests[client] += 1
        self._bytes += size
        if size:
            self._bytes_of_client[client] = own_bytes

    def leave(self, client: str, size: int) -> None:
        """Gives back what `enter` took."""
        self._in_hand -= 1
        self._bytes -= size
        _less(self._requests, client, 1)
        _less(self._bytes_of_client, client, size)

    @contextmanager
    def sending(self, client: str, size: int) -> Iterator[None]:
        """In the block an answer of so many bytes is sent, which are kept until the client has read them."""
        self._unread[client] += size
        try:
            yield
        finally:
            _less(self._unread, client, size)

    @asynccontextmanager
    async def turn(self, request: web.Request, units: float) -> AsyncIterator[None]:
        """A turn at heavy work, in the order of asking.

        Raises ApiError when it would come too late, and Gone when nobody waits for the answer any more.
        """
        client = client_behind(request)
        self._owed += self.refused_share
        if self._owed >= 1.0:
            self._owed -= 1.0
            raise _counted(busy(1.0))
        wait_s = self._outstanding * self.unit_s
        if wait_s > LONGEST_WAIT_S:
            raise _counted(busy(wait_s))
        # One request of any size is let in; what a client adds while it waits is limited to half of all.
        own_s = self._of_client[client] * self.unit_s
        if own_s > LONGEST_WAIT_S / 2:
            slower = too_many("Your questions take longer than you ask them; slow down.", own_s)
            raise _counted(slower)
        self._outstanding += units
        self._of_client[client] += ceil(units)
        try:
            async with self._slots:
                check_there(request)
                began = time.perf_counter()
                yield
                # Other clients have their turns in between.
                spent = (time.perf_counter() - began) / CHECKS_AT_ONCE / max(units, 1.0)
                self.unit_s += _WEIGHT * (spent - self.unit_s)
        finally:
            self._outstanding -= units
            _less(self._of_client, client, ceil(units))


DOOR = web.AppKey("door", Door)
DECODING = web.AppKey("decoding", asyncio.Semaphore)
"""Media that are with the decoders at once. Behind few of them an icon that is to be judged waits little."""


@asynccontextmanager
async def turn_at_decoding(request: web.Request) -> AsyncIterator[None]:
    """A turn at the decoders, in the order of asking. Raises Gone when nobody waits for the answer."""
    async with request.app[DECODING]:
        check_there(request)
        yield


async def loop_watched(app: web.Application) -> AsyncIterator[None]:
    """For `cleanup_ctx`: keeps the door informed of how long a round of the loop takes."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            began = time.monotonic()
            await asyncio.sleep(0)  # all others have their turn
            app[DOOR].came_round(time.monotonic() - began)

    task = asyncio.create_task(watch())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@web.middleware
async def with_admission(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses what cannot be answered soon."""
    if request.path in ALWAYS:
        return await handler(request)
    door, client, size = request.app[DOOR], client_behind(request), 0
    if request.body_exists:
        length = request.content_length
        size = min(HELD_AT_MOST, request.client_max_size if length is None else length)
    try:
        _check_length(request)
        door.enter(client, size)
    except ApiError as error:
        response = error_response(_counted(error))
        if size:
            response.force_close()  # its body is not read
        return response
    try:
        return await handler(request)
    finally:
        door.leave(client, size)


def _check_length(request: web.Request) -> None:
    """Raises ApiError for a body that is longer than anybody without a key has to send here."""
    operation = operation_of(request.match_info.handler)
    if operation is None or operation.role not in (None, "extension"):
        return
    most = operation.most_bytes
    if (request.content_length or 0) > most:
        raise ApiError(413, f"A body has at most {most} bytes here.", {"kind": "too_large", "limit": most})
    request._client_max_size = min(most, request.client_max_size)  # noqa: SLF001 - aiohttp has one for all routes


def check_there(request: web.Request) -> None:
    """Raises Gone when whoever asked has closed the connection."""
    if request.transport is None or request.transport.is_closing():
        raise Gone


def busy(after_s: float) -> ApiError:
    """The process has more to do than it gets done soon."""
    headers = {"Retry-After": str(max(1, ceil(after_s)))}
    return ApiError(503, "Too much is being asked just now; try again.", {"kind": "busy"}, headers)


def _counted(error: ApiError) -> ApiError:
    """Counts a refused request in the metrics, and gives its error back to be raised."""
    METRICS.refused.labels(str(error.status)).inc()
    return error


def _less(counter: Counter[str], key: str, count: int) -> None:
    counter[key] -= count
    if counter[key] <= 0:
        del counter[key]
