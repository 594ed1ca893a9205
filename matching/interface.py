"""What goes into an index and comes out of it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.uint8]
"""Codes, a row each."""
Ids: TypeAlias = NDArray[np.int64]
Distances: TypeAlias = NDArray[np.uint16]
Found: TypeAlias = tuple[Ids, Distances]
"""What was found: ids, and their distances in bits."""
Code: TypeAlias = bytes | bytearray | memoryview | NDArray[np.uint8]
