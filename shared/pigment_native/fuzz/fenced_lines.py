"""Calls of C that turn rows into lines, with every array between fences and rooms of any size."""

from __future__ import annotations

import ctypes
from array import array
from ctypes import CDLL
from dataclasses import dataclass

from pigment_native import record_lines
from pigment_native.fuzz.arena import Arena
from pigment_native.fuzz.fenced_memory import Fence
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
    """Calls with one library; what is given and what is made lies in memory of its own."""

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
