"""The text of a document: in which fonts, letters and direction it is set."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from samelook.hashing.svg import text
from samelook.hashing.svg.cascade import Style
from samelook.hashing.svg.tree import Element

_KEEPING: Final = frozenset(("pre", "pre-wrap", "break-spaces"))
_BEHIND: Final = {"middle": 0.5, "end": 1.0}
_TURNED: Final = {"start": "end", "end": "start"}


class Lettering:
    """Sets the text of one document; collects the fonts and what they lack."""

    def __init__(self, styles: dict[int, Style], own_fonts: set[str], *, marks: bool) -> None:
        self._styles = styles
        self._own_fonts = own_fonts
        self._marks = marks
        self.fonts: set[str] = set()

    def set(self, element: Element, style: Style) -> set[str]:
        """Names a font of ours for each piece of an element's text; what of it a browser shows otherwise."""
        missing: set[str] = set()
        named = self.inherited(element, "font-family")
        is_own = any(name.strip(" \"'").lower() in self._own_fonts for name in named.split(","))
        if is_own and element.text().strip():
            missing.add("font")
        family = text.family_of(named)
        style.values["font-family"] = f"'{family}'"
        if element.name == "text":
            self._set_block(element, style)
        letters = self.inherited(element, "text-transform").lower()
        children: list[Element | str] = []
        for child in element.children:
            if not isinstance(child, str):
                children.append(child)
                continue
            for piece, font in text.runs(_in_letters(child, letters), family):
                if piece.strip():
                    self.fonts.add(font or family)
                    if not font:
                        missing.add("text")
                    if self._marks and (is_own or not font):
                        piece, font = "\u2588" * len(piece), text.SYMBOLS  # noqa: PLW2901
                        self.fonts.add(font)
                if font in {family, ""}:
                    children.append(piece)
                else:
                    span = Element("tspan", {"style": f"font-family:'{font}'"}, element)
                    span.children.append(piece)
                    children.append(span)
        element.children = children
        return missing

    def _set_block(self, element: Element, style: Style) -> None:
        """What concerns a whole `text`: from which side it is read, and whether its spaces stay."""
        if self.inherited(element, "direction").lower() == "rtl":
            anchor = self.inherited(element, "text-anchor").lower() or "start"
            style.values["text-anchor"] = _TURNED.get(anchor, anchor)
        elif "transform" not in style.tokens:
            self._set_apart(element)
        if self.inherited(element, "white-space").lower() in _KEEPING:
            element.attributes["xml:space"] = "preserve"

    def _set_apart(self, element: Element) -> None:
        """Browsers count the space behind the last letter when they find the middle or the end of a text."""
        share = _BEHIND.get(self.inherited(element, "text-anchor").lower(), 0.0)
        with suppress(ValueError):
            by = share * float(self.inherited(element, "letter-spacing") or 0)
            if by:
                moved = f"{element.attributes.get('transform', '')} translate({-by:.6g} 0)"
                element.attributes["transform"] = moved.strip()

    def inherited(self, element: Element, name: str) -> str:
        """A property's value here, or the nearest around; empty if none is declared."""
        at: Element | None = element
        while at is not None:
            value = self._styles[id(at)].values.get(name, "") if id(at) in self._styles else ""
            if value and value != "inherit":
                return value
            at = at.parent
        return ""


def _in_letters(piece: str, transform: str) -> str:
    if transform == "uppercase":
        return piece.upper()
    if transform == "lowercase":
        return piece.lower()
    return piece.title() if transform == "capitalize" else piece
