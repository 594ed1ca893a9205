"""Who sends a request: the address and network behind it, and the anonymous client whose token it shows."""

from __future__ import annotations

from aiohttp import web

from samelook.api.state import SETTINGS
from samelook.extension_api.errors import Unauthorised
from samelook.extension_api.extension import EXTENSION, Extension
from samelook.extension_api.limits import client_address, client_of, network_of
from samelook.sql.away import AWAY

CLIENT_HEADER = "X-Samelook-Client"
_CLIENT: web.RequestKey[str] = web.RequestKey("client")
COST_TOKEN = 5.0
"""Of showing a token, in the units of an address's work."""


def address_of(request: web.Request) -> str:
    """The address of whoever asks, as the outermost of our own proxies saw it."""
    proxies = request.app[SETTINGS].extension.trusted_proxies
    # A proxy may add a line of its own to what the client has invented.
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", ())) if proxies else None
    return client_address(request.remote, forwarded, proxies)


def client_behind(request: web.Request) -> str:
    """Whom limits count as one client."""
    found = request.get(_CLIENT)
    if found is None:
        found = request[_CLIENT] = client_of(address_of(request))
    return found


def network_behind(request: web.Request) -> str:
    """The network that the address is in."""
    return network_of(address_of(request))


async def client_if_known(request: web.Request, extension: Extension) -> int | None:
    """The client whose token the request shows, if it shows one. Raises Unauthorised for a bad one."""
    token = request.headers.get(CLIENT_HEADER)
    if token is None:
        return None
    # Before it is looked for: an invented one is a question to the database each time.
    extension.work.take(client_behind(request), COST_TOKEN)
    try:
        return await extension.clients.known(token)
    except AWAY:
        # While the database is away, clients are judged without their own allowlists.
        return None


async def needed_client(request: web.Request) -> int:
    """The client whose token the request shows. Raises Unauthorised."""
    token = request.headers.get(CLIENT_HEADER)
    if token is None:
        raise Unauthorised(
            f"Send a client token in the header {CLIENT_HEADER}; POST /x/v1/clients gives one."
        )
    extension = request.app[EXTENSION]
    extension.work.take(client_behind(request), COST_TOKEN)
    return await extension.clients.known(token)
