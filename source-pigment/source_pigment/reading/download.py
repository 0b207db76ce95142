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
import sys
import tempfile
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Event, Lock
from typing import IO

import msgspec

from pigment_airbyte.disk import disk_errors_explained
from pigment_airbyte.failures import TransientProblem
from pigment_client.client import Export, PigmentClient
from pigment_client.models import ExportRequest
from pigment_client.wording import byte_size
from pigment_csv.reader import CsvBroken
from pigment_csv.totals import Totals
from source_pigment.discovery.names import StreamName
from source_pigment.reading.conversion import ExportConverter
from source_pigment.reading.records import RecordBlock

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# What takes the least time, as measured; the file exists for minutes. The window is 2**18 bytes, about what the lines
# of a block take.
_COMPRESSION: dict[int, int] = {
    zstd.CompressionParameter.compression_level: 1,
    zstd.CompressionParameter.hash_log: 13,
    zstd.CompressionParameter.window_log: 18,
}

# A block on disk: how long its counts and its lines are, their checksum, and both.
_HEAD = struct.Struct("<III")
END = _HEAD.pack(0, 0, 0x0E0F)

# A record takes its own space several times on its way: what is received of it, its line, and that compressed. So that
# several workers do not need that together, one that receives more than this of a record waits for its turn.
_LARGE_RECORD_BYTES = 2 << 20

# How much is decompressed at once: that much is in memory in addition to the whole block. Few blocks are larger.
_PART_BYTES = 1 << 20


class Stopped(Exception):
    """The sync is stopping."""


class LargeRecordTurn:
    """The turn of a worker to take a large record, which one worker of those that share the lock has at a time."""

    def __init__(self, lock: Lock, stop: Event) -> None:
        self._lock = lock
        self._stop = stop
        # All mutable state.
        self._has_turn = False

    def wait_or_end(self, *, is_large: bool) -> None:
        """Wait for the turn if what is under way is large, and end it if not; raises `Stopped`."""
        while is_large and not self._has_turn:
            if self._stop.is_set():
                raise Stopped
            self._has_turn = self._lock.acquire(timeout=0.1)
        if not is_large:
            self.close()

    def close(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._lock.release()


@dataclass(frozen=True, slots=True)
class Download:
    """A whole export on disk as records, until it is closed."""

    file: IO[bytes]
    new_columns: tuple[str, ...]
    rows: int
    content_bytes: int
    stored_bytes: int

    def close(self) -> None:
        self.file.close()


class Downloads:
    """Stores exports as records, for all streams of a sync and in many threads; `has_totals`: numbers are summed."""

    def __init__(self, client: PigmentClient, *, has_totals: bool = False) -> None:
        self._client = client
        self.has_totals = has_totals
        self._large_records = Lock()
        # Mutable state, guarded by the lock: the exports that are running, and what the others received.
        self._lock = Lock()
        self._running: list[Export] = []
        self._bytes_of_others = 0

    @property
    def bytes_received(self) -> int:
        """What all exports have received so far, those that are running included."""
        with self._lock:
            return self._bytes_of_others + sum(each.bytes_received for each in self._running)

    @contextmanager
    def _counting(self, export: Export) -> Iterator[None]:
        with self._lock:
            self._running.append(export)
        try:
            yield
        finally:
            with self._lock:
                self._running = [each for each in self._running if each is not export]
                self._bytes_of_others += export.bytes_received

    def store(
        self, request: ExportRequest, subject: str, new_converter: Callable[[], ExportConverter], stop: Event
    ) -> Download:
        """A whole export on disk; the client repeats the whole of it if it breaks off.

        Raises a `PigmentError`, what the converter raises, `Stopped`, and `TransientProblem` for a disk that is full or
        does not work.
        """

        def consume(export: Export) -> Download:
            with self._counting(export), closing(LargeRecordTurn(self._large_records, stop)) as turn:
                return _stored(export, file, new_converter(), turn, stop)

        with disk_errors_explained(lambda reason: _disk_sentence(reason, subject, 0)):
            # Without a buffer, which a full disk would leave half written.
            file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - the caller closes the download
        try:
            # The client translates its own errors: an OSError here comes from the file.
            with disk_errors_explained(lambda reason: _disk_sentence(reason, subject, os.fstat(file.fileno()).st_size)):
                return self._client.export(request, consume)
        except BaseException:
            file.close()
            raise


def _stored(
    export: Export, file: IO[bytes], converter: ExportConverter, turn: LargeRecordTurn, stop: Event
) -> Download:
    """One attempt, from its beginning."""
    file.seek(0)
    file.truncate()
    compressor = new_compressor()
    for block in _blocks(export, converter, turn, stop):
        write_block(file, block, compressor)
        block.forget()
    _write(file, END)
    if converter.layout is None:
        # Even an export without rows has a header line.
        raise export.broken_off()
    return Download(file, converter.layout.new_columns, converter.rows, export.bytes_received, file.tell())


def _blocks(export: Export, converter: ExportConverter, turn: LargeRecordTurn, stop: Event) -> Iterator[RecordBlock]:
    """The records of an export as it arrives; one that ends inside a row or inside its header has broken off."""
    try:
        for chunk in export:
            if stop.is_set():
                raise Stopped
            yield from converter.convert_chunk(chunk)
            turn.wait_or_end(is_large=converter.waiting_bytes > _LARGE_RECORD_BYTES)
        yield from converter.convert_waiting()
        yield from converter.convert_last_record()
    except CsvBroken as error:
        if not error.is_cut:
            raise
    else:
        return
    raise export.broken_off()


def new_compressor() -> zstd.ZstdCompressor:
    """The compressor for all blocks of a file; a new one for each block would take longer."""
    return zstd.ZstdCompressor(options=_COMPRESSION)


def write_block(file: IO[bytes], block: RecordBlock, compressor: zstd.ZstdCompressor) -> None:
    """Store a block after those before it; `END` goes after the last."""
    size, keys = len(block.lines), block.keys.tobytes()
    sums = None if block.totals is None else block.totals.sums()
    counts = msgspec.msgpack.encode((block.count, block.misfits, block.blank_keys, keys, size, sums))
    lines = compressor.compress(block.lines, zstd.ZstdCompressor.FLUSH_FRAME)
    _write(file, _HEAD.pack(len(counts), len(lines), zlib.crc32(lines, zlib.crc32(counts))) + counts)
    _write(file, lines)


_COUNTS = msgspec.msgpack.Decoder(tuple[int, dict[str, int], int, bytes, int, dict[str, tuple[str, int]] | None])


def read_blocks(file: IO[bytes], stream: StreamName) -> Iterator[RecordBlock]:
    """The blocks that were stored, in their order; raises OSError if the disk does not give them back."""
    file.seek(0)
    while (head := file.read(_HEAD.size)) != END:
        counts_size, lines_size, check_sum = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, 0, 0)
        counts, lines = file.read(counts_size), file.read(lines_size)
        is_whole = len(counts) == counts_size and len(lines) == lines_size
        if not (counts and is_whole and zlib.crc32(lines, zlib.crc32(counts)) == check_sum):
            raise OSError(errno.EIO, "the disk returned something else than was stored")
        count, misfits, blank_keys, keys, size, sums = _COUNTS.decode(counts)
        content = _decompressed(lines, size)
        totals = None if sums is None else Totals.of_sums(sums)
        block = RecordBlock(stream, content, count, Counter(misfits), array("Q", keys), blank_keys, totals)
        del lines, content  # a large block is kept once
        yield block


def _decompressed(content: bytes, size: int) -> bytearray:
    """The content in parts: in one go, a large block takes three times its size."""
    whole, at = bytearray(size), 0
    decompressor = zstd.ZstdDecompressor()
    while not decompressor.eof:
        part = decompressor.decompress(content, _PART_BYTES)
        whole[at : at + len(part)] = part
        content, at = b"", at + len(part)
    return whole


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
