"""An export to RECORD lines, block by block as it arrives. Pure.

An export is checked, counted and converted in one pass, before any of its records leaves: an error here means that
nothing has been sent. Blocks are bounded by what leaves: a row of blanks is a few bytes here, and the names of all its
columns in a record.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from ctypes import CDLL

from pigment_csv.dialect import BYTE_ORDER_MARK
from pigment_csv.reader import RecordBlocks, RecordTooLarge, parse_rows, split_first_record
from pigment_native.number_columns import NumberColumns
from pigment_native.record_lines import Kind, Piece, RecordLines, RecordLineWriter
from source_pigment.config import DIALECT, LONGEST_LINE_BYTES
from source_pigment.discovery.schema import ColumnType
from source_pigment.reading.records import (
    CLOSING,
    MOST_KEYS,
    Converter,
    RecordBlock,
    RecordLayout,
    RowConverter,
)

# How much of an export is converted at once: what a block becomes fits into the caches of a processor, and into the
# memory many times. And how much the names of its columns may take in one block.
BLOCK_BYTES = 128 << 10
_MOST_NAME_BYTES = 4 << 20

# Two thousand columns with long names need a fraction of this; a header without an end must not fill the memory.
_LONGEST_HEADER_BYTES = 4 << 20


class ExportConverter:
    """Turns the content of an export, which is known to be UTF-8, into blocks of records.

    Raises `CsvBroken` and `RecordTooLong`. `layout_of` is called with the header as soon as it has arrived, and may
    raise what is wrong with it.
    """

    def __init__(self, layout_of: Callable[[list[str]], RecordLayout], emitted_at: int, library: CDLL | None) -> None:
        self._layout_of = layout_of
        self._emitted_at = emitted_at
        self._library = library
        # All mutable state: the beginning up to the end of the header, what follows from it, content that waits for a
        # block to be full, and how many rows were converted.
        self._beginning = b""
        self.layout: RecordLayout | None = None
        self._converter: Converter | None = None
        self._numbers: NumberColumns | None = None
        self._most_rows, self._uncounted_bytes = 1, 0
        self._waiting = io.BytesIO()
        self._cutter = RecordBlocks(DIALECT, largest_record_bytes=LONGEST_LINE_BYTES)
        # A byte order mark may stand before the header only: what looks like one in the first row is its text.
        self._cutter.cut_records(b"\n", first_record=1)
        self.rows = 0

    @property
    def waiting_bytes(self) -> int:
        """How much has been received of records that are not converted yet."""
        return self._waiting.tell() + self._cutter.pending_bytes

    def convert_chunk(self, chunk: bytes) -> Iterator[RecordBlock]:
        """The blocks of records that are full with this chunk (maybe none)."""
        if self._converter is None:
            self._beginning += chunk
            split = split_header(self._beginning) if b"\n" in chunk else None
            if len(self._beginning) - (0 if split is None else len(split[1])) > _LONGEST_HEADER_BYTES:
                raise RecordTooLarge(_LONGEST_HEADER_BYTES, 1)
            if split is None:
                return
            self._open(split[0])
            chunk, self._beginning = split[1], b""
        self._waiting.write(chunk)
        if self._waiting.tell() >= BLOCK_BYTES:
            yield from self.convert_waiting()

    def convert_waiting(self) -> Iterator[RecordBlock]:
        """The records of all rows that are complete."""
        content, self._waiting = self._waiting.getvalue(), io.BytesIO()
        for part in _parts(content, self._most_rows, self._uncounted_bytes):
            yield from self._records(self._cutter.cut_records(part, first_record=self.rows + 2))

    def convert_last_record(self) -> Iterator[RecordBlock]:
        """The last record, if no line end followed it; call `convert_waiting` before."""
        if self._converter is None and self._beginning and (split := split_header(self._beginning, at_end=True)):
            self._open(split[0])
        yield from self._records(self._cutter.last_record())

    def _open(self, header: list[str]) -> None:
        layout = self.layout = self._layout_of(header)
        self._most_rows = max(_MOST_NAME_BYTES // layout.blank_line_bytes, 1)
        # No more rows than that fit into so few bytes: each has a delimiter or a line end for every column.
        self._uncounted_bytes = self._most_rows * len(layout.names)
        if self._library is None:
            self._converter = RowConverter(layout, self._emitted_at)
        else:
            self._converter = BulkConverter(layout, self._emitted_at, self._library)

        if layout.has_totals:
            self._numbers = NumberColumns(layout.summed, len(layout.names), DIALECT, self._library)

    def _records(self, rows: bytes) -> Iterator[RecordBlock]:
        if rows and self._converter is not None:
            block = self._converter.convert(rows, first_record=self.rows + 2)
            if self._numbers is not None:
                block.totals = self._numbers.totals(rows)
            if self.rows > MOST_KEYS:
                del block.keys[:]
            self.rows += block.count
            yield block


def _parts(content: bytes, most_rows: int, uncounted_bytes: int) -> Iterator[bytes]:
    """The content, halved until no part contains more line ends than rows are allowed; not counted in a short part."""
    if len(content) <= uncounted_bytes or content.count(b"\n") <= most_rows:
        yield content
        return
    middle = len(content) // 2
    yield from _parts(content[:middle], most_rows, uncounted_bytes)
    yield from _parts(content[middle:], most_rows, uncounted_bytes)


def split_header(beginning: bytes, *, at_end: bool = False) -> tuple[list[str], bytes] | None:
    """The names in the header of an export and what comes after it; None if not all of the header has arrived.

    At the end of an export, a header without a line end is complete. Raises `CsvBroken` for one that cannot be read.
    """
    content = beginning.removeprefix(BYTE_ORDER_MARK)
    split = split_first_record(content, DIALECT)
    if split is None and not at_end:
        return None
    line, rest = split or (content, b"")
    return [name or "" for name in next(parse_rows(line, DIALECT, first_record=1), [])], rest


_NO_HASH = "0" * 64
_AFTER_HASH = '"' + CLOSING

_KINDS = {
    ColumnType.TEXT: Kind.TEXT,
    ColumnType.NUMBER: Kind.NUMBER,
    ColumnType.BOOLEAN: Kind.BOOLEAN,
    ColumnType.DATE: Kind.DATE,
}


class BulkConverter:
    """Turns blocks of whole CSV records into RECORD lines in C; the result is the same as that of `RowConverter`.

    Blocks must be UTF-8, which `BodyCheck` has checked: nothing of an export arrives here before.
    """

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
        # A longer block may contain a record that is refused row by row.
        lines = self._writer.lines(block) if len(block) <= LONGEST_LINE_BYTES else None
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
        library, pieces, len(layout.names), keys, longest_line_bytes=LONGEST_LINE_BYTES, delimiter=DIALECT.delimiter
    )


def _pieces(layout: RecordLayout, opening: str) -> tuple[list[Piece], list[str]]:
    """The parts of a line, and the column that each belongs to; a content hash is all zeros at first."""
    parts = [
        (label, position, _KINDS[type_], name or "")
        for position, (label, type_, name) in enumerate(zip(layout.labels(), layout.types, layout.names, strict=True))
        if label is not None
    ]
    closing = CLOSING
    if layout.id_position is not None:
        id_label, hash_label = layout.metadata_labels
        parts.append((id_label, layout.id_position, Kind.TEXT, ""))
        closing = f',{hash_label}"{_NO_HASH}{_AFTER_HASH}'
    pieces = [
        Piece(((opening if number == 0 else ",") + label).encode(), position, kind)
        for number, (label, position, kind, _) in enumerate(parts)
    ]
    pieces.append(Piece((closing if parts else opening + closing).encode(), 0, Kind.NOTHING))
    return pieces, [*(name for *_, name in parts), ""]


def _with_hashes(lines: RecordLines, hashed: RecordLines) -> bytearray:
    """The lines, each with the content hash of its row."""
    content, fields = lines.content, memoryview(hashed.content)
    for line_end, begin, end in zip(lines.ends, (0, *hashed.ends), hashed.ends, strict=False):
        place = line_end - len(_AFTER_HASH) - len(_NO_HASH)
        content[place : place + len(_NO_HASH)] = hashlib.sha256(fields[begin:end]).hexdigest().encode()
    return content
