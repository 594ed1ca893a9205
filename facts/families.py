"""Which sites are one organisation: what speaks for it, and what of that is proof.

- `operator`, or another provenance of what is stated: a person or a list vouches for the pair;
  `not_related` undoes everything else
- `root_redirect`: the start page of the better-placed site leads to the other; `hreflang`, `canonical`,
  `webauthn`, `assetlinks`: it names the other in that way
- `same_label`: the same registrable label under other public suffixes, and both sites are well ranked
- `label_within` and `leads_to`: the label contains the other's as a word, or the start page leads to a
  better-placed site. Hints only: names that contain a brand, and what a site says of a more trusted one, are
  what copies have
- `same_government`: both names are under a suffix that one government gives to its own offices. They often
  show one crest. A hint too, as such a site may be hacked

A poisoned family is an attack: it would let a copy pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from samelook.names.sites import Site, is_tenant, registrable_label

SAME_GOVERNMENT = "same_government"
HINTS: frozenset[str] = frozenset({"label_within", "leads_to", SAME_GOVERNMENT})
WELL_RANKED = 1_000_000
"""Positions down to which a rank says something; a list of the whole web ranks what nobody visits."""
_MIN_LABEL = 4
"""Shorter labels (`a`, `bbc`) are words of many names."""
_LAST = 1 << 62
_OF_GOVERNMENTS = frozenset({"gov", "gob", "gouv", "govt", "gub", "gv", "mil"})
"""First labels of such suffixes (`gov.uk`, `gob.mx`, `gov`), and whole ones of other kinds."""
_OTHERS_OF_GOVERNMENTS = frozenset(
    {"go.jp", "go.kr", "go.th", "go.id", "go.ke", "nhs.uk", "police.uk", "admin.ch", "gc.ca", "europa.eu"}
)


@dataclass(frozen=True, slots=True)
class Kinship:
    """What is known of two sites: whether they are one organisation, and what speaks for it."""

    related: bool = False
    proofs: tuple[str, ...] = ()

    @property
    def is_unrelated(self) -> bool:
        """Whether nothing at all speaks for one organisation."""
        return not self.related and not self.proofs


@dataclass(frozen=True, slots=True)
class FamilyMember:
    """What matters of a site when families are told."""

    site: Site
    position: int | None
    """The rank that counts; one on probation does not."""
    redirects_to: Site | None = None


def _is_of_a_government(suffix: str) -> bool:
    return suffix.partition(".")[0] in _OF_GOVERNMENTS or suffix in _OTHERS_OF_GOVERNMENTS


def _says_nothing(one: Site, other: Site) -> Collection[str]:  # noqa: ARG001 - what families may say
    return ()


def kinship(
    one: FamilyMember,
    other: FamilyMember,
    *,
    stated: str | None = None,
    says: Callable[[Site, Site], Collection[str]] = _says_nothing,
    trusted_to: int = 100_000,
) -> Kinship:
    """Whether two sites are one organisation. Symmetric.

    `stated` is what somebody vouches for, by its provenance, or `not_related`. What a site itself `says` of
    another, or by its redirect, is proof only where it is in the tiers (`trusted_to`) and better placed.
    """
    if one.site == other.site:
        return Kinship(related=True, proofs=("same_site",))
    if stated == "not_related":
        return Kinship()
    proofs = sorted(_proofs(one, other, says, trusted_to))
    if stated is not None:
        return Kinship(related=True, proofs=(stated, *proofs))
    return Kinship(related=not HINTS.issuperset(proofs), proofs=tuple(proofs))


def _proofs(
    one: FamilyMember, other: FamilyMember, says: Callable[[Site, Site], Collection[str]], trusted_to: int
) -> Collection[str]:
    proofs: set[str] = set()
    better, worse = sorted((one, other), key=lambda member: (member.position or _LAST, member.site))
    labels = registrable_label(one.site), registrable_label(other.site)
    # Under a platform anybody may take any label.
    owned = not is_tenant(one.site) and not is_tenant(other.site)
    if owned and labels[0] and labels[0] == labels[1]:
        well_ranked = all(site.position is not None and site.position <= WELL_RANKED for site in (one, other))
        proofs.add("same_label" if well_ranked else "label_within")
    elif owned and (_is_word_of(labels[0], labels[1]) or _is_word_of(labels[1], labels[0])):
        proofs.add("label_within")
    suffixes = {site.partition(".")[2] for site in (one.site, other.site)}
    if owned and len(suffixes) == 1 and _is_of_a_government(suffixes.pop()):
        proofs.add(SAME_GOVERNMENT)
    speaks = better.position is not None and better.position <= trusted_to
    if speaks and better.position != worse.position:
        proofs.update(says(better.site, worse.site))
        if better.redirects_to == worse.site:
            proofs.add("root_redirect")
    if "root_redirect" not in proofs and (
        worse.redirects_to == better.site or better.redirects_to == worse.site
    ):
        proofs.add("leads_to")
    return proofs


def _is_word_of(word: str, label: str) -> bool:
    return len(word) >= _MIN_LABEL and word != label and word in label.split("-")
