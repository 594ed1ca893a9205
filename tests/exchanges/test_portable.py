"""Values of other people's classes as text, and back."""

from __future__ import annotations

import math
import pickle
from datetime import UTC, date, datetime
from enum import IntEnum
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samelook.exchanges.portable import NotPortable, Portable

simple = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    simple,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(), inner)
        | st.dictionaries(st.integers() | st.tuples(st.text(), st.text()), inner)
        | st.frozensets(st.text() | st.integers())
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(values)
def test_what_is_written_is_read_again(value: Any) -> None:
    portable = Portable({"threatexchange"})
    text = portable.dumps(value)
    assert portable.loads(text) == value
    assert portable.dumps(portable.loads(text)) == text
    assert text.isascii()


def test_values_of_the_library_survive() -> None:
    from threatexchange.exchanges.clients.ncmec.hash_api import NCMECEntryType, NCMECEntryUpdate
    from threatexchange.exchanges.impl.fb_threatexchange_api import FBThreatExchangeOpinion
    from threatexchange.exchanges.impl.ncmec_api import NCMECCheckpoint, _NCMECPagingInfo

    portable = Portable({"threatexchange"})
    from threatexchange.exchanges.fetch_state import SignalOpinionCategory

    for value in (
        NCMECEntryUpdate("1", 2, NCMECEntryType.image, bool(0), "A1", {"pdq": "0" * 64}, {}),
        NCMECCheckpoint(7, _NCMECPagingInfo("/next?x", 9, 11)),
        FBThreatExchangeOpinion(bool(1), SignalOpinionCategory.POSITIVE_CLASS, {"b", "a"}, 5, None),
        {"at": datetime(2026, 1, 2, tzinfo=UTC), "day": date(2026, 1, 2), "inf": math.inf, "~": 1},
    ):
        assert portable.loads(portable.dumps(value)) == value


class Colour(IntEnum):
    RED = 1


class Point(NamedTuple):
    x: int


def test_classes_of_other_packages_are_never_made() -> None:
    here = Portable({__name__.partition(".")[0], "threatexchange"})
    for value in (Colour.RED, Point(3)):
        with pytest.raises(NotPortable):
            Portable({"threatexchange"}).dumps(value)
    del here
    for text in (
        '{"~":"object","c":"subprocess:Popen","v":{"args":["true"]}}',
        '{"~":"object","c":"os:system","v":{}}',
        '{"~":"object","c":"threatexchange.common:re.compile","v":{}}',
        '{"~":"enum","c":"threatexchange.exchanges.fetch_state:SignalOpinionCategory","v":"NO"}',
        '{"~":"nonsense","v":1}',
        '{"~":"object","c":"threatexchange.no_such:Thing","v":{}}',
        '{"~":"set","v":[[1]]}',
        pickle.dumps(1).hex(),
        "",
    ):
        with pytest.raises(NotPortable):
            Portable({"threatexchange"}).loads(text)


def test_what_contains_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(NotPortable):
        Portable(set()).dumps(value)
