"""Requests and answers about the contents of banks: they validate, and OpenAPI is made from them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from samelook.api.models import BankAnswer, Own, Tag
from samelook.banks.details import LONGEST_NOTE, LONGEST_POINTER, LONGEST_RAW_CONTENT, member_types

_Note = Annotated[
    Annotated[str, StringConstraints(max_length=LONGEST_NOTE)] | None,
    AfterValidator(lambda note: note or None),  # an empty one is none, as in HMA
]
_Pointer = Annotated[str, StringConstraints(max_length=LONGEST_POINTER)]


def _known_member_type(name: str) -> str:
    if name not in (known := member_types()):
        raise ValueError(f"is one of {', '.join(known)}")
    return name


MemberType = Annotated[
    str,
    AfterValidator(_known_member_type),
    Field(description="photo, video, text, or a type of SAMELOOK_CONTENT_TYPES."),
]


class Metadata(BaseModel):
    """What a platform keeps of a content."""

    model_config = ConfigDict(extra="forbid")

    content_id: str | None = Field(default=None, max_length=LONGEST_POINTER)
    content_uri: str | None = Field(default=None, max_length=LONGEST_POINTER)
    json_data: dict[str, Any] | None = Field(default=None, alias="json")
    collab: Any = Field(
        default=None, exclude=True, description="What exchanges say. Not taken: it is there to be read."
    )

    def stored(self) -> dict[str, Any]:
        """Without what was not given."""
        return self.model_dump(by_alias=True, exclude_none=True)


class ContentAdd(BaseModel):
    """What may come as JSON beside or instead of a file."""

    url: str | None = Field(default=None, description="Where the media is; may also be a query parameter.")
    metadata: Metadata | None = None
    note: _Note = None
    tags: list[Tag] = Field(default_factory=list)


class ContentAddQuery(BaseModel):
    url: str | None = Field(default=None, description="Where the media is.")
    content_type: str | None = None
    types: str | None = Field(default=None, description="Signal types to compute, separated by commas.")


class MemberAdd(Own):
    """A content in HMA 1.0's manner: signals, and where the media is, or that it is not available."""

    signals: dict[str, str] = Field(
        default_factory=dict,
        description="A value for each signal type. None: it is known by its text or pointer, and matches "
        "nothing until signals are added.",
    )
    content_type: MemberType | None = None
    original_media_uri: _Pointer | None = None
    storage_bucket: _Pointer | None = None
    storage_key: _Pointer | None = None
    raw_content: str | None = Field(default=None, max_length=LONGEST_RAW_CONTENT)
    is_media_unavailable: bool = False
    metadata: Metadata | None = None
    notes: _Note = Field(default=None, validation_alias=AliasChoices("notes", "note"))
    tags: list[Tag] = Field(default_factory=list)
    disable_until_ts: int = 1


class LineWords(Own):
    """Optional fields of a content that is added by its hashes alone, by a request or a bulk load's line."""

    note: _Note = None
    metadata: Metadata | None = None
    tags: list[Tag] = Field(default_factory=list)
    disable_until_ts: int = 1


class ContentUpdate(BaseModel):
    disable_until_ts: int | None = Field(
        None, description="0: disabled, 1: enabled, else enabled from then on."
    )
    note: _Note = None
    metadata: Metadata | None = None
    tags: list[Tag] | None = None
    is_media_unavailable: bool | None = None
    confirmed: bool | None = Field(
        None,
        description="What people found: false for a false positive, which also disables it, true also "
        "enables it, unless `disable_until_ts` says otherwise; null takes back what was said. An exchange "
        "that takes opinions is told of true and false.",
    )
    removed: bool | None = Field(None, description="false takes back a removal, true removes it.")
    signals: dict[str, str] | None = Field(
        None, description="Signals to add, of types that it has none of; not in an exchange's bank."
    )
    content_type: MemberType | None = None
    original_media_uri: _Pointer | None = None
    storage_bucket: _Pointer | None = None
    storage_key: _Pointer | None = None
    raw_content: str | None = Field(default=None, max_length=1_000_000)

    @field_validator("disable_until_ts", "metadata", "tags", "is_media_unavailable", "removed", "signals")
    @classmethod
    def _given_is_not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("is not null: leave it out to keep what there is")
        return value


class ContentQuery(BaseModel):
    include_signals: bool = False
    include_metadata: bool = True
    signal_type: str | None = Field(
        default=None, description="Include the signal of this type, if it has one."
    )
    include_details: bool = False
    include_removed: bool = Field(
        default=False, description="Show it also when it has been removed and can be taken back."
    )


class AddedAnswer(BaseModel):
    id: int
    signals: dict[str, str]


class SignalAnswer(BaseModel):
    id: int = Field(description="The same in every bank.")
    signal_type: str
    signal_value: str


class ContentAnswer(BaseModel):
    id: int
    disable_until_ts: int
    collab_metadata: dict[str, list[str]]
    original_media_uri: str | None
    bank: BankAnswer
    metadata: dict[str, Any] | None = Field(default=None, description="Left out when there is none.")
    note: str | None = Field(default=None, description="Left out when there is none.")
    signals: dict[str, str] | None = Field(default=None, description="Only with include_signals=true.")


class ChangedAnswer(ContentAnswer):
    user_metadata: dict[str, Any] | None = Field(
        description="What operators say, without the exchange's words."
    )


class ContentDetailsAnswer(ContentAnswer):
    content_type: str | None
    storage_bucket: str | None
    storage_key: str | None
    raw_content: str | None
    is_media_unavailable: bool
    tags: list[str]
    confirmed: bool | None = Field(description="What people here found; null: nobody has looked.")
    signal_ids: dict[str, int]
    created_at: datetime
    updated_at: datetime
    removed: bool
    removed_at: datetime | None
    removed_by: str | None


class PageQuery(Own):
    page_size: int = Field(100, ge=1, le=1000)
    page_token: str | None = None


class ContentsQuery(PageQuery):
    content_type: MemberType | None = Field(default=None, description="Only contents of this type.")
    signal_type: str | None = Field(default=None, description="Only contents with a signal of this type.")


class ContentsPage(BaseModel):
    contents: list[ContentDetailsAnswer]
    next_page_token: str | None = Field(description="Null on the last page.")


class DeletedAnswer(BaseModel):
    deleted: int


class MemberAnswer(BaseModel):
    content_id: int
    bank: str
    disable_until_ts: int


class MembersPage(BaseModel):
    signal: SignalAnswer
    members: list[MemberAnswer]
    next_page_token: str | None


class SignalQuery(Own):
    signal_type: str
    signal_value: str


class ChangesQuery(Own):
    cursor: str | None = Field(default=None, description="From the last answer. None: from the beginning.")
    limit: int = Field(1000, ge=1, le=10_000)
    signal_type: str | None = Field(
        default=None, description="Only contents that have a signal of this type."
    )


class ChangeAnswer(BaseModel):
    content_id: int
    bank: str
    removed: bool
    disable_until_ts: int
    changed_at: datetime
    signals: list[SignalAnswer]


class ChangesAnswer(BaseModel):
    changes: list[ChangeAnswer]
    cursor: str
    more: bool = Field(description="There are more just now.")


class BulkQuery(Own):
    signal_type: str | None = Field(
        default=None, description="The type of values that come without one, in text/csv and text/plain."
    )


class RefusedLine(BaseModel):
    line: int
    message: str


class BulkAnswer(BaseModel):
    added: int
    refused: int
    errors: list[RefusedLine] = Field(description="The first refused lines, with reasons.")
    first_id: int | None = None
    last_id: int | None = None
