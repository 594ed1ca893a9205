"""Licences of what users install, and how vulnerable versions are told from others."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def dependencies() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dependencies", ROOT / "tools" / "dependencies.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_licence_is_one_that_we_may_use_and_is_on_the_page(dependencies: ModuleType) -> None:
    text, wrong = dependencies.page()
    assert wrong == []
    assert text == dependencies.PAGE.read_text()
    assert not dependencies.is_allowed("GPL-3.0-only")
    assert not dependencies.is_allowed("MIT AND AGPL-3.0-only")
    assert dependencies.is_allowed("GPL-2.0-only OR MIT")
    assert not dependencies.is_allowed(None)


@pytest.mark.parametrize(
    ("affected", "is_hit"),
    [
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.2"}]}]}, True),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1"}]}]}, False),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "3.1.1"}]}]}, False),
        (
            {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "3"}, {"last_affected": "3.1"}]}]},
            True,
        ),
        ({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}], "versions": ["3.1.0"]}, True),
        ({"versions": ["3.0", "no version"]}, False),
    ],
)
def test_an_advisory_is_about_some_versions(
    dependencies: ModuleType, affected: dict[str, object], is_hit: bool
) -> None:
    pinned = {"a-package": {Version("3.1")}}
    package = {"ecosystem": "PyPI", "name": "A_Package"}
    advisory = {"id": "X-1", "affected": [{"package": package, **affected}]}
    assert dependencies.concerns(advisory, pinned) == (["a-package 3.1"] if is_hit else [])
    assert dependencies.concerns({**advisory, "withdrawn": "2026-01-01T00:00:00Z"}, pinned) == []


def test_no_data_is_no_all_clear(
    dependencies: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dependencies.audit(tmp_path) > 0
    assert "nothing is known" in capsys.readouterr().out
    package = {"ecosystem": "PyPI", "name": "aiohttp"}
    spans = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    (tmp_path / "one.json").write_text(
        json.dumps({"id": "X-2", "affected": [{"package": package, "ranges": spans}]})
    )
    assert dependencies.audit(tmp_path) == 1
    assert "aiohttp" in capsys.readouterr().out
