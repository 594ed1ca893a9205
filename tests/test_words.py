"""Names in the code mean one thing, and say what it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from tests.test_unused import HERE, SOURCES

TREES = {str(path.relative_to(HERE)): ast.parse(path.read_text()) for path in SOURCES if path.suffix == ".py"}
EMPTY_NAMES = {"said", "told", "given", "one"}


def test_a_public_class_name_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(path)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def counts_before_plurals(tree: ast.AST) -> Iterator[str]:
    """Texts with a number before a plural noun, where the number is no limit of ours."""
    for text in ast.walk(tree):
        for part, behind in pairwise(text.values if isinstance(text, ast.JoinedStr) else ()):
            if (
                isinstance(part, ast.FormattedValue)
                and isinstance(part.format_spec, ast.JoinedStr)
                and [ast.literal_eval(spec) for spec in part.format_spec.values] == [","]
                and not ast.unparse(part.value).isupper()
                and isinstance(behind, ast.Constant)
                and re.match(r" ([a-z-]+ )?[a-z]+s\b", str(behind.value))
            ):
                yield ast.unparse(text)


def test_a_number_before_a_noun_fits_it() -> None:
    """Not "1 icons": `counted` writes both forms."""
    found = {
        path: texts
        for path, tree in TREES.items()
        if path.startswith(("samelook/commands/", "samelook/terminal/"))
        if (texts := list(counts_before_plurals(tree)))
    }
    assert found == {}


def test_variables_are_named_by_what_they_hold() -> None:
    """`one` may stand beside `other`, where two of a kind are compared."""
    found = []
    for path, tree in TREES.items():
        for scope in ast.walk(tree):
            if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            names = _fields(scope) if isinstance(scope, ast.ClassDef) else _variables(scope)
            empty = (names & EMPTY_NAMES) - ({"one"} if names & {"other", "second"} else set())
            found += [f"{path}: {scope.name}: {name}" for name in sorted(empty)]
    assert found == []


def _variables(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    names = set()
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name is not None:
            names.add(node.name)
    return names


def _fields(of: ast.ClassDef) -> set[str]:
    return {
        statement.target.id
        for statement in of.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }


def test_functions_are_named_by_what_they_return_or_do() -> None:
    found = {
        f"{path}: {node.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.strip("_") in EMPTY_NAMES
    }
    assert found == set()
