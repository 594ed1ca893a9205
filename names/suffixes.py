"""The Public Suffix List: the one place that reads it.

Its lookups take a microsecond or two for each label; callers that ask often keep what they were told.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import idna

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def public_suffix(host: str) -> str:
    """The longest suffix of a host below which anybody may have a name, private suffixes included.

    A top-level domain that the list does not have is a suffix of one label (the list's default rule).
    """
    return _suffixes().publicsuffix(host) or host


def is_registry_suffix(suffix: str) -> bool:
    """Whether a public suffix is a registry's (`co.uk`), not a platform's (`github.io`)."""
    return "." not in suffix or bool(_suffixes_of_registries().publicsuffix(suffix) == suffix)


@lru_cache(maxsize=4096)
def is_delegated(top_level: str) -> bool:
    """Whether a top-level domain exists, as far as the bundled list knows."""
    return _suffixes_of_registries().publicsuffix(top_level) is not None


def load_suffixes() -> None:
    """Read the lists now, half a second of work, so that no first question waits for them."""
    _suffixes()
    _suffixes_of_registries()


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@cache
def _suffixes_of_registries() -> PublicSuffixList:
    """Without the private section, and without a rule for names that nobody delegated."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False, only_icann=True)


@cache
def suffix_rules() -> tuple[str, ...]:
    """Every rule of the list in ASCII (`co.uk`, `*.ck`, `!www.ck`), to tell sites apart elsewhere."""
    text = resources.files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text("utf-8")
    lines = (line.split(maxsplit=1)[0] for line in text.splitlines() if line.strip())
    return tuple(_in_ascii(line) for line in lines if not line.startswith("//"))


def _in_ascii(rule: str) -> str:
    mark = "!" if rule.startswith("!") else ""
    labels = rule.removeprefix("!").split(".")
    return mark + ".".join(
        label if label == "*" else idna.encode(label, uts46=True).decode() for label in labels
    )
