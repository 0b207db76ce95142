"""Every record that does not become a row is kept once, with its reason and content, for the job that counts it."""

from __future__ import annotations

import ctypes
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.config import FileLimits, OnUnknown
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.dimension_checks import CheckedColumn
from destination_pigment.files.rejected import RejectionsOnDisk
from destination_pigment.files.rows import Rejection, Rows
from destination_pigment.files.segments import FileSegment
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.rejected_rows.csv_table import KeptRow
from pigment_csv.dialect import CsvDialect
from pigment_native.library import LIBRARY

NOW = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
STREAM = DestinationStream(None, "s", WriteMode.APPEND, ("a", "n"))
DIALECT = CsvDialect()


def on_disk(spool: Spool) -> RejectionsOnDisk:
    return RejectionsOnDisk(spool, lambda: NOW)


def rows_on_disk(segment: FileSegment) -> list[KeptRow]:
    return list(segment.rejected_rows.rows()) if segment.rejected_rows is not None else []


STEPS = st.lists(st.sampled_from(["row", "row", "rejected", "wider", "mark", "full", "marked"]), max_size=40)


class Stream:
    """A stream whose records come and go, and how many of them were rejected and confirmed."""

    def __init__(self, spool: Spool, rows: int) -> None:
        limits = FileLimits(10**6, rows, timedelta(minutes=10))
        self.files = StreamFiles(RecordConverter(STREAM, (), DIALECT), spool, limits, on_disk(spool))
        self.popped: list[FileSegment] = []
        self.rejected = self.confirmed = 0

    def step(self, step: str) -> None:
        match step:
            case "row":
                self.files.write_records([msgspec.Raw(b'{"a":"x","n":1}')])
            case "wider":
                self.files.write_records([msgspec.Raw(b'{"b":1}')])
            case "rejected":
                self.files.write_records([msgspec.Raw(str(self.rejected).encode())])
                self.rejected += 1
            case "mark":
                self.files.raise_watermark()
                self.confirmed = self.rejected
            case "full":
                self.pop(self.files.pop_full())
            case "marked":
                self.pop(self.files.pop_confirmed())

    def pop(self, segments: list[FileSegment]) -> None:
        self.popped += segments
        if segments:
            assert sum(len(rows_on_disk(segment)) for segment in self.popped) == self.confirmed


@given(STEPS, st.integers(1, 4), st.booleans())
def test_rejected_rows_go_with_the_first_file_that_their_state_waits_for_each_once_and_in_order(
    steps: list[str], rows: int, takes_all: bool
) -> None:
    with Spool() as spool:
        stream = Stream(spool, rows)
        for step in steps:
            stream.step(step)
        if takes_all:
            stream.confirmed = stream.rejected
            stream.pop(stream.files.pop_all())

        rows_found = [rows_on_disk(segment) for segment in stream.popped]
        for number in range(1, len(rows_found) + 1):
            counted = sum(segment.rejected for segment in stream.popped[:number])
            assert sum(map(len, rows_found[:number])) >= counted
        assert [row.cells[0] for some in rows_found for row in some] == [
            str(number) for number in range(sum(map(len, rows_found)))
        ]


def test_rows_are_kept_with_their_reason_and_time_and_nulls_apart_from_empty_texts() -> None:
    with Spool() as spool:
        kept = on_disk(spool)
        columns = [["x", "", None], ["1", "", "2"]]
        kept.keep(Rejection("why", Rows(("a", "n"), columns)))
        kept.keep(Rejection("no object", b"[1]"))
        back = kept.read_back(4)
        assert back is not None

        assert list(back.rows()) == [
            KeptRow("why", None, NOW, ("a", "n"), ("x", "1")),
            KeptRow("why", None, NOW, ("a", "n"), ("", "")),
            KeptRow("why", None, NOW, ("a", "n"), (None, "2")),
            KeptRow("no object", None, NOW, ("_airbyte_data",), ("[1]",)),
        ]


def test_files_are_private_and_only_where_something_was_rejected() -> None:
    with Spool() as spool:
        kept = on_disk(spool)
        assert kept.read_back(0) is None
        kept.keep(Rejection("no object", b"[1]"))
        back = kept.read_back(1)
        assert back is not None
        path: Path = back.path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


class Kept:
    """The files of a stream whose check skips unknown items, and its rejections."""

    def __init__(self, spool: Spool, library: ctypes.CDLL | None) -> None:
        self.rejections: list[Rejection] = []
        check = CheckedColumn(STREAM, "a", frozenset({"x"}), OnUnknown.SKIP)
        limits = FileLimits(10**6, 10**6, timedelta(minutes=10))
        self.files = StreamFiles(RecordConverter(STREAM, [check], CsvDialect(), library), spool, limits, self)

    def keep(self, rejection: Rejection) -> None:
        self.rejections.append(rejection)

    def read_back(self, _count: int) -> None:
        """Nothing is written anywhere."""

    def rows(self) -> list[tuple[str, dict[str, str | None]]]:
        """The rejected rows by name."""
        return [
            (each.reason, dict(zip(each.rejected.header, cells, strict=True)))
            for each in self.rejections
            if isinstance(each.rejected, Rows)
            for cells in zip(*each.rejected.columns, strict=True)
        ]


@pytest.fixture(params=[LIBRARY, None], ids=["in bulk", "by row"])
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    with Spool() as spool:
        yield Kept(spool, request.param)


def raw(*records: str) -> list[msgspec.Raw]:
    return [msgspec.Raw(each.encode()) for each in records]


def test_rows_with_an_unknown_item_are_kept_as_they_came(kept: Kept) -> None:
    kept.files.write_records(
        raw('{"a":"x","n":1}', '{"a":"y","n":2}', '{"a":null,"n":3}', '{"a":"z"}', '{"a":"é","n":""}')
    )

    assert kept.rows() == [
        ('the column "a" contains an unknown item of its dimension', {"a": "y", "n": "2"}),
        ('the column "a" contains an unknown item of its dimension', {"a": "z", "n": None}),
        ('the column "a" contains an unknown item of its dimension', {"a": "é", "n": ""}),
    ]
    assert [(each.rows, each.rejected) for each in kept.files.pop_all()] == [(2, 3)]


@pytest.mark.parametrize("record", ["7", '[{"a":"x"}]', '{"n":1e999999}', "null", '"x"'])
def test_a_record_that_is_no_row_is_kept_as_the_bytes_that_came(kept: Kept, record: str) -> None:
    kept.files.write_records(raw('{"a":"x","n":1}', record))

    assert [each.rejected for each in kept.rejections] == [record.encode()]
    assert [(each.rows, each.rejected) for each in kept.files.pop_all()] == [(1, 1)]


def test_a_row_that_cannot_be_written_is_kept_alone(kept: Kept) -> None:
    kept.files.write_columns([("x", "x", None), ("1", "\ud83d", "3")])

    assert kept.rows() == [("a text that is not valid Unicode", {"a": "x", "n": "\ud83d"})]
    assert [(each.rows, each.rejected) for each in kept.files.pop_all()] == [(2, 1)]


def test_what_is_rejected_is_counted_as_often_as_it_is_kept(kept: Kept) -> None:
    kept.files.write_records(raw(*(json.dumps({"a": "xy"[number % 2], "n": number}) for number in range(10)), "7"))
    kept.files.reject(Rejection("no JSON", b"{"))

    (cut,) = kept.files.pop_all()
    assert sum(each.count for each in kept.rejections) == cut.rejected == 7
