"""Two columns are added to each row of each file, and nothing else of the row changes."""

from __future__ import annotations

import csv
import ctypes
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.config import FileLimits
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.spool import Spool
from destination_pigment.files.stamps import JOB_ID, Stamps
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.importer import describe_sent
from destination_pigment.input.catalog import LOADED_AT, SYNC_ID, DateKind, DestinationStream, WriteMode
from pigment_airbyte.failures import ConfigProblem
from pigment_csv.date_pattern import parse_date_pattern
from pigment_csv.dialect import CsvDialect
from pigment_native.library import LIBRARY

STREAM = DestinationStream(None, "s", WriteMode.APPEND, ("Entry", "posted"), date_columns={"posted": DateKind.DAY})
STAMPS = Stamps("2026-11-30T08:48:11Z", "42")
DIALECT = CsvDialect(",", dates=parse_date_pattern("dd/MM/yyyy"))
LIMITS = FileLimits(200, 7, timedelta(minutes=10))

RECORDS = st.lists(
    st.fixed_dictionaries(
        {"Entry": st.one_of(st.none(), st.sampled_from(["a", 'b"\r\n;,', "", "é"]))},
        optional={"posted": st.just("2026-04-30"), "later": st.just("x"), "Also": st.just("y")},
    ),
    min_size=1,
    max_size=60,
)


def written(
    records: Sequence[dict[str, str | None]],
    stream: DestinationStream = STREAM,
    library: ctypes.CDLL | None = None,
    stamps: Stamps | None = STAMPS,
) -> list[dict[str, str]]:
    """The rows of all files, as the standard library reads them."""
    rows: list[dict[str, str]] = []
    with Spool() as spool:
        files = StreamFiles(RecordConverter(stream, (), DIALECT, library, stamps), spool, LIMITS)
        files.write_records([msgspec.Raw(json.dumps(each).encode()) for each in records])
        for segment in files.pop_all():
            if segment.file is not None:
                text = segment.file.path.read_bytes().decode()
                rows += csv.DictReader(io.StringIO(text, newline=""))
    return rows


@pytest.mark.parametrize("library", [None, LIBRARY], ids=["python", "library"])
@pytest.mark.parametrize("key", [(), ("Entry",)], ids=["all", "deduplicated"])
@given(records=RECORDS)
def test_stamped_rows_are_the_rows_of_a_sync_without_stamps_and_two_columns(
    library: ctypes.CDLL | None, key: tuple[str, ...], records: list[dict[str, str | None]]
) -> None:
    stream = replace(STREAM, mode=WriteMode.APPEND_DEDUP if key else WriteMode.APPEND, primary_key=key)
    without = written(records, stream, library, stamps=None)

    stamped = written(records, stream, library)

    assert stamped == [{**each, LOADED_AT: STAMPS.loaded_at, SYNC_ID: "42"} for each in without]


def test_the_columns_are_where_they_belong_by_name() -> None:
    (row,) = written([{"Entry": "a", "posted": None, "Later": "new"}])

    assert list(row) == ["Entry", LOADED_AT, SYNC_ID, "posted", "Later"]


@pytest.mark.parametrize("name", [LOADED_AT, SYNC_ID])
def test_a_column_of_the_same_name_is_an_error_in_the_schema_and_in_a_record(name: str) -> None:
    stream = replace(STREAM, columns=tuple(sorted([*STREAM.columns, name])))
    for of_schema, data in ((stream, {"Entry": "a"}), (STREAM, {"Entry": "a", name: "mine"})):
        with pytest.raises(ConfigProblem, match=f'has a column "{name}", which "Stamp columns" adds'):
            written([data], of_schema)


def test_the_moment_is_in_utc_and_the_job_is_that_of_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(JOB_ID, raising=False)
    now = datetime(2026, 4, 30, 23, 0, tzinfo=timezone(timedelta(hours=-2)))
    streams = [STREAM, replace(STREAM, sync_id=7)]

    assert Stamps.of_sync(streams, now) == Stamps("2026-05-01T01:00:00Z", "7")
    monkeypatch.setenv(JOB_ID, "42")
    assert Stamps.of_sync(streams, now).sync_id == "42"


def test_a_number_that_every_sync_has_is_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyAirbyte sends 1 in each sync, so the rows of all loads would look like one."""
    monkeypatch.delenv(JOB_ID, raising=False)

    assert Stamps.of_sync([replace(STREAM, sync_id=1), STREAM], datetime.now(UTC)).sync_id is None


def test_a_report_is_judged_by_the_cells_of_the_stream() -> None:
    """A blank stamp is no blank of the file, which could explain deleted cells of a metric."""
    stamps = replace(STAMPS, sync_id=None)
    with Spool() as spool:
        files = StreamFiles(RecordConverter(STREAM, (), DIALECT, stamps=stamps), spool, LIMITS)
        files.write_records([msgspec.Raw(b'{"Entry":"a","posted":null}'), msgspec.Raw(b'{"Entry":"b"}')])
        (segment,) = files.pop_all()
        assert segment.file is not None

        sent = describe_sent(STREAM, segment.file, segment.rows, files.converter.header)

        assert (sent.cells, sent.columns, sent.count_blanks()) == (4, STREAM.columns, 2)
