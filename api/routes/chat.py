"""What the API's description says of the chat's routes, which the inspector makes and guards itself."""

from __future__ import annotations

from samelook.api.description import described
from samelook.inspector.chat import interactions, shared_output

_TAG = "Discord"


def describe() -> None:
    """Notes beside the inspector's handlers what they do, and that they need no API key."""
    described(
        _TAG,
        "A question from Discord, signed by it; the answer goes there",
        role=None,
        consumes={"application/json": {"type": "object"}},
        answer=dict[str, object],
        errors=(401, 413),
    )(interactions)
    described(
        _TAG, "A long answer, for whoever has its link", role=None, produces="text/plain", errors=(404,)
    )(shared_output)
