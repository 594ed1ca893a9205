"""What can be chosen about the HTTP service."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from samelook.crawler.fetching.settings import FetchSettings
from samelook.exchanges.settings import ExchangeSettings
from samelook.extension_api.settings import ExtensionSettings
from samelook.hashing.sandbox import SandboxLimits
from samelook.inspector.chat import ChatSettings
from samelook.matching.settings import LiveSettings
from samelook.sql.settings import DatabaseSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Role = Literal["hasher", "matcher", "curator", "lite", "extension", "ui"]
ROLES: tuple[Role, ...] = ("hasher", "matcher", "curator", "lite", "extension", "ui")
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class LiteSettings:
    """HMA-lite: one list of hashes, from a file."""

    csv_file: Path | None = None
    """Hashes to begin with, when none were uploaded yet. None: the built-in sample."""
    index_file: Path | None = None
    """Where uploaded hashes are kept. None: `hashes.te` in the state folder."""
    state_dir: Path | None = None
    """None, and no index file: uploaded hashes last as long as the process."""

    @property
    def kept_at(self) -> Path | None:
        """The file that an upload replaces."""
        if self.index_file is not None:
            return self.index_file
        return None if self.state_dir is None else self.state_dir / "hashes.te"


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Everything that `create_app` needs."""

    database: DatabaseSettings
    fetch: FetchSettings = field(default_factory=FetchSettings)
    sandbox: SandboxLimits = field(default_factory=SandboxLimits)
    live: LiveSettings = field(default_factory=LiveSettings)
    lite: LiteSettings = field(default_factory=LiteSettings)
    extension: ExtensionSettings = field(default_factory=ExtensionSettings)
    chat: ChatSettings | None = None
    """Who we are to Discord. None: nobody asks from there."""
    exchanges: ExchangeSettings = field(default_factory=ExchangeSettings)
    fetch_exchanges: bool = False
    """Fetch exchanges that are due, where the role curator is."""
    roles: frozenset[Role] = frozenset(ROLES)
    host: str = "127.0.0.1"
    admin_key: str | None = field(default=None, repr=False)
    """A key with the role admin, besides those in the database."""
    require_keys: bool = False
    """Ask for keys although only this machine can connect."""
    trusted_networks: tuple[Network, ...] = ()
    """Who asks from there needs no key, and may do everything."""
    public_url: str = ""
    """Where others reach the service; its host is one that requests may name."""
    hosts: tuple[str, ...] = ()
    """Other names of the service that requests may be for."""
    allowed_origins: tuple[str, ...] = ()
    """Web pages that may call the service from a browser, besides its own and browser extensions."""
    hash_processes: int = 1
    max_upload_bytes: int = 100 * MIB
    """A picture or video; a list of hashes may be as large."""
    max_pixels: int = 50_000_000
    """Of an uploaded or fetched picture: as telephones take them. Whoever hashes it needs some 20 bytes for
    each meanwhile."""
    picture_s: float = 20.0
    """Wall time for one of them, on a machine that may be busy; icons take milliseconds."""
    max_body_bytes: int = 8 * MIB
    """A JSON body."""
    stale_s: float = 65.0
    """An index that has not been known to be complete for so long makes /status say INDEX-STALE. 0: never."""

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def keys_needed(self) -> bool:
        """Whether callers must show a key."""
        return self.require_keys or not self.on_loopback


def is_loopback(host: str) -> bool:
    """Whether an address to bind to is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
