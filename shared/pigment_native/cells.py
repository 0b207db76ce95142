"""Lines of JSON to columns of cells, many rows at once, up to the first that `rows.c` leaves to the row-by-row way.

Null and the empty text stay distinct.
"""

from __future__ import annotations

import ctypes
import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import compress, repeat
from typing import overload

import msgspec

from pigment_native.envelopes import Envelope, StreamKey, envelope_of
from pigment_native.library import Room, Text, address_of, text_of

SPAN_BYTES = 8

# A record that the library leaves is converted by row and added to the same table, if the library took at least this
# many before it. Where more records are odd, it is not worth calling it for the few between them.
_WORTH_A_ROW = 4

# A record to its cells; None if it is no row of the columns.
ByRow = Callable[[bytes], Sequence[str | None] | None]

# Records with many columns and few values would need far more memory for their cells than for themselves.
_MOST_SPAN_BYTES = 4 << 20

# How many rows a table has room for at least.
_FEWEST_ROWS = 64

# A position in a block is a 31-bit number.
_MOST_BYTES = 1 << 30


class Table:
    """The texts of cells, and for each cell where its text begins and how long it is (-1 for null)."""

    def __init__(self, library: ctypes.CDLL, texts: bytearray, spans: bytearray) -> None:
        self.library = library
        self.texts = texts
        self.spans = spans
        self.texts_at = address_of(texts)
        self.texts_end = self.texts_at + len(texts)
        self.spans_at = address_of(spans)
        # How much of both is in use.
        self.texts_used = self.spans_used = 0

    def add_row(self, row: Sequence[str | None]) -> bool:
        """Add a row that was converted elsewhere; whether there was room for it."""
        texts = [None if cell is None else cell.encode() for cell in row]
        begin, spans = self.texts_used, array("i")
        for text in texts:
            spans.extend((0, -1) if text is None else (begin, len(text)))
            begin += len(text or b"")
        end = self.spans_used + SPAN_BYTES * len(row)
        if begin > len(self.texts) or end > len(self.spans):
            return False
        self.texts[self.texts_used : begin] = b"".join(filter(None, texts))
        self.spans[self.spans_used : end] = spans.tobytes()
        self.texts_used, self.spans_used = begin, end
        return True


class Cells(Sequence[str | None]):
    """A column of a table; a cell is decoded only when it is read. `text_bytes` is about the size of all its texts.

    Without `has_strings`, none of its values was a string in JSON.
    """

    def __init__(self, table: Table, places: range, text_bytes: int, *, has_strings: bool = True) -> None:
        self.table = table
        self.places = places
        self.text_bytes = text_bytes
        self.has_strings = has_strings

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str | None]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str | None] | None:
        if isinstance(index, slice):
            places = self.places[index]
            return self._with(self.table, places) if places.step > 0 else list(self)[index]
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
        """The cells of the rows for which `which` is true."""
        spans = memoryview(self.table.spans).cast("q")[self.places.start : self.places.stop : self.places.step].tolist()
        kept = bytearray(array("q", compress(spans, which)))
        table = Table(self.table.library, self.table.texts, kept)
        return self._with(table, range(len(kept) // SPAN_BYTES))

    def _with(self, table: Table, places: range) -> Cells:
        return Cells(table, places, self.text_bytes, has_strings=self.has_strings)


class Repeated(Sequence[str | None]):
    """A column in which all cells are the same; as lines of CSV they take no memory."""

    def __init__(self, cell: str | None, count: int) -> None:
        self.cell = cell
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str | None]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str | None] | None:
        places = range(self._count)[index]
        return self.cell if isinstance(places, int) else Repeated(self.cell, len(places))

    def __iter__(self) -> Iterator[str | None]:
        return repeat(self.cell, self._count)


def select_rows(columns: Sequence[Sequence[str | None]], which: Sequence[bool]) -> list[Sequence[str | None]]:
    """The columns, reduced to the rows for which `which` is true."""
    return [each.select_rows(which) if isinstance(each, Cells) else list(compress(each, which)) for each in columns]


class RecordInput:
    """Records, one on each line, that are read step by step; `position` is where the next one begins."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.position = 0
        # More mutable state: the table that cells go to while it has room, and whether a reader has already learned an
        # envelope from this input (once only, so that two alternating forms do not cost a proof for each line).
        self._table: Table | None = None
        self.has_taught = False

    @cached_property
    def is_text(self) -> bool:
        """Whether the library can read it."""
        return len(self.content) <= _MOST_BYTES and (self.content.isascii() or _is_utf8(self.content))

    def next_line(self) -> bytes:
        """The line at the position, without its line end."""
        end = self.content.find(b"\n", self.position)
        return self.content[self.position : len(self.content) if end < 0 else end]

    def table(self, library: ctypes.CDLL, row_bytes: int) -> Table:
        """A table with room for one more row, and for the texts of the whole rest.

        A new one has room for a quarter more rows than the rest would have if its lines were as long as the next one.
        """
        table = self._table
        if table is None or table.library is not library or len(table.spans) - table.spans_used < row_bytes:
            rest = len(self.content) - self.position
            rows = _FEWEST_ROWS + rest * 5 // 4 // (len(self.next_line()) + 1)
            size = min(rows * row_bytes, max(_MOST_SPAN_BYTES, row_bytes))
            self._table = table = Table(library, bytearray(rest), bytearray(size))
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
        ("parts", ctypes.POINTER(Text)),
        ("columns", ctypes.POINTER(ctypes.c_uint64)),
        ("strings", ctypes.POINTER(ctypes.c_bool)),
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
    """Reads records that share one header of distinct names, at least one; for one thread.

    With a stream, the lines are its RECORD messages; without, they are the data of such messages. Raises
    UnicodeEncodeError for a name that cannot be encoded as UTF-8.
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
        # The structures contain addresses only: what they point to must live as long.
        self._kept = [form for form, _ in forms]
        self._strings = (ctypes.c_bool * len(columns))()
        self._header = _Header(
            count=len(columns),
            name_count=len(forms),
            next=(ctypes.c_uint64 * (len(forms) + 1))(),
            names=_texts(self._kept),
            columns=(ctypes.c_uint64 * len(forms))(*(column for _, column in forms)),
            strings=self._strings,
            separator=ord(separator),
        )
        # Mutable state, in addition to what C learns about the order of names: the envelope, once it is known.
        self._set_envelope(Envelope((b"",), 0) if stream is None else None)

    def read_cells(self, lines: RecordInput, by_row: ByRow | None = None) -> list[Cells] | None:
        """The columns of the next records; None if there is none, or if the next one must go row by row.

        `by_row` converts a single record between others that need it; it ends the columns where that gives no row.
        """
        if not lines.is_text or lines.position >= len(lines.content):
            return None
        columns = self._read_cells(lines, by_row) if self._envelope is not None else None
        return self._read_cells(lines, by_row) if columns is None and self._learn(lines) else columns

    def _learn(self, lines: RecordInput) -> bool:
        """Whether the next line shows another form in which records of the stream are written."""
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

    def _read_cells(self, lines: RecordInput, by_row: ByRow | None) -> list[Cells] | None:
        columns = self._columns
        table = lines.table(self._library, SPAN_BYTES * columns)
        begin, first = table.texts_used, table.spans_used // SPAN_BYTES
        ctypes.memset(self._strings, 0, columns)
        while self._fill(table, lines) >= _WORTH_A_ROW and by_row is not None and lines.position < len(lines.content):
            record = lines.next_line()
            row = by_row(record)
            if row is None or not table.add_row(row):
                break
            ctypes.memset(self._strings, 1, columns)  # what its values were is not known
            lines.position = min(len(lines.content), lines.position + len(record) + 1)
        end, text_bytes = table.spans_used // SPAN_BYTES, (table.texts_used - begin) // columns + 1
        if end == first:
            return None
        return [
            Cells(table, range(first + place, end, columns), text_bytes, has_strings=has_strings)
            for place, has_strings in enumerate(self._strings)
        ]

    def _fill(self, table: Table, lines: RecordInput) -> int:
        """Add to the table what the library takes of the next records; how many these are."""
        row_bytes = SPAN_BYTES * self._columns
        block = text_of(lines.content)
        block.at += lines.position
        texts = Room(table.texts_at + table.texts_used, table.texts_end, full=False)
        rows = ctypes.c_uint64((len(table.spans) - table.spans_used) // row_bytes)
        self._convert(block, self._header, table.texts_at, texts, table.spans_at + table.spans_used, rows)
        if rows.value:
            lines.position = len(lines.content) - (block.end - block.at)
            table.texts_used = texts.at - table.texts_at
            table.spans_used += row_bytes * rows.value
        return int(rows.value)


def _forms(name: str) -> set[bytes]:
    """A name as JSON writes it: as it is, or in ASCII only."""
    return {msgspec.json.encode(name), json.dumps(name).encode()}


def _texts(contents: Sequence[bytes]) -> ctypes.Array[Text]:
    return (Text * len(contents))(*map(text_of, contents))
