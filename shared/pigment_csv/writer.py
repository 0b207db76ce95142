"""CSV as an import configuration expects it (RFC 4180).

Rows are written by the standard library; columns are quoted by hand, much sooner, and give the same bytes.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import cast

from pigment_csv.dialect import BYTE_ORDER_MARK, CsvDialect


class CsvUnwritable(ValueError):
    """A cell holds half of a surrogate pair, which UTF-8 cannot carry; the message does not quote it."""


class CsvWriter:
    """Turns rows of texts into the bytes of a file; None and the empty text are an empty cell.

    A row of one empty cell is written as `""`, so that it stays a row.
    """

    def __init__(self, dialect: CsvDialect) -> None:
        self._dialect = dialect
        self._quoted = (dialect.delimiter, '"', "\r", "\n")
        self._needs_quotes = re.compile(f'[{dialect.delimiter}"\\r\\n]')

    def header(self, names: Sequence[str]) -> bytes:
        """The first line, after the byte order mark where the dialect wants one."""
        mark = BYTE_ORDER_MARK if self._dialect.bom else b""
        return mark + self.rows([names])

    def rows(self, rows: Iterable[Sequence[str | None]]) -> bytes:
        """The rows as lines, each with its line end; raises `CsvUnwritable`."""
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._dialect.delimiter, lineterminator=self._dialect.line_end).writerows(rows)
        try:
            return text.getvalue().encode("utf-8")
        except UnicodeEncodeError:
            pass  # the error holds the text; raised from here, ours would carry it along
        raise CsvUnwritable("a cell holds a character that UTF-8 cannot carry")

    def columns(self, columns: Sequence[Sequence[str | None]]) -> bytes:
        """The same lines as `rows` makes, quicker, from one column at least, all of equal length.

        Raises `CsvUnwritable`.
        """
        if len(columns) == 1:
            return self.rows(zip(*columns, strict=True))
        fields = [self._fields(column) for column in columns]
        line_end = self._dialect.line_end
        text = line_end.join(map(self._dialect.delimiter.join, zip(*fields, strict=True)))
        try:
            return (text + line_end).encode("utf-8") if fields[0] else b""
        except UnicodeEncodeError:
            pass  # as above
        raise CsvUnwritable("a cell holds a character that UTF-8 cannot carry")

    def _fields(self, column: Sequence[str | None]) -> Sequence[str]:
        """The cells as they stand in a line; most columns need no quotes at all, which one look shows."""
        # The look for a blank is far quicker than making a list of all cells.
        cells = [cell or "" for cell in column] if None in column else cast("Sequence[str]", column)
        whole = "\0".join(cells)
        if not any(sign in whole for sign in self._quoted):
            return cells
        needs_quotes = self._needs_quotes.search
        return ['"' + cell.replace('"', '""') + '"' if needs_quotes(cell) else cell for cell in cells]
