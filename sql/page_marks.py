"""Where a page of rows ended, as one word that whoever reads on hands back as they got it."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any


class BadPageMark(ValueError):
    """The word is no mark, or one of another list."""


def page_mark(*values: str | int) -> str:
    """The word for these values: the sort key of the page's last row, and what the list is of."""
    text = json.dumps(values, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_page_mark(mark: str, *kinds: type) -> list[Any]:
    """The values of a mark, which are of these types. Raises BadPageMark."""
    try:
        values = json.loads(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise BadPageMark("This is no page mark.") from error
    if (
        not isinstance(values, list)
        or len(values) != len(kinds)
        or any(type(value) is not kind for value, kind in zip(values, kinds, strict=True))
    ):
        raise BadPageMark("This is a page mark of another list.")
    return values
