"""Sites without an icon, with a broken one, and those that try to hurt the crawler."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from samelook.demo.sample_web.hostile_files import entity_bomb, page_bomb, picture_bomb, reaching_svg
from samelook.demo.sample_web.pages import page
from samelook.demo.sample_web.pictures import IconFile, ico, png
from samelook.demo.sample_web.sample_site import Kind, SampleAnswer, SampleSite, Transfer, Trouble, redirect

_ONE_PIXEL_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

_WELL_KNOWN = ("/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png")

OUTSIDE = "https://swiftquay-beacon.example/seen.png"
"""What the outsider's SVG asks for; a request for it means that a renderer used the network."""


def _site(
    host: str,
    kind: Kind,
    trouble: Trouble,
    about: str,
    *,
    rank: int | None = None,
    head: str = "",
    logo: str = "",
    files: Mapping[str, IconFile] | None = None,
    answers: Mapping[str, SampleAnswer] | None = None,
    page_error: str | None = None,
    icon_errors: Mapping[str, str] | None = None,
    finds: tuple[str, ...] | None = None,
) -> SampleSite:
    title = host.removesuffix(".example").replace("-", " ").capitalize()
    return SampleSite(
        host,
        kind,
        title,
        about,
        rank=rank,
        head=head,
        logo=logo,
        files=files or {},
        answers=answers or {},
        trouble=trouble,
        page_error=page_error,
        icon_errors=icon_errors or {},
        finds=finds,
    )


NO_ICONS: tuple[SampleSite, ...] = (
    _site("plainpaper.example", Kind.NO_ICON, Trouble.NOT_FOUND, "Text, nothing but text.", rank=55_000),
    _site(
        "quietpage.example",
        Kind.NO_ICON,
        Trouble.DECLARED_NONE,
        "We have no icon and say so.",
        head='<link rel="icon" href="data:,">',
    ),
    _site(
        "blanksheet.example",
        Kind.NO_ICON,
        Trouble.BLANK,
        "An icon of snow in fog.",
        logo="blank",
        files={"/favicon.ico": ico("blank", 32)},
    ),
)

BROKEN: tuple[SampleSite, ...] = (
    _site(
        "halfsent.example",
        Kind.BROKEN,
        Trouble.TRUNCATED,
        "The upload stopped in the middle.",
        rank=72_000,
        head='<link rel="icon" href="/half.png">',
        icon_errors={"/half.png": "truncated"},
        answers={"/half.png": SampleAnswer(lambda: png("gearwheel", 96).data[:-900], "image/png")},
    ),
    _site(
        "everypage.example",
        Kind.BROKEN,
        Trouble.PAGE_AS_ICON,
        "One page for every address, the icon's too.",
        rank=150_000,
        icon_errors={"/favicon.ico": "not_an_image"},
        answers={
            "/favicon.ico": SampleAnswer(
                page("Every page", "The icon moved here, or so the server thinks.").encode()
            )
        },
    ),
    _site(
        "tinydots.example",
        Kind.BROKEN,
        Trouble.TINY_OR_EMPTY,
        "A tracking pixel and an empty file.",
        head='<link rel="icon" href="/pixel.gif"><link rel="apple-touch-icon" href="/empty.png">',
        icon_errors={"/pixel.gif": "one_pixel", "/empty.png": "empty"},
        answers={
            "/pixel.gif": SampleAnswer(_ONE_PIXEL_GIF, "image/gif"),
            "/empty.png": SampleAnswer(b"", "image/png"),
        },
    ),
    _site(
        "closed-for-repair.example",
        Kind.BROKEN,
        Trouble.PAGE_ERROR,
        "Back soon.",
        rank=120_000,
        logo="gearwheel",
        files={"/favicon.ico": ico("gearwheel", 32)},
        answers={"/": SampleAnswer(page("Closed for repair", "Back soon.").encode(), status=503)},
    ),
)


def _many_icons(count: int) -> SampleSite:
    paths = [f"/i/{number:03}.png" for number in range(count)]
    return _site(
        "confetti-storm.example",
        Kind.HOSTILE,
        Trouble.TOO_MANY_ICONS,
        f"Declares {count} icons.",
        logo="confetti",
        head="\n".join(f'<link rel="icon" href="{path}">' for path in paths),
        files={path: png("confetti", 16 + 8 * (number % 7)) for number, path in enumerate(paths)},
    )


HOSTILE: tuple[SampleSite, ...] = (
    _site(
        "heavy-picture.example",
        Kind.HOSTILE,
        Trouble.PICTURE_BOMB,
        "Small files, enormous pictures.",
        head='<link rel="icon" href="/bomb.png"><link rel="icon" type="image/svg+xml" href="/bomb.svg">',
        icon_errors={"/bomb.png": "too_many_pixels", "/bomb.svg": "svg_refused"},
        answers={
            "/bomb.png": SampleAnswer(picture_bomb, "image/png"),
            "/bomb.svg": SampleAnswer(entity_bomb, "image/svg+xml"),
        },
    ),
    _site(
        "heavy-page.example",
        Kind.HOSTILE,
        Trouble.PAGE_BOMB,
        "A page that unpacks to 128 MB.",
        page_error="too_large",
        answers={"/": SampleAnswer(page_bomb, "text/html", delivery=Transfer.GZIP_FILE)},
    ),
    _site(
        "roundabout.example",
        Kind.HOSTILE,
        Trouble.REDIRECT_LOOP,
        "Third exit, always.",
        page_error="redirect_loop",
        answers={"/": redirect("/north"), "/north": redirect("/east"), "/east": redirect("/")},
    ),
    _site(
        "neverending.example",
        Kind.HOSTILE,
        Trouble.ENDLESS_BODY,
        "A page and an icon without an end.",
        page_error="too_large",
        answers={
            "/": SampleAnswer(
                b"<!DOCTYPE html><title>Neverending</title>" + b"<p>and then</p>\n" * 4096,
                delivery=Transfer.ENDLESS,
            ),
            "/favicon.ico": SampleAnswer(
                lambda: png("gearwheel", 96).data[:-900] * 8, "image/png", delivery=Transfer.ENDLESS
            ),
        },
    ),
    _site(
        "dripping-tap.example",
        Kind.HOSTILE,
        Trouble.SLOW_DRIP,
        "One byte at a time.",
        page_error="timeout",
        answers={
            "/": SampleAnswer(b"<!DOCTYPE html><title>Dripping tap</title>" * 99, delivery=Transfer.DRIP),
            # A crawler that tries this name too shall not have to wait for it as well.
            "https://www.dripping-tap.example/": SampleAnswer(delivery=Transfer.RESET),
        },
    ),
    _site(
        "inner-door.example",
        Kind.HOSTILE,
        Trouble.PRIVATE_ADDRESS,
        "Sends visitors into their own network.",
        page_error="blocked_address",
        answers={
            "/": redirect("http://169.254.169.254/latest/meta-data/"),
            "/favicon.ico": redirect("http://[::ffff:10.0.0.1]/favicon.ico"),
            "/apple-touch-icon.png": redirect("http://127.0.0.1:5432/"),
        },
    ),
    _site(
        "back-window.example",
        Kind.HOSTILE,
        Trouble.PRIVATE_ADDRESS,
        "A harmless page; only its icons lead inside.",
        head="""<link rel="icon" href="/mapped.png">
<link rel="icon" href="http://127.0.0.1:1/admin.png">
<link rel="icon" href="http://[::1]/admin.png">
<link rel="icon" href="http://0x7f.1/admin.png">
<link rel="icon" href="http://100.64.0.1/admin.png">""",
        icon_errors={
            "/mapped.png": "blocked_address",
            "http://127.0.0.1:1/admin.png": "blocked_address",
            "http://[::1]/admin.png": "blocked_address",
            "http://127.0.0.1/admin.png": "blocked_address",
            "http://100.64.0.1/admin.png": "blocked_address",
        },
        answers={"/mapped.png": redirect("http://[::ffff:10.0.0.1]/icon.png")},
    ),
    _site(
        "slammed-door.example",
        Kind.HOSTILE,
        Trouble.CONNECTION_RESET,
        "Hangs up on everyone.",
        page_error="connection_failed",
        answers={path: SampleAnswer(delivery=Transfer.RESET) for path in ("/", "/robots.txt", *_WELL_KNOWN)},
    ),
    _site(
        "keep-out.example",
        Kind.HOSTILE,
        Trouble.ROBOTS,
        "Asks robots to stay away; the icon is there for people.",
        rank=300_000,
        page_error="robots_disallowed",
        head='<link rel="icon" href="/gear.png">',
        answers={
            "/robots.txt": SampleAnswer(b"User-agent: *\nDisallow: /\n", "text/plain"),
            "/gear.png": SampleAnswer(png("gearwheel", 48)),
        },
    ),
    _site(
        "outsider.example",
        Kind.HOSTILE,
        Trouble.OUTSIDE_REFERENCES,
        "A drawing that wants to phone home.",
        logo="patchwork",
        head='<link rel="icon" href="/outsider.svg">',
        answers={"/outsider.svg": SampleAnswer(lambda: reaching_svg(OUTSIDE), "image/svg+xml")},
        finds=("https://outsider.example/outsider.svg",),
    ),
    _many_icons(500),
)
