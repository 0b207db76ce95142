"""Columns of cells to the lines of a CSV file, as `CsvWriter.lines` writes them."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Sequence
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
        # Mutable state: the library of the last call, and its function.
        self._library: ctypes.CDLL | None = None
        self._convert: Callable[..., int] | None = None

    def lines(self, columns: Sequence[Sequence[str | None]]) -> bytes:
        """The lines of columns of the same length; raises `CsvUnwritable`."""
        library = next((column.table.library for column in columns if type(column) is Cells), None)
        if library is None:
            return self._by_row.lines(zip(*columns, strict=True))
        if self._convert is None or library is not self._library:
            self._library, self._convert = library, _CELLS_TO_LINES(("cells_to_lines", library))
        cells = [column if type(column) is Cells else _encoded(column, library) for column in columns]
        rows, size = len(columns[0]), 0
        # For each column: where its texts begin and end, where its first cell is, and the stride to the next one.
        numbers: list[int] = []
        for column, each in zip(columns, cells, strict=True):
            if len(column) != rows:
                raise ValueError("the columns are not of the same length")
            table, places = each.table, each.places
            step = 0 if type(column) is Repeated else places.step
            numbers += table.texts_at, table.texts_end, table.spans_at + SPAN_BYTES * places.start, step
            size += each.text_bytes
        size += rows * (len(cells) + 2)
        columns_at = array("q", numbers)
        while True:
            lines = bytearray(size + 1)
            begin = address_of(lines)
            room = Room(begin, begin + size, full=False)
            ended = self._convert(columns_at.buffer_info()[0], len(cells), rows, self._delimiter, room)
            if ended == DONE:
                return bytes(memoryview(lines)[: room.at - begin])
            if ended != NO_ROOM:
                raise ValueError("a cell lies outside its texts")
            size *= 2


def _encoded(column: Sequence[str | None], library: ctypes.CDLL) -> Cells:
    """A column as cells, of which a repeated one has only one; raises `CsvUnwritable`."""
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
