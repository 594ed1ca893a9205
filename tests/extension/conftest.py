"""Node, Chromium and Firefox for the extension's tests, where they are."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samelook.demo.sample_web.sites import OPERATOR_CATALOGUE, SITES
from samelook.extension_api.operator import Act, import_catalogue
from samelook.facts.catalogue_lists import entries_in
from samelook.sql.pool import open_connection
from samelook.sql.settings import DatabaseSettings
from tests.extension.attacks import ATTACKS
from tests.extension.stage import Browser, Stage, running_browser, running_stage

EXTENSION = Path(__file__).parents[2] / "extension"


def _program(*names: str) -> str:
    """Where a program is. Skips where there is none, which CI never does."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    message = f"NOT TESTED: the extension needs {names[0]}, which is not on this machine"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def node() -> str:
    return _program("node", "nodejs")


@pytest.fixture(scope="session")
def chromium() -> str:
    return _program("chromium", "chromium-browser", "google-chrome-for-testing")


@pytest.fixture(scope="session")
def firefox_program() -> str:
    return _program("firefox-esr", "firefox")


@pytest.fixture(scope="session")
def stage(database_server: Any, crawled_template: str) -> Iterator[Stage]:
    """The sample web and pages that attack, and a service that has crawled the first."""
    name = asyncio.run(database_server.create(template=crawled_template))
    database = DatabaseSettings(url=database_server.url_of(name), application_name="test")
    asyncio.run(_learn(database))
    with running_stage(database, (*SITES, *ATTACKS)) as running:
        yield running
    asyncio.run(database_server.drop(name))


async def _learn(database: DatabaseSettings) -> None:
    """Let the operator import whose icon the sites show that were made with it."""
    async with open_connection(database) as connection:
        await import_catalogue(connection, entries_in(OPERATOR_CATALOGUE), "test", Act("operator"))


@pytest.fixture(scope="module")
def browser(chromium: str, stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with the extension, fresh for each file of tests."""
    with running_browser(chromium, EXTENSION, stage, tmp_path_factory.mktemp("profile")) as running:
        yield running
