from __future__ import annotations

import asyncio
import time

import pytest

from samelook.crawler.errors import CrawlError
from samelook.crawler.fetching.errors import (
    BadEncoding,
    ConnectionFailed,
    RateLimited,
    RobotsDisallowed,
    RobotsUnavailable,
    TooManyRedirects,
)
from samelook.crawler.fetching.robots import MAX_RULE_ENTRIES, PARSED_BYTES, Robots, rule_entries

ORIGIN = "https://a.example"


class Site:
    """Answers for robots.txt, and counts."""

    def __init__(self, body: str | bytes = b"", status: int = 200, error: CrawlError | None = None) -> None:
        self.body = body.encode() if isinstance(body, str) else body
        self.status = status
        self.error = error
        self.asked: list[str] = []

    async def __call__(self, url: str) -> tuple[int, bytes]:
        self.asked.append(url)
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return self.status, self.body


async def allowed(body: str | bytes, path: str) -> bool:
    try:
        await Robots(Site(body), product="Samelook").check(ORIGIN, ORIGIN + path)
    except RobotsDisallowed:
        return False
    return True


RFC_EXAMPLE = """\
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""


# RFC 9309, 5.1 and 5.2, and what section 2 says of agents, comments and special characters.
@pytest.mark.parametrize(
    ("body", "path", "expected"),
    [
        (RFC_EXAMPLE, "/", True),
        (RFC_EXAMPLE, "/pic.gif", False),
        (RFC_EXAMPLE, "/example/", False),
        (RFC_EXAMPLE, "/publications/x", True),
        (
            "User-agent: *\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif",
            "/example/page/x",
            True,
        ),
        (
            "User-agent: *\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif",
            "/example/page/disallowed.gif",
            False,
        ),
        ("User-agent: samelook\nDisallow: /\nUser-agent: *\nAllow: /", "/", False),
        ("User-agent: SAMELOOK\nAllow: /\n\nUser-agent: *\nDisallow: /", "/", True),
        ("User-agent: samelookalike\nDisallow: /", "/", True),
        ("User-agent: *\nDisallow: / # everything", "/x", False),
        ("User-agent: *\r\nDisallow: /a\r\n", "/a", False),
        ("\ufeffUser-agent: *\nDisallow: /a", "/a", False),
        ("User-agent: *\nDisallow:", "/a", True),
        ("Disallow: /", "/a", True),
        ("User-agent: *\nDisallow: /favicon.ico$", "/favicon.ico?x", True),
        ("User-agent: *\nDisallow: /caf%C3%A9", "/café", False),
        (b"User-agent: *\nDisallow: /\xff\nDisallow: /b", "/b", False),
        ("<!doctype html><p>Not found", "/a", True),
        ("", "/a", True),
    ],
)
async def test_rules_are_read_as_the_rfc_says(body: str | bytes, path: str, expected: bool) -> None:
    assert await allowed(body, path) is expected


async def test_robots_txt_is_fetched_once_for_an_origin() -> None:
    site = Site("User-agent: *\nDisallow: /private")
    robots = Robots(site, product="Samelook")
    await asyncio.gather(*(robots.check(ORIGIN, f"{ORIGIN}/{number}") for number in range(20)))
    assert site.asked == [f"{ORIGIN}/robots.txt"]
    await robots.check("http://a.example", "http://a.example/")
    assert site.asked == [f"{ORIGIN}/robots.txt", "http://a.example/robots.txt"]


async def test_robots_txt_is_fetched_again_after_its_time() -> None:
    now = 0.0
    site = Site("User-agent: *\nDisallow: /")
    robots = Robots(site, product="Samelook", ttl_s=100, clock=lambda: now)
    with pytest.raises(RobotsDisallowed):
        await robots.check(ORIGIN, ORIGIN)
    site.body = b""
    now = 99.0
    with pytest.raises(RobotsDisallowed):
        await robots.check(ORIGIN, ORIGIN)
    now = 101.0
    await robots.check(ORIGIN, ORIGIN)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410])
async def test_a_file_that_is_not_there_forbids_nothing(status: int) -> None:
    robots = Robots(Site("User-agent: *\nDisallow: /", status), product="Samelook")
    assert await robots.check(ORIGIN, ORIGIN) == 0


@pytest.mark.parametrize("status", [429, 500, 502, 503, 599])
async def test_a_file_that_cannot_be_had_forbids_everything_for_a_while(status: int) -> None:
    now = 0.0
    site = Site("", status)
    robots = Robots(site, product="Samelook", clock=lambda: now)
    for _ in range(3):
        with pytest.raises(RobotsUnavailable):
            await robots.check(ORIGIN, ORIGIN)
    assert len(site.asked) == 1
    site.status = 404
    now = 601.0
    await robots.check(ORIGIN, ORIGIN)


async def test_a_file_that_cannot_be_decoded_forbids_everything() -> None:
    robots = Robots(Site(error=BadEncoding("no gzip")), product="Samelook")
    with pytest.raises(RobotsUnavailable, match="no gzip"):
        await robots.check(ORIGIN, ORIGIN)


async def test_endless_redirects_count_as_no_file() -> None:
    robots = Robots(Site(error=TooManyRedirects("six")), product="Samelook")
    await robots.check(ORIGIN, ORIGIN)


async def test_an_error_of_the_network_passes_through_and_is_remembered_shortly() -> None:
    now = 0.0
    site = Site(error=ConnectionFailed("refused", errno=111))
    robots = Robots(site, product="Samelook", clock=lambda: now)
    for _ in range(3):
        with pytest.raises(ConnectionFailed, match="refused") as raised:
            await robots.check(ORIGIN, ORIGIN)
        assert raised.value.detail == {"errno": 111, "while": "robots.txt"}
    assert len(site.asked) == 1
    now = 31.0
    site.error = None
    await robots.check(ORIGIN, ORIGIN)


async def test_a_pause_that_the_site_asked_for_is_not_remembered_here() -> None:
    site = Site(error=RateLimited("later", retry_after_s=5))
    robots = Robots(site, product="Samelook")
    for _ in range(2):
        with pytest.raises(RateLimited):
            await robots.check(ORIGIN, ORIGIN)
    assert len(site.asked) == 2


@pytest.mark.parametrize(
    ("line", "delay_s"),
    [("2.5", 2.5), ("0", 0.0), ("-1", 0.0), ("99999", 10.0), ("inf", 0.0), ("nan", 0.0), ("soon", 0.0)],
)
async def test_crawl_delay_is_honoured_up_to_a_limit(line: str, delay_s: float) -> None:
    robots = Robots(Site(f"User-agent: *\nCrawl-delay: {line}\n"), product="Samelook", max_delay_s=10)
    assert await robots.check(ORIGIN, ORIGIN) == delay_s


async def test_what_lies_beyond_the_limit_is_not_read() -> None:
    body = b"User-agent: *\nDisallow: /a\n" + b"# filler\n" * (PARSED_BYTES // 9) + b"Disallow: /b\n"
    assert not await allowed(body, "/a")
    assert await allowed(body, "/b")


async def test_a_line_cut_by_the_limit_counts_for_nothing() -> None:
    head = b"User-agent: *\n"
    filler = b"#" * (PARSED_BYTES - len(head) - len(b"\nDisallow: /"))
    assert await allowed(head + filler + b"\nDisallow: /private\n", "/public")


async def test_the_memory_of_many_origins_is_bounded() -> None:
    site = Site("User-agent: *\nDisallow: /a\n" + "# filler\n" * 1000)
    robots = Robots(site, product="Samelook", cache_bytes=1_000_000)
    for number in range(50):
        await robots.check(f"https://{number}.example", f"https://{number}.example/")
    assert len(site.asked) == 50
    await robots.check("https://49.example", "https://49.example/")
    assert len(site.asked) == 50
    await robots.check("https://0.example", "https://0.example/")
    assert len(site.asked) == 51


@pytest.mark.parametrize(
    "interlude",
    ["", "\n", "# comment\n", "Sitemap: x\n", "nonsense\n", "user-agentx: y\n", "User agent *b*\n"],
)
async def test_a_file_with_many_agents_and_many_rules_is_refused_quickly(interlude: str) -> None:
    agents = "".join(f"User-agent: b{number}\n{interlude}" for number in range(6_000))
    body = agents + "Disallow: /x\n" * 8_000
    assert rule_entries(body) > MAX_RULE_ENTRIES
    started = time.process_time()
    with pytest.raises(RobotsUnavailable, match="too many"):
        await Robots(Site(body), product="Samelook").check(ORIGIN, ORIGIN)
    assert time.process_time() - started < 1


async def test_a_long_list_of_agents_as_real_sites_have_is_read() -> None:
    body = "".join(f"User-agent: b{number}\n" for number in range(1_500)) + "Disallow: /\n\n"
    body += "User-agent: *\nDisallow: /a\n" + "".join(
        f"Disallow: /{number}/*.pdf\n" for number in range(5_000)
    )
    assert await allowed(body, "/b")
    assert not await allowed(body, "/a")


async def test_wildcards_do_not_backtrack() -> None:
    started = time.process_time()
    assert await allowed("User-agent: *\nDisallow: /" + "*a" * 50_000 + "b$", "/" + "a" * 8_000)
    assert time.process_time() - started < 1
