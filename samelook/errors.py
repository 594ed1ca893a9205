"""The root of every error that Samelook raises on purpose."""

from __future__ import annotations

import os
import re

_NUMBERS = re.compile(r"\[Errno (\d+)\]")


class SamelookError(Exception):
    """Something could not be done, and the message says what, to what, and what to do.

    `kind` is a stable word for tables and programs, the message is for people, and `detail` holds JSON-ready
    facts. Each room has a root of its own below this one, and leaves for what a caller can act on.
    """

    kind = "samelook_error"

    def __init__(self, message: str, **detail: object) -> None:
        super().__init__(message)
        self.message = message
        self.detail: dict[str, object] = detail

    def as_json(self) -> dict[str, object]:
        """The row that error tables keep: `{"kind", "message", "detail"}`."""
        return {"kind": self.kind, "message": self.message, "detail": self.detail}


def reason_of(error: BaseException) -> str:
    """What an error says, in the system's words where the system raised it: "Connection refused"."""
    text = str(error)
    if isinstance(error, OSError):
        # asyncio names its call, once for each address: "[Errno 111] Connect call failed ('::1', 5432)".
        numbers = dict.fromkeys(map(int, _NUMBERS.findall(text)))
        text = ", ".join(map(os.strerror, numbers)) or error.strerror or text
    if not text and isinstance(error, TimeoutError):
        return "no answer in time"
    return text or type(error).__name__
