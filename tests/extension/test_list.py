"""The compact list as the extension reads it: whole, by change, and refused where something is wrong."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from samelook.extension_api.compact import MOST_CODES, CompactList, TrustedSite, chosen, codes_of
from samelook.looks.look import look_of
from samelook.names.sites import site_of
from samelook.names.suffixes import suffix_rules
from tests.extension.conftest import EXTENSION
from tests.extension.pictures import Pixels, drawn_pictures

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
EXTRAS = {"suffixes": list(suffix_rules()), "families": [["a.example", "b.example"]]}
Read = Callable[..., dict[str, Any]]


@pytest.fixture
def read(node: str, tmp_path: Path) -> Read:
    """Gives files to the extension's code, then asks it about hosts and icons."""

    def run(*lists: bytes, **asked: Any) -> dict[str, Any]:
        files = []
        for number, body in enumerate(lists):
            files.append(str(tmp_path / f"{number}.slk"))
            Path(files[-1]).write_bytes(body)
        if "pictures" in asked:
            path = tmp_path / "pictures.rgba"
            path.write_bytes(b"".join(map(_as_file, asked["pictures"])))
            asked["pictures"] = str(path)
        script = str(Path(__file__).with_name("read_list.mjs"))
        command = [node, script, str(EXTENSION), *files, json.dumps(asked)]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return run


def _as_file(picture: Pixels) -> bytes:
    return struct.pack("<HH", picture.shape[1], picture.shape[0]) + picture.tobytes()


def signed(body: bytes, key: Ed25519PrivateKey = KEY) -> bytes:
    return body + key.sign(body)


def public(key: Ed25519PrivateKey = KEY) -> bytes:
    return key.public_key().public_bytes_raw()


def site(name: str, picture: Pixels, tier: int = 0) -> TrustedSite:
    codes = codes_of(look_of(picture))
    return TrustedSite(name, tier, chosen((codes[i : i + 40] for i in range(0, len(codes), 40)), 8))


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    return [picture for picture in drawn_pictures(40) if look_of(picture).forms][:12]


def test_a_whole_list_and_then_changes_end_in_the_same_state(read: Read, pictures: list[Pixels]) -> None:
    before = [site(f"{name}.example", picture) for name, picture in zip("gcaebdf", pictures, strict=False)]
    old = CompactList.of("0123abcd-5", before, EXTRAS)
    after = [before[0], site("c.example", pictures[8], 2), *before[3:], site("aa.example", pictures[9])]
    new = CompactList.of("0123abcd-9", after, EXTRAS)
    change = new.since(old.version, ["c.example", "a.example", "aa.example"], public())
    both = read(signed(old.whole(public())), signed(change))
    assert both["errors"] == []
    assert both == read(signed(new.whole(public())))
    assert both["names"] == sorted(one.name for one in after)
    assert len(change) < 10_000, "rules and families that did not change are not sent again"


def test_a_file_that_was_tampered_with_changes_nothing(read: Read, pictures: list[Pixels]) -> None:
    first = CompactList.of("0123abcd-1", [site("a.example", pictures[0])], EXTRAS)
    good = signed(first.whole(public()))
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    second = CompactList.of("0123abcd-2", [site("b.example", pictures[1])], EXTRAS)
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    unknown_base = second.since("0123abcd-7-00000000", ["b.example"], public())
    answer = read(
        good,
        bytes(flipped),
        signed(second.whole(public(stranger)), stranger),
        signed(unknown_base),
        good[:-1],
        b"slk1" + b"\xff" * 200,
        b"",
    )
    assert [error.split(":")[0] for error in answer["errors"]] == ["BadList"] * 6
    assert (answer["version"], answer["names"]) == (first.version, ["a.example"])


def test_an_icon_is_found_near_the_site_that_wears_it_and_no_other(
    read: Read, pictures: list[Pixels]
) -> None:
    wearers = CompactList.of(
        "0123abcd-1", [site(f"s{i}.example", picture) for i, picture in enumerate(pictures)], EXTRAS
    )
    asked = [*pictures, np.random.default_rng(3).integers(0, 256, (32, 32, 4), np.uint8)]
    answer = read(signed(wearers.whole(public())), pictures=asked)
    assert [one["found"][:1] for one in answer["near"]] == [
        *([f"s{i}.example"] for i in range(len(pictures))),
        [],
    ]


def test_sites_are_told_apart_as_the_service_does(read: Read) -> None:
    hosts = [
        "www.example.com",
        "a.b.example.co.uk",
        "someone.github.io",
        "deep.someone.github.io",
        "github.io",
        "www.github.io",
        "x.www.example.com",
        "www.ck",
        "x.www.ck",
        "a.b.ck",
        "shop.kobe.jp",
        "city.kobe.jp",
        "xn--55qx5d.cn",
        "name.xn--55qx5d.cn",
        "lumora.example",
        "www.lumora.example",
        "com",
    ]
    body = signed(CompactList.of("0123abcd-1", [], EXTRAS).whole(public()))
    assert read(body, hosts=hosts)["hosts"] == {host: site_of(host) for host in hosts}


def test_a_hundred_thousand_sites_stay_under_16_mb(read: Read) -> None:
    """With as many codes as a site may have, and names as long as real ones are."""
    random = np.random.default_rng(1)
    sites = []
    for number in range(100_000):
        tier = 0 if number < 10_000 else 1 if number < 50_000 else 2
        codes = random.bytes(40 * MOST_CODES[tier])
        name = f"{random.bytes(4).hex()}{number % 10}-{number:05d}.com"[:16] + ".com"
        sites.append(TrustedSite(name, tier, tuple(codes[i : i + 40] for i in range(0, len(codes), 40))))
    body = signed(CompactList.of("0123abcd-1", sites, EXTRAS).whole(public()))
    assert 13_000_000 < len(body) < 16_000_000
    asked = [picture for picture in drawn_pictures(12) if look_of(picture).forms][:6]
    answer = read(body, pictures=asked)
    assert answer["codes"] == 330_000
    assert [one["found"] for one in answer["near"]] == [[]] * 6
