"""Why two icons show one mark, drawn for people: where the signs agree once one lies on the other."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samelook.looks.contours import laid_on
from samelook.looks.same_mark import marks_of, signs_in

if TYPE_CHECKING:
    from samelook.looks.look import Look

_ENLARGED: Final = 4


def agreement_png(asked: Sequence[Look], found: Sequence[Look]) -> bytes:
    """What `agreement_of` draws, enlarged to 384 by 128 pixels, as a PNG. Raises BadModel."""
    picture = Image.fromarray(agreement_of(asked, found))
    larger = (picture.width * _ENLARGED, picture.height * _ENLARGED)
    out = io.BytesIO()
    picture.resize(larger, Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def agreement_of(asked: Sequence[Look], found: Sequence[Look]) -> NDArray[np.uint8]:
    """The signs of two icons, given by their looks, and where they agree, shape (32, 96, 3). Raises BadModel.

    On the left the one's sign as it lies on the other's, then the other's; on the right both: green where
    they agree, red where only the first one has something, blue where only the second.
    """
    ours, theirs = marks_of(asked), marks_of(found)
    cosines = ours.vectors @ theirs.vectors.T
    row, column = np.unravel_index(int(cosines.argmax()), cosines.shape)
    other = signs_in(theirs.pictures)[column]
    one = laid_on(signs_in(ours.pictures)[row], theirs.outlines[column][None]).signs[0]
    both = np.minimum(one, other)
    together = np.stack([one - both, both, other - both], axis=-1)
    grey = [np.repeat(sign[..., None], 3, axis=-1) for sign in (one, other)]
    return np.concatenate([*grey, together], axis=1)
