"""Cells of a file and of a block in one form, so that they can be compared. Pure.

An export writes numbers with a dot and dates as ISO 8601; a file writes them as the import configuration reads them.
A column that the schema calls a text may be a number or a date in the block: then loose forms show what is the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from destination_pigment.files.dates import DateColumns
from destination_pigment.input.catalog import DestinationStream
from pigment_csv.dialect import CsvDialect
from pigment_csv.values import NumberTooLong, is_json_number, write_out

Cells = Sequence[str | None]
Form = Callable[[str | None], str | None]

_MIDNIGHT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]00:00(:00(\.0+)?)?([Zz]|[+-]00:?00)?")
_DAY = 10

# The forms that are kept of either side: most cells of a ledger repeat.
_MOST_FORMS = 20_000


class CellColumns(NamedTuple):
    """The columns of some rows by name: numbers and dates of the schema in one form, and all that looks like them."""

    exact: Mapping[str, Cells]
    loose: Mapping[str, Cells]


class CellForms:
    """Writes the cells of a stream's columns, in its files and in its block, in one form."""

    def __init__(self, stream: DestinationStream, dialect: CsvDialect) -> None:
        self._numbers = stream.number_columns
        self._dates = tuple(stream.date_columns)
        self._written = DateColumns(stream, dialect.dates) if self._dates and dialect.dates else None
        keep = lru_cache(_MOST_FORMS)
        self._in_file: Form = keep(partial(loose_form, separator=dialect.decimal_separator))
        self._in_block: Form = keep(partial(loose_form, separator="."))

    def of_file(self, header: Sequence[str], rows: Sequence[Cells]) -> CellColumns:
        """The columns of some rows of a file."""
        return self._forms(_columns(header, rows), self._in_file)

    def of_block(self, header: Sequence[str], rows: Sequence[Cells]) -> CellColumns:
        """The columns of some rows of a block; a date as the file writes it."""
        columns = _columns(header, rows)
        if self._written is not None:
            dates = [each for each in self._dates if each in columns]
            written, _ = self._written.write(dates, [columns[each] for each in dates])
            columns.update(zip(dates, written, strict=True))
        return self._forms(columns, self._in_block)

    def _forms(self, columns: dict[str, Cells], form: Form) -> CellColumns:
        loose = {name: list(map(form, cells)) for name, cells in columns.items()}
        known = {*self._numbers, *(self._dates if self._written is None else ())}
        return CellColumns({name: loose[name] if name in known else columns[name] for name in columns}, loose)


def _columns(header: Sequence[str], rows: Sequence[Cells]) -> dict[str, Cells]:
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def loose_form(cell: str | None, separator: str) -> str | None:
    """A number, a moment at midnight or a truth value in one form; any other text as it is, and no text as a blank."""
    if not cell:
        return None
    if cell[-1].isdecimal():
        cell = plain_number(cell, separator)
    elif cell.lower() in {"true", "false"}:
        return cell.upper()
    return cell[:_DAY] if _MIDNIGHT.fullmatch(cell) else cell


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
