"""The cookies of one visit: "set a cookie and come back" works, and nothing is left for the next visit."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ada_url import URL

MAX_COOKIES = 50
"""Cookies of one host, and hosts of one visit; browsers keep about as many."""
MAX_COOKIE_BYTES = 4_096

_SENDABLE = re.compile(r"[\x20-\x3a\x3c-\x7e]*")


@dataclass(frozen=True, slots=True)
class _Cookie:
    value: str
    path: str
    secure: bool


class Cookies:
    """A jar for the requests of one visit. A cookie goes back to the very host that set it."""

    __slots__ = ("_hosts",)

    def __init__(self) -> None:
        self._hosts: dict[str, dict[str, _Cookie]] = {}

    def __bool__(self) -> bool:
        return any(self._hosts.values())

    def header(self, url: str) -> str:
        """What the Cookie header of a request for `url` holds; empty for no cookie."""
        if not self._hosts:
            return ""
        parts = URL(url)
        sent = [
            f"{name}={cookie.value}" if name else cookie.value
            for name, cookie in self._hosts.get(parts.hostname, {}).items()
            if _covers(cookie.path, parts.pathname) and (not cookie.secure or parts.protocol == "https:")
        ]
        return "; ".join(sent)

    def keep(self, url: str, set_cookies: str) -> None:
        """Take up the Set-Cookie headers of the answer at `url`, one a line (RFC 6265, 5.2)."""
        parts = URL(url)
        if parts.hostname not in self._hosts and len(self._hosts) >= MAX_COOKIES:
            return
        jar = self._hosts.setdefault(parts.hostname, {})
        for line in set_cookies.split("\n"):
            pair, *attributes = line[: 2 * MAX_COOKIE_BYTES].split(";")
            name, equals, value = pair.strip().partition("=") if "=" in pair else ("", "", pair.strip())
            name, value = name.strip(), value.strip()
            named = {
                key.strip().lower(): text.strip() for key, _, text in (a.partition("=") for a in attributes)
            }
            if len(name) + len(value) > MAX_COOKIE_BYTES or not _SENDABLE.fullmatch(f"{name}{equals}{value}"):
                continue
            if _is_over(named):
                jar.pop(name, None)
            elif name in jar or len(jar) < MAX_COOKIES:
                path = named.get("path", "")
                default = parts.pathname.rpartition("/")[0] or "/"
                jar[name] = _Cookie(value, path if path.startswith("/") else default, "secure" in named)


def _covers(path: str, requested: str) -> bool:
    """Whether a cookie of `path` goes with a request (RFC 6265, 5.1.4)."""
    return requested == path or requested.startswith(path.removesuffix("/") + "/")


def _is_over(attributes: dict[str, str]) -> bool:
    """Whether a cookie is set in order to be forgotten."""
    age = attributes.get("max-age", "")
    if age.lstrip("-").isdigit() and age.isascii():
        return age.startswith("-") or not age.strip("0")
    try:
        return parsedate_to_datetime(attributes.get("expires", "")).timestamp() < time.time()
    except (ValueError, OverflowError):
        return False
