"""How events are logged on standard error: as sentences on a terminal, elsewhere as a line of JSON each."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import MutableMapping
from typing import Any

import structlog

_DROPPED = ("timestamp", "level", "event", "exception")


def configure_logging(*, level: str = "warning") -> None:
    """Write events of at least this level. Tracebacks never show local variables: they may hold secrets."""
    on_terminal = sys.stderr.isatty()
    renderer: structlog.types.Processor = for_people if on_terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Standard error as it is when something is logged: tests and embedding programs replace it.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def for_people(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """An event as a sentence with its time, no line of it wider than the terminal; a traceback as it is."""
    values = ", ".join(f"{name} {_shown(value)}" for name, value in event.items() if name not in _DROPPED)
    name = str(event.get("event", "")).replace(".", " ").replace("_", " ")
    level = str(event.get("level", ""))
    words = f"{str(event.get('timestamp', ''))[11:19]} {level}: {name}" + (f" ({values})" if values else "")
    width = shutil.get_terminal_size().columns
    lines = textwrap.wrap(words, width, subsequent_indent=" " * 9, break_on_hyphens=False)
    if event.get("exception"):
        lines.append(str(event["exception"]))
    return "\n".join(lines)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    # A value may come from the web: nothing in it may steer the terminal.
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
