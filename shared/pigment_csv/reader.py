"""CSV as Pigment exports it, read strictly: bytes in as they arrive, rows out.

Theory: RFC 4180 allows a quote only around a field or doubled inside it, so a line feed ends a record exactly when
the number of quotes before it is even. `RecordBlocks` uses this to cut the stream into blocks of whole records without
looking at anything else; all line ends inside quotes stay as they are, and so do U+2028 and U+0085. `CsvReader` parses
the blocks with the standard library's reader. If there is a lone quote in an unquoted field after all, the block is
cut too late, which changes nothing, or inside quotes, which the standard library's strict reader rejects: a wrong cut
cannot become a wrong row.

Rows are parsed, lines are bytes, and a record is one row as bytes, which may be several lines.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from pigment_csv.dialect import BYTE_ORDER_MARK, CsvDialect

Row = list[str | None]

# No cell of a planning tool is this large. Without a bound, a quote that is never closed would fill the memory.
LARGEST_RECORD_BYTES = 64 * 1024 * 1024


class CsvBroken(Exception):
    """The file is not valid CSV, or not complete.

    `record` is the number of the record, 1 for the header; the message never quotes it.
    """

    def __init__(self, problem: str, record: int) -> None:
        super().__init__(f"{problem} (record {record})")
        self.problem = problem
        self.record = record


class RecordBlocks:
    """Cuts a stream of bytes into blocks of whole records, without the byte order mark.

    Raises `CsvBroken` for a record that does not end, so that a quote that is never closed does not fill the memory.
    """

    def __init__(self) -> None:
        # All mutable state: the bytes of an incomplete record, their number, whether the number of quotes in them is
        # odd, and whether a byte order mark may still follow.
        self._pending: list[bytes] = []
        self.pending_bytes = 0
        self._inside_quotes = False
        self._at_beginning = True

    def cut_records(self, chunk: bytes) -> bytes:
        """Add a chunk; the whole records that are complete now (maybe none)."""
        chunk = self._without_mark(chunk)
        cut = self._last_record_end(chunk)
        if cut == 0:
            self._keep(chunk)
            if self.pending_bytes > LARGEST_RECORD_BYTES:
                raise CsvBroken("a record is larger than 64 MB, or a quote is never closed", 1)
            return b""
        block = b"".join((*self._pending, chunk[:cut]))
        rest = chunk[cut:]
        self._pending, self.pending_bytes, self._inside_quotes = [], 0, False
        self._keep(rest)
        return block

    def last_record(self) -> bytes:
        """The last record, if the stream ends without a line end."""
        block = b"".join(self._pending)
        self._pending, self.pending_bytes, self._inside_quotes = [], 0, False
        return block

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
        """The position after the last line feed of the chunk that is outside quotes; 0 if there is none."""
        quotes = chunk.count(b'"')
        if quotes == 0:
            return 0 if self._inside_quotes else chunk.rfind(b"\n") + 1
        inside = self._inside_quotes ^ (quotes % 2 == 1)
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
            self.pending_bytes += len(chunk)
            self._inside_quotes ^= chunk.count(b'"') % 2 == 1


def split_first_record(block: bytes, dialect: CsvDialect) -> tuple[bytes, bytes]:
    """The first record of a block of whole records, with its line end, and the rest; raises `CsvBroken`.

    The standard library decides where it ends: a lone quote in an unquoted field (`Size 5"`) opens nothing.
    """
    end = 0

    def lines() -> Iterator[str]:
        nonlocal end
        while end < len(block):
            begin, end = end, block.find(b"\n", end) + 1 or len(block)
            yield _decoded(block[begin:end], 1)

    try:
        next(_strict_reader(lines(), dialect), None)
    except csv.Error:
        raise CsvBroken("the file is not valid CSV", 1) from None
    return block[:end], block[end:]


def parse_rows(block: bytes, dialect: CsvDialect, *, first_record: int) -> Iterator[Row]:
    """Parse a block of whole records, whose first has the number `first_record`.

    A blank is None, quoted or not. Raises `CsvBroken` for bytes that are not UTF-8 and for what is not CSV.
    """
    text = _decoded(block, first_record)
    *ended, last = text.split("\n")
    lines = [line + "\n" for line in ended]
    if last:
        lines.append(last)
    reader = _strict_reader(lines, dialect)
    number = first_record
    while True:
        try:
            row = next(reader, None)
        except csv.Error:
            raise CsvBroken("the file is not valid CSV", number) from None
        if row is None:
            return
        # For an empty line, the standard library gives an empty row; by RFC 4180 it is one blank field.
        yield [cell or None for cell in row] or [None]
        number += 1


def _strict_reader(lines: Iterable[str], dialect: CsvDialect) -> Iterator[list[str]]:
    # The limit is one of the whole process, against hostile input; it is only ever raised, to our larger one.
    if csv.field_size_limit() < LARGEST_RECORD_BYTES:
        csv.field_size_limit(LARGEST_RECORD_BYTES)
    return csv.reader(lines, delimiter=dialect.delimiter, strict=True)


def _decoded(block: bytes, first_record: int) -> str:
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError as error:
        outside_quotes = block[: error.start].split(b'"')[::2]
        record = first_record + sum(part.count(b"\n") for part in outside_quotes)
    raise CsvBroken("the file is not valid UTF-8", record)


class CsvReader:
    """Parses the bytes of an export into rows, each as long as the header; a blank is None.

    `header` is None until the first record was read; then it is a list, in which names may be blank or repeated.
    """

    def __init__(self, dialect: CsvDialect) -> None:
        self._dialect = dialect
        self._blocks = RecordBlocks()
        # How many records were read so far, the header included.
        self._records = 0
        self.header: list[str] | None = None

    def read_rows(self, chunk: bytes) -> list[Row]:
        """Add a chunk; the data rows that are complete now. Raises `CsvBroken`."""
        return self._rows(self._blocks.cut_records(chunk))

    def read_last_row(self) -> list[Row]:
        """The last row, if no line end followed it; raises `CsvBroken` if the file ends inside a record."""
        return self._rows(self._blocks.last_record())

    def _rows(self, block: bytes) -> list[Row]:
        if not block:
            return []
        rows = []
        for row in parse_rows(block, self._dialect, first_record=self._records + 1):
            self._records += 1
            if self.header is None:
                self.header = [name or "" for name in row]
            elif len(row) != len(self.header):
                raise CsvBroken("a row has another number of fields than the header", self._records)
            else:
                rows.append(row)
        return rows
