"""`use` put in place: custom properties are inherited where a part is used, not where it is defined."""

from __future__ import annotations

from contextlib import suppress

from samelook.hashing.errors import SvgRefused
from samelook.hashing.svg.tree import Element


class Uses:
    """Copies parts of a document to where they are used, up to a number of elements."""

    def __init__(self, root: Element, most_copies: int) -> None:
        self._by_id = {
            element.attributes["id"]: element for element in root.walk() if "id" in element.attributes
        }
        self._copies_left = self._most = most_copies
        self._originals: dict[int, Element] = {}
        self._kept: list[Element] = []

    def original(self, element: Element) -> Element:
        """What a copy was made of, which selectors are matched with; the element itself if it is no copy."""
        return self._originals.get(id(element), element)

    def take_sides(self, use: Element) -> None:
        """Gives `use` the place and the size of the symbol that it shows, as far as it says none."""
        symbol = self._by_id.get(use.href()[1:]) if use.href().startswith("#") else None
        if symbol is None or symbol.name != "symbol":
            return
        for name in ("width", "height"):
            if name in symbol.attributes:
                use.attributes.setdefault(name, symbol.attributes[name])
        for name in ("x", "y"):
            with suppress(ValueError):
                moved = float(use.attributes.get(name, 0)) + float(symbol.attributes.get(name, 0))
                use.attributes[name] = f"{moved:.9g}"

    def expand(self, use: Element) -> None:
        """Puts a copy of what `use` refers to in its place."""
        target = self._by_id.get(use.href()[1:]) if use.href().startswith("#") else None
        around: Element | None = use
        while around is not None and around is not target:
            around = around.parent
        if target is None or around is target:
            return
        sides = {name: use.attributes.pop(name, "") for name in ("x", "y", "width", "height")}
        for name in ("href", "xlink:href"):
            use.attributes.pop(name, None)
        use.name, use.children = "g", []
        moved = use.add("g", {"transform": f"translate({sides['x'] or 0} {sides['y'] or 0})"})
        copy = self._copied(target, moved)
        moved.children.append(copy)
        if copy.name in {"symbol", "svg"}:
            copy.name = "svg"
            for name in ("width", "height"):
                copy.attributes[name] = sides[name] or copy.attributes.get(name, "100%")

    def _copied(self, original: Element, parent: Element) -> Element:
        self._copies_left -= 1
        if self._copies_left < 0:
            raise SvgRefused("The SVG uses its parts too often.", limit=self._most)
        copy = Element(original.name, dict(original.attributes), parent)
        self._originals[id(copy)] = self.original(original)
        self._kept.append(copy)
        copy.html = original.html
        copy.children = [
            child if isinstance(child, str) else self._copied(child, copy) for child in original.children
        ]
        return copy
