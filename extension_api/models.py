"""Requests and answers of the extension's routes; the OpenAPI document comes from the same models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SkipValidation,
    StringConstraints,
)

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$")]
Url = Annotated[str, StringConstraints(min_length=1, max_length=8192)]
LONGEST_KEY = 200
LONGEST_TITLE = 1000
Key = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_KEY)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Icon(_Request):
    """An icon as the browser shows it: by its SHA-256, as bytes, or as signals. `data` wins over others."""

    url: Annotated[str, StringConstraints(max_length=8192)] | None = None
    """Where the browser has it from. Only the host is used: a copy may send browsers to the owner for it."""
    sha256: Sha256 | None = None
    data: str | None = None
    """Base64."""
    signals: dict[Annotated[str, StringConstraints(max_length=40)], str] | None = Field(
        default=None, max_length=20
    )


class PageSeen(_Request):
    """What the asker sees of the page besides its icon: used for this question, and never kept."""

    title: Annotated[str, StringConstraints(max_length=LONGEST_TITLE)] = ""
    """Whole, or no more of it than names a trusted site."""
    asks_password: bool = False


class SiteQuestion(_Request):
    """A site by its URL or, better, its host alone; paths are never kept."""

    url: Url = Field(validation_alias=AliasChoices("url", "site", "host"))
    icons: list[Icon] = Field(default_factory=list, max_length=1000)
    """How many are taken is a setting; this keeps the rest from being looked at."""
    page: PageSeen | None = None


class CheckRequest(_Request):
    """Several sites at once."""

    sites: list[SkipValidation[SiteQuestion]] = Field(min_length=1, max_length=100_000)
    """Each as a question about one site; one that is wrong has its error in its place."""


class CheckQuestion(RootModel[SiteQuestion | CheckRequest]):
    """What `/x/v1/check` takes: a site, or several."""


class ReportRequest(_Request):
    url: Url = Field(validation_alias=AliasChoices("url", "site", "host"))
    kind: Literal["unlock", "flag", "false_lock"]
    looks_like: Annotated[str, StringConstraints(max_length=253)] | None = None
    idempotency_key: Key | None = None


class AllowRequest(_Request):
    url: Url = Field(validation_alias=AliasChoices("url", "site", "host"))
    expires_in_s: float | None = Field(default=None, gt=0, le=10 * 366 * 86400)


class ThreatSlayerRequest(_Request):
    """What the published ThreatSlayer extension sends; `key` is its API key. The rest is not used."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    url: Url
    key: Annotated[str, StringConstraints(max_length=200)] | None = None


class ReasonAnswer(BaseModel):
    code: str
    rule: str
    text: str
    detail: dict[str, Any] | None = None


class LikeAnswer(BaseModel):
    """A site that the icon looks like, with what shows it."""

    site: str
    rank: int | None
    form: str
    version: str
    """What had to be done to the asker's icon: `as is`, `mirrored`, …"""
    pdq: int | None
    colour: float | None
    """Both null for the same mark in another rendition, which no distance shows."""
    under: Literal["strict", "standard", "wide", "mark"]
    """The narrowest rule that holds."""
    current: bool
    md5: dict[str, str]
    sha256: dict[str, str]
    pictures: dict[str, str]


class CheckAnswer(BaseModel):
    verdict: Literal["trusted", "first_use", "grey", "lock"]
    action: Literal["allow", "warn", "lock"]
    host: str
    """The host that was asked about."""
    site: str
    """The site that the host belongs to."""
    applies_to: Literal["site", "host", "page"]
    """For how much the answer may be kept: for all hosts of the site, for this host, for this page alone.

    A site's apex and its `www.` are one host here. What strangers publish under one host's paths differs.
    """
    reasons: list[ReasonAnswer]
    looks_like: list[LikeAnswer]
    need: list[str]
    first_seen: str | None
    version: str
    ttl: int
    id: str
    why: str


class ChecksAnswer(BaseModel):
    results: list[CheckAnswer | dict[str, Any]]
    version: str


class ClientAnswer(BaseModel):
    client: str


class ReportAnswer(BaseModel):
    id: str
    site: str


class AllowedSite(BaseModel):
    site: str
    expires_at: str | None


class AllowedAnswer(BaseModel):
    sites: list[AllowedSite]


class TrustedLook(BaseModel):
    """A look of a trusted site: base64 of its bytes, as docs/looks.md describes them."""

    id: int
    site: str
    rank: int
    tier: Literal["wide", "standard", "strict"]
    look: str


class RemovedLook(BaseModel):
    id: int
    site: str


class LooksAnswer(BaseModel):
    version: str
    full: bool
    tiers: dict[str, int]
    looks: list[TrustedLook]
    removed: list[RemovedLook]
    checksum: str
    count: int
    next: str | None


class MaliciousAnswer(BaseModel):
    malicious: bool


class ThreatSlayerAllowed(BaseModel):
    allowlisted: bool
    site: str
    expires_at: str | None
