"""What the fuzzer drives: each function takes any bytes, and raises only when something of ours is wrong.

Where a first byte chooses between variants, the corpus holds that byte too. `bench/fuzz.py` looks for new
inputs; `tests/hostile/test_corpus.py` runs those that were found worth keeping.
"""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress

import protego
from threatexchange.exchanges.impl.file_api import FileCollaborationConfig
from threatexchange.signal_type.md5 import VideoMD5Signal
from threatexchange.signal_type.pdq.signal import PdqSignal

from samelook.api.errors import ApiError
from samelook.api.lite import hash_list
from samelook.api.requests import parsed_json
from samelook.banks.errors import BankError
from samelook.banks.hash_lists import line_row
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.crawler.discovery.browserconfig import parse_browserconfig
from samelook.crawler.discovery.data_urls import data_of
from samelook.crawler.discovery.manifest import parse_manifest
from samelook.crawler.discovery.media import media_matches
from samelook.crawler.discovery.page import parse_page, refresh_target
from samelook.crawler.discovery.statements import sites_in_file, sites_in_page
from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.bodies import codings_of, decoded
from samelook.crawler.fetching.cookies import Cookies
from samelook.crawler.fetching.lenient import Chunks, NotHttp, end_of_head, parse_head, start_of
from samelook.crawler.fetching.robots import rule_entries
from samelook.crawler.fetching.urls import resolve
from samelook.crawler.ranks.formats import NotARankList, RankParser, layout_of
from samelook.exchanges.files import Lines, _reader
from samelook.hashing import png_rows
from samelook.hashing.decode import decode
from samelook.hashing.errors import HashingError
from samelook.hashing.picture import DecodeLimits
from samelook.hashing.png import kinds_of, written
from samelook.hashing.signals import hash_bytes
from samelook.names.errors import NotADomain, NotASite
from samelook.names.hosts import host_of, normalised_host, reversed_host
from samelook.names.sites import Site, site_of_url

PAGE = "https://shop.example.com/a/"
OWN = Site("example.com")
CODINGS = ("gzip", "deflate", "br", "zstd", "gzip, br", "br, zstd", "deflate, gzip, zstd")
TYPES = (
    "text/html",
    "text/html; charset=shift_jis",
    "application/xhtml+xml",
    "image/svg+xml",
    "text/plain",
    "",
)
PNG_PALETTE = 3
PNG_KINDS = tuple(
    (colour, depth)
    for colour, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16)))
    for depth in depths
)
MOST_DECODED = 200_000
LIMITS = DecodeLimits(max_bytes=1 << 20, max_pixels=1 << 18, max_frames=32, svg_side=64)


def page(data: bytes) -> None:
    """Discovery: icons of a page are absolute, and stay what they are when they are resolved again."""
    kind, body = (TYPES[data[0] % len(TYPES)] if data else ""), data[1:]
    found = parse_page(body, kind or None, PAGE)
    for icon in found.icons:
        assert resolve(icon.url) == icon.url
    if found.refresh is not None:
        assert resolve(found.refresh) == found.refresh
    assert OWN not in set().union(*sites_in_page(body, kind or None, PAGE, OWN).values())


def documents(data: bytes) -> None:
    """The smaller files of discovery."""
    choice, body = (data[0] % 6 if data else 0), data[1:]
    text = body.decode(errors="surrogateescape")
    if choice == 0:
        for icon in parse_manifest(body, PAGE).icons:
            assert resolve(icon.url) == icon.url
    elif choice == 1:
        for icon in parse_browserconfig(body, None, PAGE).icons:
            assert resolve(icon.url) == icon.url
    elif choice == 2:
        for kind in ("webauthn", "assetlinks"):
            assert OWN not in sites_in_file(kind, body, OWN)
    elif choice == 3:
        with suppress(CrawlError):
            data_of(resolve("data:" + text))
    elif choice == 4:
        media_matches(text, "light")
        refresh_target(text, PAGE, PAGE)
        cookies = Cookies()
        cookies.keep(PAGE, text)
        assert "\n" not in cookies.header(PAGE)
    elif rule_entries(robots := body.decode("utf-8-sig", "replace")) < 10_000:
        rules = protego.Protego.parse(robots)
        rules.can_fetch(PAGE, "samelook")
        rules.crawl_delay("samelook")


def bodies(data: bytes) -> None:
    """Decoding of bodies: within the bound, or a typed error."""
    codings = codings_of(CODINGS[data[0] % len(CODINGS)]) if data else ()
    with suppress(CrawlError):
        assert len(_loop().run_until_complete(decoded(data[1:], codings, MOST_DECODED))) <= MOST_DECODED


def answers(data: bytes) -> None:
    """HTTP/1 answers: chunks are the same however the network cuts them."""
    cut, wire = (data[0] if data else 0), data[1:]
    start = start_of(wire)
    if start is not None and (end := end_of_head(wire, start)) is not None:
        with suppress(NotHttp):
            parse_head(wire[start:end])
    assert _chunks([wire]) == _chunks([wire[:cut], wire[cut : 2 * cut], wire[2 * cut :]])


def _chunks(pieces: list[bytes]) -> bytes | None:
    chunks, body = Chunks(), b""
    try:
        for piece in pieces:
            body += chunks.feed(piece)
    except NotHttp:
        return None
    return body


def pictures(data: bytes) -> None:
    """Decoding: signals of a whole picture within the bounds, or a typed error."""
    with suppress(HashingError):
        found = hash_bytes(data, LIMITS)
        assert found.width * found.height <= LIMITS.max_pixels
        for name, value in found.signals.items():
            SIGNAL_TYPES[name].parse(value)


def rows(data: bytes) -> None:
    """PNGs of every plain kind: the quick way comes to Pillow's pixels, or leaves them to Pillow."""
    if len(data) < 6:
        return
    kind, width, height, entries, alphas = data[:5]
    colour, depth = PNG_KINDS[kind % len(PNG_KINDS)]
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    length = 1 + ((width + 1) * samples * depth + 7) // 8
    body = data[5:].ljust((height % 16 + 1) * length, data[-1:])
    lines = [body[at : at + length] for at in range(0, (height % 16 + 1) * length, length)]
    packed = zlib.compress(b"".join(bytes([line[0] % 6]) + line[1:] for line in lines), 1)
    header = struct.pack(">IIBBBBB", width + 1, len(lines), depth, colour, 0, 0, 0)
    palette = [(b"PLTE", body[: 3 * entries]), (b"tRNS", body[:alphas])] if colour == PNG_PALETTE else []
    png = written([(b"IHDR", header), *palette, (b"IDAT", packed), (b"IEND", b"")])
    quick = png_rows.usual_pixels(png, kinds_of(png), LIMITS, apply_orientation=False)
    if quick is not None:
        loops, vars(png_rows)["LOOPS"] = vars(png_rows)["LOOPS"], None
        try:
            assert decode(png, LIMITS).rgba.tobytes() == quick.tobytes()
        finally:
            vars(png_rows)["LOOPS"] = loops


def ranks(data: bytes) -> None:
    """Rank lists: each row has the columns of the table, and a name in its normal form."""
    try:
        parser = RankParser(layout_of(data))
    except NotARankList:
        return
    rows = parser.copy_text(data).split(b"\n")[:-1]
    assert len(rows) == parser.rows
    names = parser.copy_columns.index("reversed_name") if "reversed_name" in parser.copy_columns else None
    for row in rows:
        cells = row.split(b"\t")
        assert len(cells) == len(parser.copy_columns)
        if names is not None:
            host = host_of(cells[names].decode())
            assert reversed_host(host).encode() == cells[names]


def lists(data: bytes) -> None:
    """Lists of hashes: as HMA-lite takes them, and as an exchange over a file reads them."""
    choice, body = (data[0] % 4 if data else 0), data[1:]
    if choice == 0:
        with suppress(ApiError):
            found = hash_list(body, "fuzz")
            assert len(found.rows) > 0
        return
    name = ("simple.HASH_PDQ.te", "list.csv", "list.txt")[choice - 1]
    lines = Lines(io.BytesIO(body), len(body))
    collab = FileCollaborationConfig(name="F", filename=name)
    read = _reader(name, lines, collab, (PdqSignal, VideoMD5Signal))
    lines.skip_to(0)
    for kind, _, tags in read(lines):
        assert kind
        assert "" not in tags


def signals(data: bytes) -> None:
    """Values of signals: what is taken is written as it was, or in one normal form."""
    text = data.decode(errors="surrogateescape")
    line_row(text, None)
    for kind in SIGNAL_TYPES.values():
        with suppress(BankError):
            value = kind.parse(text)
            assert kind.parse(kind.text(value)) == value


def json_bodies(data: bytes) -> None:
    """JSON of requests."""
    with suppress(ApiError):
        parsed_json(data)


def names(data: bytes) -> None:
    """Hosts, sites and URLs: a normal form is its own normal form."""
    text = data.decode(errors="surrogatepass" if len(data) % 2 else "replace") if _is_text(data) else ""
    with suppress(NotADomain):
        host = normalised_host(text)
        assert normalised_host(host) == host
        assert host_of(reversed_host(host)) == host
    with suppress(NotASite):
        site = site_of_url(text)
        assert site_of_url(site) == site
    with suppress(CrawlError):
        url = resolve(text, PAGE)
        assert resolve(url) == url


def _is_text(data: bytes) -> bool:
    try:
        data.decode(errors="surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


_LOOP: list[asyncio.AbstractEventLoop] = []


def _loop() -> asyncio.AbstractEventLoop:
    if not _LOOP:
        _LOOP.append(asyncio.new_event_loop())
    return _LOOP[0]


TARGETS: dict[str, Callable[[bytes], None]] = {
    "page": page,
    "documents": documents,
    "bodies": bodies,
    "answers": answers,
    "pictures": pictures,
    "rows": rows,
    "ranks": ranks,
    "lists": lists,
    "signals": signals,
    "json": json_bodies,
    "names": names,
}
