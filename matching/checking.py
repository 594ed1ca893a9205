"""Codes, ids and radii from callers: turned into the arrays the engines want, or refused with advice."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import BadQuery
from .list_kernels import Array

SUPPORTED_BITS = (64, 256)


def checked_bits(bits: int) -> int:
    """`bits` if the engines are built for it."""
    if bits not in SUPPORTED_BITS or isinstance(bits, bool):
        raise BadQuery(f"an index of {bits!r} bits: codes have 64 or 256 bits", bits=repr(bits))
    return int(bits)


def checked_codes(codes: Any, bits: int) -> Array:
    """uint8[n, bits / 8], contiguous."""
    array = np.asarray(codes)
    if array.dtype != np.uint8:
        raise BadQuery(
            f"codes of type {array.dtype}: uint8 is needed, for example from"
            " np.frombuffer(b''.join(hashes), np.uint8).reshape(-1, bits // 8)"
        )
    if array.shape[1:] != (bits // 8,):
        raise BadQuery(f"codes of shape {array.shape}: (n, {bits // 8}) is needed for {bits} bits")
    return np.ascontiguousarray(array)


def checked_ids(ids: Any, count: int | None = None) -> Array:
    """int64[n], contiguous; `count` long if given."""
    array = np.asarray(ids)
    if array.size == 0 and array.ndim == 1:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise BadQuery(
            f"ids of type {array.dtype} and shape {array.shape}: a row of 64-bit integers is needed"
        )
    if array.dtype == np.uint64 and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise BadQuery("an id is larger than 2**63 - 1: ids are signed 64-bit integers")
    if count is not None and len(array) != count:
        raise BadQuery(f"{count} codes but {len(array)} ids: each code needs one id")
    return np.ascontiguousarray(array, np.int64)


def checked_code(code: Any, bits: int) -> Array:
    """uint8[bits / 8], contiguous, from bytes or an array."""
    if isinstance(code, str):
        raise BadQuery("a code is bytes, not text: use bytes.fromhex(code)")
    array = np.frombuffer(code, np.uint8) if isinstance(code, bytes | bytearray) else np.asarray(code)
    if array.dtype != np.uint8 or array.shape != (bits // 8,):
        raise BadQuery(
            f"a code of type {array.dtype} and shape {array.shape}: {bits // 8} bytes, or uint8[{bits // 8}],"
            f" are needed for {bits} bits"
        )
    return np.ascontiguousarray(array)


def checked_radius(radius: Any, bits: int) -> int:
    """A radius that makes sense."""
    try:
        value = int(radius.__index__())
    except (AttributeError, TypeError) as error:
        raise BadQuery(f"a radius of {radius!r}: a whole number of bits is needed") from error
    if not 0 <= value <= bits:
        raise BadQuery(f"a radius of {value} bits: 0 to {bits} make sense", radius=value)
    return value
