"""What can be chosen about message services as queues."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How much is in a message service at once, and for how long."""

    prefix: str = "samelook"
    """Of the queues' names: `PREFIX-domains`, `-icons`, `-hashes`, `-results` and `-dead`."""
    inputs_per_message: int = 50
    """What one delivery is worth: little enough to be done long before its lease ends."""
    ahead: int = 5_000
    """Inputs of a phase that wait in the service or are worked on; more are fed when these are done."""
    queued_s: float = 3_600.0
    """Seconds after which an input that was fed and never delivered is fed again."""
    wait_s: float = 1.0
    """Seconds that a request for messages waits for one, at most."""
