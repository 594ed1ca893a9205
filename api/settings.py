"""What can be chosen about the HTTP service."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from samelook.crawler.fetching.places import OwnPlaces, parse_own_places
from samelook.crawler.fetching.settings import FetchSettings
from samelook.exchanges.settings import ExchangeSettings
from samelook.extension_api.settings import ExtensionSettings
from samelook.hashing.settings import SandboxLimits, hash_processes_field
from samelook.inspector.settings import ChatSettings, public_url_field
from samelook.matching.settings import LiveSettings
from samelook.sql.settings import DatabaseSettings
from samelook.variables import at_least, count, flag, network, path, variable, words

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Role = Literal["hasher", "matcher", "curator", "lite", "extension", "ui"]
ROLES: tuple[Role, ...] = ("hasher", "matcher", "curator", "lite", "extension", "ui")
WITHOUT_DATABASE: frozenset[Role] = frozenset({"hasher", "lite"})
MIB = 1 << 20
MOST_HELD = 100 * MIB
"""Bytes of a file that has to be in memory as a whole, such as a picture, whatever the limit of uploads."""
_SHORTEST_ADMIN_KEY = 20
_FEWEST_CHARACTERS = 6


def roles_of(text: str) -> frozenset[Role]:
    """The roles of these names, all without any. Raises ValueError."""
    unknown = sorted(set(words(text)).difference(ROLES))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no role; there are {', '.join(ROLES)}")
    return frozenset(role for role in ROLES if not words(text) or role in words(text))


def _admin_key(text: str) -> str:
    if len(text) < _SHORTEST_ADMIN_KEY or len(set(text)) < _FEWEST_CHARACTERS:
        raise ValueError(
            f"write a random text of at least {_SHORTEST_ADMIN_KEY} characters, as openssl rand -hex 24 prints one"
        )
    return text


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(network(word) for word in words(text))


@dataclass(frozen=True, slots=True)
class LiteSettings:
    """HMA-lite: one list of hashes, from a file."""

    csv_file: Path | None = variable(
        "CSV_FILE", None, "HMA-lite: hashes to begin with. Default: a built-in sample.", path
    )
    index_file: Path | None = variable(
        "INDEX_FILE",
        None,
        "HMA-lite: file that uploaded hashes are kept in. Default: hashes.te in the state folder.",
        path,
    )
    # Without one, and without an index file, uploaded hashes last as long as the process.
    state_dir: Path | None = variable(
        "STATE_DIR", None, "HMA-lite: the state folder. Default: lite in the data folder.", path
    )

    @property
    def kept_at(self) -> Path | None:
        """The file that an upload replaces."""
        if self.index_file is not None:
            return self.index_file
        return None if self.state_dir is None else self.state_dir / "hashes.te"


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Everything that `create_app` needs."""

    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    read_url: str = variable(
        "SAMELOOK_DATABASE_READ_URL",
        "",
        "Where lookups read, such as a standby of the database or a user who may only read. What is written then "
        "matches as soon as it has arrived there. Default: SAMELOOK_DATABASE_URL.",
        in_repr=False,  # may hold a password
    )
    fetch: FetchSettings = field(default_factory=FetchSettings)
    sandbox: SandboxLimits = field(default_factory=SandboxLimits)
    live: LiveSettings = field(default_factory=LiveSettings)
    lite: LiteSettings = field(default_factory=LiteSettings)
    extension: ExtensionSettings = field(default_factory=ExtensionSettings)
    chat: ChatSettings | None = None
    """Who we are to Discord. None: nobody asks from there."""
    exchanges: ExchangeSettings = field(default_factory=ExchangeSettings)
    fetch_exchanges: bool = variable(
        "SAMELOOK_EXCHANGE_FETCH",
        True,
        "Let `samelook serve` fetch exchanges when they are due (1), or leave it to "
        "`samelook exchange fetch --loop` (0).",
        flag,
    )
    host: str = variable(
        "SAMELOOK_HOST",
        "127.0.0.1",
        "Address that `samelook serve` listens on. Beyond loopback, callers need API keys.",
    )
    port: int = variable("SAMELOOK_PORT", 5100, "Its port; 0: any that is free.", at_least(0, int, 65_535))
    roles: frozenset[Role] = variable(
        "SAMELOOK_ROLES",
        frozenset(ROLES),
        f"Parts that it serves, comma separated: {', '.join(ROLES)}.",
        roles_of,
    )
    admin_key: str | None = variable(
        "SAMELOOK_ADMIN_KEY",
        None,
        "An API key that may do everything, besides those made with samelook keys create or POST /c/api_keys: a "
        "random text of at least 20 characters.",
        _admin_key,
        secret=True,
    )
    keys_file: Path | None = variable(
        "SAMELOOK_KEYS_FILE",
        None,
        "A file of more API keys, each on a line with its role and name before it (viewer uploader KEY): for "
        "hashers, which need no database. It is read again when it changes.",
        path,
    )
    require_keys: bool = variable(
        "SAMELOOK_REQUIRE_KEYS", False, "Ask for API keys on loopback too (1).", flag
    )
    trusted_networks: tuple[Network, ...] = variable(
        "SAMELOOK_TRUSTED_NETWORKS",
        (),
        "Networks whose machines need no API key and may do everything, comma separated, as 10.1.0.0/16: for "
        "clients that cannot send keys.",
        _networks,
    )
    public_url: str = public_url_field()
    hosts: tuple[str, ...] = variable(
        "SAMELOOK_HOSTS",
        (),
        "Names of the service that requests may be for, comma separated, besides localhost, SAMELOOK_PUBLIC_URL's "
        "and, beyond loopback, addresses. Other names are refused, as a page could make its own name lead here.",
        words,
    )
    allowed_origins: tuple[str, ...] = variable(
        "SAMELOOK_ALLOWED_ORIGINS",
        (),
        "Origins of web pages, comma separated, that may call from a browser, besides browser extensions.",
        words,
    )
    media_hosts: OwnPlaces = variable(
        "SAMELOOK_MEDIA_HOSTS",
        OwnPlaces(),
        "Hosts and networks of your own, comma separated, that `url=` of the service may lead to although they are "
        "not public, at any port: media.internal,10.2.0.0/16.",
        parse_own_places,
    )
    hash_processes: int = hash_processes_field()
    max_upload_bytes: int = variable(
        "SAMELOOK_MAX_UPLOAD_MB",
        100 * MIB,
        "Megabytes of a file that the service takes. Over 100 only of files that need not be held in memory: "
        "videos that are sent.",
        count,
        unit=MIB,
    )
    max_pixels: int = variable(
        "SAMELOOK_MAX_PIXELS",
        50_000_000,
        "Pixels of a picture that the service takes. A process that hashes has 10 bytes for each of a JPEG or PNG meanwhile, up to 25 of others.",
        count,
    )
    picture_s: float = 20.0
    """Wall time for one of them, on a machine that may be busy; icons take milliseconds."""
    max_body_bytes: int = 8 * MIB
    """A JSON body."""
    stale_s: float = 65.0
    """An index that has not been known to be complete for so long makes /status say INDEX-STALE. 0: never."""

    @property
    def needs_database(self) -> bool:
        """Whether the roles cannot begin without one. Those that only hash go on without their keys in it."""
        return bool(self.roles - WITHOUT_DATABASE) or self.chat is not None

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def keys_needed(self) -> bool:
        """Whether callers must show a key."""
        return self.require_keys or not self.on_loopback


# Asked of every request, and nearly always of the same few names.
@lru_cache(maxsize=256)
@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether an address to bind to is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
