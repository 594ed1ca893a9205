"""Media into banks and lookups of media, by form and by URL."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import FormData


@pytest.fixture
def service(steady: Any, site: Any, picture: Any) -> Any:
    """The shared service, which may fetch http://site.test/x.png."""
    site.answers["/x.png"] = (200, picture(), {"Content-Type": "image/png"})
    return steady


URL = "http://site.test/x.png"


async def test_media_by_url_is_banked_and_found(service: Any, bank: str) -> None:
    added = await service("POST", f"/c/bank/{bank}/content", params={"url": URL, "content_type": "photo"})
    assert added.status == 200
    match = {"bank_content_id": added.json["id"], "distance": "0"}
    value = added.json["signals"]["pdq"]
    assert (await service.get("/m/lookup", url=URL)).json == {"pdq": {bank: [match]}}
    assert (await service.get("/m/lookup", url=URL, signal_type="pdq")).json == {bank: [match]}
    assert (await service.get("/m/lookup", url=URL, signal_type="md5")).json == {}
    both = await service.get("/m/lookup", url=URL, types="pdq,md5")
    assert both.json["md5"] == {}
    shown = (await service.get(f"/c/bank/{bank}/content/{added.json['id']}", include_signals="true")).json
    assert (shown["original_media_uri"], shown["signals"]) == (URL, {"pdq": value})


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({}, 200),
        ({"metadata": {"content_id": "1197433091", "json": {"asdf": {}}}, "note": "n"}, 200),
        ({"metadata": {"invalid_metadata": 5}}, 400),
        ({"metadata": {"content_id": 5}}, 400),
        ({"metadata": "x"}, 400),
        ({"note": "x" * 256}, 400),
    ],
)
async def test_words_come_with_media(
    service: Any, bank: str, picture: Any, words: dict[str, Any], status: int
) -> None:
    by_url = await service("POST", f"/c/bank/{bank}/content", params={"url": URL}, json=words)
    assert by_url.status == status, by_url.text
    form = FormData()
    form.add_field("photo", picture(seed=2), filename="x.png")
    for name, value in words.items():
        form.add_field(name, value if name == "note" else json.dumps(value))
    by_form = await service("POST", f"/c/bank/{bank}/content", data=form)
    assert by_form.status == status, by_form.text
    if status == 200:
        shown = (await service.get(f"/c/bank/{bank}/content/{by_form.json['id']}")).json
        assert shown.get("metadata") == words.get("metadata")
        assert shown.get("note") == words.get("note")


async def test_neither_file_nor_url_is_refused(service: Any, bank: str) -> None:
    bodies: tuple[dict[str, Any], ...] = (
        {},
        {"json": {}},
        {"json": {"metadata": {}}},
        {"data": FormData({"note": "x"})},
    )
    for more in bodies:
        answer = await service("POST", f"/c/bank/{bank}/content", **more)
        assert answer.status in {400, 415}
        assert answer.json["message"]


async def test_a_file_is_looked_up(service: Any, bank: str, picture: Any) -> None:
    still = await service.send_file(f"/c/bank/{bank}/content", "photo", picture(seed=3))
    video = bytes(range(256)) * 10
    moving = await service.send_file(f"/c/bank/{bank}/content", "video", video)
    photo = await service.send_file("/m/lookup", "photo", picture("JPEG", seed=3, quality=90))
    assert [one["bank_content_id"] for one in photo.json["pdq"][bank]] == [still.json["id"]]
    film = await service.send_file("/m/lookup", "video", video)
    assert film.json == {"video_md5": {bank: [{"bank_content_id": moving.json["id"], "distance": "-"}]}}
    assert (await service.send_file("/m/lookup", "photo", picture(seed=3), banks="B")).json == {"pdq": {}}
    await service.put(f"/c/bank/{bank}", {"enabled": False})
    assert (await service.send_file("/m/lookup", "video", video)).json == {"video_md5": {}}
    bypassed = await service.send_file("/m/lookup", "video", video, bypass_coinflip="true")
    assert list(bypassed.json["video_md5"]) == [bank]
    assert (await service.send_file("/m/lookup", "photo", b"nothing")).status == 400
