"""A record's data to the cells of a row; digits, texts and blanks as they came. Pure.

`RowConverter`, one record and one key at a time, accepts any input and defines what is right. `ColumnConverter` and
`pigment_native.cells` are faster, and give the same for plain records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress
from typing import Any

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
        self._separator = dialect.decimal_separator

    @cached_property
    def _known(self) -> frozenset[str]:
        """The columns; of most streams no record goes by row, so they are not looked up."""
        return frozenset(self.columns)

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


# What a value contains that is neither null nor a number without an exponent: true and false have an "e" as well.
_NO_PLAIN_NUMBER = (b'"', b"{", b"[", b"e", b"E")
_TEXTS = msgspec.json.Decoder(list[str | None])


class ColumnConverter:
    """Converts many records at once, column by column, to what `RowConverter` gives for each of them."""

    def __init__(self, columns: Sequence[str], dialect: CsvDialect) -> None:
        self._columns = columns
        self._separator = dialect.decimal_separator

    def convert(self, records: Sequence[msgspec.Raw]) -> list[Column] | None:
        """The columns of the records; None if any of them may be no row of these columns."""
        if self._decoder is None or not self._columns:
            return None
        try:
            rows = map(msgspec.structs.astuple, map(self._decoder.decode, records))
            return [self._cells(values) for values in zip(*rows, strict=True)]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, NumberTooLong):
            return None

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any] | None:
        """Reads an object with no other names than the columns; None where a name must be escaped in JSON."""
        fields = [f"c{number}" for number in range(len(self._columns))]
        try:
            record = msgspec.defstruct(
                "Record",
                [(each, msgspec.Raw, _ABSENT) for each in fields],
                rename=dict(zip(fields, self._columns, strict=True)),
                forbid_unknown_fields=True,
                gc=False,
            )
        except ValueError:
            return None
        return msgspec.json.Decoder(record)

    def _cells(self, values: Sequence[msgspec.Raw]) -> Column:
        joined = b",".join(values)
        if not any(sign in joined for sign in _NO_PLAIN_NUMBER):
            cells = [None if each == "null" else each for each in joined.decode().split(",")]
            return cells if self._separator == "." else [cell and cell.replace(".", self._separator) for cell in cells]
        try:
            return _TEXTS.decode(b"[" + joined + b"]")
        except msgspec.ValidationError:
            return [_cell(bytes(each), self._separator) for each in values]


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
        self._signs = ("e", "E") if self._separator == "." else ("e", "E", ".")

    def written(self, rows: Rows) -> Rows:
        """The rows with these numbers written."""
        places = [
            place
            for place, (name, column) in enumerate(zip(rows.header, rows.columns, strict=True))
            if name in self._names and not (type(column) is Cells and not column.has_strings)
        ]
        if not places or not self._may_have_texts([rows.columns[place] for place in places]):
            return rows
        columns = list(rows.columns)
        for place in places:
            if self._may_have_texts([columns[place]]):
                columns[place] = [cell and self._written(cell) for cell in columns[place]]
        return Rows(rows.header, columns, rows.places)

    def _may_have_texts(self, columns: Sequence[Column]) -> bool:
        """Whether to look at each cell: most numbers come as numbers, and that is seen far sooner."""
        if all(isinstance(each, Cells) for each in columns):
            lines = self._lines.lines(columns)
            return any(sign.encode() in lines for sign in self._signs)
        joined = "".join(filter(None, chain.from_iterable(columns)))
        return any(sign in joined for sign in self._signs)

    def _written(self, text: str) -> str:
        if not is_json_number(text):
            return text
        try:
            return write_out(text).replace(".", self._separator)
        except NumberTooLong:
            return text
