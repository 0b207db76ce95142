"""Numbers of CSV rows to control totals: many rows at once with the library, else row by row."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping, Sequence

from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import parse_rows
from pigment_csv.totals import Totals
from pigment_native.library import LIBRARY
from pigment_native.record_lines import Kind, Piece, RecordLineWriter

_LONGEST_BYTES = 1 << 30


class NumberColumns:
    """Reads some columns of rows with this width; `places` are their positions by name."""

    def __init__(
        self, places: Mapping[str, int], width: int, dialect: CsvDialect, library: ctypes.CDLL | None = LIBRARY
    ) -> None:
        self._places = places
        self._dialect = dialect
        # Each cell has a line of its own. A number with a decimal comma is a text for the library.
        kind = Kind.NUMBER if dialect.decimal_separator == "." else Kind.TEXT
        pieces = [Piece(b"\n" if number else b"", place, kind) for number, place in enumerate(places.values())]
        self._writer = None
        if library is not None and places:
            self._writer = RecordLineWriter(
                library,
                [*pieces, Piece(b"\n", 0, Kind.NOTHING)],
                width,
                (),
                longest_line_bytes=_LONGEST_BYTES,
                delimiter=dialect.delimiter,
            )

    def totals(self, rows: bytes, count: int) -> Totals:
        """The totals of this many whole rows, which are known to be valid CSV of this width in UTF-8."""
        totals = Totals(self._places, self._dialect.decimal_separator)
        totals.rows = count
        if self._places:
            for total, cells in zip(totals.by_column.values(), self._columns(rows), strict=True):
                total.add(cells)
        return totals

    def _columns(self, rows: bytes) -> Iterable[Sequence[str | None]]:
        lines = None if self._writer is None else self._writer.lines(rows)
        if lines is None:
            parsed = list(parse_rows(rows, self._dialect, first_record=1, largest_bytes=_LONGEST_BYTES))
            return [[row[place] for row in parsed] for place in self._places.values()]
        cells = lines.content.decode().split("\n")
        width = len(self._places)
        return [[_cell(each) for each in cells[number:-1:width]] for number in range(width)]


def _cell(value: str) -> str | None:
    """A cell from its value in JSON; what is escaped there is no number anyway."""
    if value.startswith('"'):
        return value[1:-1]
    return None if value == "null" else value
