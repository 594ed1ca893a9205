"""Names in `--help` for what an option takes: `N` and `TEXT` instead of Python's `int` and `str`."""

from __future__ import annotations

from typing import Any

_WORDS = (("bool", ""), ("int", "N"), ("float", "NUMBER"), ("Path", "FILE"))


def readable(command: Any) -> Any:
    """The command, with a word for what each of its options and arguments, and its commands', takes."""
    for parameter in command.params:
        kind = getattr(parameter, "type_descriptor", None)
        if kind is None or parameter.metavar is not None or kind.is_choice:
            continue
        if parameter.param_type_name == "argument":
            parameter.metavar = parameter.name.upper()
        else:
            name = str(kind.annotation)
            parameter.metavar = next((word for part, word in _WORDS if part in name), "TEXT")
    for child in getattr(command, "commands", {}).values():
        readable(child)
    return command
