"""CSV as Pigment exports it, read strictly: bytes in as they arrive, records out.

Theory: RFC 4180 allows a quote only around a field or doubled inside it, so a line feed ends a record exactly when
an even number of quotes stands before it. `RecordBlocks` uses this to cut the stream into blocks of whole records
without looking at anything else; line ends inside quotes stay, whatever they are, and so do U+2028 and U+0085.
`CsvReader` turns blocks into rows with the standard library's reader.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator

from pigment_client.csv_dialect import BYTE_ORDER_MARK, CsvDialect

Row = list[str]


class CsvBroken(Exception):
    """The file is not CSV, or not whole.

    `record` is the number of the record, 1 for the header; the message never quotes it.
    """

    def __init__(self, problem: str, record: int) -> None:
        super().__init__(f"{problem} (record {record})")
        self.problem = problem
        self.record = record


class RecordBlocks:
    """Cuts a stream of bytes into blocks that hold whole records, without the byte order mark."""

    def __init__(self) -> None:
        # All mutable state: bytes that do not end a record yet, whether they hold an odd number of quotes, and
        # whether the beginning of the stream is still to be looked at.
        self._pending: list[bytes] = []
        self._inside_quotes = False
        self._at_beginning = True

    def decode(self, chunk: bytes) -> bytes:
        """Take a chunk, give the whole records that are there now (maybe none)."""
        chunk = self._without_mark(chunk)
        cut = self._last_record_end(chunk)
        if cut == 0:
            self._keep(chunk)
            return b""
        block = b"".join((*self._pending, chunk[:cut]))
        rest = chunk[cut:]
        self._pending = [rest] if rest else []
        self._inside_quotes = rest.count(b'"') % 2 == 1
        return block

    def flush(self) -> bytes:
        """The last record, if the stream ends without a line end."""
        block = b"".join(self._pending)
        self._pending = []
        return b"" if self._at_beginning and block in {b"", BYTE_ORDER_MARK} else block

    def _without_mark(self, chunk: bytes) -> bytes:
        if not self._at_beginning:
            return chunk
        chunk = b"".join((*self._pending, chunk))
        self._pending = []
        if len(chunk) < len(BYTE_ORDER_MARK) and BYTE_ORDER_MARK.startswith(chunk):
            self._pending = [chunk] if chunk else []
            return b""
        self._at_beginning = False
        return chunk.removeprefix(BYTE_ORDER_MARK)

    def _last_record_end(self, chunk: bytes) -> int:
        """The position behind the last line feed of the chunk that stands outside quotes; 0 if there is none."""
        inside = self._inside_quotes ^ (chunk.count(b'"') % 2 == 1)
        end = len(chunk)
        while (line_feed := chunk.rfind(b"\n", 0, end)) >= 0:
            inside ^= chunk.count(b'"', line_feed, end) % 2 == 1
            if not inside:
                return line_feed + 1
            end = line_feed
        return 0

    def _keep(self, chunk: bytes) -> None:
        if chunk:
            self._pending.append(chunk)
            self._inside_quotes ^= chunk.count(b'"') % 2 == 1


def split_first_record(block: bytes) -> tuple[bytes, bytes]:
    """The first record of a block of whole records, with its line end, and the rest."""
    end = block.find(b"\n")
    while end >= 0 and block.count(b'"', 0, end) % 2 == 1:
        end = block.find(b"\n", end + 1)
    return (block, b"") if end < 0 else (block[: end + 1], block[end + 1 :])


def rows_of(block: bytes, dialect: CsvDialect, *, first_record: int) -> Iterator[Row]:
    """The rows of a block of whole records, which begins with the record numbered `first_record`.

    Raises `CsvBroken` for bytes that are not UTF-8 and for what is not CSV.
    """
    # The standard library's limit is global and meant for hostile input; a cell of Pigment may be megabytes long.
    csv.field_size_limit(sys.maxsize)
    number = first_record
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError:
        raise CsvBroken("the export is not valid UTF-8", number) from None
    lines = text.split("\n")
    last = lines.pop()
    fed = [line + "\n" for line in lines]
    if last:
        fed.append(last)
    reader = csv.reader(fed, delimiter=dialect.delimiter, strict=True)
    try:
        for row in reader:
            # The standard library gives an empty row for an empty line: one blank field, as RFC 4180 reads it.
            yield row or [""]
            number += 1
    except csv.Error:
        raise CsvBroken("the export is not valid CSV", number) from None


class CsvReader:
    """Turns the bytes of an export into rows of texts, each as long as the header.

    `header` is None until the first record has been read. A blank is the empty text.
    """

    def __init__(self, dialect: CsvDialect) -> None:
        self._dialect = dialect
        self._blocks = RecordBlocks()
        self._records = 0
        self.header: Row | None = None

    def decode(self, chunk: bytes) -> list[Row]:
        """Take a chunk, give the data rows that are complete now; raises `CsvBroken`."""
        return self._rows(self._blocks.decode(chunk))

    def flush(self) -> list[Row]:
        """The rows that end with the stream; raises `CsvBroken` when it ends inside a record."""
        return self._rows(self._blocks.flush())

    def _rows(self, block: bytes) -> list[Row]:
        rows = list(rows_of(block, self._dialect, first_record=self._records + 1)) if block else []
        if rows and self.header is None:
            self.header = rows.pop(0)
            self._records += 1
        for row in rows:
            self._records += 1
            if len(row) != len(self.header or ()):
                raise CsvBroken("a row has another number of fields than the header", self._records)
        return rows
