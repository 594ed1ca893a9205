"""Looks of many icons at once, and the pairs among them that PDQ proposes, with all measures taken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.pool import Pool
from typing import Final

import faiss
import numpy as np
from numpy.typing import NDArray

from bench.accuracy_data import Icon
from bench.accuracy_variants import VARIANTS, Rgba, changed
from samelook.looks.colour import lab_of
from samelook.looks.forms import FORM_NAMES
from samelook.looks.look import Look, look_of
from samelook.looks.measures import Measures, measures_of
from samelook.looks.probes import Probes, probes_of

RADIUS: Final = 59
_ROWS: Final = 20_000

# Names that packages give to one picture: a product and its owner, a coin and its ticker.
_ONE_LOOK: Final = [
    frozenset(line.split())
    for line in """
    visualstudiocode vscode
    rstudioide rproj rstudio
    clojurescript cljs
    laravel blade
    modelcontextprotocol mcp
    gpg gnupg
    amazonwebservices aws
    internetexplorer ie10
    mui materialui
    sss sugarss
    hhvm hack
    perl6 raku
    terramate tm
    noir vercel
    qrc qml
    rnc xsl dtd
    ini config
    vash vbhtml razor
    typescriptdef tsbuildinfo tsconfig typescript
    chromecast googlecast
    sqlproj sln
    mypy pytyped python pyenv
    tres tscn gdscript
    mana decentraland
    class java javaclass coffee
    monero xmr
    csv filetypetext
    javascript jshint
    moonriver movr
    glmr moonbeam
    multiversx egld
    mantle mnt
    ldo stsol
    flare flr
    ageur angle
    paraswap psp
    meter mtrg
    forth wampl
    statom strd
    tgt rune
    kai kardia
    japanchain jop
    aabenraalokalavisendk erhvervsavisendk
    cohere commanda
    alloy grafanaalloy
    gcloud gcp
    bsinews germangov
    bcpt braintree
    blogger chetnixploitation
    """.strip().splitlines()
]
_FAMILY_SETS: Final = re.compile("vscode-icons|material-icon-theme|file-icons")


@dataclass(frozen=True, eq=False)
class Pairs:
    """Candidate pairs: row by row who was searched with, who was found, and how they compare."""

    asked: NDArray[np.int64]
    found: NDArray[np.int64]
    pdq: NDArray[np.int64]
    measures: NDArray[np.float32]
    """The columns of `Measures`; shape (pairs, 16)."""
    handicaps: NDArray[np.float64]
    """As in `Probes.handicaps`; shape (pairs, 3)."""


@dataclass(frozen=True, eq=False)
class Stored:
    """All forms of all looks, in rows."""

    owners: NDArray[np.int64]
    pdqs: NDArray[np.uint8]
    pictures: NDArray[np.uint8]
    plain: NDArray[np.bool_]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, looks: Sequence[Look]) -> Stored:
        counts = [len(look.forms) for look in looks]
        forms = [form for look in looks for form in look.forms]
        return cls(
            np.repeat(np.arange(len(looks)), counts),
            np.frombuffer(b"".join(form.pdq for form in forms), np.uint8).reshape(-1, 32),
            np.concatenate([look.pictures for look in looks if look.forms]),
            np.array([form.name == FORM_NAMES[0] for form in forms]),
            np.concatenate([[0], np.cumsum(counts)]),
        )


def looks_of(icons: Sequence[Rgba], pool: Pool) -> list[Look]:
    return pool.map(look_of, icons, chunksize=32)


def looks_of_changes(icons: Sequence[Rgba], pool: Pool) -> list[list[Look]]:
    """For each icon, the looks of all its changed versions."""
    return pool.map(_changed_looks, icons, chunksize=4)


def _changed_looks(rgba: Rgba) -> list[Look]:
    return [look_of(changed(rgba, change)) for _, _, change in VARIANTS]


def measured(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The columns of `Measures` of pictures i on either side, a part at a time."""
    if not len(left):
        return np.empty((0, len(Measures._fields)), np.float32)
    starts = range(0, len(left), _ROWS)
    parts = [measures_of(left[at : at + _ROWS], right[at : at + _ROWS]) for at in starts]
    return np.concatenate([np.column_stack(part) for part in parts])


def strangers(looks: Sequence[Look], stored: Stored) -> Pairs:
    """Every pair of a version of one look and a form of another within PDQ's radius."""
    index = faiss.IndexBinaryFlat(256)
    index.add(stored.pdqs)
    parts = []
    for start in range(0, len(looks), 500):
        probes = [probes_of(look) for look in looks[start : start + 500]]
        owners = np.repeat(np.arange(start, start + len(probes)), [len(one) for one in probes])
        if not len(owners):
            continue
        pdqs = np.concatenate([one.pdqs for one in probes])
        limits, distances, rows = index.range_search(pdqs, RADIUS + 1)
        versions = np.repeat(np.arange(len(pdqs)), np.diff(limits.astype(np.int64)))
        as_is = _as_is(probes)
        kept = (owners[versions] != stored.owners[rows]) & (as_is[versions] | stored.plain[rows])
        versions, rows, distances = versions[kept], rows[kept], distances[kept]
        pictures = np.concatenate([one.pictures for one in probes])
        measures = measured(pictures[versions], stored.pictures[rows])
        handicaps = np.concatenate([one.handicaps for one in probes])[versions]
        found = stored.owners[rows]
        parts.append(Pairs(owners[versions], found, distances.astype(np.int64), measures, handicaps))
    return _joined(parts)


def acquaintances(changes: Sequence[Look], owners: Sequence[int], stored: Stored) -> Pairs:
    """The same for each changed icon against its own original; `asked` is the number of the change."""
    parts = []
    for start in range(0, len(changes), 500):
        asked, versions, rows, distances, handicaps = [], [], [], [], []
        for number in range(start, min(start + 500, len(changes))):
            probes = probes_of(changes[number])
            own = slice(stored.starts[owners[number]], stored.starts[owners[number] + 1])
            apart = np.bitwise_count(probes.pdqs[:, None] ^ stored.pdqs[None, own]).sum(-1, dtype=np.int64)
            near = (apart <= RADIUS) & (_as_is([probes])[:, None] | stored.plain[None, own])
            version, row = np.nonzero(near)
            asked.append(np.full(len(version), number))
            versions.append(probes.pictures[version])
            rows.append(row + own.start)
            distances.append(apart[version, row])
            handicaps.append(probes.handicaps[version])
        found = np.concatenate(rows)
        parts.append(
            Pairs(
                np.concatenate(asked),
                stored.owners[found],
                np.concatenate(distances),
                measured(np.concatenate(versions), stored.pictures[found]),
                np.concatenate(handicaps),
            )
        )
    return _joined(parts)


def measures_of_twins(twins: Sequence[tuple[Rgba, Rgba]]) -> NDArray[np.float32]:
    """The measures of every version of one picture and form of the other that PDQ proposes."""
    parts = []
    for one, other in twins:
        look, probes = look_of(other), probes_of(look_of(one))
        if not look.forms or not len(probes):
            continue
        stored = Stored.of([look])
        apart = np.bitwise_count(probes.pdqs[:, None] ^ stored.pdqs[None]).sum(-1, dtype=np.int64)
        near = (
            (apart <= RADIUS)
            & (_as_is([probes])[:, None] | stored.plain[None])
            & (probes.handicaps[:, 0] == 0)[:, None]
        )
        version, row = np.nonzero(near)
        parts.append(measured(probes.pictures[version], stored.pictures[row]))
    return np.concatenate(parts)


def are_related(one: Icon, other: Icon) -> bool:
    """Whether two icons may show one brand for all that their names say; such pairs count neither way."""
    if "letters" in (one.source, other.source):
        return False
    a, b = one.brand.removeprefix("news "), other.brand.removeprefix("news ")
    if a[:3] == b[:3] or a in b or b in a or any(a in names and b in names for names in _ONE_LOOK):
        return True
    # Sets of file types draw one tool's many files alike.
    return one.source == other.source and bool(_FAMILY_SETS.search(one.source)) and a[:2] == b[:2]


def are_one_letter(one: Icon, other: Icon) -> bool:
    """Whether two drawn letters are one letter in colours that hardly differ: one look by construction."""
    if one.source != "letters" or other.source != "letters":
        return False
    (letter, *colours), (other_letter, *other_colours) = one.brand.split(" "), other.brand.split(" ")
    if letter != other_letter:
        return False
    apart = [np.linalg.norm(_lab(a) - _lab(b)) for a, b in zip(colours, other_colours, strict=True)]
    return bool(max(apart) <= HARDLY)


HARDLY: Final = 10
"""Units of CIE Lab."""


def _lab(colour: str) -> NDArray[np.float32]:
    channels = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    return lab_of(np.array(channels, np.float32))


def _as_is(probes: Sequence[Probes]) -> NDArray[np.bool_]:
    return np.array([name == "as is" for one in probes for name in one.names], dtype=np.bool_)


def _joined(parts: Sequence[Pairs]) -> Pairs:
    return Pairs(
        np.concatenate([part.asked for part in parts]),
        np.concatenate([part.found for part in parts]),
        np.concatenate([part.pdq for part in parts]),
        np.concatenate([part.measures for part in parts]),
        np.concatenate([part.handicaps for part in parts]),
    )
