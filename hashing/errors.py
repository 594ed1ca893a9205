"""What can go wrong between bytes and signals."""

from __future__ import annotations


class HashingError(Exception):
    """A picture could not be decoded or hashed.

    `kind` is a stable word for tables and programs, the message is for people, and `detail`
    holds JSON-ready facts (sizes, limits, what was found instead).
    """

    kind = "hashing_error"

    def __init__(self, message: str, **detail: object) -> None:
        super().__init__(message)
        self.message = message
        self.detail: dict[str, object] = detail

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; keyword arguments do not survive the default pickling.
        return _rebuild, (type(self), self.message, self.detail)


def _rebuild(cls: type[HashingError], message: str, detail: dict[str, object]) -> HashingError:
    return cls(message, **detail)
