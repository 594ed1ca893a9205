"""HTTP/1 answers read as Chromium reads them: what a strict parser refuses and visitors see all the same.

Pure: bytes in, values out. Where a page's answer is broken in a way that browsers do not mind, its icon must
not be lost. The rules are those of Chromium's network stack, replayed case by case in
`tests/crawler/browser/wire_cases.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_HEAD_BYTES = 256 * 1024
"""Status line and headers together, as in Chromium."""
MAX_CHUNK_LINE_BYTES = 16_384

_JUNK_BEFORE_HTTP = 4
_HEAD_END = re.compile(rb"\n\r?\n")
_LINE_ENDS = re.compile(rb"[\r\n]+")
_STATUS_LINE = re.compile(rb"http(?:/(\d)[^. ]*(?:\.(\d))?)?[^ ]*(?: +(\d{1,9}))?", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]+) *(?:;|\Z)")
_MAX_CHUNK_DIGITS = 15
_WITHOUT_BODY = frozenset({204, 205, 304})


class NotHttp(ValueError):
    """Browsers cannot read the answer either; the message says why."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of an answer, and how its body ends."""

    status: int
    headers: dict[str, str]
    """Names in lower case; of repeated headers the values are joined by commas, Set-Cookie by line ends."""
    chunked: bool
    length: int | None
    """Bytes of the body; None when it ends with the connection."""


def start_of(data: bytes) -> int | None:
    """Where the status line begins, behind four bytes of junk at most; None when there is none (HTTP/0.9)."""
    at = data[: _JUNK_BEFORE_HTTP + 4].lower().find(b"http")
    return None if at < 0 else at


def end_of_head(data: bytes, start: int = 0) -> int | None:
    """Where the body begins, when all of the head is there: behind an empty line, however it ends."""
    found = _HEAD_END.search(data, start)
    return None if found is None else found.end()


def parse_head(data: bytes) -> Head:
    """The head that `data` holds, from its status line on. Raises NotHttp."""
    if b"\0" in data:
        raise NotHttp("there is a NUL in the headers")
    first, *lines = _LINE_ENDS.split(data)
    found = _STATUS_LINE.match(first)
    if found is None:
        raise NotHttp("there is no status line")
    # A version or status that cannot be read counts as 1.0 and 200.
    version = (int(found[1]), int(found[2])) if found[1] and found[2] else (1, 0)
    status = int(found[3]) if found[3] else 200
    if status == 101:  # noqa: PLR2004
        raise NotHttp("it switches to another protocol")
    repeated = _headers(_unfolded(lines))
    headers = {
        name: ("\n" if name == "set-cookie" else ", ").join(values) for name, values in repeated.items()
    }
    if len(set(repeated.get("location", ()))) > 1:
        raise NotHttp("it redirects to two places")
    headers |= {"location": repeated["location"][0]} if "location" in repeated else {}
    codings = headers.get("transfer-encoding", "").lower().split(",")
    chunked = version >= (1, 1) and "chunked" in [coding.strip(" \t") for coding in codings]
    length = None if chunked else _length(headers.get("content-length"))
    return Head(status, headers, chunked, 0 if status in _WITHOUT_BODY or 100 <= status < 200 else length)  # noqa: PLR2004


def _unfolded(lines: list[bytes]) -> list[bytes]:
    """The lines of a head, with values that go on in the next line (RFC 9112, 5.2) put together."""
    whole: list[bytes] = []
    for line in lines:
        if line[:1] in b" \t" and whole and whole[-1].find(b":") > 0:
            whole[-1] += b" " + line.strip(b" \t")
        else:
            whole.append(line)
    return whole


def _headers(lines: list[bytes]) -> dict[str, list[str]]:
    """Values by name. Any text before a colon is one; a line without colon or name is no header."""
    found: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t")
        if colon and name and name[:1] not in b" \t":
            text = value.strip(b" \t").decode("utf-8", "surrogateescape")
            found.setdefault(name.lower().decode("latin-1"), []).append(text)
    return found


def _length(header: str | None) -> int | None:
    """What Content-Length says; None when it says no number. Raises NotHttp for two different ones."""
    values = {value.strip(" \t") for value in (header or "").split(",")}
    if len(values) > 1:
        raise NotHttp("it has two lengths")
    value = values.pop()
    # More digits than any body has bytes are no number to Chromium.
    return int(value) if value.isascii() and value.isdigit() and len(value.lstrip("0")) < 19 else None  # noqa: PLR2004


class Chunks:
    """A chunked body, put together piece by piece."""

    __slots__ = ("_left", "_line", "_next", "done")

    def __init__(self) -> None:
        self.done = False
        """The last chunk and its trailers were read; what follows is not looked at."""
        self._left = 0
        self._line = b""
        self._next = "size"

    def feed(self, data: bytes) -> bytes:
        """What the next bytes from the wire add to the body. Raises NotHttp."""
        body: list[bytes] = []
        at = 0
        while at < len(data) and not self.done:
            if self._left:
                body.append(data[at : at + self._left])
                at += len(body[-1])
                self._left -= len(body[-1])
                continue
            end = data.find(b"\n", at)
            self._line += data[at : len(data) if end < 0 else end]
            if len(self._line) > MAX_CHUNK_LINE_BYTES:
                raise NotHttp("a line of a chunk is too long")
            if end < 0:
                break
            at = end + 1
            line, self._line = self._line.removesuffix(b"\r"), b""
            self._take(line)
        return b"".join(body)

    def _take(self, line: bytes) -> None:
        if self._next == "trailer":
            self.done = not line
        elif self._next == "end":
            if line:
                raise NotHttp("a chunk is longer than it says")
            self._next = "size"
        else:
            found = _CHUNK_SIZE.match(line)
            if found is None or len(found[1].lstrip(b"0")) > _MAX_CHUNK_DIGITS:
                raise NotHttp(f"{line[:20]!r} is no size of a chunk")
            self._left = int(found[1], 16)
            self._next = "end" if self._left else "trailer"
