"""Rank lists as bytes: which format, which lines, which COPY text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samelook.crawler.ranks.formats import (
    MAX_LINE,
    Layout,
    NotARankList,
    RankFormat,
    RankParser,
    layout_of,
    printable,
)

CC_HEADER = b"#harmonicc_pos\t#harmonicc_val\t#pr_pos\t#pr_val\t#host_rev\t#n_hosts\n"
HOST_HEADER = CC_HEADER.replace(b"\t#n_hosts", b"")
CC_LINE = b"1\t3.4626736E7\t3\t0.005384977821460953\tcom.facebook\t3668\n"
MAJESTIC = (
    b"GlobalRank,TldRank,Domain,TLD,RefSubNets,RefIPs,IDN_Domain,IDN_TLD,PrevGlobalRank,PrevTldRank,"
    b"PrevRefSubNets,PrevRefIPs\n1,1,google.com,com,491249,2418262,google.com,com,1,1,489595,2408964\n"
    b"7,3,xn--bcher-kva.de,de,5,5,b\xc3\xbccher.de,de,7,3,5,5\n"
)


def parsed(
    text: bytes, limit: int | None = None, wanted: RankFormat | None = None
) -> tuple[RankParser, list[str]]:
    parser = RankParser(layout_of(text, wanted), limit)
    return parser, parser.copy_text(text).decode().splitlines()


def positions(text: bytes) -> list[str]:
    """The lines of a list without centralities, as "position name"."""
    parser, rows = parsed(text)
    assert set(parser.copy_columns) == {"list_position", "reversed_name"}
    order = [parser.copy_columns.index("list_position"), parser.copy_columns.index("reversed_name")]
    return [" ".join(row.split("\t")[place] for place in order) for row in rows]


@pytest.mark.parametrize(
    ("sample", "found"),
    [
        (CC_HEADER + CC_LINE, "commoncrawl-domain"),
        (b"\xef\xbb\xbf" + CC_HEADER.replace(b"\n", b"\r\n") + CC_LINE, "commoncrawl-domain"),
        (CC_LINE, "commoncrawl-domain"),
        (HOST_HEADER + b"1\t2.5\t3\t4\tcom.facebook\n", "commoncrawl-domain"),
        (HOST_HEADER + b"2\t2.5\t3\t4\tcom.google.support\n", "commoncrawl-host"),
        (b"2\t2.5\t3\t4\tcom.google.support\n", "commoncrawl-host"),
        (b"1,google.com\n2,bbc.co.uk\n3,x.github.io\n4,github.io\n", "tranco"),
        (b"1,google.com\r\n2,www.google.com\r\n", "umbrella"),
        (b"1,com\n2,google.com\n", "umbrella"),
        (MAJESTIC, "majestic"),
        (b'"Rank","Domain","Open Page Rank"\n"1","fonts.googleapis.com","10.00"\n', "list"),
        (b"# my list\nhttps://example.com/\n", "list"),
        (b"example.com\n", "list"),
    ],
)  # fmt: skip
def test_the_format_is_told_from_the_content(sample: bytes, found: str) -> None:
    assert layout_of(sample).format == found


@pytest.mark.parametrize(
    ("sample", "says"),
    [
        (b"", "empty"),
        (b"\n \r\n", "empty"),
        (b"\x7fELF\0\0\0", "binary"),
        ("1,google.com\n".encode("utf-16"), "UTF-16"),
        (b"<!DOCTYPE html><title>404</title>", "web page"),
        (b'{"domains": []}', "JSON"),
        (b"a\tb\tc\n", "tabs"),
        (b"#harmonicc_val\t#host_rev\n", "must name #harmonicc_pos"),
        (b"Rank,Name\n1,google\n", "no column `Domain`"),
    ],
)
def test_what_is_no_list_is_refused_with_the_reason(sample: bytes, says: str) -> None:
    with pytest.raises(NotARankList, match=says):
        layout_of(sample)


def test_a_named_format_is_taken_unless_the_columns_speak_against_it() -> None:
    assert layout_of(b"1,google.com\n", RankFormat.UMBRELLA).format is RankFormat.UMBRELLA
    assert layout_of(CC_LINE, RankFormat.COMMONCRAWL_HOST).format is RankFormat.COMMONCRAWL_HOST
    with pytest.raises(
        NotARankList, match=r"commoncrawl-domain but like tranco: its first line is '1,\\\\x1bgoogle"
    ):
        layout_of(b"1,\x1bgoogle.com\n", RankFormat.COMMONCRAWL_DOMAIN)


def test_clean_lines_of_common_crawl_pass_as_they_stand() -> None:
    parser, rows = parsed(CC_HEADER + CC_LINE + b"2\t3E7\t2\t4.4E-09\tuk.co.bbc\t17\n")
    assert rows == [
        "1\t3.4626736E7\t3\t0.005384977821460953\tcom.facebook\t3668",
        "2\t3E7\t2\t4.4E-09\tuk.co.bbc\t17",
    ]
    assert parser.copy_columns == (
        "harmonic_position",
        "harmonic_value",
        "pagerank_position",
        "pagerank_value",
        "reversed_name",
        "n_hosts",
    )
    assert (parser.lines, parser.rows, parser.bad.count) == (3, 2, 0)


def test_columns_are_found_by_their_names() -> None:
    parser, rows = parsed(b"#host_rev\t#new_column\t#harmonicc_pos\ncom.example\tx\t5\n")
    assert parser.copy_columns == ("reversed_name", "harmonic_position")
    assert rows == ["com.example\t5"]


def test_lines_that_need_work_are_normalised_and_keep_their_place() -> None:
    text = (
        CC_HEADER
        + CC_LINE
        + b"2\t1E400\t3\t4\tcom.infinite\t1\n"
        + b"3\t5e-310\t\t\tCOM.Upper\n"
        + "4\t1\t1\t1\tde.bücher\t1\r\n".encode()
        + b"05\t1\t1\t1\tcom.zeros\t1\n"
        + b"6\t1\t1\t1\tcom.last\t1"
    )
    parser, rows = parsed(text)
    assert rows[1:] == [
        "3\t5e-310\t\\N\t\\N\tcom.upper\t\\N",
        "4\t1.0\t1\t1.0\tde.xn--bcher-kva\t1",
        "5\t1.0\t1\t1.0\tcom.zeros\t1",
        "6\t1.0\t1\t1.0\tcom.last\t1",
    ]
    assert [(bad.number, bad.reason) for bad in parser.bad.examples] == [
        (3, "its centrality is not a number")
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"x\t1\t1\t1\tcom.example\t1", "its rank is not a positive number"),
        (b"0\t1\t1\t1\tcom.example\t1", "its rank is not a positive number"),
        (b"-1\t1\t1\t1\tcom.example\t1", "its rank is not a positive number"),
        (b"9999999999999999999\t1\t1\t1\tcom.example\t1", "its rank is not a positive number"),
        (b"1\tNaN\t1\t1\tcom.example\t1", "its centrality is not a number"),
        (b"1\t-1\t1\t1\tcom.example\t1", "its centrality is not a number"),
        (b"1\t1\t1\t1\tcom.example\tmany", "its number of hosts is not a number"),
        (b"1\t1\t1\t1\tcom", "a top-level domain or bare word alone"),
        (b"1\t1\t1\t1\t1.2.0.192", "it is an IP address"),
        (b"1\t1\t1\t1\tcom.ex\\.ample", "a character that domain names may not have"),
        (b"1\t1\t1\t1\tcom.ex\\nample\t1", "a character that domain names may not have"),
        (b"1\t1\t1\t1\tcom." + b"a" * 64 + b"\t1", "a label longer than 63 characters"),
        (b"1\t1\t1\t1\tcom." + b"abcd." * 60 + b"a\t1", "longer than 253 characters"),
        (b"1\t1\t1\t1\tcom.\xff\t1", "not UTF-8"),
        (b"1\t1", "it is empty"),
        (b"1\t1\t1\t1\tcom." + b"a" * MAX_LINE, f"longer than {MAX_LINE} bytes"),
    ],
)
def test_a_bad_line_is_counted_with_its_reason_and_the_next_one_read(line: bytes, reason: str) -> None:
    parser, rows = parsed(CC_HEADER + CC_LINE + line + b"\n" + CC_LINE)
    assert len(rows) == 2
    assert parser.bad.reasons == {reason: 1}
    assert parser.bad.examples[0].number == 3


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_tranco_with_either_line_end(end: bytes) -> None:
    assert positions(end.join([b"1,google.com", b"2,BBC.co.uk", b"", b"3,com", b"4, t.co ", b""])) == [
        "1 com.google",
        "2 uk.co.bbc",
        "4 co.t",
    ]


def test_majestic_is_read_by_its_header() -> None:
    assert positions(MAJESTIC) == ["1 com.google", "7 de.xn--bcher-kva"]


def test_quoted_fields_are_unquoted() -> None:
    text = b'"Rank","Domain","Open Page Rank"\n"1","fonts.googleapis.com","10.00"\n"2","t.co"x\n'
    parser, rows = parsed(text)
    assert rows == ["1\tcom.googleapis.fonts"]
    assert parser.bad.reasons == {"its quotes do not match": 1}


def test_a_header_without_ranks_ranks_by_order() -> None:
    assert positions(b"Domain,Note\nb.example,x\na.example,y\n") == ["1 example.b", "2 example.a"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"# a note\n\nRank,Domain\n3,t.co\n", "3 co.t"),
        (b"\xef\xbb\xbfRank,Domain\n3,t.co\n", "3 co.t"),
    ],
)
def test_a_header_may_follow_comments(text: bytes, wanted: str) -> None:
    assert positions(text) == [wanted]
    assert parsed(text)[0].bad.count == 0


@pytest.mark.parametrize("header", [CC_HEADER, CC_HEADER.replace(b"#", b""), b"# a note\n\n" + CC_HEADER])
def test_the_header_of_common_crawl_is_no_line_of_data(header: bytes) -> None:
    parser, rows = parsed(header + CC_LINE)
    assert (len(rows), parser.bad.count) == (1, 0)


def test_a_line_with_too_few_fields_is_bad() -> None:
    parser, rows = parsed(b"GlobalRank,TldRank,Domain\n1,1,t.co\n2,2\n")
    assert rows == ["1\tco.t"]
    assert parser.bad.reasons == {"a field is missing": 1}


def test_a_plain_list_of_names_and_urls_is_ranked_by_its_order() -> None:
    text = (
        b"\xef\xbb\xbf# the best first\n"
        b"example.com  # a note\n"
        b"\n"
        b"https://user:pw@WWW.Example.org:8443/path?q#f\r\n"
        b"not a domain\n"
        b"//cdn.example.net/x\n"
        b"example.edu:8080/path\n"
        b"http://[2001:db8::1]/\n"
        b"http:\\\\evil.example\n" + "bücher.de".encode()
    )
    assert positions(text) == [
        "1 com.example",
        "2 org.example.www",
        "3 net.example.cdn",
        "4 edu.example",
        "5 de.xn--bcher-kva",
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_the_limit_counts_domains_not_lines(limit: int) -> None:
    lines = [CC_LINE, b"bad\n", CC_LINE, CC_LINE.replace(b"com.f", b"COM.F"), CC_LINE, CC_LINE]
    parser, rows = parsed(CC_HEADER + b"".join(lines), limit)
    assert (len(rows), parser.rows, parser.full) == (limit, limit, True)
    assert parser.copy_text(CC_LINE) == b""


def test_an_example_is_safe_to_print_and_short() -> None:
    assert printable(b"\x1b]0;owned\x07\xff caf\xc3\xa9") == "\\x1b]0;owned\\x07\\xff café"
    assert printable("a\u202eb\u200f") == "a\\u202eb\\u200f"
    assert len(printable(b"x" * 5000)) == 80
    assert len(printable("\x00" * 5000)) == 80


NAME = st.lists(st.from_regex(r"\A[a-z][a-z0-9_-]{0,12}\Z"), min_size=1, max_size=3)
LINE = st.one_of(
    st.builds(
        lambda position, value, name: (
            f"{position}\t{value}\t{position}\t{value}\tcom.{'.'.join(name)}\t3".encode()
        ),
        st.integers(0, 10**19),
        st.floats(),
        NAME,
    ),
    st.binary(max_size=60).filter(lambda line: b"\n" not in line and b"\r" not in line),
)


@given(st.lists(LINE, max_size=12))
def test_runs_of_clean_lines_give_what_line_by_line_gives(lines: list[bytes]) -> None:
    layout = layout_of(CC_HEADER)
    whole, single = RankParser(layout), RankParser(layout)
    text = whole.copy_text(CC_HEADER + b"".join(line + b"\n" for line in lines)).decode()
    # A column that nobody uses switches the short cut off.
    slow = RankParser(Layout(layout.format, b"\t", (*layout.columns, None)))
    one_by_one = slow.copy_text(CC_HEADER + b"".join(line + b"\n" for line in lines)).decode()
    by_blocks = b"".join(single.copy_text(block + b"\n") for block in [CC_HEADER[:-1], *lines]).decode()

    def rows(copy_text: str) -> list[list[str | float]]:
        return [
            [
                float(field) if place in {1, 3} and field != "\\N" else field
                for place, field in enumerate(row.split("\t"))
            ]
            for row in copy_text.split("\n")[:-1]
        ]

    assert rows(text) == rows(one_by_one) == rows(by_blocks)
    assert whole.bad == slow.bad == single.bad
    assert all(len(row) == 6 for row in rows(text))
