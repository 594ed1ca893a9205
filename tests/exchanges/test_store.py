"""Exchanges as they are made, changed and removed; credentials at rest."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest
from cryptography.fernet import Fernet

from samelook.banks.errors import BadBank, ReadOnlyBank
from samelook.banks.store import BankStore
from samelook.exchanges.errors import (
    BadCredentials,
    BadExchange,
    BadExtension,
    CredentialsLocked,
    ExchangeError,
    ExchangeExists,
    LibraryMissing,
    UnknownExchange,
    UnknownExchangeType,
)
from samelook.exchanges.library import load
from samelook.exchanges.store import ExchangeStore


async def test_every_type_of_the_library_is_there(store: Any) -> None:
    library = await store.types()
    assert set(library.exchange_types) >= {
        "sample",
        "local_file",
        "fb_threatexchange",
        "ncmec",
        "stop_ncii",
        "tat",
    }
    assert set(library.exchange_types) >= {"scripted", "gathering", "web"}
    for name in library.exchange_types:
        schema = await store.schema(name)
        assert isinstance(schema["config_schema"]["fields"], list)
    ncmec = await store.schema("ncmec")
    environment = next(one for one in ncmec["config_schema"]["fields"] if one["name"] == "environment")
    assert environment["required"]
    assert environment["type"] == "enum"
    assert environment["choices"]
    assert [one["name"] for one in ncmec["credentials_schema"]["fields"]] == ["user", "password"]


async def test_an_extension_s_manifest_is_loaded(plugin: str) -> None:
    library = load((), (), (plugin,))
    assert "scripted" in library.exchange_types
    assert "word" in library.signal_types


@pytest.mark.parametrize("name", ["nonsense", "no.such.Class", "json.JSONDecoder", "os.path"])
def test_what_cannot_be_loaded_is_named(name: str) -> None:
    with pytest.raises(BadExtension, match=name):
        load((name,))


def test_two_types_of_one_name_are_refused() -> None:
    with pytest.raises(BadExtension, match="local_file"):
        load(("threatexchange.exchanges.impl.file_api.LocalFileSignalExchangeAPI",))


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    load.cache_clear()
    for name in [one for one in sys.modules if one.startswith(("threatexchange", "samelook.exchanges.tx"))]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("samelook.exchanges.adapters", "samelook.exchanges.files"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "threatexchange", None)
    with pytest.raises(LibraryMissing, match=r"pip install 'samelook\[exchanges\]'"):
        load()
    load.cache_clear()


async def test_a_new_exchange_has_a_bank_that_only_it_writes_to(store: Any, pool: Any) -> None:
    await store.create("SAMPLE", "sample")
    banks = BankStore(pool)
    bank = await banks.bank("SAMPLE")
    assert bank.owner == "exchange"
    with pytest.raises(ReadOnlyBank):
        await banks.delete("SAMPLE")
    with pytest.raises(ReadOnlyBank):
        await banks.update("SAMPLE", new_name="OTHER")


async def test_names_are_refused_when_taken_or_odd(store: Any, pool: Any) -> None:
    await BankStore(pool).create("A_BANK")
    await store.create("SAMPLE", "sample")
    for name in ("SAMPLE", "A_BANK"):
        with pytest.raises(ExchangeExists):
            await store.create(name, "sample")
    for name in ("lower", "1ST", "", "A B", "A" * 256, "A\n"):
        with pytest.raises(BadBank):
            await store.create(name, "sample")
    assert [one.name for one in await store.exchanges()] == ["SAMPLE"]


@pytest.mark.parametrize(
    ("api", "config", "error"),
    [
        ("nothing", {}, UnknownExchangeType),
        ("local_file", {}, BadExchange),
        ("local_file", {"filename": 7}, BadExchange),
        ("local_file", {"filename": "/x", "colour": "red"}, BadExchange),
        ("local_file", {"filename": "/x\0"}, BadExchange),
        ("ncmec", {"environment": "https://example.com"}, BadExchange),
        ("fb_threatexchange", {"privacy_group": "text"}, BadExchange),
    ],
)
async def test_configurations_that_do_not_fit_are_refused(
    store: Any, pool: Any, api: str, config: dict[str, Any], error: type[ExchangeError]
) -> None:
    with pytest.raises(error):
        await store.create("ONE", api, config)
    assert await pool.fetchval("SELECT count(*) FROM banks") == 0


async def test_deleting_takes_the_bank_along_and_frees_the_name(
    store: Any, fetch: Any, matching: Any, pool: Any
) -> None:
    from samelook.exchanges.schedule import clear_removed

    await store.create("SAMPLE", "sample")
    await fetch("SAMPLE")
    assert await store.delete("SAMPLE")
    assert not await store.delete("SAMPLE")
    with pytest.raises(UnknownExchange):
        await store.exchange("SAMPLE")
    assert await matching("SAMPLE") == {}
    await store.create("SAMPLE", "sample")
    await clear_removed(pool)
    assert await pool.fetchval("SELECT count(*) FROM exchange_records") == 0
    assert await pool.fetchval("SELECT count(*) FROM exchanges") == 1
    assert (await fetch("SAMPLE")).stored


async def test_disabling_leaves_the_bank_as_it_is(store: Any, fetch: Any, matching: Any) -> None:
    await store.create("SAMPLE", "sample")
    await fetch("SAMPLE")
    held = await matching("SAMPLE")
    changed = await store.update("SAMPLE", enabled=False)
    assert not changed.enabled
    assert await matching("SAMPLE") == held
    assert (await store.status("SAMPLE")).next_fetch_at is None


async def test_credentials_are_encrypted_when_there_is_a_key(pool: Any, settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    secret = {"token": "open-sesame"}
    plain = ExchangeStore(pool, settings)
    await plain.create("PLAIN", "web", {"url": "http://localhost"}, credentials=secret)
    locked = ExchangeStore(pool, replace(settings, credentials_keys=(old,)))
    await locked.create("LOCKED", "web", {"url": "http://localhost"}, credentials=secret)
    rows = {
        row["name"]: row["credentials"] for row in await pool.fetch("SELECT name, credentials FROM exchanges")
    }
    assert b"open-sesame" in rows["PLAIN"]
    assert b"open-sesame" not in rows["LOCKED"]
    turned = ExchangeStore(pool, replace(settings, credentials_keys=(new, old)))
    for name in ("PLAIN", "LOCKED"):
        assert await turned.credentials_of(await turned.exchange(name)) == secret
    for keys in ((), (new,)):
        other = ExchangeStore(pool, replace(settings, credentials_keys=keys))
        with pytest.raises(CredentialsLocked):
            await other.credentials_of(await other.exchange("LOCKED"))
    with pytest.raises(CredentialsLocked, match="no Fernet key"):
        await ExchangeStore(pool, replace(settings, credentials_keys=("short",))).set_credentials(
            "PLAIN", secret
        )


async def test_the_exchange_s_own_credentials_go_before_those_of_its_type(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await store.create("ONE", "web", {"url": "http://localhost"})
    assert (await store.credential_status(made))["source"] is None
    monkeypatch.setenv("EXCHANGE_PLUGIN_TOKEN", "env")
    assert (await store.credential_status(made))["source"] == "environment"
    await store.set_type_credentials("web", {"token": "of the type"})
    assert (await store.credential_status(made))["source"] == "api"
    assert await store.credentials_of(made) == {"token": "of the type"}
    made = await store.set_credentials("ONE", {"token": "its own"})
    assert await store.credentials_of(made) == {"token": "its own"}
    made = await store.set_credentials("ONE", None)
    await store.set_type_credentials("web", {})
    assert await store.credentials_of(made) is None


SECRET = "must-not-be-echoed"


@pytest.mark.parametrize(
    "given",
    [
        {"token": SECRET, "more": SECRET},
        {SECRET: SECRET},
        {"token": [SECRET]},
        {"token": f"{SECRET}\0"},
        {"token": SECRET * 1000},
        {"token": 7},
        {"token": "invalid"},
        SECRET,
        [SECRET],
    ],
)
async def test_credentials_that_do_not_fit_are_refused_without_an_echo(store: Any, given: Any) -> None:
    with pytest.raises(BadCredentials) as caught:
        await store.create("ONE", "web", {"url": "http://localhost"}, credentials=given)
    assert SECRET not in str(caught.value)
    assert SECRET not in str(caught.value.detail)
    with pytest.raises(BadCredentials):
        await store.create("TWO", "sample", credentials={"token": SECRET})
    assert await store.exchanges() == []
