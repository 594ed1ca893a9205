"""Which files exchanges may read and write: regular ones below one folder that the operator names.

What an exchange is to read comes over the network from whoever may make exchanges. Without this they could
read every file of the service's user, and have a process hang on a device that never ends.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from .errors import BadExchange, SourceRefused

FILE_TYPE = "local_file"
"""The exchange type whose configuration names a file."""


def check_file(config: Mapping[str, Any], folder: Path | None) -> None:
    """Raises BadExchange for a configuration whose file may not be read."""
    if config["api"] != FILE_TYPE:
        return
    try:
        path_below(folder, config["filename"])
    except SourceRefused as error:
        raise BadExchange(f"filename: {error.message}", field="filename") from error


def path_below(folder: Path | None, filename: str) -> Path:
    """The file of that name, links followed; it may be absent. Raises SourceRefused outside the folder."""
    if folder is None:
        raise SourceRefused(
            "no file may be read: the operator has named no folder in SAMELOOK_EXCHANGE_FOLDER"
        )
    root = folder.resolve()
    try:
        path = (root / filename).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        # Links in a circle, a folder that may not be entered, what is no file's name.
        raise SourceRefused(f"it cannot be found: {type(error).__name__}") from error
    if not path.is_relative_to(root):
        raise SourceRefused(
            "it is not below the folder that the operator has named in SAMELOOK_EXCHANGE_FOLDER"
        )
    return path


def opened(path: Path, *, to_write: bool = False) -> BinaryIO:
    """The file, open. Raises OSError, and SourceRefused for anything but a regular file."""
    # O_NONBLOCK: to open a named pipe would wait for somebody who writes into it.
    way = (os.O_RDWR if to_write else os.O_RDONLY) | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, way)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SourceRefused(f"{path.name} is no regular file")
    return os.fdopen(descriptor, "r+b" if to_write else "rb")
