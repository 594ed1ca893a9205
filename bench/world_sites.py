"""The world of bench/world: ranked and unknown sites, and everyday situations with what a user expects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.world_icons import COPIES, brand, changed, default_icon, letter

ALLOWED: Final = frozenset({"trusted", "first_use"})
QUIET: Final = frozenset({"trusted", "first_use", "grey"})
"""No lock; a warning is what such a site must live with."""
LOCKED: Final = frozenset({"lock"})
CAUGHT: Final = frozenset({"lock", "grey"})
WARNED: Final = frozenset({"grey"})
REFUSED: Final = frozenset({"not_a_site"})


@dataclass(frozen=True, slots=True)
class Page:
    """What a host serves: its icons by path, each declared by a link, or a redirect."""

    host: str
    rank: int | None = None
    icons: tuple[bytes, ...] = ()
    head: str = ""
    redirect: str = ""
    files: tuple[tuple[str, str], ...] = ()
    """Other paths, as JSON."""
    later: tuple[bytes, ...] | None = None
    """Its icons after 28 days, where it has others then."""
    bare: bool = False
    """Whether its page names no icon, so that it has only `/favicon.ico`."""
    status: int = 200
    """What its page is answered with; a wall's is 403 or so."""
    favicon: bytes | None = None
    """Its `/favicon.ico`, where that is another one."""
    hosts: int = 3
    """How many hosts the rank list counts below it."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Somebody on a host who sees icons."""

    kind: str
    host: str
    icons: tuple[bytes, ...]
    expected: frozenset[str]
    later: frozenset[str] | None = None
    """After 28 days, where that differs."""
    copy: bool = False
    """Whether trusting it would be a miss of a protected brand."""
    icons_later: tuple[bytes, ...] | None = None
    """What it shows after 28 days, where that is something else."""
    title: str = ""
    """The page's, where the browser tells it."""
    asks_password: bool = False

    def icons_in(self, later: bool) -> tuple[bytes, ...]:
        return self.icons_later if later and self.icons_later is not None else self.icons


@dataclass(slots=True)
class World:
    pages: list[Page] = field(default_factory=list)
    situations: list[Situation] = field(default_factory=list)

    def add(
        self,
        kind: str,
        host: str,
        icons: tuple[bytes, ...],
        expected: frozenset[str],
        *,
        later: frozenset[str] | None = None,
        copy: bool = False,
        page: bool = True,
    ) -> None:
        if copy and page and later is None:
            # Who has worn a brand's look openly for 28 days may be a dealer or a club: rule 4 warns then.
            later = CAUGHT
        self.situations.append(Situation(kind, host, icons, expected, later, copy))
        if page:
            self.pages.append(Page(host, None, icons))


_STEMS: Final = [
    "orvanda",
    "kelmarket",
    "brenoq",
    "tulvia",
    "zanhera",
    "mirolux",
    "pexford",
    "quandel",
    "sorvello",
    "tibrand",
    "ulmaria",
    "vextora",
    "wandrel",
    "yorvest",
    "adlumen",
    "bosqare",
    "cindova",
    "dorvane",
    "elmquist",
    "farnelle",
]
_RANKS: Final = (
    5, 9, 40, 120, 300, 700, 1500, 2800, 4500, 7000, 9500, 15000, 21000, 30000, 42000, 60000, 72000, 85000,
    97000, 99000,
)  # fmt: skip
PACKAGES: Final = (
    ("create-next-app", "14.2.5", "package/dist/templates/app/js/app/favicon.ico", "framework"),
    ("cra-template", "1.3.0", "package/template/public/favicon.ico", "framework"),
    ("create-vite", "5.5.0", "package/template-vanilla/public/vite.svg", "framework"),
    ("create-vue", "3.22.3", "package/template/base/public/favicon.ico", "framework"),
    ("@schematics/angular", "21.2.28", "*/public/favicon.ico.template", "framework"),
    ("create-docusaurus", "3.10.2", "package/templates/shared/static/img/favicon.ico", "framework"),
    ("create-qwik", "1.20.1", "package/dist/starters/apps/base/public/favicon.svg", "framework"),
    ("swagger-ui-dist", "5.35.0", "package/favicon-32x32.png", "software"),
    ("@node-red/editor-client", "5.0.7", "package/public/favicon.ico", "software"),
    ("homebridge-config-ui-x", "5.10.0", "package/public/favicon.ico", "software"),
    ("tiddlywiki", "5.4.1", "package/editions/tw5.com/tiddlers/images/favicon.png", "software"),
    ("ep_etherpad-lite", "1.8.14", "package/static/favicon.ico", "software"),
)


def world(packages: Path) -> World:
    """All pages and situations; default icons come from npm tarballs in `packages`."""
    made = World()
    for part in (_brands, _sisters, _copies, _platforms, _people, _named_hosts, _odd_names, _changes):
        part(made)
    for number, icon in enumerate(_default_icons(packages)):
        _defaults(made, number, *icon)
    return made


def mark(number: int) -> bytes:
    return brand(100 + number)


def name(number: int) -> str:
    return f"{_STEMS[number]}.com"


def _brands(made: World) -> None:
    for number, rank in enumerate(_RANKS):
        icon = mark(number)
        made.pages.append(Page(name(number), rank, (icon,)))
        genuine = [("genuine", name(number), icon), ("genuine www", f"www.{name(number)}", icon)]
        if number < 12:
            genuine += [
                ("genuine sign-in host", f"login.{name(number)}", icon),
                ("genuine with a badge", name(number), changed(icon, "red, top right, 40 %")),
                ("genuine, last year's icon", name(number), brand(100 + number, 1)),
                ("genuine, dark variant", name(number), changed(icon, "on black")),
                ("genuine, touch icon", name(number), changed(icon, "180 px")),
            ]
        for kind, host, shown in genuine:
            made.add(kind, host, (shown,), ALLOWED if "host" in kind else frozenset({"trusted"}), page=False)


def _sisters(made: World) -> None:
    """Families: one label elsewhere, redirects, statements, brands with several well-ranked domains."""
    for number in range(4):
        icon, stem = mark(number), _STEMS[number]
        made.pages.append(Page(f"{stem}.de", 5000 + 700 * number, (icon,)))
        made.add("country site", f"{stem}.de", (icon,), ALLOWED, page=False)
        made.pages.append(
            Page(f"{stem}pay.com", 30_000 + 900 * number, (icon,), redirect=f"https://{stem}.com/")
        )
        made.add("redirects to its owner", f"{stem}pay.com", (icon,), QUIET, page=False)
        listed = json.dumps({"origins": [f"https://{stem}.com", f"https://{stem}-account.com"]})
        made.pages = [
            Page(page.host, page.rank, page.icons, files=(("/.well-known/webauthn", listed),))
            if page.host == f"{stem}.com"
            else page
            for page in made.pages
        ]
        made.pages.append(Page(f"{stem}-account.com", 50_000 + 400 * number, (icon,)))
        made.add("listed by its owner", f"{stem}-account.com", (icon,), ALLOWED, page=False)
        made.pages.append(Page(f"{_STEMS[number]}online.net", 60 + 35 * number, (icon,)))
        made.add("well-ranked sister, unproven", f"{_STEMS[number]}online.net", (icon,), QUIET, page=False)


def _copies(made: World) -> None:
    for number in (0, 2, 4, 6, 8, 10):
        icon, stem = mark(number), _STEMS[number]
        made.add("copy, exact", f"{stem}-login.top", (icon,), LOCKED, copy=True)
        made.add("copy on an unrelated name", f"secure-check{number}.site", (icon,), LOCKED, copy=True)
        made.add("copy on a subdomain", f"{stem}.verify-now{number}.com", (icon,), LOCKED, copy=True)
        for change in COPIES:
            host = f"{stem}-{COPIES.index(change)}.online"
            made.add(f"copy, {change}", host, (changed(icon, change),), LOCKED, copy=True)
        made.add("copy among own icons", f"shop-{stem}.store", (brand(900 + number), icon), LOCKED, copy=True)
        made.situations.append(
            Situation("copy shown to the visitor only", f"cloak{number}.click", (icon,), LOCKED, copy=True)
        )
        made.pages.append(Page(f"cloak{number}.click", None, (brand(950 + number),)))
    for number in (12, 14):
        made.add(
            "copy of a brand at 20,000 to 50,000",
            f"{_STEMS[number]}-help.info",
            (mark(number),),
            LOCKED,
            copy=True,
        )
    for number in (16, 18):
        made.add(
            "copy of a brand at 70,000 to 100,000",
            f"{_STEMS[number]}-help.info",
            (mark(number),),
            LOCKED,
            copy=True,
        )
    for number in range(3):
        made.pages.append(Page(f"hacked-uni{number}.edu", 501 + number, (brand(700 + number),)))
        made.add(
            "well-ranked site that now shows a brand's",
            f"hacked-uni{number}.edu",
            (mark(number),),
            CAUGHT,
            page=False,
        )
        made.pages.append(Page(f"old-club{number}.org", 400_000 + number, (brand(720 + number),)))
        made.add(
            "known site that now shows a brand's",
            f"old-club{number}.org",
            (mark(number),),
            LOCKED,
            copy=True,
            page=False,
        )
    made.add("confusable name", "xn--rvanda-bxa.com", (mark(0),), LOCKED, copy=True)


def _platforms(made: World) -> None:
    hosts = (
        "orvanda-x.weebly.com", "orvanda-help.wordpress.com", "orvanda.github.io", "orvanda.netlify.app",
        "orvanda.web.app", "orvanda-x.pages.dev", "orvanda.typeform.com", "orvanda-my.sharepoint.com",
        "orvanda-help.zendesk.com", "orvanda.mystrikingly.com", "orvanda.godaddysites.com",
        "orvanda.tumblr.com", "orvanda.substack.com", "orvanda.blogspot.com",
    )  # fmt: skip
    for rank, platform in enumerate(
        ("weebly.com", "wordpress.com", "typeform.com", "sharepoint.com", "zendesk.com")
    ):
        made.pages.append(Page(platform, 50 + 30 * rank, (brand(800 + rank),)))
    for host in hosts:
        made.add("tenant that copies", host, (mark(0),), LOCKED, copy=True)
    for number, host in enumerate(hosts[:8]):
        own = host.replace("orvanda", f"bakery{number}")
        made.add("tenant with its own icon", own, (brand(860 + number),), QUIET - {"grey"})
    for host in ("docs.google.com", "sites.google.com", "web.archive.org", "drive.google.com"):
        made.add("host of many people's pages, own icon", host, (brand(880 + len(host)),), ALLOWED)
        made.add("host of many people's pages, a brand's icon", host, (mark(0),), WARNED, page=False)


def _people(made: World) -> None:
    """Honest sites that nobody knows."""
    for number in range(12):
        made.add("small site, own icon", f"smallfirm{number}.com", (brand(500 + number),), ALLOWED)
    for number, (character, colour) in enumerate(
        [
            ("A", "#1652c4"),
            ("B", "#b3261e"),
            ("M", "#1d8348"),
            ("S", "#222222"),
            ("K", "#c47a16"),
            ("W", "#6b2fb3"),
        ]
    ):
        made.pages.append(Page(f"lettered{number}.com", 2000 + 100 * number, (letter(character, colour),)))
        other = letter(character, "#0c8f8f")
        made.add("letter on a square", f"notes{number}.app", (other,), QUIET)
        same = letter(character, colour)
        made.add("the very letter of a ranked site", f"blog{number}.dev", (same,), QUIET)
    for number in range(5):
        made.pages.append(Page(f"dealer{number}.com", 310_000 + number, (mark(number),)))
        made.add("ranked dealer", f"dealer{number}.com", (mark(number),), CAUGHT, later=QUIET, page=False)
    for number in range(4):
        made.add("no icon", f"plain{number}.com", (), QUIET, later=WARNED)


def _named_hosts(made: World) -> None:
    for number in range(6):
        made.add(
            "own host beside an unrelated home page",
            f"app.company{number}.com",
            (brand(600 + number),),
            ALLOWED,
        )


def _odd_names(made: World) -> None:
    for host in (
        "gitlab.local", "wiki.lan", "mail.corp", "nas.home", "grafana.internal", "router.home.arpa",
        "foo.localhost", "10.0.0.5.nip.io", "192-168-1-4.sslip.io", "intranet", "10.1.2.3", "printer.invalid",
    ):  # fmt: skip
        made.add("name that cannot be public", host, (mark(0),), REFUSED, page=False)


def _changes(made: World) -> None:
    for number in range(3):
        icon = brand(640 + number)
        made.pages.append(
            Page(f"rebrand{number}.io", 3000 + number, redirect=f"https://renamed{number}.com/")
        )
        made.pages.append(Page(f"renamed{number}.com", 8000 + number, (icon,)))
        made.add("cut-over to a new domain", f"renamed{number}.com", (icon,), ALLOWED, page=False)
    proxy = "www-orvanda-com.translate.goog"
    made.add("translation proxy", proxy, (mark(0),), QUIET, page=False)


def _defaults(made: World, number: int, icon: bytes, kind: str) -> None:
    if kind == "framework":
        for where in ("newsite", "sideproject"):
            made.add("framework's default icon", f"{where}{number}.com", (icon,), ALLOWED)
        both = (brand(660 + number), icon)
        made.add("own icon beside a framework's", f"half-done{number}.com", both, ALLOWED)
    else:
        for where in ("tools.firm", "apps.club", "box.home-lab"):
            made.add("self-hosted software", f"{where}{number}.com", (icon,), ALLOWED)


def _default_icons(packages: Path) -> Iterator[tuple[bytes, str]]:
    for package, version, pattern, kind in PACKAGES:
        tarball = f"{package.lstrip('@').replace('/', '-')}-{version}.tgz"
        icon = default_icon(packages, tarball, pattern)
        if icon is None:
            raise SystemExit(f"In {packages} run: npm pack {package}@{version}")
        yield icon, kind
