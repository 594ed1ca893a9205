"""A site that borrows a brand's name and shows its mark drawn anew is locked; either alone does not lock."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image

from samelook.demo.sample_web.pictures import Format, IconFile
from samelook.facts.gathering import AskedIcon
from samelook.facts.namesake_marks import MOST_OWNERS
from samelook.facts.settings import VerdictSettings
from samelook.looks.files import looks_of_file
from samelook.looks.likeness import looks_given
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


async def test_the_rule_can_be_left_out(crawled: Any) -> None:
    sample = await asking_about(crawled, VerdictSettings(look_model=False))
    assert str(sample.ask("lumora-secure2.example", hues_turned()).decision.verdict) == "first_use"


def test_the_steps_do_the_work_once(sample: Any) -> None:
    icon = hues_turned()
    question = icon.sha256, icon.looks, "lumora-secure2.example", time.time()
    steps = list(sample.judge.namesakes.steps(*question))
    assert 2 <= len(steps) <= 20 * MOST_OWNERS
    assert list(sample.judge.namesakes.steps(*question)) == []


async def test_the_page_shows_where_the_marks_agree(crawled: Any, serve_extension: Any) -> None:
    http = await serve_extension(crawled)
    icon = {"data": base64.b64encode(png(turned_icon())).decode()}
    async with http.post("/x/v1/check", json={"url": "lumora-secure2.example", "icons": [icon]}) as told:
        answer = await told.json()
    assert answer["verdict"] == "lock"
    like = answer["looks_like"][0]
    assert (like["site"], like["under"], like["pdq"], like["colour"]) == (BRAND, "mark", None, None)
    for language, words in (("en", "borrows its name"), ("de", "leiht sich den Namen")):
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
