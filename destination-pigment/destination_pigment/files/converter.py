"""The records of one stream to columns of cells: many at once where that can be done, row by row where it cannot.

Their order is kept. Without the C library, many records at once are converted in Python.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import msgspec

from destination_pigment.files.dates import DateColumns
from destination_pigment.files.dimension_checks import CheckedColumn
from destination_pigment.files.rows import (
    Column,
    ColumnConverter,
    NewColumns,
    NumberColumns,
    Rejection,
    RowConverter,
    Rows,
)
from destination_pigment.files.stamps import Stamps
from destination_pigment.input.catalog import DestinationStream, StreamKey
from pigment_csv.dialect import CsvDialect
from pigment_csv.reader import Row
from pigment_native.cells import CellReader, RecordInput
from pigment_native.library import LIBRARY

logger = logging.getLogger("airbyte.pigment.destination")


# Fewer records than these are converted by row in the time that one call of the library takes.
_WORTH_A_CALL = 16


class RecordConverter:
    """Converts the records of a stream; its header grows when a record has a key that the schema lacks.

    `file_header` is the header as files have it, with stamps. Raises `ConfigProblem` if they clash with other columns.
    """

    def __init__(
        self,
        stream: DestinationStream,
        checks: Sequence[CheckedColumn],
        dialect: CsvDialect,
        library: ctypes.CDLL | None = LIBRARY,
        stamps: Stamps | None = None,
    ) -> None:
        self._library = library
        self.stream = stream
        self.checks = tuple(checks)
        self.dialect = dialect
        self._stamps = stamps
        self._dates = _date_columns(stream, dialect)
        self._numbers = NumberColumns(stream.number_columns, dialect)
        self._set_header(stream.columns)

    def parse_lines(self, lines: RecordInput) -> Sequence[Column] | None:
        """The columns of the next lines that are plain records of this stream; None if the next line is not one."""
        reader = self._reader(self.stream.key)
        columns = None if reader is None else reader.read_cells(lines)
        return columns and self._numbers.written(Rows(self.header, columns)).columns

    def checked(self, sent: Rows) -> tuple[Rows, list[Rejection]]:
        """The rows with their dates written; and those rejected for a date or an unknown item, as they were sent."""
        written, no_dates = sent, dict[int, str]()
        if self._dates is not None:
            columns, no_dates = self._dates.write(sent.header, sent.columns)
            written = Rows(sent.header, columns, sent.places)
        written, sent, without_date = _without(no_dates, written, sent)
        unknown = {
            position: f'the column "{check.column}" contains an unknown item of its dimension'
            for check in self.checks
            for position in check.rows_to_skip(written.columns[sent.header.index(check.column)])
        }
        written, _, with_unknown_item = _without(unknown, written, sent)
        return written, [*without_date, *with_unknown_item]

    def convert(self, records: Sequence[msgspec.Raw]) -> Iterator[Rows | Rejection]:
        """The rows of the records as they were sent, and those that are no rows, in their order."""
        if self._library is None or len(records) == 1:  # a single record is not worth a call of the library
            yield from self._convert_in_python(records)
            return
        lines, begin = RecordInput(b"\n".join(records)), 0
        # If the library converts few records or none, the next ones go by row, twice as many each time: a batch full of
        # odd records then costs few calls.
        odd = len(records) if self._reader(None) is None else 1
        while begin < len(records):
            # The header, and with it the reader, may have grown.
            reader = self._reader(None)
            columns = None if reader is None else reader.read_cells(lines, self._row)
            if columns is not None:
                yield self._numbers.written(Rows(self.header, columns))
                count = len(columns[0])
                begin, odd = begin + count, 1 if count >= _WORTH_A_CALL else odd
                continue
            left = records[begin : begin + odd]
            lines.position += sum(memoryview(record).nbytes + 1 for record in left)
            yield from self._convert_in_python(left)
            begin, odd = begin + odd, 2 * odd

    def _row(self, record: bytes) -> Row | None:
        converted = self._by_row.convert(msgspec.Raw(record))
        return converted if isinstance(converted, list) else None

    def _convert_in_python(self, records: Sequence[msgspec.Raw]) -> Iterator[Rows | Rejection]:
        """Convert many at once; where one is odd, the halves, until few are left to go by row."""
        columns = self._by_column.convert(records) if len(records) >= _WORTH_A_CALL else None
        if columns is not None:
            yield self._numbers.written(Rows(self.header, columns))
        elif len(records) < _WORTH_A_CALL:
            yield from self._convert_by_row(records)
        else:
            middle = len(records) // 2
            yield from self._convert_in_python(records[:middle])
            yield from self._convert_in_python(records[middle:])

    def _convert_by_row(self, records: Sequence[msgspec.Raw]) -> Iterator[Rows | Rejection]:
        rows: list[Row] = []
        for record in records:
            converted = self._by_row.convert(record)
            if not isinstance(converted, list):
                # The rows before it have a narrower header, or count before what is rejected (see `intake`).
                yield from self._collected(rows)
                rows = []
            if isinstance(converted, NewColumns):
                self._widen(converted.names)
                converted = self._by_row.convert(record)
            if isinstance(converted, Rejection):
                yield converted
            elif isinstance(converted, list):
                rows.append(converted)
        yield from self._collected(rows)

    def _collected(self, rows: list[Row]) -> Iterator[Rows]:
        if rows:
            yield self._numbers.written(Rows(self.header, list(zip(*rows, strict=True))))

    def file_columns(self, rows: Rows) -> Sequence[Column]:
        """The columns of these rows as they are in a file with the header of now."""
        return rows.columns if self._stamps is None else self._stamps.columns(self.stream, rows)

    def log_findings(self) -> None:
        """Log what the dates and the checks found."""
        if self._dates is not None:
            self._dates.log_unwritable()
        for check in self.checks:
            check.log_unknown()

    def _widen(self, names: tuple[str, ...]) -> None:
        logger.warning(
            "The %s has columns that its schema lacks: %s. They are sent: refresh the schema of the connection, and "
            "make sure that the import configuration maps them.",
            self.stream.subject,
            ", ".join(f'"{name}"' for name in names),
        )
        self._set_header((*self.header, *sorted(names)))

    def _set_header(self, columns: Sequence[str]) -> None:
        self.header = tuple(columns)
        self.file_header = self.header if self._stamps is None else self._stamps.header(self.stream, self.header)
        self._by_row = RowConverter(columns, self.dialect)
        self._by_column = ColumnConverter(columns, self.dialect)
        # Built for the first records: of thousands of streams, most may have none.
        self._reader = cache(self._new_reader)

    def _new_reader(self, stream: StreamKey | None) -> CellReader | None:
        """What reads the RECORD messages of the stream, or without one, their data; None where that cannot be done."""
        if self._library is None or not self.header:
            return None
        try:
            return CellReader(self._library, self.header, self.dialect.decimal_separator, stream)
        except UnicodeEncodeError:
            return None


def _without(rejected: Mapping[int, str], written: Rows, sent: Rows) -> tuple[Rows, Rows, list[Rejection]]:
    """Both without the rejected rows, whose reasons are given by position; and these, as they were sent."""
    if not rejected:
        return written, sent, []
    reasons = [rejected.get(position) for position in range(written.count)]
    rejections = [
        Rejection(reason, sent.selected([each == reason for each in reasons]))
        for reason in sorted(set(rejected.values()))
    ]
    kept = [each is None for each in reasons]
    return written.selected(kept), sent.selected(kept), rejections


def _date_columns(stream: DestinationStream, dialect: CsvDialect) -> DateColumns | None:
    if dialect.dates is None:
        return None
    if not stream.date_columns:
        logger.info('The schema of the %s calls no column a date, so "Dates" changes nothing in it.', stream.subject)
        return None
    return DateColumns(stream, dialect.dates)
