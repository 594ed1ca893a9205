"""The stand-ins, running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.exchanges.standins import sources
from tests.exchanges.standins.graph import Graph
from tests.exchanges.standins.ncmec import Ncmec
from tests.exchanges.standins.stopncii import StopNcii
from tests.exchanges.standins.tat import Tat


@pytest.fixture
def graph() -> Iterator[Graph]:
    with Graph() as running:
        yield running


@pytest.fixture
def ncmec() -> Iterator[Ncmec]:
    with Ncmec() as running:
        yield running


@pytest.fixture
def stopncii() -> Iterator[StopNcii]:
    with StopNcii() as running:
        yield running


@pytest.fixture
def tat() -> Iterator[Tat]:
    with Tat() as running:
        yield running


@pytest.fixture(params=["fb_threatexchange", "ncmec", "stop_ncii", "tat"])
def source(request: pytest.FixtureRequest) -> sources.Source:
    """Each of them in turn, behind one face."""
    name, face = {
        "fb_threatexchange": ("graph", sources.GraphSource),
        "ncmec": ("ncmec", sources.NcmecSource),
        "stop_ncii": ("stopncii", sources.StopNciiSource),
        "tat": ("tat", sources.TatSource),
    }[request.param]
    made: sources.Source = face(request.getfixturevalue(name))
    return made
