"""CSV in and out against the standard library, with any cells and chunks that end anywhere."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import (
    LARGEST_RECORD_BYTES,
    CsvBroken,
    CsvReader,
    RecordBlocks,
    RecordTooLarge,
    Row,
    parse_rows,
    split_first_record,
)
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


def read_in_chunks(
    data: bytes, sizes: list[int], dialect: CsvDialect, largest: int = LARGEST_RECORD_BYTES
) -> tuple[Row | None, list[Row]]:
    reader = CsvReader(dialect, largest_record_bytes=largest)
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


def test_the_first_record_may_contain_line_ends() -> None:
    dialect = CsvDialect(delimiter=";")
    assert split_first_record(b'"a\nb";c\r\n1;2\r\n', dialect) == (b'"a\nb";c\r\n', b"1;2\r\n")
    for incomplete in (b"", b"a;b", b"a;b\r", b'"a\nb', b'a;"b"'):
        assert split_first_record(incomplete, dialect) is None


def rows_by_the_grammar(data: str) -> tuple[list[list[str]], int | None, bool]:
    """The rows of RFC 4180 up to the first that does not fit, its number, and whether it only lacks its end.

    One sign after another, without the standard library's reader and without regular expressions.
    """
    rows: list[list[str]] = []
    row, cell, at = [""], "begin", 0
    while at < len(data):
        sign, next_sign = data[at], data[at + 1 : at + 2]
        if cell == "quoted":
            if sign == '"' and next_sign == '"':
                row[-1] += sign
                at += 1
            elif sign == '"':
                cell = "closed"
            else:
                row[-1] += sign
        elif sign == ";":
            row, cell = [*row, ""], "begin"
        elif sign == "\n" or (sign == "\r" and next_sign == "\n"):
            rows, row, cell = [*rows, row], [""], "begin"
            at += len(sign + next_sign) - 1 if sign == "\r" else 0
        elif sign == "\r":
            return rows, len(rows) + 1, next_sign == ""
        elif sign == '"' and cell == "begin":
            cell = "quoted"
        elif sign == '"' or cell == "closed":
            return rows, len(rows) + 1, False
        else:
            row[-1] += sign
            cell = "plain"
        at += 1
    if cell == "quoted":
        return rows, len(rows) + 1, True
    return ([*rows, row] if data and data[-1] != "\n" else rows), None, False


@settings(max_examples=2000, deadline=None)
@given(
    data=st.text(st.sampled_from(list('ab;"\n\r 1')), min_size=1, max_size=24),
    sizes=st.lists(st.integers(1, 9), max_size=30),
)
@example(data='1"\n\n', sizes=[])
@example(data='5" pipe;1\n"a\nb";2\n6" x;3', sizes=[10] * 3)
@example(data='5" pipe;1\n"a\nb";2\n6" x;3', sizes=[])
@example(data="a\r\r\n", sizes=[2])
@example(data='"a"\r\r\n', sizes=[])
@example(data='a;""\n\r', sizes=[])
def test_the_same_bytes_are_the_same_rows_or_the_same_error_however_they_are_cut(data: str, sizes: list[int]) -> None:
    expected, wrong, is_cut = rows_by_the_grammar(data)
    dialect = CsvDialect(delimiter=";")
    blocks, content = RecordBlocks(dialect), data.encode()
    found: list[Row] = []

    def add(block: bytes) -> None:
        if block:
            found.extend(parse_rows(block, dialect, first_record=len(found) + 1))

    position = 0
    try:
        for size in [*sizes, len(content)]:
            add(blocks.cut_records(content[position : position + size], first_record=len(found) + 1))
            position += size
        add(blocks.last_record())
        problem = None
    except CsvBroken as error:
        problem = (error.record, error.is_cut)
    assert problem == (None if wrong is None else (wrong, is_cut))
    assert [[cell or "" for cell in row] for row in found] == expected[: len(found)]
    assert wrong is not None or len(found) == len(expected)


@pytest.mark.parametrize("cell", [b"x" * 1001, b'"' + b"\n" * 1001 + b'"', b'"' + b"x\n" * 9999])
@pytest.mark.parametrize("size", [1 << 20, 700, 64])
def test_a_record_that_is_too_large_is_refused_however_it_is_cut(cell: bytes, size: int) -> None:
    content = b"a\r\n1\r\n" + cell + b"\r\n2\r\n"
    with pytest.raises(RecordTooLarge) as caught:
        read_in_chunks(content, [size] * (len(content) // size), CsvDialect(), 1000)
    assert caught.value.record == 3


@pytest.mark.parametrize("size", [1 << 20, 700, 64])
def test_a_quote_out_of_place_is_found_although_it_keeps_many_rows_together(size: int) -> None:
    content = b"a\r\n1\r\n" + b'5" pipe\r\n' + b"x\r\n" * 1000
    with pytest.raises(CsvBroken, match="not doubled") as caught:
        read_in_chunks(content, [size] * (len(content) // size), CsvDialect(), 1000)
    assert caught.value.record == 3


@pytest.mark.parametrize(
    ("data", "is_cut"),
    [
        (b"A;B\r\n1", True),
        (b'A;B\r\n1;"', True),
        (b"A;B\r\n1;2\r", True),
        (b"A;B\r\n1;2;3", False),
        (b"A;B\r\n1\r\n", False),
    ],
)
def test_only_what_more_bytes_might_complete_counts_as_cut(data: bytes, is_cut: bool) -> None:
    with pytest.raises(CsvBroken) as caught:
        read_in_chunks(data, [], CsvDialect())
    assert caught.value.is_cut is is_cut


def test_a_header_cell_may_be_longer_than_what_the_standard_library_takes_by_default() -> None:
    csv.field_size_limit(131_072)
    name = "n" * 200_000

    first, rest = split_first_record(f"{name};b\r\n1;2\r\n".encode(), CsvDialect()) or (b"", b"")

    assert rest == b"1;2\r\n"
    assert next(parse_rows(first, CsvDialect(), first_record=1)) == [name, "b"]
