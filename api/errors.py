"""Errors as clients see them: a status and `{"message", "details"?}`, whatever went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import asyncpg
import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from samelook.banks.errors import BankError
from samelook.crawler.fetching.errors import BlockedAddress, BlockedPort, FetchError, FetchTimeout, TooLarge
from samelook.exchanges.errors import ExchangeError
from samelook.extension_api.errors import AskedTooOften, ExtensionError
from samelook.hashing.errors import DecoderDied, HashingError, TooManyBytes
from samelook.inspector.errors import BadQuestion
from samelook.matching.errors import BadQuery, MatchingError
from samelook.names.errors import NotASite
from samelook.sql.away import BUSY, UNUSABLE

_log = structlog.get_logger(__name__)
_NOT_FOUND = frozenset({"unknown_bank", "unknown_content", "unknown_signal"})
_FORBIDDEN = frozenset({"bank_exists", "read_only_bank"})
_OF_EXCHANGES = {
    "unknown_exchange": 404,
    "exchange_exists": 403,
    "credentials_locked": 409,
    "fetched_elsewhere": 409,
    "exchange_library_missing": 501,
    "bad_exchange_extension": 501,
}


class ApiError(Exception):
    """A request cannot be answered as asked."""

    def __init__(
        self, status: int, message: str, details: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details
        self.headers = headers


def error_response(error: ApiError) -> web.Response:
    """An error as clients get it."""
    body: dict[str, Any] = {"message": error.message}
    if error.details is not None:
        body["details"] = error.details
    return web.Response(
        status=error.status,
        body=json.dumps(body, default=str).encode(),
        content_type="application/json",
        headers=error.headers,
    )


def bad_request(message: str, details: Any = None) -> ApiError:
    """The request is wrong; `details` are more facts for programs."""
    return ApiError(400, message, {"kind": "bad_request", **(details or {})})


def too_many(message: str, retry_after_s: float) -> ApiError:
    """Whoever asks has to wait."""
    headers = {"Retry-After": str(max(1, round(retry_after_s)))}
    details = {"kind": "rate_limited", "retry_after_s": round(retry_after_s, 1)}
    return ApiError(429, message, details, headers)


def explained(error: Exception) -> ApiError | None:  # noqa: C901, PLR0911, PLR0912 - one case a room
    """What a client is told about an error that is no bug; None for a bug."""
    match error:
        case ApiError():
            return error
        case web.HTTPException():
            return _of_aiohttp(error)
        case RequestPayloadError():
            return bad_request("The body is not encoded as its headers say, or it ended too soon.")
        case AskedTooOften():
            return too_many(error.message, error.retry_after_s)
        case ExtensionError():
            return ApiError(error.status, error.message, {"kind": error.kind, **error.detail})
        case NotASite():
            return ApiError(400, error.message, {"kind": error.kind, **error.detail})
        case BankError():
            status = 404 if error.kind in _NOT_FOUND else 403 if error.kind in _FORBIDDEN else 400
            return ApiError(status, error.message, {"kind": error.kind, **error.detail})
        case ExchangeError():
            return ApiError(
                _OF_EXCHANGES.get(error.kind, 400), error.message, {"kind": error.kind, **error.detail}
            )
        case TooManyBytes():
            return ApiError(413, error.message, {"kind": error.kind})
        case DecoderDied():
            return ApiError(400, "The picture brought its decoder down.", {"kind": error.kind})
        case HashingError():
            return ApiError(400, error.message, {"kind": error.kind})
        case FetchError():
            return ApiError(
                413 if isinstance(error, TooLarge) else 400, _of_fetch(error), {"kind": error.kind}
            )
        case BadQuery() | BadQuestion():
            return ApiError(400, error.message)
        case MatchingError():
            return _unavailable("The index cannot be used just now; try again.")
        case asyncpg.DataError():
            _log.warning("api.data_refused", error=str(error))
            return bad_request("The request holds something that cannot be stored.")
        case _:
            return _of_database(error)


def _of_database(error: Exception) -> ApiError | None:
    if isinstance(error, asyncpg.DiskFullError):
        return _unavailable("The database's disk is full; nothing can be written until there is room.")
    if isinstance(error, BUSY):
        return _unavailable("The database is too busy just now; try again.")
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return _unavailable("The service's database can only be read: ask where its primary is served.")
    if isinstance(error, UNUSABLE):
        return _unavailable("The database cannot be used just now; try again.")
    return None


def _unavailable(message: str) -> ApiError:
    return ApiError(503, message, {"kind": "unavailable"}, headers={"Retry-After": "1"})


def _of_aiohttp(error: web.HTTPException) -> ApiError:
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    match error.status:
        case 404:
            return ApiError(404, "There is nothing at this path; /site-map lists what there is.")
        case 405:
            return ApiError(
                405, f"This path takes {error.headers.get('Allow', 'other methods')}.", None, headers
            )
        case 413:
            return ApiError(413, "The request is larger than this service takes.", {"kind": "too_large"})
    return ApiError(error.status, error.reason, None, headers)


def _of_fetch(error: FetchError) -> str:
    """What is said of a URL that could not be fetched: nothing about addresses, ports or our network."""
    match error:
        case BlockedAddress() | BlockedPort():
            return "url leads to an address that is not fetched from here: only public addresses are."
        case FetchTimeout():
            return "url did not answer in time."
        case TooLarge():
            return "url leads to a file larger than this service takes."
    return f"url could not be fetched: {_SENTENCES.get(error.kind, 'nothing usable came back')}."


_SENTENCES = {
    "bad_url": "it is no URL",
    "unsupported_scheme": "it is neither http nor https",
    "dns_failed": "its host is not known",
    "connection_failed": "no connection came about",
    "tls_failed": "its certificate does not verify",
    "too_many_redirects": "it redirects too often",
    "redirect_loop": "it redirects in a circle",
    "bad_redirect": "it redirects to something that is no URL",
    "bad_encoding": "the body is not encoded as its headers say",
    "truncated_body": "the body ended too soon",
    "http_protocol_error": "the answer is not HTTP",
    "rate_limited": "its site asks to come back later",
    "site_busy": "too many requests to its site are waiting already",
    "names_busy": "too many other hosts are being looked up",
}
