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

OPERATOR_FAMILIES: tuple[tuple[str, ...], ...] = tuple(
    (site.owner, site.host) for site in FAMILIES if site.proof is Proof.OPERATOR
)
"""What an operator of this web would write into the families file: the owner first."""

OPERATOR_CATALOGUE = "gardenplan.example\tGardenplan\n"
"""What an operator would import into the catalogue: whose icon the sites that were made with it show."""
