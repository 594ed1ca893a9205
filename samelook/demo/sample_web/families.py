"""Sister sites that rightly wear a brand's icon, each recognisable by another proof."""

from __future__ import annotations

from samelook.demo.sample_web.brands import BRANDS
from samelook.demo.sample_web.pictures import ico, png
from samelook.demo.sample_web.sample_site import Kind, Proof, SampleAnswer, SampleSite, redirect

FAMILIES: tuple[SampleSite, ...] = (
    SampleSite(
        "lumora.test",
        Kind.FAMILY,
        "Lumora Mail",
        "Letters that arrive before the kettle boils, in another country.",
        rank=2_300,
        logo="lumora",
        owner="lumora.example",
        proof=Proof.SAME_LABEL,
        head='<link rel="icon" sizes="48x48" href="/lumora-48.png">',
        files={"/lumora-48.png": png("lumora", 48)},
    ),
    SampleSite(
        "lumora-mail.example",
        Kind.FAMILY,
        "Lumora Mail",
        "The old address of Lumora.",
        rank=8_800,
        logo="lumora",
        owner="lumora.example",
        proof=Proof.ROOT_REDIRECT,
        answers={
            "/": redirect("https://lumora.example/", 301),
            "/favicon.ico": SampleAnswer(ico("lumora", 16, 32)),
        },
        finds=next(brand.icons for brand in BRANDS if brand.host == "lumora.example"),
    ),
    SampleSite(
        "norrbank.test",
        Kind.FAMILY,
        "Norrbank",
        "A bank with a roof and three columns, further south.",
        rank=41_000,
        logo="norrbank",
        owner="norrbank.example",
        proof=Proof.SAME_LABEL,
        head='<link rel="icon" href="/norr-64.png">',
        files={"/norr-64.png": png("norrbank", 64)},
    ),
    SampleSite(
        "harborpay-wallet.example",
        Kind.FAMILY,
        "Harborpay Wallet",
        "Harborpay in your pocket.",
        rank=52_000,
        logo="harborpay",
        owner="harborpay.example",
        proof=Proof.OPERATOR,
        head='<link rel="icon" href="/wallet-96.png">',
        files={"/wallet-96.png": png("harborpay", 96)},
    ),
)
