"""Rows as bytes are the rows that a CSV reader reads, whatever their cells contain."""

from __future__ import annotations

import csv
import io
from itertools import compress

from hypothesis import given
from hypothesis import strategies as st

from destination_pigment.files import lines as of_bytes
from destination_pigment.files.lines import count_rows, join_rows, padded, read_blocks, select_lines, split_rows
from pigment_csv.dialect import CsvDialect
from pigment_csv.writer import CsvWriter

CELLS = st.one_of(st.none(), st.text(st.sampled_from('a,;"\r\n\ufeff\0é'), max_size=8))
ROWS = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8)


def written(rows: list[tuple[str | None, ...]]) -> bytes:
    return CsvWriter(CsvDialect(",")).lines(rows)


def read(lines: bytes) -> list[tuple[str, ...]]:
    """The rows by the standard library alone."""
    return [tuple(row) for row in csv.reader(io.StringIO(lines.decode(), newline=""))]


def texts(rows: list[tuple[str | None, ...]]) -> list[tuple[str, ...]]:
    return [tuple(cell or "" for cell in row) for row in rows]


@given(ROWS)
def test_lines_are_split_where_rows_end(rows: list[tuple[str | None, ...]]) -> None:
    lines = written(rows)
    assert count_rows(lines) == len(rows)
    assert [read(row + b"\r\n") for row in split_rows(lines)] == [[row] for row in texts(rows)]
    assert join_rows(split_rows(lines)) == lines


@given(ROWS, st.lists(st.booleans(), min_size=8, max_size=8))
def test_rows_are_selected_and_padded_without_changing_a_cell(
    rows: list[tuple[str | None, ...]], which: list[bool]
) -> None:
    assert read(select_lines(written(rows), which[: len(rows)])) == list(compress(texts(rows), which))
    assert read(padded(written(rows), b",,")) == [(*row, "", "") for row in texts(rows)]


@given(ROWS, st.integers(1, 9))
def test_a_file_is_read_in_blocks_of_whole_rows(rows: list[tuple[str | None, ...]], chunk_bytes: int) -> None:
    lines = written(rows)
    before, of_bytes._CHUNK_BYTES = of_bytes._CHUNK_BYTES, chunk_bytes
    try:
        blocks = list(read_blocks(io.BytesIO(b"header\r\n" + lines + b"next"), 8, 8 + len(lines)))
    finally:
        of_bytes._CHUNK_BYTES = before
    assert b"".join(blocks) == lines
    assert [row for block in blocks for row in split_rows(block)] == split_rows(lines)
