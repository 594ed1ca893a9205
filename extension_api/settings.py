"""What can be chosen about verdicts and their HTTP routes."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

from extension_api.verdict import Tiers

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class VerdictSettings:
    """How verdicts are made and kept up to date."""

    tiers: Tiers = field(default_factory=Tiers)
    probation_s: float = 28 * DAY_S
    """How long a rank that a later list brings, takes or moves across a tier must hold before it counts."""
    former_look_s: float = 180 * DAY_S
    """How long a look stays protected after its owner stopped showing it."""
    shared_hosts: AbstractSet[str] = frozenset()
    """Hosts and domains where strangers publish, besides those that are built in."""
    many_hosts: int = 50_000
    """A domain with so many hosts may have strangers among them."""
    poll_s: float = 0.4
    """How often changes are looked for; two polls lie between a write and its effect."""
    cached_s: float = 0.8
    """How long an answer may be given again while facts of other sites change."""
    cached_answers: int = 100_000
    looks_folder: Path | None = None
    """Where processes share the bytes of looks; None: each keeps its own."""
    remembered_pictures: int = 20_000
    """Looks of icons that clients sent, kept in this process."""
    remembered_sightings: int = 200_000


@dataclass(frozen=True, slots=True)
class ExtensionSettings:
    """The HTTP routes of the extension."""

    verdicts: VerdictSettings = field(default_factory=VerdictSettings)
    origins: tuple[str, ...] = ()
    """Origins that may read answers: `chrome-extension://<id>`, `moz-extension://<id>`; `*` for all."""
    require_key: bool = False
    """Whether every request needs an API key."""
    trusted_proxies: int = 0
    """How many proxies of ours add to X-Forwarded-For; the address before them is the client's."""
    max_sites: int = 100
    max_icons: int = 16
    """Icons of one site."""
    max_icon_bytes: int = 256 * 1024
    max_body_bytes: int = 8 * 1024 * 1024
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
