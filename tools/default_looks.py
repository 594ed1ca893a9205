"""Computes the looks of the default pictures that software brings along: what `samelook.facts` ships.

    python tools/default_looks.py [--packages FOLDER]

Downloads the packages that `default_pictures.csv` pins, with `npm pack`, `pip download --no-deps` and
`apt-get download`, reads the named pictures out of them, and writes their looks to `facts/`. Nothing of a
package is run or kept, but for a FOLDER that is given: there packages stay, and are not downloaded again.
"""

from __future__ import annotations

import csv
import fnmatch
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from samelook.facts.catalogue_data import DEFAULTS, LOOKS, packaged_vendors, packed_defaults
from samelook.hashing.errors import HashingError
from samelook.looks.files import looks_of_file
from samelook.looks.likeness import wear_one_look
from samelook.looks.look import Look

HERE = Path(__file__).resolve().parent
PINS = HERE / "default_pictures.csv"
FACTS = HERE.parent / "facts"
EMOJI = (
    "🚀🎯📚📖📝📌📎📦📷📸📱💻🖥💾💡🔥🔑🔒🔓🔔🔍🔗🔧🔨🔬🔭🧪🧬🧭🧠🧩🎉🎁🎈🎨🎬🎤🎧🎵🎮🎲🎸🏆🏠🏡🏢🏥🏦🏪🏫"
    "🏔🌍🌎🌏🌐🌙🌞🌟🌈🌊🌱🌲🌳🌴🌵🌷🌸🌹🌻🌿🍀🍁🍂🍄🍅🍇🍉🍊🍋🍌🍍🍎🍏🍒🍓🍔🍕🍜🍞🍣🍦🍩🍪🎂🍫🍬🍭🍯"
    "🍳🍵🍷🍺🍻☕🐈🐉🐌🐍🐐🐑🐒🐓🐔🐕🐖🐘🐙🐛🐝🐞🐟🐠🐢🐧🐬🐭🐮🐯🐰🐱🐳🐴🐵🐶🐷🐸🐺🐻🐼🦀🦁🦄🦉🦊🦋🦖"
    "👀👋👍👑👻👽👾🤖🤗🤔😀😂😄😉😊😍😎😱😴🙂💀💎💣💥💩💬💰💵💸💼📅📈📉📊📋📍📡📢📣📧📬📰✅✨⚡⚽⭐⛵⏰⏳"
    "❄❤❓❗☀☁☂☎♻⚓⚙⚛✈✉✏✔🚗🚲🚢🛒🛠🛡🗂🗺🕹🥑🥕🥗🥐🥦🪐🪙🦆🦜🧁🧊🧙🧰"
)
"""What sites put into an icon that is a line of text."""
_EMOJI_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
    '<text y=".9em" font-size="90">{}</text></svg>'
)
_MOST_BYTES = 4 * 1024 * 1024
_DOWNLOAD_S = 900


@dataclass(frozen=True, slots=True)
class Pin:
    """A package at one version, and where in it a product's default pictures are (`*` as in shells)."""

    product: str
    ecosystem: str
    package: str
    version: str
    paths: tuple[str, ...]

    @property
    def folder(self) -> str:
        return f"{self.ecosystem}-{self.package.replace('/', '+')}-{self.version.replace(':', '+')}"

    def command(self) -> list[str]:
        """What downloads the package into the current folder, without running anything of it."""
        match self.ecosystem:
            case "npm":
                return ["npm", "pack", "--silent", "--ignore-scripts", f"{self.package}@{self.version}"]
            case "pypi":
                return [
                    *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                    *("--only-binary=:all:", f"{self.package}=={self.version}"),
                ]
            case "debian":
                return ["apt-get", "download", "-q", f"{self.package}={self.version}"]
            case _:
                raise SystemExit(f"{PINS}: {self.ecosystem!r} is no ecosystem; write npm, pypi or debian.")


def main(
    packages: Annotated[Path | None, typer.Option(help="Where packages are kept, and taken from.")] = None,
) -> None:
    """Write `facts/default_looks.csv` and `facts/default_looks.zst` anew."""
    pins = list(pins_in(PINS))
    unknown = {pin.product for pin in pins} - {row["product"] for row in packaged_vendors()}
    if unknown:
        raise SystemExit(f"{PINS}: {', '.join(sorted(unknown))} is no product of facts/vendors.csv.")
    with tempfile.TemporaryDirectory(prefix="samelook-packages-") as temporary:
        rows = [row for pin in pins for row in looks_of(pin, packages or Path(temporary))]
    rows += looks_of_emoji()
    seen: dict[tuple[str, tuple[bytes, ...]], dict[str, str]] = {}
    for row, looks in rows:
        # One picture in two packages, or at two paths, is one default.
        seen.setdefault((row["product"], looks), row)
    text, packed = packed_defaults((row, looks) for (_, looks), row in seen.items())
    (FACTS / DEFAULTS).write_text(text, "utf-8")
    (FACTS / LOOKS).write_bytes(packed)
    products = {row["product"] for row in seen.values()}
    typer.echo(f"{len(seen)} default pictures of {len(products)} products, {len(packed):,} bytes.", err=True)


def pins_in(path: Path) -> Iterator[Pin]:
    """The rows of the table of pinned packages."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Pin(
                row["product"], row["ecosystem"], row["package"], row["version"], tuple(row["paths"].split())
            )


def looks_of(pin: Pin, packages: Path) -> Iterator[tuple[dict[str, str], tuple[bytes, ...]]]:
    """The looks of a pin's pictures that tell something, with their source. Ends where one cannot be had."""
    folder = packages / pin.folder
    if not folder.is_dir():
        folder.mkdir(parents=True)
        try:
            subprocess.run(pin.command(), cwd=folder, check=True, timeout=_DOWNLOAD_S)  # noqa: S603 - our pins
        except subprocess.SubprocessError as error:
            folder.rmdir()
            raise SystemExit(
                f"{pin.ecosystem} has no {pin.package} {pin.version} any more? Pin another version. ({error})"
            ) from error
    found = 0
    for path, data in sorted(files_of(next(folder.iterdir()), pin.paths)):
        found += 1
        try:
            looks = tuple(raw for raw in looks_of_file(data) if _tells_something(Look.from_bytes(raw)))
        except HashingError as error:
            raise SystemExit(f"{pin.package} {pin.version}: {path}: {error.message}") from error
        if looks:
            yield (
                {
                    "product": pin.product,
                    "source": f"{pin.ecosystem} {pin.package} {pin.version} {path}",
                    "sha256": hashlib.sha256(data).hexdigest(),
                },
                looks,
            )
    if not found:
        raise SystemExit(f"{pin.package} {pin.version} has no {' '.join(pin.paths)}.")


def looks_of_emoji() -> Iterator[tuple[dict[str, str], tuple[bytes, ...]]]:
    """The looks of emoji as sites show them: a line of text in an SVG, which is drawn with our own font."""
    for emoji in EMOJI:
        svg = _EMOJI_ICON.format(emoji).encode()
        looks = tuple(raw for raw in looks_of_file(svg) if _tells_something(Look.from_bytes(raw)))
        if looks:
            source = f"{emoji} in Noto Color Emoji 2.057 (hashing/svg/fonts)"
            yield {"product": "Emoji", "source": source, "sha256": hashlib.sha256(svg).hexdigest()}, looks


def _tells_something(look: Look) -> bool:
    """Whether a copy of it would be found; a letter of a few pixels is too little to tell two icons apart."""
    return bool(look.forms) and wear_one_look([look], [look])


def files_of(archive: Path, patterns: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """The files of a package whose paths fit one of the patterns."""

    def fits(name: str) -> bool:
        return any(fnmatch.fnmatchcase(name.removeprefix("./"), pattern) for pattern in patterns)

    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as packed:
            for entry in packed.infolist():
                if fits(entry.filename) and entry.file_size <= _MOST_BYTES:
                    yield entry.filename, packed.read(entry)
        return
    raw = archive.read_bytes()
    if archive.suffix == ".deb":
        unpacked = subprocess.run(  # noqa: S603 - as above
            ["dpkg-deb", "--fsys-tarfile", str(archive)],  # noqa: S607 - Debian's own
            check=True,
            capture_output=True,
            timeout=_DOWNLOAD_S,
        )
        raw = unpacked.stdout
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        for member in tar:
            if member.isfile() and fits(member.name) and member.size <= _MOST_BYTES:
                file = tar.extractfile(member)
                assert file is not None, "a regular file has content"
                yield member.name.removeprefix("./"), file.read()


if __name__ == "__main__":
    typer.run(main)
