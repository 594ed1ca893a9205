"""Who wears which look, as a Parquet file for work that outgrows one machine (docs/billion-rows.md).

One row for each site and picture that it wears now: `site`, `rank` (null for one that no list ranks),
`sha256` of the picture, and `hash`, the signal's bytes. Written page by page, so memory stays the same
however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samelook.hashing.table import STORED
from samelook.inspector.errors import BadQuestion
from samelook.inspector.looks import rank_of
from samelook.inspector.tables import compared_signal
from samelook.names.hosts import host_of
from samelook.sql.hash_queries import hash_queries
from samelook.sql.named import queries

if TYPE_CHECKING:
    from samelook.hashing.table import Signal
    from samelook.inspector.settings import InspectorSettings
    from samelook.sql.pool import Connection

_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    pictures: int
    rows: int


async def export_overlaps(
    connection: Connection, settings: InspectorSettings, file: Path, *, signal: str = "pdq"
) -> Exported:
    """Write the file; an unfinished one bears its name with `.part` behind it. Raises BadQuestion."""
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise BadQuestion("Parquet needs pyarrow: install samelook with its extra `parquet`.") from error
    table, _ = compared_signal(signal, None)
    query = getattr(hash_queries(STORED), f"worn_{table.name}")
    schema = _schema(table)
    part = file.with_name(f"{file.name}.part")
    page_rows = min(_PAGE, settings.page)
    pictures = rows = 0
    after = b""
    try:
        with parquet.ParquetWriter(part, schema, compression="zstd") as writer:
            while True:
                page = [row async for row in query(connection, after=after, page=page_rows)]
                worn = [row for row in page if row["targets"] is not None]
                if worn:
                    batch = await _rows(connection, worn, schema)
                    writer.write_table(batch)
                    pictures += len(worn)
                    rows += len(batch)
                if len(page) < page_rows:
                    break
                after = page[-1]["sha256"]
        part.replace(file)
    except OSError as error:
        raise BadQuestion(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    return Exported(pictures, rows)


def _schema(signal: Signal) -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("site", pa.string(), nullable=False),
            pa.field("rank", pa.int64()),
            pa.field("sha256", pa.binary(32), nullable=False),
            pa.field("hash", pa.binary(signal.bits // 8), nullable=False),
        ]
    )


async def _rows(connection: Connection, worn: list[Any], schema: Any) -> Any:
    import pyarrow as pa

    domain_ids = sorted({domain for row in worn for domain in row["targets"]})
    sites = {
        row["id"]: (str(host_of(row["reversed_name"])), rank_of(row["position"]))
        async for row in queries("inspector").sites_of(connection, domain_ids=domain_ids)
    }
    found = [
        (*sites[domain], row["sha256"], row["hash"])
        for row in worn
        for domain in sorted(set(row["targets"]))
        if domain in sites
    ]
    columns = zip(*found, strict=True) if found else ((), (), (), ())
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
