"""CSV in and out against the standard library, with any cells and chunks that end anywhere."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import CsvBroken, CsvReader, RecordBlocks, Row, parse_rows, split_first_record
from pigment_csv.writer import CsvWriter

AWKWARD = st.text(st.sampled_from(list('a;,"\n\r\t \u2028\u0085\ufeff0é🚀\\')), max_size=8)
CELLS = st.one_of(AWKWARD, st.sampled_from(["", "0012", "NULL", "=1+1", '""', "\r\n", "x" * 300]))


def tables(width: int) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=12)


TABLES = st.integers(1, 5).flatmap(tables)
DIALECTS = st.builds(CsvDialect, delimiter=st.sampled_from([";", ","]), bom=st.booleans())


def written_by_the_standard_library(rows: list[list[str]], dialect: CsvDialect) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=dialect.delimiter, lineterminator="\r\n").writerows(rows)
    return (b"\xef\xbb\xbf" if dialect.bom else b"") + text.getvalue().encode()


def read_in_chunks(data: bytes, sizes: list[int], dialect: CsvDialect) -> tuple[Row | None, list[Row]]:
    reader = CsvReader(dialect)
    rows: list[Row] = []
    position = 0
    for size in [*sizes, len(data)]:
        rows += reader.read_rows(data[position : position + size])
        position += size
    rows += reader.read_last_row()
    return reader.header, rows


@settings(max_examples=400, deadline=None)
@given(table=TABLES, dialect=DIALECTS, sizes=st.lists(st.integers(1, 9), max_size=60))
@example(table=[["a"], [""]], dialect=CsvDialect(), sizes=[1] * 20)
def test_what_the_standard_library_wrote_is_read_back(
    table: list[list[str]], dialect: CsvDialect, sizes: list[int]
) -> None:
    if table[0][0].startswith("\ufeff") and not dialect.bom:
        table[0][0] = "a" + table[0][0]
    header, rows = read_in_chunks(written_by_the_standard_library(table, dialect), sizes, dialect)

    assert [cell or "" for cell in header or []] == table[0]
    assert [[cell or "" for cell in row] for row in rows] == table[1:]


@settings(max_examples=200, deadline=None)
@given(table=TABLES, dialect=DIALECTS)
def test_what_is_written_is_what_the_standard_library_writes(table: list[list[str]], dialect: CsvDialect) -> None:
    writer = CsvWriter(dialect)

    assert writer.header_line(table[0]) + writer.lines(table[1:]) == written_by_the_standard_library(table, dialect)


def test_a_header_without_rows_is_no_error() -> None:
    assert read_in_chunks(b"\xef\xbb\xbfA;B\r\n", [1, 1, 1, 1], CsvDialect()) == (["A", "B"], [])


def test_a_cell_may_be_megabytes_long() -> None:
    cell = "x\r\n" * 2_000_000
    _, rows = read_in_chunks(f'A;B\r\n"{cell}";1\r\n'.encode(), [100_000] * 70, CsvDialect())

    assert rows == [[cell, "1"]]


@pytest.mark.parametrize(
    "data", [b'A;B\r\n1;"2', b"A;B\r\n1\r\n", b"A;B\r\n1;2;3\r\n", b'A;B\r\n"1"x;2\r\n', b"A;B\r\n\xff;2\r\n"]
)
def test_what_is_not_whole_or_not_csv_is_rejected_without_quoting_it(data: bytes) -> None:
    with pytest.raises(CsvBroken) as caught:
        read_in_chunks(data, [4, 4], CsvDialect())

    assert caught.value.record == 2


def test_the_first_record_may_hold_line_ends() -> None:
    dialect = CsvDialect(delimiter=";")
    assert split_first_record(b'"a\nb";c\r\n1;2\r\n', dialect) == (b'"a\nb";c\r\n', b"1;2\r\n")
    assert split_first_record(b'Size 5";c\r\n1;"2"\r\n', dialect) == (b'Size 5";c\r\n', b'1;"2"\r\n')


@settings(max_examples=1000, deadline=None)
@given(
    data=st.text(st.sampled_from(list('ab;"\n\r 1')), min_size=1, max_size=24).map(str.encode),
    sizes=st.lists(st.integers(1, 9), max_size=30),
)
@example(data=b'1"\n\n', sizes=[])
@example(data=b'Size 5";c\n1;2\n3;4\n', sizes=[3] * 9)
def test_blocks_lose_no_row_whatever_quotes_they_contain(data: bytes, sizes: list[int]) -> None:
    """Parsed block by block, the header separately, as the source does; the standard library parses all at once."""
    dialect = CsvDialect(delimiter=";")
    blocks = RecordBlocks()
    pieces, position = [], 0
    for size in [*sizes, len(data)]:
        pieces.append(blocks.cut_records(data[position : position + size]))
        position += size
    whole = [piece for piece in (*pieces, blocks.last_record()) if piece]
    try:
        header, rest = split_first_record(whole[0], dialect)
        found = list(parse_rows(header, dialect, first_record=1))
        for piece in (rest, *whole[1:]):
            found += parse_rows(piece, dialect, first_record=2)
    except CsvBroken:
        return
    lines = io.StringIO(data.decode(), newline="\n")
    expected = [row or [""] for row in csv.reader(lines, delimiter=";", strict=True)]
    assert [[cell or "" for cell in row] for row in found] == expected


def test_a_header_cell_may_be_longer_than_what_the_standard_library_takes_by_default() -> None:
    csv.field_size_limit(131_072)
    name = "n" * 200_000

    first, rest = split_first_record(f"{name};b\r\n1;2\r\n".encode(), CsvDialect())

    assert rest == b"1;2\r\n"
    assert next(parse_rows(first, CsvDialect(), first_record=1)) == [name, "b"]
