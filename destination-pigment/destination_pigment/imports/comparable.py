"""Cells of a file and of a block in one form, so that they can be compared. Pure.

An export writes numbers with a dot and dates as ISO 8601; a file writes them as the import configuration reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from destination_pigment.files.dates import DateColumns
from destination_pigment.input.catalog import DestinationStream
from pigment_csv.dialect import CsvDialect
from pigment_csv.values import NumberTooLong, is_json_number, write_out

Cells = Sequence[str | None]

_MIDNIGHT = re.compile(r"[Tt ]00:00(:00(\.0+)?)?([Zz]|[+-]00:?00)?")
_DAY = 10


class CellForms:
    """Writes the cells of a stream's columns, in its files and in its block, in one form."""

    def __init__(self, stream: DestinationStream, dialect: CsvDialect) -> None:
        self._numbers = stream.number_columns
        self._dates = tuple(stream.date_columns)
        self._separator = dialect.decimal_separator
        self._written = DateColumns(stream, dialect.dates) if self._dates and dialect.dates else None

    def of_file(self, header: Sequence[str], rows: Sequence[Cells]) -> Mapping[str, Cells]:
        """The columns of some rows of a file, by name."""
        columns = _columns(header, rows)
        self._write_numbers(columns, self._separator)
        if self._written is None:
            self._leave_out_midnight(columns)
        return columns

    def of_block(self, header: Sequence[str], rows: Sequence[Cells]) -> Mapping[str, Cells]:
        """The columns of some rows of a block, by name; a date as the file writes it."""
        columns = _columns(header, rows)
        self._write_numbers(columns, ".")
        if self._written is None:
            self._leave_out_midnight(columns)
        else:
            dates = [each for each in self._dates if each in columns]
            written, _ = self._written.write(dates, [columns[each] for each in dates])
            columns.update(zip(dates, written, strict=True))
        return columns

    def _write_numbers(self, columns: dict[str, Cells], separator: str) -> None:
        for name in self._numbers & columns.keys():
            columns[name] = [cell and plain_number(cell, separator) for cell in columns[name]]

    def _leave_out_midnight(self, columns: dict[str, Cells]) -> None:
        for name in self._dates:
            if name in columns:
                columns[name] = [cell and _day_of(cell) for cell in columns[name]]


def _columns(header: Sequence[str], rows: Sequence[Cells]) -> dict[str, Cells]:
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def plain_number(cell: str, separator: str) -> str:
    """A number with a dot, without exponent and zeros at its end; any other text as it is."""
    number = cell if separator == "." else cell.replace(separator, ".")
    if not is_json_number(number):
        return cell
    try:
        number = write_out(number)
    except NumberTooLong:
        return cell
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return "0" if number == "-0" else number


def _day_of(cell: str) -> str:
    return cell[:_DAY] if _MIDNIGHT.fullmatch(cell, _DAY) else cell
