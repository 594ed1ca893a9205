"""Which pictures are drawn otherwise than Chromium draws them: `python -m bench.pictures FOLDER… [--all]`.

Every file is put into one page of headless Chromium, drawn on a canvas (an SVG with its longer side at
256 pixels, as ours is) and compared on white with what is hashed here. A difference is the mean over all
pixels and channels, in grey levels.
"""

from __future__ import annotations

import argparse
import base64
import html
import io
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samelook.hashing.decode import composite_on, decode_frames
from samelook.hashing.errors import HashingError

SVG_SIDE = 256
LEVELS = 8.0
NEITHER = "neither shows it"
_TYPES = {
    ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
    ".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif", ".bmp": "image/bmp",
    ".ico": "image/x-icon", ".cur": "image/x-icon",
}  # fmt: skip
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-default-apps", "--disable-sync", "--no-first-run",
    "--no-default-browser-check", "--metrics-recording-only", "--disable-domain-reliability",
    "--disable-client-side-phishing-detection", "--host-resolver-rules=MAP * ~NOTFOUND",
    "--force-color-profile=srgb", "--force-device-scale-factor=1", "--hide-scrollbars",
    "--timeout=120000", "--dump-dom",
)  # fmt: skip
# The images stand in the page itself, so that Chromium waits for them before it is done.
_PAGE = """<!DOCTYPE html><meta charset="utf-8"><body>%s<script>
function drawn(image) {
  let width = image.naturalWidth, height = image.naturalHeight;
  if (!width || !height) return null;
  if (image.src.startsWith("data:image/svg")) {
    const scale = %d / Math.max(width, height);
    width = Math.max(1, Math.round(width * scale));
    height = Math.max(1, Math.round(height * scale));
  }
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").drawImage(image, 0, 0, width, height);
  return canvas.toDataURL("image/png");
}
addEventListener("load", () => {
  const done = [...document.images].map(drawn);
  document.body.replaceChildren();
  document.body.textContent = "[drawn]" + JSON.stringify(done) + "[/drawn]";
});
</script>"""


def chromium() -> str | None:
    """The path of a Chromium that is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def drawn_by_chromium(files: Mapping[str, bytes]) -> dict[str, NDArray[np.uint8] | None]:
    """RGBA of each file, by name; None for what Chromium refuses to show. A name's ending tells its type."""
    browser = chromium()
    if browser is None:
        raise RuntimeError("Chromium is not installed.")
    images = "".join(
        f'<img src="data:{_TYPES[Path(name).suffix.lower()]};base64,{base64.b64encode(data).decode()}">'
        for name, data in files.items()
    )
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(_PAGE % (images, SVG_SIDE), encoding="utf-8")
        answer = subprocess.run(
            [browser, *_FLAGS, f"--user-data-dir={folder}/profile", page.as_uri()],
            capture_output=True, check=True, timeout=300,
        )  # fmt: skip
    found = re.search(r"\[drawn\](.*?)\[/drawn\]", answer.stdout.decode(), re.DOTALL)
    if found is None:
        raise RuntimeError(f"Chromium drew nothing: {answer.stderr.decode()[-500:]}")
    pictures: dict[str, NDArray[np.uint8] | None] = {}
    for name, url in zip(files, json.loads(html.unescape(found[1])), strict=True):
        pictures[name] = None
        if url is not None:
            stored = io.BytesIO(base64.b64decode(url.partition(",")[2]))
            pictures[name] = np.array(Image.open(stored).convert("RGBA"))
    return pictures


def levels_apart(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> float:
    """The mean difference of all channels on white; 255 if the shapes differ by more than a rounding."""
    if max(abs(a - b) for a, b in zip(ours.shape[:2], theirs.shape[:2], strict=True)) > 1:
        return 255.0
    height, width = (min(a, b) for a, b in zip(ours.shape[:2], theirs.shape[:2], strict=True))
    one = composite_on(ours[:height, :width]).astype(np.int16)
    other = composite_on(theirs[:height, :width]).astype(np.int16)
    return float(np.abs(one - other).mean())


@dataclass(frozen=True, slots=True)
class Compared:
    """One file: how far apart the drawings are, or who refused it."""

    levels: float | None
    """None where one side shows nothing."""
    refused: str
    """What the side that refuses says; empty if both draw it."""

    @property
    def alike(self) -> bool:
        """Whether both draw the same within the limit, or neither shows anything."""
        return self.refused.startswith(NEITHER) if self.levels is None else self.levels <= LEVELS


def compared(data: bytes, theirs: NDArray[np.uint8] | None) -> Compared:
    """What Chromium drew beside what is hashed."""
    try:
        ours = decode_frames(data)[0].rgba
    except HashingError as error:
        if theirs is None:
            return Compared(None, NEITHER)
        nothing = "" if theirs[..., 3].any() else f"{NEITHER}; "
        return Compared(None, f"{nothing}{error.kind}: {error.message}")
    if theirs is None:
        return Compared(None, "Chromium refuses")
    return Compared(levels_apart(ours, theirs), "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--all", action="store_true", help="Print also what is alike.")
    parser.add_argument("--drawings", type=Path, help="Write Chromium's drawings as PNG here.")
    options = parser.parse_args()
    files = {
        str(file): file.read_bytes()
        for folder in options.folders
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix.lower() in _TYPES and file.name != "index.json"
    }
    theirs = drawn_by_chromium(files)
    alike = 0
    for name, data in files.items():
        result = compared(data, theirs[name])
        alike += result.alike
        if options.all or not result.alike:
            print(
                f"{'-' if result.levels is None else format(result.levels, '.1f'):>6} {name} {result.refused}"
            )
        picture = theirs[name]
        if options.drawings and picture is not None:
            options.drawings.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(options.drawings / f"{Path(name).name}.png", optimize=True)
    print(f"{alike} of {len(files)} alike")


if __name__ == "__main__":
    main()
