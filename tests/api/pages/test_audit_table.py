"""What an act changed stands beside it: as text, bounded, and for those who may act themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from samelook.api.pages.render import _templates

SCRIPT = "<script>alert(1)</script>"


def table_of(detail: Any, *, may_undo: bool = True) -> str:
    row = {"id": 1, "at": datetime.now(UTC), "who": "key carol", "action": "change_bank", "subject": "A"}
    rows = [{**row, "note": "", "detail": detail}]
    template: Any = _templates().get_template("audit.html")
    return str(template.module.audit_table(rows, "token", "/ui/verdicts", may_undo))


def test_before_and_after_are_shown() -> None:
    text = table_of({"before": {"enabled": True}, "after": {"enabled": False}})
    assert (
        "{&#34;before&#34;: {&#34;enabled&#34;: true}, &#34;after&#34;: {&#34;enabled&#34;: false}}" in text
    )
    assert text.count("<th") == text.count("<td") + 1  # of <thead>


def test_they_are_text_and_bounded() -> None:
    text = table_of({"after": {"description": SCRIPT + "x" * 100_000}})
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert len(text) < 3_000


def test_who_may_not_act_sees_none_of_it() -> None:
    assert "secret" not in table_of({"after": {"name": "secret"}}, may_undo=False)


def test_an_act_without_details_has_an_empty_cell() -> None:
    assert "{}" not in table_of({})
    assert "None" not in table_of(None)
