"""docs/http-api.md shows what the service answers. SAMELOOK_REWRITE_DOCS=1 writes the answers into it."""

from __future__ import annotations

import io
import os
import re
import shlex
from pathlib import Path
from typing import Any

from aiohttp import FormData
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs" / "http-api.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
ORIGIN = "localhost:5100"
ADMIN_KEY = "the admin's key of this page"
LIST = b"aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55,from a list,2026\n"
CSV = b"pdq,note\n" + b"0f" * 32 + b",good\nnonsense,bad\n"
ELSEWHERE = (
    "/x/",
    "/v1/operator/",
    "/c/exchange",
    "/malicious",
    "/allowlist-add",
    "/assets/",
    "/ui",
    "/favicon.ico",
)
"""Paths that other pages describe."""


async def asked(  # noqa: C901 - one case an option
    api: Any, command: str, files: dict[str, bytes]
) -> str:
    """What a curl command prints, asked in the test's own way; nothing when it goes to a file."""
    words = iter(shlex.split(command))
    assert next(words) == "curl"
    method, url, form = "", "", FormData()
    more: dict[str, Any] = {}
    quiet = False
    for word in words:
        match word:
            case "-s":
                pass
            case "-o":
                quiet = bool(next(words))
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                more.setdefault("headers", {})[name] = value.replace("$ADMIN", ADMIN_KEY)
            case "--json":
                more["data"] = next(words)
                more.setdefault("headers", {})["Content-Type"] = "application/json"
            case "-d":
                name, _, value = next(words).partition("=")
                more["data"] = {name: value}
            case "--data-binary":
                more["data"] = files[next(words).removeprefix("@")]
            case "-F":
                name, _, value = next(words).partition("=")
                if value.startswith("@"):
                    form.add_field(name, files[value[1:]], filename=value[1:])
                else:
                    form.add_field(name, value)
                more["data"] = form
            case _:
                assert not word.startswith("-"), word
                url = word
    assert url.startswith(ORIGIN), url
    answer = await api(method or ("POST" if "data" in more else "GET"), url.removeprefix(ORIGIN), **more)
    return "" if quiet else str(answer.text)


async def test_every_answer_in_the_documentation_is_given(serve: Any, picture: Any) -> None:
    full = await serve(admin_key=ADMIN_KEY)
    flat = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(flat, "PNG")
    files = {
        "bridge.png": picture(seed=7),
        "bridge.jpg": picture("JPEG", seed=7, quality=90),
        "flat.png": flat.getvalue(),
        "clip.mp4": bytes(range(256)) * 40,
        "hashes.csv": CSV,
        "list.te": LIST,
    }
    text = PAGE.read_text(encoding="utf-8")
    for block in BLOCK.findall(text):
        printed = ""
        for command in re.findall(r"(?m)^\$ (.*)$", block):
            printed += f"$ {command}\n"
            answer = await asked(full, command, files)
            printed += f"{answer}\n" if answer else ""
        if os.environ.get("SAMELOOK_REWRITE_DOCS"):
            text = text.replace(block, printed)
        else:
            assert comparable(printed) == comparable(block)
    if os.environ.get("SAMELOOK_REWRITE_DOCS"):
        PAGE.write_text(text, encoding="utf-8")


async def test_every_path_is_documented(full: Any) -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = {re.sub(r"\?.*", "", one) for one in re.findall(rf"{ORIGIN}([^\s']*)", text)}
    shown |= set(re.findall(r"`(?:GET |POST )?(/[^`?]*)", text))
    known = {re.sub(r"\{\w+\}", "{}", path) for path in (filled(one) for one in shown)}
    for path in (await full.get("/site-map")).json:
        if not path.startswith(ELSEWHERE):
            assert re.sub(r"<[\w:]+>", "{}", path) in known or path in ("/openapi", "/openapi/swagger"), path


HMAS_TABLES = """
CREATE SCHEMA hma; SET search_path = hma;
CREATE TABLE bank (id int PRIMARY KEY, name varchar(255), enabled_ratio float);
CREATE TABLE bank_content (id int PRIMARY KEY, bank_id int, disable_until_ts int, original_content_uri text,
                           bank_content_metadata json, note varchar(255));
CREATE TABLE content_signal (content_id int, signal_type text, signal_val text);
INSERT INTO bank VALUES (1, 'OTHER', 1), (2, 'MY_BANK', 1);
INSERT INTO bank_content VALUES
    (5, 2, 1, NULL, NULL, NULL),
    (6, 2, 0, NULL, '{"content_id": "7", "json": {"a": "b\\\\c"}}', 'say "no"'),
    (7, 1, 1, NULL, NULL, NULL),
    (8, 2, 1, NULL, NULL, 'broken');
INSERT INTO content_signal VALUES
    (5, 'pdq', repeat('0f', 32)), (5, 'video_md5', repeat('ab', 16)), (6, 'pdq', repeat('1e', 32) || E'\\n'),
    (7, 'pdq', repeat('2d', 32)), (8, 'pdq', '');
"""


async def test_a_bank_of_hma_moves_as_described(api: Any, connection: Any) -> None:
    page = (PAGE.parent / "hash-matching.md").read_text(encoding="utf-8")
    (statement,) = re.findall(r"<<'SQL'\n(.*?)\n *SQL\n", page, re.DOTALL)
    await connection.execute(HMAS_TABLES)
    rows = await connection.fetch(statement.replace(":'bank'", "'MY_BANK'"))
    await api.post("/c/banks", {"name": "MY_BANK"})
    moved = await api(
        "POST",
        "/c/bank/MY_BANK/signals",
        data="".join(f"{row[0]}\n" for row in rows),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert (moved.json["added"], moved.json["refused"]) == (2, 1)
    shown = [(await api.get(f"/c/bank/MY_BANK/content/{one}", include_signals="true")).json for one in (1, 2)]
    assert shown[0]["signals"] == {"pdq": "0f" * 32, "video_md5": "ab" * 16}
    assert shown[1]["signals"] == {"pdq": "1e" * 32}
    assert (shown[1]["disable_until_ts"], shown[1]["note"]) == (0, 'say "no"')
    assert shown[1]["metadata"] == {"content_id": "7", "json": {"a": "b\\c"}}


def filled(path: str) -> str:
    """A path of an example as the path of a route."""
    path = re.sub(r"^/c/bank/[A-Z_]+", "/c/bank/{bank_name}", path)
    path = re.sub(r"^/c/signal_type/(?!index)\w+", "/c/signal_type/{signal_type_name}", path)
    return re.sub(r"/\d+(?=$|/rotate$)", "/{id}", path)


def comparable(text: str) -> str:
    """Without what differs from run to run."""
    for pattern, name in (
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
        (r"samelook_[\w-]{43}", "<key>"),
        (r'"cursor":"[^"]+"', '"cursor":"<cursor>"'),
        (r'"next_page_token":"[^"]+"', '"next_page_token":"<token>"'),
        (r'_to":\d{10}', '_to":<seconds>'),
        (r'_item":\d{10}', '_item":<seconds>'),
    ):
        text = re.sub(pattern, name, text)
    return text
