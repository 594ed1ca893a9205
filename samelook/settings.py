"""Settings: what the environment says about every room.

The environment is read here and nowhere else. Each room defines its settings itself, as a frozen dataclass whose
fields name their variables (`samelook.variables`); `load_settings` fills them all, and rooms are handed the parts
that they own (`settings.fetch`, `settings.database`, …).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from samelook.api.settings import ApiSettings
from samelook.crawler.fetching.settings import FetchSettings
from samelook.crawler.queues.settings import QueueSettings
from samelook.crawler.settings import CrawlSettings
from samelook.exchanges.settings import ExchangeSettings
from samelook.extension_api.settings import ExtensionSettings
from samelook.inspector.settings import ChatSettings, InspectorSettings
from samelook.sql.settings import DatabaseSettings
from samelook.variables import Variable, at_least, path, variable, variables_of


class SettingsError(ValueError):
    """An environment variable holds something that cannot be used; the message says what to write."""


def _default_data_dir() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("samelook", appauthor=False))


def _log_level(text: str) -> str:
    if text.lower() not in {"debug", "info", "warning", "error"}:
        raise ValueError("write debug, info, warning or error")
    return text.lower()


_READ_ELSEWHERE = frozenset(
    {
        "SAMELOOK_PURE_NUMPY",  # where compiled loops are loaded, which no setting can reach in time
        "SAMELOOK_DATABASE_PASSWORD",  # docker-compose.yml
        "SAMELOOK_TEST_DATABASE_URL",  # tests
        "SAMELOOK_TEST_CHROMIUM",
        "SAMELOOK_REWRITE_DOCS",
    }
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What concerns the whole program, and the settings of each room. `docs/settings.md` lists all variables."""

    data_dir: Path = variable(
        "SAMELOOK_DATA_DIR",
        _default_data_dir,
        "Folder for the embedded Postgres and other files. Default: the platform's user data folder.",
        path,
    )
    log_level: str = variable(
        "SAMELOOK_LOG_LEVEL",
        "warning",
        "Lowest level of events that are logged: debug, info, warning, error.",
        _log_level,
    )
    workers: int = variable(
        "SAMELOOK_WORKERS",
        1,
        "Serving processes, at most 256.",
        at_least(1, int, 256),  # more than any machine can use
    )
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    fetch: FetchSettings = field(default_factory=FetchSettings)
    crawl: CrawlSettings = field(default_factory=CrawlSettings)
    queues: QueueSettings = field(default_factory=QueueSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    extension: ExtensionSettings = field(default_factory=ExtensionSettings)
    exchanges: ExchangeSettings = field(default_factory=ExchangeSettings)
    inspector: InspectorSettings = field(default_factory=InspectorSettings)
    chat: ChatSettings = field(default_factory=ChatSettings)

    def database_at(self, url: str) -> DatabaseSettings:
        """What `samelook.sql.pool.open_pool` needs for the database at `url` (see `samelook.postgres.configured`)."""
        return replace(self.database, url=url)


def child_environment(url: str) -> dict[str, str]:
    """The environment for a process of ours that is to use the database at `url`."""
    # What nobody knows was warned of already.
    kept = {name: text for name, text in os.environ.items() if name not in unknown_variables()}
    return {**kept, "SAMELOOK_DATABASE_URL": url}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environ` (default: the process's environment).

    An empty variable counts as unset. Raises SettingsError naming the variable that is wrong.
    """
    filled: Settings = _filled(Settings, os.environ if environ is None else environ)
    return filled


def _filled(of: Any, environ: Mapping[str, str]) -> Any:
    """Settings of a class, and of the classes that it has for parts of itself."""
    values = {part.name: _filled(part.default_factory, environ) for part in _parts_of(of)}
    for setting, known in variables_of(of):
        text = environ.get(known.name, "")
        if not text:
            continue
        try:
            values[setting.name] = known.read(text)
        except ValueError as error:
            shown = "" if known.secret else f"={text!r}"
            raise SettingsError(f"{known.name}{shown}: {error}") from error
    return of(**values)


def _parts_of(of: type) -> list[Field[Any]]:
    """The fields of a settings class that are settings of their own."""
    makers: list[tuple[Field[Any], Any]] = [(defined, defined.default_factory) for defined in fields(of)]
    return [defined for defined, maker in makers if is_dataclass(maker)]


def all_variables(of: Any = Settings) -> dict[str, tuple[Field[Any], Variable]]:
    """By name; one that fills fields of two rooms stands at the first."""
    found = {known.name: (defined, known) for defined, known in variables_of(of)}
    for part in _parts_of(of):
        found = found | all_variables(part.default_factory) | found
    return found


def unknown_variables(environ: Mapping[str, str] | None = None) -> dict[str, str | None]:
    """Variables that are named like ours and read by nobody, each with the nearest name that is."""
    from difflib import get_close_matches

    known = all_variables()
    unknown = {
        name
        for name in (os.environ if environ is None else environ)
        if name.startswith("SAMELOOK_") and name not in known and name not in _READ_ELSEWHERE
    }
    return {name: next(iter(get_close_matches(name, known, 1)), None) for name in sorted(unknown)}


def settings_table() -> str:
    """All variables as text: name, value in force, meaning. Keys, and passwords in a URL, are not shown."""
    load_settings()  # complains of what is wrong
    lines = []
    for name, (defined, known) in all_variables().items():
        default = defined.default if defined.default_factory is MISSING else defined.default_factory()
        text = os.environ.get(name) or known.written(default)
        text = "***" if text and known.secret else text or "unset"
        text = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", text)
        lines += [f"{name} = {text}", f"    {known.help}", ""]
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
    for name, (defined, known) in all_variables().items():
        default = "" if defined.default is MISSING else known.written(defined.default)
        text = f"`{default}`" if default else ""
        lines.append(f"| `{name}` | {text} | {known.help} |")
    return "\n".join(lines)
