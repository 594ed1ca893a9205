"""One request and its answer: by aiohttp, and once more as browsers read it where aiohttp refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

import aiohttp

from samelook.crawler.fetching.errors import TooLarge

if TYPE_CHECKING:
    from yarl import URL

    from samelook.crawler.fetching.connections import Connections

_OK, _REDIRECTED = 200, 300
_SAVED_BYTES = 1 << 20
_MOST_LENGTH = (1 << 63) - 1
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class LargeBodies:
    """How many bodies may grow beyond a size at once; others wait at that size, and who sends them."""

    def __init__(self, from_bytes: int, most: int) -> None:
        self.from_bytes = from_bytes
        self.slots = asyncio.Semaphore(most)


Answer = tuple[int, dict[str, str], bytes]
"""Status, headers by names in lower case, and the body as sent: none for a redirect."""


async def exchange(
    connections: Connections,
    url: URL,
    mapped: bool,
    headers: dict[str, str],
    max_bytes: int,
    *,
    own: bool = False,
) -> Answer:
    """The answer at `url`; `mapped` for a host of the resolve map, `own` for one of the operator's network.

    One that aiohttp refuses, or that broke off, is asked for once more and read as browsers do. Raises
    leaves of FetchError and, where there is no connection, errors of aiohttp.
    """
    session = connections.session(mapped=mapped, own=own)
    large = connections.large
    if own:
        return await _by_aiohttp(session, url, headers, max_bytes, large)
    try:
        return await _by_aiohttp(session, url, headers, max_bytes, large)
    except (aiohttp.ClientResponseError, aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError):
        pass
    again = connections.mapped_again if mapped else connections.public_again
    async with connections.second_tries:
        answer = await again.get(url, connections.sent_always | headers, max_bytes, bodiless=REDIRECTS)
    return answer.status, answer.headers, answer.body


async def _by_aiohttp(
    session: aiohttp.ClientSession,
    url: URL,
    headers: dict[str, str],
    max_bytes: int,
    large: LargeBodies,
) -> Answer:
    response = await session.get(url, headers=headers, allow_redirects=False)
    try:
        found = _headers(response)
        if _is_read_otherwise(response, found):
            raise aiohttp.ClientPayloadError("browsers read the ends of this answer otherwise")
        if "set-cookie" in found:
            found["set-cookie"] = "\n".join(response.headers.getall("Set-Cookie"))
        if "location" in found:
            # The first of several: joined they would be no URL.
            found["location"] = response.headers["Location"].strip()
            if response.status in REDIRECTS and found["location"]:
                return response.status, found, b""
        return response.status, found, await _read(response, url, max_bytes, large)
    finally:
        # Does nothing after the last byte, when the connection is back in the pool already;
        # otherwise the rest is not wanted.
        response.close()


def _is_read_otherwise(response: aiohttp.ClientResponse, headers: dict[str, str]) -> bool:
    """Whether aiohttp takes what browsers refuse, or finds the body's end elsewhere than they do."""
    coding = headers.get("transfer-encoding", "chunked")
    version = response.version or aiohttp.HttpVersion11
    return (
        coding.lower() != "chunked"
        or ("transfer-encoding" in headers and version < aiohttp.HttpVersion11)
        or (response.content_length or 0) > _MOST_LENGTH
        or "\0" in (response.reason or "")
    )


async def saved(
    session: aiohttp.ClientSession,
    url: URL,
    headers: dict[str, str],
    file: BinaryIO,
    *,
    max_bytes: int,
    silence_s: float,
    report: Callable[[int, int | None], None],
) -> tuple[int, dict[str, str]]:
    """Status and headers at `url`; the body of a 2xx is in `file`. Raises TooLarge and errors of aiohttp."""
    async with asyncio.timeout(silence_s):
        response = await session.get(url, headers=headers, allow_redirects=False)
    try:
        found = _headers(response)
        if not _OK <= response.status < _REDIRECTED:
            return response.status, found
        total = response.content_length
        size = 0
        while True:
            async with asyncio.timeout(silence_s):
                chunk = await response.content.read(_SAVED_BYTES)
            if not chunk:
                return response.status, found
            size += len(chunk)
            if max(size, total or 0) > max_bytes:
                raise _too_large(url, max_bytes)
            # Not on the loop: a disk may make a writer wait, and others crawl in this process.
            await asyncio.to_thread(file.write, chunk)
            report(size, total)
    finally:
        response.close()


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


async def _read(response: aiohttp.ClientResponse, url: URL, max_bytes: int, large: LargeBodies) -> bytes:
    """The body as it is on the wire. Raises TooLarge as soon as it is known to be."""
    announced = response.content_length
    if announced is not None and announced > max_bytes:
        raise _too_large(url, max_bytes)
    content = response.content
    body = await content.readany()
    if content.at_eof():
        if len(body) > max_bytes:
            raise _too_large(url, max_bytes)
        return body
    chunks = [body]
    size = len(body)
    counted = False
    try:
        while True:
            if size > max_bytes:
                raise _too_large(url, max_bytes)
            if not counted and size > large.from_bytes:
                await large.slots.acquire()
                counted = True
            chunk = await content.readany()
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
            size += len(chunk)
    finally:
        if counted:
            large.slots.release()


def _too_large(url: URL, max_bytes: int) -> TooLarge:
    return TooLarge(f"{url.raw_host} sends more than {max_bytes} bytes", where="wire", max_bytes=max_bytes)
