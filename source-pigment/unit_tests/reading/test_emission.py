"""Records leave in blocks of bounded size, whatever the shape of the table."""

from __future__ import annotations

import io

import pytest

from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ColumnType
from source_pigment.reading.downloads import Download
from source_pigment.reading.emission import record_blocks
from source_pigment.reading.records import RecordLayout, RowConverter
from source_pigment.reading.storage import Packer


def blocks_of(header: list[str], rows: bytes) -> list[tuple[int, int]]:
    content = ";".join(header).encode() + b"\n" + rows
    file = io.BytesIO()
    packer = Packer(file.write)
    packer.add(content)
    packer.flush()
    download = Download(file, header, rows.count(b"\n"), False, len(content), 1, 0.0)
    layout = RecordLayout(StreamName("S"), tuple(header), (ColumnType.TEXT,) * len(header))
    return [(each.count, len(each.lines)) for each in record_blocks(download, layout, RowConverter(layout, 0))]


@pytest.mark.parametrize(
    ("columns", "name_length", "row"),
    [(1, 1, b"\n"), (8, 200, b";;;;;;;\n"), (300, 40, b";" * 299 + b"\n"), (60, 5, (b"x" * 40 + b";") * 59 + b"\n")],
)
def test_no_block_is_much_larger_than_what_may_leave(columns: int, name_length: int, row: bytes) -> None:
    header = [f"{number:0{name_length}d}" for number in range(columns)]
    rows = row * (3_000_000 // (columns * (name_length + 30)) + 10)
    blocks = blocks_of(header, rows)
    assert sum(count for count, _ in blocks) == rows.count(b"\n")
    assert max(size for _, size in blocks) < 10 << 20


def test_a_part_of_blanks_between_long_texts_is_bounded_as_well() -> None:
    header = [f"{number:0200d}" for number in range(50)]
    blank, full = b";" * 49 + b"\n", (b"x" * 300 + b";") * 49 + b"\n"
    blocks = blocks_of(header, full * 20 + blank * 2000 + full * 20)
    assert sum(count for count, _ in blocks) == 2040
    assert max(size for _, size in blocks) < 10 << 20
