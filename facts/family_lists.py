"""Public lists of domains that belong together, as groups of sites, and why some groups are refused.

A wrong family hides phishing, and a poisoned list is an attack: a group counts only if it is of a size that
an organisation has, has a ranked site in it, and does not join two of the curated organisations.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from samelook.errors import SamelookError
from samelook.facts.families_known import Families
from samelook.names.errors import NotASite
from samelook.names.sites import Site, site_of_url

MOST_SITES = 300
_LEAST_SITES = 2


class BadSiteList(SamelookError):
    """A file is no list of a form that is known."""

    kind = "bad_list"
    status = 400


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A group as a list has it, as sites; names that are no sites are left out."""

    name: str
    sites: tuple[Site, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class RefusedGroup:
    """A group that is not taken over, and why."""

    group: ListedGroup
    why: str


def groups_in(text: str) -> list[ListedGroup]:
    """The groups of Apple's shared credentials, Disconnect's or DuckDuckGo's entities, told by their form.

    Raises BadList.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadSiteList(f"This is no JSON: {error}") from error
    if isinstance(found, list):
        return [_group(f"group {number}", _shared(entry)) for number, entry in enumerate(found, start=1)]
    if isinstance(found, dict) and isinstance(found.get("entities"), dict):
        found = found["entities"]
    if isinstance(found, dict) and found and all(_is_entity(entity) for entity in found.values()):
        return [
            _group(str(entity.get("displayName") or name), entity["properties"])
            for name, entity in found.items()
        ]
    raise BadSiteList(
        "This is none of the forms that are known: Apple's shared-credentials.json, Disconnect's "
        "entities.json, DuckDuckGo's entity_map.json."
    )


def sorted_out(
    groups: Iterable[ListedGroup], ranked: Collection[Site], curated: Families
) -> tuple[list[ListedGroup], list[RefusedGroup]]:
    """Which groups are taken over, and which are not; `ranked`: those of all their sites with a rank."""
    taken: list[ListedGroup] = []
    refused: list[RefusedGroup] = []
    for group in groups:
        why = _why_refused(group, ranked, curated)
        if why is None:
            taken.append(group)
        else:
            refused.append(RefusedGroup(group, why))
    return taken, refused


def _why_refused(group: ListedGroup, ranked: Collection[Site], curated: Families) -> str | None:
    if len(group.sites) < _LEAST_SITES:
        return "fewer than two sites"
    if len(group.sites) > MOST_SITES:
        return f"{len(group.sites)} sites; no organisation has more than {MOST_SITES}"
    organisations = [organisation for site in group.sites for organisation in curated.groups_of(site)]
    for organisation in organisations:
        strangers = [other for other in organisations if not organisation.sites & other.sites]
        if strangers:
            return f"it would make {organisation.name} and {strangers[0].name} one family"
    if not any(site in ranked for site in group.sites):
        return "none of its sites has a rank"
    return None


def _shared(entry: Any) -> Sequence[Any]:
    """The domains of an entry of Apple's list: all alike, or some that share what others have."""
    if isinstance(entry, dict):
        if isinstance(entry.get("shared"), list):
            return list(entry["shared"])
        if isinstance(entry.get("from"), list) and isinstance(entry.get("to"), list):
            return [*entry["from"], *entry["to"]]
    raise BadSiteList("An entry of the list has neither `shared` nor `from` and `to`.")


def _is_entity(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("properties"), list)


def _group(name: str, domains: Iterable[Any]) -> ListedGroup:
    sites: dict[Site, None] = {}
    left_out = 0
    for domain in domains:
        try:
            sites[site_of_url(domain if isinstance(domain, str) else "")] = None
        except NotASite:
            left_out += 1
    return ListedGroup(name[:200], tuple(sites), left_out)
