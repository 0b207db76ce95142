"""The date columns of a stream, written as the import configuration expects them.

It works on cells, after either conversion of records, so that both give the same. Written values are kept, so that one
that repeats is written once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from destination_pigment.files.rows import Column
from destination_pigment.input.catalog import DateKind, DestinationStream
from pigment_client.wording import counted
from pigment_csv.date_pattern import DatePattern
from pigment_csv.dates import DateWriter, NoDate

logger = logging.getLogger("airbyte.pigment.destination")

_LONGEST_SAMPLE = 40

# What all columns keep together, about 5 MB: of moments, nearly every row may have a different one.
_MOST_VALUES = 20_000


class DateColumns:
    """Writes the date columns of a stream."""

    def __init__(self, stream: DestinationStream, pattern: DatePattern) -> None:
        writer = DateWriter(pattern)
        writes = {DateKind.DAY: writer.write_day, DateKind.MOMENT: writer.write_moment}
        self._subject = stream.subject
        self._written = {name: _Written(writes[kind]) for name, kind in stream.date_columns.items()}

    def write(self, header: Sequence[str], columns: Sequence[Column]) -> tuple[list[Column], dict[int, str]]:
        """The columns with all dates written, and the reason for each row, by position, that has none."""
        found = list(columns)
        rejected: dict[int, str] = {}
        for position, name in enumerate(header):
            if name in self._written:
                found[position], no_dates = self._written[name].column(columns[position])
                for row, why in no_dates.items():
                    rejected.setdefault(row, f'the column "{name}" contains {why.value}')
        # The column with the most values is the one in which they repeat least.
        while sum(map(len, self._written.values())) > _MOST_VALUES:
            max(self._written.values(), key=len).clear()
        return found, rejected

    def log_unwritable(self) -> None:
        """Log how many values were no dates, and what one of them looks like."""
        for name, written in self._written.items():
            if written.rejected:
                logger.warning(
                    'The column "%s" of the %s contains %s that cannot be written as dates, such as "%s" (9 stands for '
                    "any digit, x for any letter): a date is expected as 2026-04-30, a moment as 2026-04-30T13:45:00Z.",
                    name,
                    self._subject,
                    counted(written.rejected, "value"),
                    written.sample,
                )


class _Written(dict[str | None, str | NoDate | None]):
    """The cells for the values of a column; a value that is not there yet is written when it is looked up."""

    def __init__(self, write: Callable[[str], str | NoDate]) -> None:
        super().__init__()
        self._write = write
        # Mutable state in addition to the values: how many were rejected, and the masked form of the first.
        self.rejected = 0
        self.sample: str | None = None

    def __missing__(self, value: str | None) -> str | NoDate | None:
        cell = self._write(value) if value and not value.isspace() else None
        if isinstance(cell, NoDate) and self.sample is None:
            self.sample = masked(value or "")
        self[value] = cell
        return cell

    def column(self, cells: Column) -> tuple[Column, Mapping[int, NoDate]]:
        """The cells as dates, and why some are not, by position."""
        written = list(map(self.__getitem__, cells))
        if self.sample is None:
            # No value was ever rejected, so no cell needs checking.
            return cast("list[str | None]", written), {}
        no_dates = {position: cell for position, cell in enumerate(written) if isinstance(cell, NoDate)}
        self.rejected += len(no_dates)
        return [None if isinstance(cell, NoDate) else cell for cell in written], no_dates


def masked(value: str) -> str:
    """The shape of a value, without its content."""
    shape = "".join("9" if sign.isdigit() else "x" if sign.isalpha() else sign for sign in value[: _LONGEST_SAMPLE + 1])
    return shape if len(shape) <= _LONGEST_SAMPLE else f"{shape[:_LONGEST_SAMPLE]}…"
