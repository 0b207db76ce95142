"""A record's data to the cells of a row; digits, texts and blanks as they came. Pure.

The fast way decodes a record into a structure made for the stream's columns: texts as texts, everything else as the
bytes that came, so that no number is ever parsed. A record that does not fit the structure (another key, a number in a
text column, no object at all) goes the plain way, which looks at each key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from destination_pigment.catalog import is_airbyte_column
from pigment_client.csv_dialect import CsvDialect
from pigment_client.values import NumberTooLong, with_decimal_separator, write_out

Cells = list[str | None]

_ABSENT = msgspec.Raw(b"null")
_OBJECTS = msgspec.json.Decoder(dict[str, msgspec.Raw])

# What PyAirbyte adds to every record.
_KNOWN_AIRBYTE_COLUMNS = ("_airbyte_raw_id", "_airbyte_extracted_at", "_airbyte_meta", "_airbyte_generation_id")


@dataclass(frozen=True, slots=True)
class NewColumns:
    """The record has keys that the file's header lacks."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The record cannot become a row."""

    reason: str


class RowMaker:
    """Makes rows for one header."""

    def __init__(self, columns: Sequence[str], text_columns: frozenset[str], dialect: CsvDialect) -> None:
        self.columns = tuple(columns)
        self._known = frozenset(columns)
        self._separator = dialect.decimal_separator
        self._others = tuple(position for position, name in enumerate(columns) if name not in text_columns)
        self._width = len(self.columns)
        self._decoder = msgspec.json.Decoder(_structure(self.columns, text_columns))

    def make(self, data: msgspec.Raw) -> Cells | NewColumns | Refused:
        """The cells of a record, in the order of the header."""
        try:
            cells: list[Any] = list(msgspec.structs.astuple(self._decoder.decode(data)))
            del cells[self._width :]
            for position in self._others:
                cells[position] = self._text(bytes(cells[position]))
        except msgspec.MsgspecError:
            return self.make_plainly(data)
        except NumberTooLong:
            return Refused("a number with an exponent too large to write out")
        return cells

    def make_plainly(self, data: msgspec.Raw) -> Cells | NewColumns | Refused:
        """The same, looking at each key."""
        try:
            values = _OBJECTS.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return Refused("its data is not an object")
        new = tuple(name for name in values if name not in self._known and not is_airbyte_column(name))
        if new:
            return NewColumns(new)
        try:
            return [self._text(bytes(values.get(name, _ABSENT))) for name in self.columns]
        except NumberTooLong:
            return Refused("a number with an exponent too large to write out")
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return Refused("a text that is not valid Unicode")

    def _text(self, value: bytes) -> str | None:
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


def _structure(columns: tuple[str, ...], text_columns: frozenset[str]) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = []
    ignored = [name for name in _KNOWN_AIRBYTE_COLUMNS if name not in columns]
    for position, name in enumerate((*columns, *ignored)):
        if name in text_columns:
            fields.append((f"c{position}", str | None, msgspec.field(default=None, name=name)))
        else:
            fields.append((f"c{position}", msgspec.Raw, msgspec.field(default=_ABSENT, name=name)))
    return msgspec.defstruct("Row", fields, forbid_unknown_fields=True, gc=False)
