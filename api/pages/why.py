"""Why a site is locked or warned of: the public page for whoever stands before it, and for its owner."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from aiohttp import web

from samelook.api.callers import address_of, client_behind, network_behind
from samelook.api.description import Operation, described
from samelook.api.errors import ApiError
from samelook.api.pages.render import page
from samelook.api.pages.why_words import WORDS, Language
from samelook.api.requests import texts_of
from samelook.api.state import FETCHER
from samelook.api.visitors import VISITOR, admit
from samelook.crawler.fetching.errors import FetchError
from samelook.extension_api.answers import explained_number
from samelook.extension_api.errors import NotFound
from samelook.extension_api.extension import EXTENSION, Extension
from samelook.extension_api.limits import network_of
from samelook.extension_api.objections import Objection, note_proof, object_to, objection
from samelook.looks.agreement import agreement_png

routes = web.RouteTableDef()
TAG = "Why"
_PUBLIC = Operation(TAG, "For everybody", None, page=True)
_COST = 10.0


async def explanation_of(request: web.Request, number: UUID) -> dict[str, Any]:
    """What was said of a site. Raises NotFound."""
    extension = request.app[EXTENSION]
    extension.work.take(client_behind(request), _COST)
    found: dict[str, Any] | None = extension.outbox.explained(number)
    if found is None:
        found = await extension.reads.explanation(extension.pool, id=number)
    if found is None:
        raise NotFound("Nothing is known under this number; explanations are kept for 90 days.")
    return found


async def why_page(request: web.Request, answer: Mapping[str, Any], trouble: str = "") -> web.Response:
    """The page about a verdict."""
    if VISITOR not in request:
        await admit(request, _PUBLIC)
    language = language_of(request)
    likes = answer.get("looks_like") or ()
    reasons = [reason["code"] for reason in answer.get("reasons") or ()]
    words = WORDS[language]
    match = likes[0] if likes else None
    why = "" if match is None else "same_mark" if match.get("under") == "mark" else "looks_like"
    sentence = words.sentences.get(why or (reasons or [""])[0], words.sentences[""])
    agreement = "" if match is None or why != "same_mark" else await _agreement(request, match)
    response = page(
        request,
        "why.html",
        status=400 if trouble else 200,
        public=True,
        language=language,
        words=words,
        answer=answer,
        match=match,
        agreement=agreement,
        is_kept=match is not None and await _is_kept(request, match["sha256"]["asker"]),
        sentence=sentence.format(site=answer["site"], owner=match["site"] if match else ""),
        rank=words.rank(match.get("rank")) if match else "",
        trouble=trouble,
    )
    response.headers["Content-Language"] = language
    return response


async def _is_kept(request: web.Request, sha256: str) -> bool:
    """Whether there is a picture to show: icons that only clients sent are not kept."""
    extension = request.app[EXTENSION]
    row = await extension.reads.picture(extension.pool, sha256=bytes.fromhex(sha256))
    return row is not None and row["body"] is not None


async def _agreement(request: web.Request, match: Mapping[str, Any]) -> str:
    """A picture of where the two marks agree, as a data: URL; empty where a picture is not known any more."""
    answers = request.app[EXTENSION].answers
    looks = [answers.looks_of(bytes.fromhex(match["sha256"][whose])) for whose in ("asker", "owner")]
    if not all(looks):
        return ""
    drawn = await asyncio.to_thread(agreement_png, *looks)
    return "data:image/png;base64," + base64.b64encode(drawn).decode()


@routes.post("/x/v1/why/{id}/objection")
@described(TAG, "Objects to a verdict", role=None, page=True)
async def object_here(request: web.Request) -> web.Response:
    extension, number = request.app[EXTENSION], explained_number(request.match_info["id"])
    answer = await explanation_of(request, number)
    network = network_behind(request)
    extension.reports.take(f"network {network}", 1)
    sent = await texts_of(request)
    contact, message = sent.get("contact", ""), sent.get("message", "")
    if not contact.strip():
        return await why_page(request, answer, WORDS[language_of(request)].contact_missing)
    async with extension.pool.acquire() as connection, connection.transaction():
        made = await object_to(connection, answer["site"], number, contact, message)
        await extension.writes.add_report(
            connection,
            site=answer["site"],
            kind="false_lock",
            client_id=None,
            network=await extension.network_digest(network),
            idempotency_key=None,
            looks_like=None,
        )
    location = f"/x/v1/objections/{made}?lang={language_of(request)}"
    return web.Response(status=303, headers={"Location": location})


@routes.get("/x/v1/objections/{id}")
@described(TAG, "How an objection stands, and how an owner proves who they are", role=None, page=True)
async def show_objection(request: web.Request) -> web.Response:
    return _objection_page(request, await _objection(request))


@routes.post("/x/v1/objections/{id}/proof")
@described(TAG, "Looks for the owner's file", role=None, page=True)
async def prove(request: web.Request) -> web.Response:
    extension, asked = request.app[EXTENSION], await _objection(request)
    fetcher = request.app.get(FETCHER)
    if fetcher is None:
        raise ApiError(501, "This service cannot fetch files; its operator reads your message all the same.")
    _take_fetch(extension, request)
    try:
        found = await fetcher.fetch(asked.proof_url)
    except FetchError:
        return _objection_page(request, asked, missing=True)
    if not asked.is_proven_by(found.final_url, found.status, found.body):
        return _objection_page(request, asked, missing=True)
    async with extension.pool.acquire() as connection:
        await note_proof(connection, asked.id)
    where = f"/x/v1/objections/{asked.id}?lang={language_of(request)}"
    return web.Response(status=303, headers={"Location": where})


async def _objection(request: web.Request) -> Objection:
    extension, number = request.app[EXTENSION], explained_number(request.match_info["id"])
    extension.work.take(client_behind(request), _COST)
    async with extension.pool.acquire() as connection:
        return await objection(connection, number)


def _objection_page(request: web.Request, asked: Objection, *, missing: bool = False) -> web.Response:
    language = language_of(request)
    return page(
        request,
        "objection.html",
        public=True,
        language=language,
        words=WORDS[language],
        objection=asked,
        missing=missing,
    )


def _take_fetch(extension: Extension, request: web.Request) -> None:
    """Whoever asks makes us fetch something: no more often than they may report."""
    extension.reports.take(f"proofs {network_of(address_of(request))}", 1)


def language_of(request: web.Request) -> Language:
    """The language that was chosen, or the first of the browser's that there is."""
    chosen = request.query.get("lang", "")
    preferred = [
        preference.partition(";")[0].strip()
        for preference in request.headers.get("Accept-Language", "").split(",")
    ]
    for language in (chosen, *preferred):
        match language[:2].lower():
            case "de":
                return "de"
            case "en":
                return "en"
    return "en"
