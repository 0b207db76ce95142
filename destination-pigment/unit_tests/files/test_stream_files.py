"""Files are as large as they may be and no larger, and contain all rows in their order."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.config import FileLimits
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.segments import FileSegment
from destination_pigment.files.spool import Spool
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.input.catalog import DestinationStream, WriteMode
from pigment_csv.dialect import CsvDialect

STREAM = DestinationStream(None, "s", WriteMode.APPEND, ("a",))


@given(
    st.lists(st.lists(st.integers(1, 20), min_size=1, max_size=20), max_size=8), st.integers(4, 60), st.integers(1, 6)
)
def test_a_file_is_over_its_limits_only_with_a_single_row(
    batches: list[list[int]], max_bytes: int, max_rows: int
) -> None:
    with Spool() as spool:
        limits = FileLimits(max_bytes, max_rows, timedelta(minutes=10))
        files = StreamFiles(RecordConverter(STREAM, (), CsvDialect()), spool, limits)
        sent = []
        for sizes in batches:
            texts = [f"{len(sent) + number:x}".ljust(size, "-") for number, size in enumerate(sizes)]
            files.write_records([msgspec.Raw(json.dumps({"a": text}).encode()) for text in texts])
            sent += texts
        segments = files.pop_all()

        found = []
        for segment in segments:
            assert segment.file is not None
            rows = [row[0] for some in segment.file.read_rows() for row in some]
            assert segment.rows == len(rows) <= max_rows
            assert segment.size_bytes <= max_bytes or len(rows) == 1
            assert segment.size_bytes == segment.file.path.stat().st_size
            found += rows
        assert found == sent
        begin = 0
        for segment in segments[:-1]:
            begin += segment.rows
            assert segment.rows == max_rows or segment.size_bytes + len(found[begin]) + 2 > max_bytes


WIDER = st.lists(
    st.lists(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["x", 'y"\r\n']), max_size=4), min_size=1),
    max_size=6,
)


@given(WIDER, st.integers(20, 200), st.integers(1, 9), st.booleans())
def test_new_columns_widen_files_and_keep_their_rows_and_limits(
    batches: list[list[dict[str, str]]], max_bytes: int, max_rows: int, is_popped_at_once: bool
) -> None:
    with Spool() as spool:
        limits = FileLimits(max_bytes, max_rows, timedelta(minutes=10))
        files = StreamFiles(RecordConverter(STREAM, (), CsvDialect()), spool, limits)
        segments: list[FileSegment] = []
        for records in batches:
            files.write_records([msgspec.Raw(json.dumps(each).encode()) for each in records])
            if not is_popped_at_once:
                files.raise_watermark()
                segments += files.pop_full()
        segments += files.pop_all()

        found = []
        for segment in segments:
            assert segment.file is not None
            rows = [row for some in segment.file.read_rows() for row in some]
            assert segment.rows == len(rows) <= max_rows
            assert segment.size_bytes == segment.file.path.stat().st_size
            assert segment.size_bytes <= max_bytes or len(rows) == 1
            found += [
                {name: cell for name, cell in zip(segment.file.columns, row, strict=True) if cell is not None}
                for row in rows
            ]
        assert found == [record for records in batches for record in records]
        if is_popped_at_once:
            assert len({segment.file.columns for segment in segments if segment.file is not None}) <= 1


def test_a_hundred_and_twenty_new_columns_are_one_file() -> None:
    with Spool() as spool:
        files = StreamFiles(
            RecordConverter(STREAM, (), CsvDialect()), spool, FileLimits(10**9, 10**9, timedelta(minutes=10))
        )
        for number in range(120):
            files.write_records([msgspec.Raw(json.dumps({f"n{number}": number}).encode())])
        files.raise_watermark()
        (segment,) = files.pop_confirmed()
        assert segment.file is not None
        assert segment.file.columns == ("a", *(f"n{number}" for number in range(120)))


def test_a_file_that_ends_before_a_new_column_does_not_have_it() -> None:
    with Spool() as spool:
        files = StreamFiles(
            RecordConverter(STREAM, (), CsvDialect()), spool, FileLimits(10**9, 10**9, timedelta(minutes=10))
        )
        files.write_records([msgspec.Raw(b'{"a":"1"}')])
        files.raise_watermark()
        files.write_records([msgspec.Raw(b'{"a":"2"}'), msgspec.Raw(b'{"a":"3","b":"4"}')])
        before = files.pop_confirmed()
        files.raise_watermark()
        contents = [each.file.path.read_bytes() for each in [*before, *files.pop_confirmed()] if each.file is not None]
        assert contents == [b"a\r\n1\r\n", b"a;b\r\n2;\r\n3;4\r\n"]
