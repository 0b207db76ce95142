"""What becomes of an export that arrived completely but cannot be read to its end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from ctypes import CDLL
from dataclasses import dataclass
from threading import Event
from typing import Any, cast

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import given, settings
from hypothesis import strategies as st

from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.client import PigmentClient
from pigment_client.errors import BrokenOff
from pigment_client.models import ExportKind, ExportRequest
from pigment_native.library import LIBRARY
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ConfiguredSchema
from source_pigment.reading.download import Download, Downloads
from source_pigment.reading.export_stream import ExportStream
from source_pigment.reading.records import CLOSING

HEADER = b"a;b\n"
ROWS = b"".join(b"%d;x\n" % number for number in range(400_000))


def stream(
    client: object = None,
    library: CDLL | None = LIBRARY,
    columns: Sequence[str] = ("a", "b"),
    *,
    row_metadata: bool = False,
) -> ExportStream:
    types = {name: {"type": ["null", "number" if name == "a" else "string"]} for name in columns}
    schema = ConfiguredSchema.parse({"properties": types})
    requests = [ExportRequest(ExportKind.LIST, "1", {})]
    name, subject = StreamName("Sales"), 'list "Sales"'
    downloads = Downloads(cast("PigmentClient", client))
    return ExportStream(downloads, name, subject, requests, schema, (), row_metadata=row_metadata, library=library)


def test_a_disk_that_lost_the_end_is_reported() -> None:
    of = stream(Sent(HEADER + ROWS, 100_000))
    download = downloaded(of)
    assert isinstance(download, Download)
    os.truncate(download.file.fileno(), download.stored_bytes - 30)
    with pytest.raises(TransientProblem, match='did not give back what was stored of the list "Sales"'):
        list(of.records(download))
    assert download.file.closed


@dataclass
class Sent:
    """An export as the client delivers it, whatever it contains."""

    content: bytes
    chunk_bytes: int

    @property
    def bytes_received(self) -> int:
        return len(self.content)

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self.content), self.chunk_bytes):
            yield self.content[start : start + self.chunk_bytes]

    def broken_off(self) -> BrokenOff:
        return BrokenOff("export")

    def export(self, _request: ExportRequest, consume: Callable[[Any], Any]) -> Any:
        return consume(self)


def downloaded(stream: ExportStream) -> Download | str:
    try:
        return stream.download(0, Event())
    except BrokenOff:
        return "None of its records were sent, and it is asked for again"
    except AirbyteTracedException as error:
        return str(error.message)
    except ConfigProblem as error:
        return str(error)


@pytest.mark.parametrize("chunk_bytes", [len(HEADER + ROWS) + 6, 100_000, 1 << 24])
@pytest.mark.parametrize("quotes", [b'1;a"b"c', b'1;a"b\n2;"secret\n"', b'1;"a"secret', b'1;5" secret'])
def test_a_quote_out_of_place_is_reported_before_a_record_leaves(quotes: bytes, chunk_bytes: int) -> None:
    """Also where the standard library's reader takes it as text: who writes it may write `"x"` for x with quotes."""
    message = downloaded(stream(Sent(HEADER + ROWS + quotes + b"\n3;x\n" + ROWS, chunk_bytes)))
    assert isinstance(message, str)
    assert "cannot be read: a quote inside a cell is not doubled (record 400002)" in message
    assert "None of its records were sent" in message
    assert "secret" not in message


@pytest.mark.parametrize("chunk_bytes", [1, 5, 1 << 24])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'a;b"c', "(record 1)"),
        (b'a;"b"c\n1;x\n', "(record 1)"),
        (HEADER + b'1;x\n2;5" pipe', "(record 3)"),
        (HEADER + b"1;x\n2;y;z", "(record 3)"),
        (HEADER + b"1;x\r\r\n2;y\r\n", "(record 2)"),
        (b"a;b\r\r\n1;x\r\n", "(record 1)"),
        (b'a;"b', "asked for again"),
        (HEADER + b"1;x\n2", "asked for again"),
        (HEADER + b'1;x\n2;"y', "asked for again"),
        (HEADER + b"1;x\r", "asked for again"),
    ],
)
def test_only_an_export_that_may_have_been_cut_is_asked_for_again(content: bytes, words: str, chunk_bytes: int) -> None:
    message = downloaded(stream(Sent(content, chunk_bytes)))
    assert isinstance(message, str)
    assert words in message


PLAIN = [b"1;x", b'2;"a;b"', b'4;"a\nb"', b'7;""', b'9;"a""b"']
ROWS_AND_WORSE = st.lists(st.sampled_from([*PLAIN, b'3;a"b', b'5;"', b'6;5" pipe', b"8;a\rb"]), max_size=12)


@settings(max_examples=400, deadline=None)
@given(rows=ROWS_AND_WORSE, chunk_bytes=st.integers(1, 60), library=st.sampled_from([LIBRARY, None]))
def test_whatever_was_downloaded_becomes_records_to_its_end(
    rows: list[bytes], chunk_bytes: int, library: CDLL | None
) -> None:
    of = stream(Sent(HEADER + b"\n".join(rows), chunk_bytes), library)
    download = downloaded(of)
    if isinstance(download, Download):
        assert sum(block.count for block in of.records(download)) == download.rows
    else:
        assert "None of its records were sent" in download


def blocks_of(header: list[str], rows: bytes, chunk_bytes: int) -> list[tuple[int, int]]:
    of = stream(Sent(";".join(header).encode() + b"\n" + rows, chunk_bytes), columns=header)
    download = downloaded(of)
    assert isinstance(download, Download)
    return [(each.count, len(each.lines)) for each in of.records(download)]


@pytest.mark.parametrize("chunk_bytes", [256 * 1024, 1 << 24])
@pytest.mark.parametrize(
    ("columns", "name_length", "row"),
    [(1, 1, b"\n"), (8, 200, b";;;;;;;\n"), (300, 40, b";" * 299 + b"\n"), (60, 5, (b"x" * 40 + b";") * 59 + b"\n")],
)
def test_no_block_is_much_larger_than_what_may_leave(
    columns: int, name_length: int, row: bytes, chunk_bytes: int
) -> None:
    header = [f"{number:0{name_length}d}" for number in range(columns)]
    rows = row * (3_000_000 // (columns * (name_length + 30)) + 10)
    blocks = blocks_of(header, rows, chunk_bytes)
    assert sum(count for count, _ in blocks) == rows.count(b"\n")
    assert max(size for _, size in blocks) < 10 << 20


def test_a_part_of_blanks_between_long_texts_is_bounded_as_well() -> None:
    header = [f"{number:0200d}" for number in range(50)]
    blank, full = b";" * 49 + b"\n", (b"x" * 300 + b";") * 49 + b"\n"
    blocks = blocks_of(header, full * 20 + blank * 2000 + full * 20, 1 << 24)
    assert sum(count for count, _ in blocks) == 2040
    assert max(size for _, size in blocks) < 10 << 20


def long_row(text: bytes, *, row_metadata: bool) -> tuple[int, Download | str, ExportStream]:
    """How many bytes surround this text in its line, and what becomes of its row after short ones."""
    of = stream(Sent(HEADER + ROWS + b"1;" + text + b"\n", 256 * 1024), row_metadata=row_metadata)
    layout = of._layout(["a", "b"])
    id_text = b"1" if row_metadata else b""
    empty = len(layout.opening(1_700_000_000_000).encode()) + len(b'"a":1,"b":""') + len(CLOSING)
    metadata = len(b',"_pigment_record_id":"","_pigment_content_hash":""') + 64 + len(id_text) if row_metadata else 0
    return empty + metadata, downloaded(of), of


@pytest.mark.parametrize("row_metadata", [False, True])
@pytest.mark.parametrize("line_bytes", [19_999_987, 19_999_999, 20_000_000, 20_000_012])
def test_a_record_that_is_too_long_is_reported_before_one_leaves(line_bytes: int, row_metadata: bool) -> None:
    around, _, _ = long_row(b"x", row_metadata=row_metadata)
    _, download, of = long_row(b"x" * (line_bytes - around), row_metadata=row_metadata)
    if line_bytes < 20_000_000:
        assert isinstance(download, Download)
        assert max(len(line) + 1 for block in of.records(download) for line in block.lines.split(b"\n")) == line_bytes
    else:
        assert "longer than the 20,000,000 characters" in str(download)


@pytest.mark.parametrize("text", [b"\x01" * 1_800_000, b"\x01" * 3_400_000, "\u0085".encode() * 1_700_000])
def test_no_record_is_found_too_long_after_others_whatever_is_escaped(text: bytes) -> None:
    content = b"b;a\n" + b"x;1\n" * 60_000 + text + b";1\n"
    for row_metadata in (False, True):
        of = stream(Sent(content, 256 * 1024), columns=("b", "a"), row_metadata=row_metadata)
        download = downloaded(of)
        if isinstance(download, Download):
            assert sum(block.count for block in of.records(download)) == 60_001
        else:
            assert "longer than the 20,000,000 characters" in download


def test_long_names_count_as_well() -> None:
    name = "\x01" * 1_500_000
    of = stream(
        Sent(f"{name};a\n".encode() + b"x;1\n" * 20 + b"\x01" * 1_900_000 + b";1\n", 256 * 1024), columns=(name, "a")
    )
    assert "longer than the 20,000,000 characters" in str(downloaded(of))
