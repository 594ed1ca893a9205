"""Looks for measuring: of no picture, but of the size and the form that pictures have."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hashing.look import FORM_BYTES, Form, Look
from hashing.look_forms import FORM_NAMES

_BATCH = 4096


def drawn_looks(count: int, seed: int) -> Iterator[bytes]:
    """Looks with four forms of random bits. One in ten is the one before it with some bits changed."""
    rng = np.random.default_rng(seed)
    before: Look | None = None
    for start in range(0, count, _BATCH):
        rows = rng.integers(0, 256, (_BATCH, len(FORM_NAMES), FORM_BYTES - 1), dtype=np.uint8)
        for number in range(min(_BATCH, count - start)):
            if before is not None and rng.random() < 0.1:
                look = Look(tuple(_nearly(form, rng) for form in before.forms))
            else:
                raw = [rows[number, which].tobytes() for which in range(len(FORM_NAMES))]
                look = Look(
                    tuple(
                        Form(name, data[:32], data[32:64], data[64:])
                        for name, data in zip(FORM_NAMES, raw, strict=True)
                    )
                )
            before = look
            yield look.to_bytes()


def _nearly(form: Form, rng: np.random.Generator) -> Form:
    flipped = np.unpackbits(np.frombuffer(form.pdq, np.uint8)).copy()
    flipped[rng.integers(0, 256, 16)] ^= 1
    return Form(form.name, np.packbits(flipped).tobytes(), form.inner_pdq, form.picture)
