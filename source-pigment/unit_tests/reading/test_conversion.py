"""An export is converted as it arrives: the same records, or the same error, whatever the chunks."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from ctypes import CDLL
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pigment_csv.reader import CsvBroken
from pigment_native.library import LIBRARY
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ColumnType
from source_pigment.reading import conversion
from source_pigment.reading.conversion import ExportConverter
from source_pigment.reading.records import MOST_KEYS, RecordBlock, RecordLayout

CELLS = st.text(alphabet=st.sampled_from('ab;,"\n\r \t\u2028\u0085é\ufeff'), max_size=6)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)
)


def layout_of(header: list[str]) -> RecordLayout:
    """All columns as texts, under names of their own, and a key of the first."""
    names = tuple(f"{number} {name}" for number, name in enumerate(header))
    return RecordLayout(StreamName("S"), names, (ColumnType.TEXT,) * len(names), None, (0,))


def blocks_of(converter: ExportConverter, content: bytes, size: int) -> list[RecordBlock]:
    chunks = (content[start : start + size] for start in range(0, len(content), size))
    blocks = [block for chunk in chunks for block in converter.convert_chunk(chunk)]
    return [*blocks, *converter.convert_waiting(), *converter.convert_last_record()]


Converted = tuple[list[str] | None, int, list[dict[str, str | None]]]


def converted(content: bytes, size: int, library: CDLL | None) -> Converted | str:
    """The header, how many rows were counted, and the records; or what is wrong."""
    headers: list[list[str]] = []

    def keep_header(header: list[str]) -> RecordLayout:
        headers.append(header)
        return layout_of(header)

    converter = ExportConverter(keep_header, 5, library)
    try:
        blocks = blocks_of(converter, content, size)
    except CsvBroken as error:
        return str(error)
    lines = b"".join(block.lines for block in blocks).split(b"\n")[:-1]
    assert sum(block.count for block in blocks) == converter.rows == len(lines)
    assert sum(len(block.keys) for block in blocks) == converter.rows
    return headers[0] if headers else None, converter.rows, [json.loads(line)["record"]["data"] for line in lines]


def converted_any_way(content: bytes, size: int, block_bytes: int = conversion.BLOCK_BYTES) -> Converted | str:
    """What both ways give, which must be the same, and the same as without any cut."""
    assert LIBRARY is not None, "run make native: this test needs the conversions in C"
    whole = converted(content, max(len(content), 1), None)
    with patch.object(conversion, "BLOCK_BYTES", block_bytes):
        for library in (LIBRARY, None):
            assert converted(content, size, library) == whole
    return whole


@given(TABLES, st.integers(1, 40), st.integers(1, 30), st.booleans())
def test_header_and_rows_are_those_of_the_standard_library(
    table: list[list[str]], size: int, block_bytes: int, marked: bool
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(table)
    content = (b"\xef\xbb\xbf" if marked else b"") + text.getvalue().encode()
    expected = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=";", strict=True))
    if not marked and content.startswith(b"\xef\xbb\xbf"):
        expected[0][0] = expected[0][0].removeprefix("\ufeff")
    header = expected[0] or [""]
    rows = [[cell or None for cell in row] or [None] for row in expected[1:]]
    records = [dict(zip(layout_of(header).names, row, strict=True)) for row in rows]
    assert converted_any_way(content, size, block_bytes) == (header, len(rows), records)


@settings(max_examples=800, deadline=None)
@given(
    rows=st.text(alphabet='ab;"\n\r 1', max_size=40),
    size=st.integers(1, 10),
    block_bytes=st.integers(1, 20),
    width=st.integers(1, 3),
)
@example(rows='5" pipe;1\n"a\nb";2\n6" x;3', size=10, block_bytes=1, width=2)
@example(rows="a;b\r\r\n", size=2, block_bytes=1, width=2)
@example(rows='"a\rb";"c\n"\r\nd;e\r\n', size=7, block_bytes=1, width=2)
@example(rows='"\r";"\r\n"\n;', size=7, block_bytes=1, width=2)
@example(rows="a;b\n\n", size=7, block_bytes=1, width=2)
@example(rows="a;b\rc;d\n", size=7, block_bytes=1, width=2)
@example(rows='a;"b"c\n', size=7, block_bytes=1, width=2)
@example(rows="\ufeffa;b\n", size=7, block_bytes=1, width=2)
def test_an_export_is_the_same_in_whatever_pieces(rows: str, size: int, block_bytes: int, width: int) -> None:
    content = (";".join("abc"[:width]) + "\n" + rows).encode()
    ways = []
    for library in (LIBRARY, None):
        with patch.object(conversion, "BLOCK_BYTES", block_bytes):
            ways.append(converted(content, size, library))
    assert ways == [converted(content, len(content), None)] * 2


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
        assert str(converted_any_way(content, size)).endswith(f"(record {record})")


@pytest.mark.parametrize("header", [b'Size 5";Amount', b'"quoted";7" pipe', b'a"b;c'])
def test_a_lone_quote_in_the_header_is_reported_however_it_is_cut(header: bytes) -> None:
    for size in (1, 3, 100):
        assert str(converted_any_way(header + b"\nx;1\nx;2\nx;3", size)).endswith("(record 1)")


def test_what_looks_like_a_byte_order_mark_in_the_first_row_is_its_text() -> None:
    content = b"\xef\xbb\xbfa\n\xef\xbb\xbfx\n"
    assert converted_any_way(content, 99) == (["a"], 1, [{"0 a": "\ufeffx"}])


def test_a_header_without_an_end_does_not_fill_the_memory() -> None:
    with pytest.raises(CsvBroken):
        list(ExportConverter(layout_of, 5, LIBRARY).convert_chunk(b'"' + b"x\n" * 3_000_000))


@pytest.mark.parametrize("library", [LIBRARY, None], ids=["in bulk", "by row"])
def test_the_record_that_is_wrong_is_named_after_many(library: CDLL | None) -> None:
    content = b"a;b\n" + b"x;y\n" * 340_000 + b"p;q;r\nx;y\n"
    with pytest.raises(CsvBroken) as raised:
        blocks_of(ExportConverter(layout_of, 5, library), content, 100_000)
    assert raised.value.record == 1 + 340_000 + 1


def test_a_record_that_is_too_large_is_named() -> None:
    content = b"a\n" + b"x\n" * 10 + b'"' + b"x" * (65 << 20)
    with pytest.raises(CsvBroken) as raised:
        blocks_of(ExportConverter(layout_of, 5, LIBRARY), content, 1 << 20)
    assert raised.value.record == 12


def test_keys_that_no_one_compares_are_left_out() -> None:
    blocks = blocks_of(ExportConverter(layout_of, 5, LIBRARY), b"a\n" + b"x\n" * (MOST_KEYS + 600_000), 1 << 18)
    keys = Counter(len(block.keys) == block.count for block in blocks)
    assert keys[False] > 0
    assert sum(len(block.keys) for block in blocks) >= MOST_KEYS
