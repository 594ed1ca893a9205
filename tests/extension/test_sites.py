"""Which pages have a verdict at all, and how far one holds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

EXTENSION = Path(__file__).parents[2] / "extension"


def computed(node: str, expression: str) -> object:
    """What an expression over the module of sites gives, by Node."""
    module = (EXTENSION / "lib/sites.js").as_uri()
    code = f"import * as sites from {json.dumps(module)}; console.log(JSON.stringify({expression}))"
    done = subprocess.run(
        [node, "--input-type=module", "-e", code], capture_output=True, check=True, text=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("host", "judged"),
    [
        ("8.8.8.8", True),
        ("93.184.215.14", True),
        ("223.255.255.255", True),
        ("172.15.0.1", True),
        ("[2606:4700::1111]", True),
        ("shop.example", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("172.31.255.255", False),
        ("192.168.1.1", False),
        ("198.19.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("0.0.0.0", False),
        ("[::1]", False),
        ("[fe80::1]", False),
        ("[fd00::1]", False),
        ("[2001:db8::1]", False),
        ("[::ffff:10.0.0.1]", False),
        ("localhost", False),
        ("router", False),
        ("gitlab.lan", False),
        ("nas.home.arpa", False),
        ("wiki.corp", False),
        ("printer.local", False),
        ("foo.localhost", False),
        ("hidden.onion", False),
    ],
)
def test_only_the_public_web_is_judged(node: str, host: str, *, judged: bool) -> None:
    assert (computed(node, f"sites.hostOf('https://{host}/login')") is not None) == judged


@pytest.mark.parametrize(
    ("host", "applies_to", "scope"),
    [
        ("git.firm.example", "host", "git.firm.example"),
        ("firm.example", "host", "firm.example"),
        ("www.firm.example", "host", "firm.example"),
        ("git.firm.example", "site", "firm.example"),
        ("pages.firm.example", "page", "pages.firm.example"),
    ],
)
def test_a_verdict_holds_as_far_as_the_server_says(node: str, host: str, applies_to: str, scope: str) -> None:
    assert computed(node, f"sites.scopeOf('{host}', 'firm.example', '{applies_to}')") == scope
