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

    def totals(self, rows: bytes) -> Totals:
        """The sums of whole rows, which are valid CSV of this width in UTF-8; how many these are, the caller knows."""
        totals = Totals(self._places, self._dialect.decimal_separator)
        if self._places:
            for total, cells in zip(totals.by_column.values(), self._columns(rows), strict=True):
                total.add(cells)
        return totals

    def _columns(self, rows: bytes) -> Iterable[Sequence[str | None]]:
        lines = None if self._writer is None else self._writer.lines(rows)
        if lines is None:
            parsed = list(parse_rows(rows, self._dialect, first_record=1, largest_bytes=_LONGEST_BYTES))
            return [[row[place] for row in parsed] for place in self._places.values()]
        cells = _cells(lines.content.decode())
        return [cells[number : -1 : len(self._places)] for number in range(len(self._places))]


def _cells(values: str) -> list[str]:
    """The cells from their values in JSON, one on each line; what is escaped there is no number anyway."""
    if '"' not in values:
        return values.replace("null", "").split("\n")
    if "null" not in values and "\\" not in values:
        return values.replace('"', "").split("\n")
    return [each[1:-1] if each.startswith('"') else "" if each == "null" else each for each in values.split("\n")]
