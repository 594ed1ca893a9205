"""Cancellation that survives the giving back of a connection.

When a task is cancelled in the middle of a query on a connection that the server has just ended, what
asyncpg raises while the pool takes the connection back stands in place of the CancelledError. A loop that
goes on after database errors would then go on for ever, and whoever cancelled it would wait for ever.
"""

from __future__ import annotations

import asyncio


def check_cancelled() -> None:
    """Raises CancelledError when the current task was cancelled. For `except` clauses of such loops."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
