"""Requests and answers about exchanges: they validate, and OpenAPI is made from them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from samelook.api.models import Own, Tag
from samelook.banks.limits import MOST_TAGS


class ExchangeCreate(BaseModel):
    bank: str = Field(
        description="The exchange's name and its new bank's: capital letters, digits, underscores."
    )
    api: str = Field(description="The exchange type.")
    api_json: dict[str, Any] = Field(
        default_factory=dict, description="The configuration that the type takes."
    )
    credential_json: Any = Field(
        default=None, description="Credentials of this exchange alone. Never shown again."
    )
    every_s: float | None = Field(default=None, description="Seconds between two fetches.")


class ExchangeUpdate(BaseModel):
    enabled: bool | None = Field(default=None, description="Off: not fetched; its bank goes on matching.")
    api_json: dict[str, Any] | None = Field(default=None, description="A new configuration, in full.")
    every_s: float | None = Field(default=None, description="Seconds between two fetches.")


class ExchangeConfigAnswer(BaseModel):
    """What the exchange type's configuration consists of, besides these."""

    model_config = ConfigDict(extra="allow")

    name: str
    api: str
    enabled: bool


class ExchangeTypeAnswer(BaseModel):
    supports_authentification: bool
    has_set_authentification: bool


class CredentialsBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    credential_json: Any = Field(description="Credentials; null or {} clears them.")


class CredentialsAnswer(BaseModel):
    supports_auth: bool
    has_credentials: bool
    source: Literal["exchange", "api", "environment", "file"] | None


class FieldAnswer(BaseModel):
    name: str
    type: str
    required: bool
    default: Any
    help: str
    choices: list[Any] | None


class FieldsAnswer(BaseModel):
    fields: list[FieldAnswer]


class SchemaAnswer(BaseModel):
    config_schema: FieldsAnswer
    credentials_schema: FieldsAnswer | None = Field(description="Null: the type takes none.")


class FetchStatusAnswer(BaseModel):
    checkpoint_ts: int | None = Field(
        description="It has been read up to this time, where the type can tell."
    )
    running_fetch_start_ts: int | None
    last_fetch_complete_ts: int | None
    last_fetch_succeeded: bool | None
    up_to_date: bool
    fetched_items: int


class FetchDetailsAnswer(FetchStatusAnswer):
    failures: int = Field(description="Failed fetches, one after the other until now.")
    error: dict[str, Any] | None = Field(description="Why the last fetch failed.")
    quarantined: int = Field(description="What could not be used, and has not been read well since.")
    next_fetch_ts: int | None
    rebuilding: bool = Field(description="Everything is being read anew, beside what is there.")
    held: bool = Field(description="It brought far more than usual, and waits for a person to release it.")


class ReleasedAnswer(BaseModel):
    released: int = Field(description="How many contents match from now on.")


class QuarantineQuery(Own):
    include_resolved: bool = Field(default=False, description="Also what has been read well since.")
    limit: int = Field(100, ge=1, le=1000)


class QuarantinedAnswer(BaseModel):
    id: str
    kind: str
    message: str
    raw: str | None = Field(description="As it came, cut off where it is long.")
    times: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None


class OpinionBody(Own):
    signal_type: str
    signal_value: str
    opinion: Literal["NEGATIVE_CLASS", "INVESTIGATION_SEED", "POSITIVE_CLASS"]
    tags: list[Tag] = Field(default_factory=list, max_length=MOST_TAGS)


class SeenBody(Own):
    signal_type: str
    signal_value: str


class QueuedAnswer(BaseModel):
    queued: bool = Field(description="False: the same was said of this signal before; it is said once.")


class SaidQuery(Own):
    limit: int = Field(100, ge=1, le=1000)


class SaidAnswer(BaseModel):
    kind: Literal["opinion", "seen"]
    signal_type: str
    signal_value: str
    opinion: str | None
    tags: list[str]
    state: str
    created_at: datetime
    sent_at: datetime | None
