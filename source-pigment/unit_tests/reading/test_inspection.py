"""An export is looked at as it comes: what passes converts, whatever the chunks."""

from __future__ import annotations

import csv
import io
from ctypes import CDLL

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigment_csv.reader import CsvBroken
from pigment_native.library import LIBRARY
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ColumnType
from source_pigment.reading.conversion import Expected, Header, Inspection
from source_pigment.reading.records import RecordLayout, RowConverter

CELLS = st.text(alphabet=st.sampled_from('ab;,"\n\r \t\u2028\u0085é\ufeff'), max_size=6)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)
)


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


def looked_at(inspection: Inspection, content: bytes, size: int) -> bytes:
    rows = [each.content for chunk in cut(content, size) for each in inspection.decode(chunk)]
    return b"".join([*rows, *(each.content for each in inspection.flush())])


def inspected(content: bytes, size: int) -> tuple[list[str] | None, int]:
    """What is found in bulk and by row, which must be the same."""
    assert LIBRARY is not None
    ways: list[tuple[list[str] | None, int] | CsvBroken] = []
    for library in (LIBRARY, None):
        inspection = Inspection(lambda _header: Expected(lambda _rows: None, 1 << 30, 0), library)
        try:
            looked_at(inspection, content, size)
            ways.append((inspection.header, inspection.rows))
        except CsvBroken as error:
            ways.append(error)
    in_bulk, by_row = ways
    if isinstance(in_bulk, CsvBroken):
        assert str(in_bulk) == str(by_row)
        raise in_bulk
    assert in_bulk == by_row
    return in_bulk


@given(TABLES, st.integers(1, 40), st.booleans())
def test_header_and_rows_are_those_of_the_standard_library(table: list[list[str]], size: int, marked: bool) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(table)
    content = (b"\xef\xbb\xbf" if marked else b"") + text.getvalue().encode()
    expected = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=";", strict=True))
    if not marked and content.startswith(b"\xef\xbb\xbf"):
        expected[0][0] = expected[0][0].removeprefix("\ufeff")
    assert inspected(content, size) == ((expected[0] or [""]), len(expected) - 1)


@given(st.text(alphabet='ab;"\n\r', max_size=40), st.integers(1, 10), st.integers(1, 3))
def test_what_passes_converts(rows: str, size: int, width: int) -> None:
    content = (";".join("abc"[:width]) + "\n" + rows).encode()
    try:
        header, count = inspected(content, size)
    except CsvBroken:
        return
    assert header == list("abc"[:width])
    read = looked_at(Inspection(lambda _header: Expected(lambda _rows: None, 1 << 30, 0), LIBRARY), content, size)
    layout = RecordLayout(StreamName("S"), tuple(header), (ColumnType.TEXT,) * width)
    assert RowConverter(layout, 0).convert(read, first_record=2).count == count


@pytest.mark.parametrize(
    ("content", "record"),
    [
        (b"a;b\n1;2\n3\n4;5\n", 3),
        (b"a;b\n1;2\n3;4;5\n", 3),
        (b'a;b\n1;2\n3;"4"x\n', 3),
        (b"a;b\n1;2\n\n3;4\n", 3),
        (b"a;b\n1;2\r3;4\n", 2),
        (b"a,b\n1;2\n", 2),
    ],
)
def test_what_cannot_be_read_is_named_by_its_record(content: bytes, record: int) -> None:
    for size in (1, 3, 100):
        with pytest.raises(CsvBroken) as raised:
            inspected(content, size)
        assert raised.value.record == record


@pytest.mark.parametrize("header", [b'Size 5";Amount', b'"quoted";7" pipe', b'a"b;c'])
def test_a_lone_quote_in_the_header_does_not_keep_the_rows_together(header: bytes) -> None:
    assert Header().decode(header + b"\nx;1\nx;2\nx") == b"x;1\nx;2\nx"


def test_what_looks_like_a_byte_order_mark_in_the_first_row_is_its_text() -> None:
    content = b"\xef\xbb\xbfa\n\xef\xbb\xbfx\n"
    assert (
        looked_at(Inspection(lambda _: Expected(lambda _: None, 1 << 30, 0), LIBRARY), content, 99)
        == b"\xef\xbb\xbfx\n"
    )


def test_a_header_without_an_end_does_not_fill_the_memory() -> None:
    with pytest.raises(CsvBroken):
        Header().decode(b'"' + b"x\n" * 3_000_000)


def test_only_long_rows_are_tried() -> None:
    tried: list[int] = []
    inspection = Inspection(lambda _header: Expected(lambda rows: tried.append(len(rows)), 2 << 20, 0), LIBRARY)
    for chunk in (b"a\n", b"x\n" * 9, b"y" * 3_000_000, b"\n", b"z\n"):
        list(inspection.decode(chunk))
    assert (inspection.rows, tried) == (11, [3_000_001])


@pytest.mark.parametrize("library", [LIBRARY, None], ids=["in bulk", "by row"])
def test_the_record_that_is_wrong_is_named_behind_many(library: CDLL | None) -> None:
    def try_rows(_rows: bytes) -> None:
        raise AssertionError("rows are counted before they are tried")

    inspection = Inspection(lambda _: Expected(try_rows, 1 << 20, 0), library)
    # Quotes out of place make one long block.
    content = b"a;b\n" + b"x;y\n" * 40_000 + b'Size 5";y\n' + b"x;y\n" * 300_000 + b'p;q;r\nSize 6";y\n'
    with pytest.raises(CsvBroken) as raised:
        looked_at(inspection, content, 100_000)
    assert raised.value.record == 1 + 40_000 + 1 + 300_000 + 1


def test_a_record_that_is_too_large_is_named() -> None:
    inspection = Inspection(lambda _: Expected(lambda _: None, 1 << 30, 0), LIBRARY)
    with pytest.raises(CsvBroken) as raised:
        looked_at(inspection, b"a\n" + b"x\n" * 10 + b'"' + b"x" * (65 << 20), 1 << 20)
    assert raised.value.record == 12
