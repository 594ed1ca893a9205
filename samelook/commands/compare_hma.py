"""`samelook compare-hma`: the same lookups to an HMA and to a Samelook, and where their answers differ."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import typer

from samelook.terminal.console import counted, say, tell

if TYPE_CHECKING:
    from aiohttp import ClientSession

_LOOKUP = re.compile(r"/m/(?:raw_)?lookup\?[^\s\"']+")
_TYPE = re.compile(r"[a-z][a-z0-9_]*")
_AT_ONCE = 8
_PATIENCE_S = 30.0
_MOST_SHOWN = 20
_LONGEST_LINE = 1 << 16


@dataclass(frozen=True, slots=True)
class Difference:
    """A lookup that the two answer differently."""

    kind: str
    lookup: str
    hma: Any
    samelook: Any


def compare_hma(
    hma: Annotated[str, typer.Argument(metavar="URL", help="Where HMA answers.")],
    lookups: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Lookups to replay: see below. Default: standard input."),
    ] = None,
    *,
    with_url: Annotated[
        str, typer.Option("--with", metavar="URL", help="Where Samelook answers.")
    ] = "http://localhost:5100",
    key: Annotated[
        str,
        typer.Option("--key", envvar="SAMELOOK_API_KEY", help="An API key for Samelook, if it needs one."),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each difference as one JSON object a line.")
    ] = False,
) -> None:
    """Send the same lookups to an HMA and to a Samelook, and report where their answers differ.

    A line is a line of an access log in which a lookup appears (`GET /m/lookup?signal=…`), or a signal type
    and a signal (`pdq f8f8…`). All else is passed over. Contents have other ids in the two: banks and
    distances are compared. Lookups without a seed get one, so that the coin of enabled ratios falls alike.
    The exit status is 1 when something differed.

    For example:

        tail -F access.log | samelook compare-hma http://hma:5000 --with http://localhost:5100
    """
    import asyncio

    for url in (hma, with_url):
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise typer.BadParameter(f"{url!r} is no address of a service: http://HOST:PORT")
    show = _as_json if as_json else _as_text
    counts: Counter[str] = Counter()
    with suppress(KeyboardInterrupt):
        asyncio.run(_replay(hma, with_url, key, _lines(lookups or []), counts, show))
    differing = counts.total() - counts["same"]
    kinds = "".join(f", {number} {kind}" for kind, number in sorted(counts.items()) if kind != "same")
    tell(f"{counted(counts.total(), 'lookup')}: {counts['same']} answered alike{kinds}.")
    if differing or not counts.total():
        raise typer.Exit(1)


def lookups_in(lines: Iterable[str]) -> Iterator[str]:
    """The paths of the lookups that lines hold, each with a seed."""
    from samelook.banks.hash_lists import line_row

    for line in lines:
        asked = _LOOKUP.search(line)
        if asked:
            path, _, query = asked[0].partition("?")
            fields = dict(parse_qsl(query))
        else:
            row = line_row(line, None)
            if row is None or row.type is None or not _TYPE.fullmatch(row.type):
                continue
            path, fields = "/m/lookup", {"signal_type": row.type, "signal": row.value}
        if "signal" not in fields:
            continue  # of media behind a URL: what that leads to changes
        if path == "/m/lookup":
            fields.setdefault("seed", fields["signal"])
        else:
            fields["include_distance"] = "true"
        yield f"{path}?{urlencode(fields)}"


def difference(lookup: str, hma: tuple[int, Any], ours: tuple[int, Any]) -> Difference | None:
    """What is different about two answers, each a status and a body; None when nothing is."""
    if hma[0] != ours[0]:
        return Difference("other status", lookup, hma[0], ours[0])
    if hma[0] != 200:  # noqa: PLR2004 - both refuse it, each in its words
        return None
    theirs, found = _distances(hma[1]), _distances(ours[1])
    if theirs == found:
        return None
    if not found or set(theirs) - set(found):
        return Difference("missed here", lookup, theirs, found)
    if not theirs or set(found) - set(theirs):
        return Difference("missed by HMA", lookup, theirs, found)
    return Difference("other contents", lookup, theirs, found)


def _distances(answer: Any) -> dict[str, list[str]]:
    """The distances in each bank, near ones first; HMA's raw lookups do not name banks."""
    if isinstance(answer, Mapping) and isinstance(answer.get("matches"), list):
        answer = {"": answer["matches"]}
    if not isinstance(answer, Mapping):
        return {"?": [str(answer)[:200]]}
    return {
        str(bank): sorted(
            (str(match.get("distance")) if isinstance(match, Mapping) else "" for match in matches),
            key=lambda text: (len(text), text),
        )
        for bank, matches in answer.items()
        if isinstance(matches, list) and matches
    }


async def _replay(
    hma: str,
    ours: str,
    key: str,
    lines: AsyncIterator[str],
    counts: Counter[str],
    show: Any,
) -> None:
    import asyncio

    from aiohttp import ClientSession, ClientTimeout

    headers = {"X-API-Key": key} if key else {}
    free = asyncio.Semaphore(_AT_ONCE)
    async with (
        ClientSession(timeout=ClientTimeout(total=_PATIENCE_S)) as theirs,
        ClientSession(timeout=ClientTimeout(total=_PATIENCE_S), headers=headers) as here,
        asyncio.TaskGroup() as tasks,
    ):

        async def one(lookup: str) -> None:
            try:
                answers = await asyncio.gather(_asked(theirs, hma, lookup), _asked(here, ours, lookup))
                found = difference(lookup, *answers)
            finally:
                free.release()
            counts["same" if found is None else found.kind] += 1
            if found is not None:
                show(found, counts.total() - counts["same"])

        async for line in lines:
            for lookup in lookups_in([line]):
                await free.acquire()
                tasks.create_task(one(lookup))


async def _asked(session: ClientSession, base: str, lookup: str) -> tuple[int, Any]:
    from aiohttp import ClientError
    from yarl import URL

    try:
        async with session.get(URL(f"{base.rstrip('/')}{lookup}", encoded=True)) as answer:
            text = await answer.text()
    except (ClientError, TimeoutError) as error:
        return 0, f"{type(error).__name__}: {error}"
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text[:200]


async def _lines(files: list[Path]) -> AsyncIterator[str]:
    """Lines as they come, without holding up what is under way."""
    import asyncio

    for path in files or [Path("-")]:
        with sys.stdin if str(path) == "-" else path.open(encoding="utf-8", errors="replace") as file:
            while line := await asyncio.to_thread(file.readline, _LONGEST_LINE):
                yield line


def _as_json(found: Difference, _: int) -> None:
    typer.echo(json.dumps(asdict(found)))


def _as_text(found: Difference, number: int) -> None:
    if number <= _MOST_SHOWN:
        say(f"{found.kind}: {found.lookup}\n  HMA:      {found.hma}\n  Samelook: {found.samelook}")
    elif number == _MOST_SHOWN + 1:
        typer.echo("More differences are counted, not shown; --json shows them all.")
