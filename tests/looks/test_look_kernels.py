"""The measures in C are those in numpy, but for the last places of a float."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from samelook.looks import kernels as look_kernels
from samelook.looks import measures as look_measures
from samelook.looks.kernels import KERNELS, LookKernels
from samelook.looks.look import BRIGHT_SIDE, PICTURE_BYTES

_Pictures = NDArray[np.uint8]


@pytest.fixture
def kernels() -> LookKernels:
    if KERNELS is None:
        if os.environ.get("CI"):
            pytest.fail("samelook.looks._looks was not compiled, and CI must test it", pytrace=False)
        pytest.skip("samelook.looks._looks was not built: there was no compiler at installation")
    return KERNELS


@pytest.fixture(scope="module")
def pairs() -> tuple[_Pictures, _Pictures]:
    """Strangers, pictures with noise, pictures that were moved, and even ones."""
    rng = np.random.default_rng(8)
    coarse = rng.integers(0, 256, (600, PICTURE_BYTES // 4), dtype=np.uint8)
    left = np.repeat(coarse, 4, axis=1)
    right = rng.permutation(left)
    noise = rng.integers(-6, 7, (200, PICTURE_BYTES))
    right[:200] = np.clip(left[:200] + noise, 0, 255)
    moved = left[200:400, : BRIGHT_SIDE * BRIGHT_SIDE].reshape(-1, BRIGHT_SIDE, BRIGHT_SIDE)
    for number, picture in enumerate(moved):
        shift = rng.integers(-2, 3, 2).tolist()
        right[200 + number, : BRIGHT_SIDE * BRIGHT_SIDE] = np.roll(picture, shift, (0, 1)).ravel()
    left[-3:], right[-2:] = 255, 255
    left[-1] = 0
    return left, right


def test_measures_are_the_same(kernels: LookKernels, pairs: tuple[_Pictures, _Pictures]) -> None:
    expected = look_measures.measures_in_numpy(*pairs)
    found = look_measures.Measures(*look_kernels.measures(kernels, *pairs))
    for name, ours, theirs in zip(expected._fields, found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-4, err_msg=name)
    np.testing.assert_allclose(look_kernels.tints(kernels, *pairs), expected.tint, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(look_kernels.inners(kernels, *pairs), found.inner)
    np.testing.assert_allclose(look_measures.inners_in_numpy(*pairs), expected.inner, rtol=1e-6)


def test_no_rows_give_no_measures(kernels: LookKernels) -> None:
    nothing = np.empty((0, PICTURE_BYTES), np.uint8)
    assert look_kernels.tints(kernels, nothing, nothing).shape == (0,)
    assert look_kernels.measures(kernels, nothing, nothing).shape == (16, 0)
    assert len(look_measures.measures_in_numpy(nothing, nothing).tint) == 0
    assert look_measures.inners_in_numpy(nothing, nothing).shape == (0,)
    assert look_measures.tints_in_numpy(nothing, nothing).shape == (0,)


def test_what_does_not_fit_is_refused(kernels: LookKernels) -> None:
    good, out = np.zeros((3, PICTURE_BYTES), np.uint8), np.empty((16, 3), np.float32)
    refused: list[tuple[Any, Any, int, Any]] = [
        (good[:2], good, 3, out),
        (good, good[:, :-1].copy(), 3, out),
        (good, good, 2, out),
        (good, good, -1, out),
        (good, good, 1 << 60, out),
        (good, good, 3, out[:3]),
        (good, good, 3, np.empty((2, 3), np.complex64)),
    ]
    for left, right, rows, target in refused:
        with pytest.raises(ValueError, match="rows"):
            kernels.measures(left, right, rows, target)
    with pytest.raises((TypeError, BufferError, ValueError)):
        kernels.measures(good, good, 3, bytes(192))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        kernels.measures(good, good, 3, None)  # type: ignore[arg-type]
