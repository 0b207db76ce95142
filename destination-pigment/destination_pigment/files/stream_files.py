"""The rows of one stream cut into files, and how far the source has confirmed them.

A file ends where it is full and where its header grows. The watermark stands after the last row that the source has
confirmed, with a state or with COMPLETE; what may be pushed is everything before it.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from destination_pigment.config import FileLimits
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.rejected import RejectedOnArrival, RejectionsOnDisk
from destination_pigment.files.rows import Column, Rejection, Rows
from destination_pigment.files.spool import Spool, SpoolFile
from pigment_client.wording import counted
from pigment_csv.writer import CsvUnwritable
from pigment_native.csv_lines import CsvLineWriter

logger = logging.getLogger("airbyte.pigment.destination")

_NOT_UNICODE = "a text that is not valid Unicode"


@dataclass(slots=True)
class FileSegment:
    """A file, the number of its rows, and how many records were rejected between them; no file where all were.

    `deleted` counts the records that say that a row was deleted in the source and that are not sent; `superseded` those
    that another record of the same key replaces, which count as stored with it.

    `rejected_rows` are those on disk, where they are kept: the first segment that is popped has all that the source has
    confirmed by then.
    """

    file: SpoolFile | None = None
    rows: int = 0
    rejected: int = 0
    deleted: int = 0
    superseded: int = 0
    is_open: bool = True
    rejected_rows: RejectedOnArrival | None = None

    @property
    def records(self) -> int:
        """The records that became its rows or that came between them."""
        return self.rows + self.rejected + self.deleted + self.superseded

    @property
    def size_bytes(self) -> int:
        return self.file.size_bytes if self.file is not None else 0

    def close(self) -> None:
        """Finish the file; raises `TransientProblem` when the disk is full."""
        self.is_open = False
        if self.file is not None:
            self.file.finish()


@dataclass(frozen=True, slots=True)
class Watermark:
    """A place: after this number of segments, and in the next after these bytes, rows and rejected records."""

    segments: int
    size_bytes: int
    rows: int
    rejected: int


class StreamFiles:
    """Writes the rows of a stream into files of limited size."""

    def __init__(
        self,
        converter: RecordConverter,
        spool: Spool,
        limits: FileLimits,
        rejections: RejectionsOnDisk | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stream = converter.stream
        self.converter = converter
        self._spool = spool
        self._limits = limits
        self._rejections = rejections
        self._clock = clock
        self._csv = CsvLineWriter(converter.dialect)
        # All mutable state: the segments (only the last may be open), the watermark, since when a record waits, what
        # was rejected, by reason, and how many of these the source has confirmed and were handed on.
        self._segments: list[FileSegment] = []
        self._watermark: Watermark | None = None
        self._waiting_since: float | None = None
        self._rejected: Counter[str] = Counter()
        self._rejected_confirmed = 0
        self._rejected_handed_on = 0

    @property
    def records(self) -> int:
        """The records that have not been popped."""
        return sum(segment.records for segment in self._segments)

    @property
    def waiting_seconds(self) -> float:
        """How long the first record has waited; 0 where none does."""
        return 0.0 if self._waiting_since is None else self._clock() - self._waiting_since

    def write_records(self, records: Sequence[msgspec.Raw]) -> None:
        """Convert records and write their rows."""
        self._write_converted(self.converter.convert(records))

    def write_columns(self, columns: Sequence[Column]) -> None:
        """Write records that `RecordConverter.parse_lines` has parsed."""
        self._write_converted(self.converter.checked(columns))

    def reject(self, rejection: Rejection) -> None:
        """Count records that cannot become rows."""
        if self._rejections is not None:
            self._rejections.keep(rejection)
        self._open_segment().rejected += rejection.count
        self._rejected[rejection.reason] += rejection.count

    def raise_watermark(self) -> None:
        """The source confirms all that has come so far."""
        if self._segments:
            last = self._segments[-1]
            self._watermark = Watermark(len(self._segments) - 1, last.size_bytes, last.rows, last.rejected)
            self._rejected_confirmed = self._rejected.total()

    def pop_full(self) -> list[FileSegment]:
        """Remove and return the full files before the watermark."""
        if self._watermark is None:
            return []
        segment = self._segments[self._watermark.segments]
        ends_here = not segment.is_open and _ends_at(segment, self._watermark)
        return self._pop(self._watermark.segments + ends_here)

    def pop_marked(self) -> list[FileSegment]:
        """Remove and return everything before the watermark; the file in which it stands is split there."""
        if self._watermark is None:
            return []
        self._split(self._watermark)
        return self._pop(self._watermark.segments + 1)

    def pop_all(self) -> list[FileSegment]:
        """Remove and return all rows under one header: what replaces a block is one file if it can be."""
        for segment in self._segments:
            segment.close()
        if len({segment.file.columns for segment in self._segments if segment.file is not None}) > 1:
            self._rewrite()
        popped, self._segments, self._watermark = self._segments, [], None
        self._hand_on_rejected(popped, self._rejected.total())
        return popped

    def header_only(self) -> FileSegment:
        """A file without a row."""
        file = self._spool.new_file(self.converter.header, self.converter.dialect)
        file.finish()
        return FileSegment(file, is_open=False)

    def log_rejected(self) -> None:
        """Log what was rejected and why."""
        for reason, count in sorted(self._rejected.items()):
            rejected = counted(count, "record was", "records were")
            logger.warning("%s rejected in the %s: %s.", rejected, self.stream.subject, reason)
        self.converter.log_findings()

    def _pop(self, count: int) -> list[FileSegment]:
        popped, self._segments = self._segments[:count], self._segments[count:]
        if self._watermark is not None:
            left = self._watermark.segments - count
            self._watermark = replace(self._watermark, segments=left) if left >= 0 else None
        if popped:
            self._waiting_since = self._clock() if self._segments else None
        self._hand_on_rejected(popped, self._rejected_confirmed)
        return popped

    def _hand_on_rejected(self, popped: Sequence[FileSegment], up_to: int) -> None:
        """Hand on rejected rows with the first file that a state waits for: if they cannot be kept, none is pushed."""
        if popped and self._rejections is not None:
            popped[0].rejected_rows = self._rejections.read_back(up_to - self._rejected_handed_on)
            self._rejected_handed_on = up_to

    def _split(self, mark: Watermark) -> None:
        segment = self._segments[mark.segments]
        if not _ends_at(segment, mark):
            after = FileSegment(
                rows=segment.rows - mark.rows, rejected=segment.rejected - mark.rejected, is_open=segment.is_open
            )
            if mark.rows == 0:
                after.file, segment.file = segment.file, None
            elif after.rows > 0 and segment.file is not None:
                after.file = self._spool.split(segment.file, mark.size_bytes)
                if not segment.is_open:
                    after.close()
            segment.rows, segment.rejected = mark.rows, mark.rejected
            self._segments.insert(mark.segments + 1, after)
        segment.close()

    def _rewrite(self) -> None:
        """Write all rows once more, under the header that has all columns."""
        old, self._segments = self._segments, []
        header = self.converter.header
        for segment in old:
            self._open_segment().rejected += segment.rejected
            if segment.file is None:
                continue
            for rows in segment.file.read_rows():
                if rows:
                    cells = dict(zip(segment.file.columns, zip(*rows, strict=True), strict=False))
                    blank = (None,) * len(rows)
                    self._write(Rows(header, [cells.get(name, blank) for name in header]))
            segment.file.remove()
        for segment in self._segments:
            segment.close()

    def _write_converted(self, converted: Iterable[Rows | Rejection]) -> None:
        for each in converted:
            match each:
                case Rows():
                    self._write(each)
                case Rejection():
                    self.reject(each)

    def _write(self, rows: Rows) -> None:
        """Write rows, in halves where they do not fit into the file or one of them cannot be written.

        A single row always fits into an empty file, because it cannot be made smaller.
        """
        try:
            lines = self._csv.lines(rows.columns)
        except CsvUnwritable:
            if rows.count == 1:
                self.reject(Rejection(_NOT_UNICODE, rows))
            else:
                self._write_halves(rows)
            return
        segment, file = self._open_file(rows.header)
        most_rows, most_bytes = self._limits.max_rows, self._limits.max_bytes
        fits = segment.rows + rows.count <= most_rows and file.size_bytes + len(lines) <= most_bytes
        if not fits and rows.count > 1:
            self._write_halves(rows)
        elif not fits and segment.rows > 0:
            segment.close()
            self._write(rows)
        else:
            file.write(lines)
            segment.rows += rows.count
            if segment.rows >= most_rows or file.size_bytes >= most_bytes:
                segment.close()

    def _write_halves(self, rows: Rows) -> None:
        middle = rows.count // 2
        self._write(Rows(rows.header, [column[:middle] for column in rows.columns]))
        self._write(Rows(rows.header, [column[middle:] for column in rows.columns]))

    def _open_segment(self) -> FileSegment:
        """The segment to which what comes is added."""
        if not self._segments or not self._segments[-1].is_open:
            self._segments.append(FileSegment())
        if self._waiting_since is None:
            self._waiting_since = self._clock()
        return self._segments[-1]

    def _open_file(self, header: tuple[str, ...]) -> tuple[FileSegment, SpoolFile]:
        """The open segment and its file, which has this header."""
        segment = self._open_segment()
        if segment.file is not None and segment.file.columns != header:
            segment.close()
            segment = self._open_segment()
        if segment.file is None:
            segment.file = self._spool.new_file(header, self.converter.dialect)
        return segment, segment.file


def _ends_at(segment: FileSegment, mark: Watermark) -> bool:
    return (segment.rows, segment.rejected) == (mark.rows, mark.rejected)
