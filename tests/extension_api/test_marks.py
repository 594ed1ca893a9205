"""Who borrows a brand's name and shows its mark drawn anew is locked; who does one of both is not."""

from __future__ import annotations

import hashlib
import io
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


def asked(picture: Image.Image) -> AskedIcon:
    out = io.BytesIO()
    picture.save(out, "PNG")
    body = out.getvalue()
    looks = tuple(looks_given(looks_of_file(body)))
    return AskedIcon(hashlib.sha256(body).digest(), looks=looks)


def brands_icon() -> Image.Image:
    return Image.open(io.BytesIO(IconFile("lumora", (48,), Format.PNG).data)).convert("RGBA")


def hues_turned() -> AskedIcon:
    """The brand's icon with its hues turned by a third of the circle, which is another look."""
    icon = brands_icon()
    hsv = np.array(icon.convert("RGB").convert("HSV"))
    hsv[..., 0] += 85
    turned = Image.fromarray(hsv, "HSV").convert("RGB")
    turned.putalpha(icon.getchannel("A"))
    return asked(turned)


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
    steps = list(sample.judge.namesakes.steps(icon.sha256, icon.looks, "lumora-secure2.example"))
    assert 2 <= len(steps) <= 20 * MOST_OWNERS
    assert list(sample.judge.namesakes.steps(icon.sha256, icon.looks, "lumora-secure2.example")) == []
