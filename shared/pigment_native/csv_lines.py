"""Columns of cells to the lines of a CSV file, as `CsvWriter.lines` writes them."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from itertools import accumulate

from pigment_csv.dialect import CsvDialect
from pigment_csv.writer import CsvUnwritable, CsvWriter
from pigment_native.cells import SPAN_BYTES, Cells, Repeated, Table
from pigment_native.library import DONE, NO_ROOM, Room, address_of

_CELLS_TO_LINES = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_uint64,
    ctypes.c_uint8,
    ctypes.POINTER(Room),
)


class CsvLineWriter:
    """Writes columns: with the library that made one of them, else row by row in Python."""

    def __init__(self, dialect: CsvDialect) -> None:
        self._delimiter = ord(dialect.delimiter)
        self._by_row = CsvWriter(dialect)

    def lines(self, columns: Sequence[Sequence[str | None]]) -> bytes:
        """The lines of columns of the same length; raises `CsvUnwritable`."""
        library = next((column.table.library for column in columns if isinstance(column, Cells)), None)
        if library is None:
            return self._by_row.lines(zip(*columns, strict=True))
        rows = len(columns[0])
        if any(len(column) != rows for column in columns):
            raise ValueError("the columns are not of the same length")
        cells = [_encoded(column, library) for column in columns]
        strides = [
            0 if isinstance(column, Repeated) else each.places.step for column, each in zip(columns, cells, strict=True)
        ]
        places = array("q", [number for each in zip(cells, strides, strict=True) for number in _places(*each)])
        size = sum(column.text_bytes for column in cells) + rows * (len(cells) + 2)
        convert = _CELLS_TO_LINES(("cells_to_lines", library))
        while True:
            lines = bytearray(size + 1)
            begin = address_of(lines)
            room = Room(begin, begin + size, full=False)
            ended = convert(places.buffer_info()[0], len(cells), rows, self._delimiter, room)
            if ended == DONE:
                return bytes(memoryview(lines)[: room.at - begin])
            if ended != NO_ROOM:
                raise ValueError("a cell lies outside its texts")
            size *= 2


def _places(cells: Cells, stride: int) -> tuple[int, int, int, int]:
    """Where the texts of a column begin and end, where its first cell is, and the stride to the next one."""
    table = cells.table
    first = table.spans_at + SPAN_BYTES * cells.places.start
    return table.texts_at, table.texts_at + len(table.texts), first, stride


def _encoded(column: Sequence[str | None], library: ctypes.CDLL) -> Cells:
    """A column as cells, of which a repeated one has only one; raises `CsvUnwritable`."""
    if isinstance(column, Cells):
        return column
    if isinstance(column, Repeated):
        once = _encoded([column.cell], library)
        return Cells(once.table, once.places, once.text_bytes * len(column))
    try:
        texts = [b"" if cell is None else cell.encode() for cell in column]
    except UnicodeEncodeError:
        pass  # this error contains the text: raised from here, ours would carry it along
    else:
        lengths = array("i", map(len, texts))
        spans = array("i", bytes(SPAN_BYTES * len(texts)))
        spans[::2] = array("i", accumulate(lengths, initial=0))[:-1]
        spans[1::2] = lengths
        table = Table(library, bytearray().join(texts), bytearray(spans))
        return Cells(table, range(len(texts)), len(table.texts))
    raise CsvUnwritable
