"""CSV as an import configuration expects it (RFC 4180), written by the standard library."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from pigment_csv.dialect import BYTE_ORDER_MARK, CsvDialect


class CsvUnwritable(ValueError):
    """A cell contains half of a surrogate pair, which UTF-8 cannot encode; the message does not quote it."""

    def __init__(self) -> None:
        super().__init__("a cell contains a character that UTF-8 cannot encode")


class CsvWriter:
    """Writes rows of texts as the lines of a file; None and the empty text are an empty cell.

    A row of one empty cell is written as `""`, so that it stays a row.
    """

    def __init__(self, dialect: CsvDialect) -> None:
        self._dialect = dialect

    def header_line(self, names: Sequence[str]) -> bytes:
        """The first line, after the byte order mark if the dialect has one."""
        mark = BYTE_ORDER_MARK if self._dialect.bom else b""
        return mark + self.lines([names])

    def lines(self, rows: Iterable[Sequence[str | None]]) -> bytes:
        """The rows as lines, each with its line end; raises `CsvUnwritable`."""
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._dialect.delimiter, lineterminator=self._dialect.line_end).writerows(rows)
        try:
            return text.getvalue().encode("utf-8")
        except UnicodeEncodeError:
            pass  # the error contains the text; raised from here, ours would carry it along
        raise CsvUnwritable
