"""Numbers that travel as texts are written like all others, in bulk as by row; all other texts stay as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.rows import Rejection, Rows
from destination_pigment.input.catalog import parse_catalog
from pigment_csv.dialect import CsvDialect
from pigment_native.cells import RecordInput
from pigment_native.library import LIBRARY

# Columns in which a text can only be a number, and others.
NUMBERS = [
    {"type": ["null", "string"], "airbyte_type": "big_number"},
    {"oneOf": [{"type": "null"}, {"type": "string", "airbyte_type": "big_integer"}]},
    {"anyOf": [{"oneOf": [{"type": "integer"}, {"type": "null"}]}, {"type": "number"}]},
    {"type": ["null", "number"]},
]
TEXTS = [{"type": "string"}, {"type": ["number", "string"]}, {"oneOf": [{"type": "number"}, {"type": "string"}]}]

DIGITS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
NO_NUMBERS = [
    "",
    "0012",
    "+5",
    "1,5",
    ".5",
    "5.",
    "NaN",
    "1e",
    "1e99999",
    " 1.5",
    "1.5 ",
    "1.5\n",
    "\u0661.\u0665",
    "\u2028",
    "É.e",
]
SEPARATORS = st.sampled_from([".", ","])


def converted(schema: dict[str, Any], values: Sequence[str], separator: Any) -> list[str | None]:
    """What becomes of values (JSON) in a column: row by row, in bulk, and from whole messages."""
    properties = {"n": schema, "other": {"type": "string"}}
    (stream,) = parse_catalog({"streams": [{"stream": {"name": "s", "json_schema": {"properties": properties}}}]})
    by_row, in_bulk = (
        RecordConverter(stream, (), CsvDialect(decimal_separator=separator), each) for each in (None, LIBRARY)
    )
    records = [msgspec.Raw(f'{{"n":{value},"other":"1.5e3"}}'.encode()) for value in values]
    rows = cells(by_row.convert(records))
    assert cells(in_bulk.convert(records)) == rows
    lines = RecordInput(b"\n".join(b'{"type":"RECORD","record":{"stream":"s","data":%b}}' % each for each in records))
    if columns := in_bulk.parse_lines(lines):
        assert cells([Rows(in_bulk.header, columns)]) == rows[: len(columns[0])]
    assert {other for _, other in rows} == {"1.5e3"}
    return [number for number, _ in rows]


def cells(found: Iterable[Rows | Rejection]) -> list[tuple[str | None, ...]]:
    return [row for each in found if isinstance(each, Rows) for row in zip(*each.columns, strict=True)]


@pytest.mark.parametrize("schema", NUMBERS)
@given(numbers=st.lists(DIGITS, min_size=1, max_size=5), separator=SEPARATORS)
@example(numbers=["1.5", "2", "12345678901234567890.123456789", "1E-7", "-0.0"], separator=",")
def test_a_number_as_a_text_is_written_as_the_number(
    schema: dict[str, Any], numbers: list[str], separator: str
) -> None:
    made = converted(schema, [json.dumps(each) for each in numbers], separator)

    for cell, number in zip(made, numbers, strict=True):
        assert cell is not None
        assert set(cell) <= {*"-0123456789", separator}
        assert Decimal(cell.replace(separator, ".")) == Decimal(number)
    assert converted(schema, numbers, separator) == made


@pytest.mark.parametrize("schema", NUMBERS)
@pytest.mark.parametrize("separator", [".", ","])
def test_any_other_text_in_a_column_of_numbers_stays_as_it_is(schema: dict[str, Any], separator: str) -> None:
    values = [json.dumps(each) for each in NO_NUMBERS]

    assert converted(schema, [*values, "null", "true", '{"a":1.5}', '"\\u0031.5"'], separator) == [
        *NO_NUMBERS,
        None,
        "TRUE",
        '{"a":1.5}',
        f"1{separator}5",
    ]


@pytest.mark.parametrize("schema", TEXTS)
@given(texts=st.lists(st.one_of(DIGITS, st.sampled_from(NO_NUMBERS)), min_size=1, max_size=5), separator=SEPARATORS)
def test_a_number_in_a_column_of_texts_stays_as_it_is(schema: dict[str, Any], texts: list[str], separator: str) -> None:
    assert converted(schema, [json.dumps(each) for each in texts], separator) == texts
