"""A record's data to the cells of a row; digits, texts and blanks as they came. Pure.

One record and one key at a time, it takes whatever comes and says what is right; `pigment_native.cells` is faster, for
what is plainly right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from destination_pigment.input.catalog import is_airbyte_column
from pigment_csv.dialect import CsvDialect
from pigment_csv.values import NumberTooLong, with_decimal_separator, write_out

Cells = list[str | None]
Column = Sequence[str | None]

ABSENT = msgspec.Raw(b"null")
_OBJECTS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class NewColumns:
    """The record has keys that the file's header lacks."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """The record cannot become a row."""

    reason: str


class RowConverter:
    """Converts records to rows for one header."""

    def __init__(self, columns: Sequence[str], dialect: CsvDialect) -> None:
        self.columns = tuple(columns)
        self._known = frozenset(columns)
        self._separator = dialect.decimal_separator

    def convert(self, data: msgspec.Raw) -> Cells | NewColumns | Rejected:
        """The cells of a record, in the order of the header."""
        try:
            values = _OBJECTS.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Rejected("its data is not an object")
        new = tuple(name for name in values if name not in self._known and not is_airbyte_column(name))
        if new:
            return NewColumns(new)
        if not self.columns:
            return Rejected("it has no values, and its stream has no columns")
        try:
            return [self.cell(bytes(values.get(name, ABSENT))) for name in self.columns]
        except NumberTooLong:
            return Rejected("a number with an exponent too large to write out")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Rejected("a text that is not valid Unicode")

    def cell(self, value: bytes) -> str | None:
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
                return with_decimal_separator(number, self._separator)
