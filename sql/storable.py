"""Text and JSON from the web, made fit for Postgres."""

from __future__ import annotations

import json
from typing import Any


def storable(text: str) -> str:
    """`text` with U+FFFD for what Postgres's `text` and `jsonb` cannot hold: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def is_storable(text: str) -> bool:
    """Whether Postgres's `text` can hold it as it is: no NUL, and no half of a surrogate pair."""
    return storable(text) == text


def storable_or_none(text: str | None) -> str | None:
    """`storable`, where there is a text."""
    return None if text is None else storable(text)


def storable_json(value: Any) -> str:
    """`value` as JSON text whose strings are all storable; what JSON does not know becomes a string."""
    return json.dumps(_cleaned(value), default=lambda other: storable(str(other)), ensure_ascii=False)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key)): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value
