"""Which sites are one organisation: proofs, and how many of them make a family.

Proofs, each with its provenance:

- `operator`: the operator's file or list says so; it is enough by itself, and `not_related` undoes all others
- `same_label`: the same registrable label under other public suffixes, and both sites are ranked
- `same_look`: the crawl has fetched the same look from both, each from its own host
- `root_redirect`: the site's start page leads to the other site
- `label_within`: the site's label contains the other's as a word of its own (`lumora-mail`, `lumora`)

A poisoned family is an attack: it would let a copy pass. So both sites must be ranked well before the
crawl's proofs count at all, since a rank is what a copy lacks, and two proofs of different kinds are needed,
one of which is a label under another suffix or a redirect: a name that contains a brand and a copied icon are
what copies have.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from samelook.names.sites import Site, is_tenant, registrable_label

Proof = Literal["operator", "same_label", "same_look", "root_redirect", "label_within"]
NEEDED_PROOFS = 2
STRONG: frozenset[str] = frozenset({"operator", "same_label", "root_redirect"})
NAMES: frozenset[str] = STRONG | {"label_within"}
"""Proofs that are not the look itself."""
_MIN_LABEL = 4
"""Shorter labels (`a`, `bbc`) are words of many names."""


@dataclass(frozen=True, slots=True)
class Kinship:
    """What is known of two sites: whether they are one organisation, and what speaks for it."""

    related: bool = False
    proofs: tuple[str, ...] = ()

    @property
    def is_unrelated(self) -> bool:
        """Whether nothing but the look speaks for one organisation."""
        return not self.related and NAMES.isdisjoint(self.proofs)


@dataclass(frozen=True, slots=True)
class FamilyMember:
    """What matters of a site when families are told."""

    site: Site
    position: int | None
    """The rank that counts; one on probation does not."""
    redirects_to: Site | None = None


def kinship(
    one: FamilyMember,
    other: FamilyMember,
    *,
    same_look: bool,
    stated: Literal["operator", "not_related"] | None = None,
    trusted_to: int = 100_000,
) -> Kinship:
    """Whether two sites are one organisation. Symmetric.

    `same_look`: the crawl fetched one look from the hosts of both. `stated` is the operator's word.
    """
    if one.site == other.site:
        return Kinship(related=True, proofs=("same_site",))
    if stated == "not_related":
        return Kinship()
    proofs = sorted(_proofs(one, other, same_look=same_look))
    if stated == "operator":
        return Kinship(related=True, proofs=("operator", *proofs))
    ranked = all(site.position is not None and site.position <= trusted_to for site in (one, other))
    enough = len(proofs) >= NEEDED_PROOFS and not STRONG.isdisjoint(proofs)
    return Kinship(related=ranked and enough, proofs=tuple(proofs))


def _proofs(one: FamilyMember, other: FamilyMember, *, same_look: bool) -> Collection[Proof]:
    proofs: set[Proof] = set()
    labels = registrable_label(one.site), registrable_label(other.site)
    # Under a platform anybody may take any label.
    owned = not is_tenant(one.site) and not is_tenant(other.site)
    if owned and labels[0] and labels[0] == labels[1] and None not in {one.position, other.position}:
        proofs.add("same_label")
    elif owned and (_is_word_of(labels[0], labels[1]) or _is_word_of(labels[1], labels[0])):
        proofs.add("label_within")
    if one.redirects_to == other.site or other.redirects_to == one.site:
        proofs.add("root_redirect")
    if same_look:
        proofs.add("same_look")
    return proofs


def _is_word_of(word: str, label: str) -> bool:
    return len(word) >= _MIN_LABEL and word != label and word in label.split("-")
