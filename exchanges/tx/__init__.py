"""Samelook's signal types for python-threatexchange: what its `tx` command and HMA load by this name.

    tx config extensions add samelook.exchanges.tx

This room exists so that those who match with Meta's library can use the hashes that Samelook keeps and
exports: block mean value hashes, pHash and digests of whole files. It knows `banks.signal_types` (how a
value is written and what matches it), `matching` (the index) and `hashing`; it uses no database and no
network. It needs the `exchanges` extra, which brings the library.
"""

from __future__ import annotations

from threatexchange.extensions.manifest import ThreatExchangeExtensionManifest

from . import signals
from .signals import SIGNAL_TYPES

__all__ = ["SIGNAL_TYPES", "TX_MANIFEST"]

TX_MANIFEST = ThreatExchangeExtensionManifest(signal_types=SIGNAL_TYPES)


def __getattr__(name: str) -> type[signals.BankSignal]:
    """A signal type by the name of its class: Blockhash16Signal."""
    found: type[signals.BankSignal] = getattr(signals, name)
    return found
