"""What can be chosen about fetching: limits, politeness, identity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from samelook.crawler.fetching.places import OwnPlaces, ResolveMap, parse_resolve
from samelook.variables import at_least, count, flag, seconds, variable

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """Limits, manners and identity of the fetcher."""

    contact: str = variable(
        "SAMELOOK_CONTACT",
        "",
        "A URL or mail address for site owners, sent in the crawler's user agent. Set it before you crawl the "
        "real web.",
    )
    product: str = "Samelook"
    """The name that robots.txt rules are looked up for."""
    resolve: ResolveMap = variable(
        "SAMELOOK_RESOLVE",
        ResolveMap(),
        "pattern=host:port, comma separated: names that match are fetched from there over plain HTTP, for tests "
        "and demos. The only way to reach a private address.",
        parse_resolve,
    )
    own: OwnPlaces = OwnPlaces()
    """Fetched from at any port, and although they are not public; never by the crawl."""
    ports: frozenset[int] = frozenset({80, 443})
    """Ports of public addresses that are connected to."""
    verify_tls: bool = variable(
        "SAMELOOK_VERIFY_TLS",
        True,
        "Refuse sites whose certificate does not verify (1) or accept them (0).",
        flag,
    )
    ca_file: str | None = variable(
        "SAMELOOK_CA_FILE", None, "PEM file of the certificate authorities to trust. Default: the system's."
    )

    total_timeout_s: float = variable(
        "SAMELOOK_FETCH_SECONDS",
        30.0,
        "Seconds that one fetch may take in all, redirects included; waiting for a site's turn does not count.",
        at_least(0.1, float),
    )
    connect_timeout_s: float = 10.0
    """TCP and TLS handshake with one address."""
    dns_timeout_s: float = 10.0
    """Counts from when a thread asks for the name."""
    max_redirects: int = 10

    max_page_bytes: int = 8 * MIB
    """Caps hold on the wire and again after decompression."""
    max_icon_bytes: int = 8 * MIB
    max_manifest_bytes: int = 1 * MIB
    max_robots_bytes: int = 2 * MIB
    """Of which the first 500 KiB are read (RFC 9309, 2.5)."""
    max_header_bytes: int = 65_536
    """Longest line of a header; security policies of real sites pass the usual 8 KiB."""

    honour_robots: bool = variable("SAMELOOK_ROBOTS", True, "Honour robots.txt (1) or not (0).", flag)
    robots_ttl_s: float = 86_400.0
    robots_cache_bytes: int = 32 * MIB
    robots_max_redirects: int = 5
    max_crawl_delay_s: float = 10.0
    """A longer Crawl-delay counts as this."""

    site_connections: int = variable(
        "SAMELOOK_SITE_CONNECTIONS", 1, "Connections at once to one site, at most.", count
    )
    site_delay_s: float = variable(
        "SAMELOOK_SITE_DELAY",
        0.0,
        "Seconds between the starts of two requests to one site, at least. A longer Crawl-delay in robots.txt wins.",
        seconds,
    )
    max_requests: int = 256
    """Requests at once, to all sites together. A crawl sets it to the slots it may have (samelook.crawler.slots)."""
    large_body_bytes: int = 256 * 1024
    max_large_bodies: int = 16
    """So many bodies may grow beyond that size at once: memory stays bounded however many requests are under way."""
    max_second_tries: int = 32
    """Answers that aiohttp refused and that are asked for once more, at once."""
    turn_timeout_s: float = 120.0
    """Longest wait for a site's turn; then the fetch fails with `site_busy`."""
    retry_after_wait_s: float = 2.0
    """A site that asked for so short a pause is waited for; for a longer one the fetch fails."""
    retry_after_default_s: float = 60.0
    """Pause when Retry-After cannot be read."""
    retry_after_max_s: float = 86_400.0

    dns_threads: int = 128
    """Names looked up at once, at most: what the system's name server is asked by one process. A name whose server
    is silent holds one for seconds, so that 300 sites a second need a hundred."""
    dns_turn_timeout_s: float = 60.0
    """Longest wait of a name for one of these; then the fetch fails with `names_busy`."""
    dns_ttl_s: float = 60.0
    dns_negative_ttl_s: float = 10.0
    dns_cache_names: int = 10_000
    max_addresses: int = 4
    """Addresses of one name that are tried."""
    keepalive_s: float = 10.0
    """Idle connections are kept this long: about as long as a site's icons follow its page."""

    @property
    def user_agent(self) -> str:
        """Who we are: product, version and, when set, whom to write to."""
        agent = f"{self.product}/{_version()}"
        return f"{agent} (+{self.contact})" if self.contact else agent


@cache
def _version() -> str:
    from importlib.metadata import version

    return version("samelook")
