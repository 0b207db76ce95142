"""A download as RECORD lines, in blocks bounded by the bytes that leave.

A row of blanks is a few bytes on disk and the names of all its columns in a record, so what is read at once depends
on how many records it holds and how long these are at least.
"""

from __future__ import annotations

from collections.abc import Iterator

from source_pigment.reading.downloads import Download
from source_pigment.reading.inspection import RowBlocks
from source_pigment.reading.records import Converter, RecordBlock, RecordLayout

_LEAVE_BYTES = 8 << 20

# Of the metadata of a record: a hash, an identifier and their names.
_METADATA_BYTES = 200


def record_blocks(download: Download, layout: RecordLayout, converter: Converter) -> Iterator[RecordBlock]:
    """The records of a download."""
    record_bytes = least_record_bytes(layout)
    first_record = 2
    for rows in _rows(download.content(), record_bytes):
        block = converter.convert(rows, first_record=first_record)
        first_record += block.count
        yield block


def least_record_bytes(layout: RecordLayout) -> int:
    """How long a record of nothing but blanks is."""
    values = sum(len(label.encode()) + len("null,") for label in layout.labels() if label is not None)
    return len(layout.opening(0).encode()) + values + (_METADATA_BYTES if layout.id_position is not None else 0)


def _rows(content: Iterator[bytes], record_bytes: int) -> Iterator[bytes]:
    """The rows of an export in blocks."""
    blocks = RowBlocks()
    for read in content:
        for piece in _bounded(read, record_bytes):
            rows = blocks.decode(piece)
            if rows:
                yield rows
    rows = blocks.flush()
    if rows:
        yield rows


def _bounded(piece: bytes, record_bytes: int) -> Iterator[bytes]:
    """The piece, halved until no part holds more records than may leave at once."""
    records = piece.count(b"\n")
    if records < 2 or len(piece) + records * record_bytes <= _LEAVE_BYTES:
        yield piece
        return
    middle = len(piece) // 2
    yield from _bounded(piece[:middle], record_bytes)
    yield from _bounded(piece[middle:], record_bytes)
