"""Settings: every environment variable that Samelook reads, its default and what it means.

The environment is read here and nowhere else. `load_settings` returns one frozen object; rooms
are handed the parts that they own (`settings.fetch`, `settings.database`, …).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from samelook.api.settings import Network
    from samelook.crawler.fetching.settings import FetchSettings
    from samelook.crawler.queues.settings import QueueSettings
    from samelook.crawler.settings import CrawlSettings
    from samelook.exchanges.settings import ExchangeSettings
    from samelook.extension_api.settings import ExtensionSettings
    from samelook.facts.settings import VerdictSettings
    from samelook.hashing.sandbox import SandboxLimits
    from samelook.inspector.chat import ChatSettings
    from samelook.sql.settings import DatabaseSettings


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


def _port(text: str) -> int:
    if not 0 <= int(text) <= 65535:  # noqa: PLR2004 - the highest port
        raise ValueError("write a port, 0 to 65535; 0 is any that is free")
    return int(text)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _signals(text: str) -> tuple[str, ...]:
    from samelook.hashing.table import chosen_names

    return chosen_names(_words(text))


def _own_places(text: str) -> str:
    from samelook.crawler.fetching.resolver import parse_own_places

    parse_own_places(text)
    return text


def _networks(text: str) -> tuple[Network, ...]:
    from ipaddress import ip_network

    return tuple(ip_network(word) for word in _words(text))


def _proxies(text: str) -> int:
    count = int(text)
    if not 0 <= count <= 16:  # noqa: PLR2004 - more are a typing error
        raise ValueError("write a number from 0 to 16")
    return count


def _urls(text: str) -> tuple[str, ...]:
    if not all(re.fullmatch(r"\w+=https?://.+", word) for word in _words(text)):
        raise ValueError("write type=URL, comma separated")
    return _words(text)


def _log_level(text: str) -> str:
    if text.lower() not in {"debug", "info", "warning", "error"}:
        raise ValueError("write debug, info, warning or error")
    return text.lower()


def _public_key(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
        raise ValueError("write the 64 hex digits that Discord shows as the application's public key")
    return text.strip().lower()


def _digits(text: str) -> str:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("write the digits of the id")
    return text


def _url(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise ValueError("write a URL that begins with https:// or http://")
    return text.rstrip("/")


def _workers(text: str) -> int:
    if not 1 <= int(text) <= 256:  # noqa: PLR2004 - more than any machine can use
        raise ValueError("write a number from 1 to 256")
    return int(text)


_SHORTEST_ADMIN_KEY = 20
_FEWEST_CHARACTERS = 6


def _admin_key(text: str) -> str:
    if len(text) < _SHORTEST_ADMIN_KEY or len(set(text)) < _FEWEST_CHARACTERS:
        raise ValueError(
            f"write a random text of at least {_SHORTEST_ADMIN_KEY} characters, as openssl rand -hex 24 prints one"
        )
    return text


def _queue(text: str) -> str:
    if text.lower() not in {"postgres", "sqs", "pubsub"}:
        raise ValueError("write postgres, sqs or pubsub")
    return text.lower()


def _queue_prefix(text: str) -> str:
    # What both services take as the beginning of a name; with "-results" behind it SQS's 80 letters must do.
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{2,60}", text) or text.lower().startswith("goog"):
        raise ValueError("write 3 to 61 letters, digits, hyphens or underscores, a letter first")
    return text


_OTHER_VARIABLES = frozenset(
    {
        "SAMELOOK_PURE_NUMPY",  # read where compiled loops are loaded
        "SAMELOOK_DATABASE_PASSWORD",  # docker-compose.yml
        "SAMELOOK_TEST_DATABASE_URL",  # tests
        "SAMELOOK_REWRITE_DOCS",
    }
)
_count = _at_least(1, int)
_seconds = _at_least(0, float)


def _setting(
    env: str, default: Any, help_text: str, parse: Callable[[str], Any] = str, *, secret: bool = False
) -> Any:
    metadata = {"env": env, "help": help_text, "parse": parse, "secret": secret}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata, repr=not secret)


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
        lambda: max(1, min(4, (os.cpu_count() or 2) - 1)),
        "Processes that decode and hash pictures, for each crawling process. Default: one for each processor but the first, which fetches; at most 4.",
        _count,
    )

    signals: tuple[str, ...] = _setting(
        "SAMELOOK_SIGNALS",
        (),
        "Optional signals to compute of pictures and to keep in banks besides the usual ones, comma separated.",
        _signals,
    )

    queue: str = _setting(
        "SAMELOOK_QUEUE",
        "postgres",
        "What carries the crawl's work: postgres (the database itself), sqs or pubsub.",
        _queue,
    )
    queue_prefix: str = _setting(
        "SAMELOOK_QUEUE_PREFIX",
        "samelook",
        "Beginning of the queues' names at SQS or Pub/Sub.",
        _queue_prefix,
    )
    queue_ahead: int = _setting(
        "SAMELOOK_QUEUE_AHEAD", 5000, "Inputs of a phase that are at SQS or Pub/Sub at once, at most.", _count
    )
    queue_seconds: float = _setting(
        "SAMELOOK_QUEUE_SECONDS",
        3600.0,
        "Seconds after which an input that SQS or Pub/Sub never delivered is sent again.",
        _at_least(1, float),
    )
    sqs_region: str | None = _setting(
        "SAMELOOK_SQS_REGION", None, "Region of the SQS queues. Default: that of AWS's own settings."
    )
    sqs_endpoint: str | None = _setting(
        "SAMELOOK_SQS_ENDPOINT", None, "URL of a service that speaks SQS's protocol. Default: AWS.", _url
    )
    pubsub_project: str = _setting("SAMELOOK_PUBSUB_PROJECT", "", "Google Cloud project of the topics.")
    pubsub_endpoint: str | None = _setting(
        "SAMELOOK_PUBSUB_ENDPOINT",
        None,
        "URL of a Pub/Sub emulator, which is asked without credentials. Default: Google's service.",
        _url,
    )

    host: str = _setting(
        "SAMELOOK_HOST",
        "127.0.0.1",
        "Address that `samelook serve` listens on. Beyond loopback, callers need API keys.",
    )
    port: int = _setting("SAMELOOK_PORT", 5100, "Its port; 0: any that is free.", _port)
    roles: tuple[str, ...] = _setting(
        "SAMELOOK_ROLES",
        (),
        "Parts that it serves, comma separated: hasher, matcher, curator, lite, extension, ui. Default: all.",
        _words,
    )
    workers: int = _setting("SAMELOOK_WORKERS", 1, "Serving processes, at most 256.", _workers)
    require_keys: bool = _setting(
        "SAMELOOK_REQUIRE_KEYS", False, "Ask for API keys on loopback too (1).", _flag
    )
    admin_key: str | None = _setting(
        "SAMELOOK_ADMIN_KEY",
        None,
        "An API key that may do everything, besides those made with samelook keys create or POST /c/api_keys: a "
        "random text of at least 20 characters.",
        _admin_key,
        secret=True,
    )
    max_pixels: int = _setting(
        "SAMELOOK_MAX_PIXELS",
        50_000_000,
        "Pixels of a picture that the service takes. A process that hashes has some 20 bytes for each meanwhile.",
        _count,
    )
    max_upload_mb: int = _setting(
        "SAMELOOK_MAX_UPLOAD_MB",
        100,
        "Megabytes of a picture or video that the service takes, sent or behind a URL; each is held in memory.",
        _count,
    )
    allowed_origins: tuple[str, ...] = _setting(
        "SAMELOOK_ALLOWED_ORIGINS",
        (),
        "Origins of web pages, comma separated, that may call from a browser, besides browser extensions.",
        _words,
    )
    csv_file: Path | None = _setting(
        "CSV_FILE", None, "HMA-lite: hashes to begin with. Default: a built-in sample.", _path
    )
    index_file: Path | None = _setting(
        "INDEX_FILE",
        None,
        "HMA-lite: file that uploaded hashes are kept in. Default: hashes.te in the state folder.",
        _path,
    )
    state_dir: Path | None = _setting(
        "STATE_DIR", None, "HMA-lite: the state folder. Default: lite in the data folder.", _path
    )
    discord_public_key: str = _setting(
        "SAMELOOK_DISCORD_PUBLIC_KEY",
        "",
        "Public key of the Discord application, 64 hex digits. Set, the service answers /discord/interactions.",
        _public_key,
    )
    discord_application_id: str = _setting("SAMELOOK_DISCORD_APPLICATION_ID", "", "Its id.", _digits)
    discord_token: str = _setting(
        "SAMELOOK_DISCORD_TOKEN",
        "",
        "Token of its bot, for answers that come too late for a reply. Unset: those are lost after fifteen minutes.",
        secret=True,
    )
    discord_guilds: tuple[str, ...] = _setting(
        "SAMELOOK_DISCORD_GUILDS",
        (),
        "Ids of the Discord servers that may ask, comma separated. Default: all where it was installed.",
        _words,
    )
    discord_api_url: str = _setting(
        "SAMELOOK_DISCORD_API_URL", "https://discord.com/api/v10", "Discord's API.", _url
    )
    public_url: str = _setting(
        "SAMELOOK_PUBLIC_URL",
        "",
        "Where the service is reached from outside. Requests may name this host, and links to long answers lead "
        "there; unset, those are cut.",
        _url,
    )

    media_hosts: str = _setting(
        "SAMELOOK_MEDIA_HOSTS",
        "",
        "Hosts and networks of your own, comma separated, that `url=` of the service may lead to although they are "
        "not public, at any port: media.internal,10.2.0.0/16.",
        _own_places,
    )
    trusted_networks: tuple[Network, ...] = _setting(
        "SAMELOOK_TRUSTED_NETWORKS",
        (),
        "Networks whose machines need no API key and may do everything, comma separated, as 10.1.0.0/16: for "
        "clients that cannot send keys.",
        _networks,
    )
    hosts: tuple[str, ...] = _setting(
        "SAMELOOK_HOSTS",
        (),
        "Names of the service that requests may be for, comma separated, besides localhost, SAMELOOK_PUBLIC_URL's "
        "and, beyond loopback, addresses. Other names are refused, as a page could make its own name lead here.",
        _words,
    )
    extension_origins: tuple[str, ...] = _setting(
        "SAMELOOK_EXTENSION_ORIGINS",
        (),
        "Origins that may ask for verdicts from a browser, comma separated: chrome-extension://ID, "
        "moz-extension://ID. Default: every browser extension.",
        _words,
    )
    extension_require_keys: bool = _setting(
        "SAMELOOK_EXTENSION_REQUIRE_KEYS",
        False,
        "Ask extensions for an API key (1); samelook keys create NAME --role extension makes them.",
        _flag,
    )
    trusted_proxies: int = _setting(
        "SAMELOOK_TRUSTED_PROXIES",
        0,
        "How many proxies of yours stand before the service; the X-Forwarded-For entry before them is the "
        "address that limits count.",
        _proxies,
    )
    families_file: Path | None = _setting(
        "SAMELOOK_FAMILIES_FILE",
        None,
        "File of sites that are one organisation: a family a line, sites separated by blanks. Read again when "
        "it changes.",
        _path,
    )
    shared_hosts: tuple[str, ...] = _setting(
        "SAMELOOK_SHARED_HOSTS",
        (),
        "Hosts where strangers publish under paths, and domains where they have hosts, comma separated, besides "
        "those that are built in.",
        _words,
    )
    rank_probation_days: float = _setting(
        "SAMELOOK_RANK_PROBATION_DAYS",
        28.0,
        "Days that a rank must have held before it counts, when a later list brings, takes or moves it.",
        _seconds,
    )
    network_key: str = _setting(
        "SAMELOOK_NETWORK_KEY",
        "",
        "Long random text that keeps hashes of reporters' networks from being turned back. Unset: one that is kept "
        "in the database beside them.",
        secret=True,
    )

    exchange_types: tuple[str, ...] = _setting(
        "SAMELOOK_EXCHANGE_TYPES",
        (),
        "Exchange types besides threatexchange's own, comma separated: classes, as package.module.Class.",
        _words,
    )
    signal_types: tuple[str, ...] = _setting(
        "SAMELOOK_SIGNAL_TYPES",
        (),
        "Signal types besides those of the banks, comma separated: classes, as package.module.Class. They match by "
        "equality; with :BITS:RADIUS behind it a type of hex codes matches within that distance.",
        _words,
    )
    extensions: tuple[str, ...] = _setting(
        "SAMELOOK_EXTENSIONS",
        (),
        "Modules with a TX_MANIFEST, comma separated: extensions of threatexchange with exchange and signal types.",
        _words,
    )
    exchange_folder: Path | None = _setting(
        "SAMELOOK_EXCHANGE_FOLDER",
        None,
        "Folder below which lie the files that local_file exchanges may read. Unset: they read none.",
        _path,
    )
    exchange_urls: tuple[str, ...] = _setting(
        "SAMELOOK_EXCHANGE_URLS",
        (),
        "type=URL, comma separated: base URLs of fb_threatexchange, ncmec, stop_ncii or tat other than the built-in "
        "ones, for test environments.",
        _urls,
    )
    exchange_seconds: float = _setting(
        "SAMELOOK_EXCHANGE_SECONDS",
        300.0,
        "Seconds between two fetches of an exchange that says nothing else.",
        _at_least(1, float),
    )
    exchange_silence: float = _setting(
        "SAMELOOK_EXCHANGE_SILENCE",
        300.0,
        "Seconds without a word after which the process that fetches an exchange is killed.",
        _at_least(1, float),
    )
    exchange_fetch: bool = _setting(
        "SAMELOOK_EXCHANGE_FETCH",
        True,
        "Let `samelook serve` fetch exchanges when they are due (1), or leave it to `samelook exchange fetch --loop` (0).",
        _flag,
    )
    credentials_key: tuple[str, ...] = _setting(
        "SAMELOOK_CREDENTIALS_KEY",
        (),
        "Fernet key that encrypts credentials of exchanges in the database. Former keys may follow, comma separated. "
        "Unset: they are stored as they are.",
        _words,
        secret=True,
    )

    def database_at(self, url: str) -> DatabaseSettings:
        """What `samelook.sql.pool.open_pool` needs for the database at `url` (see `samelook.postgres.configured`)."""
        from samelook.sql.settings import DatabaseSettings

        return DatabaseSettings(url=url)

    @staticmethod
    def child_environment(url: str) -> dict[str, str]:
        """The environment for a process of ours that is to use the database at `url`."""
        # What nobody knows was warned of already.
        kept = {name: text for name, text in os.environ.items() if name not in unknown_variables()}
        return {**kept, "SAMELOOK_DATABASE_URL": url}

    @property
    def fetch(self) -> FetchSettings:
        """What the crawler's fetcher needs. Raises SettingsError when `resolve` cannot be read."""
        from importlib.metadata import version

        from samelook.crawler.fetching.resolver import parse_resolve
        from samelook.crawler.fetching.settings import FetchSettings

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
        from samelook.crawler.settings import CrawlSettings

        return CrawlSettings(
            concurrency=self.concurrency,
            batch=self.batch,
            lease_s=self.lease_seconds,
            page_stale_s=self.page_stale_days * 86400,
            icon_stale_s=self.icon_stale_days * 86400,
            hash_processes=self.hash_processes,
            optional_signals=self.signals,
        )

    @property
    def queues(self) -> QueueSettings:
        """What the crawl's queues need where they are a message service's."""
        from samelook.crawler.queues.settings import QueueSettings

        return QueueSettings(prefix=self.queue_prefix, ahead=self.queue_ahead, queued_s=self.queue_seconds)

    @property
    def chat(self) -> ChatSettings | None:
        """Who we are to Discord; None when nobody is to ask from there. Raises SettingsError."""
        from samelook.inspector.chat import ChatSettings

        if not self.discord_public_key:
            return None
        if not self.discord_application_id:
            raise SettingsError("SAMELOOK_DISCORD_PUBLIC_KEY needs SAMELOOK_DISCORD_APPLICATION_ID too")
        return ChatSettings(
            public_key=self.discord_public_key,
            application_id=self.discord_application_id,
            bot_token=self.discord_token,
            public_url=self.public_url,
            api_url=self.discord_api_url,
            guilds=frozenset(self.discord_guilds),
        )

    @property
    def extension(self) -> ExtensionSettings:
        """What the routes of the extension need."""
        from samelook.extension_api.settings import ExtensionSettings

        return ExtensionSettings(
            verdicts=replace(self.verdicts, looks_folder=self.data_dir / "looks"),
            origins=self.extension_origins,
            require_key=self.extension_require_keys,
            trusted_proxies=self.trusted_proxies,
            network_key=self.network_key.encode(),
            families_file=self.families_file,
        )

    @property
    def verdicts(self) -> VerdictSettings:
        """How verdicts are made."""
        from samelook.facts.settings import DAY_S, VerdictSettings

        return VerdictSettings(
            probation_s=self.rank_probation_days * DAY_S, shared_hosts=frozenset(self.shared_hosts)
        )

    @property
    def exchanges(self) -> ExchangeSettings:
        """What exchanges need."""
        from samelook.exchanges.settings import ExchangeSettings

        return ExchangeSettings(
            exchange_types=self.exchange_types,
            signal_types=self.signal_types,
            optional_signals=self.signals,
            extensions=self.extensions,
            files_folder=self.exchange_folder,
            urls={name: url for name, _, url in (one.partition("=") for one in self.exchange_urls)},
            credentials_keys=self.credentials_key,
            every_s=self.exchange_seconds,
            silence_s=self.exchange_silence,
        )

    @property
    def sandbox(self) -> SandboxLimits:
        """What a process that decodes pictures may use."""
        from samelook.hashing.sandbox import SandboxLimits

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
            shown = "" if setting.metadata["secret"] else f"={text!r}"
            raise SettingsError(f"{setting.metadata['env']}{shown}: {error}") from error
    return Settings(**values)


def unknown_variables(environ: Mapping[str, str] | None = None) -> dict[str, str | None]:
    """Variables that are named like ours and read by nobody, each with the nearest name that is."""
    from difflib import get_close_matches

    known = [setting.metadata["env"] for setting in fields(Settings)]
    unknown = {
        name
        for name in (os.environ if environ is None else environ)
        if name.startswith("SAMELOOK_") and name not in known and name not in _OTHER_VARIABLES
    }
    return {name: next(iter(get_close_matches(name, known, 1)), None) for name in sorted(unknown)}


def settings_table() -> str:
    """All variables as text: name, value in force, meaning. Keys, and passwords in a URL, are not shown."""
    settings = load_settings()
    lines = []
    for setting in fields(Settings):
        value = getattr(settings, setting.name)
        text = "***" if value and setting.metadata["secret"] else _written(value) or "unset"
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
        default = _written(setting.default) if setting.default is not MISSING else ""
        text = f"`{default}`" if default else ""
        lines.append(f"| `{setting.metadata['env']}` | {text} | {setting.metadata['help']} |")
    return "\n".join(lines)


def _written(value: object) -> str:
    """A value as it is written into a variable; nothing for one that is unset."""
    if isinstance(value, bool):
        return f"{value:d}"
    if isinstance(value, tuple):
        return ",".join(str(one) for one in value)
    return "" if value is None else str(value)
