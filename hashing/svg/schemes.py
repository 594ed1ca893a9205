"""The dark scheme, which parts of a document may choose although it is shown in the light one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import tinycss2

from samelook.hashing.svg.mathematics import split_at_commas, without_space

_DARK: Final = {
    "canvas": "#121212", "canvastext": "#ffffff", "field": "#3b3b3b", "fieldtext": "#ffffff",
    "buttonface": "#6b6b6b", "buttontext": "#ffffff", "linktext": "#9e9eff", "visitedtext": "#d0adf0",
    "activetext": "#ff9e9e", "graytext": "#808080",
}  # fmt: skip


def is_dark(tokens: Sequence[Any]) -> bool:
    """Whether a `color-scheme` leaves the dark one alone."""
    words = {token.lower_value for token in tokens if token.type == "ident"}
    return "dark" in words and "light" not in words


def darkened(tokens: Sequence[Any]) -> list[Any]:
    """A value as it is in the dark scheme."""
    found: list[Any] = []
    for token in tokens:
        if token.type == "function" and token.lower_name == "light-dark":
            choices = split_at_commas(without_space(token.arguments))
            found += darkened(choices[1]) if len(choices) == 2 else [token]  # noqa: PLR2004
        elif token.type == "ident" and token.lower_value in _DARK:
            found += tinycss2.parse_component_value_list(_DARK[token.lower_value])
        else:
            found.append(token)
    return found
