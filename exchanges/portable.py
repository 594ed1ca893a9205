"""Values of the library and its extensions as JSON text, and back.

Records and checkpoints are instances of classes that we do not know. Pickle would keep them, and run
whatever a row of the database says when it is read; here a row can only name classes of the packages that
the exchange type itself comes from, and fills their fields without calling anything.
"""

from __future__ import annotations

import base64
import dataclasses
import importlib
import json
import math
from collections.abc import Collection
from datetime import date, datetime
from enum import Enum
from typing import Any

_TAG = "~"


class NotPortable(ValueError):
    """A value cannot be written as JSON, or what was written cannot be read back."""


class Portable:
    """Writes and reads values of JSON's own types, sets, tuples, bytes, times and some packages' classes."""

    def __init__(self, packages: Collection[str]) -> None:
        self._packages = frozenset(packages)
        self._classes: dict[str, type] = {}

    def dumps(self, value: object) -> str:
        """The value as text; equal values give equal texts. Raises NotPortable."""
        try:
            return json.dumps(self._written(value), separators=(",", ":"), sort_keys=True, allow_nan=False)
        except RecursionError as error:
            raise NotPortable("it is nested too deeply, or in itself") from error

    def loads(self, text: str) -> Any:
        """The value that was written. Raises NotPortable."""
        try:
            return self._read(json.loads(text))
        except NotPortable:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise NotPortable(f"what was kept cannot be read: {error}") from error

    def _written(self, value: object) -> Any:  # noqa: C901, PLR0911 - one line a type
        match value:
            case Enum():
                return {_TAG: "enum", "c": self._name(type(value)), "v": value.name}
            case None | bool() | int() | str():
                return value
            case float():
                return value if math.isfinite(value) else {_TAG: "float", "v": repr(value)}
            case list():
                return [self._written(item) for item in value]
            case tuple() if type(value) is tuple:
                return {_TAG: "tuple", "v": [self._written(item) for item in value]}
            case set() | frozenset():
                items = sorted(
                    (self._written(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True)
                )
                return {_TAG: type(value).__name__, "v": items}
            case dict():
                if all(isinstance(key, str) and key != _TAG for key in value):
                    return {key: self._written(item) for key, item in value.items()}
                return {
                    _TAG: "dict",
                    "v": [[self._written(key), self._written(item)] for key, item in value.items()],
                }
            case bytes():
                return {_TAG: "bytes", "v": base64.b64encode(value).decode()}
            case datetime():
                return {_TAG: "datetime", "v": value.isoformat()}
            case date():
                return {_TAG: "date", "v": value.isoformat()}
        return {_TAG: "object", "c": self._name(type(value)), "v": self._fields(value)}

    def _fields(self, value: object) -> dict[str, Any]:
        if dataclasses.is_dataclass(value):
            return {
                field.name: self._written(getattr(value, field.name)) for field in dataclasses.fields(value)
            }
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            return {name: self._written(item) for name, item in value._asdict().items()}
        try:
            return {name: self._written(item) for name, item in vars(value).items()}
        except TypeError as error:
            raise NotPortable(f"a {type(value).__qualname__} cannot be kept: make it a dataclass") from error

    def _read(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._read(item) for item in value]
        if not isinstance(value, dict):
            return value
        if _TAG not in value:
            return {key: self._read(item) for key, item in value.items()}
        return self._read_tagged(value[_TAG], value)

    def _read_tagged(self, tag: str, value: dict[str, Any]) -> Any:  # noqa: C901, PLR0911 - one line a type
        held = value["v"]
        match tag:
            case "enum":
                return self._class(value["c"])[held]  # type: ignore[index]
            case "float":
                return float(held)
            case "tuple":
                return tuple(self._read(item) for item in held)
            case "set":
                return {self._read(item) for item in held}
            case "frozenset":
                return frozenset(self._read(item) for item in held)
            case "dict":
                return {self._read(key): self._read(item) for key, item in held}
            case "bytes":
                return base64.b64decode(held)
            case "datetime":
                return datetime.fromisoformat(held)
            case "date":
                return date.fromisoformat(held)
            case "object":
                return _filled(
                    self._class(value["c"]), {name: self._read(item) for name, item in held.items()}
                )
        raise NotPortable(f"unknown kind of value {tag!r}")

    def _name(self, kind: type) -> str:
        name = f"{kind.__module__}:{kind.__qualname__}"
        if self._classes.get(name) is not kind:
            if self._class(name) is not kind:
                raise NotPortable(f"{name} is not found under its own name")
            self._classes[name] = kind
        return name

    def _class(self, name: str) -> type:
        known = self._classes.get(name)
        if known is not None:
            return known
        module, _, path = name.partition(":")
        if module.partition(".")[0] not in self._packages:
            raise NotPortable(f"{name} is of another package than its exchange type")
        try:
            found: Any = importlib.import_module(module)
            for part in path.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as error:
            raise NotPortable(f"there is no {name}") from error
        if not isinstance(found, type):
            raise NotPortable(f"{name} is no class")
        self._classes[name] = found
        return found


def _filled(kind: type, fields: dict[str, Any]) -> Any:
    """An instance with these fields; those that a newer version of the class has added get their defaults."""
    if issubclass(kind, tuple):
        return kind(**fields)
    made = object.__new__(kind)
    if dataclasses.is_dataclass(kind):
        for field in dataclasses.fields(kind):
            if field.name in fields:
                value = fields[field.name]
            elif field.default is not dataclasses.MISSING:
                value = field.default
            elif field.default_factory is not dataclasses.MISSING:
                value = field.default_factory()
            else:
                raise NotPortable(f"{kind.__qualname__} has a new field {field.name!r} without a default")
            object.__setattr__(made, field.name, value)
        return made
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made
