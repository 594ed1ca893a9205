"""`samelook exchange export`: a bank as a file for others."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from samelook.terminal.console import counted, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from samelook.sql.settings import DatabaseSettings


def export(
    bank: Annotated[str, typer.Argument(metavar="BANK", help="The bank's name.", show_default=False)],
    *,
    format_name: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="local_file, hashes or ndjson.")
    ] = "local_file",
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only signals of this type. Repeat it for more."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to. Default: standard output."),
    ] = None,
) -> None:
    """Write a bank as a file that others can match with.

    `local_file` has lines of a signal type and a value, which the `local_file` exchange of
    python-threatexchange reads, and so its `tx` command and HMA; `hashes` has values of one type; `ndjson`
    has contents with note and metadata, for another Samelook's POST /c/bank/BANK/signals. Contents that are
    disabled are left out. A file is replaced when all of the bank is written, never by a part.

    For example:

        samelook exchange export MY_BRAND -o my_brand.txt

        samelook exchange export MY_BRAND --format hashes --type pdq
    """
    from samelook.banks.errors import BankError, UnknownSignalType
    from samelook.banks.export import BadExport
    from samelook.exchanges.signal_registration import register_signal_types
    from samelook.postgres.configured import configured_database
    from samelook.processes.running import run_async
    from samelook.settings import load_settings

    settings = load_settings()
    register_signal_types(settings.exchanges)  # how values of extensions are written
    lines = left_out = 0
    with configured_database(settings) as url, _written(output) as file:
        try:
            lines, left_out = run_async(
                _write(settings.database_at(url), bank, format_name, types or [], file)
            )
        except UnknownSignalType as error:
            raise typer.BadParameter(error.message, param_hint="--type") from error
        except BadExport as error:
            hint = "--format" if error.detail["field"] == "format" else "--type"
            raise typer.BadParameter(error.message, param_hint=hint) from error
        except BankError as error:
            tell(f"samelook: {error.message}")
            raise typer.Exit(1) from error
    if left_out:
        texts = counted(left_out, "text")
        tell(f"Left out: {texts} that no line can hold. The format ndjson holds any text.")
    if output is not None:
        tell(f"{counted(lines, 'line')} in {output}.")


async def _write(
    database: DatabaseSettings, bank_name: str, format_name: str, types: list[str], file: BinaryIO
) -> tuple[int, int]:
    from samelook.banks.export import checked_export, exported
    from samelook.banks.store import BankStore
    from samelook.sql.pool import open_pool

    # A pipe may be read slowly, and sorting a large bank takes its time; nobody else waits for it.
    patient = replace(database, max_connections=1, statement_timeout_s=0.0, idle_in_transaction_timeout_s=0.0)
    lines = left_out = 0
    async with open_pool(patient) as pool:
        export = checked_export(await BankStore(pool).bank(bank_name), format_name, types)
        async with exported(pool, export) as portions:
            async for portion in portions:
                file.write(portion.text)
                lines += portion.lines
                left_out += portion.left_out
    file.flush()
    return lines, left_out


@contextmanager
def _written(output: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a new file that takes the place of the named one at the end of the block."""
    if output is None:
        try:
            yield sys.stdout.buffer
        except BrokenPipeError:
            # The reader has closed the pipe (`| head`). What Python flushes when it ends goes to /dev/null.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    try:
        handle, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
    except OSError as error:
        raise typer.BadParameter(f"cannot write {output}: {error.strerror}", param_hint="--output") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(output)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
