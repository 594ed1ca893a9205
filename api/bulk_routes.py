"""Many signals at once: `POST /c/bank/{bank}/signals`, read while it arrives."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from banks.bulk import BulkAdd, NewContent
from banks.contents import Details, check_details
from banks.errors import BankError
from banks.signal_types import SIGNAL_TYPES, SignalType, parsed_signals

from .answers import answer_model
from .description import described
from .errors import ApiError, bad_request
from .metrics import METRICS
from .models import BulkAnswer, ContentAdd, RefusedLine
from .state import CURATION, show_at_once

routes = web.RouteTableDef()
_BATCH = 5000
_LONGEST_LINE = 1 << 20
_MOST_REFUSALS_SHOWN = 1000
_NDJSON = frozenset({"application/x-ndjson", "application/jsonl", "application/ndjson"})
_WORDS = {"note", "metadata"}
_PLAIN = Details(media_unavailable=True)


@routes.post("/c/bank/{bank}/signals")
@described(
    "Bank Content",
    "Adds many contents to a bank",
    role="curator",
    consumes={"application/x-ndjson": {"type": "string"}, "text/csv": {"type": "string"}},
    answer=BulkAnswer,
    errors=(400, 403, 404, 415),
    description="One content a line: the body of `/signal` as JSON, or a CSV whose header names signal types "
    "(and `note`). Good lines are added, in portions that each stay once committed; refused ones are listed.",
)
async def add_many(request: web.Request) -> web.Response:
    curation = request.app[CURATION]
    bank = await curation.banks.writable(request.match_info["bank"])
    parse: Callable[[bytes], NewContent | None]
    if request.content_type in _NDJSON:
        parse = _parsed_json_line
    elif request.content_type == "text/csv":
        parse = _CsvLines()
    else:
        raise ApiError(415, "Send lines of JSON as application/x-ndjson, or text/csv.")
    load = _Load(request, BulkAdd(curation.banks, bank))
    try:
        await _read(request, parse, load)
    finally:
        await load.settle()
    return answer_model(load.answer())


async def _read(request: web.Request, parse: Callable[[bytes], NewContent | None], load: _Load) -> None:
    async for number, line in _lines(request):
        if line is None:
            load.refuse(number, f"the line is longer than {_LONGEST_LINE} bytes")
            continue
        if not line.strip():
            continue
        try:
            content = parse(line)
        except (BankError, ValueError, csv.Error, RecursionError) as error:
            load.refuse(number, error.message if isinstance(error, BankError) else _said(error))
            continue
        if content is not None and load.take(content):
            await load.flush()
    await load.flush()


class _Load:
    """One bulk request: what was added and what was refused so far."""

    def __init__(self, request: web.Request, bulk: BulkAdd) -> None:
        self._request = request
        self._bulk = bulk
        self._waiting: list[NewContent] = []
        self._adding: asyncio.Task[None] | None = None
        self._added = self._refused = 0
        self._errors: list[RefusedLine] = []
        self._first: int | None = None
        self._last: int | None = None

    def take(self, content: NewContent) -> bool:
        """Keeps a content for the next batch; whether that is full."""
        self._waiting.append(content)
        return len(self._waiting) >= _BATCH

    def refuse(self, number: int, message: str) -> None:
        """Notes a line that cannot be added."""
        self._refused += 1
        if len(self._errors) < _MOST_REFUSALS_SHOWN:
            self._errors.append(RefusedLine(line=number, message=message))

    async def flush(self) -> None:
        """Begins to add what was kept, while the next lines are read; the batch before is done by then."""
        await self.settle()
        batch, self._waiting = self._waiting, []
        if batch:
            self._adding = asyncio.create_task(self._add(batch))

    async def settle(self) -> None:
        """Waits until what was begun is committed and matches here; raises what went wrong with it."""
        adding, self._adding = self._adding, None
        if adding is not None:
            await adding

    async def _add(self, batch: list[NewContent]) -> None:
        ids = await self._bulk.add(batch)
        self._added += len(ids)
        self._first, self._last = self._first or ids[0], ids[-1]
        await show_at_once(self._request, *{kind.name for one in batch for kind in one.signals})

    def answer(self) -> BulkAnswer:
        """The counts, and what was refused."""
        METRICS.signals_added.labels("added").inc(self._added)
        METRICS.signals_added.labels("refused").inc(self._refused)
        return BulkAnswer(
            added=self._added,
            refused=self._refused,
            errors=self._errors,
            first_id=self._first,
            last_id=self._last,
        )


class _CsvLines:
    """Parses lines of a CSV; the first one names the columns."""

    def __init__(self) -> None:
        self._types: list[tuple[int, SignalType]] = []
        self._note: int | None = None
        self._columns = 0

    def __call__(self, line: bytes) -> NewContent | None:
        """The content of a line; None for the header. Raises ApiError for a header without signal types."""
        (cells,) = csv.reader(io.StringIO(line.decode().rstrip("\r\n")), strict=True)
        if not self._columns:
            self._read_header(cells)
            return None
        if len(cells) != self._columns:
            raise ValueError(f"{len(cells)} columns, and the header has {self._columns}")
        given = {kind.name: cells[place] for place, kind in self._types if cells[place]}
        note = cells[self._note] if self._note is not None else ""
        return _content(given, {"note": note} if note else {})

    def _read_header(self, cells: list[str]) -> None:
        names = [cell.strip().lower().removeprefix("\ufeff") for cell in cells]
        unknown = [name for name in names if name not in SIGNAL_TYPES and name != "note"]
        if unknown or not set(names) & SIGNAL_TYPES.keys() or len(set(names)) < len(names):
            raise bad_request(
                f"The first line of a CSV names columns: note, and signal types ({', '.join(SIGNAL_TYPES)}).",
                {"columns": names[:20]},
            )
        self._types = [(place, SIGNAL_TYPES[name]) for place, name in enumerate(names) if name != "note"]
        self._note = names.index("note") if "note" in names else None
        self._columns = len(names)


def _parsed_json_line(line: bytes) -> NewContent:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError("the line is no JSON object")  # noqa: TRY004 - it is data, not a program
    if _WORDS.isdisjoint(value):
        return NewContent(parsed_signals(value), _PLAIN)
    words = {name: value.pop(name) for name in _WORDS & value.keys()}
    return _content(value, words)


def _content(signals: dict[str, Any], words: dict[str, Any]) -> NewContent:
    parsed = parsed_signals(signals)
    if not words:
        return NewContent(parsed, _PLAIN)
    said = ContentAdd.model_validate(words)
    details = Details(
        media_unavailable=True,
        note=said.note,
        metadata=said.metadata.stored() if said.metadata is not None else {},
    )
    check_details(details)
    return NewContent(parsed, details)


async def _lines(request: web.Request) -> AsyncIterator[tuple[int, bytes | None]]:
    """The lines of the body with their numbers, from 1; None for one that is too long."""
    number, rest = 0, b""
    too_long = False
    async for chunk in request.content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            number += 1
            yield number, None if too_long or len(line) > _LONGEST_LINE else line
            too_long = False
        if len(rest) > _LONGEST_LINE:
            # Forgotten as it comes: a line without end must not fill the memory.
            rest, too_long = b"", True
    if rest or too_long:
        yield number + 1, None if too_long else rest


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
    if isinstance(error, UnicodeDecodeError):
        return "the line is no UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"the line is no JSON: {error}"
    return str(error)
