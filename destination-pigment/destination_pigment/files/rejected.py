"""What is rejected on arrival: the reason and the values, kept on disk until the job that counts it takes it.

Every record that does not become a row of a file passes `StreamFiles.reject` as a `Rejection`. Rejections of a stream
are counted and taken in the order in which they came, so a number says which they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path

from destination_pigment.files.rows import Column
from destination_pigment.files.spool import disk_errors_explained
from destination_pigment.input.catalog import DestinationStream, StreamKey
from destination_pigment.rejected_rows.csv_table import KeptRow, from_line, to_line, values_of


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as columns of cells, in the order of a header."""

    header: tuple[str, ...]
    columns: Sequence[Column]
    count: int


@dataclass(frozen=True, slots=True)
class Rejection:
    """Records that are rejected for one reason.

    `rejected` are rows with their cells as they came, or one record that is no row, as the bytes that came: its data,
    or the whole line where even that cannot be read.
    """

    reason: str
    rejected: Rows | bytes

    @property
    def count(self) -> int:
        """How many records."""
        return 1 if isinstance(self.rejected, bytes) else self.rejected.count


OnRejected = Callable[[DestinationStream, Rejection], None]


def leave_out(_stream: DestinationStream, _rejection: Rejection) -> None:
    """Keep nothing of what is rejected: it is counted and said, and its values are in nobody's hands."""


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
