"""What the pages ask of the facts that this process has in memory, where it gives verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from samelook.extension_api.extension import EXTENSION
from samelook.inspector.settings import InspectorSettings

if TYPE_CHECKING:
    from aiohttp import web

    from samelook.extension_api.extension import Extension
    from samelook.extension_api.judge import Judge
    from samelook.inspector.same_looks import LooksLike
    from samelook.looks.look import Look

PAGE_SETTINGS = InspectorSettings(near_pictures=20_000)
"""A page is waited for: all hashes are compared only where that takes some hundredths of a second."""


def judge_of(app: web.Application) -> Judge | None:
    """Who gives verdicts."""
    extension = _loaded(app)
    return None if extension is None else extension.answers.judge


def looks_like(app: web.Application) -> LooksLike | None:
    """Who knows which pictures look alike."""
    extension = _loaded(app)
    if extension is None:
        return None
    memory = extension.follower.memory

    def pictures(looks: Sequence[Look]) -> list[bytes]:
        found = [match for look in looks for match in memory.index.search(look)]
        found.sort(key=lambda match: (match.like.rule, match.like.pdq))
        return list(dict.fromkeys(memory.picture_of_look(match.number) for match in found))

    return pictures


def _loaded(app: web.Application) -> Extension | None:
    extension = app.get(EXTENSION)
    return extension if extension is not None and extension.follower.is_loaded else None
