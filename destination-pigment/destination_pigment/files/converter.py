"""The records of one stream to columns of cells: by column where they fit the schema, by row where they do not."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import compress

import msgspec

from destination_pigment.files.columns import Column, ColumnConverter
from destination_pigment.files.dimension_checks import CheckedColumn
from destination_pigment.files.rejections import Rejection, Rows
from destination_pigment.files.rows import Cells, NewColumns, Rejected, RowConverter
from destination_pigment.input.configured_streams import DestinationStream
from pigment_csv.dialect import CsvDialect

logger = logging.getLogger("airbyte.pigment.destination")


Converted = Rows | Rejection


class RecordConverter:
    """Converts what comes for a stream; its header grows where a record has a key that the schema lacks."""

    def __init__(self, stream: DestinationStream, checks: Sequence[CheckedColumn], dialect: CsvDialect) -> None:
        self._stream = stream
        self._checks = tuple(checks)
        self._dialect = dialect
        self._set_header(stream.columns)

    def from_lines(self, block: bytes) -> Sequence[Column] | None:
        """The columns of a block of lines, if all of them are records of this stream and nothing needs a look."""
        return self._by_column.from_lines(block)

    def checked(self, columns: Sequence[Column]) -> Iterator[Converted]:
        """Columns of this header, without the rows that a dimension check holds back."""
        count = len(columns[0])
        held_back = {
            position for check in self._checks for position in check.held_back(columns[self.header.index(check.column)])
        }
        if held_back:
            yield Rejection(
                "an unknown item of a dimension", self._rows(columns, [each in held_back for each in range(count)])
            )
            columns = self._rows(columns, [each not in held_back for each in range(count)]).columns
        if count > len(held_back):
            yield Rows(self.header, columns, count - len(held_back))

    def convert(self, records: Sequence[msgspec.Raw]) -> Iterator[Converted]:
        """What becomes of the records, in their order."""
        columns = self._by_column.from_records(records)
        if columns is not None:
            yield from self.checked(columns)
            return
        rows: list[Cells] = []
        for record in records:
            converted = self._by_row.convert(record)
            if isinstance(converted, NewColumns):
                yield from self._collected(rows)
                rows = []
                self._widen(converted.names)
                converted = self._by_row.convert(record)
            if isinstance(converted, Rejected):
                yield Rejection(converted.reason, bytes(record))
            elif isinstance(converted, list):
                rows.append(converted)
        yield from self._collected(rows)

    def summarize(self) -> None:
        """Say once what the checks found."""
        for check in self._checks:
            check.summarize()

    def _rows(self, columns: Sequence[Column], chosen: Sequence[bool]) -> Rows:
        """The chosen ones of the rows."""
        return Rows(self.header, [list(compress(column, chosen)) for column in columns], sum(chosen))

    def _collected(self, rows: list[Cells]) -> Iterator[Converted]:
        if rows:
            yield from self.checked(list(zip(*rows, strict=True)))

    def _widen(self, names: tuple[str, ...]) -> None:
        logger.warning(
            "The %s has columns that its schema lacks: %s. They are sent: refresh the schema of the connection, and "
            "see that the import configuration maps them.",
            self._stream.subject,
            ", ".join(f'"{name}"' for name in names),
        )
        self._set_header(sorted({*self.header, *names}))

    def _set_header(self, columns: Sequence[str]) -> None:
        self.header = tuple(columns)
        self._by_row = RowConverter(columns, self._dialect)
        self._by_column = ColumnConverter(self._stream, columns, self._dialect)
