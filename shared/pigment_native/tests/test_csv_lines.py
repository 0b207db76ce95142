"""Columns become the lines that the standard library writes, from whatever they were made."""

from __future__ import annotations

import ctypes
import json
from array import array
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pigment_csv.dialect import CsvDialect
from pigment_csv.writer import CsvUnwritable, CsvWriter
from pigment_native.cells import CellReader, Cells, RecordInput, Repeated, Table, select_rows
from pigment_native.csv_lines import CsvLineWriter
from pigment_native.library import LIBRARY

Row = list[str | None]

CELLS = st.one_of(
    st.none(), st.text(st.sampled_from(list('a;,"\n\r\t \u2028\0é🚀\\')), max_size=20), st.text(max_size=4)
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)
)
DIALECTS = st.builds(CsvDialect, delimiter=st.sampled_from([",", ";"]))


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    if LIBRARY is None:
        pytest.skip("without the conversions in C; make native builds them")
    return LIBRARY


def cells_of(rows: list[Row], library: ctypes.CDLL) -> list[Cells]:
    """The rows as columns of the library."""
    names = [str(number) for number in range(len(rows[0]))]
    lines = RecordInput("\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows).encode())
    columns = CellReader(library, names, ".").read_cells(lines)
    assert columns is not None
    return columns


@settings(max_examples=300, deadline=None)
@given(rows=TABLES, dialect=DIALECTS, mixed=st.lists(st.booleans(), min_size=4, max_size=4))
@example(rows=[[None], [""], ["x"]], dialect=CsvDialect(), mixed=[False] * 4)
@example(rows=[['"' * 5000] * 4], dialect=CsvDialect(), mixed=[False] * 4)
def test_columns_are_written_as_the_standard_library_writes_rows(
    library: ctypes.CDLL, rows: list[Row], dialect: CsvDialect, mixed: list[bool]
) -> None:
    columns = cells_of(rows, library)
    some = [list(each) if is_list else each for each, is_list in zip(columns, mixed, strict=False)]

    assert CsvLineWriter(dialect).lines(some) == CsvWriter(dialect).lines(rows)


@given(rows=TABLES, cell=CELLS, place=st.integers(0, 4))
def test_a_repeated_cell_is_in_every_row(library: ctypes.CDLL, rows: list[Row], cell: str | None, place: int) -> None:
    columns: list[Sequence[str | None]] = [*cells_of(rows, library)]
    columns.insert(place, Repeated(cell, len(rows)))
    expected = [[*row[:place], cell, *row[place:]] for row in rows]

    assert CsvLineWriter(CsvDialect()).lines(columns) == CsvWriter(CsvDialect()).lines(expected)
    assert CsvLineWriter(CsvDialect()).lines([list(each) for each in columns]) == CsvWriter(CsvDialect()).lines(
        expected
    )


@given(rows=TABLES, begin=st.integers(0, 8), end=st.integers(0, 8), data=st.data())
def test_some_rows_of_columns_are_the_same_rows(
    library: ctypes.CDLL, rows: list[Row], begin: int, end: int, data: st.DataObject
) -> None:
    columns, writer = cells_of(rows, library), CsvLineWriter(CsvDialect())
    which = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    some = select_rows([*columns[1:], [row[0] for row in rows]], which)

    assert writer.lines([column[begin:end] for column in columns]) == CsvWriter(CsvDialect()).lines(rows[begin:end])
    assert list(zip(*some, strict=True)) == [(*row[1:], row[0]) for row, kept in zip(rows, which, strict=True) if kept]
    assert writer.lines(some) == CsvWriter(CsvDialect()).lines(zip(*some, strict=True))


@given(column=st.lists(CELLS, min_size=1, max_size=8), data=st.data())
def test_a_column_is_a_sequence_of_its_texts(library: ctypes.CDLL, column: Row, data: st.DataObject) -> None:
    cells = cells_of([[each, "x"] for each in column], library)[0]
    part = data.draw(st.slices(len(column)))
    place = data.draw(st.integers(-len(column), len(column) - 1))

    assert list(cells) == column
    assert list(cells[part]) == column[part]
    assert cells[place] == column[place]
    assert (None in cells, set(cells), len(cells)) == (None in column, set(column), len(column))
    with pytest.raises(IndexError):
        cells[len(column)]


def test_a_cell_that_utf8_cannot_carry_is_not_written(library: ctypes.CDLL) -> None:
    for columns in ([["\ud83d"]], [*cells_of([["x"]], library), ["\ud83d"]]):
        with pytest.raises(CsvUnwritable) as raised:
            CsvLineWriter(CsvDialect()).lines(columns)
        assert raised.value.__context__ is None


def test_columns_of_different_lengths_are_not_written(library: ctypes.CDLL) -> None:
    cells = cells_of([["x"], ["y"]], library)
    for columns in ([*cells, ["x"]], [cells[0], cells[0][1:]], [["x"], []]):
        with pytest.raises(ValueError, match=r"length|shorter"):
            CsvLineWriter(CsvDialect()).lines(columns)


def test_a_cell_outside_its_texts_is_not_read(library: ctypes.CDLL) -> None:
    for span in ((0, 3), (3, 1), (-1, 1), (1, 2), (1 << 30, 1 << 30)):
        table = Table(library, bytearray(b"ab"), bytearray(array("i", span)))
        with pytest.raises(ValueError, match="outside"):
            CsvLineWriter(CsvDialect()).lines([Cells(table, range(1), 2)])
