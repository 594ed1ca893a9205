"""What may be said of a content besides its signals, and the rules for it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import BadContent
from .signal_types import content_types
from .store import check_storable, check_texts

DISABLED, ENABLED = 0, 1
LONGEST_NOTE = 255
LONGEST_METADATA = 65_536
LONGEST_RAW_CONTENT = 1_000_000
LONGEST_POINTER = 4096
_FIVE_YEARS_S = 5 * 365 * 86_400


POINTERS = ("content_type", "original_media_uri", "storage_bucket", "storage_key", "raw_content")
"""What a content is and where it is kept; of an exchange's this is what the exchange says."""


@dataclass(frozen=True, slots=True)
class Details:
    """What may be said of a content besides its signals."""

    content_type: str | None = None
    original_media_uri: str | None = None
    storage_bucket: str | None = None
    storage_key: str | None = None
    raw_content: str | None = None
    media_unavailable: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None
    tags: Sequence[str] = ()
    disable_until_ts: int = ENABLED
    confirmed: bool | None = None
    """What people found who looked at it; False for a false positive, None when nobody has."""


def member_types() -> tuple[str, ...]:
    """What a content may be. Texts have no signals of our own; types of others may have."""
    return tuple(dict.fromkeys((*content_types(), "text")))


def enabled(disable_until_ts: int, now: float) -> bool:
    """Whether a content takes part in lookups: 0 is never, 1 always, else from that time on."""
    return disable_until_ts == ENABLED or DISABLED < disable_until_ts <= now


def check_details(details: Details) -> None:
    """Raises BadContent for what is too long, out of range, or cannot be stored."""
    if details.content_type not in (None, *(known := member_types())):
        raise BadContent(
            f"No such content_type: {details.content_type!r}. There are {', '.join(known)}.",
            field="content_type",
        )
    for name, most in (
        ("note", LONGEST_NOTE),
        ("original_media_uri", LONGEST_POINTER),
        ("storage_bucket", LONGEST_POINTER),
        ("storage_key", LONGEST_POINTER),
        ("raw_content", LONGEST_RAW_CONTENT),
    ):
        text: str | None = getattr(details, name)
        if text is not None and len(text) > most:
            raise BadContent(f"{name} has at most {most} characters, not {len(text)}.", field=name)
        check_storable(text)
    check_texts("", details.tags or ())
    check_metadata(details.metadata or {})
    _check_time(details.disable_until_ts)


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """Raises BadContent for metadata that is too large or cannot be stored as JSON."""
    try:
        text = json.dumps(metadata, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError) as error:
        raise BadContent(f"metadata is no JSON that can be stored: {error}", field="metadata") from error
    if len(text) > LONGEST_METADATA:
        raise BadContent(f"metadata has at most {LONGEST_METADATA} characters.", field="metadata")
    if "\\u0000" in text:
        raise BadContent("metadata holds a NUL character, which cannot be stored.", field="metadata")


def _check_time(disable_until_ts: int | None) -> None:
    if disable_until_ts is None:
        return
    if disable_until_ts < 0:
        raise BadContent("disable_until_ts must be a non-negative integer", field="disable_until_ts")
    if disable_until_ts > time.time() + _FIVE_YEARS_S:
        raise BadContent(
            "disable_until_ts must be less than 5 years in the future; it counts seconds since 1970",
            field="disable_until_ts",
        )


def shown_metadata(metadata: Mapping[str, Any], shared: Mapping[str, Any] | None) -> dict[str, Any]:
    """What operators and an exchange say of a content, as its metadata.

    The exchange's words are under `json`, where an operator's go before them, and its record's key is under
    `collab`, as HMA has it.
    """
    if shared is None:
        return dict(metadata)
    merged = {**metadata, "json": {**shared, **(metadata.get("json") or {})}}
    if shared.get("key") is not None:
        merged["collab"] = {shared.get("exchange"): [shared["key"]]}
    return merged
