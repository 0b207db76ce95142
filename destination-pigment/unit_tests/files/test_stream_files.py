"""Files are as large as they may be and no larger, and contain all rows in their order."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.config import FileLimits
from destination_pigment.files.converter import RecordConverter
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
