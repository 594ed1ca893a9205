"""Questions under the rules of banks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from samelook.matching import BadQuery, HammingIndex
from samelook.matching.query import Answer, BankRule, Match, Question, ask

ZERO = bytes(8)
# Signal k lies k bits from ZERO.
BANKS = {1: [7], 3: [7, 8], 5: [8], 9: [9], 12: [7]}


class Table:
    def banks_of(self, ids: Any) -> tuple[Any, Any]:
        pairs = [(row, bank) for row, one in enumerate(ids.tolist()) for bank in BANKS.get(one, [])]
        rows = np.array([row for row, _ in pairs], np.int64)
        return rows, np.array([bank for _, bank in pairs], np.int64)


@pytest.fixture
def index() -> HammingIndex:
    out = HammingIndex(64)
    rows = [np.packbits(np.arange(64) < k) for k in range(20)]
    out.add(np.array(rows), np.arange(20))
    return out


def found(answer: Answer) -> list[tuple[int, int]]:
    return [(match.signal_id, match.bank) for match in answer.matches]


def test_each_bank_matches_within_its_own_threshold(index: HammingIndex) -> None:
    rules = {7: BankRule(radius=2), 8: BankRule(), 9: BankRule(enabled=False)}
    answer = ask(index, ZERO, Question(default_radius=5), rules, Table())
    assert answer == Answer((Match(1, 7, 1), Match(3, 8, 3), Match(5, 8, 5)), more=False, excluded_by=())


def test_a_threshold_of_the_question_replaces_those_of_the_banks(index: HammingIndex) -> None:
    rules = {7: BankRule(radius=2), 8: BankRule()}
    answer = ask(index, ZERO, Question(default_radius=5, radius=12), rules, Table())
    assert found(answer) == [(1, 7), (3, 7), (3, 8), (5, 8), (12, 7)]


def test_only_the_banks_asked_for(index: HammingIndex) -> None:
    rules = {7: BankRule(), 8: BankRule(), 9: BankRule()}
    assert found(ask(index, ZERO, Question(31, banks=frozenset({9})), rules, Table())) == [(9, 9)]
    assert found(ask(index, ZERO, Question(31, banks=frozenset({4})), rules, Table())) == []
    assert found(ask(index, ZERO, Question(31, banks=frozenset()), rules, Table())) == []
    assert found(ask(index, ZERO, Question(31), {}, Table())) == []


def test_a_negative_bank_silences_the_others(index: HammingIndex) -> None:
    rules = {7: BankRule(), 8: BankRule(radius=4, excluding=True)}
    answer = ask(index, ZERO, Question(31, radius=20, banks=frozenset({7})), rules, Table())
    assert answer == Answer((), more=False, excluded_by=(Match(3, 8, 3),))
    nearer = {7: BankRule(), 8: BankRule(radius=2, excluding=True)}
    assert found(ask(index, ZERO, Question(31), nearer, Table())) == [(1, 7), (3, 7), (12, 7)]


def test_a_limit_says_that_there_is_more(index: HammingIndex) -> None:
    rules = {7: BankRule(), 8: BankRule()}
    for limit, more in ((0, True), (2, True), (4, True), (5, False), (None, False)):
        answer = ask(index, ZERO, Question(31, limit=limit), rules, Table())
        assert answer.more is more
        assert len(answer.matches) == (5 if limit is None else limit)
    with pytest.raises(BadQuery, match="limit"):
        ask(index, ZERO, Question(31, limit=-1), rules, Table())
