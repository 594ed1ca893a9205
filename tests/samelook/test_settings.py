"""Settings: what the environment says, and what it says by mistake."""

from __future__ import annotations

import ast
import re
from ipaddress import ip_network
from pathlib import Path

import pytest
from typer.testing import CliRunner

from samelook.api.settings import MIB
from samelook.cli import app
from samelook.crawler.settings import DAY_S
from samelook.settings import (
    Settings,
    SettingsError,
    all_variables,
    child_environment,
    load_settings,
    unknown_variables,
)

ROOT = Path(__file__).parents[2]
READERS = {
    "samelook/settings.py",
    # Environments of processes that it starts: psql's, Postgres's, and that of the serving processes.
    "samelook/commands/db.py",
    "samelook/postgres/cluster.py",
    "samelook/commands/serve.py",
    "api/metrics.py",  # how prometheus_client is told that there are several processes
    "samelook/cli.py",  # how numpy's library is told the number of threads, before it is loaded
    "matching/engine.py",  # read when compiled loops are loaded, before there are settings
}


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
    assert "SAMELOOK_CONTCAT" not in child_environment("postgresql://")


def test_a_variable_fills_the_field_of_every_room_that_has_it_in_the_rooms_unit() -> None:
    settings = load_settings(
        {
            "SAMELOOK_PAGE_STALE_DAYS": "2",
            "SAMELOOK_MAX_UPLOAD_MB": "7",
            "SAMELOOK_SIGNALS": "",
            "SAMELOOK_HASH_PROCESSES": "3",
            "SAMELOOK_PUBLIC_URL": "https://samelook.example/",
            "SAMELOOK_SHARED_HOSTS": "a.example b.example",
            "SAMELOOK_RESOLVE": "*=127.0.0.1:8099",
            "SAMELOOK_MEDIA_HOSTS": "media.internal,10.2.0.0/16",
            "SAMELOOK_EXCHANGE_URLS": "tat=https://tat.example/a=b",
            "SAMELOOK_ROLES": "lite,hasher",
            "CSV_FILE": "~/hashes.csv",
        }
    )
    assert settings.crawl.page_stale_s == settings.inspector.page_stale_s == 2 * DAY_S
    assert settings.api.max_upload_bytes == 7 * MIB
    assert settings.crawl.hash_processes == settings.api.hash_processes == 3
    assert settings.api.public_url == settings.chat.public_url == "https://samelook.example"
    assert settings.extension.verdicts.shared_hosts == {"a.example", "b.example"}
    assert settings.fetch.resolve.find("any.example") is not None
    assert not settings.fetch.own.include("media.internal", None)
    assert settings.api.media_hosts.include("media.internal", None)
    assert settings.api.media_hosts.networks == (ip_network("10.2.0.0/16"),)
    assert settings.exchanges.urls == {"tat": "https://tat.example/a=b"}
    assert settings.api.roles == {"lite", "hasher"}
    assert settings.api.lite.csv_file == Path.home() / "hashes.csv"


def test_without_variables_every_room_has_its_own_defaults() -> None:
    assert load_settings({}) == load_settings({"SAMELOOK_PORT": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        ("SAMELOOK_PORT", "65536", "write a whole number from 0 to 65535"),
        ("SAMELOOK_WORKERS", "0", "write a whole number from 1 to 256"),
        ("SAMELOOK_TRUSTED_PROXIES", "17", "write a whole number from 0 to 16"),
        ("SAMELOOK_FETCH_SECONDS", "inf", "write a number of at least 0.1"),
        ("SAMELOOK_FETCH_SECONDS", "nan", "write a number of at least 0.1"),
        ("SAMELOOK_ROBOTS", "maybe", "write 1 or 0"),
        ("SAMELOOK_RESOLVE", "*=nowhere", "pattern=host:port"),
        ("SAMELOOK_EXCHANGE_URLS", "tat", "write type=URL"),
        ("SAMELOOK_ROLES", "hasher,cook", "'cook' is no role"),
        ("SAMELOOK_QUEUE", "kafka", "write postgres, sqs or pubsub"),
        ("SAMELOOK_LOG_LEVEL", "loud", "write debug"),
        ("SAMELOOK_WORKERS", "many", "write a whole number from 1 to 256"),
        ("SAMELOOK_WORKERS", "1.5", "write a whole number from 1 to 256"),
        ("SAMELOOK_FETCH_SECONDS", "soon", "write a number of at least 0.1"),
        ("SAMELOOK_TRUSTED_NETWORKS", "intranet", "'intranet' is no network; write an address"),
        ("SAMELOOK_TRUSTED_NETWORKS", "10.1.2.3/16", "write 10.1.0.0/16"),
        ("SAMELOOK_MEDIA_HOSTS", "a b", "write names of hosts and networks"),
        ("SAMELOOK_MEDIA_HOSTS", "1.5", "'1.5' is no network"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_what_to_write(name: str, text: str, advice: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"{name}={text!r}: ") + ".*" + re.escape(advice)):
        load_settings({name: text})


@pytest.mark.parametrize("name", all_variables())
def test_a_word_in_place_of_a_number_is_answered_in_our_words(name: str) -> None:
    defined, known = all_variables()[name]
    is_number = isinstance(defined.default, int | float) and not isinstance(defined.default, bool)
    try:
        load_settings({name: "abc"})
    except SettingsError as error:
        message = str(error)
        assert not re.search("literal|convert|appear|expected|object", message)
        assert re.search("write a (whole )?number", message) or not is_number
        assert known.secret or message.startswith(f"{name}='abc': ")
    else:
        assert not is_number


def test_nobody_else_reads_the_environment() -> None:
    aside = {"tests", "bench"}
    rooms = [one for one in ROOT.iterdir() if (one / "__init__.py").exists() and one.name not in aside]
    found = {
        str(file.relative_to(ROOT))
        for room in rooms
        for file in room.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"})
        or (isinstance(node, ast.ImportFrom) and {one.name for one in node.names} & {"environ", "getenv"})
    }
    assert found == READERS


def test_the_help_of_serve_names_the_defaults_that_hold() -> None:
    help_text = " ".join(CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "300"}).output.split())
    defaults = Settings()
    assert f"Default: {defaults.api.host}, or SAMELOOK_HOST" in help_text
    assert f"Default: {defaults.api.port}, or SAMELOOK_PORT" in help_text
    assert f"Default: {defaults.workers}, or SAMELOOK_WORKERS" in help_text
