"""What an exchange type takes: its configuration and its credentials, checked; and both as a form to fill in.

Messages about credentials name fields, never values.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

from samelook.sql.storable import storable_json

from .errors import BadCredentials, BadExchange

_LONGEST_CREDENTIAL = 8192
_OURS = frozenset({"name", "api", "enabled"})
"""Fields of a configuration that are set for the exchange, not for its type."""
_SIMPLE: dict[Any, str] = {str: "string", int: "number", float: "number", bool: "boolean"}


def checked_config(kind: type[Any], name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as it is stored. Raises BadExchange."""
    from threatexchange.utils import dataclass_json

    of_type = kind.get_config_cls()
    known = {field.name for field in dataclasses.fields(of_type)}
    unknown = sorted(set(config) - known)
    if unknown:
        takes = sorted(known - _OURS) or ["nothing"]
        raise BadExchange(
            f"api_json: {kind.get_name()} takes {', '.join(takes)}, not {unknown[0]!r}.", field=unknown[0]
        )
    full = {**config, "name": name, "api": kind.get_name(), "enabled": True}
    try:
        loaded = dataclass_json.dataclass_load_dict(full, of_type)
        stored = json.loads(dataclass_json.dataclass_dumps(loaded))
    except Exception as error:
        raise BadExchange(f"api_json does not fit {kind.get_name()}: {error}") from error
    if storable_json(stored) != json.dumps(stored, ensure_ascii=False):
        raise BadExchange("api_json holds a character that cannot be stored (NUL or half a surrogate pair).")
    return {**stored, "api": kind.get_name()}


def configuration_of(config: Mapping[str, Any], name: str, api: str, *, enabled: bool) -> dict[str, Any]:
    """A stored configuration as it is now."""
    return {**config, "name": name, "api": api, "enabled": enabled}


def takes_credentials(kind: type[Any]) -> bool:
    """Whether exchanges of this type have credentials."""
    from threatexchange.exchanges.auth import SignalExchangeWithAuth

    return issubclass(kind, SignalExchangeWithAuth)


def checked_credentials(  # noqa: C901 - one fault after the other
    kind: type[Any], setting: object
) -> dict[str, Any] | None:
    """The credentials as they are stored; None when there are none. Raises BadCredentials."""
    if setting is None or setting == {}:
        return None
    if not isinstance(setting, Mapping):
        raise BadCredentials("credential_json is to be an object.")
    name = kind.get_name()
    if not takes_credentials(kind):
        raise BadCredentials(f"Exchange type {name!r} does not take credentials.")
    of_type: Any = kind.get_credential_cls()
    if not dataclasses.is_dataclass(of_type):
        raise BadCredentials(f"Exchange type {name!r} takes its credentials from the environment only.")
    fields = {field.name: field for field in dataclasses.fields(of_type) if field.init}
    if not fields.keys() >= set(setting):
        raise BadCredentials(
            f"credential_json has fields that {name} does not take: those are {', '.join(fields)}."
        )
    missing = [
        field.name
        for field in fields.values()
        if field.name not in setting
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise BadCredentials(f"credential_json lacks {', '.join(missing)}.")
    for field, value in setting.items():
        if isinstance(value, str):
            if len(value) > _LONGEST_CREDENTIAL or "\0" in value:
                raise BadCredentials(
                    f"credential_json: {field} is too long, or holds a character that none may hold."
                )
        elif value is not None and not isinstance(value, bool | int | float):
            raise BadCredentials(f"credential_json: {field} is to be a single value.")
    _check_loads(of_type, setting, name)
    return dict(setting)


def _check_loads(of_type: Any, values: Mapping[str, Any], name: str) -> None:
    from threatexchange.utils import dataclass_json

    try:
        valid = bool(dataclass_json.dataclass_load_dict(dict(values), of_type)._are_valid())  # noqa: SLF001
    except Exception:  # noqa: BLE001 - see the next line
        # The cause is left out: it would quote the value, which may be a secret.
        raise BadCredentials(f"credential_json is not valid for {name}.") from None
    if not valid:
        raise BadCredentials(f"credential_json is not valid for {name}.")


def fallback_source(kind: type[Any]) -> str | None:
    """Where this machine has credentials of its own: environment, file, or nowhere."""
    return _fallback(kind)[0]


def fallback_credentials(kind: type[Any]) -> dict[str, Any] | None:
    """The credentials that this machine has of its own."""
    found = _fallback(kind)[1]
    return dataclasses.asdict(found) if dataclasses.is_dataclass(found) else None  # type: ignore[arg-type]


def _fallback(kind: type[Any]) -> tuple[str | None, Any]:
    of_type = kind.get_credential_cls()
    for source, load in (("environment", of_type._from_env), ("file", of_type._from_file)):  # noqa: SLF001
        try:
            found = load()
        except Exception:  # noqa: BLE001 - see the next line
            return None, None
        if found is not None:
            return (source, found) if found._are_valid() else (None, None)  # noqa: SLF001
    return None, None


def schema_of(kind: type[Any]) -> dict[str, Any]:
    """The fields to ask for, as HMA's forms have them."""
    credentials = None
    if takes_credentials(kind):
        credentials = {"fields": _fields(kind.get_credential_cls(), frozenset())}
    return {
        "config_schema": {"fields": _fields(kind.get_config_cls(), _OURS)},
        "credentials_schema": credentials,
    }


def _fields(of_type: type[Any], without: frozenset[str]) -> list[dict[str, Any]]:
    if not dataclasses.is_dataclass(of_type):
        return []
    hints = typing.get_type_hints(of_type)
    return [
        _field(field, hints[field.name])
        for field in dataclasses.fields(of_type)
        if field.init and field.name not in without
    ]


def _field(field: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    word, choices = _described(hint)
    required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    default: Any = None
    if field.default is not dataclasses.MISSING:
        default = field.default
    elif field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    return {
        "name": field.name,
        "type": word,
        "required": required,
        "default": _json_of(default),
        "help": field.metadata.get("help", ""),
        "choices": choices,
    }


def _described(hint: Any) -> tuple[str, list[Any] | None]:
    origin, arguments = (
        typing.get_origin(hint),
        [argument for argument in typing.get_args(hint) if argument is not type(None)],
    )
    if origin in (typing.Union, types.UnionType) and len(arguments) == 1:
        return _described(arguments[0])
    if origin in (set, frozenset, list) and arguments:
        return f"{'list' if origin is list else 'set'}_of_{_described(arguments[0])[0]}", None
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "enum", [member.value for member in hint]
    return _SIMPLE.get(hint, "string"), None


def _json_of(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset | list | tuple):
        return [_json_of(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
