"""A site that gives itself out for a brand and shows its mark drawn anew is locked; neither alone locks."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from samelook.demo.sample_web.pictures import Format, IconFile
from samelook.facts.claimed_marks import MOST_OWNERS, MOST_PICTURES
from samelook.facts.evidence import Claim
from samelook.facts.questions import Asked, AskedIcon
from samelook.facts.settings import VerdictSettings
from samelook.looks.files import looks_of_file
from samelook.looks.likeness import looks_given
from samelook.names.sites import Site
from tests.extension_api.conftest import asking_about

BRAND = "lumora.example"


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def asked(picture: Image.Image) -> AskedIcon:
    body = png(picture)
    looks = tuple(looks_given(looks_of_file(body)))
    return AskedIcon(hashlib.sha256(body).digest(), looks=looks)


def brands_icon() -> Image.Image:
    return Image.open(io.BytesIO(IconFile("lumora", (48,), Format.PNG).data)).convert("RGBA")


def hues_turned() -> AskedIcon:
    return asked(turned_icon())


def turned_icon() -> Image.Image:
    """The brand's icon with its hues turned by a third of the circle, which is another look."""
    icon = brands_icon()
    hsv = np.array(icon.convert("RGB").convert("HSV"))
    hsv[..., 0] += 85
    turned = Image.fromarray(hsv, "HSV").convert("RGB")
    turned.putalpha(icon.getchannel("A"))
    return turned


@pytest.mark.parametrize("name", ["lumora-secure2", "lum0ra", "mylumora", "secure-lumorra"])
def test_a_borrowed_name_and_the_mark_lock(sample: Any, name: str) -> None:
    judged = sample.ask(f"{name}.example", hues_turned())
    assert (str(judged.decision.verdict), judged.decision.reasons[0].rule) == ("lock", "4-mark")
    assert judged.decision.codes[0] == "same_mark"
    found = judged.decision.looks_like[0]
    assert (found.owner.site, found.under) == (BRAND, "mark")


def test_the_mark_without_the_name_is_nothing(sample: Any) -> None:
    assert str(sample.ask("flowers.example", hues_turned()).decision.verdict) == "first_use"


def test_the_name_without_the_mark_is_nothing(sample: Any) -> None:
    other = asked(Image.open(io.BytesIO(IconFile("kestrelshop", (48,), Format.PNG).data)).convert("RGBA"))
    assert "same_mark" not in sample.ask("lumora-flowers.example", other).decision.codes


def test_the_very_name_under_another_suffix_is_warned_of(sample: Any) -> None:
    """It may be the brand's own domain, with a mark that it drew anew itself."""
    judged = sample.ask("lumora.org", hues_turned())
    assert (str(judged.decision.verdict), judged.decision.reasons[0].rule) == ("grey", "4-same-name")


def test_what_is_alike_besides_is_told_as_a_likeness(sample: Any) -> None:
    judged = sample.ask("lumora-login.example", asked(brands_icon()))
    assert str(judged.decision.verdict) == "lock"
    assert judged.decision.looks_like[0].under in {"strict", "standard", "wide"}


TITLED = "Sign in to your account \N{EN DASH} Lumora"


def asking(host: str, icon: AskedIcon, title: str = TITLED, *, password: bool = True) -> Asked:
    return replace(Asked.about(host, icon), title=title, asks_password=password)


def test_a_title_that_names_the_brand_and_the_mark_lock_where_a_password_is_asked_for(sample: Any) -> None:
    judged = sample.judge.judge(asking("flowers.example", hues_turned()))
    assert (str(judged.decision.verdict), judged.decision.reasons[0].rule) == ("lock", "4-mark")
    assert judged.decision.reasons[0].detail["claim"] == "title"
    judged = sample.judge.judge(asking("flowers.example", hues_turned(), password=False))
    assert (str(judged.decision.verdict), judged.decision.reasons[0].rule) == ("grey", "4-titled")


@pytest.mark.parametrize("title", ["", "Flowers", "Lumorama", "Kestrelshop"])
def test_other_titles_and_the_mark_are_nothing(sample: Any, title: str) -> None:
    judged = sample.judge.judge(asking("flowers.example", hues_turned(), title))
    assert str(judged.decision.verdict) == "first_use"


def test_the_title_without_the_mark_is_nothing(sample: Any) -> None:
    other = asked(Image.open(io.BytesIO(IconFile("kestrelshop", (48,), Format.PNG).data)).convert("RGBA"))
    assert "same_mark" not in sample.judge.judge(asking("flowers.example", other)).decision.codes


def test_the_mark_from_the_brands_own_door_locks(sample: Any) -> None:
    """It may be an icon that the brand serves and the crawl has not seen yet."""
    icon = replace(hues_turned(), source=Site(BRAND))
    judged = sample.judge.judge(asking("flowers.example", icon, "", password=False))
    assert (str(judged.decision.verdict), judged.decision.reasons[0].detail["claim"]) == ("lock", "icon")
    elsewhere = replace(hues_turned(), source=Site("kestrelshop.example"))
    assert str(sample.judge.judge(asking("flowers.example", elsewhere, "")).decision.verdict) == "first_use"


async def test_what_the_page_says_comes_over_http_and_is_not_kept(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(crawled)
    data = base64.b64encode(png(turned_icon())).decode()
    page = {"title": TITLED + " Zebrafinch", "asks_password": True}
    for icon, more, verdict in (
        ({"data": data}, {}, "first_use"),
        ({"data": data}, {"page": page}, "lock"),
        ({"data": data}, {"page": {**page, "asks_password": False}}, "grey"),
        ({"data": data, "url": f"https://www.{BRAND}/new.png?secret"}, {}, "lock"),
        ({"data": data, "url": f"https://cdn.{BRAND}/new.png"}, {}, "first_use"),
        ({"data": data, "url": "blob:nonsense"}, {}, "first_use"),
    ):
        question = {"url": "flowers.example", "icons": [icon], **more}
        async with http.post("/x/v1/check", json=question) as told:
            answer = await told.json()
        assert answer["verdict"] == verdict, question
        assert "Zebrafinch" not in str(answer)
        assert "secret" not in str(answer)
    for wrong in ({"title": "x" * 1001}, {"title": 5}, {"words": ""}, "Lumora"):
        async with http.post("/x/v1/check", json={"url": "flowers.example", "page": wrong}) as told:
            assert told.status == 400


async def test_the_rule_can_be_left_out(crawled: Any) -> None:
    sample = await asking_about(crawled, VerdictSettings(look_model=False))
    assert str(sample.ask("lumora-secure2.example", hues_turned()).decision.verdict) == "first_use"


def test_the_steps_do_the_work_once(sample: Any) -> None:
    icon = hues_turned()
    stuffed = " ".join(site.partition(".")[0] for site in sample.judge.memory.sites)
    for host, title, claim in (
        ("lumora-secure2.example", "", Claim.NAME),
        ("flowers.example", stuffed, Claim.TITLE),
    ):
        question = icon, icon.looks, replace(Asked.about(host, icon), title=title), time.time()
        steps = list(sample.judge.marks.steps(*question))
        assert 2 <= len(steps) <= 1 + 2 * MOST_OWNERS[claim] * MOST_PICTURES[claim]
        assert list(sample.judge.marks.steps(*question)) == []


async def test_the_page_shows_where_the_marks_agree(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(crawled)
    icon = {"data": base64.b64encode(png(turned_icon())).decode()}
    async with http.post("/x/v1/check", json={"url": "lumora-secure2.example", "icons": [icon]}) as told:
        answer = await told.json()
    assert answer["verdict"] == "lock"
    like = answer["looks_like"][0]
    assert (like["site"], like["under"], like["pdq"], like["colour"]) == (BRAND, "mark", None, None)
    for language, words in (("en", "gives itself out for it"), ("de", "gibt sich dafür aus")):
        async with http.get(f"{answer['why']}?lang={language}", headers={"Accept": "text/html"}) as page:
            text = await page.text()
        assert words in text
        assert "/x/v1/icons/" + like["sha256"]["asker"] not in text, "what only a client sent is not kept"
        shown = re.search(r'<img src="data:image/png;base64,([^"]+)"', text)
        assert shown is not None
        drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown[1]))))
        assert drawn.shape == (128, 384, 3)
        both = drawn[:, 256:].reshape(-1, 3).astype(int)
        assert (both[:, 1] > both[:, 0] + both[:, 2]).mean() > 0.2, "most of the mark is green"
