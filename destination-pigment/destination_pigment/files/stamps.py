"""When a row was loaded, and by which sync: two columns that the connector adds to each row of each file.

They are added when rows become lines. Until then no step knows of them, so they are no part of keys, scopes, checks and
protected values, and dates in another form leave them as they are.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from destination_pigment.files.rows import Column, Rows
from destination_pigment.input.catalog import STAMP_COLUMNS, DestinationStream
from pigment_airbyte.failures import ConfigProblem
from pigment_native.cells import Repeated

# The number of the platform's job (airbyte-platform: WorkerEnvConstants), the same in every attempt.
JOB_ID = "WORKER_JOB_ID"

# PyAirbyte gives every sync this number, and a platform only its first job.
_NO_JOB = 1


@dataclass(frozen=True, slots=True)
class Stamps:
    """The values of a sync: one moment for all its files, and the platform's job, None where there is none."""

    loaded_at: str
    sync_id: str | None

    @classmethod
    def of_sync(cls, streams: Iterable[DestinationStream], now: datetime) -> Stamps:
        """The stamps of a sync that begins now."""
        return cls(now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), find_job(streams))

    def columns(self, stream: DestinationStream, rows: Rows) -> Sequence[Column]:
        """The columns of the rows, and both of these, as the header has them."""
        columns: list[Column] = list(rows.columns)
        for (_, place), cell in zip(_places(stream), (self.loaded_at, self.sync_id), strict=True):
            columns.insert(place, Repeated(cell, rows.count))
        return columns

    def header(self, stream: DestinationStream, header: Sequence[str]) -> tuple[str, ...]:
        """The header with both columns where they belong by name; raises `ConfigProblem` if one is there already.

        Columns that the schema lacks stay at the end, as the header grows there.
        """
        names = list(header)
        for name, place in _places(stream):
            if name in header:
                raise ConfigProblem(
                    f'The {stream.subject} has a column "{name}", which "Stamp columns" adds to each row: deselect or '
                    'rename the column in Airbyte, or switch off "Stamp columns".'
                )
            names.insert(place, name)
        return tuple(names)


def find_job(streams: Iterable[DestinationStream]) -> str | None:
    """The number of the platform's job, the same in every attempt; None where there is none."""
    catalog = (str(each.sync_id) for each in streams if each.sync_id not in {None, _NO_JOB})
    return os.environ.get(JOB_ID) or next(catalog, None)


def _places(stream: DestinationStream) -> list[tuple[str, int]]:
    """Where each column goes if they are inserted one after the other: the columns of a schema are sorted."""
    return [(name, bisect_left(stream.columns, name) + before) for before, name in enumerate(STAMP_COLUMNS)]
