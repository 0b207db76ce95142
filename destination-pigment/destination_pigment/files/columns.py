"""Records to columns of cells, many at a time; `rows` does it by row, and says what is right. Pure.

Records are decoded at once into a structure made for the stream's columns: texts as texts, everything else as the
bytes that came, so that no number is ever parsed. Whole lines can be taken in the same step, where all of them are
records of this stream. A column of such bytes is looked at as one text: where it holds
nothing but digits, or nothing but booleans, it becomes cells in a few steps. Whatever does not fit (another key, a
number in a text column, no object at all, an exponent) is left to the conversion by row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Literal

import msgspec

from destination_pigment.files.rows import ABSENT, RowConverter
from destination_pigment.input.configured_streams import DestinationStream
from pigment_csv.dialect import CsvDialect
from pigment_csv.values import NumberTooLong

Column = Sequence[str | None]

_NOT_A_FIELD = re.compile(r'[\\"\x00-\x1f]')

_DATA = attrgetter("record.data")

# What PyAirbyte adds to every record.
_KNOWN_AIRBYTE_COLUMNS = ("_airbyte_raw_id", "_airbyte_extracted_at", "_airbyte_meta", "_airbyte_generation_id")

# Any other name that Airbyte may add is learned when it first comes; one that is new in every record is not worth it.
_NEW_AIRBYTE_COLUMN = re.compile(r"Object contains unknown field `(_airbyte_[A-Za-z0-9_.-]*)`")
_MOST_IGNORED = 32

# The characters of the words that a column may hold: nothing else can be made of them that is JSON.
_NUMBERS = b"0123456789.-\n"
_NUMBERS_AND_NULL = _NUMBERS + b"nul"
_BOOLEANS_AND_NULL = b"truefalsn\n"


class ColumnConverter:
    """Converts records to columns for one header, or says that they must be converted by row."""

    def __init__(self, stream: DestinationStream, columns: Sequence[str], dialect: CsvDialect) -> None:
        self._by_row = RowConverter(columns, dialect)
        self._separator = dialect.decimal_separator.encode()
        self._are_texts = tuple(name in stream.text_columns for name in columns)
        # A structure cannot have every name that a column may have; such a stream is converted by row.
        self._can = not any(_NOT_A_FIELD.search(name) for name in columns)
        self._columns_of_row = tuple(columns) if self._can else ()
        self._stream = stream
        # Mutable state: the names that are let pass unseen, and the decoders made from them.
        self._ignored = [name for name in _KNOWN_AIRBYTE_COLUMNS if name not in columns]
        self._make_decoders()

    def from_lines(self, block: bytes) -> list[Column] | None:
        """The columns of a block in which every line is a record of the stream; None for any other."""
        return self._converted(lambda: list(map(_DATA, self._lines.decode_lines(block))))

    def from_records(self, records: Sequence[msgspec.Raw]) -> list[Column] | None:
        """The columns of the records, in the order of the header; None where they must be converted by row."""

        def decoded() -> list[msgspec.Struct]:
            rows = self._rows.decode_lines(b"\n".join(records))
            return rows if len(rows) == len(records) else []

        return self._converted(decoded)

    def _converted(self, decode: Callable[[], list[msgspec.Struct]]) -> list[Column] | None:
        while self._can:
            try:
                return self._columns(decode())
            except msgspec.ValidationError as error:
                if not self._learned(error):
                    return None
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, NumberTooLong):
                return None
        return None

    def _learned(self, error: msgspec.ValidationError) -> bool:
        """Whether to decode the block again, because what did not fit is a name of Airbyte's that is ignored now."""
        found = _NEW_AIRBYTE_COLUMN.match(str(error))
        if found is None or len(self._ignored) >= _MOST_IGNORED:
            return False
        self._ignored.append(found[1])
        self._make_decoders()
        return True

    def _make_decoders(self) -> None:
        row = _row_structure(self._columns_of_row, self._stream.text_columns, self._ignored)
        self._rows = msgspec.json.Decoder(row)
        self._lines = msgspec.json.Decoder(_line_structure(self._stream, row))

    def _columns(self, rows: list[msgspec.Struct]) -> list[Column] | None:
        columns = zip(*map(msgspec.structs.astuple, rows), strict=True)
        made = [
            column if is_text else self._cells(column)
            for is_text, column in zip(self._are_texts, columns, strict=False)
        ]
        return made or None

    def _cells(self, column: tuple[msgspec.Raw, ...]) -> Column:
        """The cells for a column of JSON values."""
        words = b"\n".join(column)
        if not words.translate(None, _NUMBERS_AND_NULL):
            return words.replace(b"null", b"").replace(b".", self._separator).decode().split("\n")
        if not words.translate(None, _BOOLEANS_AND_NULL):
            return words.replace(b"null", b"").upper().decode().split("\n")
        return [self._by_row.cell(bytes(value)) for value in column]


def _row_structure(
    columns: tuple[str, ...], text_columns: frozenset[str], ignored: Sequence[str]
) -> type[msgspec.Struct]:
    """A structure with a field for each column, in their order, and behind them what is let pass unseen."""
    fields: list[tuple[str, Any, Any]] = []
    for position, name in enumerate((*columns, *ignored)):
        if name in text_columns:
            fields.append((f"c{position}", str | None, msgspec.field(default=None, name=name)))
        else:
            fields.append((f"c{position}", msgspec.Raw, msgspec.field(default=ABSENT, name=name)))
    return msgspec.defstruct("Row", fields, forbid_unknown_fields=True, gc=False)


def _line_structure(stream: DestinationStream, row: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The structure of a RECORD message of the stream; any other message does not fit it."""
    namespace: tuple[str, Any, Any] = ("namespace", Literal[stream.namespace], msgspec.NODEFAULT)
    if stream.namespace is None:
        namespace = ("namespace", Literal[None, ""], None)
    name: Any = Literal[stream.name]
    record = msgspec.defstruct("Record", [("stream", name), ("data", row), namespace], gc=False)
    return msgspec.defstruct("Line", [("type", Literal["RECORD"]), ("record", record)], gc=False)
