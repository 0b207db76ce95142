"""What was rejected on arrival, on disk until the job that counts it takes it: private like every file of a sync.

Rejections of a stream are counted and taken in the order in which they came, so a number says which they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path

from destination_pigment.files.rejections import Rejection, Rows
from destination_pigment.files.spool import disk_errors_explained
from destination_pigment.input.configured_streams import DestinationStream, StreamKey
from destination_pigment.rejected_rows.record_values import values_of
from destination_pigment.rejected_rows.table import KeptRow, from_line, to_line


@dataclass(frozen=True, slots=True)
class HeldRows:
    """Rejected rows of one stream, as a part of a file."""

    path: Path
    begin: int
    end: int
    count: int

    def rows(self) -> Iterator[KeptRow]:
        """The rows."""
        with self.path.open("rb") as file:
            file.seek(self.begin)
            while file.tell() < self.end:
                yield from_line(file.readline())


@dataclass(slots=True)
class _StreamRows:
    """The rejected rows of a stream, and where the first is that nobody has taken."""

    path: Path
    file: FileIO
    taken: int = 0


class ArrivedRows:
    """Keeps what is rejected; `new_path` says where a file goes, once one is needed."""

    def __init__(self, new_path: Callable[[], Path], now: Callable[[], datetime]) -> None:
        self._new_path = new_path
        self._now = now
        # Mutable state: what was rejected, by stream.
        self._streams: dict[StreamKey, _StreamRows] = {}

    def add(self, stream: DestinationStream, rejection: Rejection) -> None:
        """Keep the rows of a rejection; raises `TransientProblem` when the disk is full."""
        at = self._now()
        lines = b"".join(
            to_line(KeptRow(rejection.reason, None, at, names, cells)) for names, cells in _rows(rejection)
        )
        with disk_errors_explained():
            left = memoryview(lines)
            while left:
                left = left[self._of(stream.key).file.write(left) :]

    def take(self, stream: StreamKey, count: int) -> HeldRows | None:
        """The next so many rows of a stream; None for none."""
        rows = self._streams.get(stream)
        if rows is None or count == 0:
            return None
        with rows.path.open("rb") as file:
            file.seek(rows.taken)
            for _ in range(count):
                file.readline()
            begin, rows.taken = rows.taken, file.tell()
        return HeldRows(rows.path, begin, rows.taken, count)

    def close(self) -> None:
        """Nothing is kept any more; the files go with their folder."""
        for each in self._streams.values():
            each.file.close()

    def _of(self, stream: StreamKey) -> _StreamRows:
        if stream not in self._streams:
            path = self._new_path()
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._streams[stream] = _StreamRows(path, FileIO(descriptor, "wb"))
        return self._streams[stream]


def _rows(rejection: Rejection) -> Iterator[tuple[tuple[str, ...], tuple[str | None, ...]]]:
    match rejection.rejected:
        case Rows(header=header, columns=columns):
            yield from ((header, cells) for cells in zip(*columns, strict=True))
        case record:
            yield values_of(record)
