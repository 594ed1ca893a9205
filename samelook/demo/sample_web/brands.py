"""The sample web's brands, each with another way to declare its icons."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

from samelook.demo.sample_web.pages import page
from samelook.demo.sample_web.pictures import Format, IconFile, ico, png
from samelook.demo.sample_web.sample_site import Kind, SampleAnswer, SampleSite, Transfer

_ROBOTS = SampleAnswer(b"User-agent: *\nDisallow: /account/\nDisallow: /search\n", "text/plain")


def _lumora() -> SampleSite:
    return SampleSite(
        "lumora.example",
        Kind.BRAND,
        "Lumora Mail",
        "Letters that arrive before the kettle boils.",
        rank=12,
        logo="lumora",
        # Several sizes, and both names of the touch icon.
        head="""<link rel="icon" type="image/png" sizes="16x16" href="/icons/lumora-16.png">
<link rel="icon" type="image/png" sizes="32x32" href="/icons/lumora-32.png">
<link rel="icon" type="image/png" sizes="192x192" href="/icons/lumora-192.png">
<link rel="apple-touch-icon" sizes="180x180" href="/icons/touch-180.png">
<link rel="apple-touch-icon-precomposed" href="/icons/touch-120.png">""",
        files={
            "/icons/lumora-16.png": png("lumora", 16),
            "/icons/lumora-32.png": png("lumora", 32),
            "/icons/lumora-192.png": png("lumora", 192),
            "/icons/touch-180.png": png("lumora", 180),
            "/icons/touch-120.png": png("lumora", 120),
            "/favicon.ico": ico("lumora", 16, 32),
        },
        answers={"/robots.txt": _ROBOTS},
    )


def _tidepool() -> SampleSite:
    decoys = ("mask.png", "preload.png", "share.png", "comment.png", "noscript.png", "script.png")
    return SampleSite(
        "tidepool.example",
        Kind.BRAND,
        "Tidepool",
        "Small talk for small circles of friends.",
        rank=58,
        logo="tidepool",
        # Odd case and order of rel; everything else here only looks like an icon link.
        head="""<LINK HREF=/img/tidepool.webp REL="SHORTCUT ICON">
<link rel="mask-icon" href="/decoy/mask.png" color="#0bb3b0">
<link rel="preload" as="image" href="/decoy/preload.png">
<meta property="og:image" content="/decoy/share.png">
<!-- <link rel="icon" href="/decoy/comment.png"> -->
<noscript><link rel="icon" href="/decoy/noscript.png"></noscript>
<script>document.write('<link rel="icon" href="/decoy/script.png">')</script>""",
        files={"/img/tidepool.webp": IconFile("tidepool", (64,), Format.WEBP)},
        answers={f"/decoy/{name}": SampleAnswer(png("patchwork", 64)) for name in decoys},
    )


def _cirrusdeck() -> SampleSite:
    manifest = {
        "name": "Cirrusdeck",
        "start_url": "/",
        "icons": [
            {"src": "icons/deck-192.png", "sizes": "192x192", "type": "image/png"},
            {
                "src": "/app/icons/deck-512.png",
                "sizes": "512x512",
                "type": "image/png",
                "purpose": "any maskable",
            },
        ],
    }
    site = SampleSite(
        "cirrusdeck.example",
        Kind.BRAND,
        "Cirrusdeck",
        "Your files, stacked neatly above the weather.",
        rank=77,
        logo="cirrusdeck",
        head='<link rel="manifest" href="/app/site.webmanifest">',
        files={
            "/app/icons/deck-192.png": png("cirrusdeck", 192),
            "/app/icons/deck-512.png": png("cirrusdeck", 512),
        },
    )
    # With a byte order mark and the wrong type, as manifests are often served.
    served = SampleAnswer(
        b"\xef\xbb\xbf" + json.dumps(manifest).encode(), "application/octet-stream", delivery=Transfer.GZIP
    )
    body = page(site.title, site.about, head=site.head).encode()
    return _with(site, {"/app/site.webmanifest": served, "/": SampleAnswer(body, delivery=Transfer.GZIP)})


def _harborpay() -> SampleSite:
    config = (
        '<?xml version="1.0" encoding="utf-8"?><browserconfig><msapplication><tile>'
        '<square150x150logo src="/tiles/square-150.png"/><TileColor>#0b1c4d</TileColor>'
        "</tile></msapplication></browserconfig>"
    )
    return SampleSite(
        "harborpay.example",
        Kind.BRAND,
        "Harborpay",
        "Payments that reach the other shore.",
        rank=900,
        logo="harborpay",
        head="""<meta name="msapplication-TileImage" content="/tiles/tile-144.png">
<meta name="msapplication-config" content="/tiles/browserconfig.xml">""",
        files={
            "/tiles/tile-144.png": png("harborpay", 144),
            "/tiles/square-150.png": png("harborpay", 150),
            "/favicon.ico": ico("harborpay", 32),
        },
        answers={"/tiles/browserconfig.xml": SampleAnswer(config.encode(), "application/xml")},
    )


def _dailyquorum() -> SampleSite:
    site = SampleSite(
        "dailyquorum.example",
        Kind.BRAND,
        "Daily Quorum \N{EN DASH} l\N{RIGHT SINGLE QUOTATION MARK}actualité du café",
        "News that at least nine people agreed on.",
        rank=4_700,
        logo="dailyquorum",
        # Says ISO 8859-1 and means windows-1252; the path is right only for those who know.
        head='<link rel="icon" href="/icônes/quorum.gif">',
        files={"/ic%C3%B4nes/quorum.gif": IconFile("dailyquorum", (64,), Format.GIF)},
    )
    body = page(site.title, site.about, head=site.head, charset="iso-8859-1").encode("windows-1252")
    return _with(site, {"/": SampleAnswer(body, "text/html")})


def _inkfern() -> SampleSite:
    inline = "data:image/png;base64," + base64.b64encode(png("inkfern", 32).data).decode()
    return SampleSite(
        "inkfern.example",
        Kind.BRAND,
        "Inkfern",
        "Notes that grow while you are away.",
        rank=15_600,
        logo="inkfern",
        head=f"""<link rel="icon" href="{inline}">
<link rel="apple-touch-icon" href="/static/fern-96.png">""",
        files={"/static/fern-96.png": png("inkfern", 96)},
        finds=(inline, "https://inkfern.example/static/fern-96.png"),
    )


def _vaultmoth() -> SampleSite:
    head = '<link rel="icon" sizes="64x64" href="icons/moth-64.png">'
    about = "Keeps your passwords away from the light."
    front = page("Vaultmoth", about, head='<meta http-equiv="refresh" content="0; url=/home/">')
    return SampleSite(
        "vaultmoth.example",
        Kind.BRAND,
        "Vaultmoth",
        about,
        rank=26_000,
        logo="vaultmoth",
        files={"/home/icons/moth-64.png": png("vaultmoth", 64)},
        answers={
            "/": SampleAnswer(front.encode()),
            "/home/": SampleAnswer(page("Vaultmoth", about, head=head).encode()),
        },
    )


def _stonequay() -> SampleSite:
    # A PNG under the name of an ICO, served as text: only the bytes tell.
    address = "/favicon.ico"
    return SampleSite(
        "stonequay.example",
        Kind.BRAND,
        "Stonequay",
        "Servers in an old harbour warehouse.",
        rank=47_000,
        logo="stonequay",
        answers={address: SampleAnswer(png("stonequay", 48), "text/plain")},
        finds=(f"https://stonequay.example{address}",),
    )


def _with(site: SampleSite, answers: dict[str, SampleAnswer]) -> SampleSite:
    return replace(site, answers={**site.answers, **answers})


BRANDS: tuple[SampleSite, ...] = (
    _lumora(),
    _tidepool(),
    _cirrusdeck(),
    SampleSite(
        "kestrelshop.example",
        Kind.BRAND,
        "Kestrel Shop",
        "Everything for the kitchen, dropped at your door.",
        rank=131,
        logo="kestrelshop",
        home="www.kestrelshop.example",
        files={"/favicon.ico": ico("kestrelshop", 32)},
    ),
    SampleSite(
        "norrbank.example",
        Kind.BRAND,
        "Norrbank",
        "A bank with a roof and three columns.",
        rank=340,
        logo="norrbank",
        head='<link rel="shortcut icon" type="image/x-icon" href="https://norrbank.example/media/norr.ico">',
        files={"/media/norr.ico": ico("norrbank", 16, 24, 32, 48, 64)},
        answers={"/robots.txt": _ROBOTS},
    ),
    _harborpay(),
    SampleSite(
        "obolia.example",
        Kind.BRAND,
        "Obolia",
        "Exchange coins that nobody can drop.",
        rank=2_150,
        logo="obolia",
        head='<link rel="icon" href="//cdn.swiftquay.example/obolia/coin-64.png" sizes="64x64">',
        files={"https://cdn.swiftquay.example/obolia/coin-64.png": png("obolia", 64)},
    ),
    _dailyquorum(),
    SampleSite(
        "farewind.example",
        Kind.BRAND,
        "Farewind",
        "Cheap crossings for patient people.",
        rank=9_200,
        logo="farewind",
        head="""<link rel="icon" type="image/svg+xml" href="/sail.svg" media="(prefers-color-scheme: light)">
<link rel="icon" type="image/svg+xml" href="/sail-dark.svg" media="(prefers-color-scheme: dark)">""",
        files={
            "/sail.svg": IconFile("farewind", (96,), Format.SVG),
            "/sail-dark.svg": IconFile("farewind-dark", (96,), Format.SVG),
        },
    ),
    _inkfern(),
    _vaultmoth(),
    SampleSite(
        "mangotrack.example",
        Kind.BRAND,
        "Mangotrack",
        "Parcels that ripen on the way.",
        rank=38_500,
        logo="mangotrack",
        head="""<base href="/assets/v3/">
<link rel="icon" href="img\\mango-48.png">
<link rel="apple-touch-icon" href="../touch/mango-180.png">""",
        files={
            "/assets/v3/img/mango-48.png": png("mangotrack", 48),
            "/assets/touch/mango-180.png": png("mangotrack", 180),
        },
    ),
    _stonequay(),
    SampleSite(
        "rookery.example",
        Kind.BRAND,
        "Rookery",
        "Chess by post, without the post.",
        rank=83_000,
        logo="rookery",
        body='<link rel="icon" type="image/avif" href="/rook.avif">',
        files={"/rook.avif": IconFile("rookery", (96,), Format.AVIF)},
    ),
    SampleSite(
        "saltmeadow.example",
        Kind.BRAND,
        "Saltmeadow Insurance",
        "Covers you up to the high-water mark.",
        rank=97_000,
        logo="saltmeadow",
        head="""<link rel="icon" href="/brand/shield.jpg">
<link rel="icon" href="/brand/shield.bmp">""",
        files={
            "/brand/shield.jpg": IconFile("saltmeadow", (128,), Format.JPEG),
            "/brand/shield.bmp": IconFile("saltmeadow", (32,), Format.BMP),
        },
    ),
    SampleSite(
        "tinlantern.example",
        Kind.BRAND,
        "Tin Lantern",
        "A shop for lamps, too small to be copied. It is anyway.",
        rank=240_000,
        logo="tinlantern",
        files={"/favicon.ico": ico("tinlantern", 16, 48), "/apple-touch-icon.png": png("tinlantern", 120)},
    ),
)
