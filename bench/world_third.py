"""A third part of bench/world's situations: tenants, tools and hosts nobody wrote down, what tabs show."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from bench.world_icons import brand, changed, in_other_hues, two_tone
from bench.world_more import TRUSTED
from bench.world_sites import (
    ALLOWED,
    CAUGHT,
    LOCKED,
    QUIET,
    REFUSED,
    Page,
    Situation,
    World,
    mark,
    name,
)
from bench.world_tabs import edited, symbol

NOT_TRUSTED: Final = frozenset({"first_use", "grey", "lock"})

# Where strangers publish on a name of their own; the first ones belong to platforms that are ranked well.
_TENANTS: Final = (
    "surge.sh", "deno.dev", "csb.app", "itch.io", "bigcartel.com", "ghost.io", "freshdesk.com",
    "teachable.com", "thinkific.com", "readme.io", "livejournal.com", "hatenablog.com", "tistory.com",
    "over-blog.com", "altervista.org", "000webhostapp.com", "infinityfreeapp.com", "duckdns.org",
    "ddns.net", "loca.lt", "appspot.com", "run.app", "amplifyapp.com", "cloudfront.net", "azureedge.net",
    "digitaloceanspaces.com", "backblazeb2.com", "supabase.co", "streamlit.app", "webador.com",
    "yolasite.com", "zohosites.com", "webnode.page", "bubbleapps.io", "site123.me", "hubspotpagebuilder.com",
    "mailchimpsites.com", "kajabi.com", "beehiiv.com", "bandcamp.com", "atlassian.net", "auth0.com",
    "helpscoutdocs.com", "plesk.page", "elasticbeanstalk.com", "ondigitalocean.app", "gitpod.io",
    "jotform.com", "paperform.co", "super.site", "tilda.ws", "tiiny.site", "framer.website", "durable.co",
    "edgeone.app", "zeabur.app", "koyeb.app", "northflank.app", "cyclic.app", "stormkit.dev",
)  # fmt: skip
_TOOLS: Final = (
    ("kuma.pet", "uptime-kuma"), ("n8n.io", "n8n"), ("metabase.com", "metabase"),
    ("apache.org", "superset"), ("mlflow.org", "mlflow"),
    ("rocket.chat", "chat"), ("zulip.com", "zulip"), ("discourse.org", "forum"),
    ("bookstackapp.com", "docs"), ("getoutline.com", "outline"), ("odoo.com", "erp"),
    ("firefly-iii.org", "money"), ("mealie.io", "recipes"), ("audiobookshelf.org", "books"),
    ("navidrome.org", "music"), ("sonarr.tv", "sonarr"), ("qbittorrent.org", "torrents"),
    ("adguard.com", "dns"), ("ui.com", "unifi"), ("openwrt.org", "router"), ("opnsense.org", "fw"),
    ("synology.com", "nas"), ("qnap.com", "qnap"), ("truenas.com", "truenas"), ("unraid.net", "tower"),
    ("webmin.com", "webmin"), ("netboxlabs.com", "netbox"), ("librenms.org", "nms"), ("zabbix.com", "zabbix"),
    ("icinga.com", "icinga"), ("graylog.org", "logs"), ("elastic.co", "kibana"), ("sentry.io", "sentry"),
    ("forgejo.org", "code"), ("goharbor.io", "registry"), ("sonatype.com", "nexus"),
    ("rancher.com", "rancher"), ("min.io", "minio"), ("seafile.com", "files"), ("syncthing.net", "sync"),
    ("photoprism.app", "photos"), ("emby.media", "emby"), ("openhab.org", "openhab"),
    ("traefik.io", "traefik"), ("nginxproxymanager.com", "npm"), ("headscale.net", "headscale"),
    ("passbolt.com", "pass"), ("bitwarden.com", "vault"), ("freepbx.org", "pbx"),
    ("roundcube.net", "webmail"), ("moodle.org", "courses"), ("joomla.org", "intranet"),
    ("drupal.org", "portal"), ("prestashop.com", "store"), ("opencart.com", "shop"),
    ("mediawiki.org", "wiki"), ("xwiki.com", "xwiki"), ("redmine.org", "tickets"), ("otrs.com", "helpdesk"),
    ("glpi-project.org", "glpi"), ("jitsi.org", "meet"), ("bigbluebutton.org", "room"),
    ("ampache.org", "ampache"), ("owncast.online", "live"), ("joinpeertube.org", "videos"),
    ("joinmastodon.org", "social"), ("pixelfed.org", "pics"), ("wordpress.org", "blog"),
    ("cyberpanel.net", "panel"), ("hestiacp.com", "hestia"), ("virtualmin.com", "vm"),
    ("cloudron.io", "my"), ("coolify.io", "coolify"), ("dokploy.com", "dokploy"), ("casaos.io", "casa"),
)  # fmt: skip
_NOT_SITES: Final = (
    "fritz.box.lan", "nas.localdomain", "host.docker.internal", "web.default.svc.cluster.local",
    "[::1]", "[fe80::1]", "100.100.1.1", "0.0.0.0", "2130706433", "0x7f.1", "127.1", "camera.alt",
    "abc.onion", "router.intranet", "files.private", "ws01.ad.corp", "127.0.0.1.sslip.io", "home.i2p",
)  # fmt: skip


def add_third(made: World) -> None:
    """Add all pages and situations of this file to the world."""
    for part in (
        _unlisted_tenants, _unlisted_tools, _relatives, _walls_and_portals, _marks_of_today,
        _hosting_defaults, _symbols, _placed_copies, _names, _disguises, _marks, _titles, _no_sites,
        _small_brands,
    ):  # fmt: skip
        part(made)


def _unlisted_tenants(made: World) -> None:
    ranked = {page.host for page in made.pages}
    for number, platform in enumerate(_TENANTS):
        if platform not in ranked:
            # The platform itself is a ranked site with an icon of its own and many hosts.
            made.pages.append(Page(platform, 150 + 130 * number, (brand(2000 + number),), hosts=60_000))
        made.add(
            "tenant of a third kind that copies", f"kelmarket-id.{platform}", (mark(1),), LOCKED, copy=True
        )
        if number % 3 == 0:
            made.add(
                "tenant of a third kind, own icon",
                f"violin{number}.{platform}",
                (brand(2080 + number),),
                ALLOWED,
            )
        if number % 4 == 0:
            made.add(
                "tenant that shows its platform's icon",
                f"potter{number}.{platform}",
                (brand(2000 + number),),
                ALLOWED,
            )


def _unlisted_tools(made: World) -> None:
    ranked = {page.host for page in made.pages}
    for number, (vendor, label) in enumerate(_TOOLS):
        icon = brand(2200 + number)
        if vendor not in ranked:
            made.pages.append(Page(vendor, 2_000 + 700 * number, (icon,)))
        else:
            icon = next(page.icons[0] for page in made.pages if page.host == vendor)
        made.add("a tool's look on a stranger's host", f"{label}.garage{number}.net", (icon,), ALLOWED)


def _relatives(made: World) -> None:
    """Country sites, apps and short names of brands that no list of families has."""
    stem, icon = "perlanta", brand(2300)
    shorts = {"origins": [f"https://{stem}.com", f"https://{stem}-id.net", "https://prl.ta"]}
    app = [{"relation": ["delegate_permission/common.get_login_creds"],
            "target": {"namespace": "web", "site": f"https://app-{stem}.io"}}]  # fmt: skip
    head = (
        f'<link rel="alternate" hreflang="pl" href="https://{stem}.pl/">'
        f'<link rel="alternate" hreflang="ja" href="https://{stem}-japan.co.jp/">'
    )
    files = (("/.well-known/webauthn", json.dumps(shorts)), ("/.well-known/assetlinks.json", json.dumps(app)))
    made.pages.append(Page(f"{stem}.com", 450, (icon,), head=head, files=files))
    for host, kind in (
        (f"{stem}.pl", "country site by hreflang"), (f"{stem}-japan.co.jp", "country site by hreflang"),
        (f"{stem}-id.net", "listed for sign-in"), ("prl.ta", "listed for sign-in"),
        (f"app-{stem}.io", "listed app"),
    ):  # fmt: skip
        made.add(f"genuine, {kind}", host, (icon,), ALLOWED)
    for host in (f"m.{stem}.com", f"pay.{stem}.com", f"id.eu.{stem}.com", f"{stem}.com:444"):
        made.add("genuine, host below the brand", host, (icon,), ALLOWED, page=False)
    made.pages.append(Page(f"{stem}.fr", 70_000, redirect=f"https://www.{stem}.com/fr"))
    made.add("genuine, redirects to the brand", f"{stem}.fr", (icon,), QUIET, page=False)
    made.add("stranger who borrows the name and says nothing", f"{stem}-bonus.pl", (icon,), LOCKED, copy=True)
    made.add("the label in a country nobody named", f"{stem}.ru", (icon,), CAUGHT, copy=True)


def _walls_and_portals(made: World) -> None:
    challenge, portal = brand(2310), brand(2311)
    for number, status in enumerate((403, 429, 503)):
        host = f"walled{number}.com"
        made.pages.append(Page(host, 600 + number, (challenge,), status=status, favicon=brand(2312 + number)))
        made.add("genuine behind a bot wall", host, (brand(2312 + number),), ALLOWED, page=False)
        made.add("the wall itself, as a visitor sees it", host, (challenge,), ALLOWED, page=False)
        made.add("small site that shows the same wall", f"minor{number}.net", (challenge,), ALLOWED)
        made.add(
            "copy of a walled brand", f"walled{number}-login.top", (brand(2312 + number),), LOCKED, copy=True
        )
    made.pages.append(Page("hotspot.net", 20_000, (portal,)))
    made.add("captive portal on a brand's name", name(2), (portal,), QUIET, page=False)
    made.add("captive portal on a small site's name", "tinyshop.example", (portal,), QUIET, page=False)


def _marks_of_today(made: World) -> None:
    """What brands' tabs show besides their icon."""
    for number in (0, 3, 6, 13):
        host, icon = name(number), mark(number)
        for what in ("counter", "online", "ring of progress", "grey", "dimmed", "night", "hat"):
            made.add(f"genuine, {what}", host, (edited(icon, what),), TRUSTED, page=False)
        made.add(
            "genuine, sign-in with a counter", f"mail.{host}", (edited(icon, "counter"),), ALLOWED, page=False
        )
    for what in ("counter", "online", "grey", "dimmed", "night", "hat"):
        for number in (1, 4):
            host = f"tab-{what.split()[0]}-{number}.site"
            made.add(f"copy, {what}", host, (edited(mark(number), what),), LOCKED, copy=True)


def _hosting_defaults(made: World) -> None:
    parked, mailer, registrar = brand(2330), brand(2331), brand(2332)
    for number in range(5):
        made.pages.append(
            Page(f"parked{number}-{'abcde'[number] * 3}.com", 30_000 + 9_000 * number, (parked,))
        )
    made.add("parked, as ranked ones are", "forsale-0.net", (parked,), QUIET, later=ALLOWED)
    made.pages.append(Page("ionos.com", 800, (mailer,)))
    made.add("a hosting provider's webmail at a customer's", "webmail.bakery-lane.com", (mailer,), ALLOWED)
    made.pages.append(Page("godaddy.com", 120, (registrar,)))
    made.add("a registrar's page on a new domain", "just-registered0.com", (registrar,), ALLOWED)
    made.add("a name that borrows the registrar's", "godaddy-renewal.net", (registrar,), LOCKED, copy=True)
    for number, (host, rank) in enumerate((("bit.ly", 200), ("tinyurl.com", 700), ("t.co", 50))):
        made.pages.append(Page(host, rank, (brand(2340 + number),)))
        made.add("a shortener itself", host, (brand(2340 + number),), TRUSTED, page=False)
        made.add("a shortener that shows a brand's page", host, (mark(4),), CAUGHT, page=False)


def _symbols(made: World) -> None:
    """Signs that are nobody's: hearts, houses, padlocks, envelopes."""
    for number, shape in enumerate(
        ("heart", "house", "padlock", "envelope", "star", "tick", "globe", "cart")
    ):
        made.pages.append(Page(f"{shape}ly.com", 3_000 + 5_000 * number, (symbol(shape, "#c0392b"),)))
        made.add("a symbol that a ranked site has in another colour", f"my{shape}{number}.net",
                 (symbol(shape, "#2471a3"),), QUIET)  # fmt: skip
        made.add(
            "genuine with a mere symbol", f"{shape}ly.com", (symbol(shape, "#c0392b"),), TRUSTED, page=False
        )


def _placed_copies(made: World) -> None:
    """Copies with ranks, hacked sites with some standing."""
    for number, rank in enumerate((8_000, 45_000, 90_000, 250_000)):
        host = f"climbing{number}.biz"
        made.pages.append(Page(host, rank, (mark(0),)))
        made.add("copy that is ranked", host, (mark(0),), CAUGHT if rank <= 100_000 else LOCKED,
                 later=CAUGHT, copy=True, page=False)  # fmt: skip
        made.pages.append(Page(f"hobby{number}.org", rank + 1, (brand(2360 + number),)))
        made.add("hacked site of some rank", f"hobby{number}.org/wp-content/login", (mark(2),),
                 CAUGHT if rank <= 100_000 else LOCKED, copy=True, page=False)  # fmt: skip
        made.add("hacked site, a host below", f"secure.hobby{number}.org", (mark(2),),
                 CAUGHT if rank <= 100_000 else LOCKED, copy=True, page=False)  # fmt: skip


def _names(made: World) -> None:
    made.pages.append(Page("xn--mnchner-bank-dlb.de", 5_500, (brand(2370),)))
    made.add(
        "genuine under an international name", "xn--mnchner-bank-dlb.de", (brand(2370),), TRUSTED, page=False
    )
    made.add("the same, as people write it", "münchner-bank.de", (brand(2370),), TRUSTED, page=False)
    made.add("copy of it without the dots", "munchner-bank.top", (brand(2370),), LOCKED, copy=True)
    for host in (
        "brenoq.com.login.page",
        "brenoqcom.net",
        "br\u0435noq.com",
        "www-brenoq.com",
        "brenoq.com-id.app",
    ):
        made.add("a brand's name bent", host, (mark(2),), LOCKED, copy=True)
    for host in ("brenoq-com.translate.goog", "brenoq-com.cdn.ampproject.org",
                 "translate.google.com", "webcache.googleusercontent.com", "archive.ph",
                 "brenoq-com.translatetheweb.com"):  # fmt: skip
        made.add("a page of the brand through somebody's proxy", host, (mark(2),), QUIET, page=False)
    made.add("public address in IPv6 that copies", "[2606:2800:220:1:248:1893:25c8:1946]", (mark(2),), LOCKED,
             copy=True, page=False)  # fmt: skip
    made.add("router's page at a public address", "93.184.216.35", (brand(2220),), ALLOWED, page=False)


def _disguises(made: World) -> None:
    for number in (0, 2, 4, 6, 8, 10):
        for change in ("hue +20°", "hue -20°", "3 %", "brighter 20 %", "saturation 60 %", "GIF 64 colours",
                       "12 %", "blue, top left, 30 %", "32 px + JPEG + pad 10 %"):  # fmt: skip
            host = f"veil-{number}-{sum(map(ord, change))}.top"
            made.add(f"copy, {change}", host, (changed(mark(number), change),), LOCKED, copy=True)
    for number in range(6):
        icon = two_tone(2400 + number)
        made.pages.append(Page(f"twotone{number}.com", 400 + 900 * number, (icon,)))
        for change in ("sign and ground exchanged", "hue 15°", "62 % on a white disc"):
            made.add(f"copy of two colours, {change}", f"tt-{number}-{len(change)}.click",
                     (changed(icon, change),), LOCKED, copy=True)  # fmt: skip


def _marks(made: World) -> None:
    """The brands' marks in other colours, and honest marks under names that have a brand's in them."""
    for number in range(0, 12, 2):
        stem = name(number).removesuffix(".com")
        anew = in_other_hues(mark(number))
        for host in (f"{stem}-secure.top", f"my{stem}.click", f"{stem}1-login.online"):
            made.add("copy in other hues that borrows the name", host, (anew,), LOCKED, copy=True)
        made.add(
            "a mark in other hues on an unrelated name", f"bakery-hue{number}.shop", (anew,), NOT_TRUSTED
        )
        for place, host in enumerate((f"{stem}-garden.club", f"hotel-{stem}.travel", f"{stem}sson.dev")):
            own = brand(2700 + 10 * number + place)
            made.add("own mark under a name that has a brand's in it", host, (own,), ALLOWED)


def _titles(made: World) -> None:
    """Brands in titles: of copies with a mark in other colours, and of pages with good reason to name one."""
    for number in range(1, 13, 2):
        stem = name(number).removesuffix(".com").capitalize()
        anew = in_other_hues(mark(number))
        for place, (title, host) in enumerate(
            (
                (f"{stem} - Sign in", "orchid"),
                (f"Your account | {stem}", "pebble"),
                (f"{stem.upper()}", "willow"),
            )
        ):
            _told(
                made, "copy in other hues that the title gives out", f"{host}{number}.shop", anew,
                LOCKED, title, copy=True,
            )  # fmt: skip
            own = brand(2800 + 10 * number + place)
            _told(
                made, "shop that names a brand in its title", f"shop-{host}{number}.net", own, ALLOWED, title
            )
        _told(
            made, "review that shows the brand's mark", f"reads{number}.blog", anew,
            QUIET, f"{stem}: what we think", asks_password=False,
        )  # fmt: skip
    for number, (vendor, label) in enumerate(_TOOLS[:18:3]):
        icon = next(page.icons[0] for page in made.pages if page.host == vendor)
        title = f"Sign in - {vendor.partition('.')[0].capitalize()}"
        _told(
            made,
            "a tool's mark in other hues",
            f"{label}.hangar{number}.net",
            in_other_hues(icon),
            ALLOWED,
            title,
        )


def _told(
    made: World,
    kind: str,
    host: str,
    icon: bytes,
    expected: frozenset[str],
    title: str,
    *,
    asks_password: bool = True,
    copy: bool = False,
) -> None:
    """A page about which the browser tells more than its icon."""
    made.add(kind, host, (icon,), expected, copy=copy)
    made.situations[-1] = replace(made.situations[-1], title=title, asks_password=asks_password)


def _no_sites(made: World) -> None:
    for host in _NOT_SITES:
        made.add("name or address that cannot be public", host, (mark(0),), REFUSED, page=False)
    for host in ("shop.example", "demo.test"):
        made.add("name for documentation", host, (brand(2390),), QUIET | REFUSED, page=False)


def _small_brands(made: World) -> None:
    """Honest sites beyond the tiers, and those who copy each other there."""
    for number, rank in enumerate((120_000, 400_000, 900_000, None)):
        icon, host = brand(2380 + number), f"townbank{number}.coop"
        made.pages.append(Page(host, rank, (icon,)))
        made.add("small bank", host, (icon,), ALLOWED, page=False)
        made.add("its sign-in on a host of its own", f"login.{host}", (icon,), ALLOWED, page=False)
        made.add("copy of it", f"townbank{number}-login.top", (icon,), NOT_TRUSTED, page=False)
    made.situations.append(
        Situation(
            "re-bought domain of a small bank",
            "townbank9.coop",
            (brand(2388),),
            ALLOWED,
            CAUGHT,
            copy=True,
            icons_later=(mark(5),),
        )
    )
    made.pages.append(Page("townbank9.coop", 300_000, (brand(2388),), later=(mark(5),)))
