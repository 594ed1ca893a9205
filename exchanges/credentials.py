"""Credentials at rest: encrypted with the operator's key when there is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .errors import CredentialsLocked, LibraryMissing

_PLAIN, _FERNET = b"\x00", b"\x01"


class Vault:
    """Seals and opens credentials. With several keys the first one seals, and each of them opens."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._fernet = _fernet(keys) if keys else None

    def seal(self, credentials: Mapping[str, Any]) -> bytes:
        """What is stored."""
        text = json.dumps(dict(credentials)).encode()
        if self._fernet is None:
            return _PLAIN + text
        return _FERNET + bytes(self._fernet.encrypt(text))

    def open(self, sealed: bytes) -> dict[str, Any]:
        """What was sealed. Raises CredentialsLocked."""
        form, body = sealed[:1], sealed[1:]
        if form == _FERNET:
            if self._fernet is None:
                raise CredentialsLocked(
                    "The stored credentials are encrypted: set SAMELOOK_CREDENTIALS_KEY to their key."
                )
            from cryptography.fernet import InvalidToken

            try:
                body = self._fernet.decrypt(body)
            except InvalidToken as error:
                raise CredentialsLocked(
                    "The stored credentials are encrypted with another key than SAMELOOK_CREDENTIALS_KEY: "
                    "add the former key behind a comma, or set the credentials anew."
                ) from error
        elif form != _PLAIN:
            raise CredentialsLocked("The stored credentials are of a newer version of this program.")
        opened: dict[str, Any] = json.loads(body)
        return opened


def _fernet(keys: tuple[str, ...]) -> Any:
    try:
        from cryptography.fernet import Fernet, MultiFernet
    except ImportError as error:
        raise LibraryMissing(
            "SAMELOOK_CREDENTIALS_KEY needs the cryptography package: pip install 'samelook[exchanges]'"
        ) from error
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise CredentialsLocked(
            "SAMELOOK_CREDENTIALS_KEY is no Fernet key: 32 random bytes in URL-safe base64. Make one with "
            "`python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'`."
        ) from error
