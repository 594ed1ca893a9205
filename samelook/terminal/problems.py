"""Exceptions that are no bugs, as one line for whoever sits at the terminal."""

from __future__ import annotations

import errno

from samelook.errors import SamelookError

_CANNOT_BE_WRITTEN = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))


def explained(error: BaseException) -> tuple[str, int] | None:
    """What to print for `error` and the exit status; None when it is a bug and deserves its traceback."""
    import asyncpg

    from samelook.inspector.errors import BadQuestion
    from samelook.settings import SettingsError
    from samelook.sql.standby import NEEDS_PRIMARY

    if isinstance(error, BaseExceptionGroup):
        # Tasks that met the same trouble: it is told once.
        advice = {explained(inner) for inner in error.exceptions}
        return advice.pop() if len(advice) == 1 else None
    if isinstance(error, SettingsError | BadQuestion):
        return str(error), 2
    if isinstance(error, OSError) and error.errno in _CANNOT_BE_WRITTEN and error.filename is None:
        return f"standard output cannot be written: {error.strerror}", 1
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return NEEDS_PRIMARY, 1
    return (str(error), 1) if isinstance(error, SamelookError) else None
