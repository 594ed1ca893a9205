"""Lists as others publish them: columns, lines of the library's command, and what only looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from samelook.banks.hash_lists import BARE, TE_FILE, Columns, ListedHash, columns_of, line_row

PDQ = "f8" * 32
TYPES = ("pdq", "md5", "raw_text", "trend_query")


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("signal_type,signal_str,collab,category,tags", Columns(1, type=0, tags=4)),
        ("td_raw_indicator,td_indicator_type,td_tags", Columns(0, type=1, tags=2)),
        ("\ufeffIndicator , Type", Columns(0, type=1)),
        ("name,hash", Columns(1)),
        ("id,PDQ,note", Columns(1, of="pdq")),
        ("value,pdq", Columns(1, of="pdq")),
        ("signal_val,labels", Columns(0, tags=1)),
        ("name,colour", None),
        ("", None),
    ],
)
def test_columns_are_known_by_their_published_names(header: str, columns: Columns | None) -> None:
    assert columns_of(header.split(","), TYPES) == columns


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (f"pdq {PDQ}", ListedHash("pdq", PDQ)),
        (f"HASH_PDQ {PDQ}\r\n", ListedHash("pdq", PDQ)),
        (f"pdq {PDQ} 'Sample Signals' INVESTIGATION_SEED", ListedHash("pdq", PDQ)),
        (f'pdq {PDQ} "It\'s" POSITIVE_CLASS a b,c', ListedHash("pdq", PDQ, ("a b", "c"))),
        (f"{PDQ} NEGATIVE_CLASS x", ListedHash(None, PDQ, ("x",))),
        (PDQ, ListedHash(None, PDQ)),
        ("raw_text bball now? 'Sample Signals' INVESTIGATION_SEED", ListedHash("raw_text", "bball now?")),
        ("raw_text he said 'no' loudly", ListedHash("raw_text", "he said 'no' loudly")),
        ("raw_text what POSITIVE_CLASS", ListedHash("raw_text", "what POSITIVE_CLASS")),
        (
            'trend_query {"and": ["a b"]} \'S\' INVESTIGATION_SEED t',
            ListedHash("trend_query", '{"and": ["a b"]}', ("t",)),
        ),
        ("something else", ListedHash(None, "something else")),
        ("  ", None),
    ],
)
def test_lines_lose_what_the_command_adds(line: str, row: ListedHash | None) -> None:
    assert line_row(line, TYPES) == row


def test_the_first_word_is_a_type_where_no_types_are_known() -> None:
    assert line_row(f"vpdq {PDQ} 'S' POSITIVE_CLASS", None) == ListedHash("vpdq", PDQ)


def test_rows_without_value_are_none_and_blanks_go() -> None:
    assert Columns(1, type=0).row(["pdq"]) is None
    assert Columns(1, type=0).row(["HASH_PDQ ", f" {PDQ} "]) == ListedHash("pdq", PDQ)
    assert TE_FILE.row([PDQ, "35", "today", "a b,c"]) == ListedHash(None, PDQ, ("a", "b", "c"))
    assert BARE.row([PDQ, "else"]) == ListedHash(None, PDQ)


def test_a_line_without_end_costs_no_more_than_its_length() -> None:
    for line in (
        "pdq " + "a '" * 300_000,
        "x 'c' INVESTIGATION_SEED " + "a," * 300_000 + " ,,\n",
        "' " * 400_000,
    ):
        assert line_row(f"{line} INVESTIGATION_SEEDS", TYPES) is not None


def test_what_the_command_prints_is_read(shared: Path) -> None:
    printed = (shared / "cases" / "hash-match" / "tx_dataset_plain.txt").read_text().splitlines()
    rows = [line_row(line, None) for line in printed]
    assert all(row is not None and row.type for row in rows)
    assert not any("Sample" in row.value for row in rows if row is not None)
    assert sum(row is not None and row.type == "pdq" and len(row.value) == 64 for row in rows) > 10
