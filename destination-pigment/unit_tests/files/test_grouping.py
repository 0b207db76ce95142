"""Of a scope in several files, the first has a row of every value, and no row is lost, doubled or changed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.config import FileLimits
from destination_pigment.files.grouping import lead_with_scope
from destination_pigment.files.segments import FileSegment
from destination_pigment.files.spool import Spool
from destination_pigment.input.catalog import DestinationStream, WriteMode
from pigment_airbyte.failures import ConfigProblem
from pigment_csv.dialect import CsvDialect
from pigment_csv.writer import CsvWriter

STREAM = DestinationStream(None, "ledger", WriteMode.REPLACE, ("Entry", "Month"))
DIALECT = CsvDialect()
LIMITS = FileLimits(10**6, 10**6, timedelta(minutes=10))

Row = tuple[str | None, ...]


def segment_of(spool: Spool, rows: list[Row], columns: tuple[str, ...] = STREAM.columns) -> FileSegment:
    if not rows:
        return FileSegment(rejected=1, is_open=False)
    file = spool.new_file(columns, DIALECT)
    file.write(CsvWriter(DIALECT).lines(rows))
    file.finish()
    return FileSegment(file, rows=len(rows), is_open=False)


def rows_of(segment: FileSegment) -> list[Row]:
    return [] if segment.file is None else [tuple(row) for rows in segment.file.read_rows() for row in rows]


ROWS = st.tuples(st.sampled_from(["E1", 'two\r\n"lines"', None]), st.sampled_from(["Jan", "Feb", 'M"ar\r\n', "Apr"]))


@given(st.lists(st.lists(ROWS, max_size=12), min_size=1, max_size=4))
def test_the_first_file_has_a_row_of_every_value(written: list[list[Any]]) -> None:
    with Spool() as spool:
        segments = [segment_of(spool, rows) for rows in written]
        grouped, values = lead_with_scope(STREAM, "Month", segments, spool, LIMITS)

        found = [rows_of(each) for each in grouped]
        assert Counter(row for rows in found for row in rows) == Counter(row for rows in written for row in rows)
        assert [each.rows for each in grouped] == list(map(len, found))
        assert sum(each.records for each in grouped) == sum(len(rows) or 1 for rows in written)
        first = next((rows for rows in found if rows), [])
        assert {row[1] for row in first} == values.keys() == {row[1] for rows in written for row in rows}


def test_files_whose_first_has_every_value_stay_as_they_are() -> None:
    with Spool() as spool:
        segments = [segment_of(spool, [("E1", "Jan"), ("E2", "Feb")]), segment_of(spool, [("E3", "Jan")])]
        assert lead_with_scope(STREAM, "Month", segments, spool, LIMITS)[0] == segments


def test_a_blank_in_the_scope_stops_the_sync_also_with_one_file() -> None:
    with Spool() as spool, pytest.raises(ConfigProblem, match='2 rows of the stream "ledger" have a blank'):
        lead_with_scope(
            STREAM, "Month", [segment_of(spool, [("E1", None), ("E2", "Jan"), ("E3", None)])], spool, LIMITS
        )


def test_a_missing_scope_stops_the_sync() -> None:
    with Spool() as spool, pytest.raises(ConfigProblem, match='has no column "Month"'):
        lead_with_scope(STREAM, "Month", [segment_of(spool, [("E1",)], ("Entry",))], spool, LIMITS)


def test_a_row_of_every_value_must_fit_into_one_file() -> None:
    limits = FileLimits(10**6, 1, timedelta(minutes=10))
    with Spool() as spool:
        segments = [segment_of(spool, [("E1", "Jan")]), segment_of(spool, [("E2", "Feb")])]
        with pytest.raises(ConfigProblem, match="2 different values"):
            lead_with_scope(STREAM, "Month", segments, spool, limits)
