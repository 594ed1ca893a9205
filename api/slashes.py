"""Paths with slashes too many, as of a base URL that ends in one: they lead where HMA lets them lead."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiohttp import web
from aiohttp.abc import AbstractMatchInfo
from aiohttp.web_urldispatcher import AbstractResource, AbstractRoute, UrlMappingMatchInfo
from yarl import URL


class MergedSlashes(AbstractResource):
    """Every path that no other resource has and that holds two slashes in a row: it is looked up with one."""

    def __init__(self, app: web.Application) -> None:
        super().__init__()
        self._app = app

    @property
    def canonical(self) -> str:
        """Where the router looks last."""
        return "/"

    def url_for(self, **_: str) -> URL:
        """The root: these paths are not for making URLs."""
        return URL("/")

    def add_prefix(self, prefix: str) -> None:
        """Nothing: what it leads to has its prefix already."""

    def get_info(self) -> dict[str, str]:  # type: ignore[override]  # aiohttp's own is a TypedDict of its resources
        """What a list of routes says of it."""
        return {"path": "//"}

    def raw_match(self, _: str) -> bool:
        """False: no other resource has the same path."""
        return False

    async def resolve(self, request: web.Request) -> tuple[UrlMappingMatchInfo | None, set[str]]:
        """What the path leads to with single slashes, and the methods that it takes."""
        path = request.rel_url.raw_path
        if "//" not in path:
            return None, set()
        merged = request.rel_url.with_path(re.sub("/{2,}", "/", path), encoded=True)
        query = request.rel_url.raw_query_string
        found: AbstractMatchInfo = await self._app.router.resolve(
            request.clone(
                rel_url=URL(f"{merged.raw_path}?{query}" if query else merged.raw_path, encoded=True)
            )
        )
        if isinstance(found, UrlMappingMatchInfo) and found.http_exception is None:
            return found, set()
        refusal = found.http_exception
        return None, set(refusal.allowed_methods) if isinstance(refusal, web.HTTPMethodNotAllowed) else set()

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[AbstractRoute]:
        return iter(())
