"""Rank lists as bytes: which format it is, and its lines turned into text for Postgres's COPY.

Pure: bytes in, values out. A list comes in blocks of whole lines (see `files.py`); a block comes
out as one piece of COPY text beside the lines that could not be read. Common Crawl's ranks have
a hundred million lines, and nearly all of them are COPY text as they stand: one regular expression
recognises whole runs of such lines at 0.3 µs each, and only what it stops at is taken apart.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final

from samelook.crawler.errors import CrawlError
from samelook.names.errors import NotADomain
from samelook.names.hosts import host_of, normalised_host, reversed_host
from samelook.names.sites import registrable_domain

MAX_LINE: Final = 4096  # bytes; the longest honest line (Majestic's, with two IDN columns) has some 700
SAMPLE_BYTES: Final = 1 << 16  # what a list's format is told from
SAMPLE_LINES: Final = 1000
EXAMPLES_KEPT: Final = 5


class RankFormat(StrEnum):
    """The lists that can be read; the value is also the `source` of the domains they rank."""

    COMMONCRAWL_DOMAIN = "commoncrawl-domain"
    COMMONCRAWL_HOST = "commoncrawl-host"
    TRANCO = "tranco"
    UMBRELLA = "umbrella"
    MAJESTIC = "majestic"
    LIST = "list"

    @property
    def harmonic(self) -> bool:
        """Whether its positions are harmonic centrality, which is trust and outranks every other list."""
        return self in {RankFormat.COMMONCRAWL_DOMAIN, RankFormat.COMMONCRAWL_HOST}


class NotARankList(CrawlError):
    """The content is no list of domains that can be read here."""

    kind = "not_a_rank_list"
    retry = False


class BadRankLine(ValueError):
    """One line says nothing that can be used; the message is the reason, in a few words."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was left out. `text` is shortened, and safe to print on a terminal."""

    number: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Layout:
    """How a list's lines are laid out.

    `columns` names the fields of a line in order, as columns of the table `rank_lines`; None is a
    field that is not used. `separator` is empty where a line is one name. `has_header`: the first
    line that is no comment is a header (Common Crawl's begins with "#" and passes for a comment).
    """

    format: RankFormat
    separator: bytes
    columns: tuple[str | None, ...]
    has_header: bool = False


@dataclass(slots=True)
class BadLines:
    """How many lines were left out and why, with the first few of them."""

    count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[BadLine] = field(default_factory=list)

    def add(self, number: int, reason: str, line: bytes) -> None:
        self.count += 1
        self.reasons[reason] += 1
        if len(self.examples) < EXAMPLES_KEPT:
            self.examples.append(BadLine(number, reason, printable(line)))


_HARMONIC: Final = "harmonic_position"
_NAME: Final = "reversed_name"
_LIST: Final = "list_position"

# The names that Common Crawl gives its columns (cc-webgraph's ranking scripts), without the "#".
_COMMONCRAWL_COLUMNS: Final[Mapping[str, str]] = {
    "harmonicc_pos": _HARMONIC,
    "harmonicc_val": "harmonic_value",
    "pr_pos": "pagerank_position",
    "pr_val": "pagerank_value",
    "host_rev": _NAME,
    "domain_rev": _NAME,
    "n_hosts": "n_hosts",
}
_COMMONCRAWL_ORDER: Final = (
    _HARMONIC, "harmonic_value", "pagerank_position", "pagerank_value", _NAME, "n_hosts",
)  # fmt: skip
_CSV_COLUMNS: Final[Mapping[str, str]] = {"globalrank": _LIST, "rank": _LIST, "domain": _NAME, "host": _NAME}

# 18 digits: every position stays far below 2^62, where unranked domains begin.
_COUNT: Final = re.compile(rb"[0-9]{1,18}")
_POSITION: Final = re.compile(rb"0*[1-9][0-9]{0,17}")
# One branch a column; possessive, so that a line which does not match fails at once.
_CLEAN_FIELDS: Final[Mapping[str, bytes]] = {
    _HARMONIC: rb"[1-9][0-9]{0,17}+",
    "harmonic_value": rb"[0-9]{1,20}+(?:\.[0-9]{1,30}+)?+(?:[eE]-?[0-9]{1,2}+)?+",
    "pagerank_position": rb"[1-9][0-9]{0,17}+",
    "pagerank_value": rb"[0-9]{1,20}+(?:\.[0-9]{1,30}+)?+(?:[eE]-?[0-9]{1,2}+)?+",
    _NAME: rb"(?=[^\t\n]{4,253}+[\t\n])[a-z][a-z0-9-]{1,62}+(?:\.[a-z0-9_-]{1,63}+)++",
    "n_hosts": rb"[0-9]{1,18}+",
}


class RankParser:
    """Turns blocks of lines into COPY text for `copy_columns`, and remembers what was left out.

    `limit` stops after so many domains. `lines` and `rows` count what was read and what was given.
    """

    def __init__(self, layout: Layout, limit: int | None = None) -> None:
        self.layout = layout
        self.lines = 0
        self.rows = 0
        self.bad = BadLines()
        self.copy_columns: tuple[str, ...] = tuple(name for name in layout.columns if name is not None)
        if _LIST not in self.copy_columns and not layout.format.harmonic:
            self.copy_columns = (_LIST, *self.copy_columns)
        self._header_follows = layout.has_header
        self._limit = limit
        self._clean = _clean_run(layout)
        self._row = _commoncrawl_row if layout.format.harmonic else _list_row

    @property
    def full(self) -> bool:
        """Whether the limit is reached: nothing more will be given."""
        return self._limit is not None and self.rows >= self._limit

    def copy_text(self, block: bytes) -> bytes:
        """The block's domains as COPY text. A block holds whole lines; the last of all may lack its end."""
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n")
        out: list[bytes] = []
        start, size = 0, len(block)
        while start < size and not self.full:
            if self._clean is not None:
                start = self._take_run(block, start, out)
                if start >= size or self.full:
                    break
            end = block.find(b"\n", start)
            end = size if end < 0 else end
            self._take_line(block[start:end], out)
            start = end + 1
        return b"".join(out)

    def _take_run(self, block: bytes, start: int, out: list[bytes]) -> int:
        """Give all lines from `start` on that are COPY text as they stand; where they end."""
        assert self._clean is not None
        match = self._clean.match(block, start)
        if match is None or match.end() == start:
            return start
        run = block[start : match.end()]
        rows = run.count(b"\n")
        if self._limit is not None and rows > self._limit - self.rows:
            rows = self._limit - self.rows
            run = run[: next(islice(re.finditer(rb"\n", run), rows - 1, None)).end()]
        out.append(run)
        self.lines += rows
        self.rows += rows
        return start + len(run)

    def _take_line(self, line: bytes, out: list[bytes]) -> None:
        self.lines += 1
        if self.lines == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        stripped = line.strip()
        if not stripped or stripped.startswith(b"#"):
            return
        if self._header_follows:
            self._header_follows = False
            return
        try:
            fields = _fields(line, self.layout.separator)
            out.append(b"\t".join(self._row(fields, self.layout.columns, self.rows + 1)) + b"\n")
        except NotADomain as error:
            self.bad.add(self.lines, error.reason, line)
        except BadRankLine as error:
            self.bad.add(self.lines, str(error), line)
        else:
            self.rows += 1


def layout_of(sample: bytes, wanted: RankFormat | None = None) -> Layout:
    """The layout of a list that begins with `sample`, by what it says, never by its file's name.

    `wanted` names the format where the reader knows it. Raises NotARankList for what is no text,
    or not in the wanted format.
    """
    lines = _sample_lines(sample)
    first = lines[0]
    words = [word.strip().strip('"').lstrip("#").lower() for word in re.split("[\t,]", first)]
    separator = b"\t" if "\t" in first else b"," if "," in first else b""
    if separator == b"\t":
        layout = _commoncrawl_layout(first, words, lines)
    elif any(word in _CSV_COLUMNS for word in words) and "." not in first:
        layout = _headed_csv_layout(words, separator)
    elif separator and re.match(r'"?[0-9]+"?,', first):
        layout = Layout(_toplist_format(lines), b",", (_LIST, _NAME))
    else:
        layout = Layout(RankFormat.LIST, b"", (_NAME,))
    if wanted is None or wanted is layout.format:
        return layout
    if wanted.harmonic == layout.format.harmonic:
        return Layout(wanted, layout.separator, layout.columns, layout.has_header)
    raise NotARankList(
        f"This does not look like {wanted} but like {layout.format}: its first line is {printable(first)!r}.",
        found=str(layout.format),
    )


def printable(line: bytes | str, width: int = 80) -> str:
    """A piece of a foreign file for people: shortened, with all that a terminal would act on escaped."""
    text = line[: width * 4].decode("utf-8", "backslashreplace") if isinstance(line, bytes) else line
    escaped = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[: width + 1]
    )
    return escaped if len(escaped) <= width else escaped[: width - 1] + "…"


def _sample_lines(sample: bytes) -> list[str]:
    """The sample's first lines that say something; raises NotARankList when it cannot be a list at all."""
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NotARankList("The file is UTF-16 text; save it as UTF-8.")
    if b"\0" in sample:
        raise NotARankList("The file is binary, not a list of domains.")
    text = sample.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    if not text.strip():
        raise NotARankList("The file is empty.")
    if re.match(r"\s*<(?:!doctype|html|\?xml)", text, re.IGNORECASE):
        raise NotARankList("The file is a web page, not a list of domains; the download may have failed.")
    if text.lstrip().startswith(("{", "[{")):
        raise NotARankList("The file is JSON, not a list of domains.")
    lines = list(islice((line for line in text.split("\n") if line.strip()), SAMPLE_LINES))
    # A plain list may begin with comments; Common Crawl's header is no comment.
    return [line for line in lines if not line.startswith("#") or "\t" in line] or lines[:1]


def _commoncrawl_layout(first: str, words: list[str], lines: list[str]) -> Layout:
    columns: tuple[str | None, ...] = tuple(_COMMONCRAWL_COLUMNS.get(word) for word in words)
    has_header = any(columns)
    if has_header:
        named = [column for column in columns if column]
        if _NAME not in named or _HARMONIC not in named or len(set(named)) < len(named):
            raise NotARankList(
                "The header of these Common Crawl ranks must name #harmonicc_pos and #host_rev, once each; "
                f"it says {printable(first)!r}."
            )
    elif len(words) in {5, 6}:
        columns = _COMMONCRAWL_ORDER[: len(words)]
    else:
        raise NotARankList(
            f"The list has tabs but not the columns of Common Crawl's ranks: {printable(first)!r}."
        )
    place = columns.index(_NAME)
    rows = [line.split("\t") for line in lines[has_header:]]
    names = [fields[place] for fields in rows if len(fields) > place]
    # Domain ranks count hosts; without that column, a name below a registrable domain tells.
    is_domains = "n_hosts" in columns or not any(_is_subdomain(host_of(name.strip())) for name in names)
    kind = RankFormat.COMMONCRAWL_DOMAIN if is_domains else RankFormat.COMMONCRAWL_HOST
    return Layout(kind, b"\t", columns, has_header and not first.startswith("#"))


def _headed_csv_layout(words: list[str], separator: bytes) -> Layout:
    known = [_CSV_COLUMNS.get(word) for word in words]
    # Each meaning once: the first column that has it.
    columns = tuple(name if name not in known[:place] else None for place, name in enumerate(known))
    if _NAME not in columns:
        raise NotARankList("The header names no column `Domain`.")
    kind = RankFormat.MAJESTIC if "globalrank" in words else RankFormat.LIST
    return Layout(kind, separator, columns, has_header=True)


def _toplist_format(lines: list[str]) -> RankFormat:
    """Tranco ranks sites, Umbrella every name that is looked up: subdomains and top-level domains too."""
    names = [line.rstrip("\r").split(",")[1].strip() for line in lines if line.count(",") == 1]
    has_more = any("." not in name or _is_subdomain(name) for name in names)
    return RankFormat.UMBRELLA if has_more else RankFormat.TRANCO


def _is_subdomain(name: str) -> bool:
    site = registrable_domain(name)
    return site is not None and site != name


def _clean_run(layout: Layout) -> re.Pattern[bytes] | None:
    """Matches as many lines as are COPY text as they stand; None where lines always need work."""
    if not layout.format.harmonic or None in layout.columns:
        return None
    line = rb"\t".join(_CLEAN_FIELDS[name] for name in layout.columns if name is not None)
    return re.compile(rb"(?:" + line + rb"\n)*+")


def _fields(line: bytes, separator: bytes) -> list[bytes]:
    if len(line) > MAX_LINE:
        raise BadRankLine(f"longer than {MAX_LINE} bytes")
    if not separator:
        return [line]
    if separator == b"," and b'"' in line:
        try:
            return [text.encode() for text in next(csv.reader([line.decode()], strict=True))]
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadRankLine("its quotes do not match") from error
    return line.split(separator)


def _commoncrawl_row(fields: list[bytes], columns: tuple[str | None, ...], _ordinal: int) -> list[bytes]:
    r"""The fields that are used, as COPY text; what is not given is NULL (`\N`)."""
    row = []
    for place, column in enumerate(columns):
        if column is None:
            continue
        text = fields[place].strip() if place < len(fields) else b""
        if not text and column not in {_HARMONIC, _NAME}:
            row.append(rb"\N")
        else:
            row.append(_READERS[column](text))
    return row


def _list_row(fields: list[bytes], columns: tuple[str | None, ...], ordinal: int) -> list[bytes]:
    """Position and reversed name as `copy_columns` has them; a list without ranks is ranked by its order."""
    if len(fields) < len(columns) and columns[len(fields) :].count(None) < len(columns) - len(fields):
        raise BadRankLine("a field is missing")
    row = [] if _LIST in columns else [b"%d" % ordinal]
    for text, column in zip(fields, columns, strict=False):
        if column == _LIST:
            row.append(_position(text.strip()))
        elif column == _NAME:
            row.append(_name(text) if len(columns) > 1 else _entry(text))
    return row


def _position(text: bytes) -> bytes:
    if _POSITION.fullmatch(text) is None:
        raise BadRankLine("its rank is not a positive number")
    return text.lstrip(b"0")


def _count(text: bytes) -> bytes:
    if _COUNT.fullmatch(text) is None:
        raise BadRankLine("its number of hosts is not a number")
    return text


def _value(text: bytes) -> bytes:
    try:
        value = float(text)
    except ValueError:
        raise BadRankLine("its centrality is not a number") from None
    if not 0 <= value < float("inf"):
        raise BadRankLine("its centrality is not a number")
    return repr(value).encode("ascii")


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise BadRankLine("not UTF-8") from None


def _name(name: bytes) -> bytes:
    """The reversed name of a host as lists write it."""
    return reversed_host(normalised_host(_text(name).strip())).encode("ascii")


def _reversed_name(name: bytes) -> bytes:
    """The same for a name that is reversed already."""
    return reversed_host(normalised_host(host_of(_text(name)))).encode("ascii")


_AUTHORITY: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//([^/?#\\]*)", re.IGNORECASE)


def _entry(line: bytes) -> bytes:
    """The host of an entry of a plain list: a name or a URL, perhaps with a comment behind it."""
    entry = re.split(r"\s+#", _text(line), maxsplit=1)[0].strip()
    if match := _AUTHORITY.match(entry):
        entry = match[1].rpartition("@")[2]
    else:
        entry = re.split(r"[/?]", entry, maxsplit=1)[0]
    return _name(re.sub(r"(?<=[^:]):[0-9]{0,5}$", "", entry).encode())


_READERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    _HARMONIC: _position,
    "harmonic_value": _value,
    "pagerank_position": _position,
    "pagerank_value": _value,
    _NAME: _reversed_name,
    "n_hosts": _count,
}
