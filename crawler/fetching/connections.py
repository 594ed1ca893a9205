"""The fetcher's two pools of connections: guarded ones to the public web, plain ones to mapped hosts.

Two pools that never meet. The public one checks the address of every socket it makes; the
mapped one resolves only what the operator wrote into the resolve map. So no exception has to
be cut into the guard for tests and demos.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import lru_cache

import aiohttp

from samelook.crawler.fetching.bodies import ACCEPT_ENCODING
from samelook.crawler.fetching.errors import (
    BlockedAddress,
    ConnectionFailed,
    DnsFailed,
    FetchError,
    FetchTimeout,
    HttpProtocolError,
    TlsFailed,
    TruncatedBody,
)
from samelook.crawler.fetching.exchange import LargeBodies
from samelook.crawler.fetching.resolver import (
    CachingLookup,
    Lookup,
    MappedResolver,
    OwnResolver,
    PublicResolver,
)
from samelook.crawler.fetching.second_try import SecondTry
from samelook.crawler.fetching.settings import FetchSettings
from samelook.errors import reason_of
from samelook.names.addresses import AddressRefused, guarded_socket

READ_BYTES = 65_536


@lru_cache(maxsize=4)
def tls_context(ca_file: str | None, verify: bool) -> ssl.SSLContext:
    """What to demand of TLS; loading the system's authorities takes tens of milliseconds, so once."""
    context = ssl.create_default_context(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


class Connections:
    """The sessions of a fetcher and the name lookup they share."""

    def __init__(self, settings: FetchSettings, lookup: Lookup | None = None) -> None:
        self.lookup = CachingLookup(
            lookup,
            threads=settings.dns_threads,
            timeout_s=settings.dns_timeout_s,
            turn_timeout_s=settings.dns_turn_timeout_s,
            ttl_s=settings.dns_ttl_s,
            negative_ttl_s=settings.dns_negative_ttl_s,
            max_names=settings.dns_cache_names,
        )
        self.sent_always = _sent_always(settings)
        """The headers of every request."""
        self.large = LargeBodies(settings.large_body_bytes, settings.max_large_bodies)
        self.second_tries = asyncio.Semaphore(settings.max_second_tries)
        public = PublicResolver(self.lookup, settings.max_addresses)
        mapped = MappedResolver(settings.resolve, self.lookup)
        tls = tls_context(settings.ca_file, settings.verify_tls)
        self.public_again = SecondTry(public, tls, settings.connect_timeout_s)
        self.mapped_again = SecondTry(mapped, None, settings.connect_timeout_s)
        self.public = _session(
            settings,
            aiohttp.TCPConnector(
                resolver=public,
                socket_factory=guarded_socket,
                ssl=tls,
                use_dns_cache=False,
                limit=0,
                keepalive_timeout=settings.keepalive_s,
            ),
        )
        self.mapped = _session(
            settings,
            aiohttp.TCPConnector(
                resolver=mapped,
                use_dns_cache=False,
                limit=0,
                keepalive_timeout=settings.keepalive_s,
            ),
        )
        self.own = _session(
            settings,
            aiohttp.TCPConnector(
                resolver=OwnResolver(self.lookup),
                ssl=tls,
                use_dns_cache=False,
                limit=0,
                keepalive_timeout=settings.keepalive_s,
            ),
        )

    def session(self, *, mapped: bool, own: bool) -> aiohttp.ClientSession:
        """Which one leads to a host of the resolve map, of the operator's network, or of the web."""
        if own:
            return self.own
        return self.mapped if mapped else self.public

    async def close(self) -> None:
        """Closes all connections."""
        await self.public.close()
        await self.own.close()
        await self.mapped.close()
        await self.lookup.close()


def _sent_always(settings: FetchSettings) -> dict[str, str]:
    return {
        "User-Agent": settings.user_agent,
        "Accept": "*/*",
        "Accept-Encoding": ACCEPT_ENCODING,
        "Accept-Language": "en,*;q=0.5",
    }


def _session(settings: FetchSettings, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        # No state of a visit leaks into the next: no cookies, no Referer, no credentials, and no
        # proxy or .netrc from the environment, which would also lead around the guard.
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers=_sent_always(settings),
        # The total is the fetcher's business: it spans redirects.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout_s),
        auto_decompress=False,
        read_bufsize=READ_BYTES,
        max_line_size=settings.max_header_bytes,
        max_field_size=settings.max_header_bytes,
    )


def explained(  # noqa: C901, PLR0911 - one table, a line for each cause
    error: Exception, host: str, settings: FetchSettings
) -> FetchError:
    """What an error of aiohttp means to us; chain it with `raise … from`."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            limit_s = settings.connect_timeout_s
            return FetchTimeout(f"no connection to {host} within {limit_s:g} s", phase="connect", host=host)
        case asyncio.TimeoutError():
            return FetchTimeout(
                f"{host} took more than {settings.total_timeout_s:g} s", phase="total", host=host
            )
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "") or error.certificate_error
            return TlsFailed(f"the certificate of {host} does not verify: {why}", host=host, certificate=True)
        case aiohttp.ClientSSLError():
            why = getattr(error, "os_error", error)
            reason = getattr(why, "reason", None) or why
            return TlsFailed(f"no TLS connection to {host}: {reason}", host=host, certificate=False)
        case aiohttp.ClientConnectorDNSError():
            return DnsFailed(f"{host} cannot be resolved: {error.os_error}", host=host)
        case aiohttp.ClientConnectorError(os_error=AddressRefused() as refused):
            return BlockedAddress(
                f"{host} leads to {refused.address}, which is not public: {refused.why}",
                host=host,
                addresses={refused.address: refused.why},
            )
        case aiohttp.ClientConnectorError():
            why = reason_of(error.os_error)
            return ConnectionFailed(f"no connection to {host}: {why}", host=host, errno=error.os_error.errno)
        case aiohttp.ServerDisconnectedError():
            return ConnectionFailed(f"{host} closed the connection without an answer", host=host)
        case aiohttp.ClientPayloadError():
            return TruncatedBody(f"the body from {host} broke off: {_first_line(error)}", host=host)
        case aiohttp.ClientResponseError():
            return HttpProtocolError(f"the answer of {host} is not HTTP: {_first_line(error)}", host=host)
        case _:
            return ConnectionFailed(f"the connection to {host} broke: {_first_line(error)}", host=host)


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "message", "")) or str(error) or type(error).__name__
    return text.strip().partition("\n")[0].rstrip(": ")[:200]
