"""The crawl's own command; with BENCH_TWICE=1 every message is sent twice (for bench/queues)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

if __name__ == "__main__":
    if os.environ.get("BENCH_TWICE"):
        from samelook.crawler.queues import pubsub, sqs

        for channel in (pubsub.PubsubChannel, sqs.SqsChannel):

            async def send_twice(self: Any, bodies: Sequence[bytes], send: Any = channel.send) -> None:
                await send(self, [body for body in bodies for _ in range(2)])

            channel.send = send_twice  # type: ignore[method-assign]
    from samelook.cli import main

    sys.argv[0] = "samelook"
    main()
