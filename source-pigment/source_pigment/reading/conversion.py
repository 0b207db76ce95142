"""An export looked at as it comes: its header, and whether every row can become a record. Pure.

What is found here is found before a record leaves, and what leaves is read in the blocks that were looked at. Rows that
pass are CSV, each as long as the header, and the client has seen that they are UTF-8: converting them cannot fail half
way.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from ctypes import CDLL
from dataclasses import dataclass

from pigment_csv.dialect import BYTE_ORDER_MARK
from pigment_csv.reader import CsvBroken, RecordBlocks, parse_rows, split_first_record
from pigment_native.record_lines import Kind, LineLayout, Piece, RecordLines, RecordLineWriter
from source_pigment.config import DIALECT
from source_pigment.discovery.schema import ColumnType
from source_pigment.reading.records import (
    CLOSING,
    LONGEST_LINE_BYTES,
    Converter,
    RecordBlock,
    RecordLayout,
    RowConverter,
)

_NO_HASH = "0" * 64
_BEHIND_HASH = '"' + CLOSING

_KINDS = {
    ColumnType.TEXT: Kind.TEXT,
    ColumnType.NUMBER: Kind.NUMBER,
    ColumnType.BOOLEAN: Kind.BOOLEAN,
    ColumnType.DATE: Kind.DATE,
}


def converter(layout: RecordLayout, emitted_at: int, library: CDLL | None) -> Converter:
    """What converts the rows of an export: in bulk where there is a library for it, else by row."""
    return RowConverter(layout, emitted_at) if library is None else BulkConverter(layout, emitted_at, library)


class BulkConverter:
    """Turns blocks of whole CSV records into RECORD lines; gives what `RowConverter` gives."""

    def __init__(self, layout: RecordLayout, emitted_at: int, library: CDLL) -> None:
        self._layout = layout
        self._by_row = RowConverter(layout, emitted_at)
        pieces, self._names = _pieces(layout, layout.opening(emitted_at))
        self._writer = _writer(library, layout, pieces, layout.key_positions)
        self._hashed: RecordLineWriter | None = None
        if layout.id_position is not None:
            fields = [Piece(b"", position, Kind.COUNTED) for position in range(len(layout.names))]
            self._hashed = _writer(library, layout, fields, ())

    def convert(self, block: bytes, *, first_record: int) -> RecordBlock:
        """The records of a block whose first is numbered `first_record`; raises `CsvBroken` and `RecordTooLong`."""
        lines = self._writer.lines(block) if _is_text(block) else None
        hashed = self._hashed.lines(block) if lines is not None and self._hashed is not None else None
        if lines is None or (hashed is None and self._hashed is not None):
            return self._by_row.convert(block, first_record=first_record)
        content = lines.content if hashed is None else _with_hashes(lines, hashed)
        misfits: Counter[str] = Counter()
        for name, count in zip(self._names, lines.misfits, strict=True):
            if count:
                misfits[name] += count
        return RecordBlock(self._layout.stream, content, len(lines.ends), misfits, lines.keys, lines.blank_keys)


def _writer(library: CDLL, layout: RecordLayout, pieces: Sequence[Piece], keys: tuple[int, ...]) -> RecordLineWriter:
    return RecordLineWriter(
        library, LineLayout(tuple(pieces), len(layout.names), keys, LONGEST_LINE_BYTES, DIALECT.delimiter)
    )


def _pieces(layout: RecordLayout, opening: str) -> tuple[list[Piece], list[str]]:
    """The parts of a line, and the column that each is of. A content hash is zeros for now."""
    parts = [
        (label, position, _KINDS[type_], name or "")
        for position, (label, type_, name) in enumerate(zip(layout.labels(), layout.types, layout.names, strict=True))
        if label is not None
    ]
    closing = CLOSING
    if layout.id_position is not None:
        id_label, hash_label = layout.metadata_labels
        parts.append((id_label, layout.id_position, Kind.TEXT, ""))
        closing = f',{hash_label}"{_NO_HASH}{_BEHIND_HASH}'
    pieces = [
        Piece(((opening if number == 0 else ",") + label).encode(), position, kind)
        for number, (label, position, kind, _) in enumerate(parts)
    ]
    pieces.append(Piece((closing if parts else opening + closing).encode(), 0, Kind.NOTHING))
    return pieces, [*(name for *_, name in parts), ""]


def _with_hashes(lines: RecordLines, hashed: RecordLines) -> bytes:
    """The lines, each with the content hash of its row."""
    content, fields = bytearray(lines.content), memoryview(hashed.content)
    for line_end, begin, end in zip(lines.ends, (0, *hashed.ends), hashed.ends, strict=False):
        place = line_end - len(_BEHIND_HASH) - len(_NO_HASH)
        content[place : place + len(_NO_HASH)] = hashlib.sha256(fields[begin:end]).hexdigest().encode()
    return bytes(content)


def _is_text(block: bytes) -> bool:
    """Whether a block is UTF-8: the library does not look."""
    try:
        return block.isascii() or block.decode() is not None
    except UnicodeDecodeError:
        return False


# What may leave at once: a row of blanks is a few bytes here and the names of all its columns in a record.
MOST_LEAVE_BYTES = 8 << 20

# Two thousand columns with long names need a fraction of this; a header without an end must not fill the memory.
_LONGEST_HEADER_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of an export once its header is there.

    `try_rows` is called with rows that together are longer than `safe_bytes`, since a record of theirs might be too
    long; `least_record_bytes` is how long a record of nothing but blanks is.
    """

    try_rows: Callable[[bytes], object]
    safe_bytes: int
    least_record_bytes: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Whole rows that were looked at, and about how long their records are."""

    content: bytes
    leave_bytes: int


class Header:
    """Takes the beginning of an export up to the end of its header; raises `CsvBroken`."""

    def __init__(self) -> None:
        # All mutable state: the names once they are there, and the bytes before that.
        self.names: list[str] | None = None
        self._beginning = b""

    def decode(self, chunk: bytes) -> bytes:
        """Take a chunk, give what of it stands behind the header (maybe nothing)."""
        self._beginning += chunk
        if b"\n" in chunk and self._take(at_end=False):
            rest, self._beginning = self._beginning, b""
            return rest
        if len(self._beginning) > _LONGEST_HEADER_BYTES:
            raise CsvBroken("the header line is longer than 4 MB, or a quote in it is never closed", 1)
        return b""

    def flush(self) -> None:
        """The export ends: a header without a line end is whole."""
        if self.names is None and self._beginning:
            self._take(at_end=True)

    def _take(self, *, at_end: bool) -> bool:
        """Take the header from the beginning, if all of it is there."""
        beginning = self._beginning.removeprefix(BYTE_ORDER_MARK)
        try:
            line, rest = split_first_record(beginning, DIALECT)
        except CsvBroken:
            if at_end:
                raise
            return False
        if not at_end and not line.endswith(b"\n"):
            return False
        self.names = [name or "" for name in next(parse_rows(line, DIALECT, first_record=1), [])]
        self._beginning = rest
        return True


class Inspection:
    """Takes an export as it comes and counts its rows; raises `CsvBroken` where it is not what it should be.

    `try_header` is called with the header as soon as it is there.
    """

    def __init__(self, try_header: Callable[[list[str]], Expected], library: CDLL | None) -> None:
        self._try_header = try_header
        self._library = library
        # All mutable state: the header, what follows from it, and the rows behind it.
        self._header = Header()
        self._expected: Expected | None = None
        self._counter: RecordLineWriter | None = None
        self._blocks = RecordBlocks()
        # A byte order mark may stand before the header only: what looks like one in the first row is its text.
        self._blocks.cut_records(b"\n")
        self.rows = 0

    @property
    def header(self) -> list[str] | None:
        """The names of the columns, once they are there."""
        return self._header.names

    def decode(self, chunk: bytes) -> Iterator[Rows]:
        """Take a chunk, give the whole rows that are there now, looked at."""
        if self._expected is None:
            chunk = self._header.decode(chunk)
            self._expect()
        if self._expected is not None:
            for part in self._bounded(chunk, self._expected.least_record_bytes):
                yield from self._looked_at(self._cut(part), self._expected)

    def flush(self) -> Iterator[Rows]:
        """The last row, where no line end followed it."""
        if self._expected is None:
            self._header.flush()
            self._expect()
        if self._expected is not None:
            yield from self._looked_at(self._blocks.last_record(), self._expected)

    def _expect(self) -> None:
        if self.header is not None:
            self._expected = self._try_header(self.header)
            if self._library is not None:
                # Lines of nothing: what is left of them is their number.
                nothing = LineLayout((), len(self.header), (), 1, DIALECT.delimiter)
                self._counter = RecordLineWriter(self._library, nothing)

    def _bounded(self, part: bytes, record_bytes: int) -> Iterator[bytes]:
        """The part, halved until none holds more records than may leave at once."""
        most_records = len(part) // len(self.header or " ") + 1
        if len(part) + most_records * record_bytes > MOST_LEAVE_BYTES:
            most_records = part.count(b"\n")
        if most_records < 2 or len(part) + most_records * record_bytes <= MOST_LEAVE_BYTES:
            yield part
            return
        middle = len(part) // 2
        yield from self._bounded(part[:middle], record_bytes)
        yield from self._bounded(part[middle:], record_bytes)

    def _cut(self, part: bytes) -> bytes:
        try:
            return self._blocks.cut_records(part)
        except CsvBroken as error:
            raise CsvBroken(error.problem, self.rows + 2) from None

    def _looked_at(self, block: bytes, expected: Expected) -> Iterator[Rows]:
        if not block:
            return
        lines = None if self._counter is None else self._counter.lines(block)
        count = self._count_one_by_one(block) if lines is None else len(lines.ends)
        if len(block) > expected.safe_bytes:
            expected.try_rows(block)
        self.rows += count
        yield Rows(block, len(block) + count * expected.least_record_bytes)

    def _count_one_by_one(self, block: bytes) -> int:
        """How many rows a block holds, with the standard library's reader, which says which record is wrong."""
        count = 0
        for row in parse_rows(block, DIALECT, first_record=self.rows + 2):
            if len(row) != len(self.header or ()):
                raise CsvBroken("a row has another number of fields than the header", self.rows + 2 + count)
            count += 1
        return count
