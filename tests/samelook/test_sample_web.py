from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from itertools import combinations
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from aiohttp.test_utils import TestServer
from PIL import Image

from samelook.crawler.discovery.discover import discover
from samelook.crawler.discovery.icon_fetch import FetchedIcons, fetch_icons
from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.fetcher import Fetcher
from samelook.crawler.fetching.places import parse_resolve
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.ranks.formats import RankFormat, RankParser, layout_of
from samelook.demo.sample_web.brand_logos import BRAND_LOGOS
from samelook.demo.sample_web.drawing import raster, svg
from samelook.demo.sample_web.hostile_files import page_bomb, picture_bomb
from samelook.demo.sample_web.logos import LOGOS
from samelook.demo.sample_web.pictures import Alteration, Format, IconFile, changed
from samelook.demo.sample_web.ranks import rank_list, unranked_list
from samelook.demo.sample_web.sample_site import Kind, Proof, SampleSite, Trouble
from samelook.demo.sample_web.server import REQUESTS, answers_of, create_sample_web, sample_web_server
from samelook.demo.sample_web.sites import OPERATOR_FAMILIES, SITES
from samelook.demo.sample_web.troubles import OUTSIDE
from samelook.hashing.decode import decode
from samelook.hashing.errors import TooManyPixels
from samelook.hashing.pdq import pdq
from samelook.hashing.picture import DecodeLimits
from samelook.hashing.sandbox import Sandbox
from samelook.names.hosts import reversed_host
from tests.fixtures.crawled import SITE_BY_HOST

ROOT = Path(__file__).parents[2]


def hash_on_white(picture: Image.Image) -> int:
    canvas = Image.new("RGBA", (64, 64), "white")
    canvas.alpha_composite(picture.convert("RGBA").resize((64, 64), Image.Resampling.LANCZOS))
    return int.from_bytes(pdq(np.asarray(canvas.convert("RGB")))[0], "big")


def without_margin(picture: Image.Image) -> Image.Image:
    solid = picture.getchannel("A").point([255 * (level > 64) for level in range(256)])
    return picture.crop(solid.getbbox())


def distance_bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()


@pytest.fixture
async def web() -> AsyncIterator[TestServer]:
    server = TestServer(create_sample_web(), host="127.0.0.1", shutdown_timeout=0.1)
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


# What is described.


def test_every_host_is_under_a_reserved_name_and_every_rank_is_given_once() -> None:
    ranks = [site.rank for site in SITES if site.rank is not None]
    assert len(SITE_BY_HOST) == len(SITES) >= 40
    assert len(set(ranks)) == len(ranks)
    assert {site.host.rpartition(".")[2] for site in SITES} == {"example", "test"}


def test_every_kind_of_site_trouble_and_change_is_there() -> None:
    kinds = Counter(site.kind for site in SITES)
    assert kinds[Kind.BRAND] >= 14
    assert kinds[Kind.IMPERSONATOR] >= 12
    assert set(kinds) == set(Kind)
    assert {site.trouble for site in SITES} == {None, *Trouble}
    assert {site.change for site in SITES} == set(Alteration)
    pictures = {picture.format for site in SITES for picture in site.files.values()}
    assert pictures == set(Format)


def test_an_impersonator_is_less_trusted_than_the_brand_whose_logo_it_wears() -> None:
    for site in SITES:
        if site.kind is Kind.IMPERSONATOR:
            owner = SITE_BY_HOST[site.owner]
            assert (owner.kind, owner.logo) == (Kind.BRAND, site.logo)
            assert owner.rank is not None
            assert site.rank is None or site.rank > 10 * owner.rank


def test_every_proof_of_a_family_holds() -> None:
    proofs = Counter(site.proof for site in SITES if site.kind is Kind.FAMILY)
    assert set(proofs) == set(Proof)
    for site in SITES:
        if site.kind is not Kind.FAMILY:
            continue
        owner = SITE_BY_HOST[site.owner]
        assert site.rank is not None
        assert owner.rank is not None
        assert site.logo == owner.logo
        same_label = site.host.partition(".")[0] == owner.host.partition(".")[0]
        redirects = "/" in site.answers and site.answers["/"].location == f"https://{owner.host}/"
        listed = (owner.host, site.host) in OPERATOR_FAMILIES
        assert {
            Proof.SAME_LABEL: same_label,
            Proof.ROOT_REDIRECT: redirects,
            Proof.OPERATOR: listed,
        } == {proof: proof is site.proof for proof in Proof}


def test_shared_looks_have_two_unrelated_ranked_owners_and_an_unranked_wearer() -> None:
    for logo in ("quillpress", "blue-A"):
        wearers = [site for site in SITES if site.logo == logo]
        assert sorted(site.rank is None for site in wearers) == [False, False, True]
        assert all(not site.owner for site in wearers)


# What is drawn.


def test_brands_do_not_look_alike() -> None:
    hashes = {logo: hash_on_white(raster(drawing, 64)) for logo, drawing in BRAND_LOGOS.items()}
    assert set(hashes) == {site.logo for site in SITES if site.kind is Kind.BRAND}
    close = {
        pair: distance_bits(hashes[pair[0]], hashes[pair[1]])
        for pair in combinations(hashes, 2)
        if distance_bits(hashes[pair[0]], hashes[pair[1]]) <= 90
    }
    assert close == {}


@pytest.mark.parametrize(
    "site", [site for site in SITES if site.owner and site.files], ids=lambda site: site.host
)
def test_a_copy_looks_like_its_original(site: SampleSite) -> None:
    original = raster(LOGOS[site.logo], 180)
    for picture in site.files.values():
        copy = changed(picture.logo, picture.sizes[0], picture.change)
        assert (
            min(
                distance_bits(hash_on_white(copy), hash_on_white(original)),
                distance_bits(hash_on_white(without_margin(copy)), hash_on_white(without_margin(original))),
            )
            <= 30
        )


@pytest.mark.parametrize(
    "change", [change for change in Alteration if change not in {Alteration.NONE, Alteration.HOTLINKED}]
)
def test_every_change_but_a_mere_conversion_changes_pixels(change: Alteration) -> None:
    same = changed("obolia", 64, change).tobytes() == raster(LOGOS["obolia"], 64).tobytes()
    assert same is (change is Alteration.CONVERTED)


def test_pixels_are_the_same_on_every_machine() -> None:
    digest = hashlib.sha256(b"".join(raster(drawing, 48).tobytes() for drawing in LOGOS.values())).hexdigest()
    assert digest == "879d0044b4029b638534a21845b68480328a626b9467478989313886646267ac"


def test_another_process_serves_the_same_bytes() -> None:
    program = (
        "import hashlib\nfrom samelook.demo.sample_web.server import answers_of\n"
        "from samelook.demo.sample_web.sites import SITES\n"
        "print(hashlib.sha256(b''.join(answer.data for answer in answers_of(SITES).values())).hexdigest())"
    )
    here = hashlib.sha256(b"".join(answer.data for answer in answers_of(SITES).values())).hexdigest()
    there = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        check=True,
    )
    assert there.stdout.decode().strip() == here


@pytest.mark.parametrize("logo", LOGOS)
def test_the_svg_of_a_drawing_shows_what_its_pixels_show(logo: str) -> None:
    drawn = np.asarray(raster(LOGOS[logo], 256)).astype(int)
    rendered = np.asarray(decode(svg(LOGOS[logo]).encode()).rgba).astype(int)
    assert np.abs(drawn - rendered).mean() < 4


@pytest.mark.parametrize("form", Format)
def test_every_format_is_what_it_says(form: Format) -> None:
    picture = IconFile("norrbank", (16, 48) if form is Format.ICO else (48,), form)
    decoded = decode(picture.data)
    side = DecodeLimits().svg_side if form is Format.SVG else 48
    assert (decoded.format, decoded.width, decoded.height) == (form.value, side, side)


def test_an_ico_holds_all_its_frames() -> None:
    data = IconFile("norrbank", (16, 24, 32, 48, 64), Format.ICO).data
    with Image.open(io.BytesIO(data)) as icon:
        assert icon.info["sizes"] == {(side, side) for side in (16, 24, 32, 48, 64)}


def test_bombs_are_small_and_valid() -> None:
    assert len(picture_bomb()) < 100_000
    assert len(page_bomb()) < 200_000
    with gzip.open(io.BytesIO(page_bomb())) as unpacked:
        assert sum(len(part) for part in iter(lambda: unpacked.read(1 << 20), b"")) == 128 << 20
    # Pillow itself refuses it, so the PNG is taken apart: 20,000 rows of a filter byte and 20,000 bits.
    side, packed = int.from_bytes(picture_bomb()[16:20], "big"), picture_bomb()[41:]
    assert side == 20_000
    assert len(zlib.decompressobj().decompress(packed)) == side * (1 + side // 8)
    with pytest.raises(TooManyPixels):
        decode(picture_bomb())


# The lists.


def test_the_rank_list_reads_as_common_crawls_domain_ranks() -> None:
    text = gzip.decompress(rank_list())
    layout = layout_of(text)
    assert layout.format is RankFormat.COMMONCRAWL_DOMAIN
    parser = RankParser(layout)
    parser.copy_text(text)
    assert parser.bad.count == 0
    assert parser.rows == sum(site.rank is not None for site in SITES)
    rows = [line.split("\t") for line in text.decode().splitlines()[1:]]
    assert [(int(row[0]), row[4]) for row in rows] == sorted(
        (site.rank, reversed_host(site.host)) for site in SITES if site.rank is not None
    )
    values = [float(row[1]) for row in rows]
    assert values == sorted(values, reverse=True)


def test_each_site_is_on_one_of_the_two_lists() -> None:
    unranked = unranked_list().decode().split()
    assert unranked == [site.host for site in SITES if site.rank is None]


# The server.


async def test_each_usable_icon_is_served_as_an_image(
    web: TestServer, browser: aiohttp.ClientSession
) -> None:
    for site in SITES:
        for icon in (icon for icon in site.icons if not icon.startswith("data:")):
            _, _, host, path = icon.split("/", 3)
            async with browser.get(web.make_url("/" + path), headers={"Host": host}) as answer:
                assert answer.status == 200, icon
                assert decode(await answer.read()).width >= 16


async def test_an_icon_that_did_not_change_is_not_sent_again(
    web: TestServer, browser: aiohttp.ClientSession
) -> None:
    url, host = web.make_url("/icons/lumora-32.png"), {"Host": "lumora.example"}
    async with browser.get(url, headers=host) as first:
        tag = first.headers["ETag"]
    async with browser.get(url, headers={**host, "If-None-Match": tag}) as second:
        assert (second.status, await second.read()) == (304, b"")
    async with browser.get(url, headers={**host, "If-None-Match": '"other"'}) as third:
        assert third.status == 200


async def test_a_page_is_packed_only_for_those_who_can_unpack_it(
    web: TestServer, browser: aiohttp.ClientSession
) -> None:
    bodies = []
    for accepted in ("gzip", "identity"):
        headers = {"Host": "cirrusdeck.example", "Accept-Encoding": accepted}
        async with browser.get(web.make_url("/"), headers=headers) as answer:
            body = await answer.read()
            bodies.append(gzip.decompress(body) if "Content-Encoding" in answer.headers else body)
            assert ("Content-Encoding" in answer.headers) is (accepted == "gzip")
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        ("LUMORA.example:8080", "/", 200),
        ("www.lumora.example", "/", 200),
        ("lumora.example", "/nothing-here", 404),
        ("elsewhere.example", "/", 421),
        ("[::1]:80", "/", 421),
        ("closed-for-repair.example", "/", 503),
    ],
)
async def test_the_host_header_decides(
    web: TestServer, browser: aiohttp.ClientSession, host: str, path: str, status: int
) -> None:
    async with browser.get(web.make_url(path), headers={"Host": host}) as answer:
        assert answer.status == status


async def test_any_path_of_an_apex_leads_to_its_home(web: TestServer, browser: aiohttp.ClientSession) -> None:
    for path in ("/", "/favicon.ico"):
        headers = {"Host": "kestrelshop.example"}
        async with browser.get(web.make_url(path), headers=headers, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (301, "https://www.kestrelshop.example/")


async def test_an_endless_answer_ends_when_the_client_leaves(caplog: pytest.LogCaptureFixture) -> None:
    async with sample_web_server() as port, aiohttp.ClientSession() as session:
        answer = await session.get(f"http://127.0.0.1:{port}/", headers={"Host": "neverending.example"})
        assert len(await answer.content.readexactly(1 << 20)) == 1 << 20
        answer.close()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.get(f"http://127.0.0.1:{port}/", headers={"Host": "slammed-door.example"})
        async with asyncio.timeout(5):
            async with session.get(f"http://127.0.0.1:{port}/", headers={"Host": "lumora.example"}) as page:
                assert page.status == 200
    assert caplog.records == []


# The whole web, crawled.


async def crawled(fetcher: Fetcher, sandbox: Sandbox, site: SampleSite) -> FetchedIcons | str:
    try:
        return await fetch_icons(fetcher, sandbox, await discover(fetcher, site.host))
    except CrawlError as error:
        return error.kind


async def test_a_crawl_finds_in_every_site_what_was_put_there(web: TestServer) -> None:
    settings = FetchSettings(resolve=parse_resolve(f"*=127.0.0.1:{web.port}"), total_timeout_s=3)
    async with Fetcher(settings) as fetcher, Sandbox(2) as sandbox:
        outcomes = await asyncio.gather(*(crawled(fetcher, sandbox, site) for site in SITES))
    for site, outcome in zip(SITES, outcomes, strict=True):
        if isinstance(outcome, str):
            assert (site.host, outcome) == (site.host, site.page_error)
            continue
        assert site.page_error is None, site.host
        found = [icon.candidate.url for icon in outcome.found]
        if site.trouble is Trouble.TOO_MANY_ICONS:
            assert len(found) >= 20
            assert set(found) <= set(site.icons)
        else:
            assert (site.host, sorted(found)) == (site.host, sorted(site.icons))
        errors = {icon.candidate.url: icon.kind for icon in outcome.missing if icon.kind != "http_status"}
        assert errors == {site.url(path): kind for path, kind in site.icon_errors.items()}, site.host
    asked_for = web.app[REQUESTS]
    assert asked_for["norrbank.example", "/media/norr.ico"] == 1
    assert not [path for host, path in asked_for if path.startswith("/decoy/")]
    assert not [host for host, _ in asked_for if host == OUTSIDE.split("/")[2]]
    assert {path for host, path in asked_for if host == "keep-out.example"} == {"/robots.txt"}


def test_the_documentation_has_a_row_for_every_site() -> None:
    text = (ROOT / "docs" / "sample-web.md").read_text("utf-8")
    rows = {
        cells[1].strip(" `"): (cells[2].strip(), cells[3].strip())
        for cells in (line.split("|") for line in text.splitlines() if line.startswith("| `"))
    }
    assert rows == {site.host: (f"{site.rank:,}" if site.rank else "none", site.kind.value) for site in SITES}
