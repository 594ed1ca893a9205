"""Test suites of others, drawn here, by Chromium, and by who wrote them.

    python -m bench.suites --resvg FOLDER [--text] [--each]
    python -m bench.suites --css FOLDER… [--each]

`--resvg` is the folder `crates/resvg/tests/tests` of resvg's repository: each SVG has its author's drawing
by its side. A file counts as right when it is within eight grey levels of that drawing or of what Chromium
draws here: the two do not always agree, and visitors see Chromium's. Files under `text` are left out without
`--text`, because their drawings are in fonts of their own.

`--css` are folders with tests of web-platform-tests (css/css-color, css/css-values), as they are or as
others have copied them: every string in them that is a colour, or reckons a number, a length or an angle,
is a cell of a sheet that both draw; what one of them takes for a mistake keeps the cell as it was.
"""

from __future__ import annotations

import argparse
import html
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.pictures import LEVELS, drawn_by_chromium, levels_apart
from samelook.hashing.decode import decode_frames
from samelook.hashing.errors import HashingError

_BATCH = 200
_CELLS_A_ROW, _CELL_PX = 16, 16
_CELL_LEVELS = 4
_STRING = re.compile(r"'((?:[^'\\\n]|\\.)*)'|\"((?:[^\"\\\n]|\\.)*)\"|`([^`$\\]*)`")
_COLOUR = re.compile(
    r"\s*(?:(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch|color|color-mix|light-dark|alpha)\(|#|[a-z]+\s*\Z)",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"\s*(?:calc|min|max|clamp|round|mod|rem|a?sin|a?cos|a?tan2?|pow|sqrt|hypot|log|exp|abs|sign)\(",
    re.IGNORECASE,
)  # fmt: skip
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Drawn:
    """How our decoder read one file of a suite: its pixels, or why it refused the file."""

    pixels: Pixels | None
    refused: str = ""
    """The kind of the error with which the file was refused; empty where it was drawn."""


def drawn_here(data: bytes) -> Drawn:
    try:
        return Drawn(decode_frames(data)[0].rgba)
    except HashingError as error:
        return Drawn(None, error.kind)


def _scaled(pixels: Pixels, like: Pixels) -> Pixels:
    size = (like.shape[1], like.shape[0])
    return np.array(Image.fromarray(pixels, "RGBA").resize(size, Image.Resampling.BOX, reducing_gap=None))


def _apart(ours: Pixels, right: Pixels) -> float:
    """In grey levels, on white; the right drawing is brought to the size of ours."""
    shape = abs(ours.shape[0] / ours.shape[1] - right.shape[0] / right.shape[1])
    return 255.0 if shape > 0.02 else levels_apart(ours, _scaled(right, ours))


def judged(ours: Drawn, chromium: Pixels | None, author: Pixels | None) -> str:
    """ "right", "told" (refused with a reason), "neither" or "wrong", with the distance."""
    if ours.pixels is None:
        shows = chromium is not None and bool(chromium[..., 3].any())
        return "told" if shows else "neither shows it"
    if chromium is None:
        return "wrong: Chromium shows nothing"
    pixels = ours.pixels
    by_chromium = _apart(pixels, chromium)
    by_author = 255.0 if author is None else _apart(pixels, author)
    if min(by_chromium, by_author) <= LEVELS:
        return "right" if by_chromium <= LEVELS else f"right, Chromium differs by {by_chromium:.0f}"
    return f"wrong: {by_chromium:.0f} from Chromium, {by_author:.0f} from the author"


def _chromium_of(files: Sequence[Path]) -> Iterator[tuple[Path, bytes, Pixels | None]]:
    for start in range(0, len(files), _BATCH):
        batch = {str(file): file.read_bytes() for file in files[start : start + _BATCH]}
        for name, picture in drawn_by_chromium(batch).items():
            yield Path(name), batch[name], picture


def resvg(folder: Path, *, text: bool, each: bool) -> None:
    """Compares the SVGs of resvg's suite and prints a line a group, and what is wrong."""
    files = [
        file for file in sorted(folder.rglob("*.svg")) if text or file.relative_to(folder).parts[0] != "text"
    ]
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    wrong: list[str] = []
    for file, data, chromium in _chromium_of(files):
        right = file.with_suffix(".png")
        author = np.array(Image.open(right).convert("RGBA")) if right.exists() else None
        ours = drawn_here(data)
        said = judged(ours, chromium, author)
        kind = said.partition(":")[0].partition(",")[0]
        group = groups[file.relative_to(folder).parts[0]]
        group[kind] += 1
        group["by the author"] += (
            author is not None and ours.pixels is not None and _apart(ours.pixels, author) <= LEVELS
        )
        group["author and Chromium"] += (
            author is not None and chromium is not None and _apart(chromium, author) <= LEVELS
        )
        if kind == "wrong" or (each and kind != "right") or (each and "," in said):
            wrong.append(f"{file.relative_to(folder)}: {said} {ours.refused}")
    print(*wrong, sep="\n")
    total: Counter[str] = Counter()
    for name, group in sorted(groups.items()):
        total += group
        print(f"{name:14}", _counted(group))
    print(f"{'all':14}", _counted(total))


def _counted(group: Counter[str]) -> str:
    kinds = ("right", "told", "neither shows it", "wrong")
    words = [f"{group[kind]} {kind}" for kind in kinds]
    count = sum(group[kind] for kind in kinds)
    return (
        f"{count} files: {', '.join(words)}; within {LEVELS:g} levels of the author {group['by the author']}"
        f" (Chromium {group['author and Chromium']})"
    )


def _strings(folder: Path) -> Iterator[str]:
    for file in sorted((*folder.rglob("*.html"), *folder.rglob("*.mjs"), *folder.rglob("*.js"))):
        for found in _STRING.finditer(file.read_text("utf-8", "replace")):
            yield next(filter(None, found.groups()), "")


def _sheet(cells: Sequence[str]) -> bytes:
    rows = -(-len(cells) // _CELLS_A_ROW)
    width, height = _CELLS_A_ROW * _CELL_PX, rows * _CELL_PX
    drawn = "".join(
        f'<svg x="{at % _CELLS_A_ROW * _CELL_PX}" y="{at // _CELLS_A_ROW * _CELL_PX}" width="{_CELL_PX}"'
        f' height="{_CELL_PX}">{cell}</svg>'
        for at, cell in enumerate(cells)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}">{drawn}</svg>'
    ).encode()


def _colour_cells(value: str) -> list[str]:
    return [f'<rect width="16" height="16" style="fill:#0a0;fill:{html.escape(value)}"/>']


def _value_cells(value: str) -> list[str]:
    safe = html.escape(value)
    bar = '<rect height="16" style="width:3px;width:{}"/>'
    return [
        bar.format(f"calc({safe} * 1px)"),
        bar.format(safe),
        f'<rect x="7" width="2" height="16" style="transform-origin:8px 8px;transform:rotate({safe})"/>',
    ]


def css(folders: Sequence[Path], *, each: bool) -> None:
    """Compares the cells that the strings of the tests make, and prints those that differ."""
    found = dict.fromkeys(text for folder in folders for text in _strings(folder))
    ways: tuple[tuple[str, re.Pattern[str], Callable[[str], list[str]]], ...] = (
        ("colours", _COLOUR, _colour_cells),
        ("values", _VALUE, _value_cells),
    )
    for name, pattern, cells_of in ways:
        values = [value for value in found if pattern.match(value) and ";" not in value and "$" not in value]
        cells = [(value, cell) for value in values for cell in cells_of(value)]
        differing: list[str] = []
        a_sheet = _CELLS_A_ROW * _CELLS_A_ROW
        for start in range(0, len(cells), a_sheet):
            part = cells[start : start + a_sheet]
            sheet = _sheet([cell for _, cell in part])
            theirs = drawn_by_chromium({"sheet.svg": sheet})["sheet.svg"]
            ours = drawn_here(sheet)
            if theirs is None or ours.pixels is None:
                differing += [f"{value}: the sheet is not drawn: {ours.refused}" for value, _ in part]
                continue
            for at, (value, _) in enumerate(part):
                left, top = at % _CELLS_A_ROW * _CELL_PX, at // _CELLS_A_ROW * _CELL_PX
                places = (slice(top, top + _CELL_PX), slice(left, left + _CELL_PX))
                apart = levels_apart(ours.pixels[places], theirs[places])
                if apart > _CELL_LEVELS:
                    middle = (top + 8, left + 8)
                    we, they = (tuple(map(int, pixels[middle])) for pixels in (ours.pixels, theirs))
                    differing.append(f"{value}: {apart:.0f} levels (we {we}, Chromium {they})")
        for line in differing if each else differing[:100]:
            print(line)
        print(f"{name}: {len(cells) - len(differing)} of {len(cells)} cells alike ({len(values)} strings)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--resvg", type=Path, metavar="FOLDER")
    parser.add_argument("--text", action="store_true", help="With the files under `text`.")
    parser.add_argument("--css", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--each", action="store_true", help="Print everything that is not simply right.")
    options = parser.parse_args()
    if options.resvg:
        resvg(options.resvg, text=options.text, each=options.each)
    if options.css:
        css(options.css, each=options.each)


if __name__ == "__main__":
    main()
