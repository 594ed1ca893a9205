"""The stand-ins speak what the library's own clients understand; and what those make of trouble.

What the library loses here is what `exchanges.adapters` mends; test_networked.py has the same through our
service.
"""

from __future__ import annotations

import secrets
import time

import pytest
import requests
from threatexchange.signal_type.md5 import VideoMD5Signal
from threatexchange.signal_type.pdq.signal import PdqSignal

from tests.exchanges.standins import graph as graph_module
from tests.exchanges.standins import ncmec as ncmec_module
from tests.exchanges.standins import server
from tests.exchanges.standins import stopncii as stopncii_module
from tests.exchanges.standins import tat as tat_module
from tests.exchanges.standins.sources import (
    GraphSource,
    NcmecSource,
    Source,
    StopNciiSource,
    TatSource,
    everything,
    pdqs,
)

BEGAN = int(time.time()) - 86_400


def hashes(number: int) -> list[str]:
    return sorted(secrets.token_hex(32) for _ in range(number))


def test_the_library_fetches_all_pages_of_each(source: Source) -> None:
    values = hashes(8)
    for value in values:
        source.share(value, BEGAN)
    api = source.librarys_own()
    if isinstance(source, TatSource):
        api.collab = None
    records, pages, _ = everything(api)
    assert pdqs(api, records) == values
    assert len([page for page in pages if page.updates]) == 3


def test_the_library_goes_on_from_its_checkpoint(source: Source) -> None:
    first, later = hashes(4), hashes(2)
    for value in first:
        source.share(value, BEGAN)
    api = source.librarys_own()
    if isinstance(source, TatSource):
        api.collab = None
    _, _, checkpoint = everything(api)
    asked = len(source.stand_in.pages)
    for value in later:
        source.share(value, int(time.time()) - 3600)
    if isinstance(source, NcmecSource):
        checkpoint.get_entries_max_ts -= 7200  # it was made just now, and asks from then on
    records, _, _ = everything(api, checkpoint)
    assert set(later) <= set(pdqs(api, records))
    assert len(source.stand_in.pages) > asked


def test_meta_sends_tombstones_owners_tags_and_reactions(graph: graph_module.Graph) -> None:
    kept, gone, disputed = hashes(3)
    say = graph_module.Descriptor
    graph.share(
        kept, BEGAN, say(1, tags=("a", "b")), say(2, "NON_MALICIOUS", reactions=(("HELPFUL", "3,4"),))
    )
    graph.share(gone, BEGAN + 1)
    graph.share(disputed, BEGAN + 2, say(graph_module.APP_ID, "UNKNOWN"))
    api = GraphSource(graph).librarys_own()
    records, _, checkpoint = everything(api)
    opinions = {one.owner_app_id: one for one in records["HASH_PDQ", kept].opinions}
    assert {owner: one.category.name for owner, one in opinions.items()} == {
        1: "POSITIVE_CLASS",
        2: "NEGATIVE_CLASS",
        3: "POSITIVE_CLASS",
        4: "POSITIVE_CLASS",
    }
    assert opinions[1].tags == {"a", "b"}
    assert records["HASH_PDQ", disputed].opinions[0].is_mine
    graph.delete(gone, BEGAN + 3)
    (delta,) = api.fetch_iter([], checkpoint)
    assert delta.updates["HASH_PDQ", gone] is None
    graph.forget_tombstones()
    (delta,) = api.fetch_iter([], checkpoint)
    assert ("HASH_PDQ", gone) not in delta.updates


def test_the_library_takes_an_empty_answer_of_metas_for_an_error(graph: graph_module.Graph) -> None:
    with pytest.raises(AssertionError, match="empty update"):
        everything(GraphSource(graph).librarys_own())


def test_stopncii_sends_feedback_and_statuses(stopncii: stopncii_module.StopNcii) -> None:
    value, withdrawn = hashes(2)
    said = [("Facebook", "Blocked", ("Nude",)), ("TikTok", "NotBlocked", ())]
    stopncii.share(stopncii_module.Record(value, BEGAN, feedbacks=said))
    stopncii.share(stopncii_module.Record(secrets.token_hex(16), BEGAN, type="VideoMD5"))
    stopncii.share(stopncii_module.Record(withdrawn, BEGAN, status="Withdrawn"))
    records, _, _ = everything(StopNciiSource(stopncii).librarys_own())
    assert [one.source for one in records["pdq", value].feedbacks] == ["Facebook", "TikTok"]
    assert {kind for kind, _ in records} == {"pdq", "video_md5"}
    # Its fault: it compares the hash, not its status.
    assert ("pdq", withdrawn) in records


def test_ncmec_sends_deletes_members_and_videos(ncmec: ncmec_module.Ncmec) -> None:
    entry = ncmec_module.Entry
    ncmec.share(entry("one", "image", BEGAN, (("pdq", "0f" * 32),), member=7))
    ncmec.share(entry("two", "video", BEGAN, (("md5", "ab" * 16), ("sha1", "cd" * 20)), classification=None))
    ncmec.share(entry("three", "image", BEGAN, (("pdq", "1f" * 32),)))
    ncmec.delete("three", BEGAN + 5)
    api = NcmecSource(ncmec).librarys_own()
    records, _, _ = everything(api)
    assert set(records) == {"7-one", "42-two"}
    found = api.naive_convert_to_signal_type([PdqSignal, VideoMD5Signal], api.collab, records)
    assert found[PdqSignal]["0f" * 32].member_entries == {7: {"A1"}}
    assert list(found[VideoMD5Signal]) == ["ab" * 16]


def test_tat_sends_deletes_and_algorithms_that_are_none_of_ours(tat: tat_module.Tat) -> None:
    for number, algorithm in enumerate(("PDQ", "MD5", "SHA256")):
        tat.share(tat_module.Entry(secrets.token_hex(16), BEGAN + number, algorithm, "mp4"))
    gone = tat.share(tat_module.Entry("ab" * 32, BEGAN + 9, deleted=True))
    api = TatSource(tat).librarys_own()
    updates = {key: value for page in api.fetch_iter([], None) for key, value in page.updates.items()}
    assert updates["pdq", gone.digest] is None
    assert {kind for kind, _ in updates} == {"pdq", "video_md5"}


def test_each_refuses_wrong_credentials(source: Source) -> None:
    source.share(hashes(1)[0], BEGAN)
    api = source.librarys_own()
    match source:
        case GraphSource():
            api.client.api_token = "1|2"
        case NcmecSource():
            api._password = "wrong"
        case StopNciiSource():
            api.api._subscription_key = "wrong"
        case TatSource():
            api.password = "wrong"
    with pytest.raises(requests.HTTPError) as raised:
        everything(api)
    assert raised.value.response is not None
    assert raised.value.response.status_code in {400, 401}


@pytest.mark.parametrize("fault", [server.reset, server.status(500), server.status(429, Retry_After="0")])
def test_the_library_asks_again_unless_it_is_meta(source: Source, fault: server.Fault) -> None:
    values = hashes(2)
    for value in values:
        source.share(value, BEGAN)
    source.stand_in.fail(fault)
    api = source.librarys_own()
    if isinstance(source, GraphSource):
        with pytest.raises(requests.RequestException):
            everything(api)
        return
    if isinstance(source, TatSource):
        api.collab = None
    records, _, _ = everything(api)
    assert pdqs(api, records) == values


@pytest.mark.parametrize("fault", [server.instead(b"<html>"), server.cut_off], ids=["page", "cut"])
def test_a_malformed_page_is_an_error_of_the_library(source: Source, fault: server.Fault) -> None:
    source.share(hashes(1)[0], BEGAN)
    source.stand_in.fail(fault, times=50)
    with pytest.raises(Exception):  # noqa: B017 - each has its own
        everything(source.librarys_own())


def test_one_bad_record_costs_the_library_its_page_or_itself(source: Source) -> None:
    values = hashes(2)
    for value in values:
        source.share(value, BEGAN)
    source.stand_in.fail(server.changed(source.spoiled), times=50)
    api = source.librarys_own()
    if isinstance(source, StopNciiSource):
        records, _, _ = everything(api)
        assert len(records) == 1
        return
    with pytest.raises(Exception):  # noqa: B017 - each has its own
        everything(api)
