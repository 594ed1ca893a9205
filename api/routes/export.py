"""A bank as a file: `GET /c/bank/{bank_name}/export`, in formats that others' tools read."""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict, Field

from samelook.api.description import described
from samelook.api.errors import ApiError
from samelook.api.requests import query_of
from samelook.api.state import CURATION, POOL
from samelook.banks.export import FORMATS, Export, checked_export, exported

_log = structlog.get_logger(__name__)
_MOST_AT_ONCE = 3
_EXPORTS = web.AppKey("exports", asyncio.Semaphore)
routes = web.RouteTableDef()


class ExportQuery(BaseModel):
    """How a bank is to be written."""

    model_config = ConfigDict(frozen=True)

    format: str = Field("local_file", description=f"One of {', '.join(FORMATS)}.", examples=list(FORMATS))
    signal_type: str | None = Field(
        None, description="Only signals of these types, comma-separated.", examples=["pdq,blockhash16"]
    )


def add_export(app: web.Application) -> None:
    """Makes the application offer exports."""
    app[_EXPORTS] = asyncio.Semaphore(_MOST_AT_ONCE)
    app.add_routes(routes)


@routes.get("/c/bank/{bank_name}/export")
@described(
    "Banks",
    "A bank's signals as a file for others",
    query=ExportQuery,
    produces="text/plain",
    answer=str,
    errors=(400, 404),
    description="`local_file`: lines of a signal type and a value, as python-threatexchange's exchange of "
    "that name reads them. `hashes`: values of one type. `ndjson`: contents with note and metadata, as "
    "`POST /c/bank/…/signals` takes them. Contents that are disabled now are left out. A transfer that "
    "breaks off before its last chunk is incomplete.",
)
async def export_bank(request: web.Request) -> web.StreamResponse:
    query = query_of(request, ExportQuery)
    bank = await request.app[CURATION].banks.bank(request.match_info["bank_name"])
    types = [name.strip() for name in (query.signal_type or "").split(",")] if query.signal_type else []
    export = checked_export(bank, query.format, types)
    response = _response(export)
    if request.method == hdrs.METH_HEAD:
        return response
    slots = request.app[_EXPORTS]
    if slots.locked():
        # Each export holds one of the few connections for as long as its client reads.
        raise ApiError(
            503, "Enough banks are being exported just now; try again.", headers={"Retry-After": "5"}
        )
    async with slots:
        return await _stream(request, export, response)


async def _stream(request: web.Request, export: Export, response: web.StreamResponse) -> web.StreamResponse:
    async with exported(request.app[POOL], export) as portions:
        # An error before the first line is answered like any other error.
        portion = await anext(portions, None)
        await response.prepare(request)
        try:
            while portion is not None:
                await response.write(portion.text)
                portion = await anext(portions, None)
        except ConnectionError:
            raise
        except Exception:
            # A status can no longer be sent. Without the last chunk the client knows that more was to come.
            _log.exception("api.export_broke_off", bank=export.bank.name)
            if request.transport is not None:
                request.transport.abort()
            raise
        await response.write_eof()
    return response


def _response(export: Export) -> web.StreamResponse:
    is_json = export.format == "ndjson"
    response = web.StreamResponse()
    response.content_type = "application/x-ndjson" if is_json else "text/plain"
    response.charset = "utf-8"
    name = f"{export.bank.name}.{'ndjson' if is_json else 'txt'}"
    # The name is of capitals, digits and underscores: nothing to quote.
    response.headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{name}"'
    return response
