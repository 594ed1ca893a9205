"""Connections: what they set up, what they translate, and what no message may show."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import asyncpg
import pytest

from samelook.sql.errors import (
    BadDatabaseUrl,
    DatabaseError,
    DatabaseRefused,
    DatabaseTooOld,
    DatabaseUnavailable,
)
from samelook.sql.pool import Pool, open_connection, open_pool
from samelook.sql.settings import DatabaseSettings
from samelook.sql.urls import split_password, without_secrets


async def test_json_travels_as_python_values(pool: Pool) -> None:
    value = {"kind": "timeout", "detail": {"after_s": 1.5, "name": "ü", "none": None}}
    assert await pool.fetchval("SELECT $1::jsonb", value) == value
    assert await pool.fetchval("SELECT $1::json", [1, "two"]) == [1, "two"]


async def test_timeouts_hold_and_survive_the_return_of_a_connection(database_url: str) -> None:
    settings = DatabaseSettings(
        url=database_url,
        application_name="somebody",
        max_connections=1,
        statement_timeout_s=0.05,
        lock_timeout_s=2.5,
        idle_in_transaction_timeout_s=7,
    )
    async with open_pool(settings) as pool:
        await pool.execute("SET statement_timeout = 0")  # and the connection goes back
        shown = {
            name: await pool.fetchval("SELECT current_setting($1)", name)
            for name in (
                "statement_timeout",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
                "application_name",
                "TimeZone",
            )
        }
        assert shown == {
            "statement_timeout": "50ms",
            "lock_timeout": "2500ms",
            "idle_in_transaction_session_timeout": "7s",
            "application_name": "somebody",
            "TimeZone": "UTC",
        }
        with pytest.raises(asyncpg.QueryCanceledError):
            await pool.execute("SELECT pg_sleep(10)")


async def test_a_connection_for_long_work_has_no_statement_timeout(database_url: str) -> None:
    settings = replace(DatabaseSettings(url=database_url), statement_timeout_s=0.0)
    async with open_connection(settings) as connection:
        assert await connection.fetchval("SHOW statement_timeout") == "0"


async def test_an_error_in_the_block_comes_out_although_a_connection_is_busy(database_url: str) -> None:
    async def fail() -> None:
        async with asyncio.timeout(5), open_pool(DatabaseSettings(url=database_url)) as pool:
            connection = await pool.acquire()
            await connection.execute("BEGIN")
            raise KeyError("mine")

    with pytest.raises(KeyError):
        await fail()


async def test_an_address_where_nobody_listens_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening
        url = f"postgresql://me:sesame@127.0.0.1:{taken.getsockname()[1]}/db"
        with pytest.raises(
            DatabaseUnavailable, match=r"cannot be reached: Connection refused\. Is it"
        ) as caught:
            async with open_pool(DatabaseSettings(url=url)):
                pass
    assert_says_nothing(caught.value, "sesame")


async def test_a_server_that_never_answers_is_unavailable_in_time() -> None:
    with socket.socket() as silent:  # the kernel accepts, nobody speaks
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        settings = DatabaseSettings(url=f"postgresql://me@127.0.0.1:{port}/db", connect_timeout_s=0.2)
        with pytest.raises(DatabaseUnavailable, match=r"within 0\.2 s"):
            async with open_pool(settings):
                pass


async def test_a_missing_database_is_refused_with_advice(database_url: str) -> None:
    url = database_url.replace("samelook_test_", "no_such_")
    with pytest.raises(DatabaseRefused, match="Create the database first"):
        async with open_pool(DatabaseSettings(url=url)):
            pass


async def test_an_old_server_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samelook.sql.pool.OLDEST_POSTGRES", 99)
    with pytest.raises(DatabaseTooOld, match="needs 99 or newer"):
        async with open_pool(DatabaseSettings(url=database_url)):
            pass


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://me:sesame@host/db",
        "postgresql://me:se/same@host/db",  # an unescaped slash: "se" becomes the port
        "postgresql://me:sesame@host:port/db",
        "postgresql://me:sesame@host:0/db",
        "postgresql://me:sesame@host:65536/db",
        "postgresql://[::1/db",
        "postgresql://me@host/db?sesame",
        "host=localhost password=sesame",
    ],
)
async def test_an_unreadable_url_is_refused_and_never_quoted(url: str) -> None:
    with pytest.raises(BadDatabaseUrl) as caught:
        async with open_pool(DatabaseSettings(url=url)):
            pass
    assert_says_nothing(caught.value, "sesame")
    assert_says_nothing(caught.value, "same@")


@pytest.mark.parametrize(
    ("url", "plain", "password"),
    [
        (
            "postgresql://me:a%2Fb@h:5433/db?sslmode=require",
            "postgresql://me@h:5433/db?sslmode=require",
            "a/b",
        ),
        ("postgres://h/db", "postgresql://h/db", None),
        ("postgresql://me:@h/db", "postgresql://me@h/db", ""),
        ("postgresql://me@/db?host=/a%20b/c&password=x%26y", "postgresql://me@/db?host=/a%20b/c", "x&y"),
        ("postgresql://me:p@[::1]:5432,h2/db", "postgresql://me@[::1]:5432,h2/db", "p"),
        ("postgresql://me:p@ss@h/db", "postgresql://me@h/db", "p@ss"),
    ],
)
def test_the_password_is_split_from_the_url(url: str, plain: str, password: str | None) -> None:
    assert split_password(url) == (plain, password)
    assert without_secrets(url) == plain


def test_settings_do_not_show_the_url() -> None:
    assert "sesame" not in repr(DatabaseSettings(url="postgresql://me:sesame@host/db"))


def assert_says_nothing(error: DatabaseError, secret: str) -> None:
    seen: BaseException | None = error
    while seen is not None:
        assert secret not in str(seen)
        assert secret not in str(getattr(seen, "detail", ""))
        seen = seen.__cause__
