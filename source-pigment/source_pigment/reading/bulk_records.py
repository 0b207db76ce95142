"""Rows to finished RECORD lines, a block at a time by the library: the same bytes as `records` gives, sooner.

A block that is not plainly CSV as it was asked for goes by row, so that both give the same errors too.
"""

from __future__ import annotations

from collections import Counter
from ctypes import CDLL

from pigment_native.record_lines import Kind, LineLayout, LineWriter, Piece
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
        lines = LineLayout(
            pieces=pieces,
            columns=len(layout.names),
            keys=layout.key_positions,
            longest_line_bytes=LONGEST_LINE_BYTES,
            delimiter=DIALECT.delimiter,
        )
        self._writer = LineWriter(library, lines)

    def convert(self, block: bytes, *, first_record: int) -> RecordBlock:
        """The records of a block whose first is numbered `first_record`; raises `CsvBroken` and `RecordTooLong`."""
        lines = self._writer.lines(block) if _is_text(block) else None
        if lines is None:
            return self._by_row.convert(block, first_record=first_record)
        misfits: Counter[str] = Counter()
        for name, count in zip(self._names, lines.misfits, strict=True):
            if count:
                misfits[name] += count
        return RecordBlock(self._layout.stream, lines.content, lines.count, misfits, lines.keys, lines.blank_keys)


def _pieces(layout: RecordLayout, opening: str) -> tuple[tuple[Piece, ...], list[str]]:
    """The parts of a line, and the column that each is of."""
    parts = [
        (label, position, _KINDS[type_], name or "")
        for position, (label, type_, name) in enumerate(zip(layout.labels(), layout.types, layout.names, strict=True))
        if label is not None
    ]
    closing = CLOSING
    if layout.id_position is not None:
        id_label, hash_label = layout.metadata_labels
        parts += [(id_label, layout.id_position, Kind.TEXT, ""), (hash_label + '"', 0, Kind.HASH, "")]
        closing = '"' + CLOSING
    pieces = [
        Piece(((opening if number == 0 else ",") + label).encode(), position, kind)
        for number, (label, position, kind, _) in enumerate(parts)
    ]
    pieces.append(Piece((closing if parts else opening + closing).encode(), 0, Kind.NOTHING))
    return tuple(pieces), [*(name for *_, name in parts), ""]


def _is_text(block: bytes) -> bool:
    """Whether a block is UTF-8: the library does not look."""
    try:
        return block.isascii() or block.decode() is not None
    except UnicodeDecodeError:
        return False
