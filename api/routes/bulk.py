"""Many signals at once: `POST /c/bank/{bank_name}/signals`, read while it arrives."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from binascii import unhexlify
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeAlias

from aiohttp import web
from pydantic import ValidationError

from samelook.api.answers import answer_model
from samelook.api.content_models import BulkAnswer, BulkQuery, LineWords, RefusedLine
from samelook.api.description import described
from samelook.api.errors import ApiError, bad_request
from samelook.api.metrics import METRICS
from samelook.api.requests import query_of
from samelook.api.state import CURATION, MATCHING, show_at_once
from samelook.banks.bulk import Batch, BulkAdd
from samelook.banks.details import Details, check_details
from samelook.banks.errors import BankError
from samelook.banks.hash_lists import Columns, ListedHash, columns_of, line_row
from samelook.banks.signal_types import SIGNAL_TYPES, SignalType, parsed_signals, signal_type

routes = web.RouteTableDef()
_BATCH = 5000
_BATCHES_AT_ONCE = 2
_LONGEST_LINE = 1 << 20
_MOST_REFUSALS_SHOWN = 1000
_NDJSON = frozenset({"application/x-ndjson", "application/jsonl", "application/ndjson"})
_WORDS = frozenset(LineWords.model_fields)
_ONE_HEX = re.compile(rb'[ \t]*\{[ \t]*"(\w+)"[ \t]*:[ \t]*"([0-9a-f]+)"[ \t]*\}[ \t\r]*').fullmatch
_HEX_TYPES = {
    kind.name.encode(): kind for kind in SIGNAL_TYPES.values() if not kind.decimal and kind.normalise is None
}
Take: TypeAlias = Callable[[bytes, Batch], None]
"""Adds what a line holds to a batch. Raises BankError, ValueError and what the formats raise."""


@routes.post("/c/bank/{bank_name}/signals")
@described(
    "Bank Content",
    "Adds many contents to a bank",
    role="curator",
    query=BulkQuery,
    consumes={
        "application/x-ndjson": {"type": "string"},
        "text/csv": {"type": "string"},
        "text/plain": {"type": "string"},
    },
    answer=BulkAnswer,
    errors=(400, 403, 404, 415),
    description="One content a line: the body of `/signal` as JSON; a CSV whose header names signal types "
    "(and `note`), or the columns that hash lists are published with (`signal_type,signal_str,…`, `hash,…`); "
    "or text, `TYPE VALUE` a line as `tx dataset -P` prints it. Where a list does not name its types, "
    "`signal_type=` does. Good lines are added, in portions that each stay once committed; refused ones are "
    "listed.",
)
async def add_many(request: web.Request) -> web.Response:
    curation = request.app[CURATION]
    bank = await curation.banks.writable(request.match_info["bank_name"])
    query = query_of(request, BulkQuery)
    kind = None if query.signal_type is None else signal_type(query.signal_type)
    take: Take
    if request.content_type in _NDJSON:
        take = _take_json_line
    elif request.content_type == "text/csv":
        take = _CsvLines(kind)
    elif request.content_type == "text/plain":
        take = partial(_take_plain_line, kind)
    else:
        raise ApiError(415, "Send lines of JSON as application/x-ndjson, text/csv, or text/plain.")
    matching = request.app.get(MATCHING)
    live = matching.live if matching is not None else None
    bulk = BulkAdd(curation.banks, bank, live.committing if live is not None else None)
    load = _Load(request, bulk)
    try:
        await _read(request, take, load)
    finally:
        await load.settle()
    return answer_model(load.answer())


async def _read(request: web.Request, take: Take, load: _Load) -> None:
    async for number, lines in _portions(request):
        for place, line in enumerate(lines):
            if line is None:
                load.refuse(number + place, f"the line is longer than {_LONGEST_LINE} bytes")
                continue
            try:
                take(line, load.batch)
            except (BankError, ValueError, csv.Error, RecursionError) as error:
                problem = error.message if isinstance(error, BankError) else _problem_of(error)
                load.refuse(number + place, problem)
        if len(load.batch) >= _BATCH:
            await load.flush()
    await load.flush()
    await load.settle()


class _Load:
    """One bulk request: what was added and what was refused so far."""

    def __init__(self, request: web.Request, bulk: BulkAdd) -> None:
        self.batch = Batch()
        """What is still to be added."""
        self._request = request
        self._bulk = bulk
        self._adding: deque[asyncio.Task[None]] = deque()
        self._added = self._refused = 0
        self._errors: list[RefusedLine] = []
        self._ids: list[int] = []

    def refuse(self, number: int, message: str) -> None:
        """Notes a line that cannot be added."""
        self._refused += 1
        if len(self._errors) < _MOST_REFUSALS_SHOWN:
            self._errors.append(RefusedLine(line=number, message=message))

    async def flush(self) -> None:
        """Begins to add the batch, while the next lines are read and one batch more may be being added."""
        batch, self.batch = self.batch, Batch()
        if len(batch):
            self._adding.append(asyncio.create_task(self._add(batch)))
        while len(self._adding) >= _BATCHES_AT_ONCE:
            await self._adding.popleft()

    async def settle(self) -> None:
        """Waits until what was begun is committed and matches here; raises what went wrong with it first."""
        try:
            while self._adding:
                await self._adding.popleft()
        finally:
            await asyncio.gather(*self._adding, return_exceptions=True)

    async def _add(self, batch: Batch) -> None:
        ids = await self._bulk.add(batch)
        self._added += len(ids)
        self._ids += [ids[0], ids[-1]]
        await show_at_once(self._request, *batch.columns)

    def answer(self) -> BulkAnswer:
        """The counts, and what was refused."""
        METRICS.signals_added.labels("added").inc(self._added)
        METRICS.signals_added.labels("refused").inc(self._refused)
        return BulkAnswer(
            added=self._added,
            refused=self._refused,
            errors=self._errors,
            first_id=min(self._ids, default=None),
            last_id=max(self._ids, default=None),
        )


class _CsvLines:
    """Takes the lines of a CSV; the first one names the columns."""

    def __init__(self, kind: SignalType | None) -> None:
        self._kind = kind
        """Of values that come without a type."""
        self._types: list[tuple[int, SignalType]] = []
        self._published: Columns | None = None
        self._note: int | None = None
        self._columns = 0

    def __call__(self, line: bytes, batch: Batch) -> None:
        """Adds the content of a line, if it has one. Raises ApiError for a header without signal types."""
        text = line.decode().rstrip("\r\n")
        if not text.strip():
            return
        if '"' in text or "\r" in text or "\0" in text:
            (cells,) = csv.reader(io.StringIO(text), strict=True)
        else:
            cells = text.split(",")
        if not self._columns:
            self._read_header(cells)
            return
        if len(cells) != self._columns:
            raise ValueError(f"{len(cells)} columns, and the header has {self._columns}")
        if self._published is not None:
            _take_row(self._published.row(cells), self._kind, batch)
            return
        note = cells[self._note] if self._note is not None else ""
        parsed = {kind: kind.parse(cells[place]) for place, kind in self._types if cells[place]}
        if not parsed:
            parsed_signals({})
        batch.add(parsed, _details({"note": note})) if note else batch.add(parsed)

    def _read_header(self, cells: list[str]) -> None:
        names = [cell.strip().lower().removeprefix("\ufeff") for cell in cells]
        self._columns = len(names)
        own = set(names) & SIGNAL_TYPES.keys()
        if not own or set(names) - own - {"note"}:
            self._published = columns_of(cells, SIGNAL_TYPES)
            if self._published is not None and (self._kind or self._published.says_types):
                return
            raise bad_request(
                f"The first line of a CSV names columns: note, and signal types ({', '.join(SIGNAL_TYPES)}); "
                "or signal_type and signal_str, or hash with signal_type= in the address.",
                {"columns": names[:20]},
            )
        if len(set(names)) < len(names):
            raise bad_request("The first line names a column twice.", {"columns": names[:20]})
        self._types = [(place, SIGNAL_TYPES[name]) for place, name in enumerate(names) if name != "note"]
        self._note = names.index("note") if "note" in names else None


def _take_plain_line(kind: SignalType | None, line: bytes, batch: Batch) -> None:
    """Adds the signal of a line of text, if it has one."""
    _take_row(line_row(line.decode(), None if kind is None else (kind.name,)), kind, batch, or_nothing=True)


def _take_row(
    row: ListedHash | None, kind: SignalType | None, batch: Batch, *, or_nothing: bool = False
) -> None:
    if row is None:
        if or_nothing:
            return
        raise ValueError("the line holds no value")
    if row.type is not None:
        kind = signal_type(row.type)
    if kind is None:
        raise ValueError("the line does not say what type its value is of: TYPE VALUE, or signal_type=")
    parsed = {kind: kind.parse(row.value)}
    batch.add(parsed, _details({"tags": list(row.tags)})) if row.tags else batch.add(parsed)


def _take_json_line(line: bytes, batch: Batch) -> None:
    """Adds the content of a line, if it has one."""
    if hash_alone := _ONE_HEX(line):
        # The fast path takes nearly every line of a large load: it accepts only what is surely right.
        name, value = hash_alone.groups()
        kind = _HEX_TYPES.get(name)
        if kind is not None and len(value) * 4 == kind.bits:
            batch.add_one(kind, unhexlify(value))
            return
    elif not line.strip():
        return
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError("the line is no JSON object")  # noqa: TRY004 - it is data, not a program
    words = {name: record.pop(name) for name in _WORDS & record.keys()}
    signals = parsed_signals(record)
    batch.add(signals, _details(words)) if words else batch.add(signals)


def _details(words: dict[str, Any]) -> Details:
    details = details_of(LineWords.model_validate(words))
    check_details(details)
    return details


def details_of(words: LineWords) -> Details:
    """What is said of a content that comes as signals only."""
    return Details(
        media_unavailable=True,
        note=words.note,
        metadata=words.metadata.stored() if words.metadata is not None else {},
        tags=words.tags,
        disable_until_ts=words.disable_until_ts,
    )


async def _portions(request: web.Request) -> AsyncIterator[tuple[int, list[bytes | None]]]:
    """The lines of the body as they come, many at a time, with the number of the first, from 1.

    None for one that is too long.
    """
    number, rest = 1, b""
    too_long = False
    async for chunk in request.content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        if whole:
            lines: list[bytes | None] = list(whole)
            if too_long:
                lines[0], too_long = None, False
            # The part of the line kept from earlier chunks is below the limit; with this chunk it may not be.
            if len(chunk) > _LONGEST_LINE or len(whole[0]) > _LONGEST_LINE:
                lines = [None if line is None or len(line) > _LONGEST_LINE else line for line in lines]
            yield number, lines
            number += len(lines)
        if len(rest) > _LONGEST_LINE:
            # The rest of the line is dropped as it arrives: a line without end must not fill the memory.
            rest, too_long = b"", True
    if rest or too_long:
        yield number, [None if too_long else rest]


def _problem_of(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
    if isinstance(error, UnicodeDecodeError):
        return "the line is no UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"the line is no JSON: {error}"
    return str(error)
