"""The pictures that a document refers to, each as a data URL that the renderer draws, within a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from samelook.hashing.errors import HashingError, SvgRefused
from samelook.hashing.picture import DecodeLimits
from samelook.hashing.svg import images
from samelook.hashing.svg.size import size_of
from samelook.hashing.svg.tree import parsed

_MOST_IMAGES = 64


class Document(Protocol):
    """A rewritten SVG."""

    @property
    def text(self) -> str: ...
    @property
    def fonts(self) -> frozenset[str]: ...
    @property
    def missing(self) -> tuple[str, ...]: ...
    @property
    def has_view(self) -> bool: ...


class EmbeddedPictures:
    """Decodes what data URLs hold; an SVG among them is rewritten by `rewrite`."""

    def __init__(self, limits: DecodeLimits, rewrite: Callable[[bytes], Document]) -> None:
        self._limits = limits
        self._rewrite = rewrite
        self._left = _MOST_IMAGES
        self.fonts: set[str] = set()
        self.is_stretched = False
        """Whether what was asked for last is an SVG without a viewBox, which fills any shape."""
        self.missing: set[str] = set()
        """What could not be drawn of the picture that was asked for last."""

    def shown(self, address: str) -> str | None:
        """What an address shows; None if nothing, or nothing that can be drawn."""
        self.missing, self.is_stretched = set(), False
        data = images.data_of(address)
        if not data:
            # In place of a picture that is broken or missing, browsers draw their sign of a broken picture.
            self.missing = {"image"} if address else set()
            return None
        self._left -= 1
        if self._left < 0:
            raise SvgRefused(f"The SVG has more than {_MOST_IMAGES} pictures in it.", limit=_MOST_IMAGES)
        try:
            if images.is_svg(data):
                inner = self._rewrite(data)
                self.fonts |= inner.fonts
                self.missing = set(inner.missing)
                self.is_stretched = not inner.has_view
                return images.svg_url(inner.text)
            return images.drawable(data, self._limits)
        except SvgRefused:
            raise
        except HashingError:
            self.missing = {"image"}
            return None

    def natural_size(self, address: str) -> tuple[float, float]:
        """Width and height of a picture that is shown."""
        data = images.data_of(address) or b""
        if images.is_svg(data):
            size = size_of(parsed(data, self._limits).attributes, None)
            return float(size.width), float(size.height)
        width, height = images.natural_size(data, self._limits)
        return float(width), float(height)
