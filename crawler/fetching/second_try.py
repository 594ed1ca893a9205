"""The second try at an answer that aiohttp refuses: the same request, read as browsers read it.

Name lookup, address guard, TLS and caps are those of the first try; the caller's deadline covers both.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from samelook.crawler.fetching.errors import (
    BlockedAddress,
    FetchError,
    HttpProtocolError,
    TooLarge,
    TruncatedBody,
)
from samelook.crawler.fetching.lenient import (
    MAX_HEAD_BYTES,
    Chunks,
    Head,
    NotHttp,
    end_of_head,
    parse_head,
    start_of,
)
from samelook.errors import reason_of
from samelook.names.addresses import AddressRefused, guarded_socket, literal_address

if TYPE_CHECKING:
    import ssl

    from aiohttp.abc import AbstractResolver, ResolveResult

_READ_BYTES = 65_536
_LEAST_TO_TELL = 8
# How a page or a picture begins that is sent without a head; a greeting of another protocol is neither.
_BODIES = (b"<", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"RIFF", b"BM", b"\0\0\1\0")


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came: status, headers (names in lower case), and the body as sent."""

    status: int
    headers: dict[str, str]
    body: bytes


class SecondTry:
    """Connections for one request each; `tls` is None for hosts that are mapped to plain HTTP."""

    def __init__(
        self, resolver: AbstractResolver, tls: ssl.SSLContext | None, connect_timeout_s: float
    ) -> None:
        self._resolver = resolver
        self._tls = tls
        self._connect_timeout_s = connect_timeout_s

    async def get(
        self, url: URL, headers: Mapping[str, str], max_bytes: int, *, bodiless: frozenset[int]
    ) -> RawAnswer:
        """The answer at `url`; those with a status of `bodiless` and a Location are not read to their end.

        Raises HttpProtocolError, TruncatedBody or TooLarge, errors of the guard, and OSError or
        aiohttp's where there is no connection.
        """
        host = url.raw_host or ""
        reader, writer = await self._connect(url, host)
        try:
            writer.write(_request(url, headers))
            return await _Reading(reader, host, max_bytes).answer(bodiless)
        except OSError as error:
            raise TruncatedBody(f"the connection to {host} broke: {reason_of(error)}", host=host) from error
        finally:
            writer.transport.abort()

    async def _connect(self, url: URL, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        tls = self._tls if url.scheme == "https" else None
        error: Exception = OSError("it has no address")
        for address in await self._addresses(host, url.port or 0):
            try:
                async with asyncio.timeout(self._connect_timeout_s):
                    return await self._connected(address, tls, host)
            except AddressRefused as refused:
                raise BlockedAddress(
                    f"{host} leads to {refused.address}, which is not public: {refused.why}",
                    host=host,
                    addresses={refused.address: refused.why},
                ) from refused
            except (OSError, TimeoutError) as failed:
                error = failed
        raise aiohttp.ClientConnectionError(f"no connection to {host}: {reason_of(error)}") from error

    async def _addresses(self, host: str, port: int) -> list[ResolveResult]:
        address = literal_address(host)
        if address is None:
            return await self._resolver.resolve(host, port, socket.AF_UNSPEC)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [{"hostname": host, "host": address, "port": port, "family": family, "proto": 0, "flags": 0}]

    async def _connected(
        self, address: ResolveResult, tls: ssl.SSLContext | None, host: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        where = (address["host"], address["port"])
        kind = socket.SOCK_STREAM
        family = address["family"]
        # Only names of the resolve map are asked for without TLS settings, and lead where the operator says.
        made = (
            socket.socket(family, kind)
            if self._tls is None
            else guarded_socket((family, kind, address["proto"], "", where))
        )
        try:
            made.settimeout(0)
            await asyncio.get_running_loop().sock_connect(made, where)
            return await asyncio.open_connection(
                sock=made, ssl=tls, server_hostname=host if tls else None, limit=_READ_BYTES
            )
        except BaseException:
            made.close()
            raise


def _request(url: URL, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {url.raw_path_qs} HTTP/1.1", f"Host: {url.host_port_subcomponent}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8")


class _Reading:
    """One answer, read from its first byte."""

    def __init__(self, reader: asyncio.StreamReader, host: str, max_bytes: int) -> None:
        self._reader = reader
        self._host = host
        self._max_bytes = max_bytes
        self._data = b""

    async def answer(self, bodiless: frozenset[int]) -> RawAnswer:
        try:
            head = await self._head()
            if head is None:
                return RawAnswer(200, {}, await self._until_close())
            if head.status in bodiless and head.headers.get("location"):
                return RawAnswer(head.status, head.headers, b"")
            if head.chunked:
                body = await self._chunked()
            elif head.length is None:
                body = await self._until_close()
            else:
                body = await self._of_length(head.length)
            return RawAnswer(head.status, head.headers, body)
        except NotHttp as error:
            raise HttpProtocolError(
                f"the answer of {self._host} is not HTTP: {error}", host=self._host
            ) from error

    async def _head(self) -> Head | None:
        """The head of the answer; None for a page of HTTP/0.9, which has none."""
        is_first = True
        while True:
            while len(self._data) < _LEAST_TO_TELL and await self._more():
                pass
            start = start_of(self._data)
            if start is None:
                if not is_first:
                    raise NotHttp("nothing follows what it sent beforehand")
                self._check_headless()
                return None
            while (end := end_of_head(self._data, start)) is None and len(self._data) <= MAX_HEAD_BYTES:
                if not await self._more():
                    end = len(self._data)  # as browsers do: the headers were all there is
                    break
            if end is None or end > MAX_HEAD_BYTES:
                raise NotHttp(f"its headers have more than {MAX_HEAD_BYTES} bytes")
            if b"\0" in self._data[:start]:
                raise NotHttp("there is a NUL before its headers")
            head = parse_head(self._data[start:end])
            self._data = self._data[end:]
            if not 100 <= head.status < 200:  # noqa: PLR2004
                return head
            is_first = False

    def _check_headless(self) -> None:
        if not self._data:
            raise aiohttp.ServerDisconnectedError
        if not self._data.lstrip(b"\t\n\f\r ").startswith(_BODIES):
            raise NotHttp(f"it starts with {self._data[:20]!r}")

    async def _chunked(self) -> bytes:
        chunks = Chunks()
        pieces: list[bytes] = []
        size = 0
        data = self._data
        while True:
            pieces.append(chunks.feed(data))
            size += len(pieces[-1])
            self._check(size)
            if chunks.done:
                return b"".join(pieces)
            data = await self._reader.read(_READ_BYTES)
            if not data:
                raise self._broken_off()

    async def _of_length(self, length: int) -> bytes:
        self._check(length)
        pieces = [self._data[:length]]
        size = len(pieces[0])
        while size < length:
            data = await self._reader.read(min(_READ_BYTES, length - size))
            if not data:
                raise self._broken_off()
            pieces.append(data)
            size += len(data)
        return b"".join(pieces)

    async def _until_close(self) -> bytes:
        pieces = [self._data]
        size = len(self._data)
        while data := await self._reader.read(_READ_BYTES):
            pieces.append(data)
            size += len(data)
            self._check(size)
        return b"".join(pieces)

    async def _more(self) -> bool:
        data = await self._reader.read(_READ_BYTES)
        self._data += data
        return bool(data)

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            message = f"{self._host} sends more than {self._max_bytes} bytes"
            raise TooLarge(message, where="wire", max_bytes=self._max_bytes)

    def _broken_off(self) -> FetchError:
        return TruncatedBody(f"the body from {self._host} broke off", host=self._host)
