"""What is rejected on arrival: reasons and values, kept on disk until the job that counts them reads them back.

Every record that does not become a row of a file passes `StreamFiles.reject` as a `Rejection`. Rejections of a stream
are counted and read back in the order in which they came, so their number is enough to say which they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Protocol

from destination_pigment.files.rows import Rejection, Rows
from destination_pigment.files.spool import Spool, disk_errors_explained
from destination_pigment.rejected_rows.csv_table import KeptRow, to_line, values_of
from destination_pigment.rejected_rows.store import HeldRows


class Rejections(Protocol):
    """Where the rejections of one stream go until the job that counts them reads them back."""

    def keep(self, rejection: Rejection) -> None:
        """Keep the rows of a rejection; raises `TransientProblem` when the disk is full."""

    def read_back(self, count: int) -> HeldRows | None:
        """The next `count` rows, in the order in which they were kept; None for none."""


class RejectionsNotKept:
    """Where no bucket is configured: what is rejected is counted and logged, and its values are kept nowhere."""

    def keep(self, rejection: Rejection) -> None:
        """Keep nothing."""

    def read_back(self, count: int) -> None:
        """Nothing was kept."""


NOT_KEPT = RejectionsNotKept()


class RejectionsOnDisk:
    """Keeps what is rejected of a stream on disk; the file is created for the first of them."""

    def __init__(self, spool: Spool, now: Callable[[], datetime]) -> None:
        self._spool = spool
        self._now = now
        # Mutable state: the file, and where the first row begins that has not been read back.
        self._file: FileIO | None = None
        self._begin = 0

    def keep(self, rejection: Rejection) -> None:
        """Keep the rows of a rejection; raises `TransientProblem` when the disk is full."""
        at = self._now()
        lines = b"".join(
            to_line(KeptRow(rejection.reason, None, at, names, cells)) for names, cells in _rows(rejection)
        )
        with disk_errors_explained():
            if self._file is None:
                self._file = self._spool.open_side_file(".rejected")
            left = memoryview(lines)
            while left:
                left = left[self._file.write(left) :]

    def read_back(self, count: int) -> HeldRows | None:
        """The next `count` rows, in the order in which they were kept; None for none."""
        if self._file is None or count == 0:
            return None
        path = Path(self._file.name)
        with path.open("rb") as file:
            file.seek(self._begin)
            for _ in range(count):
                file.readline()
            begin, self._begin = self._begin, file.tell()
        return HeldRows(path, begin, self._begin, count)


def _rows(rejection: Rejection) -> Iterator[tuple[tuple[str, ...], tuple[str | None, ...]]]:
    match rejection.rejected:
        case Rows(header=header, columns=columns):
            yield from ((header, cells) for cells in zip(*columns, strict=True))
        case record:
            yield values_of(record)
