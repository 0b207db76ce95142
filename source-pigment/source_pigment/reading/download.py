"""Whole exports on disk: nothing of an export leaves before it is known to be complete.

The worker that receives an export converts it at once; what it stores are finished RECORD lines, so what leaves is
exactly what was checked. They are kept, compressed and with checksums, in a file that only this process can open: it
has no name (or loses it at once, where the file system cannot do that), so it is gone however the process ends.
Pigment never has to wait for the reader of the records. That is also why nothing here writes to the log, which goes to
the same pipe.
"""

from __future__ import annotations

import errno
import os
import struct
import tempfile
import time
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import IO

import msgspec
from backports import zstd

from pigment_airbyte.disk import disk_errors_explained
from pigment_airbyte.failures import TransientProblem
from pigment_client.client import Export, PigmentClient
from pigment_client.models import ExportRequest
from pigment_client.wording import byte_size, counted
from pigment_csv.reader import CsvBroken
from source_pigment.discovery.names import StreamName
from source_pigment.reading.conversion import ExportConverter
from source_pigment.reading.records import RecordBlock

# What costs the least time, as measured; the file exists for minutes.
_COMPRESSION: dict[int, int] = {zstd.CompressionParameter.compression_level: 1, zstd.CompressionParameter.hash_log: 13}

# A block on disk: how long it is, its checksum, and its content.
_HEAD = struct.Struct("<II")
END = _HEAD.pack(0, 0x0E0F)


class Stopped(Exception):
    """The sync is stopping."""


@dataclass(frozen=True, slots=True)
class Download:
    """A whole export on disk as records, until it is closed."""

    file: IO[bytes]
    new_columns: tuple[str, ...]
    rows: int
    content_bytes: int
    stored_bytes: int
    seconds: float

    def __str__(self) -> str:
        rate = byte_size(self.content_bytes / max(self.seconds, 0.001))
        return (
            f"{counted(self.rows, 'row')}, {byte_size(self.content_bytes)} in {self.seconds:.1f} s ({rate} a second), "
            f"{byte_size(self.stored_bytes)} on disk"
        )

    def close(self) -> None:
        self.file.close()


def download(
    client: PigmentClient,
    request: ExportRequest,
    subject: str,
    new_converter: Callable[[], ExportConverter],
    stop: Event,
) -> Download:
    """Store an export as records; the client repeats the whole of it if it breaks off.

    Raises a `PigmentError`, what the converter raises, `Stopped`, and `TransientProblem` for a disk that is full or
    does not work.
    """
    with disk_errors_explained(lambda reason: _disk_sentence(reason, subject, 0)):
        # Without a buffer, which a full disk would leave half written.
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - the caller closes the download
    try:
        # The client translates its own errors: an OSError here comes from the file.
        with disk_errors_explained(lambda reason: _disk_sentence(reason, subject, os.fstat(file.fileno()).st_size)):
            return client.export(request, lambda export: _stored(export, file, new_converter(), stop))
    except BaseException:
        file.close()
        raise


def _stored(export: Export, file: IO[bytes], converter: ExportConverter, stop: Event) -> Download:
    """One attempt, from its beginning."""
    began = time.monotonic()
    file.seek(0)
    file.truncate()
    for block in _blocks(export, converter, stop):
        write_block(file, block)
    _write(file, END)
    if converter.layout is None:
        # Even an export without rows has a header line.
        raise export.broken_off()
    seconds = time.monotonic() - began
    return Download(file, converter.layout.new_columns, converter.rows, export.bytes_received, file.tell(), seconds)


def _blocks(export: Export, converter: ExportConverter, stop: Event) -> Iterator[RecordBlock]:
    """The records of an export as it arrives; one that ends inside a row or inside its header has broken off."""
    try:
        for chunk in export:
            if stop.is_set():
                raise Stopped
            yield from converter.convert_chunk(chunk)
        yield from converter.convert_waiting()
        yield from converter.convert_last_record()
    except CsvBroken as error:
        if not error.is_cut:
            raise
    else:
        return
    raise export.broken_off()


def write_block(file: IO[bytes], block: RecordBlock) -> None:
    """Store a block after those before it; `END` goes after the last."""
    lines, keys = zstd.compress(block.lines, options=_COMPRESSION), block.keys.tobytes()
    content = msgspec.msgpack.encode((block.count, block.misfits, block.blank_keys, keys, lines))
    _write(file, _HEAD.pack(len(content), zlib.crc32(content)) + content)


_CONTENTS = msgspec.msgpack.Decoder(tuple[int, dict[str, int], int, bytes, bytes])


def read_blocks(file: IO[bytes], stream: StreamName) -> Iterator[RecordBlock]:
    """The blocks that were stored, in their order; raises OSError if the disk does not give them back."""
    file.seek(0)
    while (head := file.read(_HEAD.size)) != END:
        size, check_sum = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, 0)
        content = file.read(size)
        if not content or len(content) < size or zlib.crc32(content) != check_sum:
            raise OSError(errno.EIO, "the disk returned something else than was stored")
        count, misfits, blank_keys, keys, lines = _CONTENTS.decode(content)
        yield RecordBlock(stream, zstd.decompress(lines), count, Counter(misfits), array("Q", keys), blank_keys)


def _write(file: IO[bytes], content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def unreadable(subject: str) -> TransientProblem:
    """The disk does not return what was stored."""
    return TransientProblem(
        f"The connector's disk did not give back what was stored of the {subject}, so it was not read to its end: run "
        "the sync again, and check the disk for temporary files (TMPDIR) if it happens again."
    )


def _disk_sentence(reason: str | None, subject: str, stored_bytes: int) -> str:
    needed = f"the {subject} needed {byte_size(stored_bytes)} so far, compressed, and nothing of it was sent"
    if reason is None:
        return (
            f"The connector's disk is full: {needed}. Give the connector more temporary disk space, lower \"Exports at "
            'the same time", or split the block into parts under "Custom exports".'
        )
    return (
        f"The connector could not keep an export on its disk ({reason}): {needed}. Check that its folder for temporary "
        "files (TMPDIR) can be written to, and run the sync again."
    )
