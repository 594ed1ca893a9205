"""What can be chosen about verdicts and their HTTP routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from samelook.facts.settings import VerdictSettings


@dataclass(frozen=True, slots=True)
class ExtensionSettings:
    """The HTTP routes of the extension."""

    verdicts: VerdictSettings = field(default_factory=VerdictSettings)
    origins: tuple[str, ...] = ()
    """Origins that may read answers: `chrome-extension://<id>`, `moz-extension://<id>`; `*` for all."""
    require_key: bool = False
    """Whether the extension's routes need an API key."""
    trusted_proxies: int = 0
    """How many proxies of ours add to X-Forwarded-For; the address before them is the client's."""
    max_sites: int = 100
    max_icons: int = 16
    """Icons of one site."""
    max_icon_bytes: int = 256 * 1024
    work_per_s: float = 20_000.0
    """Units of one address each second: an answer from the cache is 1, a verdict 10, an icon's bytes 40."""
    work_burst: float = 60_000.0
    clients_per_hour: float = 30.0
    """New client tokens for one address."""
    reports_per_hour: float = 60.0
    """Reports and allowlist entries of one client, and of one network."""
    crawls_per_hour: float = 600.0
    """Sites that one network can have visited; the verdict does not wait for that."""
    ttl_s: int = 300
    """How long a client may keep a verdict that is settled; others are shorter."""
    network_key: bytes = b""
    """Key of the hashes that stand for reporters' networks; empty: one that is kept in the database."""
    families_file: Path | None = None
    """Families that the operator vouches for; read again when it changes."""
