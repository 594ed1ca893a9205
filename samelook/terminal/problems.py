"""Exceptions that are no bugs, as one line for whoever sits at the terminal."""

from __future__ import annotations

from samelook.errors import SamelookError


def explained(error: BaseException) -> tuple[str, int] | None:
    """What to print for `error` and the exit status; None when it is a bug and deserves its traceback."""
    from samelook.inspector.errors import BadQuestion
    from samelook.settings import SettingsError

    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        return explained(error.exceptions[0])
    if isinstance(error, SettingsError | BadQuestion):
        return str(error), 2
    return (str(error), 1) if isinstance(error, SamelookError) else None
