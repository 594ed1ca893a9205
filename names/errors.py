"""Why a text is not the name that was asked for."""

from __future__ import annotations

from samelook.errors import SamelookError


class BadName(SamelookError):
    """A text is not the name that was asked for."""

    kind = "bad_name"
    status = 400


class NotADomain(BadName):
    """A text is not the name of a host; `reason` says why in a few words."""

    kind = "not_a_domain"

    def __init__(self, reason: str, **detail: object) -> None:
        super().__init__(f"Not a domain name: {reason}.", reason=reason, **detail)
        self.reason = reason


class NotASite(BadName):
    """A URL or host names no public web site: a private address, a name of one label, another scheme."""

    kind = "not_a_site"
