"""What can be chosen about verdicts and their HTTP routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from samelook.facts.settings import VerdictSettings
from samelook.variables import at_least, flag, path, variable, words


@dataclass(frozen=True, slots=True)
class ExtensionSettings:
    """The HTTP routes of the extension."""

    verdicts: VerdictSettings = field(default_factory=VerdictSettings)
    origins: tuple[str, ...] = variable(
        "SAMELOOK_EXTENSION_ORIGINS",
        (),
        "Origins that may ask for verdicts from a browser, comma separated: chrome-extension://ID, "
        "moz-extension://ID. Default: every browser extension.",
        words,
    )
    require_key: bool = variable(
        "SAMELOOK_EXTENSION_REQUIRE_KEYS",
        False,
        "Ask extensions for an API key (1); samelook keys create NAME --role extension makes them.",
        flag,
    )
    trusted_proxies: int = variable(
        "SAMELOOK_TRUSTED_PROXIES",
        0,
        "How many proxies of yours stand before the service; the X-Forwarded-For entry before them is the "
        "address that limits count.",
        at_least(0, int, 16),  # more are a typing error
    )
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
    network_key: bytes = variable(
        "SAMELOOK_NETWORK_KEY",
        b"",
        "Long random text that keeps hashes of reporters' networks from being turned back. Unset: one that is kept "
        "in the database beside them.",
        str.encode,
        secret=True,
    )
    families_file: Path | None = variable(
        "SAMELOOK_FAMILIES_FILE",
        None,
        "File of sites that are one organisation: a family a line, sites separated by blanks. Read again when "
        "it changes.",
        path,
    )
