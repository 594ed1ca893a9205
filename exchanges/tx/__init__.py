"""Samelook's signal types for python-threatexchange: what its `tx` command and HMA load by this name.

    tx config extensions add samelook.exchanges.tx

This room exists so that those who match with Meta's library can use the hashes that Samelook keeps and
exports: block mean value hashes, pHash and digests of whole files. It knows `banks.signal_types` (how a
value is written and what matches it), `matching` (the index) and `hashing`; it uses no database and no
network. It needs the `exchanges` extra, which brings the library.
"""

from __future__ import annotations

from threatexchange.extensions.manifest import ThreatExchangeExtensionManifest

from .signals import (
    Blockhash8QuickSignal,
    Blockhash8Signal,
    Blockhash16QuickSignal,
    Blockhash16Signal,
    FaviconMmh3Signal,
    Md5Signal,
    PhashSignal,
    Sha256Signal,
)

__all__ = [
    "SIGNAL_TYPES",
    "TX_MANIFEST",
    "Blockhash8QuickSignal",
    "Blockhash8Signal",
    "Blockhash16QuickSignal",
    "Blockhash16Signal",
    "FaviconMmh3Signal",
    "Md5Signal",
    "PhashSignal",
    "Sha256Signal",
]

SIGNAL_TYPES = (
    Blockhash16Signal,
    Blockhash16QuickSignal,
    Blockhash8Signal,
    Blockhash8QuickSignal,
    PhashSignal,
    Md5Signal,
    Sha256Signal,
    FaviconMmh3Signal,
)
"""Every signal type that banks hold and the library has none of. It has `pdq` and `video_md5` itself."""

TX_MANIFEST = ThreatExchangeExtensionManifest(signal_types=SIGNAL_TYPES)
