"""What a page's Content Security Policy lets browsers show: they keep icons to `img-src` as any picture.

By CSP Level 3, section 6.7.2: only `img-src`, `default-src` and `base-uri` are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ada_url import URL

_MOST_POLICIES: Final = 20
_MOST_CHARACTERS: Final = 16_384
_HOST = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?"
    r"(?P<host>\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>\d+|\*))?(?P<path>/[^?#]*)?\Z",
    re.IGNORECASE,
)
_PORTS: Final = {"http:": "80", "https:": "443"}


@dataclass(frozen=True, slots=True)
class Policy:
    """The policies of one page; something is shown where all of them allow it."""

    url: str
    """The page, whose origin `'self'` means."""
    directives: tuple[dict[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, url: str, texts: Iterable[str]) -> Policy:
        """The policies of some headers and `meta` elements."""
        serialized = ",".join(texts)[:_MOST_CHARACTERS].split(",")[:_MOST_POLICIES]
        return cls(url, tuple(found for text in serialized if (found := _directives(text))))

    def shows(self, url: str) -> bool:
        """Whether a picture at `url` may be shown. Of an icon within the page Chromium asks no policy."""
        return url.startswith("data:") or all(
            _allows(each, ("img-src", "default-src"), url, self.url) for each in self.directives
        )

    def has_base(self, url: str) -> bool:
        """Whether a `base` may name `url`."""
        return all(_allows(each, ("base-uri",), url, self.url) for each in self.directives)


def _directives(text: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for part in text.split(";"):
        words = part.split()
        if words:
            # The first of two equal directives counts.
            found.setdefault(words[0].lower(), tuple(words[1:]))
    return found


def _allows(directives: dict[str, tuple[str, ...]], names: tuple[str, ...], url: str, page: str) -> bool:
    sources = next((directives[name] for name in names if name in directives), None)
    if sources is None:
        return True
    try:
        asked, own = URL(url), URL(page)
    except ValueError:
        return False
    return any(_matches(source, asked, own) for source in sources)


def _matches(source: str, asked: URL, own: URL) -> bool:
    word = source.lower()
    if word == "*":
        return asked.protocol in _PORTS
    if word == "'self'":
        return bool(asked.hostname == own.hostname) and (
            asked.origin == own.origin
            or (
                _port(own) == _PORTS.get(own.protocol)
                and _port(asked) == "443"
                and asked.protocol == "https:"
            )
        )
    if word.endswith(":"):
        return _scheme_matches(word, asked.protocol)
    found = _HOST.match(source)
    if found is None or asked.protocol not in _PORTS:
        return False
    scheme = f"{found['scheme'].lower()}:" if found["scheme"] else own.protocol
    return (
        _scheme_matches(scheme, asked.protocol)
        and _host_matches(found["host"].lower(), asked.hostname)
        and _port_matches(found["port"], asked)
        and _path_matches(found["path"] or "", asked.pathname)
    )


def _port(url: URL) -> str:
    return str(url.port or _PORTS.get(url.protocol, ""))


def _scheme_matches(allowed: str, asked: str) -> bool:
    # What may come over http may come over https.
    return allowed == asked or (allowed == "http:" and asked == "https:")


def _host_matches(allowed: str, asked: str) -> bool:
    if allowed == "*":
        return True
    return asked.endswith(allowed[1:]) if allowed.startswith("*.") else allowed == asked


def _port_matches(allowed: str | None, asked: URL) -> bool:
    if allowed is None:
        return _port(asked) == _PORTS[asked.protocol]
    return allowed == "*" or allowed == _port(asked) or (allowed == "80" and _port(asked) == "443")


def _path_matches(allowed: str, asked: str) -> bool:
    return allowed in {"", "/"} or (asked.startswith(allowed) if allowed.endswith("/") else asked == allowed)
