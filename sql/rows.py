"""What stands in the rows that named queries return, for the type checker.

asyncpg's records are read like mappings. Each type here says which columns are read from the rows of some
queries, and what is in them; `ROWS` says of which. tests/sql/test_rows.py asks Postgres whether it is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypedDict


class DomainFacts(TypedDict):
    """What the crawl has found out about a domain."""

    domain_id: int
    site: str
    host: str
    trusted_position: int | None
    new_position: int | None
    n_hosts: int | None
    visited: bool
    redirect_host: str | None
    discovery_error: str | None
    hashing_errors: list[str]


class NumberedFacts(DomainFacts):
    """The same with the number of its last change."""

    seq: int


class ShownPicture(TypedDict):
    """A picture that a domain shows, or has shown: `since` and `gone_since` are seconds since 1970."""

    domain_id: int
    sha256: bytes
    icon_url: str
    md5: bytes
    confirmed: bool
    displayed_by: str
    since: float
    gone_since: float | None


class NumberedPicture(ShownPicture):
    """The same with the number of its last change."""

    seq: int


class PictureLooks(TypedDict):
    """The looks of a picture, frame by frame; None for a frame that shows nothing."""

    sha256: bytes
    ids: list[int]
    looks: list[bytes | None]


class SmallChange(TypedDict):
    """What of one client or site has changed: an allowlist, the operator's lists, reports, families."""

    id: int
    kind: str
    key: str


class AllowlistEntry(TypedDict):
    """An entry of a client's allowlist, until a time in seconds since 1970 or for good."""

    client_id: int
    site: str
    expires_at: float | None


class ListedSite(TypedDict):
    """An entry of the operator's lists, until a time in seconds since 1970 or for good."""

    site: str
    list: str
    expires_at: float | None


class ReportWeight(TypedDict):
    """What the reports of one kind on a site weigh, and how often was asked about it."""

    site: str
    kind: str
    weight: float
    asked: float


class FamilyProof(TypedDict):
    """Two sites that somebody has proved to belong together."""

    site: str
    other: str
    proof: Literal["operator", "not_related"]


class _Leased(TypedDict):
    inputs: list[int]
    scanned: int


class Claimed(_Leased, total=False):
    """Inputs that a crawl worker has leased, and how many entries of an index were looked at for them."""

    attempts: list[int]
    """How often each was claimed before, where others have failed at it."""


class BankRow(TypedDict):
    """A bank as it is stored; `radii` is JSON."""

    id: int
    name: str
    enabled_ratio: float
    active: bool
    negative: bool
    description: str
    tags: list[str]
    owner: Literal["crawl", "exchange"] | None
    radii: Any
    created_at: datetime
    updated_at: datetime


class SignalRow(TypedDict):
    """A value of a type of signals, with its id in every bank."""

    id: int
    type: str
    value: bytes


class SignalOfContent(SignalRow):
    """A signal, and the content that has it."""

    content_id: int


class MemberRow(TypedDict):
    """A content that has a signal, and its bank."""

    id: int
    disable_until_ts: int
    bank_name: str


ROWS: Mapping[tuple[str, str], type] = {
    ("verdicts", "facts_after"): NumberedFacts,
    ("verdicts", "looks_after"): NumberedPicture,
    ("verdicts", "looks_of_pictures"): PictureLooks,
    ("verdicts", "changes_since"): SmallChange,
    ("verdicts", "allowlist_entries"): AllowlistEntry,
    ("verdicts", "operator_entries"): ListedSite,
    ("verdicts", "weights_of_reports"): ReportWeight,
    ("verdicts", "all_weights_of_reports"): ReportWeight,
    ("verdicts", "stated_families"): FamilyProof,
    **dict.fromkeys(
        [("queue", f"claim_{what}") for what in ("fresh", "requested", "stale", "failed", "expired")], Claimed
    ),
    **dict.fromkeys([("banks", f"{what}_bank") for what in ("get", "create", "update")], BankRow),
    ("banks", "list_banks"): BankRow,
    ("banks", "get_signal"): SignalRow,
    ("banks", "find_signal"): SignalRow,
    ("banks", "signals_of_contents"): SignalOfContent,
    ("banks", "members_of_signal"): MemberRow,
}
"""By file and name of the query; the crawl's queue has one file for its three phases."""
