"""Exceptions that are no bugs, as one line for whoever sits at the terminal."""

from __future__ import annotations


def explained(error: BaseException) -> tuple[str, int] | None:
    """What to print for `error` and the exit status; None when it is a bug and deserves its traceback."""
    from banks.errors import BankError
    from crawler.errors import CrawlError
    from exchanges.errors import ExchangeError
    from extension_api.errors import ExtensionError
    from hashing.errors import HashingError
    from inspector.errors import BadQuestion, InspectorError
    from matching.errors import MatchingError
    from samelook.settings import SettingsError
    from sql.errors import DatabaseError

    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        return explained(error.exceptions[0])
    if isinstance(error, SettingsError | BadQuestion):
        return str(error), 2
    if isinstance(
        error,
        DatabaseError
        | CrawlError
        | ExchangeError
        | HashingError
        | MatchingError
        | BankError
        | InspectorError
        | ExtensionError,
    ):
        return str(error), 1
    return None
