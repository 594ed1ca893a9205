"""Environment variables as fields: how the rooms' settings say which variable fills what.

A room's settings are a frozen dataclass. A field that the environment may fill is made by `variable`, with
the variable's name, its default and what it means; `samelook.settings` finds these and reads the environment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

_METADATA = "variable"


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that fills a field."""

    name: str
    help: str
    parse: Callable[[str], Any]
    """Raises ValueError saying what to write."""
    unit: float
    """What one in the variable is in the field: 86,400 where that is in days and this in seconds."""
    secret: bool

    def read(self, text: str) -> Any:
        """The field's value. Raises ValueError."""
        value = self.parse(text)
        return value if self.unit == 1 else value * self.unit

    def written(self, value: Any) -> str:
        """A field's value as it is written into the variable; nothing for one that is unset."""
        if isinstance(value, bool):
            return f"{value:d}"
        if isinstance(value, int | float):
            whole = isinstance(value, int) and value % self.unit == 0
            return str(value // self.unit if whole else value / self.unit)
        if isinstance(value, tuple | frozenset):
            return ",".join(str(item) for item in (value if isinstance(value, tuple) else sorted(value)))
        return str(value) if value else ""


def variable(
    name: str,
    default: Any,
    help_text: str,
    parse: Callable[[str], Any] = str,
    *,
    unit: float = 1,
    secret: bool = False,
    in_repr: bool = True,
) -> Any:
    """A field of a frozen dataclass that the variable `name` fills; a `default` that is callable makes it."""
    metadata = {_METADATA: Variable(name, help_text, parse, unit, secret)}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata, repr=in_repr and not secret)


def variables_of(settings: type) -> list[tuple[Field[Any], Variable]]:
    """The fields of a settings class that variables fill."""
    return [
        (defined, defined.metadata[_METADATA])
        for defined in fields(settings)
        if _METADATA in defined.metadata
    ]


def path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def flag(text: str) -> bool:
    word = text.strip().lower()
    if word not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        raise ValueError("write 1 or 0")
    return word in {"1", "true", "yes", "on"}


def at_least(lowest: float, kind: Callable[[str], float], most: float = float("inf")) -> Callable[[str], Any]:
    """Reads numbers of a kind, from `lowest` to `most`."""
    whole: object = int
    number = "a whole number" if kind is whole else "a number"
    span = f"of at least {lowest:g}" if most == float("inf") else f"from {lowest:g} to {most:g}"

    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            # Python's own message speaks of literals and bases.
            raise ValueError(f"write {number} {span}") from None
        if not lowest <= value <= most or value == float("inf"):
            raise ValueError(f"write {number} {span}")
        return value

    return parse


count = at_least(1, int)
seconds = at_least(0, float)


def words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is no network; write an address with its prefix, as 10.1.0.0/16"
        ) from None
    raise ValueError(f"{text!r} begins within a network; write {meant}")


def url(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise ValueError("write a URL that begins with https:// or http://")
    return text.rstrip("/")
