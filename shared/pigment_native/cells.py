"""Lines of JSON to columns of cells, many rows at once: up to the first that `rows.c` leaves to the conversion by row.

Null and the empty text stay two things.
"""

from __future__ import annotations

import ctypes
import json
from array import array
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import overload

import msgspec

from pigment_native.envelopes import Envelope, StreamKey, envelope_of
from pigment_native.memory import Room, Text, address_of, text_of

SPAN_BYTES = 8

# Records of many columns and few values would need far more room for their cells than they take themselves.
_MOST_SPAN_BYTES = 4 << 20

# A place in a block is a number of 31 bits.
_MOST_BYTES = 1 << 30


class Table:
    """The texts of cells, and for each cell where its text begins and how long it is: -1 where there is none."""

    def __init__(self, library: ctypes.CDLL, texts: bytearray, spans: bytearray) -> None:
        self.library = library
        self.texts = texts
        self.spans = spans
        self.texts_at = address_of(texts)
        self.spans_at = address_of(spans)
        # How much of both is in use.
        self.texts_used = self.spans_used = 0


class Cells(Sequence[str | None]):
    """A column of a table; a cell becomes a text when it is looked at. `text_bytes` is about what its texts take."""

    def __init__(self, table: Table, places: range, text_bytes: int) -> None:
        self.table = table
        self.places = places
        self.text_bytes = text_bytes

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str | None]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str | None] | None:
        if isinstance(index, slice):
            places = self.places[index]
            return Cells(self.table, places, self.text_bytes) if places.step > 0 else list(self)[index]
        begin, length = memoryview(self.table.spans).cast("i")[2 * self.places[index] :][:2]
        return None if length < 0 else self.table.texts[begin : begin + length].decode()

    def __iter__(self) -> Iterator[str | None]:
        numbers, texts = memoryview(self.table.spans).cast("i"), self.table.texts
        at, stop, step = 2 * self.places.start, 2 * self.places.stop, 2 * self.places.step
        spans = zip(numbers[at:stop:step].tolist(), numbers[at + 1 : stop : step].tolist(), strict=True)
        if texts.isascii():
            text = texts.decode()
            return iter([None if length < 0 else text[begin : begin + length] for begin, length in spans])
        return iter([None if length < 0 else texts[begin : begin + length].decode() for begin, length in spans])

    def select_rows(self, which: Sequence[bool]) -> Cells:
        """The cells of some rows."""
        spans = memoryview(self.table.spans).cast("q")[self.places.start : self.places.stop : self.places.step].tolist()
        kept = bytearray(array("q", compress(spans, which)))
        table = Table(self.table.library, self.table.texts, kept)
        return Cells(table, range(len(kept) // SPAN_BYTES), self.text_bytes)


def select_rows(columns: Sequence[Sequence[str | None]], which: Sequence[bool]) -> list[Sequence[str | None]]:
    """The columns with some of their rows."""
    return [each.select_rows(which) if isinstance(each, Cells) else list(compress(each, which)) for each in columns]


class RecordInput:
    """Records, each on a line, of which some are taken; `position` is where the next one begins."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.position = 0
        self.is_text = len(content) <= _MOST_BYTES and (content.isascii() or _is_utf8(content))
        # Mutable state beside the position: where the cells go, for as long as there is room, and whether a reader has
        # looked at how a line is written (once, so that two ways in turn do not cost a look for each line).
        self._table: Table | None = None
        self.has_taught = False

    def next_line(self) -> bytes:
        """The line at the position, without its end."""
        end = self.content.find(b"\n", self.position)
        return self.content[self.position : len(self.content) if end < 0 else end]

    def table(self, library: ctypes.CDLL, row_bytes: int) -> Table:
        """A table with room for a row, and for the texts of all that is left."""
        table = self._table
        if table is None or table.library is not library or len(table.spans) - table.spans_used < row_bytes:
            rows = self.content.count(b"\n", self.position) + 1
            size = min(rows * row_bytes, max(_MOST_SPAN_BYTES, row_bytes))
            self._table = table = Table(library, bytearray(len(self.content) - self.position), bytearray(size))
        return table


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Header(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_uint64),
        ("name_count", ctypes.c_uint64),
        ("next", ctypes.POINTER(ctypes.c_uint64)),
        ("names", ctypes.POINTER(Text)),
        ("columns", ctypes.POINTER(ctypes.c_uint64)),
        ("parts", ctypes.POINTER(Text)),
        ("part_count", ctypes.c_uint64),
        ("data_part", ctypes.c_uint64),
        ("separator", ctypes.c_uint64),
    )


_RECORDS_TO_CELLS = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.POINTER(Text),
    ctypes.POINTER(_Header),
    ctypes.c_void_p,
    ctypes.POINTER(Room),
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_uint64),
)


class CellReader:
    """Takes records under one header of different names, at least one; for one thread.

    With a stream, by namespace and name, its lines are RECORD messages; without, they are what such messages have as
    their data. Raises UnicodeEncodeError for a name that UTF-8 cannot carry.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        columns: Sequence[str],
        separator: str,
        stream: StreamKey | None = None,
    ) -> None:
        self._library = library
        self._convert = _RECORDS_TO_CELLS(("records_to_cells", library))
        self._stream = stream
        self._columns = len(columns)
        forms = sorted((form, column) for column, name in enumerate(columns) for form in _forms(name))
        # The structures hold addresses only: what they point at must live as long.
        self._kept = [form for form, _ in forms]
        self._header = _Header(
            count=len(columns),
            name_count=len(forms),
            next=(ctypes.c_uint64 * (len(forms) + 1))(),
            names=_texts(self._kept),
            columns=(ctypes.c_uint64 * len(forms))(*(column for _, column in forms)),
            separator=ord(separator),
        )
        # Mutable state beside what C learns of the order of names: what stands around the data, once it is known.
        self._set_envelope(Envelope((b"",), 0) if stream is None else None)

    def read_cells(self, lines: RecordInput) -> list[Cells] | None:
        """The columns of the next records, in the order of the header; None where the next one is left, or none is."""
        if not lines.is_text or lines.position >= len(lines.content):
            return None
        columns = self._read_cells(lines) if self._envelope is not None else None
        return self._read_cells(lines) if columns is None and self._learn(lines) else columns

    def _learn(self, lines: RecordInput) -> bool:
        """Whether the next line shows another way in which records of the stream are written."""
        if self._stream is None or lines.has_taught:
            return False
        lines.has_taught = True
        envelope = envelope_of(lines.next_line(), self._stream)
        if envelope is None or envelope == self._envelope:
            return False
        self._set_envelope(envelope)
        return True

    def _set_envelope(self, envelope: Envelope | None) -> None:
        self._envelope = envelope
        if envelope is not None:
            self._header.parts = _texts(envelope.parts)
            self._header.part_count = len(envelope.parts)
            self._header.data_part = envelope.data_part

    def _read_cells(self, lines: RecordInput) -> list[Cells] | None:
        columns = self._columns
        table = lines.table(self._library, SPAN_BYTES * columns)
        begin, first = table.texts_used, table.spans_used // SPAN_BYTES
        block = text_of(lines.content)
        block.at += lines.position
        texts = Room(table.texts_at + begin, table.texts_at + len(table.texts), full=False)
        rows = ctypes.c_uint64((len(table.spans) - table.spans_used) // (SPAN_BYTES * columns))
        self._convert(block, self._header, table.texts_at, texts, table.spans_at + table.spans_used, rows)
        if not rows.value:
            return None
        lines.position = len(lines.content) - (block.end - block.at)
        table.texts_used = texts.at - table.texts_at
        table.spans_used += SPAN_BYTES * columns * rows.value
        behind, text_bytes = first + columns * rows.value, (table.texts_used - begin) // columns + 1
        return [Cells(table, range(first + place, behind, columns), text_bytes) for place in range(columns)]


def _forms(name: str) -> set[bytes]:
    """A name as JSON has it, as it is or in ASCII alone."""
    return {msgspec.json.encode(name), json.dumps(name).encode()}


def _texts(contents: Sequence[bytes]) -> ctypes.Array[Text]:
    return (Text * len(contents))(*map(text_of, contents))
