"""Whom a page gives itself out for, as the extension reads names: enough of what the service reads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from samelook.names.resemblance import folded, resembles

EXTENSION = Path(__file__).parents[2] / "extension"
NAMES = ["lumora.example", "norr-bank.example", "oak.example", "farewind.co.test", "lumora.test"]
_READ = """
import * as names from {module};
const among = names.namesAmong({sites});
console.log(JSON.stringify({asked}.map(text => {expression})));
"""


def read(node: str, asked: list[str], expression: str) -> list[object]:
    """What an expression over the module of names gives for each text, by Node."""
    code = _READ.format(
        module=json.dumps((EXTENSION / "lib/names.js").as_uri()),
        sites=json.dumps(NAMES),
        asked=json.dumps(asked),
        expression=expression,
    )
    done = subprocess.run(
        [node, "--input-type=module", "-e", code], capture_output=True, check=True, text=True
    )
    return list(json.loads(done.stdout))


LABELS = [
    *("lumora-login", "mylumora", "lum0ra", "lumorra", "lumra", "lumoar", "norrbank", "norr-bank-id"),
    *(
        "norrbanc24",
        "oak",
        "oak-login",
        "secure-oak",
        "farewinds",
        "luminary",
        "oakland",
        "soaked",
        "flowers",
    ),
]


def test_a_borrowed_name_is_seen_where_the_service_sees_it(node: str) -> None:
    seen = read(node, [f"{label}.top" for label in LABELS], "names.borrows(among, text)")
    names = {site.partition(".")[0] for site in NAMES}
    expected = [any(resembles(label, name) for name in names) for label in LABELS]
    assert dict(zip(LABELS, seen, strict=True)) == dict(zip(LABELS, expected, strict=True))
    assert any(expected)
    assert not all(expected)


def test_nobody_borrows_the_own_name(node: str) -> None:
    assert read(node, ["farewind.co.test", "lumora.example"], "names.borrows(among, text)") == [False, True]


@pytest.mark.parametrize(
    ("title", "named"),
    [
        ("Sign in - Lumora", "Lumora"),
        ("LUMORA's Norr Bank", "LUMORA | Norr Bank"),
        ("L\u0443m\u043er\u0430", ""),
        ("Lum\u043er\u0430 | inbox of somebody@lumoras.test", "Lum\u043er\u0430"),
        ("Lumoras of Oakland", ""),
        ("", ""),
        ("\u0661 \ud83d\ude00 \u200f", ""),
    ],
)
def test_of_a_title_only_names_of_the_list_are_told(node: str, title: str, named: str) -> None:
    assert read(node, [title], "names.namedIn(among, text, 'flowers.example')") == [named]


def test_letters_are_read_as_the_service_reads_them(node: str) -> None:
    texts = ["PayPaI", "g1tlab", "V\u0412ank", "\u0440\u0430\u0443\u0440\u0430l", "M\u00fcller", "clarn"]
    texts += ["vvise", "\u03b1\u03b2\u03b3", "\u0131\u0142\u00f8", "0123456789$"]
    assert read(node, texts, "names.folded(text)") == [folded(text) for text in texts]
