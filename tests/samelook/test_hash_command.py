from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from samelook.commands.hash import hash_files
from samelook.hashing.signals import hash_bytes
from samelook.hashing.table import DEFAULT_NAMES


@pytest.fixture
def command() -> typer.Typer:
    app = typer.Typer()
    app.command()(hash_files)
    return app


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    path = tmp_path / "logo.ico"
    Image.new("RGB", (32, 32), (200, 30, 60)).save(path, "ICO", sizes=[(16, 16), (32, 32)])
    return path


def test_one_json_object_a_line_in_the_order_given(command: typer.Typer, logo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    Image.new("L", (20, 10), 9).save(other)
    result = CliRunner().invoke(command, ["--json", str(other), str(logo), str(other)])
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["file"] for line in lines] == [str(other), str(logo), str(other)]
    assert lines[1] == {
        "file": str(logo),
        "width": 32,
        "height": 32,
        "format": "ico",
        "frames": 2,
        "hashed_frame": "largest",
        "signals": hash_bytes(logo.read_bytes()).signals,
    }


def test_json_says_how_many_frames_there_are_and_which_was_hashed(
    command: typer.Typer, logo: Path, tmp_path: Path
) -> None:
    still, moving = tmp_path / "still.png", tmp_path / "moving.gif"
    shades = [Image.new("L", (8, 8), shade) for shade in (0, 90, 180)]
    shades[0].save(still)
    shades[0].save(moving, save_all=True, append_images=shades[1:])
    result = CliRunner().invoke(command, ["--json", str(logo), str(still), str(moving)])
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["frames"], line["hashed_frame"]) for line in lines] == [
        (2, "largest"),
        (1, "only"),
        (3, "first"),
    ]


def test_a_file_that_is_no_image_is_reported_and_the_others_are_hashed(
    command: typer.Typer, logo: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!doctype html>", encoding="utf-8")
    missing = tmp_path / "missing.png"
    result = CliRunner().invoke(command, ["--json", str(page), str(missing), str(logo)])
    assert result.exit_code == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    kinds = [line.get("error", {}).get("kind") for line in lines]
    assert kinds == ["not_an_image", "unreadable", None]
    assert lines[0] == {
        "file": str(page),
        "error": {"kind": "not_an_image", "message": "The bytes begin like no image format."},
    }


def test_people_get_a_table_and_errors_apart(command: typer.Typer, logo: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(logo), str(tmp_path / "missing")])
    assert result.exit_code == 1
    assert "ico, 32x32, the largest of 2 frames" in result.stdout
    assert all(name in result.stdout for name in DEFAULT_NAMES)
    assert "cannot be read" in result.stderr
    assert "cannot be read" not in result.stdout


def test_a_picture_can_come_from_standard_input(command: typer.Typer, logo: Path) -> None:
    result = CliRunner().invoke(command, ["--json", "-"], input=logo.read_bytes())
    assert json.loads(result.stdout)["signals"] == hash_bytes(logo.read_bytes()).signals


def test_a_folder_stands_for_its_files(command: typer.Typer, logo: Path) -> None:
    (logo.parent / ".hidden").write_bytes(b"")
    result = CliRunner().invoke(command, ["--json", str(logo.parent)])
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == [str(logo)]
    assert result.exit_code == 0


def test_a_url_is_no_file_and_says_who_fetches(command: typer.Typer) -> None:
    result = CliRunner().invoke(command, ["https://example.org/favicon.ico"])
    assert result.exit_code == 2
    assert "samelook icons" in " ".join(result.output.replace("│", " ").split())


def test_no_file_is_bad_usage(command: typer.Typer) -> None:
    assert CliRunner().invoke(command, ["--json"]).exit_code == 2
