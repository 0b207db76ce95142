"""Records to columns of cells, many at a time: the fast way; `rows` is the plain one, and says what is right. Pure.

A run of records is decoded at once into a structure made for the stream's columns: texts as texts, everything else as
the bytes that came, so that no number is ever parsed. A column of such bytes is looked at as one text: where it holds
nothing but digits, or nothing but booleans, it becomes cells in a few steps. Whatever does not fit (another key, a
number in a text column, no object at all, an exponent) is left to the plain way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from destination_pigment.rows import ABSENT, RowMaker
from pigment_client.csv_dialect import CsvDialect
from pigment_client.values import NumberTooLong

Column = Sequence[str | None]

# What PyAirbyte adds to every record.
_KNOWN_AIRBYTE_COLUMNS = ("_airbyte_raw_id", "_airbyte_extracted_at", "_airbyte_meta", "_airbyte_generation_id")

# The characters of the words that a column may hold: nothing else can be made of them that is JSON.
_NUMBERS = b"0123456789.-\n"
_NUMBERS_AND_NULL = _NUMBERS + b"nul"
_BOOLEANS_AND_NULL = b"truefalsn\n"


class ColumnMaker:
    """Makes columns for one header, or says that the plain way must be gone."""

    def __init__(self, columns: Sequence[str], text_columns: frozenset[str], dialect: CsvDialect) -> None:
        self._plain = RowMaker(columns, dialect)
        self._separator = dialect.decimal_separator.encode()
        self._are_texts = tuple(name in text_columns for name in columns)
        self._decoder = msgspec.json.Decoder(_structure(tuple(columns), text_columns))

    def make(self, records: Sequence[msgspec.Raw]) -> list[Column] | None:
        """The columns of the records, in the order of the header; None where the plain way must be gone."""
        try:
            rows = self._decoder.decode_lines(b"\n".join(records))
            if len(rows) != len(records):
                return None
            columns = zip(*map(msgspec.structs.astuple, rows), strict=True)
            return [
                column if is_text else self._cells(column)
                for is_text, column in zip(self._are_texts, columns, strict=False)
            ]
        except (msgspec.MsgspecError, UnicodeDecodeError, NumberTooLong):
            return None

    def _cells(self, column: tuple[msgspec.Raw, ...]) -> Column:
        """The cells for a column of JSON values."""
        words = b"\n".join(column)
        if not words.translate(None, _NUMBERS_AND_NULL):
            return words.replace(b"null", b"").replace(b".", self._separator).decode().split("\n")
        if not words.translate(None, _BOOLEANS_AND_NULL):
            return words.replace(b"null", b"").upper().decode().split("\n")
        return [self._plain.cell(bytes(value)) for value in column]


def _structure(columns: tuple[str, ...], text_columns: frozenset[str]) -> type[msgspec.Struct]:
    """A structure with a field for each column, in their order, and behind them what is let pass unseen."""
    fields: list[tuple[str, Any, Any]] = []
    ignored = [name for name in _KNOWN_AIRBYTE_COLUMNS if name not in columns]
    for position, name in enumerate((*columns, *ignored)):
        if name in text_columns:
            fields.append((f"c{position}", str | None, msgspec.field(default=None, name=name)))
        else:
            fields.append((f"c{position}", msgspec.Raw, msgspec.field(default=ABSENT, name=name)))
    return msgspec.defstruct("Row", fields, forbid_unknown_fields=True, gc=False)
