"""What a record is: its RECORD line, and `RowConverter`, which converts one row at a time. Pure.

`RowConverter` is the oracle of `BulkConverter`, and the way without the library in C.

A number keeps its digits, a blank is null, and a value that does not fit its column's type is counted and sent as the
text that it is. Nothing passes through a float.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, Protocol

import orjson
from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer

from pigment_client.json_objects import Fields, object_text
from pigment_csv.reader import Row, parse_rows, require_width
from pigment_csv.totals import Totals
from pigment_csv.values import BOOLEANS, is_iso_date, is_json_number
from source_pigment.config import DIALECT, LONGEST_LINE_BYTES
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import CONTENT_HASH, RECORD_ID, ColumnType

# How many keys of a stream are compared. Eight bytes each: more would not fit into the memory that a sync may use.
MOST_KEYS = 2_000_000

# A content hash and the names of both values of metadata.
_METADATA_BYTES = 120

# U+0085, U+2028 and U+2029 end a line for Python's `splitlines` and for others.
LINE_ENDS = tuple((sign.encode(), f"\\u{ord(sign):04x}".encode()) for sign in "\u0085\u2028\u2029")


class RecordTooLong(Exception):
    """A record is longer than the platform accepts."""


@dataclass(frozen=True, slots=True)
class RecordLayout:
    """What the records of a stream contain: its columns in the order of the export, and the metadata to add.

    A column whose name is None is not sent. `id_position` is the column whose text is the record's id; None adds no
    metadata. `key_positions` are the columns of the primary key that the catalog claims (empty: none). `new_columns`
    are those that the configured schema lacks. `has_totals`: numbers are summed.
    """

    stream: StreamName
    names: tuple[str | None, ...]
    types: tuple[ColumnType, ...]
    id_position: int | None = None
    key_positions: tuple[int, ...] = ()
    new_columns: tuple[str, ...] = ()
    has_totals: bool = False

    @property
    def summed(self) -> dict[str, int]:
        """The positions of the columns of numbers that are sent, by name."""
        columns = enumerate(zip(self.names, self.types, strict=True))
        return {name: at for at, (name, type_) in columns if name is not None and type_ is ColumnType.NUMBER}

    def opening(self, emitted_at: int) -> str:
        return record_opening(self.stream, emitted_at) + "{"

    def labels(self) -> list[str | None]:
        """What precedes each value: the column's name as JSON and a colon; None for a column that is not sent."""
        return [None if name is None else f"{_text(name)}:" for name in self.names]

    @property
    def blank_line_bytes(self) -> int:
        """About how long the line of a row of blanks is."""
        values = sum(len(label.encode()) + len("null,") for label in self.labels() if label is not None)
        return len(self.opening(0).encode()) + values + (_METADATA_BYTES if self.id_position is not None else 0)

    @property
    def metadata_labels(self) -> tuple[str, str]:
        return f'"{RECORD_ID}":', f'"{CONTENT_HASH}":'


def record_opening(stream: StreamName, emitted_at: int) -> str:
    """A RECORD line up to its data."""
    namespace = "" if stream.namespace is None else f',"namespace":{_text(stream.namespace)}'
    return f'{{"type":"RECORD","record":{{"stream":{_text(stream.name)}{namespace},"emitted_at":{emitted_at},"data":'


# What follows the last value of a line, and what follows its data.
CLOSING = "}}}\n"
_AFTER_DATA = CLOSING.removeprefix("}").encode()


@dataclass(slots=True)
class RecordBlock:
    """Finished RECORD lines of one stream.

    `misfits` counts, by column, the values that did not fit their type. `keys` are the records' primary keys, each as
    a 61-bit hash, and `blank_keys` is how many of them contain a blank. `totals` has the sums of numbers, if the user
    wants them.
    """

    stream: StreamName
    lines: bytes | bytearray
    count: int
    misfits: Counter[str] = field(default_factory=Counter)
    keys: array[int] = field(default_factory=lambda: array("Q"))
    blank_keys: int = 0
    totals: Totals | None = None

    def forget(self) -> None:
        """Free the lines, which are on their way: those through whose hands a block went keep it until the next."""
        self.lines = b""


class Converter(Protocol):
    """Turns blocks of whole CSV records into RECORD lines."""

    def convert(self, block: bytes, *, first_record: int) -> RecordBlock:
        """The records of a block whose first is numbered `first_record`; raises `CsvBroken` and `RecordTooLong`."""


class RowConverter:
    """Turns blocks of whole CSV records into RECORD lines with the standard library's reader."""

    def __init__(self, layout: RecordLayout, emitted_at: int) -> None:
        self._layout = layout
        self._opening = record_opening(layout.stream, emitted_at).encode()
        self._is_sent = [name is not None for name in layout.names]
        self._sent_names = [name for name in layout.names if name is not None]
        self._names_have_line_ends = has_line_ends("".join(self._sent_names).encode())
        # The columns whose values are not simply texts.
        self._typed = [
            (position, name, _VALUES[type_])
            for position, (name, type_) in enumerate(zip(layout.names, layout.types, strict=True))
            if name is not None and type_ in _VALUES
        ]

    def convert(self, block: bytes, *, first_record: int) -> RecordBlock:
        result = RecordBlock(self._layout.stream, b"", 0)
        lines: list[bytes] = []
        has_signs = self._names_have_line_ends or has_line_ends(block)
        rows = parse_rows(block, DIALECT, first_record=first_record, largest_bytes=LONGEST_LINE_BYTES)
        for row in rows:
            require_width(row, len(self._is_sent), first_record + len(lines), block)
            data = orjson.dumps(self._data(row, result.misfits))
            if has_signs:
                data = escape_line_ends(data)
            line = b"".join((self._opening, data, _AFTER_DATA))
            if len(line) >= LONGEST_LINE_BYTES:
                raise RecordTooLong
            lines.append(line)
            if self._layout.key_positions:
                key = [row[position] for position in self._layout.key_positions]
                result.keys.append(key_number(key))
                result.blank_keys += None in key
        result.lines, result.count = b"".join(lines), len(lines)
        return result

    def _data(self, row: Row, misfits: Counter[str]) -> dict[str, Any]:
        """The values of a row by the names of the columns that are sent."""
        values: list[Any] = row.copy()
        for position, name, value_of in self._typed:
            if (text := row[position]) is not None:
                if (value := value_of(text)) is None:
                    misfits[name] += 1
                else:
                    values[position] = value
        data = dict(zip(self._sent_names, compress(values, self._is_sent), strict=True))
        if self._layout.id_position is not None:
            data |= {RECORD_ID: row[self._layout.id_position], CONTENT_HASH: content_hash(row)}
        return data


def _number(text: str) -> orjson.Fragment | None:
    return orjson.Fragment(text) if is_json_number(text) else None


def _date(text: str) -> str | None:
    return text if is_iso_date(text) else None


# What a text that is not blank becomes in JSON, a number with its digits; None where it does not fit the type.
_VALUES: Mapping[ColumnType, Callable[[str], Any]] = {
    ColumnType.NUMBER: _number,
    ColumnType.BOOLEAN: BOOLEANS.get,
    ColumnType.DATE: _date,
}


def hashed_text(row: Sequence[str | None]) -> str:
    """What is hashed: every field, also a blank one, as its length in bytes, a colon, its text and a comma."""
    return "".join(f"{len(text.encode())}:{text}," for text in (cell or "" for cell in row))


def key_number(key: Sequence[str | None]) -> int:
    """A key as a number: its bytes after a 1, each text ended by a byte that UTF-8 lacks, modulo 2^61 - 1."""
    texts = b"".join((text or "").encode() + b"\xff" for text in key)
    return int.from_bytes(b"\x01" + texts) % ((1 << 61) - 1)


def content_hash(row: Sequence[str | None]) -> str:
    """The SHA-256 of a row's fields in the order of the export, in lower-case hexadecimal digits."""
    return hashlib.sha256(hashed_text(row).encode()).hexdigest()


def has_line_ends(content: bytes) -> bool:
    """Whether there are line ends that only Unicode defines, whose bytes are never a part of other characters."""
    return not content.isascii() and any(sign in content for sign, _ in LINE_ENDS)


def escape_line_ends(json: bytes) -> bytes:
    """JSON without the line ends that only Unicode defines: a reader that splits at them would cut a message in two.

    In JSON they occur only inside texts.
    """
    if has_line_ends(json):
        for sign, escape in LINE_ENDS:
            json = json.replace(sign, escape)
    return json


def _text(text: str) -> str:
    return escape_line_ends(orjson.dumps(text)).decode()


# About as large as the blocks of an export.
_MOST_BLOCK_BYTES = 1 << 20


class JsonRecords:
    """Records from named fields, without those that the configured schema leaves out."""

    def __init__(self, stream: StreamName, json_schema: Mapping[str, Any]) -> None:
        self._stream = stream
        properties = json_schema.get("properties")
        # A schema without properties does not say what was left out.
        self._wanted = frozenset(properties) if isinstance(properties, Mapping) and properties else None

    def data(self, fields: Fields) -> bytes:
        wanted = self._wanted
        chosen = fields if wanted is None else {name: each for name, each in fields.items() if name in wanted}
        return escape_line_ends(object_text(chosen))

    def blocks(self, data: Iterable[bytes], emitted_at: int) -> Iterator[RecordBlock]:
        """The records in blocks; raises `RecordTooLong`."""
        opening = record_opening(self._stream, emitted_at).encode()
        lines: list[bytes] = []
        size = 0
        for each in data:
            line = opening + each + _AFTER_DATA
            if len(line) >= LONGEST_LINE_BYTES:
                raise RecordTooLong
            lines.append(line)
            size += len(line)
            if size >= _MOST_BLOCK_BYTES:
                yield RecordBlock(self._stream, b"".join(lines), len(lines))
                lines, size = [], 0
        if lines:
            yield RecordBlock(self._stream, b"".join(lines), len(lines))


# Only these can be numbers that a float cannot represent, or integers of more than 64 bits.
_LONG_NUMBER = re.compile(rb"[0-9.]{19}|[0-9][eE]")
_LARGEST = 2**63


def single_records(block: RecordBlock) -> Iterator[AirbyteMessage]:
    """The records of a block as messages, with Python's numbers.

    A number with more digits than a float becomes the nearest float, because a record must fit its schema and be JSON
    for the CDK; one outside the range of floats (`1e400`) becomes the text of its digits.
    """
    for line in block.lines.split(b"\n"):
        if line:
            yield AirbyteMessageSerializer.load(_loaded(line))


def _loaded(line: bytes | bytearray) -> Any:
    if _LONG_NUMBER.search(line) is None:
        return orjson.loads(line)
    return json.loads(line, parse_float=_float_or_text, parse_int=_integer_or_float)


def _float_or_text(number: str) -> float | str:
    value = float(number)
    return value if math.isfinite(value) else number


def _integer_or_float(number: str) -> int | float | str:
    # The length first: Python does not convert a text of more than 4,300 digits.
    if len(number) < 20 and abs(int(number)) < _LARGEST:
        return int(number)
    return _float_or_text(number)
