"""Calls of C in both directions, with every array between fences and rooms of any size."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from ctypes import CDLL
from dataclasses import dataclass

from pigment_native import cells, csv_lines, record_lines
from pigment_native.cells import SPAN_BYTES, CellReader
from pigment_native.fuzz.fenced_memory import Arena, Fence
from pigment_native.library import DONE, Room, Text
from pigment_native.record_lines import RecordLineWriter

MOST_ROOM = 1 << 23
_FIELD_BYTES = ctypes.sizeof(record_lines._Field)


@dataclass(frozen=True, slots=True)
class Made:
    """What C made of a block, as the converters give it."""

    lines: bytes
    ends: list[int]
    misfits: list[int]
    keys: list[int]
    blank_keys: int


class FencedLines:
    """Calls with one library; input and output each have their own memory."""

    def __init__(self, library: CDLL) -> None:
        self._count_repeated = record_lines._COUNT_REPEATED(("count_repeated", library))
        self._block, self._fields = Arena(1 << 17), Arena(1 << 17)
        self._lines = Arena(MOST_ROOM)
        self._arrays = [Arena(1 << 20) for _ in range(3)]

    def repeated(self, keys: list[int], fence: Fence) -> int:
        """How many of the keys came before."""
        size = 1 << (2 * len(keys)).bit_length()
        numbers = self._arrays[0].put(array("Q", keys).tobytes(), fence)
        return int(self._count_repeated(numbers, len(keys), self._arrays[1].zeros(8 * size, fence), size))

    def lines(self, writer: RecordLineWriter, block: bytes, room: int, fence: Fence) -> Made | int:
        """What C makes of a block in so much room, or how else it ended."""
        rows, pieces, columns = block.count(b"\n") + 1, len(writer._pieces), writer._layout.column_count
        lines = self._lines.room(room, fence)
        sizes = (rows, rows, pieces)
        arrays = [arena.zeros(8 * size, fence) for arena, size in zip(self._arrays, sizes, strict=True)]
        made = record_lines._Records(Room(lines, lines + room, full=False), *arrays)
        ended = writer._convert(self._text(block, fence), writer._layout, self._row(columns, fence), made)
        if ended != DONE:
            return int(ended)
        ends, keys = (_numbers(address, made.rows) for address in arrays[:2])
        keys = keys if writer._layout.key_count else []
        content = ctypes.string_at(lines, made.lines.at - lines)
        return Made(content, ends, _numbers(arrays[2], pieces), keys, made.blank_keys)

    def _text(self, block: bytes, fence: Fence) -> Text:
        begin = self._block.put(block, fence)
        return Text(begin, begin + len(block))

    def _row(self, columns: int, fence: Fence) -> ctypes.Array[record_lines._Field]:
        return (record_lines._Field * columns).from_address(self._fields.room(_FIELD_BYTES * columns, fence))


def _numbers(address: int, count: int) -> list[int]:
    return array("Q", ctypes.string_at(address, 8 * count)).tolist()


Row = list[str | None]


@dataclass(frozen=True, slots=True)
class Taken:
    """What C took: the rows, in the order of the names, how it ended, and what it left of the block."""

    rows: list[Row]
    ended: int
    left: int


class FencedCells:
    """Calls with one library; input and output each have their own memory."""

    def __init__(self, library: CDLL) -> None:
        self._cells_to_lines = csv_lines._CELLS_TO_LINES(("cells_to_lines", library))
        self._block, self._texts, self._lines = (Arena(1 << 18) for _ in range(3))
        self._spans, self._next, self._strings = Arena(1 << 23), Arena(1 << 15), Arena(1 << 13)

    def take(self, reader: CellReader, block: bytes, room: tuple[int, int], fence: Fence) -> Taken:
        """What C takes of a block with room for `room[0]` bytes of texts and `room[1]` rows."""
        header, columns = reader._header, reader._header.count
        begin, texts = self._block.put(block, fence), self._texts.room(room[0], fence)
        spans = self._spans.room(SPAN_BYTES * columns * room[1], fence)
        # What the reader remembers of the order of names is used, and kept, in a fence too.
        remembered = ctypes.addressof(header.next.contents)
        size = 8 * (header.name_count + 1)
        fenced = self._next.put(ctypes.string_at(remembered, size), fence)
        fenced_header = cells._Header.from_buffer_copy(header)
        fenced_header.next = ctypes.cast(fenced, ctypes.POINTER(ctypes.c_uint64))
        fenced_header.strings = ctypes.cast(self._strings.zeros(columns, fence), ctypes.POINTER(ctypes.c_bool))
        given, made, rows = (
            Text(begin, begin + len(block)),
            Room(texts, texts + room[0], full=False),
            ctypes.c_uint64(room[1]),
        )
        ended = reader._convert(given, fenced_header, texts, made, spans, rows)
        ctypes.memmove(remembered, fenced, size)
        if not 0 <= rows.value <= room[1] or not begin <= (given.at or 0) <= given.end:
            raise AssertionError("it says that it took more than there is")
        numbers = array("i", ctypes.string_at(spans, SPAN_BYTES * columns * rows.value)).tolist()
        content = ctypes.string_at(texts, made.at - texts)
        found = [_cell(content, begin, length) for begin, length in zip(numbers[::2], numbers[1::2], strict=True)]
        taken = [found[columns * row : columns * (row + 1)] for row in range(rows.value)]
        return Taken(taken, ended, given.end - given.at)

    def lines(self, rows: Sequence[Row], delimiter: str, room: int, fence: Fence) -> bytes | int:
        """The lines of rows of equal length in so much room, or how else it ended."""
        texts = [b"" if cell is None else cell.encode() for row in rows for cell in row]
        spans, at = array("i"), 0
        for text, cell in zip(texts, (cell for row in rows for cell in row), strict=True):
            spans.extend((0, -1) if cell is None else (at, len(text)))
            at += len(text)
        return self.lines_of(b"".join(texts), spans, (len(rows), delimiter), room, fence)

    def lines_of(self, texts: bytes, spans: array[int], form: tuple[int, str], room: int, fence: Fence) -> bytes | int:
        """The same from spans as they are, right or wrong."""
        count, delimiter = form
        columns = len(spans) // 2 // count if count else 0
        begin, first = self._texts.put(texts, fence), self._spans.put(spans.tobytes(), fence)
        places = [(begin, begin + len(texts), first + SPAN_BYTES * n, columns) for n in range(columns)]
        given = array("q", [number for place in places for number in place])
        lines = self._lines.room(room, fence)
        made = Room(lines, lines + room, full=False)
        ended = self._cells_to_lines(given.buffer_info()[0], columns, count, ord(delimiter), made)
        return ctypes.string_at(lines, made.at - lines) if ended == DONE else int(ended)


def _cell(texts: bytes, begin: int, length: int) -> str | None:
    if length < 0:
        return None
    if not 0 <= begin <= begin + length <= len(texts):
        raise AssertionError("a cell lies outside its texts")
    return texts[begin : begin + length].decode(errors="surrogateescape")
