"""What is deployed: units and manifests say what the platforms and the program understand."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer
import yaml

from samelook.cli import app

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
KUBERNETES = "1.34"


def documents(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]


def test_the_manifests_are_valid() -> None:
    kinds = set()
    for path in MANIFESTS:
        for document in documents(path):
            kinds.add(document["kind"])
            if document["apiVersion"].startswith("keda.sh/"):
                continue  # Kubernetes itself knows nothing of it
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
    assert {"Deployment", "CronJob", "HorizontalPodAutoscaler", "ScaledObject"} <= kinds


def test_no_container_is_root_or_may_write_or_has_capabilities() -> None:
    pods = []
    for path in MANIFESTS:
        for document in documents(path):
            spec = document.get("spec", {})
            spec = spec.get("jobTemplate", {}).get("spec", spec).get("template", {}).get("spec")
            pods += [spec] if isinstance(spec, dict) else []
    assert len(pods) >= 3
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
    services = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())["services"]
    for name in ("serve", "crawler"):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    last_stage = (DEPLOY.parent / "Dockerfile").read_text().rpartition("FROM ")[2]
    assert "\nUSER samelook\n" in last_stage


def test_the_autoscaler_of_the_crawl_counts_a_queue_that_there_is(database_server: Any) -> None:
    import asyncio

    import asyncpg

    (scaled,) = documents(DEPLOY / "kubernetes" / "keda.yaml")
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]

    async def counts() -> tuple[int, int]:
        connection = await asyncpg.connect(database_server.url_of(database_server.template))
        change = connection.transaction()
        await change.start()
        try:
            empty = await connection.fetchval(query)
            await connection.execute(
                """
                WITH d AS (INSERT INTO domains (reversed_name, source) VALUES ('example.due', 'test')
                           RETURNING id),
                     t AS (INSERT INTO target_urls (domain_id, url, position)
                           SELECT id, 'https://due.example/', 1 FROM d RETURNING id)
                INSERT INTO page_visits (target_url_id, final_url, status, icon_count, crawled_at)
                SELECT id, 'https://due.example/', 200, 1, now() - interval '8 days' FROM t
                """
            )
            return empty, await connection.fetchval(query)
        finally:
            await change.rollback()
            await connection.close()

    assert asyncio.run(counts()) == (0, 2)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="NOT TESTED: no systemd-analyze here")
def test_the_units_are_understood(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace("/opt/samelook/bin/samelook", "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    for unit in UNITS:
        done = subprocess.run(
            ["systemd-analyze", "verify", str(tmp_path / unit.name)],
            capture_output=True,
            text=True,
            check=False,
        )
        # It ends with 0 on keys that it does not know and says so.
        assert (done.returncode, done.stderr) == (0, ""), unit.name


def command_lines() -> Iterator[list[str]]:
    for unit in UNITS:
        for line in unit.read_text(encoding="utf-8").splitlines():
            if line.startswith("ExecStart="):
                yield shlex.split(line.partition("=")[2])[1:]
    for path in MANIFESTS:
        for document in documents(path):
            spec = document.get("spec", {})
            pod = spec.get("jobTemplate", {}).get("spec", spec).get("template", {})
            for container in pod.get("spec", {}).get("containers", ()):
                yield container["args"]


@pytest.mark.parametrize("words", list(command_lines()), ids=" ".join)
def test_the_program_takes_every_command_line(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while getattr(command, "commands", None):
        command = command.commands[rest.pop(0)]
    context = command.make_context("samelook", rest)
    assert context.params
