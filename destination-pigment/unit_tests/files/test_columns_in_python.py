"""Without the library, many records at once become the cells that the conversion by row gives."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_records import COLUMNS, Writer

from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.rows import Column, ColumnConverter, Rejection, RowConverter
from destination_pigment.input.catalog import DestinationStream, WriteMode
from pigment_csv.dialect import CsvDialect
from pigment_native.csv_lines import CsvLineWriter

# Names that JSON writes as they are.
PLAIN = tuple(name for name in COLUMNS if name.isprintable() and "\\" not in name)


def rows_of(columns: Sequence[Column]) -> list[list[str | None]]:
    return [list(row) for row in zip(*columns, strict=True)]


@settings(max_examples=400, deadline=None)
@given(
    seed=st.integers(0),
    count=st.integers(1, 6),
    separator=st.sampled_from([".", ","]),
    columns=st.sampled_from([PLAIN, COLUMNS, PLAIN[:1]]),
)
def test_of_any_records_those_are_converted_that_are_the_same_by_row(
    seed: int, count: int, separator: str, columns: Sequence[str]
) -> None:
    writer, dialect = Writer(seed, odd=Random(seed).random() < 0.5), CsvDialect(decimal_separator=separator)
    records = [msgspec.Raw(writer.record().replace("\n", " ").encode()) for _ in range(count)]
    converted = ColumnConverter(columns, dialect).convert(records)

    by_row = [RowConverter(columns, dialect).convert(each) for each in records]
    assert converted is None or rows_of(converted) == by_row


VALUES = st.none() | st.text(max_size=6) | st.integers() | st.decimals(allow_nan=False, allow_infinity=False).map(str)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(st.tuples(st.text(max_size=6), VALUES, VALUES), min_size=16, max_size=40))
def test_what_python_writes_as_json_is_what_python_reads_as_csv(rows: list[tuple[str | int | None, ...]]) -> None:
    names, dialect = ("a", "b", "ü"), CsvDialect()
    records = [msgspec.Raw(json.dumps(dict(zip(names, row, strict=True))).encode()) for row in rows]
    columns = ColumnConverter(names, dialect).convert(records)

    assert columns is not None
    text = CsvLineWriter(dialect).lines(columns).decode()
    expected = [["" if cell is None else str(cell) for cell in row] for row in rows]
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter)) == expected


@pytest.mark.parametrize(
    "odd",
    ['{"a":1,"new":2}', '{"a":1e99999}', '{"a":"\\ud83d"}', "[]", "null", '{"a":1,"_airbyte_x":2}', '{"a":"x","a":1}'],
)
def test_an_odd_record_among_plain_ones_is_treated_as_by_row_and_in_its_place(odd: str) -> None:
    records = [msgspec.Raw(f'{{"a":{number}}}'.encode()) for number in range(100)]
    records[50] = msgspec.Raw(odd.encode())
    stream = DestinationStream(None, "s", WriteMode.APPEND, ("a",))
    made = list(RecordConverter(stream, (), CsvDialect(), None).convert(records))

    alone = [each for record in records for each in RecordConverter(stream, (), CsvDialect(), None).convert([record])]
    cells = [
        [None if isinstance(each, Rejection) else list(each.columns[0]) for each in found] for found in (made, alone)
    ]
    flat = [[cell for part in found for cell in (["rejected"] if part is None else part)] for found in cells]
    assert flat[0] == flat[1]


def test_plain_records_do_not_go_by_row() -> None:
    records = [msgspec.Raw(f'{{"a":{number},"b":"x"}}'.encode()) for number in range(50)]

    assert ColumnConverter(("b", "a"), CsvDialect()).convert(records) == [["x"] * 50, [str(n) for n in range(50)]]
    assert ColumnConverter(('"',), CsvDialect()).convert(records) is None
    assert ColumnConverter((), CsvDialect()).convert(records) is None
