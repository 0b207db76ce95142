"""Which way blocks go changes nothing but the time they take."""

from __future__ import annotations

import subprocess
import sys

from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ColumnType
from source_pigment.reading.conversion import Conversion
from source_pigment.reading.records import RecordBlock, RecordLayout, RowConverter

LAYOUT = RecordLayout(StreamName("S"), ("a", "b"), (ColumnType.TEXT, ColumnType.NUMBER), 0, (0,))


def test_all_ways_give_the_same() -> None:
    rows = [b"text %d;%d.50\r\n" % (number, number) for number in range(3000)]
    blocks = [b"".join(rows[:5]), b"".join(rows[5:900]), b"".join(rows[900:910]), b"".join(rows[910:])]
    oracle = RowConverter(LAYOUT)
    for cheap_bytes in (0, 1000, 1 << 20):
        for plain in (True, False):
            converter = Conversion(cheap_bytes).converter(LAYOUT, plain=plain)
            for block in blocks:
                result = converter.convert(block, first_record=2, emitted_at=7)
                assert isinstance(result, RecordBlock)
                assert result == oracle.convert(block, first_record=2, emitted_at=7)


def test_what_may_go_by_row_is_shared_by_all_streams() -> None:
    conversion = Conversion(cheap_bytes=1000)
    block = b"a;1\n" * 200
    assert [conversion.by_column(block) for _ in range(3)] == [False, True, True]
    assert not conversion.by_column(b"x" * 100_000 + b";1\n")


def test_little_is_converted_without_loading_pyarrow() -> None:
    script = """
import sys
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ColumnType
from source_pigment.reading.conversion import Conversion
from source_pigment.reading.records import RecordLayout
converter = Conversion().converter(RecordLayout(StreamName("S"), ("a",), (ColumnType.TEXT,)))
for _ in range(20):
    converter.convert(b"a\\n" * 1000, first_record=2, emitted_at=1)
assert "pyarrow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
