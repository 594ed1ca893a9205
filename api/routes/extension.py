"""What the API's description says of the extension's routes, which that room makes and guards itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from samelook.api.description import described
from samelook.api.settings import ApiSettings
from samelook.api.state import SANDBOX
from samelook.extension_api import models, routes

_TAG = "Extension"


class LooksQuery(BaseModel):
    """Where to go on."""

    since: str | None = None
    """The version that an earlier answer named."""
    page: str | None = None
    """What the page before named as `next`."""


_OPERATIONS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "check": (
        "The verdict on a site, or on up to a hundred",
        {
            "body": models.CheckQuestion,
            "answer": models.CheckAnswer | models.ChecksAnswer,
            "errors": (400, 401, 413, 429, 503),
        },
    ),
    "create_client": (
        "A token for an anonymous client",
        {"answer": models.ClientAnswer, "status": 201, "errors": (401, 429, 503)},
    ),
    "report": (
        "Report a site",
        {
            "body": models.ReportRequest,
            "answer": models.ReportAnswer,
            "status": 201,
            "errors": (400, 401, 413, 429, 503),
        },
    ),
    "allowed": ("The client's allowlist", {"answer": models.AllowedAnswer, "errors": (401, 503)}),
    "allow": (
        "Put a site on the client's allowlist",
        {
            "body": models.AllowRequest,
            "answer": models.AllowedSite,
            "status": 201,
            "errors": (400, 401, 413, 429, 503),
        },
    ),
    "disallow": (
        "Take a site off the client's allowlist",
        {"status": 204, "errors": (400, 401, 503)},
    ),
    "looks": (
        "Looks of trusted sites: all, or what changed",
        {"query": LooksQuery, "answer": models.LooksAnswer, "errors": (400, 401, 429, 503)},
    ),
    "why": (
        "Why a site is grey or locked",
        {"answer": dict[str, object], "errors": (400, 404, 429, 503)},
    ),
    "icon": (
        "A picture of the crawl, as evidence",
        {"produces": "image/*", "errors": (400, 404, 429, 503)},
    ),
    "malicious": (
        "Whether a site is locked, as ThreatSlayer asks",
        {
            "body": models.ThreatSlayerRequest,
            "answer": models.MaliciousAnswer,
            "errors": (400, 413, 429, 503),
        },
    ),
    "malicious_as_spelt": (
        "The same, as the published ThreatSlayer spells it",
        {
            "body": models.ThreatSlayerRequest,
            "answer": models.MaliciousAnswer,
            "errors": (400, 413, 429, 503),
        },
    ),
    "threatslayer_allow": (
        "Put a site on the allowlist of a ThreatSlayer key",
        {
            "body": models.ThreatSlayerRequest,
            "answer": models.ThreatSlayerAllowed,
            "errors": (400, 401, 413, 429, 503),
        },
    ),
}


def add_extension(app: web.Application, settings: ApiSettings) -> None:
    """Add the extension's routes. They know clients by tokens of their own: no API key is asked for here."""
    for route in routes.setup(app, settings.extension, settings.database, lambda app: app[SANDBOX]):
        summary, more = _OPERATIONS[route.name]
        described(_TAG, summary, role=None, **more)(route.handler)
