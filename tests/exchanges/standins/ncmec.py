"""The hash sharing API (version 2) of the National Center for Missing & Exploited Children.

Made after what python-threatexchange reads and its documented examples: XML in a namespace, entries of a time
range that are in no order of time, a `next` path with `start`, `size` and `max` while there are more, and
tombstones for what was deleted. Nothing here is or looks like real data.
"""

from __future__ import annotations

import base64
import itertools
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from tests.exchanges.standins.server import Asked, Reply, StandIn

USER, PASSWORD = "testington", "correct horse"
_NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


@dataclass(frozen=True)
class Entry:
    """A picture or a video, or what is left of one."""

    id: str
    kind: str
    """image or video"""
    time: int
    fingerprints: tuple[tuple[str, str], ...]
    member: int = 42
    classification: str | None = "A1"
    deleted: bool = False
    number: int = field(default_factory=itertools.count(2001).__next__)


class Ncmec(StandIn):
    """One environment."""

    def __init__(self, page_size: int = 3) -> None:
        super().__init__()
        self.page_size = page_size
        self._entries: dict[tuple[int, str], Entry] = {}

    @property
    def url(self) -> str:
        """What takes the place of https://report.cybertip.org/hashsharing."""
        return f"{self.origin}/hashsharing"

    def share(self, entry: Entry) -> None:
        """Adds or replaces an entry."""
        self._entries[entry.member, entry.id] = entry

    def delete(self, id_: str, time: int, *, member: int = 42) -> None:
        """Leaves a tombstone."""
        old = self._entries[member, id_]
        self._entries[member, id_] = replace(
            old, time=time, deleted=True, fingerprints=(), classification=None
        )

    def is_page(self, asked: Asked) -> bool:
        return asked.path == "/hashsharing/v2/entries"

    def answer(self, asked: Asked) -> Reply:
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {secret}":
            return Reply(
                b"Unauthorized", 401, {"WWW-Authenticate": 'Basic realm="hashsharing"'}, "text/plain"
            )
        if asked.path == "/hashsharing/v2/status":
            return _xml(
                f'<status xmlns="{_NAMESPACE}"><ipAddress>127.0.0.1</ipAddress><username>{USER}</username>'
                '<member id="1">Sir Testington</member></status>'
            )
        if not self.is_page(asked):
            return Reply(b"Not Found", 404, content_type="text/plain")
        start, end = _seconds(asked.query["from"]), _seconds(asked.query["to"])
        found = [one for one in self._entries.values() if start <= one.time < end]
        found.sort(key=lambda one: one.number)
        first = int(asked.query.get("start", "0"))
        page = [one for one in found if one.number >= first][: self.page_size]
        rest = [one for one in found if page and one.number > page[-1].number]
        return _xml(_page(page, _next(asked, rest[0].number, found[-1].number) if rest else None))

    def times(self) -> list[tuple[int, int]]:
        """The ranges that were asked for, in seconds since 1970."""
        return [(_seconds(one.query["from"]), _seconds(one.query["to"])) for one in self.pages]


def _next(asked: Asked, start: int, last: int) -> str:
    wanted = {"from": asked.query["from"], "to": asked.query["to"], "start": start, "size": 1000, "max": last}
    return f"/v2/entries?{urlencode(wanted)}"


def _page(entries: list[Entry], following: str | None) -> str:
    root = ET.Element("queryResult", xmlns=_NAMESPACE)
    for kind in ("image", "video"):
        of_kind = [one for one in entries if one.kind == kind]
        if not of_kind:
            continue
        latest = _text(max(one.time for one in of_kind))
        group = ET.SubElement(root, f"{kind}s", count=str(len(of_kind)), maxTimestamp=latest)
        for one in of_kind:
            _add(group, one)
    if following is not None:
        ET.SubElement(ET.SubElement(root, "paging"), "next").text = following
    return ET.tostring(root, encoding="unicode")


def _add(group: ET.Element, one: Entry) -> None:
    shown = ET.SubElement(group, f"deleted{one.kind.capitalize()}" if one.deleted else one.kind)
    ET.SubElement(shown, "member", id=str(one.member)).text = f"Member {one.member}"
    ET.SubElement(shown, "timestamp").text = _text(one.time)
    ET.SubElement(shown, "id").text = one.id
    if one.deleted:
        return
    if one.classification is not None:
        ET.SubElement(shown, "classification").text = one.classification
    fingerprints = ET.SubElement(shown, "fingerprints")
    for name, value in one.fingerprints:
        ET.SubElement(fingerprints, name).text = value


def _xml(text: str) -> Reply:
    return Reply(_DECLARATION + text.encode(), content_type="application/xml")


def _text(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime(_TIME)


def _seconds(text: str) -> int:
    return int(datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp())
