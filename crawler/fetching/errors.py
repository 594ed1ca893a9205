"""Why a fetch failed: one leaf of `CrawlError` for each cause that a caller can act on."""

from __future__ import annotations

from samelook.crawler.errors import CrawlError


class FetchError(CrawlError):
    """Nothing usable came back for a URL."""

    kind = "fetch_failed"


class BadUrl(FetchError):
    """The text is no URL, or one without a host that can be asked."""

    kind = "bad_url"
    retry = False


class UnsupportedScheme(FetchError):
    """The URL is neither http nor https."""

    kind = "unsupported_scheme"
    retry = False


class BlockedPort(FetchError):
    """The URL names a port that this crawler does not connect to."""

    kind = "blocked_port"
    retry = False


class BlockedAddress(FetchError):
    """The host leads to addresses that are not public, which this crawler does not connect to."""

    kind = "blocked_address"
    # What a name resolves to may change; a literal address keeps failing at little cost.
    retry = True


class DnsFailed(FetchError):
    """The name server does not know the name, or did not answer."""

    kind = "dns_failed"


class ConnectionFailed(FetchError):
    """No connection came about, or it broke before an answer began."""

    kind = "connection_failed"


class TlsFailed(FetchError):
    """TLS could not be agreed on, or the certificate does not verify."""

    kind = "tls_failed"


class FetchTimeout(FetchError):
    """Time ran out; `detail["phase"]` is `dns`, `connect` or `total`."""

    kind = "timeout"


class TooLarge(FetchError):
    """The body is larger than allowed; `detail["where"]` is `wire` or `decoded`."""

    kind = "too_large"


class TooManyRedirects(FetchError):
    """The redirects did not end within the allowed number."""

    kind = "too_many_redirects"


class RedirectLoop(FetchError):
    """A redirect leads back to a URL of the same chain."""

    kind = "redirect_loop"


class BadRedirect(FetchError):
    """A redirect names a target that is no http or https URL."""

    kind = "bad_redirect"


class BadEncoding(FetchError):
    """The body is not what its Content-Encoding says."""

    kind = "bad_encoding"


class TruncatedBody(FetchError):
    """The body ended before its end was announced."""

    kind = "truncated_body"


class HttpProtocolError(FetchError):
    """The answer is not HTTP."""

    kind = "http_protocol_error"


class RobotsDisallowed(FetchError):
    """The site's robots.txt asks this crawler not to fetch the URL."""

    kind = "robots_disallowed"
    retry = False


class RobotsUnavailable(FetchError):
    """The site's robots.txt cannot be had just now, which RFC 9309 reads as "stay away"."""

    kind = "robots_unavailable"


class RateLimited(FetchError):
    """The site asked to come back later; `retry_after_s` says when, capped by the settings."""

    kind = "rate_limited"

    def __init__(self, message: str, *, retry_after_s: float, **detail: object) -> None:
        super().__init__(message, retry_after_s=round(retry_after_s, 3), **detail)
        self.retry_after_s = retry_after_s


class SiteBusy(FetchError):
    """So many requests to the site wait already that this one's turn did not come in time."""

    kind = "site_busy"


class NamesBusy(FetchError):
    """So many names were being looked up that this one's turn to be asked for did not come in time."""

    kind = "names_busy"
