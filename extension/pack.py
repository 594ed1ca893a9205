"""Packs the extension for Chromium and for Firefox: python extension/pack.py FOLDER."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
MANIFESTS = {"chromium": "manifest.json", "firefox": "manifest.firefox.json"}
LEFT_OUT = {*MANIFESTS.values(), "package.json", "pack.py", "icon.svg"}


def pack(folder: Path) -> dict[str, Path]:
    """Write a zip for each browser; the same files make the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    files = sorted(path for path in HERE.rglob("*") if path.is_file() and path.name not in LEFT_OUT)
    files = [path for path in files if "__pycache__" not in path.parts]
    zips = {}
    for browser, manifest in MANIFESTS.items():
        zips[browser] = folder / f"samelook-{browser}.zip"
        named = {"manifest.json": HERE / manifest}
        named |= {path.relative_to(HERE).as_posix(): path for path in files}
        with zipfile.ZipFile(zips[browser], "w") as archive:
            for name, path in named.items():
                entry = zipfile.ZipInfo(name)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return zips


if __name__ == "__main__":
    for made in pack(Path(sys.argv[1] if len(sys.argv) > 1 else "build")).values():
        sys.stdout.write(f"{made}: {made.stat().st_size:,} bytes\n")
