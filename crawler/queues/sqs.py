"""Amazon SQS as the crawl's message service. Standard queues: delivery at least once, in no order.

Bodies are text in SQS, so messages travel in base64. Credentials come from where AWS's libraries look
for them: variables, a profile, a role. Needs the extra `sqs` (aiobotocore).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from samelook.crawler.queues.message_queue import Delivery, QueueUnusable

if TYPE_CHECKING:
    from samelook.crawler.queues.settings import QueueSettings

log = structlog.get_logger()

ENTRIES = 10
"""That SQS takes in one request."""
LARGEST_REQUEST = 1_000_000
"""Characters of one request. SQS takes a mebibyte, which in one piece would hold up the loop."""
LONGEST_VISIBILITY_S = 43_200
RETENTION_S = 14 * 86_400
"""As long as SQS keeps messages at most: an outage of the database may last."""
_ATTRIBUTES = 64
"""Bytes that are left free in a message for what goes with it."""


class SqsChannel:
    """One SQS queue."""

    def __init__(self, client: Any, url: str, largest: int, wait_s: float, visibility_s: float) -> None:
        self.largest_bytes = (largest - _ATTRIBUTES) // 4 * 3
        self._client = client
        self._url = url
        self._largest = largest
        self._wait_s = wait_s
        self._visibility_s = visibility_s

    async def send(self, bodies: Sequence[bytes]) -> None:
        """Hand messages over, as many in a request as it takes. Raises when one was not accepted."""
        for some in _requests([base64.b64encode(body).decode() for body in bodies], self._largest):
            entries = [{"Id": str(at), "MessageBody": text} for at, text in enumerate(some)]
            answer = await self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            failed = answer.get("Failed") or []
            if failed:
                why = failed[0].get("Message") or failed[0].get("Code")
                raise QueueUnusable(f"SQS refused {len(failed)} of {len(entries)} messages: {why}")

    async def receive(self, most: int) -> list[Delivery]:
        """Up to ten messages."""
        answer = await self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(most, ENTRIES),
            WaitTimeSeconds=min(20, round(self._wait_s)),
            VisibilityTimeout=_visibility(self._visibility_s),
        )
        return [
            Delivery(message["ReceiptHandle"], _bytes_of(message["Body"]))
            for message in answer.get("Messages", ())
        ]

    async def extend(self, receipts: Sequence[str], seconds: float) -> None:
        """Change when these are delivered again."""
        for some in _tens(receipts):
            answer = await self._client.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(at), "ReceiptHandle": receipt, "VisibilityTimeout": _visibility(seconds)}
                    for at, receipt in enumerate(some)
                ],
            )
            self._note_failures("visibility", answer)

    async def delete(self, receipts: Sequence[str]) -> None:
        """Delete these."""
        for some in _tens(receipts):
            answer = await self._client.delete_message_batch(
                QueueUrl=self._url,
                Entries=[{"Id": str(at), "ReceiptHandle": receipt} for at, receipt in enumerate(some)],
            )
            self._note_failures("delete", answer)

    def _note_failures(self, what: str, answer: dict[str, Any]) -> None:
        # A receipt ends with its delivery's time. Whoever is delivered the message next finds out.
        for failed in answer.get("Failed") or ():
            log.debug("sqs.refused", what=what, code=failed.get("Code"), message=failed.get("Message"))


class Sqs:
    """The queues of one prefix in one region."""

    def __init__(self, client: Any, choices: QueueSettings) -> None:
        self._client = client
        self._choices = choices

    async def channel(self, name: str, *, visibility_s: float) -> SqsChannel:
        """The queue `PREFIX-name`, made when it is not there. Raises QueueUnusable."""
        from botocore.exceptions import BotoCoreError, ClientError

        full = f"{self._choices.prefix}-{name}"
        try:
            url = await self._url_of(full)
            attributes = await self._client.get_queue_attributes(
                QueueUrl=url, AttributeNames=["MaximumMessageSize"]
            )
        except (BotoCoreError, ClientError, OSError) as error:
            raise QueueUnusable(f"The SQS queue {full} cannot be used: {error}", queue=full) from error
        largest = min(LARGEST_REQUEST, int(attributes["Attributes"]["MaximumMessageSize"]))
        return SqsChannel(self._client, url, largest, self._choices.wait_s, visibility_s)

    async def _url_of(self, full: str) -> str:
        from botocore.exceptions import ClientError

        try:
            found = await self._client.get_queue_url(QueueName=full)
        except ClientError as error:
            if not error.response["Error"]["Code"].endswith(("NonExistentQueue", "QueueDoesNotExist")):
                raise
            found = await self._client.create_queue(
                QueueName=full, Attributes={"MessageRetentionPeriod": str(RETENTION_S)}
            )
            log.info("sqs.created", queue=full)
        return str(found["QueueUrl"])


@asynccontextmanager
async def open_sqs(choices: QueueSettings) -> AsyncIterator[Sqs]:
    """SQS, with the credentials that AWS's libraries find. Raises QueueUnusable."""
    try:
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise QueueUnusable("SQS needs aiobotocore: install samelook with its extra `sqs`.") from error
    config = AioConfig(connect_timeout=5, read_timeout=25, retries={"mode": "standard", "max_attempts": 3})
    try:
        opened = get_session().create_client(
            "sqs", region_name=choices.sqs_region, endpoint_url=choices.sqs_endpoint, config=config
        )
        client = await opened.__aenter__()
    except (BotoCoreError, ValueError) as error:
        raise QueueUnusable(f"SQS cannot be used: {error}") from error
    try:
        yield Sqs(client, choices)
    finally:
        await opened.__aexit__(None, None, None)


def _requests(texts: Sequence[str], largest: int) -> Iterator[list[str]]:
    """The texts in as few requests as SQS takes: ten messages, and together no larger than one may be."""
    some: list[str] = []
    size = 0
    for text in texts:
        if some and (len(some) == ENTRIES or size + len(text) > largest - _ATTRIBUTES):
            yield some
            some, size = [], 0
        some.append(text)
        size += len(text)
    if some:
        yield some


def _tens(receipts: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(receipts), ENTRIES):
        yield receipts[at : at + ENTRIES]


def _visibility(seconds: float) -> int:
    return max(0, min(LONGEST_VISIBILITY_S, round(seconds)))


def _bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        # The message is not ours; unpacking it will say so.
        return text.encode("utf-8", "replace")
