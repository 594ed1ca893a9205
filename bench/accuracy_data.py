"""The icons that `bench/accuracy.py` measures on: pinned packages of icons, and drawn letters and solids.

Nothing is kept in this repository. The packages are fetched once with `npm pack` and `apt-get download` into
a cache folder. A brand found in the training set is left out of the held-out one; but for the news sites'
favicons, which are divided by name, the two share no package either.
"""

from __future__ import annotations

import colorsys
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Rgba = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Icon:
    """One picture of one brand."""

    source: str
    brand: str
    name: str
    rgba: Rgba


@dataclass(frozen=True, slots=True)
class Source:
    """A pinned package and how its icons are drawn."""

    package: str
    version: str
    kind: str
    train: bool
    most: int = 10_000
    """Icons to take at most, so that one set's style does not drown the others."""


SOURCES: Final = (
    Source("simple-icons", "16.37.0", "simple", train=True),
    Source("cryptocurrency-icons", "0.18.1", "png-color", train=True),
    Source("@iconify-json/logos", "1.2.19", "iconify", train=True),
    Source("@iconify-json/devicon", "1.2.68", "iconify", train=True),
    Source("@iconify-json/vscode-icons", "1.2.97", "iconify", train=True),
    Source("@iconify-json/cib", "1.2.3", "iconify", train=True),
    Source("@iconify-json/token-branded", "1.2.45", "iconify", train=False),
    Source("@iconify-json/material-icon-theme", "1.2.70", "iconify", train=False),
    Source("@iconify-json/skill-icons", "1.2.4", "iconify", train=False),
    Source("@iconify-json/cbi", "1.2.59", "iconify", train=False),
    Source("@iconify-json/streamline-logos", "1.2.0", "iconify", train=False),
    Source("@iconify-json/file-icons", "1.2.2", "iconify", train=False),
    Source("@lobehub/icons-static-png", "1.97.1", "png-lobe", train=False),
    Source("super-tiny-icons", "0.6.0", "svg", train=False),
    Source("@iconify-json/arcticons", "1.2.58", "iconify", train=False, most=1500),
)
# A Debian package with the favicons of news sites as they were fetched, mostly of 16 and 32 pixels.
NEWS: Final = Source("calibre", "6.13.0+repack-2+deb12u9", "news", train=True)
_NEWS_ARCHIVE: Final = "./usr/share/calibre/builtin_recipes.zip"
# Letters of the training set are set in other typefaces than those of the held-out set.
FONT_SOURCES: Final = (
    Source("@expo-google-fonts/roboto", "0.4.3", "font", train=True),
    Source("@expo-google-fonts/merriweather", "0.4.2", "font", train=True),
    Source("@expo-google-fonts/oswald", "0.4.2", "font", train=True),
    Source("@expo-google-fonts/montserrat", "0.4.2", "font", train=False),
    Source("@expo-google-fonts/lora", "0.4.2", "font", train=False),
    Source("@expo-google-fonts/ubuntu", "0.4.1", "font", train=False),
)
# Sides of the drawn icons; web sites declare mostly these.
SIDES: Final = (16, 32, 32, 48, 64, 96, 128, 180)
# Words that packages append to a brand's name for another drawing of the same logo.
_STYLE_WORDS: Final = frozenset(
    re.split(
        r"\s+",
        """icon logo text wordmark original plain line light dark color colored mono solid block brand alt
        square background flat small official open file type opened outline circle new old legacy app beta
        white black horizontal vertical inverted""",
    )
)


def fetch(cache: Path) -> list[str]:
    """Brings every package into `cache`; the commands of those that could not be had."""
    cache.mkdir(parents=True, exist_ok=True)
    npm = shutil.which("npm")
    missing = []
    for source in SOURCES + FONT_SOURCES:
        if _tarball(cache, source).exists():
            continue
        if npm is not None:
            command = [npm, "pack", "--silent", f"{source.package}@{source.version}"]
            subprocess.run(command, cwd=cache, check=False, capture_output=True, timeout=600)
        if not _tarball(cache, source).exists():
            missing.append(f"npm pack {source.package}@{source.version}")
    apt = shutil.which("apt-get")
    if not _news_file(cache).exists() and apt is not None:
        command = [apt, "download", f"{NEWS.package}={NEWS.version}"]
        subprocess.run(command, cwd=cache, check=False, capture_output=True, timeout=600)
    if not _news_file(cache).exists():
        missing.append(f"apt-get download {NEWS.package}={NEWS.version}")
    return missing


def brand_icons(cache: Path, *, train: bool) -> list[Icon]:
    """An icon for each brand of the training or the held-out packages."""
    taken = set() if train else _trained_brands(cache)
    seen: set[bytes] = set()
    icons = []
    for source in [source for source in SOURCES if source.train is train] + [NEWS]:
        count = 0
        for brand, name, drawing in _drawings(cache, source, train=train):
            if brand in taken or count == source.most:
                continue
            rgba = drawing()
            if rgba is None:
                continue
            digest = hashlib.sha256(rgba.tobytes()).digest()
            if digest in seen:
                continue
            seen.add(digest)
            taken.add(brand)
            count += 1
            icons.append(Icon(source.package, brand, name, rgba))
    return icons


def brand_of(name: str) -> str:
    """The brand that an icon's file name stands for: lower case, without words for a style."""
    name = re.sub(r"([a-z])([A-Z])", r"\1-\2", name).lower()
    words = [w for w in re.split(r"[^a-z0-9$]+", name) if w]
    kept = [w for w in words if w not in _STYLE_WORDS and not (w.isdigit() and w != words[0])]
    return "".join(kept or words)


class _Drawing:
    """One icon that is drawn when called, so that icons not wanted cost nothing."""

    def __init__(self, svg: str | None = None, png: bytes | None = None, *, as_is: bool = False) -> None:
        self._svg = svg
        self._png = png
        self._as_is = as_is

    def __call__(self) -> Rgba | None:
        try:
            if self._svg is not None:
                png = bytes(resvg_py.svg_to_bytes(svg_string=self._svg, skip_system_fonts=True))
                drawn = Image.open(io.BytesIO(png)).convert("RGBA")
            else:
                drawn = Image.open(io.BytesIO(self._png or b"")).convert("RGBA")
                if not self._as_is:
                    side = SIDES[_die(self._png or b"", len(SIDES))]
                    drawn.thumbnail((side, side), Image.Resampling.LANCZOS)
        except (ValueError, OSError):
            return None
        rgba = np.array(drawn)
        # A wordmark is no favicon, and an empty drawing is nothing at all.
        wide = max(rgba.shape[:2]) > 2 * min(rgba.shape[:2])
        return None if wide or not rgba[..., 3].any() else rgba


def _drawings(cache: Path, source: Source, *, train: bool) -> Iterator[tuple[str, str, _Drawing]]:
    """Brand, name and picture of a source's icons in a fixed order; nothing where it is missing."""
    if source is NEWS:
        yield from _news(cache, train=train)
        return
    if not _tarball(cache, source).exists():
        return
    with tarfile.open(_tarball(cache, source)) as archive:
        files = {m.name.removeprefix("package/"): m for m in archive.getmembers() if m.isfile()}

        def read(path: str) -> bytes:
            handle = archive.extractfile(files[path])
            return handle.read() if handle is not None else b""

        if source.kind == "iconify":
            yield from _iconify(json.loads(read("icons.json")))
        elif source.kind == "simple":
            colours = {
                re.sub(r"[^a-z0-9]", "", entry.get("slug", entry["title"]).lower()): entry["hex"]
                for entry in json.loads(read("data/simple-icons.json"))
            }
            for path in sorted(p for p in files if p.startswith("icons/") and p.endswith(".svg")):
                name = Path(path).stem
                svg = read(path).decode()
                colour = "#" + colours.get(name, hashlib.sha256(name.encode()).hexdigest()[:6])
                yield brand_of(name), name, _Drawing(svg=_styled(svg, name, colour))
        elif source.kind == "png-color":
            for path in sorted(p for p in files if p.startswith("128/color/")):
                yield brand_of(Path(path).stem), Path(path).stem, _Drawing(png=read(path))
        elif source.kind == "png-lobe":
            names = sorted(p for p in files if p.startswith("light/") and p.endswith("-color.png"))
            for path in names:
                yield brand_of(Path(path).stem), Path(path).stem, _Drawing(png=read(path))
        else:
            for path in sorted(p for p in files if p.endswith(".svg")):
                svg = _sized(read(path).decode(errors="replace"), path)
                yield brand_of(Path(path).stem), Path(path).stem, _Drawing(svg=svg)


def _iconify(collection: dict[str, Any]) -> Iterator[tuple[str, str, _Drawing]]:
    for name in sorted(collection["icons"]):
        # Folders with a small sign on them are one look by design.
        if "folder" not in name:
            yield brand_of(name), name, _Drawing(svg=_iconify_svg(collection, name))


def _news(cache: Path, *, train: bool) -> Iterator[tuple[str, str, _Drawing]]:
    file = _news_file(cache)
    if not file.exists():
        return
    unpacked = subprocess.run(
        ["dpkg-deb", "--fsys-tarfile", str(file)], check=True, capture_output=True, timeout=120
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as archive:
        handle = archive.extractfile(_NEWS_ARCHIVE)
        icons = zipfile.ZipFile(io.BytesIO(handle.read() if handle is not None else b""))
    for path in sorted(name for name in icons.namelist() if name.endswith(".png")):
        name = Path(path).stem
        # Editions of one paper begin alike and fall into one set.
        if (_die(brand_of(name)[:4], 2) == 0) is train:
            yield "news " + brand_of(name), name, _Drawing(png=icons.read(path), as_is=True)


def _trained_brands(cache: Path) -> set[str]:
    sources = [source for source in SOURCES if source.train]
    return {brand for source in sources for brand, _, _ in _drawings(cache, source, train=True)}


def _news_file(cache: Path) -> Path:
    return cache / f"{NEWS.package}_{NEWS.version}_all.deb"


def _tarball(cache: Path, source: Source) -> Path:
    return cache / f"{source.package.lstrip('@').replace('/', '-')}-{source.version}.tgz"


def _die(key: str | bytes, faces: int) -> int:
    """A fixed throw for a name, so that every machine draws the same icons."""
    digest = hashlib.sha256(key.encode() if isinstance(key, str) else key).digest()
    return int.from_bytes(digest[:4], "big") % faces


def _hue(key: str) -> str:
    rgb = colorsys.hls_to_rgb(_die(key + "h", 360) / 360, 0.3 + _die(key + "l", 30) / 100, 0.75)
    return _hex(tuple(round(channel * 255) for channel in rgb))


def _iconify_svg(collection: dict[str, Any], name: str) -> str:
    icon = collection["icons"][name]
    width = icon.get("width", collection.get("width", 16))
    height = icon.get("height", collection.get("height", 16))
    left, top = icon.get("left", collection.get("left", 0)), icon.get("top", collection.get("top", 0))
    box = f"{left} {top} {width} {height}"
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{icon["body"]}</svg>'
    return _styled(svg, name, _hue(name)) if "currentColor" in svg else _sized(svg, name)


def _sized(svg: str, name: str) -> str:
    side = SIDES[_die(name, len(SIDES))]
    head, _, rest = svg.partition(">")
    while not head.lstrip().startswith("<svg") and "<svg" not in head and rest:
        more, _, rest = rest.partition(">")
        head = head + ">" + more
    box = re.search(r'viewBox="[-\d.]+[ ,]+[-\d.]+[ ,]+([\d.]+)[ ,]+([\d.]+)"', head)
    width, height = (float(box[1]), float(box[2])) if box else (1.0, 1.0)
    scale = side / max(width, height, 1e-6)
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    head = head.replace("<svg", f'<svg width="{width * scale:.2f}" height="{height * scale:.2f}"', 1)
    return f"{head}>{rest}"


def _styled(svg: str, name: str, colour: str) -> str:
    """A one-colour glyph as sites show it: coloured on nothing, or white on a coloured tile."""
    svg = re.sub(r"<title>.*?</title>", "", svg)
    inner = svg.partition(">")[2].rpartition("</svg>")[0]
    box = re.search(r'viewBox="([-\d.]+) ([-\d.]+) ([\d.]+) ([\d.]+)"', svg)
    view = [float(v) for v in box.groups()] if box else [0, 0, 24, 24]
    side = SIDES[_die(name, len(SIDES))]
    style = _die(name + "s", 3)
    fill = "#ffffff" if style else colour
    inner = inner.replace("currentColor", fill)
    glyph = f'<g fill="{fill}">{inner}</g>'
    tile = ""
    if style:
        radius = (0, 20, 50)[_die(name + "r", 3)]
        tile = f'<rect width="100" height="100" rx="{radius}" fill="{colour}"/>'
    margin = (0, 22)[bool(style)]
    scale = (100 - 2 * margin) / max(view[2], view[3])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" viewBox="0 0 100 100">{tile}'
        f'<g transform="translate({margin} {margin}) scale({scale}) translate({-view[0]} {-view[1]})">'
        f"{glyph}</g></svg>"
    )


Colour = tuple[int, int, int]
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abdefghknqrtwy"
SHAPES: Final = 4
"""Of tiles: a square, a disc, a rounded square, none."""
_BARE: Final = SHAPES - 1
POINTS: Final = (130, 210)
"""Sizes of letters, of 256 pixels."""


def _hex(colour: tuple[int, ...]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in colour)


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as it is drawn: what a site has before it has a logo."""

    text: str
    ink: Colour
    tile: Colour
    shape: int
    """Of the tile: one of `SHAPES`."""
    face: bytes | None
    points: int
    side: int

    @property
    def is_bare(self) -> bool:
        return self.shape == _BARE

    def drawn(self) -> Rgba:
        big = Image.new("RGBA", (256, 256))
        draw = ImageDraw.Draw(big)
        if self.shape == 0:
            draw.rectangle((0, 0, 255, 255), fill=self.tile)
        elif self.shape == 1:
            draw.ellipse((0, 0, 255, 255), fill=self.tile)
        elif not self.is_bare:
            draw.rounded_rectangle((0, 0, 255, 255), 48, fill=self.tile)
        ink = self.tile if self.is_bare else self.ink
        draw.text((128, 128), self.text, fill=ink, font=_font(self.face, self.points), anchor="mm")
        return np.array(big.resize((self.side, self.side), Image.Resampling.LANCZOS))


def random_letter(rng: np.random.Generator, faces: Sequence[bytes | None]) -> Letter:
    """A letter, three times in four on a coloured shape."""
    text = LETTERS[int(rng.integers(len(LETTERS)))]
    tile = random_colour(rng)
    ink = (255, 255, 255) if sum(tile) < 400 else (20, 20, 20)
    if rng.random() < 0.15:
        ink = random_colour(rng)
    side = int(rng.choice([32, 48, 64, 128]))
    shape = int(rng.integers(_BARE + 1))
    face = faces[int(rng.integers(len(faces)))]
    return Letter(text, ink, tile, shape, face, int(rng.integers(*POINTS)), side)


def letter_icons(cache: Path, count: int, *, train: bool, seed: int = 0) -> list[Icon]:
    """Drawn letters. The brand says the letter, its colour and the ground's."""
    faces = letter_faces(cache, train=train)
    rng = np.random.default_rng([seed, int(train)])
    icons = []
    for i in range(count):
        letter = random_letter(rng, faces)
        rgba = letter.drawn()
        if rgba[..., 3].any():
            ink = letter.tile if letter.is_bare else letter.ink
            ground = "#ffffff" if letter.is_bare else _hex(letter.tile)
            icons.append(Icon("letters", f"{letter.text} {_hex(ink)} {ground}", f"{i}", rgba))
    return icons


def solid_icons(count: int, *, seed: int = 0) -> list[Icon]:
    """Nearly solid squares: a colour with faint noise, a gradient or a thin frame."""
    rng = np.random.default_rng([seed, 7])
    icons = []
    for i in range(count):
        side = int(rng.choice([16, 32, 48]))
        base = np.array(random_colour(rng), dtype=np.float64)
        pixels = np.broadcast_to(base, (side, side, 3)).copy()
        kind = int(rng.integers(4))
        if kind == 1:
            pixels += rng.normal(0, 3, pixels.shape)
        elif kind == 2:
            pixels += np.linspace(-12, 12, side)[:, None, None]
        elif kind == 3:
            pixels[0] = pixels[-1] = pixels[:, 0] = pixels[:, -1] = base * 0.9
        rgba = np.full((side, side, 4), 255, dtype=np.uint8)
        rgba[..., :3] = np.clip(pixels, 0, 255).astype(np.uint8)
        icons.append(Icon("solids", f"solid{i}", f"kind{kind}", rgba))
    return icons


def random_colour(rng: np.random.Generator) -> Colour:
    """One that a site may have."""
    red, green, blue = colorsys.hls_to_rgb(rng.random(), rng.uniform(0.2, 0.8), rng.uniform(0.3, 1))
    return round(red * 255), round(green * 255), round(blue * 255)


def letter_faces(cache: Path, *, train: bool) -> list[bytes | None]:
    """Typefaces of the fetched font packages, or the one that Pillow brings."""
    faces: list[bytes | None] = []
    for source in FONT_SOURCES:
        path = _tarball(cache, source)
        if source.train is not train or not path.exists():
            continue
        with tarfile.open(path) as archive:
            for member in archive.getmembers():
                if re.search(r"_(400Regular|700Bold|700Bold_Italic)\.ttf$", member.name):
                    handle = archive.extractfile(member)
                    if handle is not None:
                        faces.append(handle.read())
    return faces or [None]


def _font(face: bytes | None, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size) if face is None else ImageFont.truetype(io.BytesIO(face), size)
