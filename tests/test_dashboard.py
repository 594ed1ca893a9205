"""The dashboard asks for metrics that there are, and the page of operations tells of every one."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.api.conftest import Serve, serve  # noqa: F401 - a fixture
from tests.fixtures.waiting import until

ROOT = Path(__file__).parents[1]
_NAME = re.compile(r"samelook_[a-z_]+")
_PARTS = re.compile("_(bucket|count|sum)$")


async def test_every_metric_of_the_dashboard_is_served_and_documented(serve: Serve) -> None:  # noqa: F811
    service = await serve()
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "samelook.json").read_text())
    asked = {
        _PARTS.sub("", name)
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in _NAME.findall(target["expr"])
    }
    await service.post("/x/v1/check", {"url": "https://one.example/", "icons": []})

    async def text() -> str:
        return (await service.get("/metrics")).text

    shown = ""

    async def is_whole() -> bool:
        nonlocal shown
        shown = await text()
        # Figures of the crawl are left out while the database is slow to say.
        return 'samelook_queue_inputs{phase="icons",state="due"}' in shown and "samelook_run_trouble" in shown

    await until(is_whole)
    served = {family.name: family for family in text_string_to_metric_families(shown)}
    # Counters are asked for as `…_total`, which is no part of their family's name.
    assert {name.removesuffix("_total") for name in asked} <= served.keys()
    ours = {name for name in served if name.startswith("samelook_") and not name.endswith("_created")}
    assert len(ours) > 20
    told = set(_NAME.findall((ROOT / "docs" / "operations.md").read_text()))
    assert ours <= {name.removesuffix("_total") for name in told}
    assert ours - {name.removesuffix("_total") for name in asked} == set()
