"""Platforms with user content: where strangers publish, and how one of them is told from another.

`platforms.csv` adds to the Public Suffix List what it lacks, and says of the suffixes it has whose they are.
Columns: the domain; how tenants are told apart; sites of whoever runs the platform, whose icons tenants show
as a default; labels below the domain that are the operator's own. From the services' own documentation.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources


class Tenants(StrEnum):
    """How the tenants of a platform are told apart."""

    HOST = "host"
    """By the label below the domain."""
    WHOLE = "whole"
    """By the whole host, however many labels it has."""
    PATH = "path"
    """By the path: strangers share one host. What is below that host is judged as a tenant too."""
    PROXY = "proxy"
    """By the label, which is the name of another host whose pages are shown."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A domain under which strangers publish."""

    domain: str
    tenants: Tenants
    operators: frozenset[str] = frozenset()
    own_labels: frozenset[str] = frozenset({"www"})

    def is_own(self, host: str) -> bool:
        """Whether a host at or below the domain is the operator's, though strangers may have paths there."""
        return host == self.domain or self.label_of(host) in self.own_labels

    def shares_paths(self, host: str) -> bool:
        """Whether strangers publish under paths of this very host."""
        return self.tenants is Tenants.PATH and self.is_own(host)

    def label_of(self, host: str) -> str:
        """The label right below the domain."""
        return host[: -len(self.domain) - 1].rpartition(".")[2]


def platform_of(host: str) -> Platform | None:
    """The platform that a host is of, by its longest name; None for what is on no list here."""
    platforms = _platforms()
    if host in platforms:
        return platforms[host]
    at = host.find(".")
    while at != -1:
        platform = platforms.get(host[at + 1 :])
        if platform is not None:
            return platform
        at = host.find(".", at + 1)
    return None


def proxied_host(platform: Platform, host: str) -> str | None:
    """The host whose pages a proxy's host shows: `www.example.com` for `www-example-com.translate.goog`.

    A dot is written as a hyphen and a hyphen as two, as translation and AMP proxies do it.
    """
    if platform.tenants is not Tenants.PROXY or platform.is_own(host):
        return None
    label = platform.label_of(host)
    return label.replace("--", "\0").replace("-", ".").replace("\0", "-")


@cache
def _platforms() -> Mapping[str, Platform]:
    text = resources.files("samelook.names").joinpath("platforms.csv").read_text("utf-8")
    return {
        row["domain"]: Platform(
            row["domain"],
            Tenants(row["tenants"]),
            frozenset(row["operators"].split()),
            frozenset({"www", *row["own"].split()}),
        )
        for row in csv.DictReader(text.splitlines())
    }


def platform_domains() -> frozenset[str]:
    """The domains of all platforms."""
    return frozenset(_platforms())
