"""Requests and answers of hashing, matching, banks and keys: they validate, and OpenAPI is made from them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from samelook.banks.limits import LONGEST_TAG

Tag = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TAG)]


class Own(BaseModel):
    """What only we take: a field that is not known here may be a misspelt one, and is refused."""

    model_config = ConfigDict(extra="forbid")


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
    include_metadata: bool = Field(
        default=False, description="Answer with distances, banks, and what is known of each content."
    )


class MatchAnswer(BaseModel):
    bank_content_id: int
    distance: str = Field(description="In bits; '-' for types that match by equality.")
    bank: str | None = Field(default=None, description="Only in raw lookups with include_metadata.")
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
    """A type of one's own may say something else, or nothing."""

    model_config = ConfigDict(extra="allow")

    distance: int | float | str | None = None


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
    id: int
    description: str
    tags: list[str]
    active: bool = Field(description="Off: nothing of it matches.")
    negative: bool = Field(description="A match here mutes the other banks: it holds what must not match.")
    radii: dict[str, int] = Field(
        description="How near a signal must be to match here, in bits, where not as the signal type has it."
    )
    owner: str | None = Field(description="Who alone may write to it: the crawl or an exchange.")
    created_at: datetime
    updated_at: datetime = Field(description="When the bank itself changed, not what is in it.")
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
    negative: bool = Field(default=False, description="A match here mutes the other banks.")
    description: str = ""
    tags: list[Tag] = Field(default_factory=list)
    radii: dict[str, int] = Field(
        default_factory=dict, description="Radii of its own, in bits, by signal type. Others have the type's."
    )


class BankUpdate(BaseModel):
    name: str | None = None
    enabled: bool | None = None
    enabled_ratio: float | None = None
    active: bool | None = None
    negative: bool | None = None
    description: str | None = None
    tags: list[Tag] | None = None
    radii: dict[str, int] | None = Field(default=None, description="All of them; {} for none of its own.")


class SignalTypeAnswer(BaseModel):
    name: str
    enabled_ratio: float


class SignalTypeUpdate(BaseModel):
    enabled_ratio: float


class ContentTypeAnswer(BaseModel):
    name: str
    enabled: bool
