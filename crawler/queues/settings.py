"""What can be chosen about message services as queues."""

from __future__ import annotations

import re
from dataclasses import dataclass

from samelook.variables import at_least, count, url, variable


def _service(text: str) -> str:
    if text.lower() not in {"postgres", "sqs", "pubsub"}:
        raise ValueError("write postgres, sqs or pubsub")
    return text.lower()


def _prefix(text: str) -> str:
    # What both services take as the beginning of a name; with "-results" behind it SQS's 80 letters must do.
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{2,60}", text) or text.lower().startswith("goog"):
        raise ValueError("write 3 to 61 letters, digits, hyphens or underscores, a letter first")
    return text


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """What carries the crawl's work; how much is in a message service at once, and for how long."""

    service: str = variable(
        "SAMELOOK_QUEUE",
        "postgres",
        "What carries the crawl's work: postgres (the database itself), sqs or pubsub.",
        _service,
    )
    # The queues are PREFIX-domains, -icons, -hashes, -results and -dead.
    prefix: str = variable(
        "SAMELOOK_QUEUE_PREFIX",
        "samelook",
        "Beginning of the queues' names at SQS or Pub/Sub.",
        _prefix,
    )
    inputs_per_message: int = 50
    """Inputs of one message: few, so that all are done long before their leases end."""
    ahead: int = variable(
        "SAMELOOK_QUEUE_AHEAD", 5000, "Inputs of a phase that are at SQS or Pub/Sub at once, at most.", count
    )
    queued_s: float = variable(
        "SAMELOOK_QUEUE_SECONDS",
        3600.0,
        "Seconds after which an input that SQS or Pub/Sub never delivered is sent again.",
        at_least(1, float),
    )
    sqs_region: str | None = variable(
        "SAMELOOK_SQS_REGION", None, "Region of the SQS queues. Default: that of AWS's own settings."
    )
    sqs_endpoint: str | None = variable(
        "SAMELOOK_SQS_ENDPOINT", None, "URL of a service that speaks SQS's protocol. Default: AWS.", url
    )
    pubsub_project: str = variable("SAMELOOK_PUBSUB_PROJECT", "", "Google Cloud project of the topics.")
    pubsub_endpoint: str | None = variable(
        "SAMELOOK_PUBSUB_ENDPOINT",
        None,
        "URL of a Pub/Sub emulator, which is asked without credentials. Default: Google's service.",
        url,
    )
    wait_s: float = 1.0
    """Seconds that a request for messages waits for one, at most."""
