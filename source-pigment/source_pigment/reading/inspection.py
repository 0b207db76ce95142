"""An export looked at as it comes: its header, and whether every row can become a record. Pure.

What is found here is found before a record leaves. Rows that pass are CSV, each as long as the header, and the client
has seen that they are UTF-8: converting them cannot fail half way.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import CDLL

from pigment_csv.dialect import BYTE_ORDER_MARK
from pigment_csv.reader import CsvBroken, RecordBlocks, rows_of, split_first_record
from pigment_native.record_lines import LineLayout, LineWriter
from source_pigment.config import DIALECT

# Two thousand columns with long names need a fraction of this; a header without an end must not fill the memory.
_LONGEST_HEADER_BYTES = 4 << 20

# A record is at most six times as long as its row, beside the names of its columns (records.LONGEST_LINE_BYTES). Only
# a row that is longer than what arrives at once makes a block as long as this.
_LONG_ROWS_BYTES = 2 << 20


class RowBlocks:
    """Cuts an export into its header and blocks of whole rows; raises `CsvBroken`."""

    def __init__(self) -> None:
        # All mutable state: the header once it is there, the bytes before that, and the rows behind it.
        self.header: list[str] | None = None
        self._beginning = b""
        self._rows = RecordBlocks()
        # A byte order mark may stand before the header only: what looks like one in the first row is its text.
        self._rows.decode(b"\n")

    def decode(self, chunk: bytes) -> bytes:
        """Take a chunk, give the whole rows that are there now (maybe none)."""
        if self.header is not None:
            return self._rows.decode(chunk)
        self._beginning += chunk
        if b"\n" not in chunk or not self._take_header(at_end=False):
            if len(self._beginning) > _LONGEST_HEADER_BYTES:
                raise CsvBroken("the header line is longer than 4 MB, or a quote in it is never closed", 1)
            return b""
        rest, self._beginning = self._beginning, b""
        return self._rows.decode(rest)

    def flush(self) -> bytes:
        """The last row, where no line end followed it."""
        if self.header is None and self._beginning:
            self._take_header(at_end=True)
        return self._rows.flush()

    def _take_header(self, *, at_end: bool) -> bool:
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
        self.header = [name or "" for name in next(rows_of(line, DIALECT, first_record=1), [])]
        self._beginning = rest
        return True


class Inspection:
    """Takes an export as it comes and counts its rows; raises `CsvBroken` where it is not what it should be.

    `plain` stays true while the library finds nothing in the rows that asks for a closer look; without the library it
    stays true while no quote does.

    `try_header` is called with the header as soon as it is there, and gives what to call with rows so long that they
    might become records that are too long.
    """

    def __init__(self, try_header: Callable[[list[str]], Callable[[bytes], object]], library: CDLL | None) -> None:
        self._try_header = try_header
        self._library = library
        # All mutable state: what is cut so far, how to try long rows, what counts them, and what is known of the rows.
        self._blocks = RowBlocks()
        self._try_rows: Callable[[bytes], object] | None = None
        self._counter: LineWriter | None = None
        self.rows = 0
        self.plain = True

    @property
    def header(self) -> list[str] | None:
        """The names of the columns, once they are there."""
        return self._blocks.header

    def decode(self, chunk: bytes) -> None:
        """Look at a chunk."""
        self._look_at(self._blocks.decode(chunk))

    def flush(self) -> None:
        """Look at what is left at the end."""
        self._look_at(self._blocks.flush())

    def _look_at(self, block: bytes) -> None:
        if self._try_rows is None and self.header is not None:
            self._try_rows = self._try_header(self.header)
        if not block:
            return
        if len(block) > _LONG_ROWS_BYTES and self._try_rows is not None:
            self._try_rows(block)
        count = self._count_plain(block)
        if count is None:
            self.plain = self.plain and self._library is None and b'"' not in block
            count = self._count_one_by_one(block)
        self.rows += count

    def _count_plain(self, block: bytes) -> int | None:
        """How many rows a block holds; None where that takes a closer look."""
        if self._library is None or self.header is None:
            return None
        if self._counter is None:
            # Lines of nothing: what is left of them is their number.
            nothing = LineLayout((), len(self.header), (), 1, DIALECT.delimiter)
            self._counter = LineWriter(self._library, nothing)
        lines = self._counter.lines(block)
        return None if lines is None else lines.count

    def _count_one_by_one(self, block: bytes) -> int:
        """The same with the standard library's reader, which says which record is wrong."""
        count = 0
        for row in rows_of(block, DIALECT, first_record=self.rows + 2):
            if len(row) != len(self.header or ()):
                raise CsvBroken("a row has another number of fields than the header", self.rows + 2 + count)
            count += 1
        return count
