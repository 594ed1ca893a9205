"""Requests and answers of matching and curation: they validate, and OpenAPI is made from them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

_Tag = Annotated[str, StringConstraints(min_length=1, max_length=255)]
_Note = Annotated[
    Annotated[str, StringConstraints(max_length=255)] | None,
    AfterValidator(lambda note: note or None),  # an empty one is none, as in HMA
]
_Pointer = Annotated[str, StringConstraints(max_length=4096)]
_ContentTypeName = Literal["photo", "video"]


class Message(BaseModel):
    """A sentence for people."""

    message: str


class ErrorAnswer(BaseModel):
    """Every error has this form."""

    message: str = Field(description="What happened, and what to do.")
    details: Any = Field(default=None, description="Facts for programs, when there are any.")


class HashQuery(BaseModel):
    url: str = Field(description="Where the media is: http or https, on a public address.", min_length=1)
    content_type: str | None = Field(
        default=None, description="photo or video, when the URL's server does not say."
    )
    types: str | None = Field(default=None, description="Signal types to compute, separated by commas.")


class UploadQuery(BaseModel):
    types: str | None = Field(default=None, description="Signal types to compute, separated by commas.")


class _Radius(BaseModel):
    radius: int | None = Field(
        default=None,
        ge=0,
        description="Matches differ in at most so many bits, instead of the signal type's own radius. It may "
        "be 63 of 256 bits, or 15 of 64; types that match by equality have none.",
    )


class _Coin(_Radius):
    banks: str | None = Field(default=None, description="Only these banks, separated by commas.")
    seed: str | None = Field(default=None, description="Makes the coin flip of enabled ratios repeatable.")
    bypass_coinflip: bool = Field(default=False, description="Ask every bank, whatever its enabled ratio.")
    include_metadata: bool = Field(default=False, description="With what is known of each content.")


class LookupQuery(_Coin):
    signal: str | None = Field(default=None, description="The signal to look up.")
    signal_type: str | None = Field(default=None, description="Its type.")
    url: str | None = Field(default=None, description="Instead: media to hash and look up.")
    content_type: str | None = Field(
        default=None, description="photo or video, when the URL's server does not say."
    )
    types: str | None = Field(
        default=None, description="Signal types to look up of the media, separated by commas."
    )


class LookupUploadQuery(_Coin):
    types: str | None = Field(default=None, description="Signal types to look up, separated by commas.")


class CompareQuery(_Radius):
    pass


class RawLookupQuery(_Radius):
    signal: str = Field(description="The signal to look up.")
    signal_type: str = Field(description="Its type.")
    banks: str | None = Field(default=None, description="Only these banks, separated by commas.")
    include_distance: bool = Field(default=False, description="Answer with distances.")


class MatchAnswer(BaseModel):
    bank_content_id: int
    distance: str = Field(description="In bits; '-' for types that match by equality.")
    signal: str | None = Field(default=None, description="Only with include_metadata: what is in the bank.")
    metadata: dict[str, Any] | None = Field(
        default=None,
        description="Only with include_metadata: of an exchange's content also owner, tags and opinion, of a "
        "crawled picture its sites.",
    )


BankMatches = dict[str, list[MatchAnswer]]


class RawLookupAnswer(BaseModel):
    matches: list[int | MatchAnswer]


class DistanceAnswer(BaseModel):
    distance: int


CompareAnswer = dict[
    str,
    Annotated[
        list[bool | DistanceAnswer],
        Field(min_length=2, max_length=2, description="Whether they match, and their distance."),
    ],
]


class CompareBody(BaseModel):
    """Two signals under the name of their type."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[list[str], Field(min_length=2, max_length=2)]]


class TypeQuery(BaseModel):
    signal_type: str | None = Field(default=None, description="Only this type.")


class IndexStatusAnswer(BaseModel):
    present: bool
    built_to: int = Field(
        description="Everything up to this time (seconds since 1970) is in; -1: not loaded."
    )
    size: int


class SignalTypeIndexAnswer(BaseModel):
    db_size: int
    index_size: int
    index_out_of_date: bool
    newest_db_item: int = Field(description="When it was added, in seconds since 1970; -1: there is none.")
    index_built_to: int


class BankAnswer(BaseModel):
    name: str
    matching_enabled_ratio: float = Field(description="The share of lookups that the bank takes part in.")


class BankDetailsAnswer(BankAnswer):
    description: str
    tags: list[str]
    active: bool = Field(description="Off: nothing of it matches.")
    radii: dict[str, int] = Field(
        description="How near a signal must be to match here, in bits, where not as the signal type has it."
    )
    owner: str | None = Field(description="Who alone may write to it: the crawl or an exchange.")
    contents: int | None = Field(default=None, description="How many contents it has.")
    signals: dict[str, int] | None = Field(default=None, description="How many signals it has of each type.")


class DetailsQuery(BaseModel):
    include_details: bool = Field(default=False, description="Also description, tags, switch and owner.")


class BankCreate(BaseModel):
    name: str = Field(description="Capital letters, digits and underscores, not beginning with a digit.")
    enabled: bool | None = Field(default=None, description="Short for a ratio of 1 or 0.")
    enabled_ratio: float | None = Field(
        default=None, description="The share of lookups to take part in, 0 to 1."
    )
    active: bool = True
    description: str = ""
    tags: list[_Tag] = Field(default_factory=list)
    radii: dict[str, int] = Field(
        default_factory=dict, description="Radii of its own, in bits, by signal type. Others have the type's."
    )


class BankUpdate(BaseModel):
    name: str | None = None
    enabled: bool | None = None
    enabled_ratio: float | None = None
    active: bool | None = None
    description: str | None = None
    tags: list[_Tag] | None = None
    radii: dict[str, int] | None = Field(default=None, description="All of them; {} for none of its own.")


class Metadata(BaseModel):
    """What a platform keeps of a content."""

    model_config = ConfigDict(extra="forbid")

    content_id: str | None = Field(default=None, max_length=4096)
    content_uri: str | None = Field(default=None, max_length=4096)
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
    tags: list[_Tag] = Field(default_factory=list)


class ContentAddQuery(BaseModel):
    url: str | None = Field(default=None, description="Where the media is.")
    content_type: str | None = None
    types: str | None = Field(default=None, description="Signal types to compute, separated by commas.")


class MemberAdd(BaseModel):
    """A content in HMA 1.0's manner: signals, and where the media is, or that it is not available."""

    model_config = ConfigDict(extra="forbid")

    signals: dict[str, str] = Field(min_length=1, description="A value for each signal type.")
    content_type: _ContentTypeName | None = None
    original_media_uri: _Pointer | None = None
    storage_bucket: _Pointer | None = None
    storage_key: _Pointer | None = None
    raw_content: str | None = Field(default=None, max_length=1_000_000)
    is_media_unavailable: bool = False
    metadata: Metadata | None = None
    notes: _Note = Field(default=None, validation_alias=AliasChoices("notes", "note"))
    tags: list[_Tag] = Field(default_factory=list)
    disable_until_ts: int = 1


class LineWords(BaseModel):
    """What may be said of signals that come without media, alone or as a line of a bulk load."""

    note: _Note = None
    metadata: Metadata | None = None
    tags: list[_Tag] = Field(default_factory=list)
    disable_until_ts: int = 1


class ContentUpdate(BaseModel):
    disable_until_ts: int | None = Field(
        None, description="0: disabled, 1: enabled, else enabled from then on."
    )
    note: _Note = None
    metadata: Metadata | None = None
    tags: list[_Tag] | None = None
    is_media_unavailable: bool | None = None

    @field_validator("disable_until_ts", "metadata", "tags", "is_media_unavailable")
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


class ContentDetailsAnswer(ContentAnswer):
    content_type: str | None
    storage_bucket: str | None
    storage_key: str | None
    raw_content: str | None
    is_media_unavailable: bool
    tags: list[str]
    signal_ids: dict[str, int]
    created_at: datetime
    updated_at: datetime


class PageQuery(BaseModel):
    page_size: int = Field(100, ge=1, le=1000)
    page_token: str | None = None


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


class SignalQuery(BaseModel):
    signal_type: str
    signal_value: str


class ChangesQuery(BaseModel):
    cursor: str | None = Field(default=None, description="From the last answer. None: from the beginning.")
    limit: int = Field(1000, ge=1, le=10_000)


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


class RefusedLine(BaseModel):
    line: int
    message: str


class BulkAnswer(BaseModel):
    added: int
    refused: int
    errors: list[RefusedLine] = Field(description="The first refused lines, with reasons.")
    first_id: int | None = None
    last_id: int | None = None


class SignalTypeAnswer(BaseModel):
    name: str
    enabled_ratio: float


class SignalTypeUpdate(BaseModel):
    enabled_ratio: float


class ContentTypeAnswer(BaseModel):
    name: str
    enabled: bool


class KeyCreate(BaseModel):
    name: str = Field(min_length=1, max_length=100)
    role: Literal["viewer", "curator", "admin"]


class KeyAnswer(BaseModel):
    id: int
    name: str
    role: str
    created_at: datetime


class NewKeyAnswer(KeyAnswer):
    key: str = Field(description="Shown now and never again.")
