"""Every command on a terminal of 80 columns, on a database that the sample web's crawl has filled."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.cells import cell_len

from samelook.cli import app
from samelook.demo.demonstration import crawl_sample_web
from samelook.demo.sample_web.pictures import png
from samelook.demo.sample_web.server import sample_web_server
from samelook.settings import load_settings
from samelook.terminal.help import readable
from tests.conftest import Server
from tests.samelook.terminal import COLUMNS, on_terminal

# Later uses find the database as earlier ones left it: `make tests` keeps a file in one process.
pytestmark = pytest.mark.timeout(240)

REFUSED = "http://127.0.0.1:9"
"""Where nobody answers."""


@dataclass(frozen=True, slots=True)
class Use:
    """One way to use a command: the words after its name, how it ends, and what must be read in full."""

    words: str = ""
    status: int = 0
    shows: tuple[str, ...] = ()
    stop_at: str | None = None
    typed: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    twin: bool = False
    """Every number that `--json` prints is to be read in the tables too."""


COPY, BRAND = "lumora-secure.example", "lumora.example"
INJECT = {"SAMELOOK_ALLOW_INJECTION": "1"}
USES: dict[str, tuple[Use, ...]] = {
    "catalogue add": (Use(f"Toy --picture {'0' * 64}", 1),),
    "catalogue forget": (Use("Toy", shows=("0 entries",)),),
    "catalogue import": (Use("{folder}/vendors.txt --name toys", shows=("1 vendor,",)),),
    "check": (
        Use(f"{COPY} {BRAND}", shows=(f"{COPY}: lock", f"{BRAND}: trusted")),
        Use("-", 0, (f"{BRAND}: trusted",), typed=f"{BRAND}\n"),
        Use("localhost", 2),
        Use(f"{BRAND} localhost", 1, (f"{BRAND}: trusted",)),
        Use(f"{BRAND} --fetch", shows=(f"{BRAND}: trusted",)),
    ),
    "compare-hma": (Use(f"{REFUSED} {{folder}}/lookups.txt --with {REFUSED}", shows=("1 lookup:",)),),
    "crawl run": (
        Use("--once --workers 2", shows=("domains → pages",)),
        Use("--once"),
        Use("--every never", 2),
        Use("--phase etl", shows=("nothing for etl to do",)),
    ),
    "db migrate": (Use(shows=("up to date",)),),
    "db shell": (Use("-- -Atc 'select 40 + 2'", shows=("42",)),),
    "crawl add": (
        Use("one.example two.example", shows=("2 domains added",)),
        Use("-", typed="one.example\n", shows=("0 domains added",)),
        Use("..", 2),
    ),
    "crawl runs": (Use(shows=("crawl", "done")),),
    "db url": (Use(), Use("--hold", stop_at="until Ctrl-C")),
    "demo": (),  # has a test of its own
    "discord register": (Use(f"--application-id 1 --token x --api-url {REFUSED}", 1),),
    "exchange add": (Use("HASHES local_file --set filename={folder}/hashes.csv --set signal_type=pdq", 1),),
    "exchange auth": (
        Use("fb_threatexchange", 1, ("There are no credentials",)),
        Use("fb_threatexchange --unset"),
    ),
    "banks list": (Use(shows=("CRAWLED_LOOKS",)),),
    "banks tables": (Use(shows=("bank_content",)),),
    "banks seed": (Use(shows=("Added SEED_SAMPLE",)), Use("", 1)),
    "banks big-seed": (
        Use("--banks 2 --hashes 10", shows=("Added 10 hashes to 2 banks.",)),
        Use("--banks 0", 2),
    ),
    "banks reset": (Use("--yes", shows=("2 banks",)),),
    "exchange export": (Use("NOTHING", 1),),
    "exchange fetch": (Use(shows=("There is no enabled exchange.",)),),
    "exchange list": (Use(shows=("There is no exchange yet",)),),
    "exchange quarantine": (Use("NOTHING", 1),),
    "exchange release": (Use("NOTHING", 1),),
    "exchange remove": (Use("NOTHING --yes"),),
    "exchange status": (Use(shows=("There is no exchange yet",)),),
    "exchange types": (Use(shows=("local_file",)),),
    "families import": (Use("{folder}/families.json", shows=("1 family,",)),),
    "hash": (
        Use("{folder}/icon.png {folder}/icons", shows=("blockhash16_quick", "png, 64x64", "pdq")),
        Use("{folder}/missing.png", 1),
        Use("https://example.org", 2),
    ),
    "icons": (
        Use(f"{BRAND} lumora-mail.example", shows=("the one that Chromium shows",)),
        Use("-", typed=f"{BRAND}\n"),
    ),
    "inspect audit": (Use(shows=("operator of the sample web",)),),
    "inspect common": (Use(),),
    "inspect errors": (Use(), Use("--kind robots_disallowed", shows=("robots_disallowed",))),
    "inspect grey": (Use(shows=("discovery_failed",)),),
    "inspect health": (Use(shows=("healthy  yes",)),),
    "inspect inject": (Use(), Use("--clear", shows=("Cleared",))),
    "inspect inject error": (
        Use(f"{BRAND} --phase icons --kind timeout", environment=INJECT, shows=("1 injected error.",)),
        Use(f"{BRAND} --phase icons --kind timeout", 1),
    ),
    "inspect inject fault": (Use("dns --share 0.1", environment=INJECT, shows=("10%",)),),
    "inspect inject result": (
        Use("lumora-mail.example --wearing lumora.example", environment=INJECT, shows=("injected icon",)),
    ),
    "inspect lists": (Use(),),
    "inspect look": (Use("{folder}/icon.png"), Use(f"https://{BRAND}/", shows=(BRAND,)), Use("zz", 1)),
    "inspect overlaps": (Use("--distance 0"), Use("--export {folder}/worn.parquet", shows=("rows of",))),
    # Behind the crawls, which would visit its domains too, and before what shows figures of four digits.
    "crawl import": (
        Use("{folder}/list.txt", shows=("2,345", "Rank is trust")),
        Use("{folder}/list.txt --unranked", shows=("2,345", "trusted no more")),
        Use("{folder}/nothing.txt", 2),
    ),
    "crawl status": (Use(shows=("pages → icons",), twin=True),),
    "inspect runs": (Use("--limit 1"),),
    "inspect queue": (Use(shows=("phases", "done"), twin=True),),
    "inspect reports": (Use(),),
    "inspect site": (
        Use(BRAND, shows=(BRAND, "favicon_mmh3")),
        Use(f"{BRAND} {COPY}", shows=(BRAND, COPY)),
        Use("-", typed=f"{COPY}\n", shows=(COPY,)),
        Use("nowhere.example", 1),
    ),
    "inspect verdicts": (Use(),),
    "keys create": (Use("dashboard --role viewer"), Use("x --role king", 2)),
    "keys list": (Use(shows=("viewer",)),),
    "keys revoke": (Use("9876", 1),),
    "keys rotate": (Use("9876", 2),),
    "reports dismiss": (Use(BRAND, shows=("0 reports",)),),
    "reports list": (Use(),),
    "serve": (Use("--port 0", shows=("Serving on",), stop_at="Serving on"), Use("--role cook", 2)),
    "settings": (Use(shows=("SAMELOOK_DATABASE_URL",)),),
    "similar": (Use("--among {folder}/icons {folder}/icon.png", shows=("1 icon of the same look",)),),
    "users add": (
        Use("anna --role curator --password-stdin", typed="a long password\n", shows=("anna can sign in",)),
        Use("bert --role king", 2),
    ),
    "users list": (Use(),),
    "users password": (Use("nobody --password-stdin", 1, typed="a long password\n"),),
    "users remove": (Use("nobody", 1, ("no user",)),),
    "site allow": (Use("partner.example --for 30d", shows=("allowed",)),),
    "site block": (Use("partner.example", shows=("blocked",)), Use("localhost", 1)),
    "site family": (Use("a-brand.example b-brand.example", shows=("one family",)),),
    "site forget": (Use("partner.example", shows=("on no list",)),),
}


@dataclass(frozen=True, slots=True)
class Filled:
    """A database with the sample web in it, files to name, and what leads to the sample web."""

    environment: dict[str, str]
    folder: Path


@pytest.fixture(scope="module")
def filled(database_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp("every-command")
    _write_files(folder)
    name = asyncio.run(database_server.create(template=database_server.template))
    url = database_server.url_of(name)
    settings = replace(load_settings({}), data_dir=folder / "data")
    with asyncio.Runner() as runner:

        async def fill() -> tuple[Any, int]:
            web = sample_web_server()
            port = await web.__aenter__()
            await crawl_sample_web(settings, url, port)
            return web, port

        web, port = runner.run(fill())
        # The sample web goes on answering while commands run.
        import threading

        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        environment = {
            "SAMELOOK_DATABASE_URL": url,
            "SAMELOOK_DATA_DIR": str(folder / "data"),
            "SAMELOOK_RESOLVE": f"*=127.0.0.1:{port}",
        }
        yield Filled(environment, folder)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        runner.run(web.__aexit__(None, None, None))
    asyncio.run(database_server.drop(name))


def _write_files(folder: Path) -> None:
    (folder / "icons").mkdir()
    for place in (folder / "icon.png", folder / "icons" / "other.png"):
        place.write_bytes(png("gearwheel", 64).data)
    (folder / "list.txt").write_text("".join(f"n{number}.example\n" for number in range(2345)))
    (folder / "vendors.txt").write_text("toys.example\tToys\n")
    (folder / "lookups.txt").write_text(f"pdq {'f' * 64}\n")
    (folder / "families.json").write_text(json.dumps([{"shared": ["lumora.example", "lumora-mail.example"]}]))


def _leaves(command: Any, *names: str) -> Iterator[str]:
    children = getattr(command, "commands", None)
    if children:
        if command.invoke_without_command and names:
            yield " ".join(names)
        for name, child in children.items():
            yield from _leaves(child, *names, name)
    else:
        yield " ".join(names)


def test_no_command_is_forgotten_here() -> None:
    assert set(_leaves(typer.main.get_command(app))) - {"discord"} == set(USES)


@pytest.mark.parametrize(
    ("command", "use"),
    [
        pytest.param(command, use, id=f"{command} {use.words}".replace("{folder}/", ""))
        for command, uses in USES.items()
        for use in uses
    ],
)
def test_at_a_terminal_it_ends_as_documented_and_nothing_is_cut(
    filled: Filled, command: str, use: Use
) -> None:
    words = [
        word.replace("{folder}", str(filled.folder))
        for word in re.findall(r"'[^']*'|\S+", f"{command} {use.words}")
    ]
    words = [word.strip("'") for word in words]
    environment = {**filled.environment, **use.environment}
    figures = list(_numbers(_json_of(words, environment))) if use.twin else []
    shown = on_terminal(words, environment, stop_at=use.stop_at, typed=use.typed)
    if use.twin:
        # Retries come due while nobody crawls. Figures only grow that way: what is the same afterwards
        # was the same in between.
        while figures != (later := list(_numbers(_json_of(words, environment)))):
            figures, shown = later, on_terminal(words, environment)
    assert shown.status == use.status, shown.text
    assert "Traceback" not in shown.text, shown.text
    # The URL of the database is there to be copied, so it stays in one piece.
    assert not [line for line in shown.too_wide if not line.startswith("postgresql:")], shown.text
    for part in use.shows:
        assert part in re.sub(r"\s*\n", " ", shown.text.replace("\r", "")), shown.text
    assert not re.search(r"\d,?…|\d,\s*\n\s*\d{3}\b", shown.text), shown.text
    for number in figures:
        # A comma within a figure separates thousands; one behind it ends it ("done 271, failed 10").
        assert re.search(rf"(?<!\d)(?<!\d,){number:,}(?!,?\d)", shown.text), (number, shown.text)


def test_help_fits_and_speaks_to_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", COLUMNS)
    # Faults on purpose are only spoken of where they are allowed.
    monkeypatch.setenv("SAMELOOK_ALLOW_INJECTION", "1")
    command = readable(typer.main.get_command(app))
    for name in USES:
        with pytest.raises(SystemExit) as ended:
            command([*name.split(), "--help"], prog_name="samelook")
        shown = capsys.readouterr().out
        assert ended.value.code == 0, shown
        assert f"samelook {name}" in shown
        # Neither `<str>` nor `<list[Path]>`: what a word stands for is said in capitals.
        assert not re.search(r"<\w", shown), shown
        assert "[[" not in shown, shown
        assert not [line for line in shown.splitlines() if cell_len(line) > COLUMNS], shown
        assert not re.search(r"Examples?: *samelook", shown), shown


def test_what_a_pipe_gets_is_neither_wrapped_nor_cut(filled: Filled) -> None:
    found = json.loads(_run(["inspect", "site", BRAND, "--json"], filled.environment))
    piped = _run(["inspect", "site", BRAND], filled.environment)
    for icon in found["icons"]:
        assert [line for line in piped.splitlines() if f" {icon['icon_url']} " in f" {line} "], piped
    icons = [json.loads(line) for line in _run(["icons", BRAND, "--json"], filled.environment).splitlines()]
    piped = _run(["icons", BRAND], filled.environment)
    assert [line.split()[-1] for line in piped.splitlines()[1:]] == [icon["final_url"] for icon in icons]


def _run(words: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "samelook", *words],
        env={**os.environ, "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _json_of(words: list[str], environment: dict[str, str]) -> Any:
    return json.loads(_run([*words, "--json"], environment))


def _numbers(value: Any) -> Iterator[int]:
    match value:
        case bool() | None | float() | str():
            return
        case int():
            yield value
        case dict():
            for key, one in value.items():
                if key not in {"pid", "status"}:
                    yield from _numbers(one)
        case list():
            for one in value:
                yield from _numbers(one)
