"""What one Samelook exports, the file exchange of another one fetches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samelook.banks.contents import ContentStore
from samelook.banks.details import Details
from samelook.banks.export import checked_export, exported
from samelook.banks.signal_types import SIGNAL_TYPES
from samelook.banks.store import BankStore
from samelook.sql.pool import Pool


async def test_an_export_comes_back_whole_through_the_file_exchange(
    pool: Pool, store: Any, fetch: Any, matching: Any, tmp_path: Path
) -> None:
    banks = BankStore(pool)
    bank = await banks.create("OURS")
    for first in (0x11, 0xEE):
        for kind in SIGNAL_TYPES.values():
            value = bytes([first]) * (kind.bits // 8)
            await ContentStore(banks).add("OURS", {kind: value}, Details())
    path = tmp_path / "ours.txt"
    async with exported(pool, checked_export(bank, "local_file", [])) as portions:
        path.write_bytes(b"".join([portion.text async for portion in portions]))

    await store.create("THEIRS", "local_file", {"filename": str(path)})
    outcome = await fetch("THEIRS")
    assert outcome.succeeded, outcome.error
    assert outcome.quarantined == 0
    assert await matching("THEIRS") == await matching("OURS")
    assert len(await matching("THEIRS")) == len(SIGNAL_TYPES)
