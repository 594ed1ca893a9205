"""What an exception of the library means for a fetch: come later, mend the credentials, or a page is bad."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

_LONGEST_WAIT_S = 5.0
_LONGEST_MESSAGE = 2000
_BUSY, _UNAVAILABLE = 429, 503
_REFUSED = frozenset({401, 403})
_LONGEST_AWAY_S = 365 * 86_400.0
_BAD_REQUEST = 400
# https://developers.facebook.com/docs/graph-api/guides/error-handling: too many calls of an application, a
# user, a page, or under a limit of the endpoint's own; and what passes by itself.
_GRAPH_BUSY = frozenset({4, 17, 32, 613})
_GRAPH_MOMENTARY = frozenset({1, 2, 341})


class ComeBackLater(Exception):
    """The source says when to ask again, and that is later than is worth waiting for here."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"the source asks to come back in {wait_s:.0f} s")
        self.wait_s = wait_s


def impatient() -> None:
    """Makes urllib3 raise ComeBackLater instead of sleeping for as long as a server says."""
    from urllib3.util.retry import Retry

    patient = Retry.sleep_for_retry

    def sleep_for_retry(self: Retry, response: Any) -> bool:
        wait_s = self.get_retry_after(response)
        if wait_s is not None and wait_s > _LONGEST_WAIT_S:
            raise ComeBackLater(wait_s)
        return patient(self, response)

    Retry.sleep_for_retry = sleep_for_retry  # type: ignore[method-assign]


def explained(error: BaseException) -> dict[str, Any]:
    """Kind (as in errors.py), message, and seconds to wait when the source says so."""
    for cause in _chain(error):
        found = _of_one(cause)
        if found is not None:
            kind, wait_s = found
            return {"kind": kind, "message": _message(error), "retry_after_s": wait_s}
    return {"kind": "malformed_page", "message": _message(error), "retry_after_s": None}


def _of_one(error: BaseException) -> tuple[str, float | None] | None:  # noqa: PLR0911 - a line a kind
    import requests
    from threatexchange.exchanges.auth import (
        SignalExchangeAPIInvalidAuthException,
        SignalExchangeAPIMissingAuthException,
    )

    from .errors import ExchangeError

    match error:
        case ExchangeError():
            return error.kind, None
        case ComeBackLater():
            return "source_busy", error.wait_s
        case SignalExchangeAPIInvalidAuthException() | SignalExchangeAPIMissingAuthException():
            return "source_refused", None
        case MemoryError():
            return "answer_too_large", None
        case NotImplementedError():
            return "unsupported", None
        case requests.exceptions.InvalidJSONError() | requests.exceptions.ContentDecodingError():
            return "malformed_page", None
        case requests.HTTPError() if error.response is not None:
            return _of_status(error.response)
        case requests.RequestException() | OSError():
            return "source_unreachable", None
    return None


def _of_status(response: Any) -> tuple[str, float | None]:
    status, wait_s = response.status_code, _retry_after(response.headers.get("Retry-After"))
    if status == _BUSY or (status == _UNAVAILABLE and wait_s is not None):
        return "source_busy", wait_s
    of_meta = _graph_code(response)
    if of_meta in _GRAPH_BUSY:
        return "source_busy", wait_s
    if status in _REFUSED or (
        of_meta is not None and status == _BAD_REQUEST and of_meta not in _GRAPH_MOMENTARY
    ):
        return "source_refused", None
    return "source_unreachable", wait_s


def _graph_code(response: Any) -> int | None:
    """The number of an OAuthException of Meta's Graph API, which says there what others say by status."""
    try:
        error = response.json()["error"]
        return int(error["code"]) if error["type"] == "OAuthException" else None
    except (ValueError, TypeError, KeyError):
        return None


def _retry_after(text: str | None) -> float | None:
    """Seconds, of a number or a date (RFC 9110, 10.2.3)."""
    if text is None:
        return None
    if re.fullmatch(r"\s*[0-9]+\s*", text):
        # Of 400 digits it would be infinite, which no JSON of Postgres holds.
        return min(float(text), _LONGEST_AWAY_S)
    try:
        return min(max(0.0, parsedate_to_datetime(text).timestamp() - time()), _LONGEST_AWAY_S)
    except (ValueError, OverflowError):
        return None


def _message(error: BaseException) -> str:
    from threatexchange.exchanges.auth import (
        SignalExchangeAPIInvalidAuthException,
        SignalExchangeAPIMissingAuthException,
    )

    from .conversion import plain
    from .errors import ExchangeError

    match error:
        case SignalExchangeAPIMissingAuthException():
            return plain(error.pretty_str())
        case SignalExchangeAPIInvalidAuthException() | ExchangeError():
            return plain(error.message)
    if isinstance(error, MemoryError):
        return "the answer needs more memory than SAMELOOK_EXCHANGE_MEMORY_MB allows"
    return f"{type(error).__name__}: {plain(str(error))}"[:_LONGEST_MESSAGE]


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
