"""What a stream says of an export that came whole and cannot be read to its end all the same."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from ctypes import CDLL
from dataclasses import dataclass
from threading import Event
from typing import Any, cast

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import given, settings
from hypothesis import strategies as st

from pigment_airbyte.failures import TransientProblem
from pigment_client.client import PigmentClient
from pigment_client.errors import BrokenOff
from pigment_client.models import ExportKind, ExportRequest
from pigment_native.library import LIBRARY
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ConfiguredSchema
from source_pigment.reading.downloads import Download
from source_pigment.reading.export_stream import Exported, ExportStream, ReadOptions
from source_pigment.reading.storage import Packer

HEADER = b"a;b\n"
ROWS = b"".join(b"%d;x\n" % number for number in range(400_000))


def stream(client: object = None, library: CDLL | None = LIBRARY) -> ExportStream:
    schema = ConfiguredSchema.of({"properties": {"a": {"type": ["null", "number"]}, "b": {"type": ["null", "string"]}}})
    exported = Exported(StreamName("Sales"), 'list "Sales"', (ExportRequest(ExportKind.LIST, "1", {}),))
    options = ReadOptions(schema, (), row_metadata=False, library=library)
    return ExportStream(cast("PigmentClient", client), exported, options)


def packed(content: bytes) -> bytes:
    file = io.BytesIO()
    packer = Packer(file.write)
    for start in range(0, len(content), 100_000):
        packer.add(content[start : start + 100_000])
    packer.flush()
    return file.getvalue()


def test_a_disk_that_lost_the_end_is_said() -> None:
    stored = packed(HEADER + ROWS)
    left = io.BytesIO(stored[: len(stored) - 30])
    download = Download(left, ["a", "b"], 400_000, True, len(ROWS), len(stored), 1.0)
    with pytest.raises(TransientProblem, match='did not give back what was stored of the list "Sales"'):
        list(stream().records(download))
    assert left.closed


@dataclass
class Sent:
    """An export as the client hands it over, whatever is in it."""

    content: bytes
    chunk_bytes: int

    @property
    def bytes_received(self) -> int:
        return len(self.content)

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self.content), self.chunk_bytes):
            yield self.content[start : start + self.chunk_bytes]

    def export(self, _request: ExportRequest, consume: Callable[[Any], Any]) -> Any:
        return consume(self)


def downloaded(stream: ExportStream) -> Download | str:
    try:
        return stream.download(0, Event())
    except BrokenOff:
        return "None of its records were sent, and it is asked for again"
    except AirbyteTracedException as error:
        return str(error.message)


def test_quotes_out_of_place_that_only_the_records_stumble_over_are_said_before_one_leaves() -> None:
    # The inspection, which cuts differently, takes the quote for a part of the text.
    sent = Sent(HEADER + ROWS + b'1;a"b\n2;"secret\n"\n3;x\n' + ROWS, chunk_bytes=len(HEADER + ROWS) + 6)
    message = downloaded(stream(sent))
    assert isinstance(message, str)
    assert "cannot be read: the file is not valid CSV" in message
    assert "None of its records were sent" in message
    assert "secret" not in message


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
