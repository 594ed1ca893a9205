"""Nothing is kept that only tests reach: functions, classes, variables and named queries have other users.

Each named query says what it returns, which index serves it and what it costs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
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
    "get_client": "threatexchange's exchanges",
    "get_entries": "threatexchange's client of NCMEC",
    "add_all": "threatexchange's indexes",
    "get_index_cls": "threatexchange's signal types",
    "normalize_fb_threatexchange_indicator": "threatexchange's signal types",
    "compare_hash": "threatexchange's signal types",
    "get_random_signal": "threatexchange's signal types",
}
PLAIN_DECORATORS = {
    "asynccontextmanager", "cache", "cached_property", "classmethod", "contextmanager", "dataclass",
    "property", "runtime_checkable", "staticmethod",
}  # fmt: skip
AWAITED = {
    "packed_defaults": "the catalogue's upkeep, tools/default_looks.py",
    "ROWS": "tests/sql/test_rows.py holds the types of rows to Postgres by it",
}


@dataclass(slots=True)
class Uses:
    """Names that the code uses; those in comments, docstrings and definitions are no uses."""

    plain: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    """Words in strings (`getattr`, annotations), templates, scripts and pyproject.toml."""

    def has(self, name: str, *, in_class: bool = False) -> bool:
        return name in self.attributes or name in self.texts or (not in_class and name in self.plain)


@cache
def _uses() -> Uses:
    uses = Uses()
    for path in SOURCES:
        if path.suffix == ".py":
            _note_uses(ast.parse(path.read_text()), uses)
    for path in [HERE / "pyproject.toml", *(path for path in SOURCES if path.suffix != ".py")]:
        uses.texts |= _words_in(path.read_text())
    return uses


def _note_uses(tree: ast.Module, uses: Uses) -> None:
    docstrings = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            uses.plain.add(node.id)
        elif isinstance(node, ast.Attribute):
            uses.attributes.add(node.attr)
        elif isinstance(node, ast.alias):
            uses.plain.add(node.name.rpartition(".")[2])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_prose = id(node) in docstrings or " " in node.value
            uses.texts |= set() if is_prose else _words_in(node.value)


def _words_in(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", text))


def _definitions(body: list[ast.stmt], *, in_class: bool = False) -> Iterator[tuple[str, bool]]:
    """Names that somebody has to use, and whether as attributes: functions, classes, a module's variables.

    What is decorated may be called by its decorator.
    """
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            decorated = {ast.unparse(each).partition("(")[0] for each in node.decorator_list}
            if not node.name.startswith("__") and not decorated - PLAIN_DECORATORS:
                yield node.name, in_class
            if isinstance(node, ast.ClassDef):
                yield from _definitions(node.body, in_class=True)
            else:
                nested = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
                yield from _definitions([inner for inner in node.body if isinstance(inner, nested)])
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _definitions(node.body, in_class=in_class)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not in_class:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                names = [name.id for name in ast.walk(target) if isinstance(name, ast.Name)]
                yield from ((name, False) for name in names if not name.startswith("__") and name != "_")


def test_every_function_class_and_variable_is_used() -> None:
    uses = _uses()
    unused = {
        f"{name} ({path.relative_to(HERE)})"
        for path in SOURCES
        if path.suffix == ".py"
        for name, in_class in _definitions(ast.parse(path.read_text()).body)
        if not uses.has(name, in_class=in_class) and name not in {*CALLED_BY_LIBRARIES, *AWAITED}
    }
    assert not unused


def test_what_is_allowed_to_have_no_user_has_none() -> None:
    uses = _uses()
    assert {name for name in AWAITED if uses.has(name)} == set()


def test_every_named_query_is_called() -> None:
    uses = _uses()
    unused = {
        f"{name} ({path.name})"
        for path in sorted((HERE / "sql" / "queries").glob("*.sql"))
        for name in re.findall(r"^-- name: (\w+)", path.read_text(), re.MULTILINE)
        if not uses.has(name, in_class=True) and not uses.has(f"{name}_cursor", in_class=True)
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
