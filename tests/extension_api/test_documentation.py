"""docs/verdicts.md has every code with its sentence, and every rule that decides."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp.web import RouteDef

from samelook.api.routes import checks, clients
from samelook.extension_api import verdict
from samelook.extension_api.reasons import EXPLANATIONS
from samelook.looks.rules import Rule

DOCS = Path(__file__).parents[2] / "docs"


def test_every_code_is_in_the_table_with_its_sentence() -> None:
    text = (DOCS / "verdicts.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", text, re.MULTILINE))
    assert {code: rows.get(code) for code in map(str, EXPLANATIONS)} == {
        str(code): sentence for code, sentence in EXPLANATIONS.items()
    }


def test_every_rule_is_in_the_table() -> None:
    source = Path(verdict.__file__).read_text("utf-8")
    rules = set(re.findall(r'"([1-7]-[a-z-]+)"', source))
    rules |= {f"4-{rule.name.lower()}" for rule in Rule} | {"1-client", "1-operator", "4-mark"}
    assert len(rules) > 15
    text = (DOCS / "verdicts.md").read_text("utf-8")
    assert rules == set(re.findall(r"`([1-7]-[a-z-]+)`", text))


def test_every_route_is_described() -> None:
    text = (DOCS / "extension-api.md").read_text("utf-8")
    for route in (*checks.routes, *clients.routes):
        assert isinstance(route, RouteDef)
        assert route.path in text, route
