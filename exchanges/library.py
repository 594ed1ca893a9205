"""What the threatexchange library and its extensions offer: exchange types and signal types by name.

Importing this needs nothing; `load` needs the `exchanges` extra.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from .errors import BadExtension, LibraryMissing, UnknownExchangeType

_INSTALL = (
    "Exchanges need the threatexchange library: pip install 'samelook[exchanges]' (one of its parts is built "
    "from source, with a C++ compiler)"
)


@dataclass(frozen=True, slots=True)
class Library:
    """Everything that can be plugged in here, by name."""

    exchange_types: Mapping[str, type[Any]]
    signal_types: Mapping[str, type[Any]]
    content_types: Mapping[str, type[Any]]
    """Those of extensions; photos and videos are known without them."""

    def exchange_type(self, name: str) -> type[Any]:
        """The exchange type of that name. Raises UnknownExchangeType."""
        try:
            return self.exchange_types[name]
        except KeyError:
            raise UnknownExchangeType(
                f"No such exchange type {name[:80]!r}. There are {', '.join(self.exchange_types)}.",
                api=name[:80],
            ) from None

    def packages(self, api: type[Any]) -> frozenset[str]:
        """The top-level packages whose classes values of this exchange type may be made of."""
        kinds: Iterable[type] = (
            *api.__mro__,
            api.get_config_cls(),
            api.get_checkpoint_cls(),
            api.get_record_cls(),
        )
        return frozenset(
            {kind.__module__.partition(".")[0] for kind in kinds} - {"builtins", "abc", "typing"}
        )


@lru_cache(maxsize=8)
def load(
    exchange_types: tuple[str, ...] = (),
    signal_types: tuple[str, ...] = (),
    extensions: tuple[str, ...] = (),
    content_types: tuple[str, ...] = (),
) -> Library:
    """The library with what is named besides. Raises LibraryMissing or BadExtension."""
    built_in, signals = _built_in()
    manifests = [_manifest(name) for name in extensions]
    apis = [
        *built_in,
        *(api for manifest in manifests for api in manifest.apis),
        *map(_class, exchange_types),
    ]
    # What follows a colon says how banks compare the type; see signal_registration.
    signals = [*signals, *(kind for manifest in manifests for kind in manifest.signal_types)]
    signals += [_class(name.partition(":")[0]) for name in signal_types]
    contents = [
        *(kind for manifest in manifests for kind in manifest.content_types),
        *map(_class, content_types),
    ]
    return Library(_by_name(apis, "exchange"), _by_name(signals, "signal"), _by_name(contents, "content"))


def _built_in() -> tuple[list[type[Any]], list[type[Any]]]:
    try:
        with warnings.catch_warnings():
            # The library warns about its own older PDQ hashes.
            warnings.simplefilter("ignore")
            from threatexchange.exchanges.impl.static_sample import StaticSampleSignalExchangeAPI
            from threatexchange.signal_type.md5 import VideoMD5Signal
            from threatexchange.signal_type.pdq.signal import PdqSignal

            from samelook.banks.signal_types import SIGNAL_TYPES as BANKED
            from samelook.exchanges.tx import SIGNAL_TYPES

            from .adapters import Ncmec, StopNcii, TechAgainstTerrorism, ThreatExchange
            from .files import LocalFile
    except ImportError as error:
        raise LibraryMissing(f"{_INSTALL}: {error}") from error
    apis: list[type[Any]] = [
        StaticSampleSignalExchangeAPI,
        LocalFile,
        ThreatExchange,
        Ncmec,
        StopNcii,
        TechAgainstTerrorism,
    ]
    return apis, [
        PdqSignal,
        VideoMD5Signal,
        # Optional signals are offered only where the settings choose them.
        *(kind for kind in SIGNAL_TYPES if kind.get_name() in BANKED),
    ]


def _class(name: str) -> type[Any]:
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute) if module else None
    except (ImportError, AttributeError, ValueError) as error:
        raise BadExtension(f"{name} cannot be loaded: {error}", name=name) from error
    if not isinstance(found, type) or not hasattr(found, "get_name"):
        raise BadExtension(f"{name} is no class of an exchange, a signal or a content type", name=name)
    return found


def _manifest(module: str) -> Any:
    from threatexchange.extensions.manifest import ThreatExchangeExtensionManifest

    try:
        manifest = ThreatExchangeExtensionManifest.load_from_module_name(module)
        manifest.bootstrap()
    except Exception as error:
        raise BadExtension(f"the extension {module} cannot be loaded: {error}", name=module) from error
    return manifest


def _by_name(kinds: Sequence[type[Any]], what: str) -> Mapping[str, type[Any]]:
    found: dict[str, type[Any]] = {}
    for kind in kinds:
        name = kind.get_name()
        if found.setdefault(name, kind) is not kind:
            raise BadExtension(f"two {what} types are named {name!r}: {found[name]} and {kind}", name=name)
    return MappingProxyType(found)
