from __future__ import annotations

import pytest

from samelook.crawler.discovery.candidates import IconCandidate, Source
from samelook.crawler.discovery.displayed import Scheme, displayed_icon, media_matches


def icon(name: str, order: int = 0, *, source: Source = "link-icon", **said: str) -> IconCandidate:
    return IconCandidate(url=f"https://x.example/{name}", declared=name, source=source, order=order, **said)


FAVICON = icon("/favicon.ico", source="well-known")


def shown(*icons: IconCandidate, broken: tuple[str, ...] = (), scheme: Scheme = "light") -> str | None:
    usable = {candidate.url for candidate in icons if candidate.declared not in broken}
    found = displayed_icon(icons, usable, scheme)
    return found.declared if found else None


def test_the_last_declared_wins_a_tie() -> None:
    assert shown(icon("a", 0), icon("b", 1), FAVICON) == "b"
    assert shown(icon("a", 0, sizes="32x32"), icon("b", 1, sizes="32x32")) == "b"


def test_an_unusable_icon_gives_way_to_the_next() -> None:
    assert shown(icon("a", 0), icon("b", 1), broken=("b",)) == "a"


def test_the_default_path_counts_only_without_links() -> None:
    touch = icon("t", source="apple-touch-icon")
    assert shown(touch, FAVICON) == "/favicon.ico"
    assert shown(touch, FAVICON, broken=("/favicon.ico",)) is None
    assert shown(icon("a"), FAVICON, broken=("a",)) is None


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (("16x16", "32x32", "180x180"), 1),
        (("16x16", "48x48", "180x180"), 1),
        (("16x16", "24X24"), 1),
        (("16x16 32x32 48x48", "180x180"), 0),
        (("any", "16x16"), 0),
        (("", "16x16"), 0),
        (("", "any"), 1),
        (("0x0", "16x16"), 0),
        (("32", "64x64"), 0),
    ],
)
def test_sizes_decide_by_fitness(sizes: tuple[str, ...], expected: int) -> None:
    icons = [icon(str(order), order, sizes=size) for order, size in enumerate(sizes)]
    assert shown(*icons) == str(expected)


def test_media_chooses_by_colour_scheme() -> None:
    light = icon("light", 0, media="(prefers-color-scheme: light)")
    dark = icon("dark", 1, media="(prefers-color-scheme:dark)")
    assert shown(light, dark) == "light"
    assert shown(light, dark, scheme="dark") == "dark"


def test_unsupported_types_and_stencils_are_passed_over() -> None:
    assert shown(icon("a", 0), icon("b", 1, type="image/jxl")) == "a"
    assert shown(icon("a", 0), icon("b", 1, type="image/svg+xml; charset=utf-8")) == "b"
    assert shown(icon("a", 0), icon("b", 1, purpose="monochrome")) == "a"


@pytest.mark.parametrize(
    ("media", "light"),
    [
        ("", True),
        ("all", True),
        ("screen", True),
        ("print", False),
        ("print, screen", True),
        ("not all and (prefers-color-scheme: light)", False),
        ("not all and (prefers-color-scheme: dark)", True),
        ("(min-width: 1px) and (prefers-color-scheme: dark)", False),
        ("(prefers-color-scheme: dark), (prefers-color-scheme: light)", True),
        ("nonsense(", True),
    ],
)
def test_media_queries(media: str, *, light: bool) -> None:
    assert media_matches(media, "light") is light
