"""A record's data becomes the cells that the design says."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from destination_pigment.files.rows import NewColumns, Rejection, RowConverter
from pigment_csv.dialect import CsvDialect


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
    assert isinstance(made, Rejection)
    assert "999" not in made.reason


def test_new_keys_are_named_and_airbyte_columns_are_not_sent() -> None:
    maker = RowConverter(("x",), CsvDialect())
    assert maker.convert(msgspec.Raw(b'{"x":1,"y":2,"z":3}')) == NewColumns(("y", "z"))
    assert maker.convert(msgspec.Raw(b'{"x":1,"_airbyte_raw_id":"r","_airbyte_whatever":1}')) == ["1"]
    assert RowConverter((), CsvDialect()).convert(msgspec.Raw(b"{}")) == Rejection(
        "it has no values, and its stream has no columns", b"{}"
    )


@settings(max_examples=300, deadline=None)
@given(names=st.lists(st.text(min_size=0, max_size=4), min_size=1, max_size=4, unique=True))
@example(names=['Size "XL"', "a\\b", "two\nlines", "", "\x00", "c0"])
def test_a_column_may_have_any_name(names: list[str]) -> None:
    record = msgspec.json.encode(dict.fromkeys(names, "v"))

    assert RowConverter(names, CsvDialect()).convert(msgspec.Raw(record)) == ["v"] * len(names)
