"""What was rejected on arrival goes with the job that counts it: each row once, in its order, however files are cut."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.config import FileLimits
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.rejected import ArrivedRows, Rejection, Rows
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import FileOptions, FileSegment, StreamFiles
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.rejected_rows.csv_table import KeptRow
from pigment_csv.dialect import CsvDialect

NOW = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
STREAM = DestinationStream(None, "s", WriteMode.APPEND, ("a", "n"))
DIALECT = CsvDialect()


def arrived(spool: Spool) -> ArrivedRows:
    return ArrivedRows(lambda: spool.new_path(".rejected"), lambda: NOW)


def files(spool: Spool, kept: ArrivedRows, rows: int = 3) -> StreamFiles:
    limits = FileLimits(10**6, rows, timedelta(minutes=10))
    options = FileOptions(DIALECT, limits, lambda: 0.0, kept.add, kept.take)
    return StreamFiles(STREAM, RecordConverter(STREAM, (), DIALECT), spool, options)


def held(cut: FileSegment) -> list[KeptRow]:
    return list(cut.held.rows()) if cut.held is not None else []


STEPS = st.lists(st.sampled_from(["row", "row", "rejected", "wider", "mark", "full", "marked"]), max_size=40)


class Stream:
    """A stream whose records come and go, and how many of them were rejected and vouched for."""

    def __init__(self, spool: Spool, rows: int) -> None:
        self.kept = arrived(spool)
        self.files = files(spool, self.kept, rows)
        self.taken: list[FileSegment] = []
        self.rejected = self.vouched = 0

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
                self.vouched = self.rejected
            case "full":
                self.take(self.files.pop_full())
            case "marked":
                self.take(self.files.pop_marked())

    def take(self, cuts: list[FileSegment]) -> None:
        self.taken += cuts
        if cuts:
            assert sum(len(held(cut)) for cut in self.taken) == self.vouched


@given(STEPS, st.integers(1, 4), st.booleans())
def test_rejected_rows_go_with_the_first_file_that_their_state_waits_for_each_once_and_in_order(
    steps: list[str], rows: int, takes_all: bool
) -> None:
    with Spool(DIALECT) as spool:
        stream = Stream(spool, rows)
        for step in steps:
            stream.step(step)
        if takes_all:
            stream.vouched = stream.rejected
            stream.take(stream.files.pop_all())
        stream.kept.close()

        rows_held = [held(cut) for cut in stream.taken]
        for number in range(1, len(rows_held) + 1):
            counted = sum(cut.rejected for cut in stream.taken[:number])
            assert sum(map(len, rows_held[:number])) >= counted
        assert [row.cells[0] for some in rows_held for row in some] == [
            str(number) for number in range(sum(map(len, rows_held)))
        ]


def test_rows_are_kept_with_their_reason_and_time_and_nulls_apart_from_empty_texts() -> None:
    with Spool(DIALECT) as spool:
        kept = arrived(spool)
        columns = [["x", "", None], ["1", "", "2"]]
        kept.add(STREAM, Rejection("why", Rows(("a", "n"), columns, 3)))
        kept.add(STREAM, Rejection("no object", b"[1]"))
        taken = kept.take(STREAM.key, 4)
        assert taken is not None

        assert list(taken.rows()) == [
            KeptRow("why", None, NOW, ("a", "n"), ("x", "1")),
            KeptRow("why", None, NOW, ("a", "n"), ("", "")),
            KeptRow("why", None, NOW, ("a", "n"), (None, "2")),
            KeptRow("no object", None, NOW, ("_airbyte_data",), ("[1]",)),
        ]
        kept.close()


def test_files_are_private_and_only_where_something_was_rejected() -> None:
    with Spool(DIALECT) as spool:
        kept = arrived(spool)
        assert kept.take(STREAM.key, 0) is None
        kept.add(STREAM, Rejection("no object", b"[1]"))
        taken = kept.take(STREAM.key, 1)
        assert taken is not None
        path: Path = taken.path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        kept.close()
    assert not path.exists()
