"""Lines of JSON to columns of cells, many rows at once: up to the first that `rows.c` leaves to the conversion by row.

Null and the empty text stay two things.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import overload

import msgspec

from pigment_native.memory import Room, Text, address_of, text_of

SPAN_BYTES = 8

# Records of many columns and few values would need far more room for their cells than they take themselves.
_MOST_SPAN_BYTES = 4 << 20

_SHORTEST_STEP_BYTES = 4 << 10

# A place in a block is a number of 31 bits.
_MOST_BYTES = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Table:
    """The texts of cells, and for each cell where its text begins and how long it is: -1 where there is none."""

    library: ctypes.CDLL
    texts: bytearray
    spans: bytearray


class Cells(Sequence[str | None]):
    """A column of a table; a cell becomes a text when it is looked at."""

    def __init__(self, table: Table, places: range) -> None:
        self.table = table
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str | None]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str | None] | None:
        if isinstance(index, slice):
            places = self.places[index]
            return Cells(self.table, places) if places.step > 0 else list(self)[index]
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

    def chosen(self, which: Sequence[bool]) -> Cells:
        """The cells of some rows."""
        spans = memoryview(self.table.spans).cast("q")[self.places.start : self.places.stop : self.places.step].tolist()
        kept = bytearray(array("q", compress(spans, which)))
        return Cells(Table(self.table.library, self.table.texts, kept), range(len(kept) // SPAN_BYTES))


def chosen(columns: Sequence[Sequence[str | None]], which: Sequence[bool]) -> list[Sequence[str | None]]:
    """The columns with some of their rows."""
    return [each.chosen(which) if isinstance(each, Cells) else list(compress(each, which)) for each in columns]


class Lines:
    """Records, each on a line, of which some are taken; `position` is where the next one begins."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        # Mutable state: where the next record begins, and how much is looked at in one step.
        self.position = 0
        self._step_bytes = len(content)
        self.is_text = len(content) <= _MOST_BYTES and (content.isascii() or _is_utf8(content))

    def step(self) -> int:
        """The end of the lines to look at next: what is prepared for them must not cost more than they do."""
        end = self.position + self._step_bytes
        return len(self.content) if end >= len(self.content) else self.content.find(b"\n", end) + 1 or len(self.content)

    def took(self, position: int, end: int) -> None:
        """Go on at a position. Where a record was left before the end, others may be soon: the next step is short."""
        taken = position - self.position
        self._step_bytes = 2 * self._step_bytes if position == end else max(2 * taken, _SHORTEST_STEP_BYTES)
        self.position = position


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Header(ctypes.Structure):
    _fields_ = (
        ("names", ctypes.POINTER(Text)),
        ("quoted", ctypes.POINTER(Text)),
        ("count", ctypes.c_uint64),
        ("next", ctypes.POINTER(ctypes.c_uint64)),
        ("stream", Text),
        ("space", Text),
        ("separator", ctypes.c_uint64),
        ("has_space", ctypes.c_uint64),
        ("whole_lines", ctypes.c_uint64),
    )


_RECORDS_TO_CELLS = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.POINTER(Text),
    ctypes.POINTER(_Header),
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
        stream: tuple[str | None, str] | None = None,
    ) -> None:
        self._library = library
        self._convert = _RECORDS_TO_CELLS(("records_to_cells", library))
        names = sorted(name.encode() for name in columns)
        quoted = [msgspec.json.encode(name.decode()) for name in names]
        space, name = (msgspec.json.encode(each or "") for each in stream or (None, None))
        # The structures hold addresses only: what they point at must live as long.
        self._kept = (names, quoted, space, name)
        self._header = _Header(
            _texts(names),
            _texts(quoted),
            len(names),
            (ctypes.c_uint64 * (len(names) + 1))(),
            text_of(name),
            text_of(space),
            ord(separator),
            bool(stream and stream[0]),
            stream is not None,
        )
        place = {name: number for number, name in enumerate(names)}
        self._places = [place[name.encode()] for name in columns]

    def take(self, lines: Lines) -> list[Cells] | None:
        """The columns of the next records, in the order of the header; None where the next one is left, or none is."""
        begin, end = lines.position, lines.step()
        if not lines.is_text or begin >= end:
            return None
        size, width = end - begin, SPAN_BYTES * len(self._places)
        most = min(lines.content.count(b"\n", begin, end) + 1, _MOST_SPAN_BYTES // width or 1)
        table = Table(self._library, bytearray(size), bytearray(most * width))
        origin = address_of(lines.content)
        block = Text(origin + begin, origin + end)
        texts = Room(address_of(table.texts), address_of(table.texts) + size, full=False)
        rows = ctypes.c_uint64(most)
        self._convert(block, self._header, texts, address_of(table.spans), rows)
        lines.took(block.at - origin, end)
        if not rows.value:
            return None
        del table.texts[texts.at - address_of(table.texts) :]
        step, behind = len(self._places), rows.value * len(self._places)
        return [Cells(table, range(place, behind, step)) for place in self._places]


def _texts(contents: Sequence[bytes]) -> ctypes.Array[Text]:
    return (Text * len(contents))(*map(text_of, contents))
