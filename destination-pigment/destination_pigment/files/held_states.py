"""States that wait for their records to be stored: in memory while they are small, on disk beyond that."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from destination_pigment.files.spool import disk_errors_explained
from pigment_airbyte.failures import ConfigProblem

# What may wait in memory.
_MEMORY_BYTES = 4_000_000

# No transient error: the platform would send rows that are stored once more, by itself.
_LOST = (
    "States that were kept on the connector's disk cannot be read again, so Airbyte does not learn that their rows are "
    "stored, and the next sync sends these rows once more: see that the disk of the connector works, look at the "
    "blocks of streams that append, and run the sync again."
)

Held = bytes | tuple[int, int]


class HeldStates:
    """Keeps lines until they are taken; `new_path` says where the file goes, once one is needed."""

    def __init__(self, new_path: Callable[[], Path], *, memory_bytes: int = _MEMORY_BYTES) -> None:
        self._new_path = new_path
        self._memory_bytes = memory_bytes
        # Mutable state: the bytes in memory, those in the file that nobody has taken, and the file.
        self._in_memory = 0
        self._in_file = 0
        self._end = 0
        self._descriptor: int | None = None

    def put(self, line: bytes) -> Held:
        """Keep a line; raises `TransientProblem` when the disk is full."""
        if self._in_memory + len(line) <= self._memory_bytes:
            self._in_memory += len(line)
            return line
        with disk_errors_explained():
            if self._descriptor is None:
                self._descriptor = os.open(self._new_path(), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            held = self._end, len(line)
            left = memoryview(line)
            while left:
                written = os.pwrite(self._descriptor, left, self._end)
                self._end, left = self._end + written, left[written:]
        self._in_file += len(line)
        return held

    def take(self, held: Held) -> bytes:
        """The line again; it is kept no longer. Raises `ConfigProblem` where the disk does not give it back."""
        if isinstance(held, bytes):
            self._in_memory -= len(held)
            return held
        offset, size = held
        if self._descriptor is None:
            raise ValueError("nothing is held on disk")
        try:
            line = os.pread(self._descriptor, size, offset)
            self._in_file -= size
            if self._in_file == 0:
                os.ftruncate(self._descriptor, 0)
                self._end = 0
        except OSError:
            line = b""
        if len(line) < size:
            raise ConfigProblem(_LOST)
        return line

    def close(self) -> None:
        """Nothing is taken any more; the file goes with its folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
