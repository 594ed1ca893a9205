"""Signals of media over HTTP: what people see decides, and bad media gets a clear answer."""

from __future__ import annotations

import asyncio
import hashlib
import io
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image, ImageDraw

from samelook.api.settings import MOST_HELD
from samelook.crawler.fetching.places import parse_own_places, parse_resolve
from samelook.crawler.fetching.settings import FetchSettings


def bits_apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


@pytest.fixture
def hasher(steady: Any) -> Any:
    """The service that is asked for signals."""
    return steady


async def pdq_of(hasher: Any, data: bytes) -> str:
    answer = await hasher.send_file("/h/hash", "photo", data)
    assert answer.status == 200, answer.text
    assert list(answer.json) == ["pdq"]
    return str(answer.json["pdq"])


async def test_the_same_look_has_nearly_the_same_pdq_in_every_format(hasher: Any, picture: Any) -> None:
    reference = await pdq_of(hasher, picture())
    for image_format, mode, options in (
        ("PNG", "P", {}),
        ("GIF", "P", {}),
        ("JPEG", "RGB", {"quality": 95}),
        ("JPEG", "CMYK", {"quality": 95}),
        ("WEBP", "RGB", {"lossless": True}),
        ("BMP", "RGB", {}),
        ("PNG", "RGBA", {}),
    ):
        other = await pdq_of(hasher, picture(image_format, mode=mode, **options))
        assert bits_apart(reference, other) <= 16, (image_format, mode)


async def test_grey_pictures_of_8_and_16_bits_are_alike(hasher: Any, picture: Any) -> None:
    grey = Image.open(io.BytesIO(picture(mode="L")))
    stored = io.BytesIO()
    deep = grey.convert("I").point(lambda value: value * 257)
    deep.convert("I;16").save(stored, "PNG")
    assert bits_apart(await pdq_of(hasher, picture(mode="L")), await pdq_of(hasher, stored.getvalue())) <= 4


async def test_transparency_shows_white(hasher: Any) -> None:
    def drawn(mode: str, ground: tuple[int, ...]) -> bytes:
        image = Image.new(mode, (128, 128), ground)
        pen = ImageDraw.Draw(image)
        for step in range(10):
            pen.ellipse(
                (step * 11, step * 7, step * 11 + 30, step * 7 + 40), fill=(step * 20, 90, 200 - step * 20)
            )
        stored = io.BytesIO()
        image.save(stored, "PNG")
        return stored.getvalue()

    clear = await pdq_of(hasher, drawn("RGBA", (0, 0, 0, 0)))
    assert clear == await pdq_of(hasher, drawn("RGB", (255, 255, 255)))


async def test_a_picture_is_hashed_as_it_is_stored_whatever_exif_says(hasher: Any, picture: Any) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    plain = Image.open(io.BytesIO(picture("JPEG", quality=95)))
    hashes = set()
    for exif in (Image.Exif(), turned):
        stored = io.BytesIO()
        plain.save(stored, "JPEG", quality=95, exif=exif)
        hashes.add(await pdq_of(hasher, stored.getvalue()))
    assert len(hashes) == 1


async def test_every_signal_can_be_asked_for(hasher: Any, picture: Any) -> None:
    data = picture()
    names = "pdq,phash,blockhash16,blockhash16_quick,blockhash8,blockhash8_quick,md5,sha256,favicon_mmh3"
    answer = await hasher.send_file("/h/hash", "photo", data, types=f" {names.replace(',', ' , ')},,")
    assert list(answer.json) == names.split(",")
    assert answer.json["sha256"] == hashlib.sha256(data).hexdigest()
    assert answer.json["md5"] == hashlib.md5(data).hexdigest()
    assert answer.json["pdq"] == await pdq_of(hasher, data)


async def test_a_video_is_known_by_its_bytes(hasher: Any) -> None:
    data = bytes(range(256)) * 5000
    answer = await hasher.send_file("/h/hash", "video", data)
    assert (answer.status, answer.json) == (200, {"video_md5": hashlib.md5(data).hexdigest()})


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
async def test_a_picture_without_features_has_an_empty_pdq_which_nothing_else_takes(
    steady: Any, bank: str, mode: str
) -> None:
    stored = io.BytesIO()
    Image.new(mode, (64, 64)).save(stored, "PNG")
    answer = await steady.send_file("/h/hash", "photo", stored.getvalue())
    assert (answer.status, answer.json) == (200, {"pdq": ""})
    others = await steady.send_file("/h/hash", "photo", stored.getvalue(), types="sha256,pdq,md5")
    assert (others.status, list(others.json), others.json["pdq"]) == (200, ["sha256", "pdq", "md5"], "")
    for path in ("/m/lookup", f"/c/bank/{bank}/content"):
        refused = await steady.send_file(path, "photo", stored.getvalue())
        assert refused.status == 400
        assert "too little detail" in refused.json["message"]
        assert refused.json["details"]["kind"] == "featureless"
    assert (await steady.get("/m/lookup", signal="", signal_type="pdq")).status == 400


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"<html>",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"\xff\xd8\xff\xe0",
        bytes(1000),
        b"\0\0\1\0\1\0" + bytes(40),
        b"%PDF-1.4",
    ],
)
async def test_what_is_no_picture_is_refused(hasher: Any, data: bytes) -> None:
    answer = await hasher.send_file("/h/hash", "photo", data)
    assert answer.status == 400
    assert answer.json["message"]


async def test_a_photo_as_telephones_take_it_is_hashed(hasher: Any, picture: Any) -> None:
    drawn = Image.open(io.BytesIO(picture(size=250)))
    stored = io.BytesIO()
    drawn.resize((5000, 5000), Image.Resampling.NEAREST).save(stored, "JPEG", quality=50)
    assert bits_apart(await pdq_of(hasher, stored.getvalue()), await pdq_of(hasher, picture(size=250))) <= 24


async def test_a_picture_of_more_pixels_than_wanted_is_refused(serve: Any, picture: Any) -> None:
    hasher = await serve(roles=frozenset({"hasher"}), max_pixels=128 * 128)
    assert (await hasher.send_file("/h/hash", "photo", picture(size=128))).status == 200
    answer = await hasher.send_file("/h/hash", "photo", picture(size=129))
    assert (answer.status, answer.json["details"]["kind"]) == (400, "too_many_pixels")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
async def test_half_a_picture_is_answered_without_a_fault(hasher: Any, picture: Any, share: float) -> None:
    data = picture("JPEG", size=256)
    answer = await hasher.send_file("/h/hash", "photo", data[: int(len(data) * share)])
    assert answer.status in {200, 400}


@pytest.mark.parametrize(
    ("field", "types"),
    [
        ("song", None),
        ("", None),
        ("file", None),
        ("photo", "none"),
        ("photo", ","),
        ("photo", ""),
        ("photo", "video_md5"),
        ("video", "pdq"),
    ],
)
async def test_an_impossible_choice_is_refused(
    hasher: Any, picture: Any, field: str, types: str | None
) -> None:
    params = {} if types is None else {"types": types}
    answer = await hasher.send_file("/h/hash", field, picture(), **params)
    assert answer.status == 400
    assert answer.json["message"]


async def test_one_file_at_a_time(hasher: Any, picture: Any) -> None:
    for fields in (("photo", "photo"), ("photo", "video")):
        form = FormData()
        for field in fields:
            form.add_field(field, picture(), filename="x.png")
        answer = await hasher("POST", "/h/hash", data=form)
        assert answer.status == 400
        assert "Only one file" in answer.json["message"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (None, b""),
        ("application/json", b"{}"),
        ("application/octet-stream", b"x"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"no boundary at all"),
        ("multipart/form-data; boundary=" + "x" * 300, b"--x--"),
        ("multipart/mixed; boundary=x", b"--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\nNo header\r\n\r\nx\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="\x01"\r\n\r\n--x--',
        ),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 1000 + b"\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A" * 20_000 + b": b\r\n\r\n--x--\r\n"),
        ("application/x-www-form-urlencoded; charset=nonsense", b"photo=x"),
        ("application/x-www-form-urlencoded", b"photo=%ff\xff"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="photo"\r\n\r\nx\r\n--x--\r\n',
        ),
    ],
)
@pytest.mark.parametrize("path", ["/h/hash"])
async def test_a_form_without_a_file_is_refused(
    hasher: Any, path: str, kind: str | None, data: bytes
) -> None:
    answer = await hasher("POST", path, data=data, headers={"Content-Type": kind} if kind else {})
    assert answer.status == 400
    assert answer.json["message"]


async def test_a_file_over_the_limit_is_refused(serve: Any, picture: Any) -> None:
    hasher = await serve(roles=frozenset({"hasher"}), max_upload_bytes=1000)
    answer = await hasher.send_file("/h/hash", "photo", picture(size=200))
    assert answer.status == 413
    assert answer.json["message"]


@pytest.mark.parametrize("header", ["image/png", "IMAGE/PNG; x=y", "", "image/whatever"])
async def test_media_behind_a_url_is_hashed(hasher: Any, site: Any, picture: Any, header: str) -> None:
    site.answers["/x"] = (200, picture(), {"Content-Type": header} if header else {})
    by_url = await hasher.get("/h/hash", url="http://site.test/x")
    assert by_url.status == 200
    assert by_url.json == (await hasher.send_file("/h/hash", "photo", picture())).json
    forced = await hasher.get("/h/hash", url="http://site.test/x", content_type="video")
    assert list(forced.json) == ["video_md5"]
    # A server that goes by this header would have no video for somebody who wants images.
    assert site.headers["Accept"] == "*/*"


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (404, b"gone", {"Content-Type": "image/png"}),
        (500, b"", {}),
        (200, b"", {"Content-Type": "image/png"}),
        (200, b"<html>", {"Content-Type": "text/html"}),
        (200, b"data", {"Content-Type": "application/octet-stream"}),
        (200, b"<html>", {"Content-Type": "image/png"}),
        (302, b"", {"Location": "http://127.0.0.1/x"}),
        (302, b"", {"Location": "file:///etc/passwd"}),
        (302, b"", {"Location": "/x"}),
        (200, b"x", {"Content-Encoding": "gzip"}),
    ],
)
async def test_useless_urls_are_refused(
    hasher: Any, site: Any, status: int, body: bytes, headers: dict[str, str]
) -> None:
    site.answers["/x"] = (status, body, headers)
    answer = await hasher.get("/h/hash", url="http://site.test/x")
    assert answer.status == 400
    assert answer.json["message"]
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "http://",
        "ftp://example.com/x",
        "file:///etc/passwd",
        "http://127.0.0.1:5432/",
        "http://localhost/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://0/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "http://user:secret@10.1.2.3/",
        "http://exa mple.com/",
        "http://example.com:99999/",
        "gopher://x",
        "data:image/png;base64,AAAA",
    ],
)
async def test_urls_that_lead_inside_or_nowhere_are_refused(hasher: Any, url: str) -> None:
    async with asyncio.timeout(20):
        answer = await hasher.get("/h/hash", url=url)
    assert answer.status == 400
    assert answer.json["message"]
    assert "secret" not in answer.text


async def test_a_file_behind_a_url_may_be_too_large(serve: Any, site: Any, picture: Any) -> None:
    fetch = FetchSettings(
        resolve=parse_resolve(f"*.test={site.address}"), honour_robots=False, max_icon_bytes=1000
    )
    hasher = await serve(roles=frozenset({"hasher"}), fetch=fetch)
    site.answers["/large"] = (200, picture(size=300), {"Content-Type": "image/png"})
    answer = await hasher.get("/h/hash", url="http://site.test/large")
    assert answer.status == 413
    assert "larger" in answer.json["message"]


async def test_a_url_is_needed(hasher: Any) -> None:
    answer = await hasher.get("/h/hash")
    assert answer.status == 400
    assert "url" in answer.json["message"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_media_host_of_ones_own_is_fetched_from_at_its_port(
    serve: Any, site: Any, picture: Any, host: str
) -> None:
    own = parse_own_places("localhost, 127.0.0.0/8")
    service = await serve(roles=frozenset({"hasher"}), fetch=FetchSettings(own=own, honour_robots=False))
    data = picture(seed=secrets.randbelow(1000) + 5)
    port = site.address.rpartition(":")[2]
    site.answers["/own.png"] = (200, data, {"Content-Type": "image/png"})
    site.answers["/away"] = (302, b"", {"Location": "http://10.9.9.9/own.png"})
    hashed = await service.get("/h/hash", url=f"http://{host}:{port}/own.png")
    assert (hashed.status, list(hashed.json)) == (200, ["pdq"])
    # What it redirects to is asked about anew.
    refused = await service.get("/h/hash", url=f"http://{host}:{port}/away")
    assert (refused.status, refused.json["details"]["kind"]) == (400, "blocked_address")


@pytest.mark.parametrize("text", ["10.1.0.1/16", "http://media.internal", "a b", "media.internal:80"])
def test_own_places_are_names_and_networks_only(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_own_places(text)


def _form(field: str, pieces: list[bytes]) -> tuple[AsyncIterator[bytes], str]:
    """A form whose file is sent piece by piece, and its Content-Type."""

    async def sent() -> AsyncIterator[bytes]:
        yield f'--edge\r\nContent-Disposition: form-data; name="{field}"; filename="f"\r\n\r\n'.encode()
        for piece in pieces:
            yield piece
        yield b"\r\n--edge--\r\n"

    return sent(), "multipart/form-data; boundary=edge"


async def _send(hasher: Any, path: str, field: str, pieces: list[bytes], **params: str) -> Any:
    data, kind = _form(field, pieces)
    return await hasher("POST", path, data=data, params=params, headers={"Content-Type": kind})


async def test_a_film_larger_than_what_is_held_in_memory_is_hashed_as_it_arrives(serve: Any) -> None:
    hasher = await serve(max_upload_bytes=300 << 20)
    piece = secrets.token_bytes(1 << 20)
    film = [piece] * 130
    assert len(film) * len(piece) > MOST_HELD
    whole = b"".join(film)
    md5, sha256 = hashlib.md5(whole).hexdigest(), hashlib.sha256(whole).hexdigest()
    del whole
    answer = await _send(hasher, "/h/hash", "video", film)
    assert answer.json == {"video_md5": md5}
    await hasher.post("/c/banks", {"name": "FILMS"})
    added = await _send(hasher, "/c/bank/FILMS/content", "video", film, types="sha256,video_md5")
    assert added.json["signals"] == {"sha256": sha256, "video_md5": md5}
    found = await _send(hasher, "/m/lookup", "video", film)
    assert [one["bank_content_id"] for one in found.json["video_md5"]["FILMS"]] == [added.json["id"]]


async def test_the_limit_holds_for_films_and_pictures_are_not_held_beyond_their_own(serve: Any) -> None:
    hasher = await serve(roles=frozenset({"hasher"}), max_upload_bytes=110 << 20)
    piece = bytes(1 << 20)
    assert (await _send(hasher, "/h/hash", "video", [piece] * 111)).status == 413
    assert (await _send(hasher, "/h/hash", "photo", [piece] * 101)).status == 413
    digest = await _send(hasher, "/h/hash", "photo", [piece] * 101, types="sha256")
    assert digest.json == {"sha256": hashlib.sha256(bytes(101 << 20)).hexdigest()}


async def test_a_streamed_file_meets_the_same_rules(hasher: Any) -> None:
    assert (await _send(hasher, "/h/hash", "video", [])).json["message"] == "the file is empty"
    assert (await _send(hasher, "/h/hash", "video", [b"x"], types="nothing")).status == 400
    assert (await _send(hasher, "/h/hash", "film", [b"x"])).status == 400
    both = FormData()
    both.add_field("video", io.BytesIO(b"x"), filename="a")
    both.add_field("photo", io.BytesIO(b"x"), filename="b")
    assert "Only one file" in (await hasher("POST", "/h/hash", data=both)).json["message"]
