"""Banks: what is in them, and how they take part in lookups."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, field_validator

from samelook.api.content_models import Metadata
from samelook.api.description import described
from samelook.api.errors import ApiError, bad_request
from samelook.api.exchange_service import EXCHANGES
from samelook.api.pages.frame import TAG
from samelook.api.pages.render import done, page
from samelook.api.requests import id_of, parsed_json, query_of, texts_of, validated
from samelook.api.routes.hashing import fetcher_of, hashed
from samelook.api.state import CURATION, MATCHING, SETTINGS, check_admin, check_hashing, show_at_once
from samelook.api.uploads import Media, SentForm, fetched_media, form_of
from samelook.api.visitors import who_acts
from samelook.banks.contents import OPERATOR
from samelook.banks.details import DISABLED, ENABLED, Details, enabled
from samelook.banks.limits import LONGEST_DESCRIPTION, LONGEST_NAME
from samelook.banks.signal_types import SIGNAL_TYPES, content_types, parsed_signals

routes = web.RouteTableDef()
_PAGE = 24
_CONTENT = r"/ui/banks/{bank_name}/content/{content_id:\d+}"


class ContentsAsked(BaseModel):
    """Which contents are shown."""

    after: int = Field(default=0, ge=0, le=(1 << 63) - 1)
    content_type: str = ""
    signal_type: str = ""
    find: int | None = Field(default=None, ge=0, le=(1 << 63) - 1)

    @field_validator("find", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value


class BankForm(BaseModel):
    """What can be said of a bank."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(default="", max_length=LONGEST_NAME)
    enabled_ratio: float = Field(default=1.0, ge=0.0, le=1.0)
    active: bool = False
    negative: bool = False
    description: str = Field(default="", max_length=LONGEST_DESCRIPTION)
    tags: str = Field(default="", max_length=2000)
    radii: str = Field(default="", max_length=2000)

    def as_arguments(self) -> dict[str, Any]:
        """As the store's methods take it."""
        return {
            "enabled_ratio": self.enabled_ratio,
            "active": self.active,
            "negative": self.negative,
            "description": self.description,
            "tags": _words(self.tags),
            "radii": _radii(self.radii),
        }


@routes.get("/ui/banks")
@described(TAG, "All banks", page=True)
async def banks(request: web.Request) -> web.Response:
    store = request.app[CURATION].banks
    matching = request.app.get(MATCHING)
    live = matching.live if matching is not None else None
    return page(
        request,
        "banks.html",
        banks=await store.banks(),
        ratios=await store.type_ratios(),
        indexed=None if live is None else {name: len(held.index) for name, held in live.indexes.items()},
        age=None if live is None else live.age_s,
        trouble=None if matching is None or live is not None else matching.trouble,
    )


@routes.post("/ui/banks")
@described(TAG, "A new bank", page=True, role="curator")
async def create_bank(request: web.Request) -> web.Response:
    form = validated(await texts_of(request), BankForm)
    bank = await request.app[CURATION].banks.create(form.name.strip(), **form.as_arguments())
    await show_at_once(request, "")
    return done(request, _path(bank.name), f"The bank {bank.name} is there.")


@routes.post("/ui/signal-types/{name}")
@described(TAG, "Switches a signal type on or off", page=True, role="admin")
async def switch_type(request: web.Request) -> web.Response:
    name, wanted = request.match_info["name"], (await texts_of(request)).get("on") == "yes"
    await request.app[CURATION].banks.set_type_ratio(name, float(wanted))
    await show_at_once(request, "")
    return done(request, "/ui/banks", f"{name} is {'on' if wanted else 'off'}.")


@routes.get("/ui/banks/{bank_name}")
@described(TAG, "A bank and what is in it", page=True)
async def bank(request: web.Request) -> web.Response:
    asked, curation = query_of(request, ContentsAsked), request.app[CURATION]
    found = await curation.banks.bank(request.match_info["bank_name"])
    if asked.content_type not in ("", *content_types()) or asked.signal_type not in ("", *SIGNAL_TYPES):
        raise bad_request("There is no such type.")
    after = max(0, asked.find - 1) if asked.find is not None else asked.after
    contents = await curation.contents.page(
        found,
        after,
        _PAGE,
        content_type=asked.content_type or None,
        of_signal_type=asked.signal_type or None,
    )
    ids = [content.id for content in contents]
    count, signals_of_bank = await curation.banks.counts(found)
    return page(
        request,
        "bank.html",
        bank=found,
        asked=asked,
        contents=contents,
        signals=await curation.contents.signals(ids),
        words=await curation.contents.words(ids),
        crawled=await curation.contents.crawled(content.id for content in contents if content.picture_sha256),
        count=count,
        sizes=signals_of_bank,
        content_types=content_types(),
        signal_types=list(SIGNAL_TYPES),
        more=ids[-1] if len(ids) == _PAGE else None,
        enabled=lambda content: enabled(content.details.disable_until_ts, time.time()),
    )


@routes.post("/ui/banks/{bank_name}")
@described(TAG, "Changes how a bank takes part", page=True, role="curator")
async def update_bank(request: web.Request) -> web.Response:
    form, name = validated(await texts_of(request), BankForm), request.match_info["bank_name"]
    new_name = form.name.strip()
    changed = await request.app[CURATION].banks.update(
        name, new_name=new_name if new_name and new_name != name else None, **form.as_arguments()
    )
    await show_at_once(request, "")
    return done(request, _path(changed.name), f"{changed.name} is as you said.")


@routes.post("/ui/banks/{bank_name}/remove")
@described(TAG, "Removes a bank with everything in it", page=True, role="curator")
async def remove_bank(request: web.Request) -> web.Response:
    name, store = request.match_info["bank_name"], request.app[CURATION].banks
    if (await texts_of(request)).get("confirmed") != name:
        raise bad_request(f"To remove a bank, write its name: {name}.")
    if (await store.bank(name)).owner == "exchange":
        check_admin(request, "To remove a bank with the exchange that feeds it")
        await request.app[EXCHANGES].delete(name)
    await store.delete(name)
    await show_at_once(request)
    return done(request, "/ui/banks", f"The bank {name} is gone.")


@routes.post("/ui/banks/{bank_name}/contents")
@described(TAG, "Adds a content by file, URL or hash", page=True, role="curator")
async def add_content(request: web.Request) -> web.Response:
    name = request.match_info["bank_name"]
    target = await request.app[CURATION].banks.writable(name)
    form = await form_of(request, request.app[SETTINGS].max_upload_bytes)
    texts = {key: value.strip() for key, value in form.texts.items() if value.strip()}
    metadata = {"json": parsed_json(texts["metadata"])} if "metadata" in texts else {}
    stored = validated(metadata, Metadata).stored()
    details: dict[str, Any] = {
        "note": texts.get("note"),
        "tags": _words(texts.get("tags", "")),
        "metadata": stored,
    }
    if "hash" in texts:
        kind = texts.get("signal_type", "pdq")
        signals = parsed_signals({kind: texts["hash"]})
    else:
        check_hashing(request)
        media = await _media(request, form, texts)
        details |= {"content_type": media.content_type, "original_media_uri": texts.get("url")}
        signals = parsed_signals((await hashed(request, media, None)).usable())
    content_id = await request.app[CURATION].contents.add(target.name, signals, Details(**details))
    await show_at_once(request, *(kind.name for kind in signals))
    return done(request, f"{_path(name)}?find={content_id}", f"Content {content_id} is in {name}.")


@routes.post(_CONTENT)
@described(TAG, "Removes, restores, switches or describes a content", page=True, role="curator")
async def change_content(request: web.Request) -> web.Response:
    bank_name, content_id = request.match_info["bank_name"], id_of(request, "content_id")
    contents, texts = request.app[CURATION].contents, await texts_of(request)
    match texts.get("act"):
        case "remove":
            if not await contents.remove(bank_name, content_id, f"{OPERATOR} {who_acts(request)}"):
                raise ApiError(404, "There is no such content.")
            notice = f"Content {content_id} is removed; for a week it can be taken back."
        case "restore":
            await contents.restore(bank_name, content_id)
            notice = f"Content {content_id} is back."
        case "disable" | "enable" as act:
            until = ENABLED if act == "enable" else DISABLED
            await contents.update(bank_name, content_id, {"disable_until_ts": until})
            notice = f"Content {content_id} {'matches again' if act == 'enable' else 'matches no longer'}."
        case "describe":
            changes = {"note": texts.get("note") or None, "tags": _words(texts.get("tags", ""))}
            await contents.update(bank_name, content_id, changes)
            notice = f"Content {content_id} is described."
        case "right" | "wrong" as act:
            right = act == "right"
            until = ENABLED if right else DISABLED
            await contents.update(bank_name, content_id, {"confirmed": right, "disable_until_ts": until})
            notice = f"Content {content_id} is {'confirmed' if right else 'a false positive: it is off now'}."
        case _:
            raise bad_request("Say what is to be done with the content.")
    await show_at_once(request, "")
    return done(request, f"{_path(bank_name)}?find={content_id}", notice)


async def _media(request: web.Request, form: SentForm, texts: dict[str, str]) -> Media:
    data = form.files.get("photo")
    if data:
        return Media("photo", data)
    if form.files.get("video"):
        return Media("video", form.files["video"])
    if "url" in texts:
        return await fetched_media(fetcher_of(request), texts["url"], None)
    raise bad_request("Choose a file, or give a URL or a hash.")


def _path(bank_name: str) -> str:
    return f"/ui/banks/{quote(bank_name)}"


def _words(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]


def _radii(text: str) -> dict[str, int]:
    """`pdq 31, phash 8` as radii by signal type. Raises ApiError."""
    radii = {}
    for part in _words(text):
        name, _, bits = part.replace("=", " ").partition(" ")
        if not bits.strip().isdigit():
            raise bad_request(f"{part[:80]!r} is no radius: write a signal type and bits, as in pdq 31.")
        radii[name] = int(bits.strip()[:6])
    return radii
