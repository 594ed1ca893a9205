"""Names in the code mean one thing, and say what it is."""

from __future__ import annotations

import ast

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


def test_variables_are_named_by_what_they_hold() -> None:
    """`one` may stand beside `other`, where two of a kind are compared."""
    found = []
    for path, tree in TREES.items():
        for scope in ast.walk(tree):
            if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            names = {
                node.arg if isinstance(node, ast.arg) else node.id
                for node in ast.walk(scope)
                if isinstance(node, ast.arg)
                or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
            }
            empty = (names & EMPTY_NAMES) - ({"one"} if names & {"other", "second"} else set())
            found += [f"{path}: {scope.name}: {name}" for name in sorted(empty)]
    assert found == []
