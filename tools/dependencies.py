"""What the program is made of besides its own: licences, and known vulnerabilities.

    python tools/dependencies.py licences [--write]
    python tools/dependencies.py audit --database PATH

`licences` checks every package of the lock that users install against the licences that we may redistribute
under ours (Apache-2.0), and writes docs/licences.md. `audit` compares all locks with a vulnerability database
in the OSV format, without asking anybody: PATH is a folder of .json or .yaml files or a zip of them, such as
OSV's export of PyPI or a checkout of PyPA's advisory database.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
LOCKS = ("requirements.lock", "requirements-compiled.lock", "requirements-tools.lock")
INSTALLED_BY_USERS = "requirements-compiled.lock"
ALLOWED = frozenset(
    {
        *("Apache-2.0", "MIT", "MIT-0", "MIT-CMU", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD"),
        *("PSF-2.0", "Zlib", "CC0-1.0"),
        "MPL-2.0",  # its files stay under it; ours do not come under it
    }
)
# What metadata say in other words, by the words.
_MEANT = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "Dual License": "Apache-2.0 OR BSD-3-Clause",
    "ISC License": "ISC",
    "MIT License": "MIT",
}
_READ_IN_THEIR_FILES = {
    "chardetng-py": "MIT",
    "resvg-py": "MIT",
    "colorama": "BSD-3-Clause",  # for Windows only
}
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", re.MULTILINE)
_SHORTEST_TEXT = 60
HEAD = """# Licences of what is installed with Samelook

Written by `python tools/dependencies.py licences --write`, which fails where a licence is none of: {allowed}.
`make sbom` writes all of it, with versions and hashes, as a CycloneDX document to `build/sbom.json`.

| package | licence |
|---|---|
"""


def pins(lock: str) -> dict[str, set[Version]]:
    """The versions that a lock names, by package; several where they depend on the Python."""
    found: dict[str, set[Version]] = {}
    path = ROOT / lock
    for name, version in _PIN.findall(path.read_text() if path.exists() else ""):
        found.setdefault(canonicalize_name(name), set()).add(Version(version))
    return found


def licence_of(name: str) -> str | None:
    """An SPDX expression, as far as a package says what its licence is."""
    if name in _READ_IN_THEIR_FILES:
        return _READ_IN_THEIR_FILES[name]
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    if "License-Expression" in told:
        return told["License-Expression"]
    text = told["License"].strip() if "License" in told else ""
    named = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or [] if "License ::" in one]
    first = text.split("\n")[0].strip()
    word = first if first and len(first) < _SHORTEST_TEXT else next(iter(named), "")
    word = next((known for known in _MEANT if word == known), word)
    if word not in ALLOWED and word not in _MEANT:
        word = next((one for one in named if one in _MEANT), first.partition("  ")[0])
    return _MEANT.get(word, word) or None


def is_allowed(expression: str | None) -> bool:
    """Whether one of the licences that may be chosen allows what we do."""
    choices = re.split(r"\s+OR\s+", (expression or "").strip("()"))
    return any(all(one.strip() in ALLOWED for one in choice.split(" AND ")) for choice in choices)


def page() -> tuple[str, list[str]]:
    """The page of licences, and what is wrong with them."""
    rows, wrong = [], []
    for name in sorted(pins(INSTALLED_BY_USERS)):
        licence = licence_of(name)
        if not is_allowed(licence):
            wrong.append(f"{name}: {licence or 'it does not say'}")
        rows.append(f"| {name} | {licence or '?'} |\n")
    return HEAD.format(allowed=", ".join(sorted(ALLOWED))) + "".join(rows), wrong


def advisories(path: Path) -> Iterator[dict[str, Any]]:
    """The entries of a database in the OSV format."""
    if path.is_file():
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".json"):
                    yield json.loads(archive.read(name))
        return
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for file in sorted(path.rglob("*")):
        if file.suffix == ".json":
            yield json.loads(file.read_bytes())
        elif file.suffix in {".yaml", ".yml"}:
            yield yaml.load(file.read_bytes(), loader)  # noqa: S506 - both loaders are safe ones


def concerns(advisory: dict[str, Any], pinned: dict[str, set[Version]]) -> list[str]:
    """The pins that an advisory is about, as `name version`."""
    if advisory.get("withdrawn"):
        return []
    found = set()
    for affected in advisory.get("affected", []):
        package = affected.get("package", {})
        name = canonicalize_name(str(package.get("name", "")))
        if package.get("ecosystem") == "PyPI":
            found |= {
                f"{name} {version}" for version in pinned.get(name, ()) if _is_affected(version, affected)
            }
    return sorted(found)


def _is_affected(version: Version, affected: dict[str, Any]) -> bool:
    if any(_version(one) == version for one in affected.get("versions", [])):
        return True
    for span in affected.get("ranges", []):
        if span.get("type") != "ECOSYSTEM":
            continue
        inside = False
        # https://ossf.github.io/osv-schema/#evaluation
        for event in span.get("events", []):
            for kind, text in event.items():
                limit = Version("0") if str(text) == "0" else _version(text)
                if limit is None:
                    continue
                if kind == "introduced" and version >= limit:
                    inside = True
                elif (kind == "fixed" and version >= limit) or (kind == "last_affected" and version > limit):
                    inside = False
        if inside:
            return True
    return False


def _version(text: object) -> Version | None:
    try:
        return Version(str(text))
    except InvalidVersion:
        return None


def audit(path: Path) -> int:
    """Prints what is known of the pinned versions; how many advisories."""
    pinned: dict[str, set[Version]] = {}
    for lock in LOCKS:
        for name, versions in pins(lock).items():
            pinned.setdefault(name, set()).update(versions)
    entries, newest, found = 0, "", 0
    for advisory in advisories(path):
        entries += 1
        changed = advisory.get("modified") or ""
        newest = max(newest, changed.isoformat() if isinstance(changed, datetime) else str(changed))
        for pin in concerns(advisory, pinned):
            found += 1
            print(f"{pin}: {advisory['id']} {advisory.get('summary') or advisory.get('details', '')[:100]}")
    if not entries:
        print(f"There is no advisory in {path}: nothing is known, which is not the same as nothing found.")
        return 1
    of = newest[:10] or "?"
    print(f"{len(pinned)} packages, {entries:,} advisories, the newest of {of}: {found} concern us.")
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    work = asked.add_subparsers(dest="work", required=True)
    work.add_parser("licences").add_argument("--write", action="store_true")
    work.add_parser("audit").add_argument("--database", type=Path, required=True)
    chosen = asked.parse_args()
    if chosen.work == "audit":
        sys.exit(1 if audit(chosen.database) else 0)
    text, wrong = page()
    if chosen.write:
        PAGE.write_text(text)
    for one in wrong:
        print(f"no licence that we may use: {one}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
