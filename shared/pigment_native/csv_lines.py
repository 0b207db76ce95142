"""Columns of cells to the lines of a CSV file, as `CsvWriter.rows` writes them."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from itertools import accumulate

from pigment_csv.dialect import CsvDialect
from pigment_csv.writer import CsvUnwritable, CsvWriter
from pigment_native.cells import SPAN_BYTES, Cells, Table
from pigment_native.memory import DONE, NO_ROOM, Room, Text, address_of, text_of


class _Column(ctypes.Structure):
    _fields_ = (("texts", Text), ("first", ctypes.c_void_p), ("stride", ctypes.c_int64))


_CELLS_TO_LINES = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.POINTER(_Column),
    ctypes.c_uint64,
    ctypes.c_uint64,
    ctypes.c_uint8,
    ctypes.POINTER(Room),
)


class CsvLines:
    """Writes columns: those of a table by the library that made it, others beside them too; others alone by row."""

    def __init__(self, dialect: CsvDialect) -> None:
        self._delimiter = ord(dialect.delimiter)
        self._by_row = CsvWriter(dialect)

    def of(self, columns: Sequence[Sequence[str | None]]) -> bytes:
        """The lines of columns of one length; raises `CsvUnwritable`."""
        library = next((column.table.library for column in columns if isinstance(column, Cells)), None)
        if library is None:
            return self._by_row.rows(zip(*columns, strict=True))
        cells = [column if isinstance(column, Cells) else _encoded(column, library) for column in columns]
        if len({len(column) for column in cells}) != 1:
            raise ValueError("the columns are not of one length")
        places = (_Column * len(cells))(*map(_column, cells))
        texts = {id(column.table.texts): len(column.table.texts) for column in cells}
        size = sum(texts.values()) + len(cells[0]) * (len(cells) + 2)
        convert = _CELLS_TO_LINES(("cells_to_lines", library))
        while True:
            lines = bytearray(size + 1)
            room = Room(address_of(lines), address_of(lines) + len(lines), full=False)
            ended = convert(places, len(cells), len(cells[0]), self._delimiter, room)
            if ended == DONE:
                return bytes(memoryview(lines)[: room.at - address_of(lines)])
            if ended != NO_ROOM:
                raise ValueError("a cell lies outside its texts")
            size *= 2


def _encoded(column: Sequence[str | None], library: ctypes.CDLL) -> Cells:
    """A column of Python's texts, as cells; raises `CsvUnwritable`."""
    try:
        texts = [b"" if cell is None else cell.encode() for cell in column]
    except UnicodeEncodeError:
        pass  # the error holds the text; raised from here, ours would carry it along
    else:
        lengths = array("i", map(len, texts))
        spans = array("i", bytes(SPAN_BYTES * len(texts)))
        spans[::2] = array("i", accumulate(lengths, initial=0))[:-1]
        spans[1::2] = lengths
        return Cells(Table(library, bytearray().join(texts), bytearray(spans)), range(len(texts)))
    raise CsvUnwritable("a cell holds a character that UTF-8 cannot carry")


def _column(cells: Cells) -> _Column:
    table, places = cells.table, cells.places
    return _Column(text_of(table.texts), address_of(table.spans) + SPAN_BYTES * places.start, places.step)
