"""The root of every error that Samelook raises on purpose."""

from __future__ import annotations


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
