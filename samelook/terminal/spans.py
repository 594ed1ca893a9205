"""Spans of time as people write them: 90s, 10m, 12h, 7d."""

from __future__ import annotations

import re
from datetime import timedelta

import typer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def span_of(text: str, option: str) -> timedelta:
    """The span that `text` names. Raises typer.BadParameter, naming the option."""
    span = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip())
    if span is None:
        raise typer.BadParameter("write a span such as 90s, 10m, 12h or 7d", param_hint=option)
    return timedelta(**{_UNITS[span[2]]: int(span[1])})
