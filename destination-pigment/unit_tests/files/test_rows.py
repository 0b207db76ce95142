"""Records to cells: by column gives what by row gives, and by row what the design says."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from destination_pigment.files.columns import ColumnConverter
from destination_pigment.files.rows import Cells, NewColumns, Rejected, RowConverter
from destination_pigment.input.configured_streams import DestinationStream, WriteMode
from pigment_csv.dialect import CsvDialect
from pigment_csv.writer import CsvUnwritable, CsvWriter

COLUMNS = ("b", "n", "t", "x")
TEXTS = frozenset({"t"})
STREAM = DestinationStream(None, "s", WriteMode.APPEND, COLUMNS, TEXTS)
LINE = b'{"type":"RECORD","record":{"stream":"s","emitted_at":1,"data":%b}}\n'
DIALECTS = st.builds(
    CsvDialect, delimiter=st.sampled_from([",", ";"]), decimal_separator=st.sampled_from([".", ","]), bom=st.booleans()
)
NUMBERS = ["0", "-0", "12", "33.333333333333333333", "1e-7", "1.5e3", "-2.50", "1E400", "9007199254740993", "1e99999"]
VALUES = st.one_of(
    st.sampled_from([*NUMBERS, "null", "true", "false", '""', '"0012"', '"a\\nb"', '"\\u2028"', '"nul"', '"\\ud83d"']),
    st.text(max_size=5).map(json.dumps),
    st.sampled_from(["{}", "[1.10, 2e5]", '{"z": 33.333333333333333333, "a": [null, true]}', '"{}"']),
)
TYPICAL = {
    "b": st.sampled_from(["true", "false", "null"]),
    "n": st.one_of(
        st.sampled_from([*NUMBERS[:4], "null"]), st.decimals(allow_nan=False, allow_infinity=False).map(str)
    ),
    "t": st.one_of(st.just("null"), st.text(max_size=5).map(json.dumps)),
    "x": VALUES,
}


@st.composite
def records(draw: Any) -> list[bytes]:
    """Runs of records: mostly what a schema promises, sometimes anything."""
    awkward = draw(st.booleans())
    found = []
    for _ in range(draw(st.integers(1, 5))):
        names = draw(st.lists(st.sampled_from(COLUMNS), unique=True)) if awkward else list(COLUMNS)
        parts = {name: draw(VALUES if awkward else TYPICAL[name]) for name in names}
        if awkward and draw(st.booleans()):
            parts[draw(st.sampled_from(["new", "_airbyte_raw_id", "_airbyte_other"]))] = draw(VALUES)
        text = "{" + ",".join(f'"{name}":{value}' for name, value in parts.items()) + "}"
        found.append(draw(st.just(text) if not awkward else st.sampled_from([text, text, "null", "7", "[1]"])).encode())
    return found


def by_row(maker: RowConverter, run: list[bytes]) -> list[Cells | NewColumns | Rejected]:
    return [maker.convert(msgspec.Raw(record)) for record in run]


@settings(max_examples=1500, deadline=None)
@given(run=records(), dialect=DIALECTS)
@example(run=[b'{"n":1}', b'{"n":null}'], dialect=CsvDialect(decimal_separator=","))
def test_by_column_gives_what_by_row_gives(run: list[bytes], dialect: CsvDialect) -> None:
    maker = ColumnConverter(STREAM, COLUMNS, dialect)
    columns = maker.from_records([msgspec.Raw(record) for record in run])
    assert maker.from_lines(b"".join(LINE % record for record in run)) == columns
    expected = by_row(RowConverter(COLUMNS, dialect), run)

    if columns is None:
        return
    rows = [[cell or None for cell in row] for row in zip(*columns, strict=True)]
    assert rows == [[cell or None for cell in row] if isinstance(row, list) else row for row in expected]


def test_what_a_schema_promises_takes_the_fast_way() -> None:
    run = [b'{"b":true,"n":-1.50,"t":"x","x":"y"}', b'{"b":null,"n":null,"t":null,"x":{"a":1}}', b'{"t":"z"}']
    maker = ColumnConverter(STREAM, COLUMNS, CsvDialect(decimal_separator=","))
    columns = maker.from_records([msgspec.Raw(each) for each in run])

    assert columns == [["TRUE", "", ""], ["-1,50", "", ""], ("x", None, "z"), ["y", '{"a":1}', None]]


@settings(max_examples=100, deadline=None)
@given(
    names=st.lists(st.from_regex(r"_airbyte_[A-Za-z0-9_.-]{0,8}", fullmatch=True), unique=True, max_size=5),
    value=VALUES,
)
def test_what_airbyte_adds_costs_nothing_under_any_name(names: list[str], value: str) -> None:
    more = "".join(f',"{name}":{value}' for name in names)
    run = [f'{{"t":"z"{more}}}'.encode(), b'{"t":"y"}']
    expected = by_row(RowConverter(COLUMNS, CsvDialect()), run)
    maker = ColumnConverter(STREAM, COLUMNS, CsvDialect())
    columns = maker.from_records([msgspec.Raw(record) for record in run])

    assert (columns is not None) is all(isinstance(row, list) for row in expected)
    if columns is None:
        return
    assert [[cell or None for cell in row] for row in zip(*columns, strict=True)] == expected
    assert maker.from_lines(b"".join(LINE % record for record in run)) == columns


def test_names_of_airbyte_without_end_are_not_learned() -> None:
    maker = ColumnConverter(STREAM, COLUMNS, CsvDialect())
    for number in range(40):
        record = b'{"t":"z","_airbyte_%d":{"x":1},"_airbyte_other":1}' % number
        assert (maker.from_lines(LINE % record) is not None) is (number < 27)
    assert maker.from_lines(LINE % b'{"t":"z","new":1}') is None


@pytest.mark.parametrize("namespace", [None, "ns"])
def test_only_lines_that_are_all_records_of_the_stream_are_taken_at_once(namespace: str | None) -> None:
    stream = DestinationStream(namespace, "s", WriteMode.APPEND, ("x",), frozenset())
    maker = ColumnConverter(stream, ("x",), CsvDialect())

    def line(**more: Any) -> bytes:
        record = {"stream": "s", "data": {"x": 1}, "namespace": namespace, **more}
        return json.dumps({"type": "RECORD", "record": record}).encode() + b"\n"

    assert maker.from_lines(line() * 2) == [["1", "1"]]
    for other in (
        line(stream="t"),
        line(namespace="other"),
        line(data=None),
        line().replace(b"RECORD", b"STATE"),
        b"nonsense\n",
    ):
        assert maker.from_lines(line() + other) is None
        assert maker.from_lines(other + line()) is None
    assert maker.from_lines(b"") is None


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("null", None),
        ("true", "TRUE"),
        ("false", "FALSE"),
        ("1e-7", "0.0000001"),
        ("1.5e3", "1500"),
        ("33.333333333333333333", "33.333333333333333333"),
        ("9007199254740993", "9007199254740993"),
        ("-0.00", "-0.00"),
        ('"0012"', "0012"),
        ('"1e5"', "1e5"),
        ('""', ""),
        ('"a\\r\\nb\\u2028"', "a\r\nb\u2028"),
        ('{"a": 1.10, "b": [null, 9007199254740993]}', '{"a":1.10,"b":[null,9007199254740993]}'),
        ("[]", "[]"),
    ],
)
def test_a_value_becomes_the_cell_of_the_design(value: str, cell: str | None) -> None:
    assert RowConverter(("x",), CsvDialect()).convert(msgspec.Raw(f'{{"x":{value}}}'.encode())) == [cell]


@given(number=st.from_regex(r"-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_a_number_is_the_same_number_with_a_decimal_comma(number: str) -> None:
    made = RowConverter(("x",), CsvDialect(decimal_separator=",")).convert(msgspec.Raw(f'{{"x":{number}}}'.encode()))
    assert isinstance(made, list)
    assert made[0] is not None
    assert "e" not in made[0].lower()
    assert Decimal(made[0].replace(",", ".")) == Decimal(number)


@pytest.mark.parametrize("record", [b"null", b"7", b'"x"', b"[]", b'{"x":1e99999999999}', b"{"])
def test_what_cannot_be_a_row_is_rejected_with_a_reason_that_quotes_nothing(record: bytes) -> None:
    made = RowConverter(("x",), CsvDialect()).convert(msgspec.Raw(record))
    assert isinstance(made, Rejected)
    assert "999" not in made.reason


def test_new_keys_are_named_and_airbyte_columns_are_not_sent() -> None:
    maker = RowConverter(("x",), CsvDialect())
    assert maker.convert(msgspec.Raw(b'{"x":1,"y":2,"z":3}')) == NewColumns(("y", "z"))
    assert maker.convert(msgspec.Raw(b'{"x":1,"_airbyte_raw_id":"r","_airbyte_whatever":1}')) == ["1"]
    assert RowConverter((), CsvDialect()).convert(msgspec.Raw(b"{}")) == Rejected(
        "it has no values, and its stream has no columns"
    )


@settings(max_examples=300, deadline=None)
@given(names=st.lists(st.text(min_size=0, max_size=4), min_size=1, max_size=4, unique=True), are_texts=st.booleans())
@example(names=['Size "XL"', "a\\b", "two\nlines", "", "\x00", "c0"], are_texts=True)
def test_a_column_may_have_any_name(names: list[str], are_texts: bool) -> None:
    names = [name for name in names if not name.startswith("_airbyte_")]
    try:
        record = json.dumps(dict.fromkeys(names, "v"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    if not names:
        return
    stream = DestinationStream(None, "s", WriteMode.APPEND, tuple(names), frozenset(names if are_texts else ()))
    columns = ColumnConverter(stream, names, CsvDialect()).from_records([msgspec.Raw(record)])
    assert columns is None or [list(column) for column in columns] == [["v"]] * len(names)
    assert RowConverter(names, CsvDialect()).convert(msgspec.Raw(record)) == ["v"] * len(names)


# CSV, column by column -----------------------------------------------------------------------------------------

CELLS = st.one_of(
    st.none(), st.text(st.sampled_from(list('a;,"\n\r\t \u2028\0é🚀\\')), max_size=6), st.text(max_size=4)
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)
)


@settings(max_examples=1000, deadline=None)
@given(rows=TABLES, dialect=DIALECTS)
@example(rows=[[None]], dialect=CsvDialect())
@example(rows=[["\ud800", "x"]], dialect=CsvDialect())
def test_columns_are_written_as_the_standard_library_writes_rows(rows: list[Cells], dialect: CsvDialect) -> None:
    writer = CsvWriter(dialect)
    columns = list(zip(*rows, strict=True))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=dialect.delimiter, lineterminator="\r\n").writerows(rows)
    try:
        expected = text.getvalue().encode()
    except UnicodeEncodeError:
        with pytest.raises(CsvUnwritable):
            writer.columns(columns)
        return
    assert writer.columns(columns) == writer.rows(rows) == expected
