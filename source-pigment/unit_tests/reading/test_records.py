"""The conversion in bulk gives the same bytes as the one by row, and that what the standard library gives."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import CsvBroken, RecordBlocks, RecordTooLarge
from pigment_native.library import LIBRARY
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ColumnType
from source_pigment.reading.conversion import BulkConverter
from source_pigment.reading.records import Converter, RecordBlock, RecordLayout, RecordTooLong, RowConverter

AWKWARD = [
    "",
    "0012",
    "+5",
    "1,5",
    "NaN",
    "1e5",
    "-0.00",
    "33.333333333333333333",
    "TRUE",
    "true",
    "FALSE",
    "TRUEFALSE",
    "FALSETRUE",
    "TRUETRUE",
    "TRUE ",
    "2026-02-28",
    "2026-02-30",
    "2026-13-01",
    "null",
    "NA",
    '"',
    '""',
    "a;b",
    "a\r\nb",
    "a\nb",
    "a\rb",
    "\u2028",
    "\x85",
    "\x00",
    "\x1f",
    "\t",
    "\\",
    "\\n",
    "é🚀",
    " lead",
    "trail ",
    "=1+1",
    "9" * 400,
    "\ufeff",
    "\x7f",
]
CELLS = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.from_regex(r"-?[0-9]{1,4}(\.[0-9]{1,3})?", fullmatch=True),
)
TYPES = st.sampled_from(list(ColumnType))


@st.composite
def layouts_and_rows(draw: Any) -> tuple[RecordLayout, list[list[str]]]:
    width = draw(st.integers(1, 4))
    columns = draw(st.lists(st.text(min_size=1, max_size=4), min_size=width, max_size=width, unique=True))
    # Every fourth column or so is deselected.
    names = tuple(name if draw(st.integers(0, 3)) else None for name in columns)
    types = tuple(draw(st.lists(TYPES, min_size=width, max_size=width)))
    id_position = draw(st.none() | st.integers(0, width - 1))
    key = tuple(draw(st.lists(st.integers(0, width - 1), max_size=width, unique=True)))
    stream = StreamName(draw(st.text(min_size=1, max_size=5)), draw(st.none() | st.text(min_size=1, max_size=5)))
    layout = RecordLayout(stream, names, types, id_position, key)
    return layout, draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8))


def as_csv(rows: list[list[str]], line_end: str = "\r\n", quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator=line_end, quoting=quoting).writerows(rows)  # type: ignore[arg-type] # any of csv's constants
    return text.getvalue().encode()


def expected_value(text: str, type_: ColumnType) -> tuple[Any, bool]:
    """The value of a cell as the design says it, and whether it fits its type."""
    if text == "":
        return None, True
    if type_ is ColumnType.BOOLEAN:
        return {"TRUE": (True, True), "FALSE": (False, True)}.get(text, (text, False))
    if type_ is ColumnType.DATE:
        try:
            return text, date.fromisoformat(text).isoformat() == text
        except ValueError:
            return text, False
    if type_ is ColumnType.NUMBER:
        try:
            loaded = json.loads(text, parse_int=Digits, parse_float=Digits, parse_constant=lambda _: "no number")
        except ValueError:
            return text, False
        return (loaded, True) if isinstance(loaded, Digits) and loaded == text else (text, False)
    return text, True


class Digits(str):
    """A number as its digits."""

    __slots__ = ()


def oracle(layout: RecordLayout, row: list[str], misfits: Counter[str]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, type_, text in zip(layout.names, layout.types, row, strict=True):
        if name is None:
            continue
        data[name], fits = expected_value(text, type_)
        misfits[name] += not fits
    if layout.id_position is not None:
        data["_pigment_record_id"] = row[layout.id_position] or None
        hashed = b"".join(b"%d:%b," % (len(cell.encode()), cell.encode()) for cell in row)
        data["_pigment_content_hash"] = hashlib.sha256(hashed).hexdigest()
    return data


def in_bulk(layout: RecordLayout) -> BulkConverter:
    assert LIBRARY is not None, "run make native: this test needs the conversions in C"
    return BulkConverter(layout, 5, LIBRARY)


def by_row(layout: RecordLayout) -> RowConverter:
    return RowConverter(layout, 5)


def convert(converter: Converter, block: bytes) -> RecordBlock | str:
    try:
        return converter.convert(block, first_record=2)
    except CsvBroken as error:
        return str(error)


@settings(max_examples=600, deadline=None)
@given(
    given_=layouts_and_rows(),
    form=st.sampled_from([(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_ALL, "\n")]),
)
def test_both_ways_give_what_the_standard_library_says(
    given_: tuple[RecordLayout, list[list[str]]], form: tuple[int, str]
) -> None:
    layout, rows = given_
    block = as_csv(rows, form[1], form[0])
    if not block:
        return
    plain, fast = convert(by_row(layout), block), convert(in_bulk(layout), block)
    misfits: Counter[str] = Counter()
    expected = [oracle(layout, row, misfits) for row in rows]

    assert isinstance(plain, RecordBlock)
    assert fast == plain
    lines = plain.lines.split(b"\n")[:-1]
    parsed = [json.loads(line, parse_int=Digits, parse_float=Digits)["record"] for line in lines]
    assert [each["data"] for each in parsed] == expected
    assert all(StreamName(each["stream"], each.get("namespace")) == layout.stream for each in parsed)
    # A stream without a namespace says nothing of one.
    assert all(("namespace" in each) is (layout.stream.namespace is not None) for each in parsed)
    assert all(each["emitted_at"] == "5" for each in parsed)
    assert plain.count == len(rows)
    assert +plain.misfits == +misfits


@settings(max_examples=1500, deadline=None)
@given(block=st.text(st.sampled_from(list('ab;"\n\r 1')), max_size=24).map(str.encode))
@example(block=b'1;"a"b\n')
@example(block=b'a"b;1\n')
@example(block=b'1";"')
@example(block=b';""1')
@example(block=b'"a";"b"c"d"\n')
@example(block=b"a;b;c\n")
@example(block=b"a;b\rc;d\n")
@example(block=b'a;b\rc;"d\n"\n')
@example(block=b'"a\rb";"c\n"\nd;e\r\n')
@example(block=b"a;b\r\r\nc;d\n")
@example(block=b"a;b\n;\nc;d\n")
@example(block=b"a;b\n\n;d\n")
@example(block=b"a;b\r")
@example(block=b"\n\n")
def test_what_is_not_csv_is_rejected_by_both_or_by_neither(block: bytes) -> None:
    """Blocks as the reader cuts them: whole records only."""
    cutter = RecordBlocks(CsvDialect(";"))
    for piece in (cutter.cut_records(block, first_record=2), cutter.last_record()):
        if piece:
            layout = RecordLayout(StreamName("S"), ("x", "y"), (ColumnType.TEXT, ColumnType.NUMBER))
            assert convert(in_bulk(layout), piece) == convert(by_row(layout), piece)


def test_a_large_block_takes_the_fast_way_and_agrees() -> None:
    layout = RecordLayout(StreamName("S"), ("a", "b", "c", "d"), tuple(ColumnType), 0)
    rows = [[f"text {n}", f"{n}.50", ["TRUE", "FALSE", ""][n % 3], f"2026-{n % 12 + 1:02d}-01"] for n in range(5000)]
    rows[7] = ['q"uo;te', "x", "maybe", "2026-02-30"]
    block = as_csv(rows)
    fast = in_bulk(layout)

    assert fast._writer.lines(block) is not None
    result = convert(fast, block)
    assert result == convert(by_row(layout), block)
    assert isinstance(result, RecordBlock)
    assert result.misfits == {"b": 1, "c": 1, "d": 1}


def test_a_record_that_airbyte_would_not_take_is_an_error() -> None:
    layout = RecordLayout(StreamName("S"), ("a",), (ColumnType.TEXT,))
    for converter in (in_bulk(layout), by_row(layout)):
        with pytest.raises(RecordTooLong):
            converter.convert(b"x" * 19_999_990 + b"\n", first_record=2)
        with pytest.raises(RecordTooLarge):
            converter.convert(b"x" * 20_000_000 + b"\n", first_record=2)


def test_a_cell_of_megabytes_goes_through() -> None:
    layout = RecordLayout(StreamName("S"), ("a", "b"), (ColumnType.TEXT, ColumnType.TEXT))
    block = as_csv([["line\r\n" * 500_000, "x"]])

    assert convert(in_bulk(layout), block) == convert(by_row(layout), block)


def text_whose_key_is_nothing() -> str:
    """A text whose number, after a 1 and before the byte that ends a text, is a multiple of 2^61 - 1."""
    modulus = (1 << 61) - 1
    for number in range(100_000):
        begin = hashlib.sha256(str(number).encode()).hexdigest()[:8].encode()
        rest = (-0xFF * pow(0x100, -1, modulus) - (int.from_bytes(b"\x01" + begin) << 64)) % modulus
        if rest.to_bytes(8).isascii():
            return (begin + rest.to_bytes(8)).decode()
    raise AssertionError


def test_a_key_that_is_a_multiple_of_the_modulus_is_zero() -> None:
    text = text_whose_key_is_nothing()
    layout = RecordLayout(StreamName("S"), ("a",), (ColumnType.TEXT,), key_positions=(0,))

    for converter in (in_bulk(layout), by_row(layout)):
        block = converter.convert(as_csv([[text], ["other"]]), first_record=2)
        assert block.keys[0] == 0
        assert block.keys[1] != 0
