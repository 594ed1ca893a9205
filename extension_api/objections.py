"""What somebody concerned says against a verdict, and how a site's owner proves to be one: by a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from samelook.extension_api.errors import BadRequest, NotFound
from samelook.names.sites import Site, site_of_url
from samelook.sql.named import queries
from samelook.sql.storable import storable

if TYPE_CHECKING:
    from samelook.sql.pool import Connection

PROOF_PATH = "/.well-known/samelook-objection.txt"
LONGEST_CONTACT, LONGEST_MESSAGE = 200, 4000
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Objection:
    """Somebody's objection, without what only the operator is to read."""

    id: UUID
    site: Site
    verdict_id: UUID
    at: datetime
    proven_at: datetime | None

    @property
    def proof_url(self) -> str:
        """Where the owner's file is looked for."""
        return f"https://{self.site}{PROOF_PATH}"

    def is_proven_by(self, final_url: str, status: int, body: bytes) -> bool:
        """Whether what was fetched from `proof_url` is the owner's file, from the site itself."""
        found = 200 <= status < 300 and site_of_url(final_url) == self.site  # noqa: PLR2004 - of HTTP
        return found and str(self.id) in body[:1000].decode(errors="replace").split()


async def object_to(connection: Connection, site: str, verdict_id: UUID, contact: str, message: str) -> UUID:
    """Takes an objection; its number. Raises BadRequest."""
    contact, message = storable(contact.strip()), storable(message.strip())
    if not 3 <= len(contact) <= LONGEST_CONTACT:  # noqa: PLR2004 - no address is shorter
        raise BadRequest("Say how you can be reached: an address for mail, or a telephone number.")
    if len(message) > LONGEST_MESSAGE:
        raise BadRequest(f"At most {LONGEST_MESSAGE} characters.")
    number: UUID = await _ask().add_objection(
        connection, site=site, verdict_id=verdict_id, contact=contact, message=message
    )
    return number


async def objection(connection: Connection, number: UUID) -> Objection:
    """The objection of this number. Raises NotFound."""
    row = await _ask().objection(connection, id=number)
    if row is None:
        raise NotFound("There is no objection with this number.")
    return Objection(**row)


async def objections_of(connection: Connection, site: str) -> list[dict[str, Any]]:
    """What was said against verdicts on a site, the newest first, for its operator."""
    return [dict(row) async for row in _ask().objections_of(connection, site=site, most=_MOST_SHOWN)]


async def note_proof(connection: Connection, number: UUID) -> None:
    """Notes that the owner speaks."""
    await _ask().prove_objection(connection, id=number)


def _ask() -> Any:
    return queries("objections")
