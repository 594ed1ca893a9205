from __future__ import annotations

from dataclasses import replace

import pytest

from samelook.crawler.discovery.candidates import IconCandidate, Source
from samelook.crawler.discovery.displayed import (
    SCALABLE,
    Sizes,
    displayed_by,
    displayed_icon,
    firefox_order,
)
from samelook.crawler.discovery.media import Scheme, media_matches


def icon(name: str, order: int = 0, *, source: Source = "link-icon", **said: str) -> IconCandidate:
    found = IconCandidate(f"https://x.example/{name}", name, source, order=order)
    return replace(found, **said)  # type: ignore[arg-type]  # only texts are given


FAVICON = icon("/favicon.ico", source="well-known")


def shown(
    *icons: IconCandidate,
    broken: tuple[str, ...] = (),
    scheme: Scheme = "light",
    pictures: dict[str, Sizes] | None = None,
    unusable_link: bool = False,
) -> str | None:
    """What is shown where pictures have the size that their links declare, else 48 pixels."""
    sizes: dict[str, Sizes] = {}
    for candidate in icons:
        edge = int(candidate.sizes.split("x")[0]) if candidate.sizes[:1].isdigit() else 48
        if candidate.declared not in broken:
            sizes[candidate.url] = (pictures or {}).get(candidate.declared, ((edge, edge),))
    found = displayed_icon(icons, sizes, unusable_link=unusable_link, scheme=scheme)
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
        (("16x16", "48x48", "180x180"), 0),
        (("24x24", "48x48"), 1),
        (("16x16 32x32 48x48", "180x180"), 0),
        (("", "16x16"), 1),
        (("16x16", ""), 0),
        (("", ""), 1),
        (("24x24", "any"), 1),
        (("any", "8x8"), 0),
        (("512x512", "8x8"), 1),
    ],
)
def test_sizes_decide_as_chromium_weighs_them(sizes: tuple[str, ...], expected: int) -> None:
    icons = [icon(str(order), order, sizes=size) for order, size in enumerate(sizes)]
    assert shown(*icons) == str(expected)


@pytest.mark.parametrize("other", ["", "8x8", "16x16", "32x32", "48x48", "any"])
@pytest.mark.parametrize("said", ["", "any"])
def test_a_drawing_without_sizes_counts_as_any(said: str, other: str) -> None:
    drawing, picture = icon("a.svg", 0, sizes=said), icon("b.png", 1, sizes=other)
    assert shown(drawing, picture, pictures={"a.svg": SCALABLE}) == "a.svg"


def test_a_link_that_leads_nowhere_keeps_the_default_path_away() -> None:
    assert shown(FAVICON, unusable_link=True) is None
    assert shown(icon("a", media="print"), FAVICON) == "/favicon.ico"


def test_links_behind_the_head_are_not_looked_at() -> None:
    assert shown(replace(icon("a"), in_head=False), FAVICON) == "/favicon.ico"


def test_media_chooses_by_colour_scheme() -> None:
    light = icon("light", 0, media="(prefers-color-scheme: light)")
    dark = icon("dark", 1, media="(prefers-color-scheme:dark)")
    assert shown(light, dark) == "light"
    assert shown(light, dark, scheme="dark") == "dark"


def test_what_type_says_filters_nothing() -> None:
    for declared in ("image/jxl", "text/html", "junk"):
        assert shown(icon("a", 0), icon("b", 1, type=declared)) == "b"


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
        ("nonsense(", False),
        ("foo bar baz", False),
        ("not screen", False),
        ("not print", True),
        ("not (prefers-color-scheme: dark)", True),
        ("(not (prefers-color-scheme: light))", False),
        ("((prefers-color-scheme: light))", True),
        ("(prefers-color-scheme: dark) or (prefers-color-scheme: light)", True),
        ("only screen and (prefers-color-scheme: light)", True),
        ("(prefers-color-scheme: no-preference)", False),
        ("(prefers-color-scheme)", True),
        ("(max-width: 10px)", False),
        ("(min-width: 99999px)", False),
        ("(min-width: 30em)", True),
        ("(width >= 600px)", True),
        ("(width < 600px)", False),
        ("(400px <= width <= 4000px)", True),
        ("(min-width: calc(10cm + 1px)) /* c */ and (aspect-ratio: 16 / 9)", True),
        ("(min-width: 100)", False),
        ("(color: 8) and (hover) and (monochrome: 0) and (color-gamut: srgb)", True),
        ("screen and (hover) or (color)", False),
        ("\\73 creen", True),
        ("(min-resolution: 2dppx)", False),
        ("(-webkit-min-device-pixel-ratio: 2)", False),
        ("(monochrome)", False),
        ("(foo: bar)", False),
        ("not (foo: bar)", False),
        ("(" * 500, False),
    ],
)
def test_media_queries(media: str, *, light: bool) -> None:
    assert media_matches(media, "light") is light


def in_firefox(*icons: IconCandidate, **more: bool) -> str | None:
    found = firefox_order(icons, **more)
    return found[0].declared if found else None


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        # As Firefox 153 chose when it was shown these pages: the last of equals, by what links say alone.
        ((("a.png", ""), ("b.png", "")), "b.png"),
        ((("a.svg", ""), ("b.png", "16x16")), "a.svg"),
        ((("a.png", "16x16"), ("b.ico", "")), "a.png"),
        ((("a.png", ""), ("b.ico", ""), ("c.png", "")), "b.ico"),
        ((("a.png", "64x64"), ("b.png", "48x48"), ("c.png", "")), "b.png"),
        ((("a.png", "32x32"), ("b.png", "any 16x16")), "a.png"),
        ((("a.png", "8x8"), ("b.png", "512x512")), "b.png"),
    ],
)
def test_firefox_chooses_by_what_links_say(links: tuple[tuple[str, str], ...], expected: str) -> None:
    icons = [icon(name, order, sizes=sizes) for order, (name, sizes) in enumerate(links)]
    assert in_firefox(*icons, FAVICON) == expected


def test_firefox_takes_links_behind_the_head_before_those_of_the_head() -> None:
    behind = replace(icon("behind", 1), in_head=False)
    assert in_firefox(icon("a.svg"), behind) == "behind"
    assert [found.declared for found in firefox_order([behind, FAVICON])] == ["behind", "/favicon.ico"]
    assert in_firefox(FAVICON, unusable_link=True) is None
    assert in_firefox(replace(icon("a"), tab_icon_of=frozenset({"chromium"})), FAVICON) == "/favicon.ico"


def test_each_browser_shows_its_own() -> None:
    icons = [icon("a.ico", 0), icon("b.png", 1)]
    sizes: dict[str, Sizes] = {one.url: ((16, 16),) for one in icons}
    assert displayed_by(icons, sizes) == {"chromium": icons[1], "firefox": icons[0]}
    assert displayed_by(icons, sizes, other_statuses={icons[1].url})["chromium"] == icons[0]
    assert displayed_by(icons, {icons[1].url: ((16, 16),)})["firefox"] is None
