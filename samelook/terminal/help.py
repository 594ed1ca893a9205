"""Names in `--help` for what an option takes: `N` and `TEXT` instead of Python's `int` and `str`."""

from __future__ import annotations

from typing import Any

_WORDS = (("bool", ""), ("int", "N"), ("float", "NUMBER"), ("Path", "FILE"))


def readable(command: Any) -> Any:
    """The command, with a word for what each of its options and arguments, and its commands', takes."""
    for parameter in command.params:
        _name(parameter)
    # Made when it is first asked for, so it is not among the others.
    make_help_option = command.get_help_option

    def help_option(context: Any) -> Any:
        option = make_help_option(context)
        if option is not None:
            option.metavar = ""
        return option

    command.get_help_option = help_option
    for child in getattr(command, "commands", {}).values():
        readable(child)
    return command


def _name(parameter: Any) -> None:
    kind = getattr(parameter, "type_descriptor", None)
    if kind is None:
        return
    if parameter.param_type_name == "argument":
        parameter.metavar = parameter.metavar or parameter.name.upper()
        # Its name says what it is; the column beside it would say `<str>`.
        parameter.display_type_rich = lambda ctx: None  # noqa: ARG005 - called by that name
    elif parameter.metavar is None and kind.is_choice:
        parameter.metavar = "|".join(str(getattr(choice, "value", choice)) for choice in kind.choices)
    elif parameter.metavar is None:
        name = str(kind.annotation)
        parameter.metavar = next((word for part, word in _WORDS if part in name), "TEXT")
