"""What can be wrong with a request, as typed errors with an HTTP status."""

from __future__ import annotations

from samelook.errors import SamelookError


class ExtensionError(SamelookError):
    """A request cannot be answered as it was asked.

    `kind` is a stable word for programs, the message is for people, and `detail` holds JSON-ready facts.
    """

    kind = "extension_error"
    status = 400


class BadRequest(ExtensionError):
    """The request's body or a parameter is not what the documentation asks for."""

    kind = "bad_request"


class Unauthorised(ExtensionError):
    """A client token or an API key is missing, unknown, expired or blocked."""

    kind = "unauthorised"
    status = 401


class NotFound(ExtensionError):
    """There is nothing under this name, or no longer."""

    kind = "not_found"
    status = 404


class BodyTooLarge(ExtensionError):
    """A body, or an icon in it, is larger than the limit."""

    kind = "too_large"
    status = 413


class AskedTooOften(ExtensionError):
    """This client or address asks too much; `retry_after_s` says when to come back."""

    kind = "rate_limited"
    status = 429

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message, retry_after_s=round(retry_after_s, 1))
        self.retry_after_s = retry_after_s


class Unavailable(ExtensionError):
    """What was asked needs the database, which does not answer now."""

    kind = "unavailable"
    status = 503
