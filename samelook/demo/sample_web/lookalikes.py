"""Sites whose icon is not theirs alone: letters, a framework's default icon, and impersonators."""

from __future__ import annotations

from samelook.demo.sample_web.pictures import Alteration, Format, IconFile, png
from samelook.demo.sample_web.sample_site import Kind, SampleAnswer, SampleSite


def _default_icon(host: str, title: str, about: str, rank: int | None) -> SampleSite:
    return SampleSite(
        host,
        Kind.DEFAULT_ICON,
        title,
        about,
        rank=rank,
        logo="quillpress",
        head="""<meta name="generator" content="Quillpress 4.2">
<link rel="icon" href="/quillpress/icon-32.png">""",
        files={"/quillpress/icon-32.png": png("quillpress", 32)},
    )


def _letter(host: str, title: str, about: str, rank: int | None, logo: str, size: int) -> SampleSite:
    return SampleSite(
        host,
        Kind.LETTER,
        title,
        about,
        rank=rank,
        logo=logo,
        head=f'<link rel="icon" sizes="{size}x{size}" href="/letter.png">',
        files={"/letter.png": png(logo, size)},
    )


def _impersonator(
    host: str,
    owner: str,
    change: Alteration,
    *,
    size: int = 48,
    form: Format = Format.PNG,
    rank: int | None = None,
) -> SampleSite:
    logo = owner.removesuffix(".example")
    name = f"/favicon.{form}"
    return SampleSite(
        host,
        Kind.IMPERSONATOR,
        f"{logo.capitalize()} sign-in",
        "Your session has expired. Please confirm your details.",
        rank=rank,
        logo=logo,
        head=f'<link rel="icon" href="{name}">',
        files={name: IconFile(logo, (size,), form, change)},
        owner=owner,
        change=change,
    )


DEFAULT_ICONS: tuple[SampleSite, ...] = (
    _default_icon("gardenplan.example", "Gardenplan", "When to sow what, and where.", 18_000),
    _default_icon("toolshed-weekly.example", "Toolshed Weekly", "Reviews of hammers.", 64_000),
    _default_icon("corner-bakery.example", "The Corner Bakery", "Open from six.", None),
)

LETTERS: tuple[SampleSite, ...] = (
    # Two unrelated ranked owners of one look, so that a third with the same must not be locked.
    _letter("asterdesk.example", "Asterdesk", "Tickets, answered.", 7_500, "blue-A", 48),
    _letter("atlastools.example", "Atlas Tools", "Maps for plumbers.", 88_000, "blue-A", 64),
    _letter("apollonotes.example", "Apollo Notes", "Sheet music for beginners.", None, "blue-A", 32),
    _letter("amberlab.example", "Amberlab", "Old insects, new microscopes.", 22_000, "orange-A", 48),
    _letter("birchworks.example", "Birchworks", "Plywood by the metre.", 31_000, "blue-B", 48),
    _letter("rowanwiki.example", "Rowan Wiki", "Everything about one tree.", None, "blue-R", 48),
    _letter("elmgrove.example", "Elm Grove School", "Timetables and lunch.", None, "green-E", 64),
)

IMPERSONATORS: tuple[SampleSite, ...] = (
    _impersonator("lumora-secure.example", "lumora.example", Alteration.RESIZED, size=40),
    # "lumora" with a Cyrillic a.
    _impersonator("xn--lumor-8ve.example", "lumora.example", Alteration.RECOMPRESSED, size=64),
    _impersonator("tidepoool.example", "tidepool.example", Alteration.CONVERTED, form=Format.WEBP, size=64),
    _impersonator(
        "kestre1shop.example", "kestrelshop.example", Alteration.CONVERTED, form=Format.ICO, size=48
    ),
    _impersonator(
        "norrbank-login.example", "norrbank.example", Alteration.RECOMPRESSED, form=Format.JPEG, size=64
    ),
    _impersonator("obolia-airdrop.example", "obolia.example", Alteration.PADDED, size=64),
    _impersonator("harborpay-verify.example", "harborpay.example", Alteration.BACKGROUND_WHITE, size=64),
    _impersonator("cirrusdeck-files.example", "cirrusdeck.example", Alteration.BACKGROUND_GREY, size=96),
    _impersonator("vaultmoth-unlock.example", "vaultmoth.example", Alteration.RECOLOURED, size=64),
    _impersonator("mangotrack-parcel.example", "mangotrack.example", Alteration.RESIZED, size=32),
    _impersonator("saltmeadow-claims.example", "saltmeadow.example", Alteration.RESIZED, size=64),
    # Ranked, but far below the brand that it copies.
    _impersonator("farewind-deals.example", "farewind.example", Alteration.RECOLOURED, size=48, rank=410_000),
    # The owner is not trusted enough for a lock: this one deserves a warning.
    _impersonator("tinlantern-outlet.example", "tinlantern.example", Alteration.RESIZED, size=32),
    SampleSite(
        "inkfern-share.example",
        Kind.IMPERSONATOR,
        "Inkfern sign-in",
        "Somebody shared a note with you.",
        logo="inkfern",
        head='<link rel="icon" href="https://inkfern.example/static/fern-96.png">',
        finds=("https://inkfern.example/static/fern-96.png",),
        owner="inkfern.example",
        change=Alteration.HOTLINKED,
        answers={"/robots.txt": SampleAnswer(b"User-agent: *\nAllow: /\n", "text/plain")},
    ),
)
