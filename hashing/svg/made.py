"""Clips, masks and patterns that a document lacks and its styles ask for."""

from __future__ import annotations

from samelook.hashing.errors import SvgRefused
from samelook.hashing.svg.boxes import Box
from samelook.hashing.svg.tree import Element

_MOST_GRADIENTS = 32


class Made:
    """Collects what is made, under names that the document does not have."""

    def __init__(self, root: Element) -> None:
        self.elements: list[Element] = []
        self._root = root
        self._gradients = 0
        self._masks: dict[str, Element] | None = None
        self.taken = {element.attributes.get("id") for element in root.walk()}
        """The names that the document has."""

    def spend_gradient(self) -> None:
        """Counts one gradient that is painted for a mask. Raises SvgRefused when there were too many."""
        self._gradients += 1
        if self._gradients > _MOST_GRADIENTS:
            raise SvgRefused(
                f"The SVG has more than {_MOST_GRADIENTS} masks of gradients.", limit=_MOST_GRADIENTS
            )

    def masked_by_alpha(self, reference: str) -> Element | None:
        """The mask of a reference, whose alpha counts from now on, if it is told for the first time."""
        if self._masks is None:
            self._masks = {
                f"url(#{element.attributes.get('id')})": element
                for element in self._root.walk()
                if element.name == "mask"
            }
        return self._masks.pop(reference, None)

    def clip(self, path: dict[str, str]) -> str:
        """The name of a clip of one path."""
        return self._with("clipPath", {}, "path", path)

    def pattern(self, tile: dict[str, str], image: dict[str, str]) -> str:
        """The name of a pattern of one picture."""
        return self._with("pattern", tile, "image", image)

    def mask(self, box: Box, url: str) -> str:
        """The name of a mask by the alpha of a picture that is stretched over a box."""
        sides = {"x": box.left, "y": box.top, "width": box.width, "height": box.height}
        area = {side: f"{value:.9g}" for side, value in sides.items()}
        image = {
            **area,
            "xlink:href": url,
            "preserveAspectRatio": "none",
            "style": "image-rendering:pixelated",
        }
        return self._with(
            "mask", {**area, "maskUnits": "userSpaceOnUse", "style": "mask-type:alpha"}, "image", image
        )

    def _with(self, kind: str, attributes: dict[str, str], inner: str, content: dict[str, str]) -> str:
        name = f"{kind}-{len(self.elements)}"
        while name in self.taken:
            name += "-"
        element = Element(kind, {"id": name, **attributes})
        element.add(inner, content)
        self.elements.append(element)
        return name
