"""Rejected rows as a table that people open: the reason first, then the row, column by column. Pure.

`rejected_reason` and `rejected_field` are the names that Airbyte's own destinations use (airbyte:
destination-customer-io); they put the row as JSON into one cell, here each of its values has a column. Values are the
texts that were sent or came: digits are kept. Null is an empty cell, an empty text is `""`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from destination_pigment.input.catalog import StreamKey
from pigment_client.models import RejectedRow, SkippedData

_WHOLE = "_airbyte_data"
_OBJECTS = msgspec.json.Decoder(dict[str, msgspec.Raw])

Values = tuple[tuple[str, ...], tuple[str | None, ...]]


class _Digits(str):
    """A number, or a word such as NaN, as it was written."""

    __slots__ = ()


def values_of(record: bytes) -> Values:
    """The names and values of a record; `record` is its data, or the whole line where its data cannot be read."""
    try:
        values = _OBJECTS.decode(record)
        return tuple(values), tuple(_text(bytes(value)) for value in values.values())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _leniently(record)


def _text(value: bytes) -> str | None:
    if value == b"null":
        return None
    return msgspec.json.decode(value, type=str) if value[:1] == b'"' else value.decode()


def _leniently(record: bytes) -> Values:
    """As Python's own decoder reads it, which accepts NaN and half a surrogate pair; nested values only as a whole."""
    whole = record.decode(errors="backslashreplace")
    try:
        found: Any = json.loads(whole, parse_float=_Digits, parse_int=_Digits, parse_constant=_Digits)
        if isinstance(found, dict) and found.get("type") == "RECORD":
            found = found["record"]["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        found = None
    if not isinstance(found, dict) or any(isinstance(value, dict | list) for value in found.values()):
        return (_WHOLE,), (whole,)
    return tuple(found), tuple(_lenient_text(value) for value in found.values())


def _lenient_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    return json.dumps(value)


Cell = str | None

_FIXED = ("rejected_reason", "rejected_field", "rejected_at", "stream", "namespace")
_COUNTED = ("rejected_reason", "rejected_field", "rejected_times", "samples", "rejected_at", "stream", "namespace")

_LINE_END = "\r\n"

# What RFC 4180 names, and everything that ends a line for readers that split as Unicode does, such as Python's.
_NEEDS_QUOTES = re.compile(r'[,"\r\n\v\f\x1c-\x1e\x85\u2028\u2029]')


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A rejected row: why, in which column if that is known, when, and its cells by name."""

    reason: str
    field: str | None
    at: datetime
    names: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def size(self) -> int:
        """About how many characters it contains."""
        return len(self.reason) + sum(len(each or "") + 1 for each in self.cells)


def to_line(row: KeptRow) -> bytes:
    """The row as one line of ASCII, for the disk."""
    return json.dumps([row.reason, row.field, row.at.timestamp(), row.names, row.cells]).encode() + b"\n"


def from_line(line: bytes) -> KeptRow:
    """The row that `to_line` wrote."""
    reason, field, at, names, cells = json.loads(line)
    return KeptRow(reason, field, datetime.fromtimestamp(at, UTC), tuple(names), tuple(cells))


def table_of(rows: Sequence[KeptRow], stream: StreamKey) -> bytes:
    """A file of rows of one stream; its columns are those of all rows, in the order in which they first appear."""
    namespace, name = stream
    names = list(dict.fromkeys(each for row in rows for each in row.names))
    lines = [_line([*_FIXED, *_free(names)])]
    for row in rows:
        cells = dict(zip(row.names, row.cells, strict=True))
        lines.append(
            _line([row.reason, row.field, utc_text(row.at), name, namespace, *(cells.get(each) for each in names)])
        )
    return _encoded(lines)


def counts_of(skipped: Iterable[SkippedData], stream: StreamKey, at: datetime) -> bytes:
    """A file of rejections that do not name their rows: how often, why, and samples."""
    namespace, name = stream
    lines = [_line(_COUNTED)]
    for each in skipped:
        samples = json.dumps(each.samples, ensure_ascii=False) if each.samples else None
        lines.append(_line([each.reason, each.column, str(each.count), samples, utc_text(at), name, namespace]))
    return _encoded(lines)


def utc_text(at: datetime) -> str:
    """A time in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _free(names: Sequence[str]) -> list[str]:
    """The names of the columns; one that would be there twice gets a number as a suffix."""
    taken = {*_FIXED, *names}
    free: list[str] = []
    for name in names:
        given, number = name, 2
        while name in _FIXED and given in taken:
            given, number = f"{name}_{number}", number + 1
        taken.add(given)
        free.append(given)
    return free


def _line(cells: Sequence[Cell]) -> str:
    return ",".join(map(_cell, cells)) + _LINE_END


def _cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if cell == "" or _NEEDS_QUOTES.search(cell):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _encoded(lines: Sequence[str]) -> bytes:
    # Half of a surrogate pair, which UTF-8 cannot encode, is written as its escape.
    return "".join(lines).encode(errors="backslashreplace")


NO_REASON = "rejected by Pigment"

# The data rows of a file, some at a time.
ReadRows = Callable[[], Iterable[list[list[str | None]]]]


def rows_by_number(numbered: Iterable[RejectedRow]) -> dict[int, list[RejectedRow]]:
    """The rejections that the response names, by the number of their row."""
    found: dict[int, list[RejectedRow]] = {}
    for each in numbered:
        found.setdefault(each.row, []).append(each)
    return found


def are_quoted_right(columns: tuple[str, ...], read_rows: ReadRows, numbered: Sequence[RejectedRow]) -> bool:
    """Whether every number is that of a row that contains the value that the response quotes, if it quotes one."""
    left = rows_by_number(numbered)
    for number, row in _rows(read_rows):
        cells = dict(zip(columns, row, strict=False))
        for each in left.pop(number, ()):
            if each.value is not None and (cells.get(each.column or "", each.value) or "") != each.value:
                return False
    return not left


def named_rows(
    columns: tuple[str, ...], read_rows: ReadRows, numbered: dict[int, list[RejectedRow]], at: datetime
) -> Iterator[KeptRow]:
    """The rows of a file that the response names, with the reasons that it gives."""
    for number, row in _rows(read_rows):
        if errors := numbered.get(number):
            reasons = dict.fromkeys(each.code or NO_REASON for each in errors)
            fields = dict.fromkeys(each.column for each in errors if each.column)
            yield KeptRow("; ".join(reasons), "; ".join(fields) or None, at, columns, tuple(row))


def _rows(read_rows: ReadRows) -> Iterator[tuple[int, list[str | None]]]:
    """The data rows and their numbers, from 1."""
    return enumerate((row for some in read_rows() for row in some), start=1)
