"""How long what people say of banks and contents may be; without imports, for processes that start often."""

from __future__ import annotations

LONGEST_NAME = 255
LONGEST_DESCRIPTION = 10_000
MOST_TAGS, LONGEST_TAG = 100, 255
