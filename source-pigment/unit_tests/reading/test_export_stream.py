"""What a stream says of an export that came whole and cannot be read to its end all the same."""

from __future__ import annotations

import gzip
import io
from typing import cast

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from pigment_airbyte.failures import TransientProblem
from pigment_client.client import PigmentClient
from pigment_client.models import ExportKind, ExportRequest
from source_pigment.discovery.names import StreamName
from source_pigment.discovery.schema import ConfiguredSchema
from source_pigment.reading.downloads import Download
from source_pigment.reading.export_stream import Exported, ExportStream, ReadOptions
from source_pigment.reading.storage import Packer

HEADER = b"a;b\n"
ROWS = b"".join(b"%d;x\n" % number for number in range(400_000))


def stream() -> ExportStream:
    schema = ConfiguredSchema.of({"properties": {"a": {"type": ["null", "number"]}, "b": {"type": ["null", "string"]}}})
    exported = Exported(StreamName("Sales"), 'list "Sales"', (ExportRequest(ExportKind.LIST, "1", {}),))
    return ExportStream(cast("PigmentClient", None), exported, ReadOptions(schema, (), row_metadata=False))


def packed(content: bytes) -> bytes:
    file = io.BytesIO()
    packer = Packer(file.write)
    for start in range(0, len(content), 100_000):
        packer.add(content[start : start + 100_000])
    packer.flush()
    return file.getvalue()


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_disk_that_lost_the_end_is_said(is_packed: bool) -> None:
    stored = packed(HEADER + ROWS) if is_packed else gzip.compress(HEADER + ROWS)
    left = io.BytesIO(stored[: len(stored) - 30])
    download = Download(left, ["a", "b"], 400_000, True, is_packed, len(ROWS), len(stored), 1.0)
    with pytest.raises(TransientProblem, match='did not give back what was stored of the list "Sales"'):
        list(stream().records(download))
    assert left.closed


def test_quotes_out_of_place_that_are_found_late_are_said_without_what_is_in_them() -> None:
    content = HEADER + ROWS + b'1;a"b\n2;"secret\n"\n3;x\n' + ROWS
    rows = content.count(b"\n") - 2
    download = Download(io.BytesIO(packed(content)), ["a", "b"], rows, False, True, len(content), 1, 1.0)
    with pytest.raises(AirbyteTracedException) as raised:
        list(stream().records(download))
    message = str(raised.value.message)
    assert "cannot be read: the file is not valid CSV" in message
    assert "Not all of its records were sent" in message
    assert "secret" not in message
