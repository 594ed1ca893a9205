"""The four stand-ins behind one face: what a test shares, deletes and fetches, whatever the wire carries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from threatexchange.exchanges.clients.fb_threatexchange.api import ThreatExchangeAPI
from threatexchange.exchanges.clients.ncmec.hash_api import NCMECEnvironment, NCMECHashAPI
from threatexchange.exchanges.clients.stopncii.api import StopNCIIAPI
from threatexchange.exchanges.clients.techagainstterrorism.api import TATHashListAPI
from threatexchange.exchanges.impl.fb_threatexchange_api import (
    FBThreatExchangeCollabConfig,
    FBThreatExchangeSignalExchangeAPI,
)
from threatexchange.exchanges.impl.ncmec_api import NCMECCollabConfig, NCMECSignalExchangeAPI
from threatexchange.exchanges.impl.stop_ncii_api import StopNCIISignalExchangeAPI
from threatexchange.exchanges.impl.techagainstterrorism_api import TATSignalExchangeAPI
from threatexchange.signal_type.md5 import VideoMD5Signal
from threatexchange.signal_type.pdq.signal import PdqSignal

from tests.exchanges.standins import graph, ncmec, stopncii, tat
from tests.exchanges.standins.server import Reply, StandIn, as_json

TYPES = [PdqSignal, VideoMD5Signal]


class Source(ABC):
    """One exchange that shares PDQ hashes."""

    api: ClassVar[str]
    config: ClassVar[dict[str, Any]] = {}
    credentials: ClassVar[dict[str, Any]]
    wrong_credentials: ClassVar[dict[str, Any]]
    stand_in: StandIn

    @property
    @abstractmethod
    def url(self) -> str:
        """The base URL that the exchange type is given."""

    @abstractmethod
    def share(self, value: str, time: int) -> None:
        """Shares a PDQ."""

    @abstractmethod
    def delete(self, value: str, time: int) -> None:
        """Takes it back."""

    @abstractmethod
    def librarys_own(self) -> Any:
        """The library's exchange, as it comes, on this server."""

    def busy(self, wait_s: int) -> Reply:
        """What the service answers when it is asked too often."""
        return as_json({"detail": "Request was throttled."}, 429, Retry_After=str(wait_s))

    @abstractmethod
    def spoiled(self, body: bytes, value: bytes = b"") -> bytes:
        """A page whose record of that PDQ, or the first one, cannot be read; the others can."""

    def forget(self, value: str) -> None:
        """A PDQ is gone, and nothing says so."""
        raise NotImplementedError


def _spoiled(body: bytes, value: bytes, begins: bytes, old: bytes, new: bytes) -> bytes:
    start = body.rindex(begins, 0, body.index(value)) if value else 0
    return body[:start] + body[start:].replace(old, new, 1)


class GraphSource(Source):
    api = "fb_threatexchange"
    config: ClassVar[dict[str, Any]] = {"privacy_group": graph.GROUP}
    credentials: ClassVar[dict[str, Any]] = {"api_token": graph.TOKEN}
    wrong_credentials: ClassVar[dict[str, Any]] = {"api_token": graph.TOKEN[:-1] + "b"}

    def __init__(self, stand_in: graph.Graph) -> None:
        self.stand_in = self.graph = stand_in

    @property
    def url(self) -> str:
        return self.graph.url

    def share(self, value: str, time: int) -> None:
        self.graph.share(value, time, graph.Descriptor(42, tags=("shared",)))

    def delete(self, value: str, time: int) -> None:
        self.graph.delete(value, time)

    def librarys_own(self) -> Any:
        client = ThreatExchangeAPI(graph.TOKEN, endpoint_override=self.url)
        config = FBThreatExchangeCollabConfig(name="x", privacy_group=graph.GROUP)
        return FBThreatExchangeSignalExchangeAPI(client, config)

    def busy(self, wait_s: int) -> Reply:
        return graph.too_many_calls()

    def spoiled(self, body: bytes, value: bytes = b"") -> bytes:
        return _spoiled(body, value, b'{"id"', b'"last_updated": ', b'"last_updated": "x", "was": ')

    def forget(self, value: str) -> None:
        self.graph.delete(value, 0)
        self.graph.forget_tombstones()


class NcmecSource(Source):
    api = "ncmec"
    config: ClassVar[dict[str, Any]] = {"environment": NCMECEnvironment.test_Industry.value}
    credentials: ClassVar[dict[str, Any]] = {"user": ncmec.USER, "password": ncmec.PASSWORD}
    wrong_credentials: ClassVar[dict[str, Any]] = {"user": ncmec.USER, "password": "wrong horse"}

    def __init__(self, stand_in: ncmec.Ncmec) -> None:
        self.stand_in = self.ncmec = stand_in

    @property
    def url(self) -> str:
        return self.ncmec.url

    def share(self, value: str, time: int) -> None:
        self.ncmec.share(ncmec.Entry(value[:8], "image", time, (("md5", value[:32]), ("pdq", value))))

    def delete(self, value: str, time: int) -> None:
        self.ncmec.delete(value[:8], time)

    def librarys_own(self) -> Any:
        source = self

        class Elsewhere(NCMECSignalExchangeAPI):
            def get_client(self, environment: NCMECEnvironment) -> NCMECHashAPI:
                client = super().get_client(environment)
                client._base_url = source.url
                return client

        config = NCMECCollabConfig(name="x", environment=NCMECEnvironment.test_Industry)
        return Elsewhere(config, ncmec.USER, ncmec.PASSWORD)

    def spoiled(self, body: bytes, value: bytes = b"") -> bytes:
        return _spoiled(body, value, b"<image>", b'<member id="42">', b'<member id="unknown">')


class StopNciiSource(Source):
    api = "stop_ncii"
    credentials: ClassVar[dict[str, Any]] = {
        "fetch_function_key": stopncii.FUNCTION_KEY,
        "subscription_key": stopncii.SUBSCRIPTION_KEY,
    }
    wrong_credentials: ClassVar[dict[str, Any]] = {**credentials, "subscription_key": "another-key"}

    def __init__(self, stand_in: stopncii.StopNcii) -> None:
        self.stand_in = self.stopncii = stand_in

    @property
    def url(self) -> str:
        return self.stopncii.url

    def share(self, value: str, time: int) -> None:
        self.stopncii.share(stopncii.Record(value, time))

    def delete(self, value: str, time: int) -> None:
        self.stopncii.share(stopncii.Record(value, time, status="Withdrawn"))

    def librarys_own(self) -> Any:
        client = StopNCIIAPI(stopncii.SUBSCRIPTION_KEY, stopncii.FUNCTION_KEY, base_url_override=self.url)
        config = StopNCIISignalExchangeAPI.get_config_cls()("x", self.api, enabled=True)
        return StopNCIISignalExchangeAPI(config, client)

    def busy(self, wait_s: int) -> Reply:
        return stopncii.rate_limited(wait_s)

    def spoiled(self, body: bytes, value: bytes = b"") -> bytes:
        return _spoiled(body, value, b"{", b'"hashStatus": "Active"', b'"hashStatus": "Unheard of"')

    def forget(self, value: str) -> None:
        self.stopncii.forget(value)


class TatSource(Source):
    api = "tat"
    credentials: ClassVar[dict[str, Any]] = {"username": tat.USER, "password": tat.PASSWORD}
    wrong_credentials: ClassVar[dict[str, Any]] = {"username": tat.USER, "password": "wrong horse"}

    def __init__(self, stand_in: tat.Tat) -> None:
        self.stand_in = self.tat = stand_in
        self._ids: dict[str, int] = {}

    @property
    def url(self) -> str:
        return self.tat.url

    def share(self, value: str, time: int) -> None:
        self._ids[value] = self.tat.share(tat.Entry(value, float(time))).id

    def delete(self, value: str, time: int) -> None:
        self.tat.share(tat.Entry(value, float(time), deleted=True, id=self._ids[value]))

    def librarys_own(self) -> Any:
        source = self

        class Client(TATHashListAPI):
            BASE_URL = source.url

        class Elsewhere(TATSignalExchangeAPI):
            def get_client(self) -> TATHashListAPI:
                return Client(self.username, self.password)

        return Elsewhere(tat.USER, tat.PASSWORD)

    def spoiled(self, body: bytes, value: bytes = b"") -> bytes:
        return _spoiled(body, value, b"{", b'"hash_digest"', b'"digest"')

    def forget(self, value: str) -> None:
        self.tat.forget(self._ids.pop(value))


def everything(api: Any, checkpoint: Any = None) -> tuple[dict[Any, Any], list[Any], Any]:
    """What the library fetches to the end: merged records, pages, the last checkpoint."""
    records: dict[Any, Any] = {}
    pages: list[Any] = []
    for delta in api.fetch_iter(TYPES, checkpoint):
        api.naive_fetch_merge(records, delta.updates)
        pages.append(delta)
        checkpoint = delta.checkpoint
    return records, pages, checkpoint


def pdqs(api: Any, records: Any) -> list[str]:
    """The PDQ hashes in what was fetched."""
    return sorted(api.naive_convert_to_signal_type(TYPES, api.collab, records).get(PdqSignal, {}))
