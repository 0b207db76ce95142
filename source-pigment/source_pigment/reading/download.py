"""Whole exports on disk: nothing of an export leaves before it is known to be whole.

An export is packed (`storage`) into a file that only this process can open: it has no name (or loses it at once, where
the file system cannot do that), so it is gone however the process ends. Pigment is never kept waiting by whoever takes
the records; so nothing here writes to the log, which goes to the same pipe.
"""

from __future__ import annotations

import errno
import os
import struct
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from ctypes import CDLL
from dataclasses import dataclass
from threading import Event
from typing import IO

from backports import zstd

from pigment_airbyte.disk import disk_errors_explained
from pigment_airbyte.failures import TransientProblem
from pigment_client.client import Export, PigmentClient
from pigment_client.errors import BrokenOff
from pigment_client.models import ExportRequest
from pigment_client.wording import byte_size, counted
from pigment_csv.reader import CsvBroken
from pigment_native.library import LIBRARY
from source_pigment.reading.conversion import MOST_LEAVE_BYTES, Expected, Inspection, Rows

PIECE_BYTES = 1 << 20

# The level that costs least time; the file lives for minutes.
_LEVEL = 1
_HEAD = struct.Struct("<III")
_END = _HEAD.pack(0, 0, 0x0E0F)


class Packer:
    """Packs rows as they come; what is packed goes to `write`."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        # All mutable state: what waits for the piece to be full, how much that is, and how long its records are.
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._leave_bytes = 0

    def add(self, rows: Rows) -> None:
        """Take some rows."""
        if self._waiting and self._leave_bytes + rows.leave_bytes > MOST_LEAVE_BYTES:
            self._put()
        self._waiting.append(rows.content)
        self._waiting_bytes += len(rows.content)
        self._leave_bytes += rows.leave_bytes
        if self._waiting_bytes >= PIECE_BYTES:
            self._put()

    def flush(self) -> None:
        """Write what still waits, and the end."""
        if self._waiting:
            self._put()
        self._write(_END)

    def _put(self) -> None:
        piece = b"".join(self._waiting)
        self._waiting, self._waiting_bytes, self._leave_bytes = [], 0, 0
        packed = zstd.compress(piece, _LEVEL)
        self._write(_HEAD.pack(len(packed), len(piece), zlib.crc32(piece)))
        self._write(packed)


def unpacked(file: IO[bytes]) -> Iterator[bytes]:
    """The rows that were packed, piece by piece; raises OSError where the disk does not give it back."""
    file.seek(0)
    while (head := file.read(_HEAD.size)) != _END:
        if len(head) < _HEAD.size:
            raise _changed()
        packed_bytes, piece_bytes, check_sum = _HEAD.unpack(head)
        try:
            piece = zstd.decompress(file.read(packed_bytes))
        except zstd.ZstdError:
            raise _changed() from None
        if len(piece) != piece_bytes or zlib.crc32(piece) != check_sum:
            raise _changed()
        yield piece


def _changed() -> OSError:
    return OSError(errno.EIO, "the disk gave back something else than was stored")


class Stopped(Exception):
    """Nobody wants the export any more."""


@dataclass(frozen=True, slots=True)
class Download:
    """A whole export on disk, until it is closed."""

    file: IO[bytes]
    header: list[str]
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

    def content(self) -> Iterator[bytes]:
        """Its rows from the first, in pieces of about a megabyte."""
        return unpacked(self.file)

    def close(self) -> None:
        """Give its place on the disk back."""
        self.file.close()


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """What a download is called in the user's words, what `Inspection` tries and works with, and what ends it early."""

    subject: str
    try_header: Callable[[list[str]], Expected]
    stop: Event
    library: CDLL | None = LIBRARY
    clock: Callable[[], float] = time.monotonic


def download(client: PigmentClient, request: ExportRequest, options: DownloadOptions) -> Download:
    """Store an export; the client repeats the whole of it where it breaks off.

    Raises a `PigmentError`, `CsvBroken` for what no repeat makes whole, what `try_header` raises, `Stopped`, and
    `TransientProblem` for a disk that is full or does not work.
    """
    with disk_errors_explained(lambda reason: _disk_sentence(reason, options.subject, 0)):
        # Without a buffer, which a full disk would leave half written.
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - the caller closes the download
    try:
        # The client translates its own errors: an OSError here comes from the file.
        with disk_errors_explained(
            lambda reason: _disk_sentence(reason, options.subject, os.fstat(file.fileno()).st_size)
        ):
            return client.export(request, lambda export: _Attempt(request, options, file).run(export))
    except BaseException:
        file.close()
        raise


class _Attempt:
    """One try to store an export, from its beginning."""

    def __init__(self, request: ExportRequest, options: DownloadOptions, file: IO[bytes]) -> None:
        self._request = request
        self._options = options
        self._file = file
        self._began = options.clock()
        # All mutable state: how much is on disk, and what the content looks like.
        self._stored_bytes = 0
        self._inspection = Inspection(options.try_header, options.library)

    def run(self, export: Export) -> Download:
        """Store the whole export, or raise."""
        self._file.seek(0)
        self._file.truncate()
        packer = Packer(self._write)
        for chunk in export:
            if self._options.stop.is_set():
                raise Stopped
            for rows in self._inspection.decode(chunk):
                packer.add(rows)
        header = self._end(packer)
        return Download(
            file=self._file,
            header=header,
            rows=self._inspection.rows,
            content_bytes=export.bytes_received,
            stored_bytes=self._stored_bytes,
            seconds=self._options.clock() - self._began,
        )

    def _end(self, packer: Packer) -> list[str]:
        """The header, once the last row was looked at; an export that stops inside a row has broken off."""
        try:
            last = list(self._inspection.flush())
        except CsvBroken:
            raise BrokenOff("export", object_id=self._request.id) from None
        for rows in last:
            packer.add(rows)
        packer.flush()
        header = self._inspection.header
        if header is None:
            # Even an export without rows has a header line.
            raise BrokenOff("export", object_id=self._request.id)
        return header

    def _write(self, data: bytes) -> None:
        self._stored_bytes += len(data)
        while data:
            data = data[self._file.write(data) :]


def unreadable(subject: str) -> TransientProblem:
    """What came whole cannot be had back from the disk."""
    return TransientProblem(
        f"The connector's disk did not give back what was stored of the {subject}, so it was not read to its end: run "
        "the sync again, and check the disk for temporary files (TMPDIR) if this comes again."
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
