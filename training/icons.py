"""The icons that the map is made from, drawn once into one file: `python -m training.icons`."""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bench.accuracy_data import LETTERS, brand_of
from training.sources import SOURCES, Source, fetch

SIDE: Final = 48
_NEAR_GROUND: Final = 24.0
_HELD_OUT_OF: Final = 5
_SIGN_WORDS: Final = re.compile("folder|country|flag")


@dataclass(frozen=True, eq=False)
class Icons:
    """Drawn icons in rows."""

    pictures: NDArray[np.uint8]
    """Premultiplied RGBA and how much of the sign there is, shape (n, 5, 48, 48)."""
    brands: NDArray[np.str_]
    packages: NDArray[np.str_]
    """Icons of one brand in two packages are two renditions of one mark."""

    @classmethod
    def load(cls, file: Path) -> Icons:
        with np.load(file) as arrays:
            return cls(arrays["pictures"], arrays["brands"], arrays["packages"])


def is_held_out(brand: str) -> bool:
    """Whether a brand is kept for checking: every fifth by its first letters, and the most copied of all."""
    digest = hashlib.sha256(brand[:4].encode()).digest()
    return int.from_bytes(digest[:4], "big") % _HELD_OUT_OF == 0 or brand in _most_copied()


@cache
def _most_copied() -> frozenset[str]:
    """Names of the organisations in `facts/families.csv` and of their sites."""
    names: set[str] = set()
    rows = csv.DictReader(io.StringIO(files("samelook.facts").joinpath("families.csv").read_text()))
    for row in rows:
        names.update(re.sub(r"[^a-z0-9]", "", word.lower()) for word in row["organisation"].split())
        names.add(re.sub(r"[^a-z0-9]", "", row["organisation"].lower()))
        names.update(site.partition(".")[0] for site in row["sites"].split())
    return frozenset(names)


def drawings(cache: Path) -> Iterator[tuple[str, str, str]]:
    """Brand, package and SVG of every icon of the pinned packages, in a fixed order."""
    coins = _coin_names(cache)
    for source in SOURCES:
        if source.kind == "font":
            continue
        for name, svg in _svgs(source, cache):
            if source.prefix and not name.startswith(source.prefix):
                continue
            brand = brand_of(name.removeprefix(source.prefix))
            if source.kind == "coins":
                brand = coins.get(brand, "coin " + brand)
            if source.kind == "signs" or _SIGN_WORDS.search(name):
                brand = f"{source.package} {name}"
            if _die(name) < source.share:
                yield brand, source.package, svg


def _svgs(source: Source, cache: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(source.file(cache)) as archive:
        if source.kind == "svg":
            for member in sorted(archive.getmembers(), key=lambda entry: entry.name):
                # The names of words that go with a mark, which a favicon does not show.
                if member.name.endswith(".svg") and not member.name.endswith("-text.svg"):
                    handle = archive.extractfile(member)
                    if handle is not None:
                        yield Path(member.name).stem, handle.read().decode(errors="replace")
            return
        handle = archive.extractfile("package/icons.json")
        collection = json.load(handle) if handle is not None else {"icons": {}}
    for name in sorted(collection["icons"]):
        yield name, _iconify_svg(collection, collection["icons"][name])


def _iconify_svg(collection: dict[str, Any], icon: dict[str, Any]) -> str:
    width, height = (icon.get(side, collection.get(side, 16)) for side in ("width", "height"))
    left, top = (icon.get(side, collection.get(side, 0)) for side in ("left", "top"))
    box = f"{left} {top} {width} {height}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{icon["body"]}</svg>'


def _coin_names(cache: Path) -> dict[str, str]:
    """Brands of coins by ticker, from the set that has both in its names of files."""
    manifest = cache / "cryptocurrency-icons-0.18.1.tgz"
    if not manifest.exists():
        return {}
    with tarfile.open(manifest) as archive:
        handle = archive.extractfile("package/manifest.json")
        coins = json.load(handle) if handle is not None else []
    return {coin["symbol"].lower(): brand_of(coin["name"]) for coin in coins}


def _drawn(svg: str) -> NDArray[np.uint8] | None:
    """An icon as training keeps it, or None where there is nothing to see or it is a line of words."""
    head, _, rest = svg.partition(">")
    while "<svg" not in head and rest:
        more, _, rest = rest.partition(">")
        head = f"{head}>{more}"
    box = re.search(r'viewBox="[-\d.]+[ ,]+[-\d.]+[ ,]+([\d.]+)[ ,]+([\d.]+)"', head)
    width, height = (float(box[1]), float(box[2])) if box else (1.0, 1.0)
    if max(width, height) > 2.5 * min(width, height):
        return None
    scale = SIDE / max(width, height)
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    head = head.replace("<svg", f'<svg width="{width * scale:.2f}" height="{height * scale:.2f}"', 1)
    try:
        png = bytes(resvg_py.svg_to_bytes(svg_string=f"{head}>{rest}", skip_system_fonts=True))
        icon = Image.open(io.BytesIO(png)).convert("RGBA")
    except (ValueError, OSError):
        return None
    square = Image.new("RGBA", (SIDE, SIDE))
    square.paste(icon, ((SIDE - icon.width) // 2, (SIDE - icon.height) // 2))
    rgba = np.asarray(square)
    return kept(rgba) if rgba[..., 3].mean() > 3 else None


def kept(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Premultiplied RGBA and the sign, shape (5, 48, 48), of straight RGBA.

    The sign is what is not the ground: all that is opaque, but on a tile what differs from its border.
    """
    alpha = rgba[..., 3].astype(np.float32) / 255
    sign = alpha
    if alpha.mean() > 0.6:
        solid = rgba[alpha > 0.9, :3].astype(np.float32)
        if len(solid):
            edge = _edge(alpha > 0.9)
            ground = np.median(rgba[edge][:, :3].astype(np.float32), axis=0)
            apart = np.abs(rgba[..., :3].astype(np.float32) - ground).max(axis=-1) * alpha
            if 0.04 < (apart > _NEAR_GROUND).mean() < 0.9 * alpha.mean():
                sign = np.clip(apart / max(_NEAR_GROUND, float(np.percentile(apart, 97))), 0, 1)
    premultiplied = rgba[..., :3] * alpha[..., None]
    planes = np.concatenate([premultiplied, rgba[..., 3:], 255 * sign[..., None]], axis=-1)
    rounded: NDArray[np.uint8] = np.rint(planes).astype(np.uint8)
    return rounded.transpose(2, 0, 1)


def _edge(opaque: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The outermost opaque pixels, two deep."""
    padded = np.pad(opaque, 2)
    inner = padded[4:, 2:-2] & padded[:-4, 2:-2] & padded[2:-2, 4:] & padded[2:-2, :-4]
    edge: NDArray[np.bool_] = opaque & ~inner
    return edge


def _letters(cache: Path) -> Iterator[tuple[str, str, NDArray[np.uint8]]]:
    for source in SOURCES:
        if source.kind != "font":
            continue
        with tarfile.open(source.file(cache)) as archive:
            for member in archive.getmembers():
                if not re.search(r"_(400Regular|700Bold|700Bold_Italic)\.ttf$", member.name):
                    continue
                handle = archive.extractfile(member)
                face = ImageFont.truetype(io.BytesIO(handle.read() if handle else b""), 44)
                for letter in LETTERS:
                    picture = Image.new("RGBA", (SIDE, SIDE))
                    ImageDraw.Draw(picture).text((24, 24), letter, fill=(0, 0, 0), font=face, anchor="mm")
                    yield f"letter {letter} {Path(member.name).stem}", "letters", kept(np.asarray(picture))


def _die(key: str) -> float:
    """A fixed throw from 0 to 1."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**32


def main() -> None:
    """Draw everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/samelook-training").expanduser())
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    fetch(asked.cache)
    seen: set[bytes] = set()
    brands, packages, pictures = [], [], []
    todo = list(drawings(asked.cache))
    with get_context("spawn").Pool(asked.processes) as pool:
        drawn = pool.imap(_drawn, [svg for _, _, svg in todo], chunksize=200)
        named = ((*names[:2], picture) for names, picture in zip(todo, drawn, strict=True))
        for brand, package, picture in [*named, *_letters(asked.cache)]:
            if picture is None:
                continue
            digest = hashlib.sha256(picture.tobytes()).digest()
            if digest not in seen:
                seen.add(digest)
                brands.append(brand)
                packages.append(package)
                pictures.append(picture)
    file = asked.cache / "icons.npz"
    np.savez(file, pictures=np.stack(pictures), brands=np.array(brands), packages=np.array(packages))
    held = sum(map(is_held_out, brands))
    print(f"{len(brands)} icons of {len(set(brands))} brands, {held} held out: {file}")


if __name__ == "__main__":
    main()
