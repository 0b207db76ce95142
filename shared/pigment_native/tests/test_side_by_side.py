"""Converters share a library and nothing else: in threads, after a fork, and whatever the garbage collector takes."""

from __future__ import annotations

import ctypes
import gc
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from pigment_csv.dialect import CsvDialect
from pigment_native.cells import CellReader, RecordInput
from pigment_native.csv_lines import CsvLineWriter
from pigment_native.library import LIBRARY, text_of
from pigment_native.record_lines import Kind, Piece, RecordLineWriter

COLUMNS = 6


def library() -> ctypes.CDLL:
    if LIBRARY is None:
        pytest.skip("without the conversions in C; make native builds them")
    return LIBRARY


def line_writer(number: int) -> RecordLineWriter:
    """A writer of lines that contain its number; nothing else keeps what they are made of alive."""
    pieces = tuple(Piece(b'{"%d":' % number if n == 0 else b',"%d":' % n, n, Kind.TEXT) for n in range(COLUMNS))
    digest = Piece(b',"counted":', 0, Kind.COUNTED)
    return RecordLineWriter(
        library(),
        (*pieces, digest, Piece(b"}\n", 0, Kind.NOTHING)),
        COLUMNS,
        (0, 1),
        longest_line_bytes=20_000_000,
        delimiter=";",
    )


def rows_of(number: int) -> bytes:
    return b"".join(b";".join(b'"%d ""%d"""' % (number, n * m) for m in range(COLUMNS)) + b"\n" for n in range(400))


def cell_reader(number: int) -> CellReader:
    return CellReader(library(), [f"column {n} of {number}" for n in range(COLUMNS)], ".", ("namespace", f"s{number}"))


def messages_of(number: int) -> bytes:
    data = b",".join(b'"column %d of %d":"a \\u00e9 %d;"' % (n, number, n) for n in range(COLUMNS))
    opening = b'{"type":"RECORD","record":{"namespace":"namespace","stream":"s%d","data":{' % number
    return (opening + data + b"}}}\n") * 400


def converted(number: int, times: int = 1) -> list[object]:
    writer, reader, csv = line_writer(number), cell_reader(number), CsvLineWriter(CsvDialect())
    made: list[object] = []
    for _ in range(times):
        columns = reader.read_cells(RecordInput(messages_of(number)))
        assert columns is not None
        made = [writer.lines(rows_of(number)), csv.lines(columns)]
    return made


def test_converters_in_threads_do_not_meet() -> None:
    alone = [converted(number) for number in range(8)]

    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(converted, range(8), [20] * 8))

    assert together == alone
    assert len({str(made) for made in alone}) == 8


def test_a_converter_keeps_what_its_structures_point_at() -> None:
    expected = converted(3)
    writer, reader = line_writer(3), cell_reader(3)
    gc.collect()
    # Takes the places of what was let go.
    taken = [bytes([n % 256]) * size for n in range(2000) for size in (10, 20, 60)]
    columns = reader.read_cells(RecordInput(messages_of(3)))
    assert columns is not None
    del reader
    gc.collect()
    taken += [b"\xff" * 60_000 for _ in range(50)]

    assert [writer.lines(rows_of(3)), CsvLineWriter(CsvDialect()).lines(columns)] == expected


def test_a_child_that_is_forked_converts_as_its_parent() -> None:
    expected, (reading, writing) = converted(5), os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"same" if converted(5) == expected else b"other")
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reading, 10) == b"same"


class Bytes(bytes):
    """A text that is more than bytes."""


@pytest.mark.parametrize("content", [b"", b"text", Bytes(b"text"), bytearray(), bytearray(b"text")])
def test_a_text_is_where_its_bytes_are(content: bytes | bytearray) -> None:
    text = text_of(content)
    gc.collect()
    taken = [b"x" * len(content) for _ in range(1000)]

    assert ctypes.string_at(text.at, text.end - text.at) == bytes(content)
    if isinstance(content, bytes) and content:
        assert text.at == ctypes.cast(ctypes.c_char_p(content), ctypes.c_void_p).value
    assert taken


def test_of_no_rows_there_are_no_lines() -> None:
    made = line_writer(1).lines(b"")

    assert made is not None
    assert (made.content, list(made.ends)) == (b"", [])
    assert cell_reader(1).read_cells(RecordInput(b"")) is None


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_rows_may_have_columns_of_which_none_is_sent(end: bytes) -> None:
    writer = RecordLineWriter(library(), [Piece(b"{}\n", 0, Kind.NOTHING)], 3, (), longest_line_bytes=10, delimiter=";")
    made = writer.lines(b'a;"b\n";' + end)

    assert made is not None
    assert (made.content, list(made.ends)) == (b"{}\n", [3])
    assert writer.lines(b"a;b" + end) is None
