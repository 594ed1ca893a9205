"""A rank list's bytes, unpacked while they are read: plain, gzip, zip, zstd, bzip2 or xz by first bytes.

Nothing is held but one block, however long the file. A file that breaks off gives everything
before the break, then raises; a line that never ends is cut, so a bomb costs time and no memory.
"""

from __future__ import annotations

import bz2
import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Protocol, Self, cast

from samelook.crawler.errors import CrawlError
from samelook.crawler.ranks.formats import MAX_LINE, printable

BLOCK_BYTES: Final = 1 << 20
_PACKED_BYTES: Final = 1 << 18
_LIST_SUFFIXES: Final = (".csv", ".txt", ".tsv", ".list", "")


class UnreadableRankFile(CrawlError):
    """A rank file cannot be opened, or holds no list."""

    kind = "rank_file_unreadable"
    retry = False


class DamagedRankFile(CrawlError):
    """A packed rank file breaks off or is corrupt; all before that place was read."""

    kind = "rank_file_damaged"
    retry = False


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Decoder(Protocol):
    """What the decompressors of zlib, bz2, lzma and zstandard have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Packed:
    """The file as it lies on the disk; its first bytes can be looked at beforehand."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._peeked = b""
        self.bytes_read = 0

    def peek(self, size: int) -> bytes:
        while len(self._peeked) < size and (more := self._raw.read(size - len(self._peeked))):
            self._peeked += more
        return self._peeked

    def read(self, size: int, /) -> bytes:
        data, self._peeked = self._peeked or self._raw.read(size), b""
        self.bytes_read += len(data)
        return data


class _Unpacked:
    """The content of a packed stream of one member or several, at most `size` bytes at a time."""

    def __init__(self, packed: _Packed, new_decoder: Callable[[], _Decoder], magic: bytes) -> None:
        self._packed = packed
        self._new_decoder = new_decoder
        self._magic = magic
        self._decoder = new_decoder()

    def read(self, size: int, /) -> bytes:
        while True:
            if self._decoder.eof:
                following = self._decoder.unused_data.lstrip(b"\0")
                while len(following) < len(self._magic) and (more := self._packed.read(_PACKED_BYTES)):
                    following = (following + more).lstrip(b"\0")
                if not following.startswith(self._magic):
                    return b""  # the end, perhaps with padding behind it, which gzip ignores too
                self._decoder = self._new_decoder()
                feed = following
            else:
                left_over = self._left_over()
                feed = self._packed.read(_PACKED_BYTES) if left_over is None else left_over
            if content := self._decoder.decompress(feed, size):
                return content
            if not feed and not self._decoder.eof and self._left_over() is None:
                raise EOFError("the end of the packed data is missing")

    def _left_over(self) -> bytes | None:
        """What to feed before more is read: zlib hands back what it did not use, the others keep it."""
        tail: bytes = getattr(self._decoder, "unconsumed_tail", b"")
        if tail:
            return tail
        return None if getattr(self._decoder, "needs_input", True) else b""


class _ZstdDecoder:
    """zstandard's decoder in the form of the others.

    It cannot bound its output, so it is fed in crumbs: a block of four bytes may unpack to 128 KB
    (RFC 8878, 3.1.1.2), which makes 32 MB of a crumb at worst.
    """

    _CRUMB = 1024

    def __init__(self) -> None:
        import zstandard

        self._inner = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        self._error = zstandard.ZstdError
        self.unconsumed_tail = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + self.unconsumed_tail

    def decompress(self, data: bytes, _max_length: int, /) -> bytes:
        self.unconsumed_tail = data[self._CRUMB :]
        try:
            return self._inner.decompress(data[: self._CRUMB])
        except self._error as error:
            raise EOFError(str(error)) from error


class _ZipMember:
    """A member of a zip archive, which gives what it has before it complains."""

    def __init__(self, member: IO[bytes]) -> None:
        self._member = cast("io.BufferedIOBase", member)

    def read(self, size: int, /) -> bytes:
        return self._member.read1(size)


class RankFile:
    """A rank list that is read once, from its beginning. `-` is standard input.

    `blocks()` gives whole lines; `bytes_read` of `bytes_total` (None for a pipe) tells how far it is, counted
    in the file's own, packed bytes.
    """

    def __init__(self, path: str) -> None:
        self.name = "standard input" if path == "-" else Path(path).name
        self.bytes_total: int | None = None
        self._path = path
        self._closing = ExitStack()
        self._packed: _Packed | None = None
        self._stream: _Readable | None = None
        self._archive: IO[bytes] | None = None
        self._ahead = b""
        self._only_returns = False

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def bytes_read(self) -> int:
        """How far the file has been read."""
        if self._archive is not None and not self._archive.closed:
            return self._archive.tell()
        return self._packed.bytes_read if self._packed is not None else 0

    def sample(self, size: int) -> bytes:
        """The first `size` bytes of the list, unpacked; they are given again by `blocks`."""
        while len(self._ahead) < size and (more := self._read(size - len(self._ahead))):
            self._ahead += more
        # Lines that end in CR alone, as some spreadsheets still write them. One LF says that they do not.
        self._only_returns = b"\r" in self._ahead and b"\n" not in self._ahead
        return self._ahead[:size].replace(b"\r", b"\n") if self._only_returns else self._ahead[:size]

    def blocks(self) -> Iterator[bytes]:
        """Blocks of about a megabyte, each of whole lines; the last may lack its line end.

        A line longer than MAX_LINE comes shortened to one byte more than that.
        """
        rest, cutting = b"", False
        while block := self._next_block():
            if cutting:  # inside a line that was given up: drop what is left of it
                end = block.find(b"\n")
                if end < 0:
                    continue
                block, cutting = block[end:], False
            block = rest + block
            end = block.rfind(b"\n") + 1
            rest = block[end:]
            if len(rest) > MAX_LINE:
                rest, cutting = rest[: MAX_LINE + 1], True
            if end:
                yield block[:end]
        if rest:
            yield rest

    def _next_block(self) -> bytes:
        if self._ahead:
            block, self._ahead = self._ahead, b""
        else:
            block = self._read(BLOCK_BYTES)
        return block.replace(b"\r", b"\n") if self._only_returns else block

    def _read(self, size: int) -> bytes:
        assert self._stream is not None
        try:
            return self._stream.read(size)
        except (zlib.error, lzma.LZMAError, zipfile.BadZipFile, EOFError) as error:
            raise DamagedRankFile(f"{self.name} is damaged or breaks off: {error}.") from error
        except OSError as error:  # bz2 says so of bad data, the system of a bad disk
            raise DamagedRankFile(
                f"{self.name} cannot be read further: {error.strerror or error}."
            ) from error

    def _open(self) -> None:
        if self._path == "-":
            raw: IO[bytes] = sys.stdin.buffer
        else:
            try:
                raw = self._closing.enter_context(Path(self._path).open("rb", buffering=0))  # noqa: SIM115 - entered here
            except OSError as error:
                raise UnreadableRankFile(f"Cannot read {printable(self._path)}: {error.strerror}.") from error
            self.bytes_total = Path(self._path).stat().st_size or None
        packed = self._packed = _Packed(raw)
        magic = packed.peek(6)
        if magic.startswith(b"\x1f\x8b"):
            self._stream = _Unpacked(packed, lambda: zlib.decompressobj(wbits=31), b"\x1f\x8b")
        elif magic.startswith(b"BZh"):
            self._stream = _Unpacked(packed, bz2.BZ2Decompressor, b"BZh")
        elif magic.startswith(b"\xfd7zXZ\0"):
            self._stream = _Unpacked(packed, lzma.LZMADecompressor, b"\xfd7zXZ\0")
        elif magic.startswith(b"\x28\xb5\x2f\xfd"):
            self._stream = _Unpacked(packed, _ZstdDecoder, b"\x28\xb5\x2f\xfd")
        elif magic.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            self._stream = self._open_zip(raw)
        else:
            self._stream = packed

    def _open_zip(self, raw: IO[bytes]) -> _Readable:
        if self._path == "-":
            raise UnreadableRankFile("A zip archive cannot be read from standard input; give its file name.")
        try:
            archive = self._closing.enter_context(zipfile.ZipFile(raw))
            lists = [
                member
                for member in archive.infolist()
                if not member.is_dir() and Path(member.filename).suffix.lower() in _LIST_SUFFIXES
            ]
            if not lists:
                raise UnreadableRankFile(f"{self.name} holds no .csv or .txt file.")
            largest = max(lists, key=lambda member: member.file_size)
            self._archive = raw
            return _ZipMember(self._closing.enter_context(archive.open(largest)))
        except zipfile.BadZipFile as error:
            raise UnreadableRankFile(
                f"{self.name} is a damaged or incomplete zip archive: {error}."
            ) from error
        except (
            RuntimeError,
            NotImplementedError,
        ) as error:  # encrypted, or packed in a way that is not known
            raise UnreadableRankFile(f"{self.name} cannot be unpacked: {error}.") from error
