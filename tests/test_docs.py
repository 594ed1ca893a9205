"""What the documentation says is what the program does."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

import samelook.crawler as crawler_room
from samelook.cli import app
from samelook.crawler.errors import CrawlError
from samelook.hashing.errors import LEAVES
from samelook.hashing.table import SIGNALS
from samelook.settings import settings_page

ROOT = Path(__file__).parents[1]
DOCS = sorted(ROOT.glob("docs/*.md"))


def crawl_errors() -> set[type[CrawlError]]:
    for module in pkgutil.walk_packages(crawler_room.__path__, "samelook.crawler."):
        importlib.import_module(module.name)

    def leaves(root: type[CrawlError]) -> set[type[CrawlError]]:
        return {root}.union(*map(leaves, root.__subclasses__()))

    return {error for error in leaves(CrawlError) if error.__module__.startswith("samelook.crawler.")}


def test_the_settings_page_is_current() -> None:
    assert (ROOT / "docs/settings.md").read_text().strip() == settings_page().strip()


def test_every_kind_of_error_is_documented() -> None:
    text = (ROOT / "docs/errors.md").read_text()
    kinds = {error.kind for error in crawl_errors()} | set(LEAVES)
    missing = {kind for kind in kinds if f"`{kind}`" not in text}
    assert missing <= {"crawl_error", "fetch_failed"}, missing  # roots that are never raised themselves


def test_every_signal_is_documented_with_its_radii() -> None:
    text = (ROOT / "docs/signals.md").read_text()
    for signal in SIGNALS.values():
        name = f"`{signal.name}`{' (optional)' if signal.optional else ''}"
        banks = "equal" if signal.bank_radius is None else f"{signal.bank_radius} bits"
        near = "" if signal.look_alike_radius is None else f"{signal.look_alike_radius} bits"
        head, tail = f"| {name} | {signal.bits} | ", f" | {banks} | {near} | {signal.summary} |"
        assert re.search(f"{re.escape(head)}[^|]+{re.escape(tail)}", text), signal.name


def commands_in(text: str) -> set[str]:
    """`samelook …` invocations in indented code blocks."""
    return set(re.findall(r"^ +(?:\$ )?(?:\S*/)?samelook ([a-z][a-z -]*)", text, re.MULTILINE))


def test_commands_in_the_documentation_exist() -> None:
    group = typer.main.get_command(app)
    for page in [ROOT / "README.md", *DOCS]:
        for words in commands_in(page.read_text()):
            command: object = group
            for word in words.split():
                subcommands = getattr(command, "commands", None)
                if subcommands is None:
                    break
                assert word in subcommands, f"{page.name}: samelook {words}"
                command = subcommands[word]


def test_every_command_is_in_the_documentation() -> None:
    text = "\n".join(page.read_text() for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS])
    group = typer.main.get_command(app)
    for name, command in getattr(group, "commands", {}).items():
        assert f"samelook {name}" in text, name
        for inner in getattr(command, "commands", {}):
            assert f"{name} {inner}" in text, f"{name} {inner}"


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS], ids=lambda page: page.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_help_teaches_at_every_level() -> None:
    runner = CliRunner()
    group = typer.main.get_command(app)

    def visit(words: list[str], command: object) -> None:
        # Injection is off without the variable, and says so before it helps.
        result = runner.invoke(app, [*words, "--help"], env={"SAMELOOK_ALLOW_INJECTION": "1"})
        assert result.exit_code == 0, words
        for name, inner in getattr(command, "commands", {}).items():
            visit([*words, name], inner)

    visit([], group)


def test_click_is_what_typer_uses() -> None:
    """`commands_in` walks click's groups; a typer without click would make the walk empty."""
    assert getattr(typer.main.get_command(app), "commands", None), click.__version__


def test_files_and_functions_that_the_architecture_names_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text() + (ROOT / "docs/contributing.md").read_text()
    named = re.findall(r"`([\w/]+\.(?:py|sql))(?:: (\w+))?`", text)
    assert len(named) > 20
    for path, function in named:
        assert (ROOT / path).is_file(), path
        if function:
            assert re.search(rf"\bdef {function}\b|^{function}\b", (ROOT / path).read_text(), re.MULTILINE), (
                function
            )
    rooms = {link.name for link in (ROOT / "samelook").iterdir() if link.is_symlink()}
    assert all(room in text for room in rooms)


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split())
    assert targets
    assert targets == set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
