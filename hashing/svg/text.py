"""Text of an SVG: which of the fonts of the package each character is drawn with.

The same bytes must look the same on every machine, so no font of the system is used. Families that people
name are mapped to fonts of the same widths (Arial and Helvetica to Arimo, Times to Tinos, Courier to
Cousine), and what those lack comes from DejaVu Sans and, for emoji, from Noto Color Emoji.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "fonts"
SANS, SERIF, MONO, SYMBOLS, EMOJI = "Arimo", "Tinos", "Cousine", "DejaVu Sans", "Noto Color Emoji"
FILES: Final[dict[str, tuple[str, ...]]] = {
    SANS: (
        "Arimo_400Regular.ttf",
        "Arimo_400Regular_Italic.ttf",
        "Arimo_700Bold.ttf",
        "Arimo_700Bold_Italic.ttf",
    ),
    SERIF: (
        "Tinos_400Regular.ttf",
        "Tinos_400Regular_Italic.ttf",
        "Tinos_700Bold.ttf",
        "Tinos_700Bold_Italic.ttf",
    ),
    MONO: ("Cousine_400Regular.ttf", "Cousine_700Bold.ttf"),
    SYMBOLS: ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    EMOJI: ("NotoColorEmoji.ttf",),
}
_FAMILIES: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            "sans-serif", "system-ui", "ui-sans-serif", "ui-rounded", "-apple-system", "blinkmacsystemfont",
            "arial", "arial black", "helvetica", "helvetica neue", "segoe ui", "inter", "roboto", "verdana",
            "tahoma", "open sans", "noto sans", "ubuntu", "cantarell", "oxygen", "lato", "montserrat",
            "poppins",
            "sf pro", "sf pro display", "sf pro text", "trebuchet ms", "lucida grande", "calibri", "geneva",
            "liberation sans", "arimo", "source sans pro", "nunito", "raleway", "work sans", "dm sans",
            "geist", "fira sans", "gill sans", "futura", "avenir", "avenir next", "impact", "century gothic",
            "comic sans ms", "cursive", "fantasy", "helveticaneue", "arialmt", "arial-boldmt",
        ),
        SANS,
    ),
    **dict.fromkeys(
        (
            "serif", "ui-serif", "georgia", "times", "times new roman", "cambria", "garamond", "palatino",
            "palatino linotype", "book antiqua", "baskerville", "didot", "playfair display", "merriweather",
            "noto serif", "liberation serif", "tinos", "eb garamond", "lora", "timesnewromanpsmt", "math",
        ),
        SERIF,
    ),
    **dict.fromkeys(
        (
            "monospace", "ui-monospace", "courier", "courier new", "consolas", "menlo", "monaco", "sf mono",
            "sfmono-regular", "fira code", "jetbrains mono", "source code pro", "ibm plex mono",
            "liberation mono", "cousine", "roboto mono", "geist mono", "lucida console", "ubuntu mono",
        ),
        MONO,
    ),
    **dict.fromkeys(("emoji", "apple color emoji", "segoe ui emoji", "noto color emoji"), EMOJI),
    **dict.fromkeys(("dejavu sans", "segoe ui symbol", "apple symbols"), SYMBOLS),
}  # fmt: skip
# Emoji that are pictures without being told so (Emoji_Presentation of Unicode 17), below U+1F000.
_PICTURES: Final = (
    "\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab"
    "\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c"
    "\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55\U0001f004\U0001f0cf\U0001f18e"
    "\U0001f191-\U0001f19a\U0001f201\U0001f21a\U0001f22f\U0001f232-\U0001f236\U0001f238-\U0001f23a\U0001f250"
    "\U0001f251\U0001f300-\U0001faff"
)
_ONE: Final = (
    f"(?:[{_PICTURES}]\ufe0f?|[\xa9\xae\u2000-\u3300\U0001f000-\U0001faff]\ufe0f)[\U0001f3fb-\U0001f3ff]?"
)
_TAGS: Final = "[\U000e0020-\U000e007f]*"
_EMOJI: Final = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}|[0-9#*]\ufe0f?\u20e3|"
    f"{_ONE}{_TAGS}(?:\u200d(?:{_ONE}|[\u2000-\u3300\U0001f000-\U0001faff]\ufe0f?){_TAGS})*"
)
# Glyphs that lay one picture into another (PaintComposite of COLR, SRC_IN), as the flags of countries do: the
# renderer draws a dark box.
_SHADED: Final = frozenset("⚠🎛🎟🎫👓💻📜📠📦📰🕰🖥🗒🗞🚸🛼🦎🩲🪢🪦")
_FLAG_LETTERS: Final = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
_NO_GLYPH: Final = re.compile(
    r"[\s\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0020-\U000e007f]"
)


def family_of(text: str) -> str:
    """The font for the first family of a list that is known; a browser's default is a serif."""
    for name in text.split(","):
        found = _FAMILIES.get(name.strip(" \t\n\r\"'").lower())
        if found is not None:
            return found
    return SERIF


def runs(text: str, family: str) -> list[tuple[str, str]]:
    """The text in pieces, each with the font that draws it; the empty name if none of the package can."""
    pieces: list[tuple[str, str]] = []
    at = 0
    for found in _EMOJI.finditer(text):
        pieces += _plain(text[at : found.start()], family)
        is_shaded = found[0][0] in _FLAG_LETTERS or found[0].rstrip("\ufe0f") in _SHADED
        drawable = not is_shaded and all(
            ord(c) in covered(EMOJI) or _NO_GLYPH.match(c) or c in "\u200d\u20e3" for c in found[0]
        )
        pieces.append((found[0], EMOJI if drawable else ""))
        at = found.end()
    pieces += _plain(text[at:], family)
    joined: list[tuple[str, str]] = []
    for piece, font in pieces:
        if joined and joined[-1][1] == font:
            joined[-1] = joined[-1][0] + piece, font
        else:
            joined.append((piece, font))
    return joined


def _plain(text: str, family: str) -> Iterable[tuple[str, str]]:
    for character in text:
        code = ord(character)
        if _NO_GLYPH.match(character) or code in covered(family):
            yield character, family
        else:
            yield character, next((font for font in (SYMBOLS, SANS, EMOJI) if code in covered(font)), "")


@cache
def covered(family: str) -> frozenset[int]:
    """The code points that a font has glyphs for, by its `cmap` table (OpenType 1.9)."""
    data = (FOLDER / FILES[family][0]).read_bytes()
    tables = struct.unpack_from(">H", data, 4)[0]
    for index in range(tables):
        tag, _, offset, _ = struct.unpack_from(">4sIII", data, 12 + 16 * index)
        if tag == b"cmap":
            return frozenset(_code_points(data, offset))
    return frozenset()


def _code_points(data: bytes, start: int) -> set[int]:
    found: set[int] = set()
    for index in range(struct.unpack_from(">H", data, start + 2)[0]):
        platform, encoding, offset = struct.unpack_from(">HHI", data, start + 4 + 8 * index)
        at = start + offset
        layout = struct.unpack_from(">H", data, at)[0]
        if platform not in {0, 3} or encoding == 5:  # noqa: PLR2004 - variation sequences
            continue
        if layout == 4:  # noqa: PLR2004
            segments = struct.unpack_from(">H", data, at + 6)[0] // 2
            ends = struct.unpack_from(f">{segments}H", data, at + 14)
            starts = struct.unpack_from(f">{segments}H", data, at + 16 + 2 * segments)
            for first, last in zip(starts, ends, strict=True):
                found.update(range(first, last + 1))
        elif layout == 12:  # noqa: PLR2004
            groups = struct.unpack_from(">I", data, at + 12)[0]
            for group in range(groups):
                first, last, _ = struct.unpack_from(">III", data, at + 16 + 12 * group)
                found.update(range(first, last + 1))
    return found - {0xFFFF}


def files_of(families: Iterable[str]) -> list[str]:
    """The paths of all faces of some fonts."""
    return [str(FOLDER / name) for family in sorted(families) for name in FILES[family]]
