"""Who changed what: a row of the table `audit` in the transaction of the change itself."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from samelook.sql.named import queries
from samelook.sql.pool import Connection
from samelook.sql.storable import storable, storable_json

LOCAL = "local"
"""Whoever may call a service that needs no key, and programs that use the library."""
_MOST_WHO = 100
_actor: ContextVar[str] = ContextVar("actor", default=LOCAL)


def act_as(who: str) -> None:
    """Says who makes the changes of this task from now on."""
    _actor.set(who)


def account() -> str:
    """The person at the command line, as the audit names them."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        name = "somebody"
    return f"{name}@{socket.gethostname()}"


@contextmanager
def by_account() -> Iterator[None]:
    """Whatever is changed in the block is changed by the person at the command line."""
    token = _actor.set(account())
    try:
        yield
    finally:
        _actor.reset(token)


async def note_change(
    connection: Connection,
    action: str,
    subject: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Notes a change in its own transaction; of values that stayed as they were nothing is kept."""
    if before is not None and after is not None:
        same = {name for name, value in before.items() if name in after and after[name] == value}
        before = {name: value for name, value in before.items() if name not in same}
        after = {name: value for name, value in after.items() if name not in same}
    versions = {"before": before, "after": after}
    await note(connection, _actor.get(), action, subject, detail=versions)


async def note(
    connection: Connection, who: str, action: str, subject: str, *, text: str = "", detail: Mapping[str, Any]
) -> None:
    """Adds a row; details that are None are left out."""
    await queries("operator").note_audit(
        connection,
        who=storable(who)[:_MOST_WHO],
        action=action,
        subject=storable(subject),
        note=text,
        detail=storable_json({name: value for name, value in detail.items() if value is not None}),
    )
