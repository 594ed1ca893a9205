"""The web server that is every host of the sample web at once; the Host header decides which."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache

from aiohttp import ETag, web
from yarl import URL

from samelook.demo.sample_web.pages import home_page
from samelook.demo.sample_web.sample_site import SampleAnswer, SampleSite, Transfer, redirect
from samelook.demo.sample_web.sites import SITES

REQUESTS: web.AppKey[Counter[tuple[str, str]]] = web.AppKey("requests", Counter)
"""How often each host and path was asked for."""

_DRIP_PAUSE_S = 0.25
_SHUTDOWN_S = 0.2

Answers = dict[tuple[str, str], SampleAnswer]


def create_sample_web(sites: Iterable[SampleSite] = SITES) -> web.Application:
    """An application that answers for every host of the sample web, on any port and any scheme.

    `www.` before a host is the host itself. A host outside the sample web gets 421 (RFC 9110,
    section 15.5.20), an unknown path 404. Endless and dripping answers last until the client hangs up.
    """
    sites = tuple(sites)
    answers = answers_of(sites)
    hosts = {host for host, _ in answers}
    app = web.Application()
    requests = app[REQUESTS] = Counter()
    # One whole answer at a time is remembered for each path: small, and the same bytes for every visitor.
    body_of = lru_cache(maxsize=4096)(_body_of)

    async def handle(request: web.Request) -> web.StreamResponse:
        # The header as sent: yarl would decode an internationalised name.
        host = request.host.partition(":")[0].lower()
        requests[host, request.rel_url.raw_path] += 1
        if host not in hosts:
            host = host.removeprefix("www.")
        if host not in hosts:
            return web.Response(status=421, text=f"The sample web has no host {host!r}.\n")
        answer = answers.get((host, request.rel_url.raw_path)) or answers.get((host, "*"))
        if answer is None:
            return web.Response(
                status=404, text="<!DOCTYPE html><title>Not found</title>", content_type="text/html"
            )
        if answer.delivery in {Transfer.ENDLESS, Transfer.DRIP, Transfer.RESET}:
            return await _misbehave(request, answer)
        body, tag = body_of(answer, "gzip" in request.headers.get("Accept-Encoding", ""))
        return _response(request, answer, body, tag)

    app.router.add_get("/{path:.*}", handle)
    return app


@asynccontextmanager
async def sample_web_server(port: int = 0) -> AsyncIterator[int]:
    """The sample web on the loopback address while the block runs; gives the port (0 picks a free one)."""
    runner = web.AppRunner(create_sample_web(), shutdown_timeout=_SHUTDOWN_S, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def answers_of(sites: Iterable[SampleSite]) -> Answers:
    """What is served at each host and path; the path `*` stands for all others of its host."""
    answers: Answers = {}
    for site in sites:
        home = site.home or site.host
        if home != site.host:
            answers[site.host, "*"] = redirect(f"https://{home}/", 301)
        answers[home, "/"] = SampleAnswer(home_page(site).encode())
        for path, answer in (
            *((path, SampleAnswer(picture)) for path, picture in site.files.items()),
            *site.answers.items(),
        ):
            url = URL(site.url(path), encoded=True)
            answers[url.raw_host or home, url.raw_path] = answer
    return answers


def _body_of(answer: SampleAnswer, accepts_gzip: bool) -> tuple[bytes, str]:
    body = answer.data
    if answer.delivery is Transfer.GZIP and accepts_gzip:
        body = gzip.compress(body, mtime=0)
    return body, hashlib.sha256(body).hexdigest()[:20]


def _response(request: web.Request, answer: SampleAnswer, body: bytes, tag: str) -> web.Response:
    if answer.location:
        return web.Response(status=answer.status, headers={"Location": answer.location})
    headers = {"Content-Type": answer.media_type, "Cache-Control": "max-age=60"}
    if answer.delivery is Transfer.GZIP:
        headers["Vary"] = "Accept-Encoding"
    known = request.if_none_match or ()
    if answer.status == web.HTTPOk.status_code and any(etag.value in {tag, "*"} for etag in known):
        response = web.Response(status=304)
    else:
        if answer.delivery is Transfer.GZIP_FILE or (
            answer.delivery is Transfer.GZIP and body[:2] == b"\x1f\x8b"
        ):
            headers["Content-Encoding"] = "gzip"
        response = web.Response(status=answer.status, body=body, headers=headers)
    response.etag = ETag(tag)
    return response


async def _misbehave(request: web.Request, answer: SampleAnswer) -> web.StreamResponse:
    if answer.delivery is Transfer.RESET:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    response = web.StreamResponse(headers={"Content-Type": answer.media_type})
    await response.prepare(request)
    data = answer.data
    try:
        while answer.delivery is Transfer.ENDLESS:
            await response.write(data)
        for byte in data:
            await response.write(bytes([byte]))
            await asyncio.sleep(_DRIP_PAUSE_S)
    except ConnectionError:
        # The client hung up, as it should.
        pass
    return response
