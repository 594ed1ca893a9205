"""Answers to questions about sites: the edge between what clients send and the judge."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from samelook.extension_api.errors import BadRequest, BodyTooLarge, Unavailable
from samelook.extension_api.judge import Judge, Judgement
from samelook.extension_api.models import Icon, PageSeen, SiteQuestion
from samelook.extension_api.verdict import Verdict
from samelook.facts.asker import looks_at
from samelook.facts.evidence import LookMatch
from samelook.facts.questions import Asked, AskedIcon, source_of
from samelook.facts.rank_reader import RANK_WAIT_S, RankReader
from samelook.hashing.errors import HashingError
from samelook.looks.files import looks_of_file
from samelook.looks.likeness import looks_given
from samelook.looks.look import FORM_BYTES
from samelook.looks.remembered import Remembered
from samelook.names.errors import NotASite
from samelook.names.sites import Hosting, Site, host_of_url, is_address, site_of
from samelook.sql.away import AWAY
from samelook.sql.cancelled import check_cancelled

if TYPE_CHECKING:
    from samelook.extension_api.outbox import Outbox
    from samelook.extension_api.settings import ExtensionSettings
    from samelook.facts.follower import Follower
    from samelook.hashing.sandbox import Sandbox
    from samelook.looks.look import Look
    from samelook.sql.pool import Pool

RANK_KEPT_S = 60.0
_MOST_RANKS = 20_000
SENT_BYTES = 64 << 20
"""Most memory, in bytes, for the looks of icons that clients sent."""
_SENT_OVERHEAD = 2000
_LOOK_OVERHEAD = 2
"""Times that a look's pictures are in memory once it was compared: as they came, and as one array."""
_PDQ_BYTES = 32


class Answers:
    """Answers questions; keeps what clients sent for a while, so that a second question about it is cheap."""

    def __init__(
        self,
        follower: Follower,
        outbox: Outbox,
        sandbox: Sandbox,
        pool: Pool,
        settings: ExtensionSettings,
        clock: Callable[[], float],
    ) -> None:
        self._follower = follower
        self._outbox = outbox
        self._sandbox = sandbox
        self._settings = settings
        self._clock = clock
        self.judge = Judge(follower, settings.verdicts, clock)
        self._sent: Remembered[bytes, AskedIcon] = Remembered(SENT_BYTES)
        self._being_looked_at: dict[bytes, asyncio.Future[AskedIcon]] = {}
        self._ranks: Remembered[str, tuple[float, int | None]] = Remembered(_MOST_RANKS)
        self._reader = RankReader(pool)

    async def answer(
        self,
        question: SiteQuestion,
        client: int | None = None,
        *,
        may_crawl: Callable[[], bool] = lambda: True,
        no_icon: bool = False,
    ) -> dict[str, Any]:
        """The answer about one site. Raises ExtensionError's leaves when there cannot be one.

        `may_crawl` is asked whether the crawler may be sent to a site that it does not know. `no_icon` says
        that the asker has looked at the page itself, and it offers no icon.
        """
        if not self._follower.is_loaded:
            raise Unavailable("What is known is still being read; try again in a moment.")
        if len(question.icons) > self._settings.max_icons:
            raise BadRequest(
                f"At most {self._settings.max_icons} icons of a site.", icons=len(question.icons)
            )
        host = host_of_url(question.url)
        site = site_of(host)
        # The rank is read from the database while icons are decoded and searched for.
        rank = None if site in self.judge.memory.sites else asyncio.ensure_future(self._rank_of(site))
        try:
            icons = self.judge.distinct(
                [icon for entry in question.icons for icon in await self._icons_of(entry)]
            )
            page = question.page or PageSeen()
            asked = Asked(
                host, site, icons, client, no_icon=no_icon, title=page.title, asks_password=page.asks_password
            )
            for icon in icons:
                # Each step's result is kept, and the event loop answers other requests between the steps.
                for _ in self.judge.look_around(icon, asked):
                    await asyncio.sleep(0)
            position = None if rank is None else await rank
        finally:
            if rank is not None:
                rank.cancel()
        seen = [self._outbox.first_seen(site, icon.sha256) for icon in icons]
        first_seen = min((time for time in seen if time is not None), default=None)
        judged = self.judge.judge(replace(asked, position=position, first_seen=first_seen))
        self._note(judged, icons, may_crawl)
        return self._rendered(judged)

    def looks_of(self, sha256: bytes) -> tuple[Look, ...]:
        """The looks of a picture that the crawl knows or a client sent lately; none where nobody did."""
        sent = self._sent.get(sha256)
        return looks_at(self.judge.memory, sha256) or (sent and sent.looks) or ()

    # ---- what clients send ----

    async def _icons_of(self, icon: Icon) -> list[AskedIcon]:
        source = source_of(icon.url) if icon.url else None
        return [replace(entry, source=source) for entry in await self._given_as(icon)]

    async def _given_as(self, icon: Icon) -> list[AskedIcon]:
        if icon.data is not None:
            return [await self._of_bytes(self._decoded(icon.data))]
        if icon.sha256 is not None:
            return [await self._of_digest(bytes.fromhex(icon.sha256))]
        if icon.signals:
            return await self._of_signals(icon.signals)
        return []

    def _decoded(self, data: str) -> bytes:
        limit = self._settings.max_icon_bytes
        if len(data) > limit * 4 // 3 + 4:
            raise BodyTooLarge(f"An icon may have {limit} bytes.", limit=limit)
        try:
            body = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadRequest("An icon's data is not base64.") from error
        if len(body) > limit:
            raise BodyTooLarge(f"An icon may have {limit} bytes.", limit=limit)
        return body

    async def _of_digest(self, sha256: bytes) -> AskedIcon:
        if sha256 in self.judge.memory.pictures:
            return AskedIcon(sha256)
        looking = self._being_looked_at.get(sha256)
        if looking is not None:
            return await asyncio.shield(looking)
        return self._sent.get(sha256) or AskedIcon(sha256)

    async def _of_bytes(self, body: bytes) -> AskedIcon:
        sha256 = hashlib.sha256(body).digest()
        if sha256 in self.judge.memory.pictures:
            return AskedIcon(sha256)
        sent = self._sent.get(sha256)
        if sent is not None:
            return sent
        looking = self._being_looked_at.get(sha256)
        if looking is None:
            looking = self._being_looked_at[sha256] = asyncio.ensure_future(self._looked_at(sha256, body))
            looking.add_done_callback(lambda done: self._keep(sha256, done))
        # Shielded: another question may wait for the same picture.
        return await asyncio.shield(looking)

    async def _looked_at(self, sha256: bytes, body: bytes) -> AskedIcon:
        try:
            given_looks = looks_given(await self._sandbox.run(looks_of_file, body))
        except HashingError as error:
            return AskedIcon(sha256, error=error.kind)
        looks = tuple(look for look in given_looks if look.forms)
        return AskedIcon(sha256, looks, hashlib.md5(body, usedforsecurity=False).digest())

    def _keep(self, sha256: bytes, done: asyncio.Future[AskedIcon]) -> None:
        """A picture that is bad stays bad; a worker that died, or ran out of time, says nothing for ever."""
        del self._being_looked_at[sha256]
        if done.cancelled() or done.exception() is not None:
            return
        icon = done.result()
        if not (icon.error or "").startswith("decoder_"):
            forms = sum(len(look.forms) for look in icon.looks or ())
            self._sent.put(sha256, icon, _SENT_OVERHEAD + _LOOK_OVERHEAD * FORM_BYTES * forms)

    async def _of_signals(self, signals: dict[str, str]) -> list[AskedIcon]:
        try:
            values = {
                name: bytes.fromhex(value) for name, value in signals.items() if name in {"sha256", "pdq"}
            }
        except ValueError as error:
            raise BadRequest("A signal is not in hex.") from error
        if any(len(value) != _PDQ_BYTES for value in values.values()):
            raise BadRequest("A sha256 or pdq signal has 64 hex digits.")
        icons = []
        if "sha256" in values:
            icons.append(await self._of_digest(values["sha256"]))
        if "pdq" in values:
            # A digest of the hash stands for the icon, whose own SHA-256 is not known.
            icons.append(AskedIcon(hashlib.sha256(b"pdq" + values["pdq"]).digest(), pdq=values["pdq"]))
        return icons

    async def _rank_of(self, site: Site) -> int | None:
        """The rank of a site that is not in memory: read from the database, kept for a minute.

        While the database is away it is the last one known, or None. A rank within the tiers does not count,
        see below.
        """
        now = self._clock()
        known = self._ranks.get(site)
        if known is not None and 0 <= now - known[0] < RANK_KEPT_S:
            return known[1]
        if not self._follower.is_current:
            # The database is away: the sites of a request do not each wait for it.
            return known[1] if known else None
        try:
            async with asyncio.timeout(RANK_WAIT_S):
                position = await self._reader.rank_of(site)
        except AWAY:
            check_cancelled()
            return known[1] if known else None
        # Only the keeper knows whether a good rank has held; until it has looked, it does not count.
        if self._settings.verdicts.tiers.rule_for(position) is not None:
            position = None
        self._ranks.put(site, (now, position))
        return position

    # ---- what follows from an answer ----

    def _note(self, judged: Judgement, sent: tuple[AskedIcon, ...], may_crawl: Callable[[], bool]) -> None:
        now = self._clock()
        site = judged.facts.site
        for icon in sent:
            if icon.sha256 not in judged.needed and not icon.pdq:
                self._outbox.saw(site, icon.sha256, now)
        if is_address(site) or judged.facts.visited:
            return
        if not self._outbox.has_asked_for(site, now) and may_crawl():
            self._outbox.want_crawl(site, now)

    def _rendered(self, judged: Judgement) -> dict[str, Any]:
        decision = judged.decision
        lasting = {
            "verdict": str(decision.verdict),
            "action": decision.action,
            "host": judged.asked.host,
            "site": judged.facts.site,
            "applies_to": _scope(judged),
            "reasons": [reason.as_json() for reason in decision.reasons],
            "looks_like": _looks_like(decision.looks_like),
            "need": [sha256.hex() for sha256 in judged.needed],
            "first_seen": _iso(judged.facts.first_seen),
        }
        number = uuid5(NAMESPACE_URL, "samelook:" + json.dumps(lasting, sort_keys=True))
        answer = {
            **lasting,
            "version": self._follower.data_version,
            "ttl": self._ttl(judged),
            "id": str(number),
            "why": f"/x/v1/why/{number}",
        }
        if decision.verdict in {Verdict.GREY, Verdict.LOCK}:
            self._outbox.explain(number, judged.facts.site, answer)
        return answer

    def _ttl(self, judged: Judgement) -> int:
        """Seconds that the answer may be kept: short where the next question may be answered better."""
        most = self._settings.ttl_s
        if judged.needed:
            return min(most, 5)
        if not judged.facts.visited:
            return min(most, 30)
        return most if judged.decision.verdict is Verdict.TRUSTED else min(most, 120)


def _scope(judged: Judgement) -> str:
    """How far the verdict holds: what is said of one host says nothing of the site's others."""
    if str(judged.decision.reasons[0].rule).startswith("1-"):
        return "site"
    return "page" if judged.facts.hosting is Hosting.SHARED_PATHS else "host"


def explanation(answer: dict[str, Any]) -> dict[str, Any]:
    """What the public page about a verdict says: the verdict without what only its asker needs."""
    return {name: value for name, value in answer.items() if name not in {"ttl", "need"}}


def _looks_like(matches: tuple[LookMatch, ...]) -> list[dict[str, Any]]:
    closest: dict[Site, LookMatch] = {}
    for match in matches:
        closest.setdefault(match.owner.site, match)
    return [
        {
            "site": match.owner.site,
            "rank": match.owner.position,
            "form": match.form,
            "version": match.version,
            **match.distances,
            "under": match.under,
            "current": match.current,
            "sha256": {"asker": match.asker_sha256, "owner": match.owner_sha256},
            "md5": {"asker": match.asker_md5, "owner": match.owner_md5},
            "pictures": {
                "asker": f"/x/v1/icons/{match.asker_sha256}",
                "owner": f"/x/v1/icons/{match.owner_sha256}",
                "owner_url": match.owner_icon_url,
            },
        }
        for match in closest.values()
    ]


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC).isoformat()


def explained_number(text: str) -> UUID:
    """The number in an address of an explanation. Raises BadRequest."""
    try:
        return UUID(text)
    except ValueError as error:
        raise BadRequest("An explanation is asked for by its UUID.") from error


NotAnswerable = (NotASite, BadRequest, BodyTooLarge)
"""What is wrong with one site of several, and told in its place."""
