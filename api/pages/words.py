"""Values as people read them on the pages: names that may break, numbers, times, hashes as drawings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_RECENT_DAYS = 14
_LONGEST_DETAIL = 400
_BIT = "M{x} {y}h1v1h-1z"


def breaking(name: object) -> Markup:
    """A site's name that may be broken behind dots and hyphens, so that it is never cut."""
    return escape(name).replace(".", Markup(".<wbr>")).replace("-", Markup("-<wbr>"))


def number(value: float | None) -> str:
    """A number with its thousands apart."""
    if value is None:
        return "none"
    return f"{value:,.0f}" if isinstance(value, int) or value >= 10 else f"{value:.1f}"  # noqa: PLR2004


def rank(value: int | None) -> str:
    """A rank in words."""
    return "not ranked" if value is None else f"rank {value:,}"


def moment(value: str | datetime | None) -> datetime | None:
    """A time of an answer."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value)


def ago(value: str | datetime | None) -> Markup:
    """A time as how long ago it was, with the time itself for whoever wants it exactly."""
    at = moment(value)
    if at is None:
        return Markup("never")
    seconds = (datetime.now(UTC) - at).total_seconds()
    exact = at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        exact.isoformat(), f"{exact:%Y-%m-%d %H:%M} UTC", _span(seconds, exact)
    )


def _span(seconds: float, at: datetime) -> str:
    if seconds < 0:
        return f"{at:%Y-%m-%d %H:%M}"
    if seconds < _MINUTE_S:
        return "just now"
    if seconds < _HOUR_S:
        return _plural(seconds // _MINUTE_S, "minute")
    if seconds < _DAY_S:
        return _plural(seconds // _HOUR_S, "hour")
    if seconds < _RECENT_DAYS * _DAY_S:
        return _plural(seconds // _DAY_S, "day")
    return f"{at:%Y-%m-%d}"


def _plural(count: float, word: str) -> str:
    return f"{count:.0f} {word}{'' if count == 1 else 's'} ago"


def shortened(detail: Mapping[str, Any] | str | None) -> str:
    """What an act changed, as `samelook inspect audit` writes it, and no longer than a cell may be."""
    if not detail:
        return ""
    text = detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)
    return text if len(text) <= _LONGEST_DETAIL else text[: _LONGEST_DETAIL - 1] + "\u2026"


def bits(value: str, other: str | None = None, label: str = "") -> Markup:
    """A hash in hex as a square of bits; where it differs from another, the bits are in the second colour."""
    size = len(value) * 4
    side = 1
    while side * side < size:
        side += 1
    ours = int(value, 16)
    theirs = ours if other is None or len(other) != len(value) else int(other, 16)
    set_bits, apart = [], []
    for place in range(size):
        mask = 1 << (size - 1 - place)
        path = _BIT.format(x=place % side, y=place // side)
        if (ours ^ theirs) & mask:
            apart.append(path)
        elif ours & mask:
            set_bits.append(path)
    return Markup(
        '<svg class="bits" role="img" aria-label="{}" viewBox="0 0 {} {}" shape-rendering="crispEdges">'
        '<path class="set" d="{}"/><path class="apart" d="{}"/></svg>'
    ).format(label or "hash as bits", side, -(-size // side), "".join(set_bits), "".join(apart))


def spark(values: list[float], label: str) -> Markup:
    """Numbers over time as a small line."""
    most = max([*values, 1e-9])
    step = 90 / max(1, len(values) - 1)
    points = " ".join(f"{at * step:.1f},{15 - 13 * value / most:.1f}" for at, value in enumerate(values))
    return Markup(
        '<svg class="spark" role="img" aria-label="{}" viewBox="0 0 90 16" preserveAspectRatio="none">'
        '<polyline points="{}"/></svg>'
    ).format(label, points)


FILTERS: dict[str, Callable[..., Any]] = {
    "breaking": breaking,
    "number": number,
    "rank": rank,
    "ago": ago,
    "shortened": shortened,
    "bits": bits,
    "spark": spark,
}
