"""An export as it is kept on disk.

zstd packs tighter than gzip's first level, and takes a third of the time to pack and to read back. Rows are packed in
pieces of about a megabyte, less where their records are long, and none leaves before it is known to be what was stored:
each begins with its length on disk, its length in full, and a check sum of its content. A head of its own is the end,
so that a file that lost its last pieces is no whole one.
"""

from __future__ import annotations

import errno
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import IO

from backports import zstd

from source_pigment.reading.inspection import MOST_LEAVE_BYTES, Rows

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
