"""Questions about hosts, as clients ask them. What a client says serves its own question only."""

from __future__ import annotations

from dataclasses import dataclass

from samelook.looks.look import Look
from samelook.names.errors import NotASite
from samelook.names.sites import Site, host_of_url, is_front_door, site_of


@dataclass(frozen=True, slots=True)
class AskedIcon:
    """One icon that a client names. Its looks are given when this process has seen the bytes."""

    sha256: bytes
    looks: tuple[Look, ...] | None = None
    md5: bytes = b""
    error: str | None = None
    """Why the bytes that were sent are no picture."""
    pdq: bytes = b""
    """All that is known of an icon given as a signal; `sha256` then stands for it."""
    source: Site | None = None
    """The site at whose front door the browser was sent for the icon."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a host, and the site that the host belongs to."""

    host: str
    site: Site
    icons: tuple[AskedIcon, ...] = ()
    client: int | None = None
    position: int | None = None
    """The rank of a site that is not in memory."""
    first_seen: float | None = None
    no_icon: bool = False
    """The asker has looked at the page itself, and it offers none."""
    title: str = ""
    """The page's, as the asker sees it."""
    asks_password: bool = False
    """The page has a field for a password, as the asker sees it."""

    @classmethod
    def about(cls, host: str, *icons: AskedIcon, client: int | None = None) -> Asked:
        """The question about a host that shows these icons, or those that the crawl knows."""
        return cls(host, site_of(host), icons, client)


def source_of(url: str | None) -> Site | None:
    """The site at whose front door an icon's address is. None elsewhere: some hosts serve anybody's."""
    try:
        host = host_of_url(url or "")
    except NotASite:
        return None
    return site_of(host) if is_front_door(host) else None
