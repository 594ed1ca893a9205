"""An extension as somebody else might write it: exchange types that do what a test tells them, a signal
type.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import requests
from threatexchange.content_type.photo import PhotoContent
from threatexchange.exchanges import auth
from threatexchange.exchanges.collab_config import CollaborationConfigWithDefaults
from threatexchange.exchanges.fetch_state import (
    FetchCheckpointBase,
    FetchDelta,
    FetchedSignalMetadata,
    SignalOpinion,
    SignalOpinionCategory,
)
from threatexchange.exchanges.signal_exchange_api import SignalExchangeAPIWithSimpleUpdates
from threatexchange.extensions.manifest import ThreatExchangeExtensionManifest
from threatexchange.signal_type.signal_base import SimpleSignalType, TrivialSignalTypeIndex


class WordSignal(SimpleSignalType):
    """A word, in lower case."""

    @classmethod
    def get_content_types(cls) -> list[type[Any]]:
        return [PhotoContent]

    @classmethod
    def get_index_cls(cls) -> type[TrivialSignalTypeIndex[Any]]:
        return TrivialSignalTypeIndex

    @classmethod
    def validate_signal_str(cls, signal_str: str) -> str:
        if not signal_str.strip().isalpha():
            raise ValueError("letters only")
        return signal_str.strip().lower()

    @staticmethod
    def get_examples() -> list[str]:
        return ["example"]


class ShortHashSignal(SimpleSignalType):
    """64 bits in hex."""

    @classmethod
    def get_name(cls) -> str:
        return "short_hash"

    @classmethod
    def get_content_types(cls) -> list[type[Any]]:
        return [PhotoContent]

    @classmethod
    def get_index_cls(cls) -> type[TrivialSignalTypeIndex[Any]]:
        return TrivialSignalTypeIndex

    @staticmethod
    def get_examples() -> list[str]:
        return ["00000000ffffffff"]


@dataclass
class ScriptConfig(CollaborationConfigWithDefaults):
    script: str = ""


@dataclass
class ScriptCheckpoint(FetchCheckpointBase):
    script: str
    epoch: int
    page: int
    time: int | None

    def is_stale(self) -> bool:
        return bool(json.loads(Path(self.script).read_text())["epoch"] != self.epoch)

    def get_progress_timestamp(self) -> int | None:
        return self.time


@dataclass
class Said(FetchedSignalMetadata):
    tags: set[str] = field(default_factory=set)
    owner: int = 7

    def get_as_opinions(self) -> Sequence[SignalOpinion]:
        return [
            SaidOpinion(
                is_mine=False,
                category=SignalOpinionCategory.POSITIVE_CLASS,
                tags=self.tags,
                owner=self.owner,
            )
        ]


@dataclass
class SaidOpinion(SignalOpinion):
    owner: int


class Scripted(SignalExchangeAPIWithSimpleUpdates[Any, Any, Any]):
    """Sends the pages of a script: {"epoch": n, "pages": [{"updates": [[type, signal, tags or null]]}]}.

    A page may also say "raise", "hang", "die", "fill", "no_checkpoint", or "time" (of its checkpoint).
    """

    def __init__(self, collab: ScriptConfig) -> None:
        self._collab = collab

    @classmethod
    def for_collab(cls, collab: ScriptConfig) -> Scripted:
        return cls(collab)

    @staticmethod
    def get_config_cls() -> type[ScriptConfig]:
        return ScriptConfig

    @staticmethod
    def get_checkpoint_cls() -> type[ScriptCheckpoint]:
        return ScriptCheckpoint

    @staticmethod
    def get_record_cls() -> type[Said]:
        return Said

    def fetch_iter(self, _types: Sequence[Any], checkpoint: ScriptCheckpoint | None) -> Iterator[Any]:
        path = self._collab.script
        script = json.loads(Path(path).read_text())
        for number, page in enumerate(script["pages"]):
            if checkpoint is not None and number < checkpoint.page:
                continue
            if "raise" in page:
                raise ValueError(page["raise"])
            if "hang" in page:
                time.sleep(1000)
            if "fill" in page:
                kept = [bytes(16 << 20) for _ in range(1 << 20)]
                raise AssertionError(f"{len(kept)} pieces fit")
            if "die" in page:
                os.abort()
            updates = {
                (kind, signal): None if tags is None else Said(set(tags))
                for kind, signal, tags in page["updates"]
            }
            place = ScriptCheckpoint(path, script["epoch"], number + 1, page.get("time"))
            yield FetchDelta(updates, None if "no_checkpoint" in page else place)

    def report_opinion(self, s_type: type[Any], signal: str, opinion: SignalOpinion) -> None:
        with Path(f"{self._collab.script}.said").open("a") as file:
            said = [s_type.get_name(), signal, opinion.category.name, sorted(opinion.tags)]
            file.write(json.dumps(said) + "\n")

    def report_seen(self, s_type: type[Any], signal: str, _: object) -> None:
        with Path(f"{self._collab.script}.said").open("a") as file:
            file.write(json.dumps([s_type.get_name(), signal, "SEEN"]) + "\n")


class Gathering(Scripted):
    """Adds new tags to those that a record has; a record without tags is a delete."""

    @classmethod
    def fetch_value_merge(cls, old: Said | None, new: Said | None) -> Said | None:
        if new is None or not new.tags:
            return None
        return Said(new.tags | (old.tags if old is not None else set()))


@dataclass
class Token(auth.CredentialHelper):
    ENV_VARIABLE: ClassVar[str] = "EXCHANGE_PLUGIN_TOKEN"

    token: str

    @classmethod
    def _from_str(cls, s: str) -> Token:
        return cls(s)

    def _are_valid(self) -> bool:
        return self.token != "invalid"


@dataclass
class WebConfig(CollaborationConfigWithDefaults):
    url: str = ""


@dataclass
class WebCheckpoint(FetchCheckpointBase):
    page: int


class Web(auth.SignalExchangeWithAuth[WebConfig, Token], SignalExchangeAPIWithSimpleUpdates[Any, Any, Any]):
    """Pages of JSON over HTTP: {"records": [{"type", "signal", "gone"?}], "next": n or null}."""

    def __init__(self, collab: WebConfig, token: Token) -> None:
        self._collab, self._token = collab, token

    @classmethod
    def for_collab(cls, collab: WebConfig, credentials: Token | None = None) -> Web:
        return cls(collab, credentials or Token.get(cls))

    @staticmethod
    def get_config_cls() -> type[WebConfig]:
        return WebConfig

    @staticmethod
    def get_credential_cls() -> type[Token]:
        return Token

    @staticmethod
    def get_checkpoint_cls() -> type[WebCheckpoint]:
        return WebCheckpoint

    @staticmethod
    def get_record_cls() -> type[FetchedSignalMetadata]:
        return FetchedSignalMetadata

    def fetch_iter(self, _types: Sequence[Any], checkpoint: WebCheckpoint | None) -> Iterator[Any]:
        number: int | None = 0 if checkpoint is None else checkpoint.page
        while number is not None:
            with requests.Session() as session:
                answer = session.get(
                    self._collab.url,
                    params={"page": str(number), "token": str(self._token.token)},
                    timeout=30,
                )
            answer.raise_for_status()
            page = answer.json()
            updates = {
                (one["type"], one["signal"]): None if one.get("gone") else FetchedSignalMetadata()
                for one in page["records"]
            }
            following = page["next"]
            yield FetchDelta(updates, WebCheckpoint(number if following is None else following))
            number = following


TX_MANIFEST = ThreatExchangeExtensionManifest(
    signal_types=(WordSignal,), content_types=(), apis=(Scripted, Gathering, Web)
)
