"""CSV as Pigment exports it, read strictly: bytes in as they arrive, rows out.

Theory: RFC 4180 allows a quote only around a field or doubled inside it, so a line feed ends a record exactly when
the number of quotes before it is even. `RecordBlocks` uses this to cut the stream into blocks of whole records without
looking at anything else; all line ends inside quotes stay as they are, and so do U+2028 and U+0085. `parse_rows` checks
each block against that grammar before the standard library's reader parses it. That one accepts more: a lone quote in
an unquoted field, after which no cut would be certain and `"x"` may be a text with its quotes, and carriage returns,
which it drops. Up to the first place that does not fit, every cut is right; so the same bytes give the same rows, or
the same error at the same record, however they arrive.

Rows are parsed, lines are bytes, and a record is one row as bytes, which may be several lines.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from pigment_csv.dialect import BYTE_ORDER_MARK, CsvDialect

Row = list[str | None]

# No cell of a planning tool is this large. Without a bound, a quote that is never closed would fill the memory.
LARGEST_RECORD_BYTES = 64 * 1024 * 1024


class CsvBroken(Exception):
    """The file is not valid CSV, or not complete.

    `record` is the number of the record, 1 for the header; the message never quotes it. `is_cut` says that the file
    ends there and more bytes might have made it right.
    """

    def __init__(self, problem: str, record: int, *, is_cut: bool = False) -> None:
        super().__init__(f"{problem} (record {record})")
        self.problem = problem
        self.record = record
        self.is_cut = is_cut


class RecordTooLarge(CsvBroken):
    """A record is larger than the reader accepts."""

    def __init__(self, largest_bytes: int, record: int) -> None:
        super().__init__(f"a record is longer than {largest_bytes:,} bytes, or a quote in it is never closed", record)


class _Grammar(NamedTuple):
    """A record with its line end, the fields before the last one of a record, and that one, perhaps not closed."""

    record: re.Pattern[bytes]
    fields: re.Pattern[bytes]
    last_field: re.Pattern[bytes]


@cache
def _grammar(delimiter: str) -> _Grammar:
    # RFC 4180, section 2; a line feed alone ends a record, too.
    sign = delimiter.encode()
    field = rb'(?:"[^"]*(?:""[^"]*)*"|[^"\r\n' + sign + rb"]*)"
    fields = b"(?:" + field + sign + b")*"
    patterns = fields + field + rb"\r?\n", fields, rb'("[^"]*(?:""[^"]*)*\Z)|' + field
    return _Grammar(*map(re.compile, patterns))


def find_problem(
    content: bytes, dialect: CsvDialect, *, first_record: int, largest_bytes: int = LARGEST_RECORD_BYTES
) -> CsvBroken | None:
    """What is wrong with content that begins with a record, at the first record that is wrong; None if nothing is."""
    grammar = _grammar(dialect.delimiter)
    number, begin = first_record, 0
    while (record := grammar.record.match(content, begin)) is not None:
        if record.end() - begin > largest_bytes:
            return RecordTooLarge(largest_bytes, number)
        number, begin = number + 1, record.end()
    at, problem = _first_misfit(content, begin, grammar)
    if at - begin > largest_bytes:
        return RecordTooLarge(largest_bytes, number)
    return None if problem is None else CsvBroken(problem, number, is_cut=at == len(content))


def _first_misfit(content: bytes, begin: int, grammar: _Grammar) -> tuple[int, str | None]:
    """The first place where an incomplete record does not fit the grammar, or its end, and what is wrong there."""
    fields, end = grammar.fields.match(content, begin), len(content)
    field = grammar.last_field.match(content, begin if fields is None else fields.end())
    at = begin if field is None else field.end()
    if content.startswith(b"\r", at):
        # At the end of the content, a line feed may have been to follow.
        return (end if at + 1 == end else at), "a carriage return is not followed by a line feed"
    if at < end:
        return at, "a quote inside a cell is not doubled"
    return end, "a quote is never closed" if field is not None and field.lastindex else None


class RecordBlocks:
    """Cuts a stream of bytes into blocks of whole records, without the byte order mark.

    Raises `CsvBroken` for a record that does not end, so that a quote that is never closed does not fill the memory.
    """

    def __init__(self, dialect: CsvDialect, *, largest_record_bytes: int = LARGEST_RECORD_BYTES) -> None:
        self._dialect = dialect
        self._largest_bytes = largest_record_bytes
        # All mutable state: the bytes of an incomplete record, their number, whether the number of quotes in them is
        # odd, and whether a byte order mark may still follow.
        self._pending: list[bytes] = []
        self.pending_bytes = 0
        self._inside_quotes = False
        self._at_beginning = True

    def cut_records(self, chunk: bytes, *, first_record: int) -> bytes:
        """Add a chunk; the whole records that are complete now (maybe none), the first of which has that number."""
        chunk = self._without_mark(chunk)
        cut = self._last_record_end(chunk)
        if cut == 0:
            self._keep(chunk)
            if self.pending_bytes > self._largest_bytes:
                raise self._problem(first_record)
            return b""
        block = b"".join((*self._pending, chunk[:cut]))
        rest = chunk[cut:]
        self._pending, self.pending_bytes, self._inside_quotes = [], 0, False
        self._keep(rest)
        return block

    def _problem(self, first_record: int) -> CsvBroken:
        """Why a record does not end: perhaps it did, and a quote out of place hides that."""
        limit = self._largest_bytes
        problem = find_problem(self.last_record(), self._dialect, first_record=first_record, largest_bytes=limit)
        return RecordTooLarge(limit, first_record) if problem is None or problem.is_cut else problem

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


def split_first_record(content: bytes, dialect: CsvDialect) -> tuple[bytes, bytes] | None:
    """The first record with its line end, and the rest; None as long as it does not end. Raises `CsvBroken`."""
    record = _grammar(dialect.delimiter).record.match(content)
    if record is not None:
        return content[: record.end()], content[record.end() :]
    problem = find_problem(content, dialect, first_record=1)
    if problem is not None and not problem.is_cut:
        raise problem
    return None


def parse_rows(
    block: bytes, dialect: CsvDialect, *, first_record: int, largest_bytes: int = LARGEST_RECORD_BYTES
) -> Iterator[Row]:
    """Parse a block of whole records, whose first has the number `first_record`.

    A blank is None, quoted or not. Raises `CsvBroken` for bytes that are not UTF-8 and for what is not CSV.
    """
    problem = find_problem(block, dialect, first_record=first_record, largest_bytes=largest_bytes)
    number = first_record
    if problem is None or problem.record > number:
        *ended, last = _decoded(block, first_record).split("\n")
        lines = [line + "\n" for line in ended]
        if last:
            lines.append(last)
        for row in _strict_reader(lines, dialect):
            # For an empty line, the standard library gives an empty row; by RFC 4180 it is one blank field.
            yield [cell or None for cell in row] or [None]
            number += 1
            if problem is not None and problem.record == number:
                break
    if problem is not None:
        raise problem


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

    def __init__(self, dialect: CsvDialect, *, largest_record_bytes: int = LARGEST_RECORD_BYTES) -> None:
        self._dialect = dialect
        self._largest_bytes = largest_record_bytes
        self._blocks = RecordBlocks(dialect, largest_record_bytes=largest_record_bytes)
        # How many records were read so far, the header included.
        self._records = 0
        self.header: list[str] | None = None

    def read_rows(self, chunk: bytes) -> list[Row]:
        """Add a chunk; the data rows that are complete now. Raises `CsvBroken`."""
        return self._rows(self._blocks.cut_records(chunk, first_record=self._records + 1))

    def read_last_row(self) -> list[Row]:
        """The last row, if no line end followed it; raises `CsvBroken` if the file ends inside a record."""
        return self._rows(self._blocks.last_record())

    def read_all(self, chunks: Iterable[bytes]) -> Iterator[list[Row]]:
        """The rows of a whole file, some at a time; raises `CsvBroken`."""
        for chunk in chunks:
            yield self.read_rows(chunk)
        yield self.read_last_row()

    def _rows(self, block: bytes) -> list[Row]:
        rows = []
        first, limit = self._records + 1, self._largest_bytes
        for row in parse_rows(block, self._dialect, first_record=first, largest_bytes=limit) if block else ():
            self._records += 1
            if self.header is None:
                self.header = [name or "" for name in row]
            else:
                require_width(row, len(self.header), self._records, block)
                rows.append(row)
        return rows


def require_width(row: Row, width: int, record: int, block: bytes) -> None:
    """Raise `CsvBroken` for a row of another length than the header; a block without a line end ends the file."""
    if len(row) != width:
        is_cut = len(row) < width and not block.endswith(b"\n")
        raise CsvBroken("a row has another number of fields than the header", record, is_cut=is_cut)
