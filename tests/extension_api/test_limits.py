"""Token buckets, addresses and networks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from samelook.extension_api.errors import AskedTooOften
from samelook.extension_api.limits import Buckets, Levels, client_address, client_of, network_of

FORKED = """
import os
from samelook.extension_api.limits import Buckets, Levels

buckets = Buckets(1e-9, 1000.0, lambda: 1.0, Levels(), "work")
reading, writing = os.pipe()
for _ in range(3):
    if not os.fork():
        os.write(writing, b"%d\\n" % sum(buckets.spare(f"client {n % 2}", 1) for n in range(3000)))
        os._exit(0)
for _ in range(3):
    os.wait()
os.close(writing)
print(*map(int, os.fdopen(reading).read().split()))
"""


def test_a_bucket_gives_what_flows_into_it_and_each_key_has_its_own() -> None:
    now = [0.0]
    buckets = Buckets(per_s=2.0, burst=4.0, clock=lambda: now[0])
    for _ in range(4):
        buckets.take("a", 1)
    with pytest.raises(AskedTooOften) as refused:
        buckets.take("a", 1)
    assert refused.value.retry_after_s == 0.5
    buckets.take("b", 4)
    now[0] = 0.5
    buckets.take("a", 1)
    now[0] = 100.0
    buckets.take("a", 4)
    with pytest.raises(AskedTooOften):
        buckets.take("a", 1)


def test_forked_processes_have_one_allowance_together() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", FORKED], capture_output=True, text=True, check=True)
    taken = [int(word) for word in done.stdout.split()]
    assert len(taken) == 3
    assert sum(taken) == 2 * 1000


def test_kinds_are_apart_and_whoever_was_here_longest_ago_is_forgotten_first() -> None:
    levels, now = Levels(rows=1), [0.0]
    work, crawls = (Buckets(1e-6, 1.0, lambda: now[0], levels, kind) for kind in ("work", "crawls"))
    work.take("first", 1)
    now[0] += 1
    crawls.take("first", 1)
    for number in range(7):
        now[0] += 1
        work.take(f"invented {number}", 1)
    assert work.spare("first", 1)  # forgotten: nine are one more than a row has room for
    assert not work.spare("invented 6", 1)


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        (None, 0, "192.0.2.1"),
        ("6.6.6.6", 0, "192.0.2.1"),
        ("6.6.6.6, 203.0.113.9", 1, "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 198.51.100.1", 2, "203.0.113.9"),
        ("203.0.113.9", 3, "203.0.113.9"),
        ("203.0.113.9:51234", 1, "203.0.113.9"),
        ("[2001:db8::7]:443", 1, "2001:db8::7"),
        ("2001:db8::7", 1, "2001:db8::7"),
        (None, 1, "192.0.2.1"),
    ],
)
def test_only_what_our_own_proxies_saw_counts(forwarded: str | None, proxies: int, address: str) -> None:
    assert client_address("192.0.2.1", forwarded, proxies) == address


def test_a_subscriber_is_one_client() -> None:
    assert client_of("192.0.2.1") != client_of("192.0.2.2")
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff:1") != client_of("2001:db8:0:1::1")
    assert client_of("::ffff:192.0.2.7") == client_of("192.0.2.7")
    assert client_of("unknown") == "unknown"


def test_addresses_of_one_subscriber_are_one_network() -> None:
    assert network_of("192.0.2.1") == network_of("192.0.2.200") == network_of("::ffff:192.0.2.7")
    assert network_of("192.0.2.1") != network_of("192.0.3.1")
    assert network_of("2001:db8:1:2::3") == network_of("2001:db8:1:ffff::")
    assert network_of("2001:db8:1::") != network_of("2001:db8:2::")
    assert network_of("somewhere") == "somewhere"


def test_what_is_asked_often_is_taken_ahead_and_no_more_than_there_is() -> None:
    levels, now = Levels(rows=8), [1.0]
    buckets, others = (Buckets(1, 40, lambda: now[0], levels, "k") for _ in range(2))
    for _ in range(16):
        buckets.take_little("a", 1)
    assert others.spare("a", 24)
    with pytest.raises(AskedTooOften):
        buckets.take_little("a", 1)
    now[0] += 1
    buckets.take_little("a", 1)
