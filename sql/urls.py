"""Database URLs as people may see them, and as libpq's tools take them."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from .errors import BadDatabaseUrl

_LAST_PORT = 65535
_SCHEMES = ("postgresql", "postgres")
# What libpq and asyncpg read from the query of a URL and nobody should see.
_SECRETS = frozenset({"password", "passfile", "sslpassword"})


def split_password(url: str) -> tuple[str, str | None]:
    """The URL without its password, and the password (decoded), so that it can travel by another way.

    Raises BadDatabaseUrl, whose message never quotes the URL: a password with an unescaped `/` or
    `@` ends up in other parts of it.
    """
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise _unreadable() from None
    if parts.scheme not in _SCHEMES:
        raise _unreadable()
    userinfo, at, hosts = parts.netloc.rpartition("@")
    user, colon, secret = userinfo.partition(":")
    password = unquote(secret) if colon else None
    for host in hosts.split(","):
        _check_port(host)
    kept = [(key, value) for key, value in query if key.lower() not in _SECRETS]
    if password is None:
        password = next((value for key, value in query if key == "password"), None)
    # quote and not quote_plus: libpq does not read "+" as a space.
    rest = urlencode(kept, quote_via=quote, safe="/")
    plain = f"postgresql://{user}{at}{hosts}{parts.path}" + (f"?{rest}" if rest else "")
    return plain, password


def without_secrets(url: str) -> str:
    """The URL for messages and logs. An unreadable one is described, not quoted."""
    try:
        return split_password(url)[0]
    except BadDatabaseUrl:
        return "the configured database"


def _check_port(host: str) -> None:
    port = host.rpartition("]")[2] if host.startswith("[") else host
    _, colon, digits = port.partition(":")
    if colon and not (digits.isascii() and digits.isdigit() and 0 < int(digits) <= _LAST_PORT):
        raise _unreadable()


def _unreadable() -> BadDatabaseUrl:
    return BadDatabaseUrl(
        "The database URL cannot be read. Write postgresql://user:password@host:5432/database, with "
        "special characters of the password percent-encoded (/ as %2F, @ as %40, : as %3A, # as %23)."
    )
