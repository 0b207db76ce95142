"""Calls of C that turn rows into lines, with every array between fences and rooms of any size."""

from __future__ import annotations

import ctypes
import hashlib
from array import array
from ctypes import CDLL
from dataclasses import dataclass

from fenced_memory import Fence
from fuzz.arena import Arena
from pigment_native import record_lines
from pigment_native.memory import DONE, Room, Text
from pigment_native.record_lines import LineWriter

MOST_ROOM = (1 << 23, 1 << 20)
_FIELD_BYTES = ctypes.sizeof(record_lines._Field)


@dataclass(frozen=True, slots=True)
class Made:
    """What C made of a block: as the converters give it, and the room that it took."""

    lines: bytes
    count: int
    misfits: list[int]
    keys: list[int]
    blank_keys: int
    room: tuple[int, int]


class FencedLines:
    """Calls with one library; what is given and what is made lies in memory of its own."""

    def __init__(self, library: CDLL) -> None:
        self._count_repeated = record_lines._COUNT_REPEATED(("count_repeated", library))
        self._block, self._fields = Arena(1 << 17), Arena(1 << 17)
        self._lines, self._hashed = map(Arena, MOST_ROOM)
        self._arrays = [Arena(1 << 20) for _ in range(4)]

    def repeated(self, keys: list[int], fence: Fence) -> int:
        """How many of the keys came before."""
        size = 1 << (2 * len(keys)).bit_length()
        numbers = self._arrays[0].put(array("Q", keys).tobytes(), fence)
        return int(self._count_repeated(numbers, len(keys), self._arrays[1].zeros(8 * size, fence), size))

    def lines(self, writer: LineWriter, block: bytes, room: tuple[int, int], fence: Fence) -> Made | int:
        """What C makes of a block in so much room, or how else it ended."""
        rows, pieces, columns = block.count(b"\n") + 1, len(writer._pieces), writer._layout.column_count
        lines, hashed = self._lines.room(room[0], fence), self._hashed.room(room[1], fence)
        sizes = (rows, rows, rows, pieces)
        arrays = [arena.zeros(8 * size, fence) for arena, size in zip(self._arrays, sizes, strict=True)]
        made = record_lines._Records(
            Room(lines, lines + room[0], full=False),
            Room(hashed, hashed + room[1], full=False),
            *arrays,
        )
        fields = self._row(columns, fence)
        ended = writer._convert(self._text(block, fence), writer._layout, writer._hashes, fields, made)
        if ended != DONE:
            return int(ended)
        took = (made.lines.at - lines, made.hashed.at - hashed)
        content = bytearray(ctypes.string_at(lines, took[0]))
        hash_begin, hashed_end, keys = (_numbers(address, made.rows) for address in arrays[:3])
        if writer._hashes:
            _put_hashes(content, ctypes.string_at(hashed, took[1]), hash_begin, hashed_end)
        keys = keys if writer._layout.key_count else []
        return Made(bytes(content), made.rows, _numbers(arrays[3], pieces), keys, made.blank_keys, took)

    def _text(self, block: bytes, fence: Fence) -> Text:
        begin = self._block.put(block, fence)
        return Text(begin, begin + len(block))

    def _row(self, columns: int, fence: Fence) -> ctypes.Array[record_lines._Field]:
        return (record_lines._Field * columns).from_address(self._fields.room(_FIELD_BYTES * columns, fence))


def _numbers(address: int, count: int) -> list[int]:
    return array("Q", ctypes.string_at(address, 8 * count)).tolist()


def _put_hashes(content: bytearray, hashed: bytes, hash_begin: list[int], hashed_end: list[int]) -> None:
    for place, begin, end in zip(hash_begin, [0, *hashed_end], hashed_end, strict=False):
        content[place : place + 64] = hashlib.sha256(hashed[begin:end]).hexdigest().encode()
