"""The rows of one stream cut into files, and how far the source has confirmed them.

A file ends where it is full. The watermark is after the last row that the source has confirmed, with a state or with
COMPLETE; what may be pushed is everything before it.

A row that a later record replaces is only noted: it is taken out of its file when that leaves, if both come before the
same cut. So of two records between which the source has sent a state, none replaces the other in a file that ends at
that state. If no row is replaced and no column was added, a file leaves as it was written.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from destination_pigment.config import FileLimits
from destination_pigment.files.latest import NO_ROW
from destination_pigment.files.lines import count_rows, split_rows
from destination_pigment.files.rejected import RejectedOnArrival
from destination_pigment.files.spool import Spool, SpoolFile
from pigment_csv.dialect import CsvDialect


class ReplacedRows:
    """Rows of a file that later records replace, each with how many watermarks there were when its record came.

    `in_same_file` says that the record was counted in the same file; a later cut may come between them.
    """

    def __init__(self) -> None:
        # Mutable state: the number of each row, doubled, and odd if the record was counted in the same file, in four
        # bytes (a file has at most a billion rows); and for each number of watermarks the first row noted under it.
        self._rows = array("I")
        self._watermarks = array("q")
        self._begins = array("q")

    def note(self, row: int, watermarks: int, *, in_same_file: bool) -> None:
        if not self._watermarks or self._watermarks[-1] != watermarks:
            self._watermarks.append(watermarks)
            self._begins.append(len(self._rows))
        self._rows.append(2 * row + in_same_file)

    def mask(self, rows: int, *, in_same_file: bool) -> bytearray:
        """Of this number of rows, a byte each: 0 for those that are replaced, or only by a record of the same file."""
        mask = bytearray(b"\1") * rows
        for noted in self._rows:
            if noted % 2 or not in_same_file:
                mask[noted // 2] = 0
        return mask

    def split(self, row: int, watermark: int) -> ReplacedRows:
        """Keep the rows before a watermark that records before it replace; those after it, counted from there."""
        before, after = ReplacedRows(), ReplacedRows()
        ends = [*self._begins, len(self._rows)][1:]
        for watermarks, begin, end in zip(self._watermarks, self._begins, ends, strict=True):
            for noted in self._rows[begin:end]:
                position, in_same_file = noted // 2, bool(noted % 2)
                if position >= row:
                    after.note(position - row, watermarks, in_same_file=in_same_file)
                elif watermarks < watermark:
                    before.note(position, watermarks, in_same_file=in_same_file)
        self._rows, self._watermarks, self._begins = before._rows, before._watermarks, before._begins
        return after


@dataclass(slots=True)
class FileSegment:
    """A file, the number of its rows, and how many records were rejected between them; no file where all were.

    `deleted` counts the records that say that a row was deleted in the source and that are not sent; `superseded` those
    that another record of the same key replaces, which count as stored with it.

    `rejected_rows` are those on disk, where they are kept: the first segment that is popped has all that the source has
    confirmed by then. While it is written, `first_row` is the number of its first row among all of the stream, and
    `replaced` are rows that other records replace.
    """

    file: SpoolFile | None = None
    rows: int = 0
    rejected: int = 0
    deleted: int = 0
    superseded: int = 0
    is_open: bool = True
    rejected_rows: RejectedOnArrival | None = None
    first_row: int = 0
    replaced: ReplacedRows = field(default_factory=ReplacedRows, repr=False, compare=False)

    @property
    def records(self) -> int:
        """The records that became its rows or that came between them."""
        return self.rows + self.rejected + self.deleted + self.superseded

    @property
    def size_bytes(self) -> int:
        return self.file.size_bytes if self.file is not None else 0

    @property
    def end(self) -> int:
        """The number after that of its last row."""
        return self.first_row + self.rows

    def mask(self, *, in_same_file: bool) -> bytearray:
        """A byte for each of its rows, 0 for those that are replaced; see `ReplacedRows.mask`."""
        return self.replaced.mask(self.rows, in_same_file=in_same_file)

    def close(self) -> None:
        """Finish the file; raises `TransientProblem` when the disk is full."""
        self.is_open = False
        if self.file is not None:
            self.file.finish()


@dataclass(frozen=True, slots=True)
class Watermark:
    """A place: after this number of segments, and in the next after these bytes and records; `number` counts them."""

    number: int
    segments: int
    size_bytes: int
    rows: int
    rejected: int
    deleted: int
    superseded: int

    @property
    def records(self) -> int:
        """How many records of its segment are before it."""
        return self.rows + self.rejected + self.deleted + self.superseded


class Segments:
    """Writes the rows of a stream into files of limited size, and gives them out up to the watermark or all."""

    def __init__(self, spool: Spool, dialect: CsvDialect, limits: FileLimits, clock: Callable[[], float]) -> None:
        self._spool = spool
        self._dialect = dialect
        self._limits = limits
        self._clock = clock
        # All mutable state: the segments (only the last may be open), how many rows were written, the watermark and how
        # many there were, since when a record waits, and at which rows keys were forgotten.
        self._segments: list[FileSegment] = []
        self.rows = 0
        self._watermark: Watermark | None = None
        self._watermarks = 0
        self._waiting_since: float | None = None
        self._forgotten_at: list[int] = []

    @property
    def records(self) -> int:
        """The records that have not been popped."""
        return sum(segment.records for segment in self._segments)

    @property
    def waiting_seconds(self) -> float:
        """How long the first record has waited; 0 where none does."""
        return 0.0 if self._waiting_since is None else self._clock() - self._waiting_since

    def raise_watermark(self) -> None:
        """The source confirms all that has come so far."""
        if self._segments:
            last = self._segments[-1]
            self._watermarks += 1
            self._watermark = Watermark(
                self._watermarks,
                len(self._segments) - 1,
                last.size_bytes,
                last.rows,
                last.rejected,
                last.deleted,
                last.superseded,
            )

    def pop_full(self) -> list[FileSegment]:
        """Remove and return the full files before the watermark."""
        if self._watermark is None:
            return []
        segment = self._segments[self._watermark.segments]
        ends_here = not segment.is_open and segment.records == self._watermark.records
        return self._pop(self._watermark.segments + ends_here)

    def pop_confirmed(self) -> list[FileSegment]:
        """Remove and return everything before the watermark; the file that contains it is split there."""
        if self._watermark is None:
            return []
        self._split(self._watermark)
        return self._pop(self._watermark.segments + 1)

    def pop_all(self, header: tuple[str, ...]) -> list[FileSegment]:
        """Remove and return all rows, under this header and in as few files as possible."""
        for segment in self._segments:
            segment.close()
        files = [segment.file for segment in self._segments if segment.file is not None]
        widths = {part.columns for file in files for part in file.parts}
        if len(widths) > 1 or any(0 in segment.mask(in_same_file=False) for segment in self._segments):
            self._rewrite(header)
        self._watermark = None
        return self._pop(len(self._segments))

    def end_file(self) -> None:
        """End the open file, because from here on earlier keys are not known: no file may contain rows of both."""
        if self._segments:
            self._segments[-1].close()
        self._forgotten_at.append(self.rows)

    def append(self, header: tuple[str, ...], lines: bytes, count: int) -> None:
        """Write this number of rows, into further files if they do not fit into the open one.

        A single row always fits into an empty file, because it cannot be made smaller.
        """
        segment, file = self._open_file(header)
        most_rows, most_bytes = self._limits.max_rows, self._limits.max_bytes
        if segment.rows + count <= most_rows and file.full_size_bytes + len(lines) <= most_bytes:
            self._write_lines(segment, file, lines, count)
            return
        ends = [0, *accumulate(len(row) + 2 for row in split_rows(lines))]
        begin = 0
        while begin < count:
            segment, file = self._open_file(header)
            room = most_bytes - file.full_size_bytes
            stop = min(bisect_right(ends, ends[begin] + room) - 1, begin + most_rows - segment.rows)
            if stop > begin or segment.rows == 0:
                stop = max(stop, begin + 1)
                self._write_lines(segment, file, lines[ends[begin] : ends[stop]], stop - begin)
                begin = stop
            if begin < count:
                segment.close()

    def note_replaced(self, replaced: Sequence[tuple[int, int]], segment: FileSegment) -> None:
        """Note rows that records of this batch replace, whose deletions were counted in this segment."""
        first, its = self._segments[0].first_row, segment
        for old, new in replaced:
            if old < first:
                continue  # it has gone
            if not its.first_row <= old < its.end:
                its = self._segments[bisect_right(self._segments, old, key=lambda each: each.first_row) - 1]
            in_same_file = its is segment if new == NO_ROW else new < its.end
            its.replaced.note(old - its.first_row, self._watermarks, in_same_file=in_same_file)

    def open_segment(self) -> FileSegment:
        """The segment to which what comes is added."""
        if not self._segments or not self._segments[-1].is_open:
            self._segments.append(FileSegment(first_row=self.rows))
        if self._waiting_since is None:
            self._waiting_since = self._clock()
        return self._segments[-1]

    def _pop(self, count: int) -> list[FileSegment]:
        """The one exit: remove and return the first segments, without the rows that others replace."""
        popped, self._segments = self._segments[:count], self._segments[count:]
        if self._watermark is not None:
            left = self._watermark.segments - count
            self._watermark = replace(self._watermark, segments=left) if left >= 0 else None
        if popped:
            self._waiting_since = self._clock() if self._segments else None
        for segment in popped:
            self._take_out_replaced(segment)
        return popped

    def _take_out_replaced(self, segment: FileSegment) -> None:
        mask = segment.mask(in_same_file=True)
        replaced = mask.count(0)
        segment.replaced = ReplacedRows()
        if segment.file is None:
            return
        if replaced == segment.rows:
            segment.file.remove()
            segment.file = None
        elif replaced or len(segment.file.parts) > 1:
            segment.file = self._spool.rewritten(segment.file, mask)
        segment.rows -= replaced
        segment.superseded += replaced

    def _split(self, mark: Watermark) -> None:
        segment = self._segments[mark.segments]
        if segment.records != mark.records:
            after = FileSegment(
                rows=segment.rows - mark.rows,
                rejected=segment.rejected - mark.rejected,
                deleted=segment.deleted - mark.deleted,
                superseded=segment.superseded - mark.superseded,
                is_open=segment.is_open,
                first_row=segment.first_row + mark.rows,
                # A record after the watermark replaces none before it.
                replaced=segment.replaced.split(mark.rows, mark.number),
            )
            if mark.rows == 0:
                after.file, segment.file = segment.file, None
            elif after.rows > 0 and segment.file is not None:
                after.file = self._spool.split(segment.file, mark.size_bytes, mark.rows)
                if not segment.is_open:
                    after.close()
            segment.rows, segment.rejected = mark.rows, mark.rejected
            segment.deleted, segment.superseded = mark.deleted, mark.superseded
            self._segments.insert(mark.segments + 1, after)
        segment.close()

    def _rewrite(self, header: tuple[str, ...]) -> None:
        """Write all rows that count once more, under one header."""
        old, self._segments = self._segments, []
        for segment in old:
            if segment.first_row in self._forgotten_at and self._segments:
                # A key that was forgotten may come again, and must not appear twice in one file.
                self._segments[-1].close()
            target = self.open_segment()
            mask = segment.mask(in_same_file=False)
            target.rejected += segment.rejected
            target.deleted += segment.deleted
            target.superseded += segment.superseded + mask.count(0)
            if segment.file is not None:
                for lines in segment.file.read_lines(header, mask):
                    self.append(header, lines, count_rows(lines))
                segment.file.remove()
        for segment in self._segments:
            segment.close()

    def _write_lines(self, segment: FileSegment, file: SpoolFile, lines: bytes, count: int) -> None:
        file.write(lines)
        segment.rows += count
        self.rows += count
        if segment.rows >= self._limits.max_rows or file.full_size_bytes >= self._limits.max_bytes:
            segment.close()

    def _open_file(self, header: tuple[str, ...]) -> tuple[FileSegment, SpoolFile]:
        """The open segment and its file, which has this header from here on."""
        segment = self.open_segment()
        if segment.file is None:
            segment.file = self._spool.new_file(header, self._dialect)
        elif segment.file.parts[-1].columns != header:
            segment.file.widen(header, segment.rows)
            if segment.file.full_size_bytes >= self._limits.max_bytes:
                segment.file.parts.pop()
                segment.close()
                return self._open_file(header)
        return segment, segment.file
