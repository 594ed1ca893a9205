"""The sites of bench/weather. Their weather follows from their number, so that rounds are alike."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache

ZONE = "example"


@dataclass(frozen=True, slots=True)
class Site:
    """One site and its weather."""

    number: int
    reach: str
    """answers; or unknown (no such name), dumb (its name server says nothing), refused, silent, dropped."""
    latency_s: float
    tls: bool
    www: bool
    """The bare name redirects to www."""
    robots: str
    icons: int
    drip: str
    """Empty; slow: the page takes nine seconds; endless: it never ends."""


@cache
def site(number: int) -> Site:
    dice = random.Random(number)
    luck = dice.random()
    reach = "answers"
    for name, share in (
        ("unknown", 0.04), ("dumb", 0.01), ("refused", 0.03), ("silent", 0.04), ("dropped", 0.03)
    ):  # fmt: skip
        luck -= share
        if luck < 0:
            reach = name
            break
    # 30 to 800 ms, half of them below 155.
    latency_s = 0.03 * math.exp(dice.random() * math.log(800 / 30))
    robots = dice.choices(
        ("none", "allows", "some", "moved", "long", "delay", "error", "all"), (40, 30, 15, 5, 4, 2, 2, 2)
    )[0]
    drip = dice.choices(("", "slow", "endless"), (97, 2, 1))[0]
    return Site(
        number=number,
        reach=reach,
        latency_s=latency_s,
        tls=dice.random() < 0.8,
        www=dice.random() < 0.2,
        robots=robots,
        icons=dice.randint(1, 8),
        drip=drip,
    )


def number_of(host: str) -> int:
    """The site's number: `w17.example` and `www.w17.example` are 17. Raises ValueError."""
    name = host.partition(":")[0].removeprefix("www.").removesuffix(f".{ZONE}")
    if not name.startswith("w"):
        raise ValueError(host)
    return int(name[1:])
