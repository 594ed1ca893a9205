"""Nothing is kept that nobody reaches: each function, class and named query has a user outside of tests.

Each named query says what it returns, which index serves it and what it costs.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
ROOMS = sorted(link.name for link in (HERE / "samelook").iterdir() if link.is_symlink())
SOURCES = [
    path
    for folder in (*ROOMS, "samelook")
    for path in sorted((HERE / folder).rglob("*"))
    if path.is_file() and path.suffix in {".py", ".html", ".js"}
]
CALLED_BY_LIBRARIES = {
    "handle_error": "aiohttp's protocol of a connection",
    "data_received": "asyncio's protocol",
    "connection_lost": "asyncio's protocol",
    "emit": "logging's handlers",
    "url_for": "aiohttp's resources",
    "add_prefix": "aiohttp's resources",
    "get_info": "aiohttp's resources",
    "raw_match": "aiohttp's resources",
    "get_json_from_url": "threatexchange's client of NCMEC",
    "get_entries": "threatexchange's client of NCMEC",
    "add_all": "threatexchange's indexes",
    "get_index_cls": "threatexchange's signal types",
    "normalize_fb_threatexchange_indicator": "threatexchange's signal types",
    "compare_hash": "threatexchange's signal types",
    "get_random_signal": "threatexchange's signal types",
}
AWAITED = {
    "packed_defaults": "the catalogue's upkeep",
}


def _words() -> Counter[str]:
    words: Counter[str] = Counter()
    for path in {*SOURCES, HERE / "pyproject.toml"}:
        words.update(re.findall(r"[A-Za-z_]\w*", path.read_text()))
    return words


def _definitions(path: Path) -> Iterator[str]:
    """Names that somebody has to use; what is decorated may be called by its decorator."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        plain = {"classmethod", "staticmethod", "property", "cached_property", "contextmanager"}
        decorated = {ast.unparse(each).partition("(")[0] for each in node.decorator_list}
        by_others = decorated - plain - {"asynccontextmanager", "dataclass", "runtime_checkable", "cache"}
        if not node.name.startswith("__") and not by_others:
            yield node.name


def test_every_function_and_class_is_used() -> None:
    words = _words()
    unused = {
        f"{name} ({path.relative_to(HERE)})"
        for path in SOURCES
        if path.suffix == ".py"
        for name in _definitions(path)
        if words[name] == 1 and name not in {*CALLED_BY_LIBRARIES, *AWAITED}
    }
    assert not unused


def test_every_named_query_is_called() -> None:
    words = _words()
    unused = {
        f"{name} ({path.name})"
        for path in sorted((HERE / "sql" / "queries").glob("*.sql"))
        for name in re.findall(r"^-- name: (\w+)", path.read_text(), re.MULTILINE)
        if not words[name] and not words[f"{name}_cursor"]
    }
    assert not unused


def test_every_named_query_says_what_it_returns_and_what_it_costs() -> None:
    cost = re.compile(
        r"index|keys?\b|rows?\b|reads?\b|served|look-ups?\b|pass\b|tables?\b|_by_|costs?\b|steps?\b|computed|counts|touches|by\s+(--\s)?[a-z]+_[a-z_]+",
        re.IGNORECASE,
    )
    silent = {
        f"{name} ({path.name})"
        for path in sorted((HERE / "sql" / "queries").glob("*.sql"))
        for name, comment in re.findall(
            r"^-- name: (.+)\n((?:--.*\n)*)", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        if len(comment.split()) < 5 or not cost.search(comment)
    }
    assert not silent
