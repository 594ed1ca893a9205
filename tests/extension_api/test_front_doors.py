"""Who speaks for a site, end to end: crawl, keeper, memory, verdict. What can be arranged moves no brand."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samelook.demo.sample_web.pictures import Format, IconFile
from samelook.demo.sample_web.sites import SITES
from samelook.extension_api.judge import Judge
from samelook.facts.asker import looks_at
from samelook.facts.catalogue import packaged_catalogue
from samelook.facts.questions import Asked, AskedIcon
from samelook.facts.settings import VerdictSettings

BRAND, COPY = "lumora.example", "lumora-secure.example"
DAY_S = 86_400.0


def told(judged: Any) -> tuple[str, str]:
    return str(judged.decision.verdict), judged.decision.reasons[0].rule


async def crawled_showing(sample: Any, host: str, *, like: str = BRAND, rank: int | None = None) -> None:
    """The crawl has seen `host` show the icons of another site; a list of hosts may rank it."""
    reversed_name = ".".join(reversed(host.split(".")))
    await sample.run(
        "INSERT INTO domains (reversed_name, list_position, source) VALUES ($1, $2, 'request')",
        reversed_name,
        rank,
    )
    await sample.run(
        "INSERT INTO target_urls (domain_id, url, position) "
        "SELECT id, $2, 1 FROM domains WHERE reversed_name = $1",
        reversed_name,
        f"https://{host}/",
    )
    await sample.run(
        "INSERT INTO site_icons (target_url_id, icon_url_id, ordinal, source, declared_url) "
        "SELECT n.id, s.icon_url_id, 0, 'link-icon', '/i' FROM target_urls AS n, site_icons AS s "
        "JOIN target_urls AS t ON t.id = s.target_url_id JOIN favicon_metadata AS m USING (icon_url_id) "
        "WHERE n.url = $1 AND t.url LIKE $2 AND m.sha256 IS NOT NULL",
        f"https://{host}/",
        f"%//{like}/%",
    )
    await sample.run(
        "INSERT INTO page_visits (target_url_id, final_url, status, icon_count) "
        "SELECT id, url, 200, 1 FROM target_urls WHERE url = $1",
        f"https://{host}/",
    )


async def backdate(sample: Any, days: float, *, fetched_again: bool = True) -> None:
    """Everything that the crawl has seen was seen so many days ago, and perhaps again today."""
    await sample.run(
        "UPDATE favicon_metadata SET changed_at = changed_at - $1 * interval '1 day', "
        "crawled_at = crawled_at - $2 * interval '1 day'",
        days,
        0.0 if fetched_again else days,
    )
    await sample.run("UPDATE site_icons SET found_at = found_at - $1 * interval '1 day'", days)
    await sample.run("DELETE FROM site_looks")
    await sample.run("INSERT INTO site_changes (domain_id) SELECT id FROM domains")
    await sample.run("UPDATE verdict_epochs SET epoch = gen_random_uuid()")
    await sample.catch_up()


def shown_by(sample: Any, host: str) -> tuple[AskedIcon, ...]:
    return tuple(map(AskedIcon, dict(sample.judge.memory.site(host).shown_looks(time.time()))))


@pytest.mark.parametrize(
    ("host", "rank"),
    [
        ("lumora-z.wordpress.com", None),
        ("lumora-z.wordpress.com", 501),
        ("mail.toolshed-weekly.example", 1),
        ("lumora-z.github.io", 2),
    ],
)
async def test_a_tenant_or_a_host_that_was_crawled_takes_nothing_from_a_brand(
    sample: Any, host: str, rank: int | None
) -> None:
    """A question about a free blog, or a list that ranks hosts, and then a crawl."""
    await crawled_showing(sample, host, rank=rank)
    await sample.catch_up()
    await backdate(sample, 40)
    assert told(sample.ask(BRAND)) == ("trusted", "2-ranked")
    # A new copy is asked about here: one that the crawl has seen for 28 days is only warned of.
    assert told(sample.ask("another.example", *shown_by(sample, BRAND))) == ("lock", "4-strict")
    verdict = told(sample.ask(host, *shown_by(sample, BRAND)))[0]
    assert verdict != "trusted"


@pytest.mark.parametrize("wearers", [1, 3, 30])
async def test_far_worse_ranked_wearers_are_suspects(sample: Any, wearers: int) -> None:
    for number in range(wearers):
        await crawled_showing(sample, f"late{number}.example", rank=95_000 + number)
    await sample.catch_up()
    await backdate(sample, 40)
    assert told(sample.ask(BRAND)) == ("trusted", "2-ranked")
    assert told(sample.ask(COPY)) == ("grey", "4-openly-worn")
    assert told(sample.ask("another.example", *shown_by(sample, BRAND))) == ("lock", "4-strict")
    assert sample.ask("another.example", *shown_by(sample, BRAND)).decision.looks_like[0].owner.site == BRAND


async def test_trust_takes_two_looks_by_the_crawl_a_month_apart(sample: Any) -> None:
    assert told(sample.ask("rowanwiki.example")) == ("first_use", "7-first")
    await backdate(sample, 40, fetched_again=False)
    assert told(sample.ask("rowanwiki.example")) == ("first_use", "7-first")
    await sample.run("UPDATE favicon_metadata SET crawled_at = now()")
    await sample.catch_up()
    assert told(sample.ask("rowanwiki.example")) == ("trusted", "2-seen")


async def test_a_site_whose_start_page_leads_to_a_brand_wears_nothing(sample: Any) -> None:
    """Cloaking: the crawler is sent on to the brand, visitors are not."""
    await crawled_showing(sample, "cloaked.example")
    await sample.run(
        "UPDATE page_visits SET final_url = 'https://lumora.example/' WHERE final_url LIKE '%cloaked%'"
    )
    await sample.catch_up()
    await backdate(sample, 40)
    assert told(sample.ask("cloaked.example", *shown_by(sample, BRAND))) == ("lock", "4-strict")


async def test_an_unranked_copy_that_was_crawled_once_is_no_owner(sample: Any) -> None:
    await crawled_showing(sample, "rowan-copy.example", like="confetti-storm.example")
    await sample.catch_up()
    assert told(sample.ask("confetti-storm.example")) == ("first_use", "7-first")
    # Its page has the icon from there.
    assert told(sample.ask("rowan-copy.example")) == ("grey", "5-hotlinked")


async def test_facts_are_filed_anew_when_the_lists_of_names_change(sample: Any) -> None:
    await sample.run("UPDATE site_facts SET site = 'example', seq = nextval('verdict_seq')")
    await sample.run("UPDATE verdict_epochs SET names_version = 'of an earlier version'")
    async with asyncio.timeout(60):
        await sample.catch_up()
    assert told(sample.ask(BRAND)) == ("trusted", "2-ranked")
    assert sample.judge.memory.site("example") is None


async def test_the_order_of_icons_and_of_sites_changes_nothing(sample: Any) -> None:
    """Known icons, unknown ones, damaged ones, without contrast, and hashes, in any order and repeated."""
    (brand, *_) = shown = shown_by(sample, BRAND)
    looks = looks_at(sample.follower.memory, brand.sha256)
    icons = [
        *shown,
        *shown_by(sample, "rowanwiki.example"),
        *shown_by(sample, "blanksheet.example"),
        AskedIcon(b"u" * 32),
        AskedIcon(b"u" * 32, looks),
        AskedIcon(b"u" * 32, error="decoder_timeout"),
        AskedIcon(b"u" * 32, error="decoder_died"),
        AskedIcon(b"e" * 32, error="truncated"),
        AskedIcon(brand.sha256, error="decoder_timeout"),
        AskedIcon(b"p" * 32, pdq=bytes(32)),
    ]
    hosts = [site.host for site in SITES[:12]] + [
        "rowanwiki.example",
        "blanksheet.example",
        "git.firm.example",
    ]
    judge = Judge(sample.follower, VerdictSettings(), time.time)

    @settings(max_examples=60, deadline=None)
    @given(st.permutations(hosts), st.data())
    def any_order(order: list[str], data: st.DataObject) -> None:
        some = data.draw(st.lists(st.sampled_from(icons), max_size=6))
        straight = {host: judge.judge(Asked.about(host, *some)).decision for host in hosts}
        turned = data.draw(st.permutations(some))
        assert {host: judge.judge(Asked.about(host, *turned)).decision for host in order} == straight

    any_order()


async def test_the_answer_tells_host_and_site_apart(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(crawled)
    icon = {"data": base64.b64encode(IconFile("lumora", (44,), Format.PNG).data).decode()}
    sites = [
        {"url": "https://git.firm.example/login", "icons": [icon]},
        {"url": "https://www.firm.example/"},
        {"url": "https://sites.google.com/view/x", "icons": [icon]},
        {"url": "http://8.8.8.8/", "icons": [icon]},
        {"url": "http://git.firm.lan/", "icons": [icon]},
    ]
    async with http.post("/x/v1/check", json={"sites": sites}) as answer:
        results = (await answer.json())["results"]
    assert [
        (one.get("host"), one.get("site"), one.get("applies_to"), one.get("verdict")) for one in results
    ] == [
        ("git.firm.example", "firm.example", "host", "lock"),
        ("www.firm.example", "firm.example", "host", "first_use"),
        ("sites.google.com", "sites.google.com", "page", "grey"),
        ("8.8.8.8", "8.8.8.8", "host", "lock"),
        (None, None, None, None),
    ]
    assert results[-1]["details"]["kind"] == "not_a_site"


async def test_what_people_host_themselves_accuses_nobody(sample: Any) -> None:
    """The crawl sees only the vendor wear the look: hosts below a front door it does not visit."""
    grafana = packaged_catalogue().vendors["Grafana"]
    await crawled_showing(sample, "grafana.com", like="tidepool.example", rank=900)
    await sample.catch_up()
    shown = shown_by(sample, "grafana.com")
    assert "grafana.com" in grafana.sites
    for host in ("grafana.firm.example", "firm.example", "8.8.8.8"):
        assert told(sample.ask(host, *shown))[1] != "3-common"
    # While a far better placed brand shows it too, it is the brand's.
    await sample.run(
        "DELETE FROM site_icons USING target_urls AS t "
        "WHERE t.id = target_url_id AND t.url LIKE '%tidepool.%'"
    )
    await sample.run("INSERT INTO site_changes (domain_id) SELECT id FROM domains")
    await sample.catch_up()
    for host in ("grafana.firm.example", "firm.example", "8.8.8.8"):
        assert told(sample.ask(host, *shown)) == ("first_use", "3-common")
    assert told(sample.ask("grafana-login.example", *shown))[0] == "lock"
