"""What one site of the sample web is, what it serves, and what a crawl finds there by construction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from samelook.demo.sample_web.pictures import Alteration, IconFile


class Kind(StrEnum):
    BRAND = "brand"
    """A ranked site with a logo of its own."""
    FAMILY = "family"
    """A ranked sister of a brand that rightly wears the brand's icon."""
    DEFAULT_ICON = "default_icon"
    """One of several unrelated sites that left their framework's icon in place."""
    LETTER = "letter"
    """A letter on a coloured square."""
    NO_ICON = "no_icon"
    """No icon, or one without anything to see."""
    IMPERSONATOR = "impersonator"
    """Wears a brand's icon without right."""
    BROKEN = "broken"
    """Serves by mistake what no browser can show."""
    HOSTILE = "hostile"
    """Serves what would harm a careless crawler."""


class Trouble(StrEnum):
    """What is wrong with a site by construction; its value is stable."""

    NOT_FOUND = "not_found"
    DECLARED_NONE = "declared_none"
    BLANK = "blank"
    TRUNCATED = "truncated"
    PAGE_AS_ICON = "page_as_icon"
    TINY_OR_EMPTY = "tiny_or_empty"
    PAGE_ERROR = "page_error"
    PICTURE_BOMB = "picture_bomb"
    PAGE_BOMB = "page_bomb"
    REDIRECT_LOOP = "redirect_loop"
    ENDLESS_BODY = "endless_body"
    SLOW_DRIP = "slow_drip"
    PRIVATE_ADDRESS = "private_address"
    CONNECTION_RESET = "connection_reset"
    ROBOTS = "robots"
    TOO_MANY_ICONS = "too_many_icons"
    OUTSIDE_REFERENCES = "outside_references"


class Proof(StrEnum):
    """How a member of a family can be recognised."""

    SAME_LABEL = "same_label"
    """The same registrable label under another suffix, and both are ranked."""
    ROOT_REDIRECT = "root_redirect"
    """Its root redirects to the owner's."""
    OPERATOR = "operator"
    """Nothing on the web tells; only the operator's own list does."""


class Transfer(StrEnum):
    PLAIN = "plain"
    GZIP = "gzip"
    """Compressed when the client accepts gzip."""
    GZIP_FILE = "gzip_file"
    """The content is a gzip stream already and is declared as such."""
    ENDLESS = "endless"
    """The content again and again until the client hangs up."""
    DRIP = "drip"
    """One byte at a time."""
    RESET = "reset"
    """The connection is cut without an answer."""


@dataclass(frozen=True, slots=True)
class SampleAnswer:
    """What the server says for one path."""

    content: IconFile | bytes | Callable[[], bytes] = b""
    content_type: str = ""
    """Empty: that of the picture, or HTML."""
    status: int = 200
    location: str = ""
    delivery: Transfer = Transfer.PLAIN

    @property
    def data(self) -> bytes:
        match self.content:
            case IconFile():
                return self.content.data
            case bytes():
                return self.content
            case _:
                return self.content()

    @property
    def media_type(self) -> str:
        if self.content_type:
            return self.content_type
        return self.content.content_type if isinstance(self.content, IconFile) else "text/html; charset=utf-8"


def redirect(location: str, status: int = 302) -> SampleAnswer:
    return SampleAnswer(status=status, location=location)


@dataclass(frozen=True, slots=True, eq=False)
class SampleSite:
    """One site.

    `files` and `answers` map a path on `home`, or a whole URL on another host, to what is served there;
    `/` is a page made from `title`, `about`, `head` and `body` unless `answers` has it.
    """

    host: str
    kind: Kind
    title: str
    about: str
    rank: int | None = None
    """The harmonic position in the rank list; None for a site on the plain list of unranked ones."""
    logo: str = ""
    """The drawing that it wears; sites with equal logos share a look."""
    head: str = ""
    body: str = ""
    files: Mapping[str, IconFile] = field(default_factory=dict)
    answers: Mapping[str, SampleAnswer] = field(default_factory=dict)
    home: str = ""
    """The host that the site redirects to and that serves its files; empty when that is `host` itself."""
    owner: str = ""
    """The host of the brand whose icon an impersonator or a member of a family wears."""
    change: Alteration = Alteration.NONE
    proof: Proof | None = None
    trouble: Trouble | None = None
    page_error: str | None = None
    """The kind of error with which the visit of the page ends; None when the page can be had."""
    icon_errors: Mapping[str, str] = field(default_factory=dict)
    """Path or URL of each icon that is offered and of no use, with the kind of error.

    The well-known paths that are simply not there (404) are not listed.
    """
    finds: tuple[str, ...] | None = None
    """The usable icons, where they are not simply all `files`."""

    @property
    def icons(self) -> tuple[str, ...]:
        """The URL of every usable icon that the site offers, in no special order.

        A crawl that tries https first, looks at the well-known paths too and follows redirects of the page
        finds exactly these (`too_many_icons`: as many of these as it cares to fetch).
        """
        return tuple(self.url(path) for path in self.files) if self.finds is None else self.finds

    def url(self, path: str) -> str:
        """The address of one of the site's paths; a whole URL is left as it is."""
        return path if "://" in path else f"https://{self.home or self.host}{path}"
