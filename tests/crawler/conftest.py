"""Fixtures of the crawler's tests: a real web server that answers for any host name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class HostsServer:
    """One server for many hosts; `resolve` maps every name to it. Unknown paths answer 404."""

    port: int = 0
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Host (as in the Host header) and path with query of each request, in order."""
    requests: list[web.BaseRequest] = field(default_factory=list)
    _routes: dict[tuple[str, str], Handler] = field(default_factory=dict)

    @property
    def resolve(self) -> str:
        return f"*=127.0.0.1:{self.port}"

    def handle(self, host: str, path: str, handler: Handler) -> None:
        """Calls `handler` for `path` (without query) on `host`; a path of `*` is for all others."""
        self._routes[host, path] = handler

    def add(
        self,
        host: str,
        path: str,
        body: bytes | str = b"",
        *,
        content_type: str = "text/html",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Answers with `body`; a string is sent as UTF-8."""
        data = body.encode() if isinstance(body, str) else body
        sent = {"Content-Type": content_type} | (headers or {})

        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=data, status=status, headers=sent)

        self.handle(host, path, answer)

    def redirect(self, host: str, path: str, location: str, *, status: int = 302) -> None:
        self.add(host, path, status=status, headers={"Location": location})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.host, request.raw_path))
        self.requests.append(request)
        routes = self._routes
        handler = routes.get((request.host, request.path)) or routes.get((request.host, "*"))
        if handler is None:
            return web.Response(status=404, text="not here")
        return await handler(request)


@pytest.fixture
async def hosts_server() -> AsyncIterator[HostsServer]:
    """A running `HostsServer` on a free port."""
    hosts = HostsServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hosts.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hosts.port = runner.addresses[0][1]
    try:
        yield hosts
    finally:
        await runner.cleanup()
