"""Rows to finished RECORD lines, a block at a time by the library: the same bytes as `records` gives, sooner.

A block that is not plainly CSV as it was asked for goes by row, so that both give the same errors too.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from ctypes import CDLL

from pigment_native.record_lines import Kind, LineLayout, Lines, LineWriter, Piece
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
        self._hashed: LineWriter | None = None
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


def _writer(library: CDLL, layout: RecordLayout, pieces: Sequence[Piece], keys: tuple[int, ...]) -> LineWriter:
    return LineWriter(
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


def _with_hashes(lines: Lines, hashed: Lines) -> bytes:
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
