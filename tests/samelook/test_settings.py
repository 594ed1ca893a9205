"""Settings: what the environment says, and what it says by mistake."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from samelook.cli import app
from samelook.settings import Settings, unknown_variables


def test_variables_that_nobody_reads_are_named_with_the_nearest_that_somebody_does() -> None:
    environ = {
        "SAMELOOK_CONTCAT": "https://example.org",
        "SAMELOOK_SITE_DELAY_S": "2",
        "SAMELOOK_ZZZ_QQQ_XXX_WWW_VVV": "1",
        "SAMELOOK_CONTACT": "https://example.org",
        "SAMELOOK_PURE_NUMPY": "1",
        "HOME": "/root",
    }
    assert unknown_variables(environ) == {
        "SAMELOOK_CONTCAT": "SAMELOOK_CONTACT",
        "SAMELOOK_SITE_DELAY_S": "SAMELOOK_SITE_DELAY",
        "SAMELOOK_ZZZ_QQQ_XXX_WWW_VVV": None,
    }


def test_the_command_warns_once_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMELOOK_CONTCAT", "https://example.org")
    done = CliRunner().invoke(app, ["settings"])
    assert done.exit_code == 0
    assert done.stderr == "samelook: SAMELOOK_CONTCAT is no setting; did you mean SAMELOOK_CONTACT?\n"
    assert "SAMELOOK_CONTCAT" not in Settings.child_environment("postgresql://")
