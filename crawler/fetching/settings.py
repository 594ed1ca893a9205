"""What can be chosen about fetching: limits, politeness, identity."""

from __future__ import annotations

from dataclasses import dataclass, field

from samelook.crawler.fetching.resolver import OwnPlaces, ResolveMap

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """Limits, manners and identity of the fetcher."""

    contact: str = ""
    """URL or mail address for site owners; part of the user agent."""
    product: str = "Samelook"
    """The name that robots.txt rules are looked up for."""
    version: str = "0.1.0"
    resolve: ResolveMap = field(default_factory=ResolveMap)
    """Names that are fetched from a given address over plain HTTP: tests and demos."""
    own: OwnPlaces = field(default_factory=OwnPlaces)
    """Fetched from at any port, and although they are not public; never by the crawl."""
    ports: frozenset[int] = frozenset({80, 443})
    """Ports of public addresses that are connected to."""
    verify_tls: bool = True
    ca_file: str | None = None
    """PEM file of the certificate authorities to trust instead of the system's."""

    total_timeout_s: float = 30.0
    """Active time of a fetch over all redirects; waiting for one's turn does not count."""
    connect_timeout_s: float = 10.0
    """TCP and TLS handshake with one address."""
    dns_timeout_s: float = 10.0
    max_redirects: int = 10

    max_page_bytes: int = 8 * MIB
    """Caps hold on the wire and again after decompression."""
    max_icon_bytes: int = 8 * MIB
    max_manifest_bytes: int = 1 * MIB
    max_robots_bytes: int = 2 * MIB
    """Of which the first 500 KiB are read (RFC 9309, 2.5)."""
    max_header_bytes: int = 65_536
    """Longest line of a header; security policies of real sites pass the usual 8 KiB."""

    honour_robots: bool = True
    robots_ttl_s: float = 86_400.0
    robots_cache_bytes: int = 32 * MIB
    robots_max_redirects: int = 5
    max_crawl_delay_s: float = 10.0
    """A longer Crawl-delay counts as this."""

    site_connections: int = 2
    """Requests at once to one site (registrable domain)."""
    site_delay_s: float = 0.0
    """Seconds between the starts of two requests to one site."""
    max_requests: int = 256
    """Requests at once to all sites."""
    turn_timeout_s: float = 120.0
    """Longest wait for a site's turn; then the fetch fails with `site_busy`."""
    retry_after_wait_s: float = 2.0
    """A site that asked for so short a pause is waited for; for a longer one the fetch fails."""
    retry_after_default_s: float = 60.0
    """Pause when Retry-After cannot be read."""
    retry_after_max_s: float = 86_400.0

    dns_threads: int = 32
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
        agent = f"{self.product}/{self.version}"
        return f"{agent} (+{self.contact})" if self.contact else agent
