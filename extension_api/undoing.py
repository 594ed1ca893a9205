"""Taking back what an operator did, by its number in the audit."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from samelook.extension_api.errors import BadRequest, NotFound
from samelook.extension_api.operator import OPERATOR, Act, checked, note
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.sql.pool import Connection


async def undo(connection: Connection, number: int, act: Act) -> str:
    """Take an act back, which is an act too; whom or what it was about.

    Raises NotFound for no such act, and BadRequest where it cannot be taken back: it changed more than is
    known of it, or somebody has acted on the same site since.
    """
    act = checked(act)
    ask: Any = queries("operator")
    async with connection.transaction():
        found = await ask.audited(connection, id=number)
        if found is None:
            raise NotFound("There is no such act.", id=number)
        subject, detail = found["subject"], found["detail"]
        if found["acted_since"]:
            raise BadRequest(f"Somebody has acted on {subject} since; decide anew.", subject=subject)
        match found["action"]:
            case "allow" | "block" | "forget" if not detail.get("groups"):
                await _relist(connection, subject, detail.get("before"))
            case "dismiss" if "at" in detail:
                await ask.restore_reports(connection, site=subject, at=datetime.fromisoformat(detail["at"]))
            case "family" if "group" in detail:
                await ask.forget_group(connection, id=detail["group"])
            case "add_common":
                digest = bytes.fromhex(detail["sha256"])
                await ask.forget_picture(connection, digest=digest, product=subject, source=OPERATOR)
            case action:
                raise BadRequest(f"{action} cannot be taken back by itself.", action=action)
        await note(connection, act, "undo", subject, of=number, undone=found["action"])
    return str(subject)


async def _relist(connection: Connection, site: str, before: dict[str, Any] | None) -> None:
    ask: Any = queries("operator")
    if before is None:
        await ask.unlist(connection, site=site)
        return
    expires_at = before["expires_at"]
    await ask.relist(
        connection,
        site=site,
        list=before["list"],
        note=before["note"],
        added_by=before["added_by"],
        expires_at=None if expires_at is None else datetime.fromisoformat(expires_at),
    )
