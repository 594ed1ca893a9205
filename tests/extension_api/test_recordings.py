"""Icons of recorded real sites: none of them is taken for another's."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from pathlib import Path

import pytest

from samelook.extension_api.judge import Judge
from samelook.facts.catalogue import CommonLooks
from samelook.facts.common import Catalogue
from samelook.facts.lists import SiteLists
from samelook.facts.memory import Memory
from samelook.facts.questions import Asked, AskedIcon
from samelook.facts.settings import VerdictSettings
from samelook.hashing.errors import HashingError
from samelook.looks.files import looks_of_file
from samelook.looks.likeness import parse_look
from samelook.looks.look import Look

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
SETTINGS = VerdictSettings()


class Known:
    """Facts that nobody changes."""

    def __init__(self) -> None:
        self.memory = Memory(SETTINGS.tiers, SETTINGS.former_look_s)
        self.lists = SiteLists()
        self.catalogue: Catalogue = CommonLooks(())


@pytest.fixture(scope="module")
def icons() -> dict[str, dict[bytes, list[bytes]]]:
    """The looks of every picture that each recorded site served, by SHA-256."""
    files = sorted(RECORDINGS.glob("*.json"))
    if not files:
        pytest.skip("there are no recordings beside the project")
    found: dict[str, dict[bytes, list[bytes]]] = {}
    for file in files:
        recording = json.loads(file.read_text("utf-8"))
        for exchange in recording["exchanges"]:
            body = base64.b64decode(exchange["body_b64"])
            try:
                looks = [look for look in looks_of_file(body) if Look.from_bytes(look).forms]
            except HashingError:
                continue
            if looks:
                found.setdefault(recording["site"], {})[hashlib.sha256(body).digest()] = looks
    assert len(found) >= 7
    return found


def known(icons: dict[str, dict[bytes, list[bytes]]], *, without: str | None) -> Known:
    """All sites but one, ranked so well that the widest rule protects them."""
    facts = Known()
    for number, (site, pictures) in enumerate(icons.items(), start=1):
        if site == without:
            continue
        facts.memory.put_domain(
            {
                "domain_id": number,
                "site": site,
                "host": site,
                "trusted_position": number,
                "new_position": None,
                "n_hosts": None,
                "visited": True,
                "redirect_host": None,
                "discovery_error": None,
                "hashing_errors": [],
            }
        )
        facts.memory.put_pictures([(sha256, list(enumerate(looks))) for sha256, looks in pictures.items()])
        for sha256 in pictures:
            facts.memory.put_shown(
                {
                    "domain_id": number,
                    "sha256": sha256,
                    "since": 1.0,
                    "gone_since": None,
                    "confirmed": True,
                    "displayed_by": "both",
                    "icon_url": f"https://{site}/",
                    "md5": b"m" * 16,
                }
            )
    return facts


def test_no_recorded_site_locks_another(icons: dict[str, dict[bytes, list[bytes]]]) -> None:
    for site, pictures in icons.items():
        asked = tuple(
            AskedIcon(sha256, tuple(parse_look(look) for look in looks)) for sha256, looks in pictures.items()
        )
        question = Asked.about("stranger.example", *asked)
        judge = Judge(known(icons, without=site), SETTINGS, time.time)
        assert (site, judge.judge(question).decision.codes) == (site, ("first_use", "unvisited"))
        everybody = Judge(known(icons, without=None), SETTINGS, time.time)
        decision = everybody.judge(question).decision
        assert (str(decision.verdict), decision.looks_like[0].owner.site) == ("lock", site)
        own = everybody.judge(Asked.about(site)).decision
        assert own.codes == ("ranked",)
