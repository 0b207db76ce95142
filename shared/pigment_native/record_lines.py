"""Blocks of CSV rows to RECORD lines, by the library."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from pigment_native.library import DONE, LEFT_TO_ROWS, Room, Text, address_of, text_of

# How many bytes of lines to expect for a byte of rows; if they do not fit, the space is doubled. A block that is larger
# than usual contains long cells, whose names and quotes count for little, and its space is not kept.
_ROOM = 3
_USUAL_BYTES = 2 << 20
_ROOM_OF_LARGE = 1.25


class Kind(IntEnum):
    """How a value is written: as a JSON text or, where it fits, a number, a boolean or a date.

    COUNTED is the text after its length and before a comma, which is not JSON; NOTHING is no value at all.
    """

    TEXT = 0
    NUMBER = 1
    BOOLEAN = 2
    DATE = 3
    COUNTED = 4
    NOTHING = 5


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of every line: a constant, then the value of a column."""

    label: bytes
    column: int
    kind: Kind


@dataclass(slots=True)
class RecordLines:
    """The lines of a block: where each ends, how many values of each piece did not fit, the keys as numbers, and how
    many of the keys contain a blank.
    """

    content: bytearray
    ends: array[int]
    misfits: array[int]
    keys: array[int]
    blank_keys: int


class _Field(ctypes.Structure):
    _fields_ = (("text", Text), ("doubled", ctypes.c_size_t), ("is_plain", ctypes.c_bool))


class _Piece(ctypes.Structure):
    _fields_ = (("label", Text), ("column", ctypes.c_uint64), ("kind", ctypes.c_uint64))


class _Layout(ctypes.Structure):
    _fields_ = (
        ("pieces", ctypes.POINTER(_Piece)),
        ("piece_count", ctypes.c_uint64),
        ("column_count", ctypes.c_uint64),
        ("keys", ctypes.POINTER(ctypes.c_uint64)),
        ("key_count", ctypes.c_uint64),
        ("longest_line", ctypes.c_uint64),
        ("delimiter", ctypes.c_uint64),
    )


class _Records(ctypes.Structure):
    _fields_ = (
        ("lines", Room),
        ("ends", ctypes.c_void_p),
        ("keys", ctypes.c_void_p),
        ("misfits", ctypes.c_void_p),
        ("rows", ctypes.c_uint64),
        ("blank_keys", ctypes.c_uint64),
    )


_ROWS_TO_LINES = ctypes.CFUNCTYPE(
    ctypes.c_int32, Text, ctypes.POINTER(_Layout), ctypes.POINTER(_Field), ctypes.POINTER(_Records)
)
_COUNT_REPEATED = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64)


class RecordLineWriter:
    """Turns blocks of rows with this number of columns (at least one) into lines of these pieces; for one thread.

    `keys` are the columns of the primary key. A block with a line that has `longest_line_bytes` or more is left.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        pieces: Sequence[Piece],
        columns: int,
        keys: Sequence[int],
        *,
        longest_line_bytes: int,
        delimiter: str,
    ) -> None:
        self._convert = _ROWS_TO_LINES(("rows_to_lines", library))
        # The structures contain addresses only: what they point to must live as long.
        self._labels = [piece.label for piece in pieces]
        self._pieces = [_Piece(text_of(piece.label), piece.column, piece.kind) for piece in pieces]
        self._layout = _Layout(
            (_Piece * len(pieces))(*self._pieces),
            len(pieces),
            columns,
            (ctypes.c_uint64 * len(keys))(*keys),
            len(keys),
            longest_line_bytes,
            ord(delimiter),
        )
        self._fields = (_Field * columns)()
        # Mutable state: the space for lines, kept from block to block.
        self._lines = bytearray()

    def lines(self, block: bytes) -> RecordLines | None:
        """The lines of a block that is known to be UTF-8; None if it must be converted row by row."""
        # A row has at least a delimiter or a line end for each of its columns.
        rows = len(block) // self._layout.column_count + 1
        is_large = len(block) > _USUAL_BYTES
        self._widen(int((_ROOM_OF_LARGE if is_large else _ROOM) * len(block)))
        while True:
            ends, misfits = _zeros(rows), _zeros(len(self._pieces))
            keys = _zeros(rows if self._layout.key_count else 0)
            begin = address_of(self._lines)
            room = Room(begin, begin + len(self._lines), full=False)
            made = _Records(room, *(each.buffer_info()[0] for each in (ends, keys, misfits)))
            ended = self._convert(text_of(block), self._layout, self._fields, made)
            if ended == LEFT_TO_ROWS:
                return None
            if ended == DONE:
                break
            self._widen(2 * len(self._lines))
        end = made.lines.at - begin
        if is_large:
            content, self._lines = self._lines, bytearray()
            del content[end:]
        else:
            content = self._lines[:end]
        return RecordLines(content, ends[: made.rows], misfits, keys[: made.rows], made.blank_keys)

    def _widen(self, size_bytes: int) -> None:
        if len(self._lines) < size_bytes:
            self._lines = bytearray(size_bytes)


def count_repeated(library: ctypes.CDLL, numbers: array[int]) -> int:
    """How many of the numbers (each at least 0) repeat an earlier one; takes up to 32 bytes for each of them."""
    size = 1 << (2 * len(numbers)).bit_length()
    table = bytearray(8 * size)
    count = _COUNT_REPEATED(("count_repeated", library))
    return int(count(numbers.buffer_info()[0], len(numbers), address_of(table), size))


def _zeros(count: int) -> array[int]:
    return array("Q", bytes(8 * count))
