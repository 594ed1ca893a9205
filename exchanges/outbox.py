"""Opinions and "seen" on their way back to the exchanges, at most once each.

A row is marked before anything leaves. Only what surely did not arrive (the source could not be reached at
all, or asked to come back later) is tried again; what was interrupted is not, because nobody knows.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import structlog

from samelook.sql.named import queries
from samelook.sql.pool import Pool

from .child import running
from .errors import CredentialsLocked, UnknownExchange, WorkerDied, WorkerHung
from .settings import ExchangeSettings
from .store import ExchangeStore

_log = structlog.get_logger(__name__)
_MOST_TRIES = 10
_AGAIN = frozenset({"source_busy"})


async def send_opinions(pool: Pool, settings: ExchangeSettings, *, most: int = 100) -> int:
    """Sends what waits, at most so many; how many were sent."""
    ask = queries("exchanges")
    store = ExchangeStore(pool, settings)
    # A sender that took an opinion longer ago than it may be silent, with a margin, is dead.
    await ask.give_up_on_interrupted(pool, older_than_s=2 * settings.silence_s + 60.0)
    sent = 0
    for _ in range(most):
        row = await ask.take_opinion(pool)
        if row is None:
            break
        state, error, wait_s = await _sent(store, settings, row)
        if state == "waiting" and row["tries"] >= _MOST_TRIES:
            state = "refused"
        await ask.settle_opinion(pool, id=row["id"], state=state, error=error, wait_s=wait_s)
        log = _log.info if state == "sent" else _log.warning
        log("exchange.opinion", exchange=row["exchange"], opinion=row["kind"], state=state)
        sent += state == "sent"
    return sent


async def _sent(  # noqa: PLR0911 - one line an ending
    store: ExchangeStore, settings: ExchangeSettings, row: Mapping[str, Any]
) -> tuple[str, dict[str, Any] | None, float]:
    """The new state, what went wrong, and seconds until the next try."""
    wait_s = settings.backoff_s * 2 ** min(row["tries"], 10) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
    try:
        exchange = await store.exchange(row["exchange"])
        credentials = await store.credentials_of(exchange)
    except (UnknownExchange, CredentialsLocked) as error:
        return "waiting", error.as_json(), wait_s
    start = {
        "api": exchange.api,
        "config": await store.shown_config(exchange),
        "credentials": credentials,
        "report": {name: row[name] for name in ("kind", "signal_type", "value", "category", "tags")},
    }
    try:
        async with running(settings, start) as child:
            answer = await child.receive()
    except (WorkerDied, WorkerHung) as error:
        return "uncertain", error.as_json(), 0.0
    if answer["about"] == "done":
        return "sent", None, 0.0
    error_json = {"kind": answer["kind"], "message": answer["message"], "detail": {}}
    if answer["kind"] == "unsupported":
        return "unsupported", None, 0.0
    if answer["kind"] in _AGAIN or not answer["asked"]:
        return "waiting", error_json, max(wait_s, answer["retry_after_s"] or 0.0)
    if answer["kind"] in {"source_refused", "malformed_page"}:
        # The exchange answered, and refused.
        return "refused", error_json, 0.0
    return "uncertain", error_json, 0.0
