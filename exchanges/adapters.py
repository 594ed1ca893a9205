"""The library's networked exchange types, with what keeps them from working mended.

Each stays what the library made it, name, configuration and stored values included; overridden is only what
would lose data or wedge a fetch (version 1.2.17), and where its server is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from threatexchange.exchanges import fetch_state
from threatexchange.exchanges.auth import SignalExchangeAPIInvalidAuthException
from threatexchange.exchanges.clients.fb_threatexchange.api import ThreatExchangeAPI
from threatexchange.exchanges.clients.ncmec.hash_api import (
    GetEntriesResponse,
    NCMECEndpoint,
    NCMECHashAPI,
    _XMLWrapper,
)
from threatexchange.exchanges.clients.stopncii.api import StopNCIIAPI, StopNCIICaseStatus
from threatexchange.exchanges.clients.techagainstterrorism.api import TATHashListAPI
from threatexchange.exchanges.impl import stop_ncii_api
from threatexchange.exchanges.impl.fb_threatexchange_api import (
    FBThreatExchangeCredentials,
    FBThreatExchangeSignalExchangeAPI,
)
from threatexchange.exchanges.impl.ncmec_api import NCMECCheckpoint, NCMECSignalExchangeAPI
from threatexchange.exchanges.impl.stop_ncii_api import StopNCIISignalExchangeAPI
from threatexchange.exchanges.impl.techagainstterrorism_api import TATSignalExchangeAPI
from threatexchange.signal_type.signal_base import SignalType

_TIMEOUT_S = 60.0
_BAD_REQUEST = 400
_TOKEN_LASTS_S = 600
_GONE = frozenset({StopNCIICaseStatus.Withdrawn, StopNCIICaseStatus.Deleted})
_URLS: dict[str, str] = {}


def use_urls(urls: Mapping[str, str]) -> None:
    """Sends all further requests of these types to other servers, in this process."""
    _URLS.update(urls)
    if "stop_ncii" in urls:
        StopNCIIAPI.BASE_URL = urls["stop_ncii"].rstrip("/")
    if "tat" in urls:
        TATHashListAPI.BASE_URL = urls["tat"].rstrip("/") + "/"


class _ThreatExchangeClient(ThreatExchangeAPI):
    def get_json_from_url(self, url: Any, params: Any = None, *, json_obj_hook: Any = None) -> Any:
        # The library asks past its own session here: without a time limit and without another try.
        make: Any = self._get_session
        with make() as session:
            response = session.get(url, params=params or {}, timeout=_TIMEOUT_S)
            response.raise_for_status()
            return response.json(object_hook=json_obj_hook)

    def get_threat_updates(self, *args: Any, **more: Any) -> Any:
        # An empty page is what a group without news answers; the library takes it for an error.
        cursor = super().get_threat_updates(*args, **more)
        return (page for page in cursor if page)


class ThreatExchange(FBThreatExchangeSignalExchangeAPI):
    """Meta's ThreatExchange."""

    @classmethod
    def for_collab(cls, collab: Any, credentials: Any = None) -> ThreatExchange:
        credentials = credentials or FBThreatExchangeCredentials.get(cls)
        url = _URLS.get("fb_threatexchange")
        client = _ThreatExchangeClient(
            credentials.api_token, endpoint_override=url.rstrip("/") if url else None
        )
        return cls(client, collab)


class _NcmecClient(NCMECHashAPI):
    def get_entries(
        self, *, start_timestamp: int = 0, end_timestamp: int = 0, next_: str = ""
    ) -> GetEntriesResponse:
        # The library writes local time and calls it universal: east of Greenwich it would skip hours.
        now = int(time.time())
        times = {"from": _in_universal_time(start_timestamp), "to": _in_universal_time(end_timestamp or now)}
        answer = self._get(NCMECEndpoint.entries, next_=next_, **times)
        return GetEntriesResponse.from_xml(_XMLWrapper(answer), now)


def _in_universal_time(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Ncmec(NCMECSignalExchangeAPI):
    """The hash sharing of the National Center for Missing & Exploited Children."""

    IGNORES_OLD_VALUES = True
    """Its merge needs the new value only, so that nobody has to look up the old one."""

    def fetch_iter(self, signal_types: Sequence[type[SignalType]], checkpoint: Any) -> Iterator[Any]:
        """Pages of updates and deletes."""
        paging = None if checkpoint is None else checkpoint.paging_info
        if paging is not None and paging.paging_end_ts >= int(time.time()) - 5:
            # The library does not expect a fetch to go on within a second of the last one.
            checkpoint = NCMECCheckpoint(checkpoint.get_entries_max_ts)
        return iter(super().fetch_iter(signal_types, checkpoint))

    def get_client(self, environment: Any) -> NCMECHashAPI:
        client = _NcmecClient(self._username, self._password, environment)
        if "ncmec" in _URLS:
            client._base_url = _URLS["ncmec"].rstrip("/")  # noqa: SLF001 - it has no other way in
        return client


@dataclass
class StopNciiCheckpoint(stop_ncii_api.StopNCIICheckpoint):
    """Where a set of pages began, and how far into it."""

    page_token: str = ""
    """Of the next page of the set; empty between sets."""
    set_time: int | None = None
    """Where the next set begins, when this one is read."""


class StopNcii(StopNCIISignalExchangeAPI):
    """StopNCII.org."""

    @classmethod
    def get_name(cls) -> str:
        return str(StopNCIISignalExchangeAPI.get_name())

    @staticmethod
    def get_checkpoint_cls() -> type[StopNciiCheckpoint]:
        return StopNciiCheckpoint

    def fetch_iter(
        self, _supported_signal_types: Sequence[type[SignalType]], checkpoint: Any
    ) -> Iterator[Any]:
        """Pages of updates and deletes.

        The library compares the hash, not its status, with "withdrawn", so that it never deletes anything.
        And its checkpoint after any page is the time of the whole set: going on from there skips the others.
        """
        last = checkpoint or StopNciiCheckpoint(StopNCIIAPI.DEFAULT_START_TIME, int(time.time()))
        while True:
            page = self._page(last)
            updates = {}
            for record in page.hashRecords:
                key, metadata = stop_ncii_api._get_delta_mapping(record)  # noqa: SLF001 - the one there is
                if key[0]:
                    updates[key] = None if record.hashStatus in _GONE else metadata
            now = int(time.time())
            # A change during the reading may be on a page that was read already.
            begins = page.nextSetTimestamp
            set_time = begins if not last.page_token or last.set_time is None else min(last.set_time, begins)
            if not page.hasMoreRecords:
                yield fetch_state.FetchDelta(updates, StopNciiCheckpoint(set_time, now))
                return
            last = StopNciiCheckpoint(last.update_time, now, page.nextPageToken or "", set_time)
            yield fetch_state.FetchDelta(updates, last)

    def _page(self, last: StopNciiCheckpoint) -> Any:
        if last.page_token and time.time() - last.last_fetch_time > _TOKEN_LASTS_S:
            last.page_token = ""  # they do not last, and the set can be read again
        try:
            return self.api.fetch_hashes(start_timestamp=last.update_time, next_page=last.page_token)
        except requests.HTTPError as error:
            if not last.page_token or error.response is None or error.response.status_code != _BAD_REQUEST:
                raise
            last.page_token = ""
            return self.api.fetch_hashes(start_timestamp=last.update_time)


class _TatClient(TATHashListAPI):
    def get_auth_token(self, username: str, password: str) -> str | None:
        try:
            return super().get_auth_token(username, password)
        except requests.HTTPError as error:
            if error.response is None or error.response.status_code != _BAD_REQUEST:
                raise
            raise SignalExchangeAPIInvalidAuthException(
                TechAgainstTerrorism, "the source does not accept this username and password"
            ) from error


class TechAgainstTerrorism(TATSignalExchangeAPI):
    """The hash list of Tech Against Terrorism."""

    def get_client(self) -> TATHashListAPI:
        return _TatClient(username=self.username, password=self.password)
