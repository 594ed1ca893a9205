from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from samelook.commands.similar import similar

KEYS = {"file", "form", "pdq", "colour", "rule", "version"}


@pytest.fixture
def command() -> typer.Typer:
    app = typer.Typer()
    app.command()(similar)
    return app


def sign(colour: str, shape: str) -> Image.Image:
    image = Image.new("RGBA", (64, 64))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, 63, 63), 12, fill=colour)
    if shape == "bars":
        draw.rectangle((14, 12, 24, 52), fill="white")
        draw.rectangle((36, 30, 52, 40), fill="white")
    else:
        draw.polygon((8, 50, 30, 12, 44, 50), fill="white")
        draw.ellipse((38, 10, 54, 26), fill="yellow")
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two brands, one of them in a folder of its own, and a hidden file."""
    folder = tmp_path / "among"
    (folder / "deeper").mkdir(parents=True)
    sign("#2040c0", "bars").save(folder / "bars.png")
    sign("#107040", "hill").save(folder / "deeper" / "hill.png")
    (folder / ".hidden").write_bytes(b"not an image")
    return folder


def test_a_line_for_each_icon_with_who_has_its_look(
    command: typer.Typer, folder: Path, tmp_path: Path
) -> None:
    small, other = tmp_path / "small.ico", tmp_path / "other.png"
    sign("#107040", "hill").save(small, sizes=[(32, 32), (16, 16)])
    sign("#c02020", "hill").save(other)
    result = CliRunner().invoke(command, ["--json", "--among", str(folder), str(small), str(other)])
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["file"] for line in lines] == [str(small), str(other)]
    (match,) = lines[0]["matches"]
    assert set(match) == KEYS
    assert match["file"] == str(folder / "deeper" / "hill.png")
    assert match["form"] in {"plain", "trimmed", "trimmed_grey", "keyed"}
    assert match["pdq"] <= 54
    assert lines[1]["matches"] == []


def test_an_icon_of_the_folder_finds_itself(command: typer.Typer, folder: Path) -> None:
    result = CliRunner().invoke(command, ["--json", "--rule", "strict", "--among", str(folder), str(folder)])
    for line in map(json.loads, result.stdout.splitlines()):
        assert [match["file"] for match in line["matches"]] == [line["file"]]
        assert (line["matches"][0]["pdq"], line["matches"][0]["colour"]) == (0, 0)


def test_bad_files_are_reported_and_nothing_else_is_lost(
    command: typer.Typer, folder: Path, tmp_path: Path
) -> None:
    (folder / "page.png").write_text("<!doctype html>", encoding="utf-8")
    (folder / "torn.png").write_bytes((folder / "bars.png").read_bytes()[:40])
    probes = [str(folder / "bars.png"), str(tmp_path / "missing.png"), str(folder / "deeper" / "hill.png")]
    result = CliRunner().invoke(command, ["--json", "--among", str(folder), *probes])
    assert result.exit_code == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [len(line["matches"]) for line in lines] == [1, 0, 1]
    assert lines[1]["error"]["kind"] == "unreadable"
    for name in ("page.png", "torn.png", "missing.png"):
        assert sum(name in line for line in result.stderr.splitlines()) == 1, name


def test_a_blank_icon_is_like_nothing(command: typer.Typer, folder: Path) -> None:
    Image.new("RGB", (32, 32), "white").save(folder / "blank.png")
    result = CliRunner().invoke(command, ["--json", "--among", str(folder), str(folder / "blank.png")])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["matches"] == []


def test_wider_rules_find_more(command: typer.Typer, folder: Path, tmp_path: Path) -> None:
    changed = Image.new("RGBA", (88, 88), "white")
    changed.alpha_composite(sign("#2844b8", "bars"), (12, 12))
    changed.convert("RGB").save(tmp_path / "changed.jpg", quality=90)
    found = {}
    for rule in ("strict", "standard", "wide"):
        result = CliRunner().invoke(
            command, ["--json", "--rule", rule, "--among", str(folder), str(tmp_path / "changed.jpg")]
        )
        found[rule] = {match["file"] for match in json.loads(result.stdout)["matches"]}
    assert found["strict"] <= found["standard"] <= found["wide"] == {str(folder / "bars.png")}


def test_people_get_lines_they_can_read(command: typer.Typer, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    sign("#c02020", "bars").save(other)
    result = CliRunner().invoke(command, ["--among", str(folder), str(folder / "bars.png"), str(other)])
    assert result.exit_code == 0
    assert f"{folder / 'bars.png'}: 1 icon of the same look" in result.stdout
    assert f"{other}: no icons of the same look" in result.stdout
    assert "2 icons in" in result.stderr
    assert "Reading" not in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["x.png"],
        ["--among", "missing", "x.png"],
        ["--among", "."],
        ["--rule", "loose", "--among", ".", "x.png"],
        ["--pictures", "here", "--among", ".", "x.png"],
    ],
    ids=["no folder", "a folder that is not there", "no icon", "an unknown rule", "pictures of looks"],
)
def test_bad_usage(command: typer.Typer, arguments: list[str]) -> None:
    assert CliRunner().invoke(command, arguments).exit_code == 2


def test_the_same_mark_is_found_in_other_colours(command: typer.Typer, folder: Path, tmp_path: Path) -> None:
    """What has the look comes first, as under the widest rule of looks; then what shows the mark."""
    red, same = tmp_path / "red.png", tmp_path / "same.png"
    sign("#c02020", "hill").save(red)
    sign("#107040", "hill").save(same)
    arguments = ["--rule", "mark", "--among", str(folder), str(red), str(same)]
    pictures = tmp_path / "pictures"
    result = CliRunner().invoke(command, ["--json", "--pictures", str(pictures), *arguments])
    assert result.exit_code == 0
    (marked,), (alike,) = (json.loads(line)["matches"] for line in result.stdout.splitlines())
    assert set(marked) == {"file", "form", "rule", "version", "cosine", "points", "picture"}
    shown = np.asarray(Image.open(marked["picture"]).convert("RGB"))
    assert [Path(marked["picture"])] == list(pictures.iterdir())
    together = shown[:, 2 * shown.shape[0] :].astype(np.int64).sum(axis=(0, 1))
    assert together[1] > 5 * (together[0] + together[2])
    assert (marked["rule"], Path(marked["file"]).name) == ("mark", "hill.png")
    assert (alike["rule"], set(alike)) == ("strict", KEYS)
    table = CliRunner().invoke(command, arguments).stdout
    assert "red.png: 1 icon of the same mark" in table
