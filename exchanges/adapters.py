"""The library's networked exchange types, with what keeps them from working mended.

Each stays what the library made it, name, configuration and stored values included; overridden is only what would
lose data or wedge a fetch (version 1.2.17), and where its server is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from threatexchange.exchanges import fetch_state
from threatexchange.exchanges.clients.fb_threatexchange.api import ThreatExchangeAPI
from threatexchange.exchanges.clients.ncmec.hash_api import NCMECHashAPI
from threatexchange.exchanges.clients.stopncii.api import StopNCIIAPI, StopNCIICaseStatus
from threatexchange.exchanges.clients.techagainstterrorism.api import TATHashListAPI
from threatexchange.exchanges.impl import stop_ncii_api
from threatexchange.exchanges.impl.fb_threatexchange_api import (
    FBThreatExchangeCredentials,
    FBThreatExchangeSignalExchangeAPI,
)
from threatexchange.exchanges.impl.ncmec_api import NCMECSignalExchangeAPI
from threatexchange.exchanges.impl.stop_ncii_api import StopNCIISignalExchangeAPI
from threatexchange.exchanges.impl.techagainstterrorism_api import TATSignalExchangeAPI
from threatexchange.signal_type.signal_base import SignalType

_TIMEOUT_S = 60.0
_GONE = frozenset({StopNCIICaseStatus.Withdrawn, StopNCIICaseStatus.Deleted})
SERVED = ("fb_threatexchange", "ncmec", "stop_ncii", "tat")
"""The types whose base URL can be chosen."""
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
        with self._get_session() as session:
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
        client = _ThreatExchangeClient(credentials.api_token, endpoint_override=url.rstrip("/") if url else None)
        return cls(client, collab)


class Ncmec(NCMECSignalExchangeAPI):
    """The hash sharing of the National Center for Missing & Exploited Children."""

    IGNORES_OLD_VALUES = True
    """Its merge needs the new value only, so that nobody has to look up the old one."""

    def get_client(self, environment: Any) -> NCMECHashAPI:
        client = super().get_client(environment)
        if "ncmec" in _URLS:
            client._base_url = _URLS["ncmec"].rstrip("/")  # noqa: SLF001 - it has no other way in
        return client


class StopNcii(StopNCIISignalExchangeAPI):
    """StopNCII.org."""

    @classmethod
    def get_name(cls) -> str:
        return str(StopNCIISignalExchangeAPI.get_name())

    def fetch_iter(
        self, _supported_signal_types: Sequence[type[SignalType]], checkpoint: Any
    ) -> Iterator[Any]:
        """Pages of updates and deletes.

        The library compares the hash, not its status, with "withdrawn", so that it never deletes anything.
        """
        start = StopNCIIAPI.DEFAULT_START_TIME if checkpoint is None else checkpoint.update_time
        for page in self.api.fetch_hashes_iter(start_timestamp=start):
            updates = {}
            for record in page.hashRecords:
                key, metadata = stop_ncii_api._get_delta_mapping(record)  # noqa: SLF001 - the one there is
                if key[0]:
                    updates[key] = None if record.hashStatus in _GONE else metadata
            yield fetch_state.FetchDelta(updates, stop_ncii_api.StopNCIICheckpoint.from_stopncii_fetch(page))


class TechAgainstTerrorism(TATSignalExchangeAPI):
    """The hash list of Tech Against Terrorism."""
