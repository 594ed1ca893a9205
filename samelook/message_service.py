"""The message service that carries the crawl's work, as the settings name it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from samelook.settings import SettingsError

if TYPE_CHECKING:
    from samelook.crawler.etl import Messages
    from samelook.crawler.queues.message_queue import MessageService
    from samelook.settings import Settings


@asynccontextmanager
async def configured_messages(settings: Settings, *, with_etl: bool) -> AsyncIterator[Messages | None]:
    """SQS or Pub/Sub, tried once, so that a wrong set-up is told at the start; None for the database.

    Raises QueueUnusable and SettingsError.
    """
    if settings.queues.service == "postgres":
        yield None
        return
    from samelook.crawler.etl import Messages
    from samelook.crawler.queues.message_queue import DEAD

    async with AsyncExitStack() as stack:
        service = await _opened(settings, stack)
        await service.channel(DEAD, visibility_s=settings.crawl.lease_s)
        yield Messages(service, settings.queues, with_etl)


async def _opened(settings: Settings, stack: AsyncExitStack) -> MessageService:
    if settings.queues.service == "sqs":
        from samelook.crawler.queues.sqs import open_sqs

        return await stack.enter_async_context(open_sqs(settings.queues))
    if not settings.queues.pubsub_project:
        raise SettingsError("SAMELOOK_QUEUE=pubsub needs SAMELOOK_PUBSUB_PROJECT.")
    from samelook.crawler.queues.pubsub import open_pubsub

    return await stack.enter_async_context(open_pubsub(settings.queues))
