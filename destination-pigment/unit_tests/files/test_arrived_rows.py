"""What was rejected on arrival goes with the job that counts it: each row once, in its order, however files are cut."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.config import FileLimits
from destination_pigment.files.arrived_rows import ArrivedRows
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.rejections import Rejection, Rows
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import Cut, FileOptions, StreamFiles
from destination_pigment.input.configured_streams import DestinationStream, WriteMode
from destination_pigment.rejected_rows.table import KeptRow
from pigment_csv.dialect import CsvDialect

NOW = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
STREAM = DestinationStream(None, "s", WriteMode.APPEND, ("a", "n"), frozenset({"a"}))
DIALECT = CsvDialect()


def arrived(spool: Spool) -> ArrivedRows:
    return ArrivedRows(lambda: spool.new_path(".rejected"), lambda: NOW)


def files(spool: Spool, kept: ArrivedRows, rows: int = 3) -> StreamFiles:
    limits = FileLimits(10**6, rows, timedelta(minutes=10))
    options = FileOptions(DIALECT, limits, lambda: 0.0, kept.add, kept.take)
    return StreamFiles(STREAM, RecordConverter(STREAM, (), DIALECT), spool, options)


def held(cut: Cut) -> list[KeptRow]:
    return list(cut.held.rows()) if cut.held is not None else []


STEPS = st.lists(st.sampled_from(["row", "row", "rejected", "wider", "mark", "full", "marked"]), max_size=40)


@given(STEPS, st.integers(1, 4), st.booleans())
def test_each_cut_holds_as_many_rows_as_it_counts_and_all_in_their_order(
    steps: list[str], rows: int, takes_all: bool
) -> None:
    with Spool(DIALECT) as spool:
        kept = arrived(spool)
        stream_files = files(spool, kept, rows)
        taken: list[Cut] = []
        rejected = 0
        for step in steps:
            match step:
                case "row":
                    stream_files.add([msgspec.Raw(b'{"a":"x","n":1}')])
                case "wider":
                    stream_files.add([msgspec.Raw(b'{"b":1}')])
                case "rejected":
                    stream_files.add([msgspec.Raw(str(rejected).encode())])
                    rejected += 1
                case "mark":
                    stream_files.mark()
                case "full":
                    taken += stream_files.take_full()
                case "marked":
                    taken += stream_files.take_marked()
        if takes_all:
            taken += stream_files.take_all()
        kept.close()

        assert [len(held(cut)) for cut in taken] == [cut.rejected for cut in taken]
        numbers = [row.cells[0] for cut in taken for row in held(cut)]
        assert numbers == [str(number) for number in range(len(numbers))]
        assert len(numbers) == rejected or not takes_all


def test_rows_are_kept_with_their_reason_and_time_and_blanks_outside_texts_are_nulls() -> None:
    with Spool(DIALECT) as spool:
        kept = arrived(spool)
        columns = [["x", "", None], ["1", "", "2"]]
        kept.add(STREAM, Rejection("why", Rows(("a", "n"), columns, 3)))
        kept.add(STREAM, Rejection("no object", b"[1]"))
        taken = kept.take(STREAM.key, 4)
        assert taken is not None

        assert list(taken.rows()) == [
            KeptRow("why", None, NOW, ("a", "n"), ("x", "1")),
            KeptRow("why", None, NOW, ("a", "n"), ("", None)),
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
