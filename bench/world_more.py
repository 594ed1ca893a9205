"""More of bench/world's everyday situations: vendors and their users, brands that change, odd hosts."""

from __future__ import annotations

import json
from typing import Final

from bench.world_icons import brand, changed, dot, flag, pair_of, png_of, two_tone
from bench.world_sites import (
    ALLOWED,
    CAUGHT,
    LOCKED,
    QUIET,
    REFUSED,
    WARNED,
    Page,
    Situation,
    World,
    mark,
    name,
)

TRUSTED: Final = frozenset({"trusted"})
ANY: Final = QUIET | LOCKED

_SOFTWARE: Final = (
    ("gitlab.com", "gitlab"), ("grafana.com", "grafana"), ("nextcloud.com", "cloud"),
    ("jenkins.io", "jenkins"),
    ("vaultwarden.net", "vault"), ("phpmyadmin.net", "pma"), ("jupyter.org", "jupyter"),
    ("home-assistant.io", "homeassistant"), ("portainer.io", "portainer"), ("gitea.com", "gitea"),
    ("mattermost.com", "chat"), ("matomo.org", "stats"), ("keycloak.org", "keycloak"),
    ("sonarsource.com", "sonar"),
    ("jellyfin.org", "jellyfin"), ("immich.app", "photos"), ("plex.tv", "plex"), ("proxmox.com", "pve"),
    ("pi-hole.net", "pihole"),
)  # fmt: skip
_PROVIDERS: Final = (
    ("zendesk.com", "support"), ("shopify.com", "shop"), ("statuspage.io", "status"), ("okta.com", "login"),
)  # fmt: skip
_FRAMEWORKS: Final = ("nextjs.org", "vite.dev", "vuejs.org", "angular.dev", "cpanel.net", "plesk.com")
_PLATFORMS: Final = (
    "orvanda.webflow.io", "orvanda.framer.app", "orvanda.carrd.co", "orvanda.square.site",
    "orvanda.notion.site", "orvanda.replit.app", "orvanda.glitch.me", "orvanda.workers.dev",
    "orvanda.azurewebsites.net", "orvanda.firebaseapp.com", "orvanda.herokuapp.com", "orvanda.fly.dev",
    "orvanda.onrender.com", "orvanda.hf.space", "orvanda.gitbook.io", "orvanda.myshopify.com",
    "orvanda.wixsite.com", "orvanda.jimdosite.com", "orvanda.trycloudflare.com",
    "orvanda.ngrok-free.app", "pub-1.r2.dev", "orvanda.s3.amazonaws.com",
    "orvanda.blob.core.windows.net", "orvanda.my.canva.site", "orvanda.up.railway.app",
    "orvanda.softr.app", "orvanda.lovable.app",
)  # fmt: skip


def add_more(made: World) -> None:
    """Add all pages and situations of this file to the world."""
    for part in (
        _vendors, _curated, _names_of_brands, _brands_that_change, _other_platforms, _addresses,
        _odd_icons, _exchanged, _shared_marks, _local_brands, _tricks,
    ):  # fmt: skip
        part(made)


def _vendors(made: World) -> None:
    """Vendors wear their look at their front doors; strangers show it where they run or buy the product."""
    for number, (vendor, label) in enumerate(_SOFTWARE):
        icon = brand(1000 + number)
        made.pages.append(Page(vendor, 300 + 40 * number, (icon,)))
        for host in (f"{label}.workshop{number}.com", f"{label}{number}.dyn.club"):
            made.add("a vendor's look on a host that runs it", host, (icon,), ALLOWED)
    for number, (vendor, label) in enumerate(_PROVIDERS):
        icon = brand(1030 + number)
        if all(page.host != vendor for page in made.pages):
            made.pages.append(Page(vendor, 150 + 30 * number, (icon,)))
        else:
            icon = next(page.icons[0] for page in made.pages if page.host == vendor)
        made.add("a provider's look at a customer's", f"{label}.customer{number}.com", (icon,), ALLOWED)
    for number, vendor in enumerate(_FRAMEWORKS):
        icon = brand(1040 + number)
        made.pages.append(Page(vendor, 900 + 100 * number, (icon,)))
        made.add("a framework's look on a new site", f"begun{number}.com", (icon,), ALLOWED)
    for host, which in (("gitlab-login.top", 1000), ("grafana-signin.com", 1001), ("0kta-acme.com", 1033)):
        made.add("a name that borrows the vendor's", host, (brand(which),), LOCKED, copy=True)


def _curated(made: World) -> None:
    """Organisations of facts/families.csv, with more domains than the rank list knows."""
    for number, (first, rank, others) in enumerate(
        (
            ("paypal.com", 31, ("venmo.com", "paypal.de")),
            ("microsoft.com", 8, ("live.com", "microsoftonline.com", "office.com")),
            ("amazon.com", 12, ("amazon-logistics.com", "amazon.de")),
            ("dhl.com", 700, ("dhl.de",)),
        )
    ):
        icon = brand(1060 + number)
        made.pages.append(Page(first, rank, (icon,)))
        made.add("genuine, of the curated", first, (icon,), TRUSTED, page=False)
        for other in others:
            made.add("sister of a curated one, unranked", other, (icon,), ALLOWED)
        label = first.partition(".")[0]
        made.add("copy of a curated one", f"{label}-account-check.info", (icon,), LOCKED, copy=True)
        made.add("copy on a tenant's host", f"{label}.pages.dev", (icon,), LOCKED, copy=True)


def _names_of_brands(made: World) -> None:
    stem, icon = name(1).partition(".")[0], mark(1)
    for suffix in ("top", "shop", "xyz"):
        made.add("the brand's label, bought elsewhere", f"{stem}.{suffix}", (icon,), LOCKED, copy=True)
    for suffix, rank in (("co.uk", 20_000), ("com.br", 150_000), ("com.au", 600_000)):
        made.pages.append(Page(f"{stem}.{suffix}", rank, (icon,)))
        made.add("country site of two labels", f"{stem}.{suffix}", (icon,), ALLOWED, page=False)
    for host in (f"{name(1)}:8443", name(1).upper(), f"{name(1)}.", f"me:secret@{name(1)}"):
        made.add("genuine, oddly written", host, (icon,), TRUSTED, page=False)
    made.add("the brand before an @", f"{name(1)}@evil-host.top", (icon,), LOCKED, copy=True, page=False)
    for host in ("xn--kelmrket-dza.com", "kelmarket.com.verify-id.net", "kelmarket-com.support"):
        made.add("a name made to be misread", host, (icon,), LOCKED, copy=True)
    made.add("small site under an international name", "xn--bckerei-n2a.de", (brand(1080),), ALLOWED)
    made.add("a brand's name without an icon", f"{stem}-login.click", (), QUIET)


def _brands_that_change(made: World) -> None:
    """New icons, front doors that lead to a host below, badges far down the ranks, new owners."""
    for number, rank in enumerate((60, 2600, 30_000)):
        old, new = brand(1100 + number), brand(1100 + number, 1)
        host = f"newlook{number}.com"
        made.pages.append(Page(host, rank, (old,), later=(new,)))
        made.situations += [
            Situation("genuine, with a new icon after a month", host, (old,), TRUSTED, icons_later=(new,)),
            Situation("genuine, its old icon from a cache", f"www.{host}", (old,), TRUSTED),
            Situation(
                "copy of the new icon", f"new-{number}.click", (brand(1190 + number),), ANY, LOCKED,
                copy=True, icons_later=(new,),
            ),
            Situation("copy of the icon before", f"old-{number}.click", (old,), LOCKED, LOCKED, copy=True),
        ]  # fmt: skip
        made.situations.append(Situation("genuine, shows its new icon first", host, (new,), TRUSTED))
    for number, rank in enumerate((80, 12_000)):
        icon, host = brand(1110 + number), f"appfirst{number}.com"
        made.pages.append(Page(host, rank, redirect=f"https://web.{host}/"))
        made.pages.append(Page(f"web.{host}", None, (icon,)))
        for shown in (host, f"web.{host}"):
            made.add("front door that leads to a host below", shown, (icon,), ALLOWED, page=False)
        made.add("copy of such a one", f"appfirst-get{number}.top", (icon,), LOCKED, copy=True)
    for number in (13, 15, 17, 19):
        for change in ("red, top right, 40 %", "on black", "180 px"):
            made.add(f"genuine at {number * 5_000:,} or so, {change}", name(number),
                     (changed(mark(number), change),), TRUSTED, page=False)  # fmt: skip
    for number in range(3):
        own, host = brand(1120 + number), f"lapsed{number}.org"
        made.pages.append(Page(host, (None, 300_000, 8_000)[number], (own,), later=(mark(2),)))
        expected = LOCKED if number < 2 else CAUGHT
        made.situations.append(
            Situation(
                "a domain that changed hands",
                host,
                (own,),
                QUIET,
                expected,
                copy=True,
                icons_later=(mark(2),),
            )
        )
    small = brand(1130)
    made.pages.append(Page("smallshop.net", None, (small,)))
    made.situations += [
        Situation(
            "small site with a badge", "smallshop.net", (changed(small, "red, top right, 40 %"),), ALLOWED
        ),
        Situation("small site with a new icon", "smallshop.net", (small,), ALLOWED,
                  icons_later=(brand(1131),)),
    ]  # fmt: skip


def _other_platforms(made: World) -> None:
    made.pages.append(Page("webflow.io", 900, (brand(1140),)))
    made.pages.append(Page("myshopify.com", 600, (brand(1141),)))
    for number, host in enumerate(_PLATFORMS):
        made.add("tenant of another platform that copies", host, (mark(0),), LOCKED, copy=True)
        if number % 3 == 0:
            own = host.replace("orvanda", f"florist{number}").replace("pub-1", f"pub-7{number}")
            made.add("tenant of another platform, own icon", own, (brand(1150 + number),), ALLOWED)
    made.add("tenant with its platform's icon", "atelier.webflow.io", (brand(1140),), ALLOWED)
    for host in ("ipfs.io", "storage.googleapis.com", "forms.gle", "forms.office.com"):
        made.add("strangers' pages under one host, a brand's icon", host, (mark(0),), WARNED, page=False)
    for host in (
        "orvanda-com.cdn.ampproject.org",
        "www-orvanda-com.translate.goog",
        "kelmarket-com.translate.goog",
    ):
        made.add("AMP and translation", host, (mark(0 if "orvanda" in host else 1),), QUIET, page=False)


def _addresses(made: World) -> None:
    made.add("public address that copies", "93.184.216.34", (mark(0),), LOCKED, copy=True, page=False)
    made.add("public address, own icon", "93.184.216.35:8080", (brand(1200),), ALLOWED, page=False)
    for host in ("192.168.1.1", "172.16.0.9:8006", "[fd00::5]", "127.0.0.1:3000", "169.254.169.254"):
        made.add("private address", host, (mark(0),), REFUSED, page=False)


def _odd_icons(made: World) -> None:
    made.add("bytes that are no picture", "broken0.com", (b"<html>not found</html>",), QUIET, page=False)
    made.add("an empty file", "broken1.com", (b"",), QUIET | {"bad_request"}, page=False)
    made.add("a blank picture", "blank0.com", (png_of(16, (0, 0, 0, 0)),), QUIET)
    made.add("a white picture", "blank1.com", (png_of(32, (255, 255, 255, 255)),), QUIET)
    made.pages.append(Page("dotted.com", 3300, (dot((20, 90, 200)),)))
    made.add("genuine with a plain dot", "dotted.com", (dot((20, 90, 200)),), QUIET, page=False)
    made.add("a plain dot in that colour", "bluedot.app", (dot((20, 90, 200)),), QUIET)
    made.add("a plain dot in another colour", "reddot.app", (dot((200, 40, 40)),), QUIET)
    for number, colours in enumerate((("#0055a4", "#ffffff", "#ef4135"), ("#009246", "#ffffff", "#ce2b37"))):
        made.pages.append(Page(f"republic{number}.com", 4000 + number, (flag(*colours),)))
        made.add("a flag that a ranked site shows too", f"voyage{number}.net", (flag(*colours),), QUIET)
    made.pages.append(Page("quiet-brand.com", 1700, (brand(1210),), bare=True))
    made.add("genuine with only a favicon.ico", "quiet-brand.com", (brand(1210),), TRUSTED, page=False)
    made.add("copy of such a one", "quiet-brand-id.com", (brand(1210),), LOCKED, copy=True)
    both = pair_of(brand(1211), mark(3))
    made.add("a partner with both marks in one icon", "partners-both.com", (both,), QUIET)
    for change in ("40 of 64 px on a white disc", "38 of 64 px in a grey ring", "hue -20°", "WebP 60",
                   "turn 3°", "16 px", "10 %"):  # fmt: skip
        for number in (1, 5, 9):
            host = f"more-{number}-{sum(map(ord, change))}.online"
            made.add(f"copy, {change}", host, (changed(mark(number), change),), LOCKED, copy=True)


def _exchanged(made: World) -> None:
    """White signs on one colour, whose copies have that colour on white."""
    for number, rank in enumerate((90, 1_400, 9_000)):
        icon = two_tone(1300 + number)
        made.pages.append(Page(f"duotone{number}.com", rank, (icon,)))
        made.add(
            "copy, sign and ground exchanged", f"duo-{number}.click",
            (changed(icon, "sign and ground exchanged"),), LOCKED, copy=True,
        )  # fmt: skip


def _shared_marks(made: World) -> None:
    """One mark at several sites for good reasons: a theme, a crest of a country's offices."""
    theme = brand(1220)
    for number, rank in enumerate((21_000, 26_000, 40_000, 77_000)):
        made.pages.append(Page(f"themed{number}-{'abcd'[number]}shop.com", rank, (theme,)))
    made.add("a theme's icon, as at ranked shops", "themed-cafe.net", (theme,), ANY, later=ALLOWED)
    crest = brand(1221)
    for number, rank in enumerate((800, 2_100, 6_000)):
        made.pages.append(Page(f"office{number}.gov.uk", rank, (crest,)))
    for host in ("smalltown.gov.uk", "office0.gov.uk", "harbour.office1.gov.uk"):
        made.add("offices of one government with one crest", host, (crest,), QUIET, page="small" in host)
    made.add("a copy of a government's crest", "office-refund.com", (crest,), CAUGHT, later=QUIET, copy=False)


def _local_brands(made: World) -> None:
    for number in range(2):
        icon, host = brand(1230 + number), f"savings-bank{number}.com"
        made.pages.append(Page(host, (400_000, None)[number], (icon,)))
        made.add("small bank that nobody ranks well", host, (icon,), ALLOWED, page=False)
        made.add("copy of a small bank", f"bank-secure{number}.top", (icon,), QUIET, later=WARNED, page=False)


def _tricks(made: World) -> None:
    """Copies that show the crawl something else than people."""
    for number, place in enumerate((3, 7)):
        host, icon = f"go-{number}.site", mark(place)
        made.pages.append(Page(host, redirect=f"https://{name(place)}/"))
        made.situations.append(
            Situation("copy that sends the crawl on to the brand", host, (icon,), LOCKED, copy=True)
        )
        hot = f"hotlink{number}.site"
        made.pages.append(Page(hot, None, (), head=f'<link rel="icon" href="https://{name(place)}/i0">'))
        made.situations.append(
            Situation("copy that hotlinks the icon", hot, (icon,), LOCKED, CAUGHT, copy=True)
        )
        claimed = json.dumps({"origins": [f"https://{name(place)}"]})
        said = f"says-{number}.site"
        made.pages.append(
            Page(
                said,
                90_000 + number,
                (icon,),
                files=(("/.well-known/webauthn", claimed),),
                head=f'<link rel="canonical" href="https://{name(place)}/">',
            )
        )
        made.situations.append(
            Situation("ranked copy that says it is the brand's", said, (icon,), CAUGHT, copy=True)
        )
