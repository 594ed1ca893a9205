"""API keys in a file, for services without a database: one a line, after its role and its name."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from samelook.api.description import AccessRole
from samelook.errors import SamelookError, reason_of

_ROLES: tuple[AccessRole, ...] = get_args(AccessRole)
_PARTS = 3
_SHORTEST_KEY = 20
_LARGEST = 1 << 20


class KeyFileUnusable(SamelookError):
    """The file of keys cannot be read, or a line of it is no key."""

    kind = "key_file_unusable"


def keys_in(path: Path) -> dict[str, tuple[str, AccessRole]]:
    """Name and role by key; lines that are empty or begin with # say nothing. Raises KeyFileUnusable."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "it is no text in UTF-8"
        raise KeyFileUnusable(f"{path}: the keys cannot be read: {reason}", path=str(path)) from error
    if len(text) > _LARGEST:
        raise KeyFileUnusable(
            f"{path} is no list of keys: it has more than {_LARGEST} bytes.", path=str(path)
        )
    found: dict[str, tuple[str, AccessRole]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        role = next((known for known in _ROLES if known == parts[0]), None)
        if len(parts) != _PARTS or role is None or len(parts[2]) < _SHORTEST_KEY:
            # The line itself is not shown: it holds a key, or something that was to be one.
            raise KeyFileUnusable(
                f"{path}, line {number}: write a role ({', '.join(_ROLES)}), a name, and a random key of "
                f"{_SHORTEST_KEY} characters or more.",
                path=str(path),
                line=str(number),
            )
        found[parts[2]] = (parts[1], role)
    return found
