"""What servers send, mangled by code: heads and chunks of HTTP, lists in files, pages of exchanges.

Each form gives a value or an error of its kind, soon, and a good one is read as before.
"""

from __future__ import annotations

import io
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import requests

from samelook.banks.errors import BankError
from samelook.banks.hash_lists import line_row
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.crawler.discovery.page import parse_page
from samelook.crawler.fetching.bodies import decoded
from samelook.crawler.fetching.errors import FetchError
from samelook.crawler.fetching.lenient import Chunks, NotHttp, end_of_head, parse_head, start_of
from samelook.crawler.ranks.formats import NotARankList, RankParser, layout_of
from tests.hostile.targets import json_bodies
from tests.hostile.test_mangled import LONGEST_S, PAGE, RANKS, forms_of

MOST_BYTES = 64 << 20
"""Of memory for one form: the longest is some 200 kB."""
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nSet-Cookie: a=b; Path=/\r\n"
    b"Transfer-Encoding: chunked\r\nRetry-After: 3\r\n\r\n"
)
CHUNKED = b"5;name=value\r\nhello\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: x\r\n\r\n"


def soon(work: Callable[[bytes], object], good: bytes) -> None:
    """Every form of it in time."""
    for form in forms_of(good):
        began = time.process_time()
        work(form)
        assert time.process_time() - began < LONGEST_S


@contextmanager
def memory_bounded(most: int = MOST_BYTES) -> Iterator[None]:
    """Fails where the block takes more than that at any moment."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def head_of(data: bytes) -> object:
    start = start_of(data)
    end = None if start is None else end_of_head(data, start)
    if start is None or end is None:
        raise NotHttp
    return parse_head(data[start:end])


def body_of(data: bytes) -> bytes:
    return Chunks().feed(data)


def test_heads_of_http() -> None:
    def read(data: bytes) -> None:
        with suppress(NotHttp):
            head_of(data)

    soon(read, HEAD)
    head_of(HEAD)


def test_chunks_of_http() -> None:
    def read(data: bytes) -> None:
        with suppress(NotHttp):
            assert len(body_of(data)) <= len(data)

    soon(read, CHUNKED)
    assert body_of(CHUNKED) == b"helloabcdefghijklmnopqrstuvwxyz"


def _ranks(data: bytes) -> None:
    with suppress(NotARankList):
        RankParser(layout_of(data)).copy_text(data)


def _page(data: bytes) -> None:
    parse_page(data, "text/html", "https://example.com/")


def _xhtml(data: bytes) -> None:
    parse_page(data, "application/xhtml+xml", "https://example.com/")


def _hashes(data: bytes) -> None:
    text = data.decode(errors="surrogateescape")
    line_row(text, None)
    for kind in SIGNAL_TYPES.values():
        with suppress(BankError):
            kind.parse(text)


KINDS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "ranks": (_ranks, RANKS),
    "json": (json_bodies, b'{"sites":[{"url":"https://a.example"}],"n":[1,2.5e3,true,null]}'),
    "hashes": (_hashes, b"pdq " + b"0f" * 32),
    "page": (_page, PAGE),
    "xhtml": (_xhtml, b'<html xmlns="http://www.w3.org/1999/xhtml"><head><link rel="icon"/></head></html>'),
    "chunks": (lambda data: suppressed(body_of, data), CHUNKED),
    "head": (lambda data: suppressed(head_of, data), HEAD),
}


def suppressed(work: Callable[[bytes], object], data: bytes) -> None:
    with suppress(NotHttp):
        work(data)


@pytest.mark.parametrize("name", KINDS)
def test_no_form_takes_long_or_much_memory(name: str) -> None:
    work, good = KINDS[name]
    soon(work, good)
    work(good)
    with memory_bounded():
        for form in forms_of(good):
            work(form)


async def test_a_body_takes_no_more_memory_than_it_may_have() -> None:
    bomb = zlib.compress(bytes(32 << 20), 9)
    with memory_bounded(8 << 20), pytest.raises(FetchError):
        await decoded(bomb, ("deflate",), 1 << 20)


class _Played:
    """An adapter that is answered with one body, and asks nobody."""

    def __init__(self, source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self._source = source
        self._body = b""
        monkeypatch.setattr(requests.Session, "send", self._send)

    def _send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 200, request.url or "", request
        answer._content = self._body
        return answer

    def deltas(self, body: bytes) -> list[Any]:
        """What the first two pages change: a page may name itself as the next one."""
        self._body = body
        found = []
        for delta in self._source().fetch_iter([], None):
            found.append(delta)
            if len(found) == 2:
                break
        return found


def _ncmec() -> tuple[Any, bytes]:
    from threatexchange.exchanges.clients.ncmec.hash_api import NCMECEnvironment
    from threatexchange.exchanges.impl.ncmec_api import NCMECCollabConfig

    from samelook.exchanges.adapters import Ncmec
    from tests.exchanges.standins import ncmec

    entries = [
        ncmec.Entry(f"image{at}", "image", 1_700_000_000 + at, (("pdna", "AAAA"), ("md5", "f" * 32)))
        for at in range(3)
    ]
    config = NCMECCollabConfig(name="N", environment=next(iter(NCMECEnvironment)))
    return lambda: Ncmec(config, "user", "password"), ncmec._page(entries, None).encode()


def _stop_ncii() -> tuple[Any, bytes]:
    from threatexchange.exchanges.clients.stopncii.api import StopNCIIAPI
    from threatexchange.exchanges.collab_config import CollaborationConfigBase

    from samelook.exchanges.adapters import StopNcii
    from tests.exchanges.standins import stopncii

    records = [
        stopncii.Record(f"{at:064x}", 1_700_000_000 + at).as_json("27664732-76e1-4a17-8099-000000000001")
        for at in range(3)
    ]
    page = {
        "count": 3,
        "nextPageToken": None,
        "nextSetTimestamp": 1_700_000_003,
        "hasMoreRecords": False,
        "hashRecords": records,
    }
    config = CollaborationConfigBase(name="S", api="stop_ncii", enabled=True)
    return lambda: StopNcii(config, StopNCIIAPI("key", "key")), json.dumps(page).encode()


def _threat_exchange() -> tuple[Any, bytes]:
    from threatexchange.exchanges.impl.fb_threatexchange_api import FBThreatExchangeCollabConfig

    from samelook.exchanges.adapters import ThreatExchange, _ThreatExchangeClient
    from tests.exchanges.standins import graph

    updates = [
        graph.Update(at, f"{at:064x}", "HASH_PDQ", 1_700_000_000 + at, (graph.Descriptor(42),)).as_json()
        for at in range(3)
    ]
    config = FBThreatExchangeCollabConfig(name="T", privacy_group=303636684709969)
    return lambda: ThreatExchange(_ThreatExchangeClient("1|token"), config), json.dumps(
        {"data": updates}
    ).encode()


def _answered(body: bytes) -> requests.Response:
    answer = requests.Response()
    answer._content = body
    return answer


@pytest.mark.parametrize("made", [_ncmec, _stop_ncii, _threat_exchange])
def test_pages_of_exchanges(made: Callable[[], tuple[Any, bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("threatexchange", reason="the extra exchanges")
    from samelook.exchanges.traffic import without_bad_records

    source, good = made()
    played = _Played(source, monkeypatch)
    whole = played.deltas(good)
    assert whole

    def reads(answers: Sequence[requests.Response]) -> bool:
        try:
            played.deltas(answers[-1].content)
        except Exception:  # noqa: BLE001 - the child takes whatever the library raises for a malformed page
            return False
        return True

    with memory_bounded():
        for form in forms_of(good):
            reads([_answered(form)])
    for form in forms_of(good):
        began = time.process_time()
        answer = _answered(form)
        if not reads([answer]) and (found := without_bad_records([answer], reads)) is not None:
            assert reads(found[1])
        assert time.process_time() - began < LONGEST_S
    assert [delta.updates for delta in played.deltas(good)] == [delta.updates for delta in whole]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3", 3.0), ("9" * 400, 365 * 86_400.0), ("Wed, 21 Oct 9999 07:28:00 GMT", 365 * 86_400.0), ("x", None)],
)
def test_no_server_sends_its_visitors_away_for_ever(text: str, seconds: float | None) -> None:
    pytest.importorskip("threatexchange", reason="the extra exchanges")
    from samelook.exchanges.failures import _retry_after

    assert _retry_after(text) == seconds


def test_lists_of_hashes_in_csv() -> None:
    pytest.importorskip("threatexchange", reason="the extra exchanges")
    from threatexchange.exchanges.impl.file_api import FileCollaborationConfig
    from threatexchange.signal_type.pdq.signal import PdqSignal

    from samelook.exchanges.files import Lines, _reader

    def read(data: bytes) -> list[Any]:
        lines = Lines(io.BytesIO(data), len(data))
        reader = _reader(
            "list.csv", lines, FileCollaborationConfig(name="F", filename="list.csv"), (PdqSignal,)
        )
        lines.skip_to(0)
        return list(reader(lines))

    good = b"signal_type,signal_str,tags\n" + b"".join(b'pdq,%064x,"a,b"\n' % at for at in range(5))
    soon(read, good)
    with memory_bounded():
        for form in forms_of(good):
            read(form)
    assert len(read(good)) == 5
