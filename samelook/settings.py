"""Settings: every environment variable that Samelook reads, its default and what it means.

The environment is read here and nowhere else. `load_settings` returns one frozen object; rooms
are handed the parts that they own (`settings.fetch`, `settings.database`, …).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crawler.fetch_settings import FetchSettings
    from crawler.settings import CrawlSettings
    from hashing.sandbox import SandboxLimits
    from sql.settings import DatabaseSettings


class SettingsError(ValueError):
    """An environment variable holds something that cannot be used; the message says what to write."""


def _default_data_dir() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("samelook", appauthor=False))


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _flag(text: str) -> bool:
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    try:
        return words[text.strip().lower()]
    except KeyError:
        raise ValueError("write 1 or 0") from None


def _at_least(lowest: float, kind: Callable[[str], float]) -> Callable[[str], Any]:
    def parse(text: str) -> float:
        value = kind(text)
        if not lowest <= value < float("inf"):
            raise ValueError(f"write a number of at least {lowest:g}")
        return value

    return parse


def _log_level(text: str) -> str:
    if text.lower() not in {"debug", "info", "warning", "error"}:
        raise ValueError("write debug, info, warning or error")
    return text.lower()


_count = _at_least(1, int)
_seconds = _at_least(0, float)


def _setting(env: str, default: Any, help_text: str, parse: Callable[[str], Any] = str) -> Any:
    metadata = {"env": env, "help": help_text, "parse": parse}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, from the environment or their defaults. `docs/settings.md` lists them."""

    database_url: str | None = _setting(
        "SAMELOOK_DATABASE_URL",
        None,
        "Postgres to use (15 or newer), as postgresql://user:password@host/database. "
        "Unset: an embedded Postgres starts by itself in the data folder.",
    )
    data_dir: Path = _setting(
        "SAMELOOK_DATA_DIR",
        _default_data_dir,
        "Folder for the embedded Postgres and other files. Default: the platform's user data folder.",
        _path,
    )
    contact: str = _setting(
        "SAMELOOK_CONTACT",
        "",
        "A URL or mail address for site owners, sent in the crawler's user agent. Set it before you crawl the real web.",
    )
    resolve: str = _setting(
        "SAMELOOK_RESOLVE",
        "",
        "pattern=host:port, comma separated: names that match are fetched from there over plain HTTP, for tests "
        "and demos. The only way to reach a private address.",
    )
    robots: bool = _setting("SAMELOOK_ROBOTS", True, "Honour robots.txt (1) or not (0).", _flag)
    verify_tls: bool = _setting(
        "SAMELOOK_VERIFY_TLS",
        True,
        "Refuse sites whose certificate does not verify (1) or accept them (0).",
        _flag,
    )
    fetch_seconds: float = _setting(
        "SAMELOOK_FETCH_SECONDS",
        30.0,
        "Seconds that one fetch may take in all, redirects included.",
        _at_least(0.1, float),
    )
    ca_file: str | None = _setting(
        "SAMELOOK_CA_FILE", None, "PEM file of the certificate authorities to trust. Default: the system's."
    )
    fetch_requests: int = _setting(
        "SAMELOOK_FETCH_REQUESTS", 256, "Requests at once of one process, to all sites together.", _count
    )
    site_connections: int = _setting(
        "SAMELOOK_SITE_CONNECTIONS", 1, "Connections at once to one site, at most.", _count
    )
    site_delay: float = _setting(
        "SAMELOOK_SITE_DELAY",
        0.0,
        "Seconds between the starts of two requests to one site, at least. A longer Crawl-delay in robots.txt wins.",
        _seconds,
    )
    concurrency: int = _setting(
        "SAMELOOK_CONCURRENCY", 500, "Inputs that one process works on at once, in each phase.", _count
    )
    batch: int = _setting("SAMELOOK_BATCH", 250, "Inputs pulled from a queue at once, at most.", _count)
    lease_seconds: float = _setting(
        "SAMELOOK_LEASE_SECONDS",
        120.0,
        "Seconds after which the work of a killed worker is handed out again.",
        _at_least(1, float),
    )
    page_stale_days: float = _setting(
        "SAMELOOK_PAGE_STALE_DAYS", 7.0, "Days after which a page is visited again.", _seconds
    )
    icon_stale_days: float = _setting(
        "SAMELOOK_ICON_STALE_DAYS", 7.0, "Days after which an icon is fetched again.", _seconds
    )
    allow_injection: bool = _setting(
        "SAMELOOK_ALLOW_INJECTION",
        False,
        "Let `samelook inspect inject` put errors, results and faults into this database (1): for tests and demos.",
        _flag,
    )
    log_level: str = _setting(
        "SAMELOOK_LOG_LEVEL",
        "warning",
        "Lowest level of events that are logged: debug, info, warning, error.",
        _log_level,
    )
    hash_processes: int = _setting(
        "SAMELOOK_HASH_PROCESSES",
        lambda: max(1, min(4, os.cpu_count() or 2)),
        "Processes that decode and hash pictures, for each crawling process. Default: one for each processor, at most 4.",
        _count,
    )

    def database_at(self, url: str) -> DatabaseSettings:
        """What `sql.pool.open_pool` needs for the database at `url` (see `samelook.database`)."""
        from sql.settings import DatabaseSettings

        return DatabaseSettings(url=url)

    @staticmethod
    def child_environment(url: str) -> dict[str, str]:
        """The environment for a process of ours that is to use the database at `url`."""
        return {**os.environ, "SAMELOOK_DATABASE_URL": url}

    @property
    def fetch(self) -> FetchSettings:
        """What the crawler's fetcher needs. Raises SettingsError when `resolve` cannot be read."""
        from importlib.metadata import version

        from crawler.fetch_settings import FetchSettings
        from crawler.resolver import parse_resolve

        try:
            resolve = parse_resolve(self.resolve)
        except ValueError as error:
            raise SettingsError(f"SAMELOOK_RESOLVE={self.resolve!r}: {error}") from error
        return FetchSettings(
            version=version("samelook"),
            ca_file=self.ca_file,
            max_requests=self.fetch_requests,
            contact=self.contact,
            resolve=resolve,
            honour_robots=self.robots,
            verify_tls=self.verify_tls,
            total_timeout_s=self.fetch_seconds,
            site_connections=self.site_connections,
            site_delay_s=self.site_delay,
        )

    @property
    def crawl(self) -> CrawlSettings:
        """What the crawl's phases need."""
        from crawler.settings import CrawlSettings

        return CrawlSettings(
            concurrency=self.concurrency,
            batch=self.batch,
            lease_s=self.lease_seconds,
            page_stale_s=self.page_stale_days * 86400,
            icon_stale_s=self.icon_stale_days * 86400,
            hash_processes=self.hash_processes,
        )

    @property
    def sandbox(self) -> SandboxLimits:
        """What a process that decodes pictures may use."""
        from hashing.sandbox import SandboxLimits

        return SandboxLimits()


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environ` (default: the process's environment).

    An empty variable counts as unset. Raises SettingsError naming the variable that is wrong.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for setting in fields(Settings):
        text = environ.get(setting.metadata["env"], "")
        if not text:
            continue
        try:
            values[setting.name] = setting.metadata["parse"](text)
        except ValueError as error:
            raise SettingsError(f"{setting.metadata['env']}={text!r}: {error}") from error
    return Settings(**values)


def settings_table() -> str:
    """All variables as text: name, value in force, meaning. Passwords in a database URL are not shown."""
    import re

    settings = load_settings()
    lines = []
    for setting in fields(Settings):
        value = getattr(settings, setting.name)
        text = "unset" if value in (None, "") else f"{value:d}" if isinstance(value, bool) else str(value)
        text = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", text)
        lines += [f"{setting.metadata['env']} = {text}", f"    {setting.metadata['help']}", ""]
    return "\n".join(lines[:-1])


def settings_page() -> str:
    """The text of docs/settings.md: all variables with their defaults."""
    lines = [
        "# Settings",
        "",
        "Settings are environment variables; an empty one counts as unset. `samelook settings` shows the values in force.",
        "This page is written by `samelook settings --markdown`.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for setting in fields(Settings):
        default = setting.default if setting.default is not MISSING else None
        text = (
            "" if default in (None, "") else f"`{default:d}`" if isinstance(default, bool) else f"`{default}`"
        )
        lines.append(f"| `{setting.metadata['env']}` | {text} | {setting.metadata['help']} |")
    return "\n".join(lines)
