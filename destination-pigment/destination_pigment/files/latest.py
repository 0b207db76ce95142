"""Which records of a deduplicated stream another one of the same key replaces.

A key that appears twice in a file may fail its import, so a file has one row of each key: of two records the one with
the greater cursor, and where the cursors are equal, missing or no values of their kind, the last to arrive. A record
that loses to an earlier one is never written. One that loses to a later one stays in its file if the file is cut
between the two: only `Segments` knows that, so it gets the number of the row that each record replaces.

Keys are the cells as they were sent, as a line of CSV, in which no two keys are the same.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate, compress
from sys import getsizeof

from destination_pigment.files.lines import split_rows
from destination_pigment.files.packed import KeyTable, PackedTexts
from destination_pigment.files.rows import Column, Rows
from destination_pigment.input.catalog import CursorKind, DestinationStream
from pigment_airbyte.failures import ConfigProblem
from pigment_csv.dialect import CsvDialect
from pigment_native.csv_lines import CsvLineWriter

# The row number of a record that is not in a file, because it says that its row was deleted.
NO_ROW = -1

# Of 150 MB, 5 are left for the holes that records leave between the keys, and for the records that are being added.
_MOST_BYTES = 145_000_000

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,6})?")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]+))?)?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)?)?"
)
_TRAILING_ZEROS = re.compile(r"(-?[0-9]+)([.,])([0-9]*?)0*")


class Latest:
    """The keys of a stream that have come, each with the row and the cursor of the record that counts.

    `blank` is the key of which all cells are blank.
    """

    def __init__(self, stream: DestinationStream, dialect: CsvDialect) -> None:
        self._stream = stream
        self._cursor = _Cursor(stream, dialect.decimal_separator)
        self._lines = CsvLineWriter(dialect)
        blanks = (None,) * len(stream.primary_key)
        self.blank = split_rows(self._lines.lines([[cell] for cell in blanks]))[0]
        dates = stream.date_columns if dialect.dates is not None else {}
        self._written_columns = [name for name in stream.primary_key if name in dates]
        self.forget()

    def forget(self) -> None:
        """Forget all keys."""
        # Mutable state: a number for each key, under which its row and its cursor are; and if dates change how keys are
        # written, a number for each written key, under which is the key as it was sent.
        self._keys = KeyTable()
        self._rows = array("q")
        self._cursors = PackedTexts()
        self._written = KeyTable()
        self._sent: list[bytes] = []

    @property
    def size_bytes(self) -> int:
        """The most memory that the keys take."""
        packed = self._keys.size_bytes + self._written.size_bytes + self._cursors.size_bytes
        return packed + getsizeof(self._rows) + getsizeof(self._sent)

    def keys(self, sent: Rows) -> list[bytes]:
        """The keys of rows as they were sent; of numbers, 1 and 1.0 are the same."""
        columns = [sent.columns[sent.header.index(name)] for name in self._stream.primary_key]
        numbers = self._stream.number_columns
        for place, name in enumerate(self._stream.primary_key):
            # Whole numbers, as most keys are, stay as they are.
            if name in numbers and _has_decimals(columns[place]):
                columns[place] = [_without_zeros(cell) for cell in columns[place]]
        return split_rows(self._lines.lines(columns))

    def cursors(self, sent: Rows) -> list[str] | None:
        """The cursors of the rows, blank where they are missing; None if the stream has none."""
        name = self._stream.cursor
        if name is None:
            return None
        if name not in sent.header:
            return [""] * sent.count
        return [cell or "" for cell in sent.columns[sent.header.index(name)]]

    def require_distinct(self, keys: Sequence[bytes], written: Rows) -> None:
        """Raise `ConfigProblem` if two of these keys, or of those before, are the same once their dates are written."""
        if not self._written_columns:
            return
        columns = [written.columns[written.header.index(name)] for name in self._stream.primary_key]
        lines, new = split_rows(self._lines.lines(columns)), dict[bytes, bytes]()
        for line, number, place in zip(lines, self._written.find(lines), written.places, strict=True):
            sent = new.setdefault(line, keys[place]) if number is None else self._sent[number]
            if sent != keys[place]:
                named = " and ".join(f'"{name}"' for name in self._written_columns)
                raise ConfigProblem(
                    f"Two different keys of the {self._stream.subject} become the same once the dates of the column "
                    f"{named} are written, so Pigment would take their rows for one; nothing of their file was sent: "
                    'choose "Dates" under "CSV format" that keep the time of day, or another primary key.'
                )
        self._written.add(list(new))
        self._sent += new.values()

    def admit(
        self, keys: Sequence[bytes], cursors: Sequence[str] | None, is_row: Sequence[bool] | None, first_row: int
    ) -> tuple[list[bool] | None, list[tuple[int, int]]]:
        """Take in records in the order in which they arrived.

        `is_row` says which become rows (None: all), and `first_row` is the number of the first row. Returns which
        records count (None: all); only those become rows. And for each earlier row that one of them replaces its number
        and that of the new row (`NO_ROW` if there is none).
        """
        if is_row is None and self._keys.are_new(keys) and len(set(keys)) == len(keys):
            self._add(keys, cursors, range(first_row, first_row + len(keys)))
            return None, []
        old = self._keys.find(keys)
        counts = self._decide(keys, cursors, old)
        are_rows = counts if is_row is None else [each and its for each, its in zip(counts, is_row, strict=True)]
        numbers = accumulate(are_rows, initial=first_row)
        rows = [number if each else NO_ROW for number, each in zip(numbers, are_rows, strict=False)]
        replaced: list[tuple[int, int]] = []
        for place, number in enumerate(old):
            if number is not None and counts[place]:
                if self._rows[number] != NO_ROW:
                    replaced.append((self._rows[number], rows[place]))
                self._rows[number] = rows[place]
                if cursors is not None:
                    self._cursors.replace(number, cursors[place])
        is_new = [each and number is None for each, number in zip(counts, old, strict=True)]
        new_cursors = None if cursors is None else list(compress(cursors, is_new))
        self._add(list(compress(keys, is_new)), new_cursors, compress(rows, is_new))
        return counts, replaced

    def _decide(self, keys: Sequence[bytes], cursors: Sequence[str] | None, old: Sequence[int | None]) -> list[bool]:
        """Which of the records count; `old` are the numbers of their keys where they are known."""
        counts = [True] * len(keys)
        winners: dict[bytes, int] = {}
        are_distinct = len(set(keys)) == len(keys)
        for place, number in enumerate(old):
            rival = None if are_distinct else winners.get(keys[place])
            if cursors is not None and (rival is not None or number is not None):
                before = cursors[rival] if rival is not None else self._cursors.text(number or 0)
                if self._cursor.is_before(cursors[place], before):
                    counts[place] = False
                    continue
            if rival is not None:
                counts[rival] = False
            if not are_distinct:
                winners[keys[place]] = place
        return counts

    def _add(self, keys: Sequence[bytes], cursors: Sequence[str] | None, rows: Iterable[int]) -> None:
        self._keys.add(keys)
        self._rows.extend(rows)
        if cursors is not None:
            self._cursors.extend(cursors)


class KeyMemory:
    """The memory that the keys of all streams may take together."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        # Mutable state: how to forget the keys of each stream, their size when last counted, and the sum of these.
        self._streams: dict[Latest, Callable[[], None]] = {}
        self._sizes: dict[Latest, int] = {}
        self._size_bytes = 0

    def share(self, latest: Latest, forget: Callable[[], None]) -> None:
        """Count the keys of a stream; `forget` frees what they take."""
        self._streams[latest] = forget
        self._count(latest)

    def free_some(self, grown: Latest) -> None:
        """If it is full, forget the keys of the stream that takes most: those of a small one would not help for long.

        `grown` is the only stream that has new keys since the last call, so only its size is counted again.
        """
        self._count(grown)
        if self._size_bytes > self._most_bytes:
            largest = max(self._sizes, key=self._sizes.__getitem__)
            self._streams[largest]()
            self._count(largest)

    def _count(self, latest: Latest) -> None:
        size = latest.size_bytes
        self._size_bytes += size - self._sizes.get(latest, 0)
        self._sizes[latest] = size


def _has_decimals(column: Column) -> bool:
    joined = "".join(filter(None, column))
    return "." in joined or "," in joined


def _without_zeros(cell: str | None) -> str | None:
    """A number without zeros at the end of its decimals."""
    if cell is None or cell[-1:] not in {"0", ".", ","} or not ("." in cell or "," in cell):
        return cell
    found = _TRAILING_ZEROS.fullmatch(cell)
    if found is None:
        return cell
    whole, point, decimals = found.groups()
    return f"{whole}{point}{decimals}" if decimals else whole


class _Cursor:
    """Compares the cursors of a stream."""

    def __init__(self, stream: DestinationStream, decimal_separator: str) -> None:
        self._kind = stream.cursor_kind
        self._decimal_separator = decimal_separator

    def is_before(self, one: str, other: str) -> bool:
        """Whether one cursor is less than another; no if that cannot be said."""
        if one == other or not one or not other:
            return False
        match self._kind:
            case CursorKind.TEXT:
                # As texts, 12:00:00Z would be greater than 12:00:00.5Z.
                instants = _instant(one), _instant(other)
                if instants[0] is not None and instants[1] is not None:
                    return instants[0] < instants[1]
                return one < other
            case CursorKind.NUMBER:
                numbers = self._number(one), self._number(other)
                return numbers[0] is not None and numbers[1] is not None and numbers[0] < numbers[1]
            case CursorKind.INSTANT:
                in_utc = _in_utc(one), _in_utc(other)
                if in_utc[0] is not None and in_utc[1] is not None:
                    return in_utc[0] < in_utc[1]
                instants = _instant(one), _instant(other)
                return instants[0] is not None and instants[1] is not None and instants[0] < instants[1]

    def _number(self, text: str) -> Decimal | None:
        number = text.replace(self._decimal_separator, ".")
        return Decimal(number) if _NUMBER.fullmatch(number) else None


def _in_utc(text: str) -> datetime | None:
    """A moment as most sources write it, in UTC and with at most six digits after the second; None for any other.

    It gives the order that `_instant` gives, in a fifth of the time.
    """
    if 20 <= len(text) <= 27 and text[10] == "T" and text[19] in ".Z" and text[-1] == "Z" and text.isascii():
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    return None


def _instant(text: str) -> tuple[int, str] | None:
    """The second of a moment in UTC, and the digits after it; None if it is no moment."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    day, hour, minute, second, fraction, sign, ahead_hours, ahead_minutes = found.groups()
    number = _day_number(day)
    if number is None:
        return None
    minutes = number * 1440
    if hour:
        minutes += int(hour) * 60 + int(minute)
    if sign:
        ahead = int(ahead_hours) * 60 + int(ahead_minutes or 0)
        minutes -= ahead if sign == "+" else -ahead
    return minutes * 60 + int(second or 0), (fraction or "").rstrip("0")


@lru_cache(10_000)
def _day_number(day: str) -> int | None:
    try:
        return date.fromisoformat(day).toordinal()
    except ValueError:
        return None
