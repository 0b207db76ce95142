"""A record's data to the cells of a row; digits, texts and blanks as they came. Pure.

This conversion, one record and one key at a time, accepts any input and defines what is right; `pigment_native.cells`
is faster, and gives the same for plain records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import msgspec

from destination_pigment.input.catalog import is_airbyte_column
from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import Row
from pigment_csv.values import NumberTooLong, is_json_number, write_out
from pigment_native.cells import Cells, select_rows
from pigment_native.csv_lines import CsvLineWriter

Column = Sequence[str | None]

_ABSENT = msgspec.Raw(b"null")
_OBJECTS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as columns of cells, in the order of a header.

    `places` are those of the rows among all that came with them; none where it does not matter.
    """

    header: tuple[str, ...]
    columns: Sequence[Column]
    places: Sequence[int] = ()

    @property
    def count(self) -> int:
        return len(self.columns[0])

    def selected(self, which: Sequence[bool]) -> Rows:
        """The rows for which `which` is true."""
        return Rows(self.header, select_rows(self.columns, which), list(compress(self.places, which)))


@dataclass(frozen=True, slots=True)
class Rejection:
    """Records that are rejected for one reason.

    `rejected` are rows with their cells as they came, or one record that is no row, as the bytes that came: its data,
    or the whole line where even that cannot be read.
    """

    reason: str
    rejected: Rows | bytes

    @property
    def count(self) -> int:
        return 1 if isinstance(self.rejected, bytes) else self.rejected.count


@dataclass(frozen=True, slots=True)
class NewColumns:
    """The record has keys that the file's header lacks."""

    names: tuple[str, ...]


class RowConverter:
    """Converts records to rows for one header."""

    def __init__(self, columns: Sequence[str], dialect: CsvDialect) -> None:
        self.columns = tuple(columns)
        self._known = frozenset(columns)
        self._separator = dialect.decimal_separator

    def convert(self, data: msgspec.Raw) -> Row | NewColumns | Rejection:
        """The cells of a record, in the order of the header."""
        try:
            values = _OBJECTS.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Rejection("its data is not an object", bytes(data))
        new = tuple(name for name in values if name not in self._known and not is_airbyte_column(name))
        if new:
            return NewColumns(new)
        if not self.columns:
            return Rejection("it has no values, and its stream has no columns", bytes(data))
        try:
            return [_cell(bytes(values.get(name, _ABSENT)), self._separator) for name in self.columns]
        except NumberTooLong:
            return Rejection("a number with an exponent too large to write out", bytes(data))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Rejection("a text that is not valid Unicode", bytes(data))


def _cell(value: bytes, decimal_separator: str) -> str | None:
    """The cell for a JSON value."""
    match value[:1]:
        case b'"':
            return msgspec.json.decode(value, type=str)
        case b"n":
            return None
        case b"t":
            return "TRUE"
        case b"f":
            return "FALSE"
        case b"{" | b"[":
            return msgspec.json.format(value, indent=-1).decode()
        case _:
            number = value.decode()
            if "e" in number or "E" in number:
                number = write_out(number)
            return number.replace(".", decimal_separator)


class NumberColumns:
    """Writes numbers that came as texts like all others: with the decimal separator and without an exponent.

    Only in the columns with these names, whose texts are numbers by the schema; any other text in them stays as it is.
    """

    def __init__(self, names: frozenset[str], dialect: CsvDialect) -> None:
        self._names = names
        self._separator = dialect.decimal_separator
        self._lines = CsvLineWriter(CsvDialect(delimiter=";"))
        # What a number contains only if it came as a text.
        self._signs = (b"e", b"E") if self._separator == "." else (b"e", b"E", b".")

    def written(self, rows: Rows) -> Rows:
        """The rows with these numbers written."""
        places = [place for place, name in enumerate(rows.header) if name in self._names]
        if not places or not self._may_have_texts([rows.columns[place] for place in places]):
            return rows
        columns = list(rows.columns)
        for place in places:
            columns[place] = [cell and self._written(cell) for cell in columns[place]]
        return Rows(rows.header, columns, rows.places)

    def _may_have_texts(self, columns: Sequence[Column]) -> bool:
        """Whether to look at each cell: most numbers come as numbers, and the library sees that far sooner."""
        if not all(isinstance(each, Cells) for each in columns):
            return True
        lines = self._lines.lines(columns)
        return any(sign in lines for sign in self._signs)

    def _written(self, text: str) -> str:
        if not is_json_number(text):
            return text
        try:
            return write_out(text).replace(".", self._separator)
        except NumberTooLong:
            return text
