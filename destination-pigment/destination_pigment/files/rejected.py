"""What is rejected on arrival: reasons and values, kept on disk until the job that counts them reads them back.

A record is rejected in one of four places: `RowConverter.convert` (`files/rows.py`) if it is no object or has a value
that cannot be written; `RecordConverter.checked` (`files/converter.py`) for its dates and dimension checks;
`StreamFiles` for text that is not Unicode and for a blank key; `Intake` for a line that is not JSON.
`StreamFiles.reject` counts it and, where a bucket is configured, keeps it here.

Rejections of a stream are read back in the order in which they came, so their number is enough to say which they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from destination_pigment.files.rows import Rejection, Rows
from destination_pigment.files.spool import Spool, disk_errors_explained
from destination_pigment.rejected_rows.csv_table import KeptRow, from_line, to_line, values_of


@dataclass(frozen=True, slots=True)
class RejectedOnArrival:
    """Rows of one stream that were rejected on arrival, as a part of a file on disk."""

    path: Path
    begin: int
    end: int
    count: int

    def rows(self) -> Iterator[KeptRow]:
        with self.path.open("rb") as file:
            file.seek(self.begin)
            while file.tell() < self.end:
                yield from_line(file.readline())


class RejectionsOnDisk:
    """Keeps what is rejected of a stream on disk; the file is created for the first of them."""

    def __init__(self, spool: Spool, now: Callable[[], datetime]) -> None:
        self._spool = spool
        self._now = now
        # Mutable state: the file, and where the first row begins that has not been read back.
        self._path: Path | None = None
        self._begin = 0

    def keep(self, rejection: Rejection) -> None:
        """Keep the rows of a rejection; raises `TransientProblem` when the disk is full."""
        at = self._now()
        lines = b"".join(
            to_line(KeptRow(rejection.reason, None, at, names, cells)) for names, cells in _rows(rejection)
        )
        if self._path is None:
            self._path = self._spool.new_path(".rejected")
        with disk_errors_explained():
            self._spool.open_files.append(self._path, lines)

    def read_back(self, count: int) -> RejectedOnArrival | None:
        """The next `count` rows, in the order in which they were kept; None for none.

        Raises `TransientProblem` when the disk is full.
        """
        path = self._path
        if path is None or count == 0:
            return None
        with disk_errors_explained():
            self._spool.open_files.close(path)
        with path.open("rb") as file:
            file.seek(self._begin)
            for _ in range(count):
                file.readline()
            begin, self._begin = self._begin, file.tell()
        return RejectedOnArrival(path, begin, self._begin, count)


def _rows(rejection: Rejection) -> Iterator[tuple[tuple[str, ...], tuple[str | None, ...]]]:
    match rejection.rejected:
        case Rows(header=header, columns=columns):
            yield from ((header, cells) for cells in zip(*columns, strict=True))
        case record:
            yield values_of(record)
