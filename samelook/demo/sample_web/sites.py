"""All sites of the sample web, and what they are by construction."""

from __future__ import annotations

from samelook.demo.sample_web.brands import BRANDS
from samelook.demo.sample_web.families import FAMILIES
from samelook.demo.sample_web.lookalikes import DEFAULT_ICONS, IMPERSONATORS, LETTERS
from samelook.demo.sample_web.sample_site import Proof, SampleSite
from samelook.demo.sample_web.troubles import BROKEN, HOSTILE, NO_ICONS

SITES: tuple[SampleSite, ...] = (
    *BRANDS,
    *FAMILIES,
    *DEFAULT_ICONS,
    *LETTERS,
    *NO_ICONS,
    *IMPERSONATORS,
    *BROKEN,
    *HOSTILE,
)

SITE_BY_HOST: dict[str, SampleSite] = {site.host: site for site in SITES}

OPERATOR_FAMILIES: tuple[tuple[str, ...], ...] = tuple(
    (site.owner, site.host) for site in FAMILIES if site.proof is Proof.OPERATOR
)
"""What an operator of this web would write into the families file: the owner first."""


def sites_by_logo() -> dict[str, tuple[SampleSite, ...]]:
    """The sites that wear each drawing, best-ranked first: the overlaps that a crawl must show."""
    worn: dict[str, list[SampleSite]] = {}
    for site in sorted(SITES, key=lambda site: (site.rank is None, site.rank or 0, site.host)):
        if site.logo:
            worn.setdefault(site.logo, []).append(site)
    return {logo: tuple(wearers) for logo, wearers in worn.items()}
