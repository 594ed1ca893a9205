"""Which elements are shown by their conditions: `switch`, languages and extensions (SVG 2, 5.8)."""

from __future__ import annotations

from typing import Final

from samelook.hashing.svg.tree import Element

_LANGUAGE: Final = "en"
_CONDITIONS: Final = ("systemLanguage", "requiredExtensions", "requiredFeatures")
_NOT_CHOSEN: Final = frozenset(("style", "script", "title", "desc", "metadata"))


def left_out(root: Element) -> set[int]:
    """The id() of each element that is not shown; the renderer is left no condition to decide."""
    found: set[int] = set()
    for element in root.walk():
        if element.name == "switch":
            is_chosen = False
            for child in element.elements():
                if is_chosen or not _holds(child):
                    found.add(id(child))
                elif child.name not in _NOT_CHOSEN:
                    is_chosen = True
        elif not _holds(element):
            found.add(id(element))
    for element in root.walk():
        for name in _CONDITIONS:
            element.attributes.pop(name, None)
    return found


def _holds(element: Element) -> bool:
    extensions = element.attributes.get("requiredExtensions")
    languages = element.attributes.get("systemLanguage")
    if extensions is not None and any(
        extension != "http://www.w3.org/1999/xhtml" for extension in extensions.split() or [""]
    ):
        return False
    # Chromium looks at the language, not at the country.
    return languages is None or any(
        word.strip().lower().partition("-")[0] == _LANGUAGE for word in languages.split(",")
    )
