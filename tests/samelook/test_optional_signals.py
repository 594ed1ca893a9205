"""Optional signals: computed, stored, banked, searched, inspected and exported where they are chosen."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from samelook.demo.sample_web.server import sample_web_server
from samelook.hashing.decode import decode
from samelook.hashing.signals import hash_bytes, signals_of
from samelook.hashing.table import DEFAULT_NAMES, OPTIONAL_NAMES, SIGNALS, chosen_names
from samelook.settings import SettingsError, load_settings
from samelook.sql.pool import Pool

CHOSEN = "dhash,ahash,whash,colorhash"
FUNCTIONS = {"dhash": "dhash", "ahash": "average_hash", "whash": "whash", "colorhash": "colorhash"}


def stored(image: Image.Image) -> bytes:
    into = io.BytesIO()
    image.save(into, "PNG")
    return into.getvalue()


PICTURE = stored(
    Image.linear_gradient("L").resize((48, 40)).convert("RGB").rotate(30, fillcolor=(220, 30, 90))
)


@pytest.mark.parametrize("name", OPTIONAL_NAMES)
@pytest.mark.parametrize("size", [(1, 1), (16, 16), (48, 20), (300, 400)])
def test_they_are_those_of_imagehash(name: str, size: tuple[int, int]) -> None:
    imagehash: Any = pytest.importorskip("imagehash")
    picture = decode(stored(Image.open(io.BytesIO(PICTURE)).resize(size)))
    (value,) = signals_of(b"", picture, [name]).values()
    expected = str(getattr(imagehash, FUNCTIONS[name])(Image.fromarray(picture.rgba[..., :3])))
    assert value == expected.rjust(16, "0")
    assert len(value) * 4 == SIGNALS[name].bits


def test_nobody_computes_them_unasked() -> None:
    assert tuple(hash_bytes(PICTURE).signals) == DEFAULT_NAMES
    assert not set(DEFAULT_NAMES) & set(OPTIONAL_NAMES)


def test_only_optional_signals_can_be_chosen() -> None:
    assert chosen_names(["dhash", "dhash", "colorhash"]) == ("dhash", "colorhash")
    assert load_settings({"SAMELOOK_SIGNALS": "whash, ahash"}).crawl.optional_signals == ("whash", "ahash")
    for words in ("pdq", "nonsense"):
        with pytest.raises(SettingsError, match=r"SAMELOOK_SIGNALS.*no optional signal"):
            load_settings({"SAMELOOK_SIGNALS": words})


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samelook.hashing.table.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"samelook\[imagehash\]"):
        load_settings({"SAMELOOK_SIGNALS": "dhash"})


async def samelook(url: str, *words: str, signals: str = CHOSEN, **more: str) -> str:
    environment = {**os.environ, "SAMELOOK_DATABASE_URL": url, "SAMELOOK_SIGNALS": signals, **more}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "samelook", *words),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, (words, out, err)
    return out.decode()


async def test_a_crawl_stores_what_was_chosen_and_the_inspector_finds_it(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    ranks = tmp_path / "ranks.csv"
    ranks.write_text("1,lumora.example\n2,norrbank.example\n3,lumora-secure.example\n")
    async with sample_web_server() as port:
        await samelook(database_url, "crawl", "import", str(ranks))
        await samelook(
            database_url, "crawl", "run", "--once", "--quiet", SAMELOOK_RESOLVE=f"*=127.0.0.1:{port}"
        )
    pictures = await pool.fetchval("SELECT count(*) FROM favicons")
    assert pictures > 1
    for name in OPTIONAL_NAMES:
        assert await pool.fetchval(f"SELECT count(*) FROM hash_{name}") == pictures, name
    value = await pool.fetchval(
        "SELECT h.hash FROM hash_dhash AS h JOIN favicon_metadata AS m ON m.sha256 = h.sha256"
        " JOIN icon_urls AS u ON u.id = m.icon_url_id WHERE u.icon_url LIKE '%//lumora.example/%' LIMIT 1"
    )
    # Whatever is computed from now on: what was stored can be asked for.
    answer = await samelook(
        database_url, "inspect", "look", value.hex(), "--signal", "dhash", "--json", signals=""
    )
    assert "lumora.example" in answer
    site = await samelook(database_url, "inspect", "site", "lumora.example", "--json")
    assert all(name in site for name in OPTIONAL_NAMES)


async def test_banks_hold_and_find_them_and_exports_name_them(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "icon.png").write_bytes(PICTURE)
    line = json.loads(await samelook(database_url, "hash", str(tmp_path / "icon.png"), "--json"))
    values = {name: line["signals"][name] for name in OPTIONAL_NAMES}
    assert values == hash_bytes(PICTURE, types=OPTIONAL_NAMES).signals
    file = tmp_path / "shared.txt"
    file.write_text("".join(f"{name} {value}\n" for name, value in values.items()))
    folder = {"SAMELOOK_EXCHANGE_FOLDER": str(tmp_path)}
    words = ("exchange", "add", "SHARED", "local_file", "--set", f"filename={file}")
    await samelook(database_url, *words, **folder)
    await samelook(database_url, "exchange", "fetch", "SHARED", **folder)
    exported = await samelook(database_url, "exchange", "export", "SHARED")
    assert set(exported.splitlines()) == set(file.read_text().splitlines())


def test_tx_matches_by_them() -> None:
    signals: Any = pytest.importorskip("samelook.exchanges.tx.signals")
    kinds = {kind.get_name(): kind for kind in signals.SIGNAL_TYPES}
    for name in OPTIONAL_NAMES:
        kind = kinds[name]
        value = kind.hash_from_bytes(PICTURE)
        index = kind.get_index_cls().build([(value, "here")])
        assert [match.metadata for match in index.query(value)] == ["here"]
        assert kind.validate_signal_str(value) == value
