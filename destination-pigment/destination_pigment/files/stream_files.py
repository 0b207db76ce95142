"""The rows of one stream cut into files, and how far the source has confirmed them.

A file ends where it is full. The watermark stands after the last row that the source has confirmed, with a state or
with COMPLETE; what may be pushed is everything before it.

On its way in, a record of a deduplicated stream is taken out if it is a deletion that is not sent (`deletions`), may be
rejected (`converter`), and is left out if an earlier one of its key counts (`latest`). A row that a later record
replaces is only noted: it is taken out of its file when that leaves, if the other stands before the same cut. So of two
records between which the source has sent a state, none replaces the other in a file that ends at that state. Where no
row is replaced and no column was added, a file leaves as it was written.
"""

from __future__ import annotations

import logging
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

import msgspec

from destination_pigment.config import DeletedRows, FileLimits
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.deletions import DELETED, Deletions
from destination_pigment.files.latest import NO_ROW, KeyMemory, Latest, ReplacedRows
from destination_pigment.files.lines import count_rows, select_lines, split_rows
from destination_pigment.files.rejected import RejectedOnArrival, RejectionsOnDisk
from destination_pigment.files.rows import Column, Rejection, Rows
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.input.catalog import WriteMode
from pigment_client.wording import counted
from pigment_csv.writer import CsvUnwritable
from pigment_native.csv_lines import CsvLineWriter

logger = logging.getLogger("airbyte.pigment.destination")

_NOT_UNICODE = "a text that is not valid Unicode"
_NO_KEY = "every column of its primary key is blank"


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
        """How many records of its segment stand before it."""
        return self.rows + self.rejected + self.deleted + self.superseded


class StreamFiles:
    """Writes the rows of a stream into files of limited size."""

    def __init__(
        self,
        converter: RecordConverter,
        spool: Spool,
        limits: FileLimits,
        rejections: RejectionsOnDisk | None = None,
        clock: Callable[[], float] = time.monotonic,
        deleted_rows: DeletedRows = DeletedRows.REPORT,
        memory: KeyMemory | None = None,
        scope: str | None = None,
    ) -> None:
        self.stream = converter.stream
        self.converter = converter
        self.spool = spool
        self.limits = limits
        self._rejections = rejections
        self._clock = clock
        self._csv = CsvLineWriter(converter.dialect)
        self._deletions = Deletions(self.stream, deleted_rows)
        self._memory = memory or KeyMemory()
        self._latest = Latest(self.stream, converter.dialect) if self.stream.primary_key else None
        self._scope = scope
        if self._latest is not None:
            self._memory.share(self._latest, self._forget_keys)
        # All mutable state: the segments (only the last may be open), how many rows were written, the watermark and how
        # many there were, since when a record waits, where keys were forgotten, what was rejected, by reason, how many
        # deletions are not sent, how many of these two the source has confirmed and were handed on, and the values of
        # the scope in all records of a deduplicated stream, those that others replace included.
        self._segments: list[FileSegment] = []
        self._rows = 0
        self._watermark: Watermark | None = None
        self._watermarks = 0
        self._waiting_since: float | None = None
        self._forgotten_at: set[int] = set()
        self._rejected: Counter[str] = Counter()
        self._deleted = 0
        self._kept_confirmed = 0
        self._kept_handed_on = 0
        self.scope_values: set[str | None] = set()

    @property
    def records(self) -> int:
        """The records that have not been popped."""
        return sum(segment.records for segment in self._segments)

    @property
    def waiting_seconds(self) -> float:
        """How long the first record has waited; 0 where none does."""
        return 0.0 if self._waiting_since is None else self._clock() - self._waiting_since

    def write_records(self, records: Sequence[msgspec.Raw]) -> None:
        """Convert records and write their rows; raises `ConfigProblem` where two keys become one."""
        for each in self.converter.convert(records):
            match each:
                case Rows():
                    self._write_sent(each)
                case Rejection():
                    self.reject(each)

    def write_columns(self, columns: Sequence[Column]) -> None:
        """Write records that `RecordConverter.parse_lines` has parsed; raises likewise."""
        self._write_sent(Rows(self.converter.header, columns))

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
            self._kept_confirmed = self._kept

    def pop_full(self) -> list[FileSegment]:
        """Remove and return the full files before the watermark."""
        if self._watermark is None:
            return []
        segment = self._segments[self._watermark.segments]
        ends_here = not segment.is_open and segment.records == self._watermark.records
        return self._pop(self._watermark.segments + ends_here)

    def pop_marked(self) -> list[FileSegment]:
        """Remove and return everything before the watermark; the file in which it stands is split there."""
        if self._watermark is None:
            return []
        self._split(self._watermark)
        return self._pop(self._watermark.segments + 1)

    def pop_all(self) -> list[FileSegment]:
        """Remove and return all rows, under one header and in as few files as can be."""
        for segment in self._segments:
            segment.close()
        files = [segment.file for segment in self._segments if segment.file is not None]
        widths = {part.columns for file in files for part in file.parts}
        if len(widths) > 1 or any(segment.replaced.positions(in_same_file=False) for segment in self._segments):
            self._rewrite()
        self._watermark = None
        self._kept_confirmed = self._kept
        return self._pop(len(self._segments))

    def header_only(self) -> FileSegment:
        """A file without a row."""
        file = self.spool.new_file(self.converter.header, self.converter.dialect)
        file.finish()
        return FileSegment(file, is_open=False)

    def log_rejected(self) -> None:
        """Log what was rejected and why."""
        for reason, count in sorted(self._rejected.items()):
            rejected = counted(count, "record was", "records were")
            logger.warning("%s rejected in the %s: %s.", rejected, self.stream.subject, reason)
        if self._deleted:
            logger.warning(
                "%s of the %s not sent, so Pigment may still have the rows that were deleted in the source: set "
                '"Deleted rows" to "blank" or "mark", or reload the stream.',
                counted(self._deleted, "deletion"),
                f"{self.stream.subject} {'was' if self._deleted == 1 else 'were'}",
            )
        self.converter.log_findings()

    @property
    def _kept(self) -> int:
        """How many records `RejectionsOnDisk` has been given, if there is one."""
        return self._rejected.total() + self._deleted

    def _pop(self, count: int) -> list[FileSegment]:
        """The one exit: remove and return the first segments, closed, and without the rows that others replace."""
        popped, self._segments = self._segments[:count], self._segments[count:]
        if self._watermark is not None:
            left = self._watermark.segments - count
            self._watermark = replace(self._watermark, segments=left) if left >= 0 else None
        if popped:
            self._waiting_since = self._clock() if self._segments else None
        for segment in popped:
            self._take_out_replaced(segment)
        # Rejected rows go with the first file that a state waits for: if they cannot be kept, none is pushed.
        if popped and self._rejections is not None:
            popped[0].rejected_rows = self._rejections.read_back(self._kept_confirmed - self._kept_handed_on)
            self._kept_handed_on = self._kept_confirmed
        return popped

    def _take_out_replaced(self, segment: FileSegment) -> None:
        rows = segment.replaced.positions(in_same_file=True)
        segment.replaced = ReplacedRows()
        if segment.file is None:
            return
        if len(rows) == segment.rows:
            segment.file.remove()
            segment.file = None
        elif rows or len(segment.file.parts) > 1:
            segment.file = self.spool.rewritten(segment.file, rows)
        segment.rows -= len(rows)
        segment.superseded += len(rows)

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
                after.file = self.spool.split(segment.file, mark.size_bytes, mark.rows)
                if not segment.is_open:
                    after.close()
            segment.rows, segment.rejected = mark.rows, mark.rejected
            segment.deleted, segment.superseded = mark.deleted, mark.superseded
            self._segments.insert(mark.segments + 1, after)
        segment.close()

    def _rewrite(self) -> None:
        """Write all rows that count once more, under the header that has all columns."""
        old, self._segments = self._segments, []
        header = self.converter.header
        for segment in old:
            if segment.first_row in self._forgotten_at and self._segments:
                # What was forgotten may stand twice, and never may in one file.
                self._segments[-1].close()
            target = self._open_segment()
            replaced = segment.replaced.positions(in_same_file=False)
            target.rejected += segment.rejected
            target.deleted += segment.deleted
            target.superseded += segment.superseded + len(replaced)
            if segment.file is not None:
                for lines in segment.file.read_lines(header, replaced):
                    self._append(header, lines, count_rows(lines))
                segment.file.remove()
        for segment in self._segments:
            segment.close()

    def _write_sent(self, sent: Rows) -> None:
        """Check rows and write them."""
        if self._latest is not None:
            self._memory.free_some()
            self._write_latest(sent, self._latest)
        elif (converted := self._convert(sent)) is not None:
            rows, lines = converted
            self._append(rows.header, lines, rows.count)

    def _write_latest(self, sent: Rows, latest: Latest) -> None:
        """Write the rows that no other one replaces, and note those that they replace."""
        try:
            keys = latest.keys(sent)
        except CsvUnwritable:
            if (rest := self._without_unwritable(sent)).count:
                self._write_latest(rest, latest)
            return
        sent, cursors = Rows(sent.header, sent.columns, range(sent.count)), latest.cursors(sent)
        written, deleted = self._deletions.separate(sent)
        converted = self._convert(self._with_key(written, keys, latest))
        if converted is not None:
            latest.require_distinct(keys, converted[0])
        places, is_row = _in_order(converted and converted[0], deleted)
        if len(places) < len(keys):
            keys = [keys[place] for place in places]
            cursors = cursors and [cursors[place] for place in places]
        counts, replaced = latest.admit(keys, cursors, is_row, self._rows)
        for each in (converted and converted[0], deleted):
            if each and self._scope in each.header:
                self.scope_values.update(each.columns[each.header.index(self._scope)])
        segment = self._open_segment()
        if deleted is not None:
            self._count_deletions(segment, deleted, _part(counts, is_row, rows=False))
        if converted is not None:
            rows, lines = converted
            which = _part(counts, is_row, rows=True)
            if which is not None and not all(which):
                segment.superseded += which.count(False)
                lines = select_lines(lines, which)
            self._append(rows.header, lines, rows.count if which is None else which.count(True))
        self._note_replaced(replaced, segment)

    def _convert(self, sent: Rows) -> tuple[Rows, bytes] | None:
        """The rows with their dates written, and as lines; those that cannot be written are rejected."""
        rows: Rows | None = None
        for each in self.converter.checked(sent):
            match each:
                case Rows():
                    rows = each
                case Rejection():
                    self.reject(each)
        if rows is None:
            return None
        try:
            return rows, self._csv.lines(rows.columns)
        except CsvUnwritable:
            rows = self._without_unwritable(rows)
            return (rows, self._csv.lines(rows.columns)) if rows.count else None

    def _without_unwritable(self, rows: Rows) -> Rows:
        """The rows without those that contain half of a surrogate pair, which are rejected."""
        which = [all(cell is None or _is_unicode(cell) for cell in row) for row in zip(*rows.columns, strict=True)]
        self.reject(Rejection(_NOT_UNICODE, rows.selected([not each for each in which])))
        return rows.selected(which)

    def _with_key(self, sent: Rows, keys: Sequence[bytes], latest: Latest) -> Rows:
        """The rows without those whose key is blank, which are rejected."""
        if latest.blank not in keys:
            return sent
        which = [keys[place] != latest.blank for place in sent.places]
        if not all(which):
            self.reject(Rejection(_NO_KEY, sent.selected([not each for each in which])))
        return sent.selected(which)

    def _count_deletions(self, segment: FileSegment, deleted: Rows, counts: Sequence[bool] | None) -> None:
        """Count deletions that are not sent; in what replaces a block, leaving the row out carries them out."""
        if self.stream.mode is WriteMode.REPLACE:
            segment.superseded += deleted.count
            return
        if counts is not None:
            segment.superseded += counts.count(False)
            deleted = deleted.selected(counts)
        if deleted.count:
            if self._rejections is not None:
                self._rejections.keep(Rejection(DELETED, deleted))
            segment.deleted += deleted.count
            self._deleted += deleted.count

    def _note_replaced(self, replaced: Sequence[tuple[int, int]], segment: FileSegment) -> None:
        """Note rows that records of this batch replace, whose deletions were counted in this segment."""
        first, its = self._segments[0].first_row, segment
        for old, new in replaced:
            if old < first:
                continue  # it has gone
            if not its.first_row <= old < its.end:
                its = self._segments[bisect_right(self._segments, old, key=lambda each: each.first_row) - 1]
            in_same_file = its is segment if new == NO_ROW else new < its.end
            its.replaced.note(old - its.first_row, self._watermarks, in_same_file=in_same_file)

    def _forget_keys(self) -> None:
        """Forget what has come; a file of which it is forgotten ends here."""
        if not self._forgotten_at:
            logger.warning(
                "The %s has more different keys than fit into memory, so of two records of a key that go in different "
                "files, the last to arrive counts from here on, even if its cursor is less: this changes nothing where "
                "the source sends records in the order of the cursor.",
                self.stream.subject,
            )
        if self._segments:
            self._segments[-1].close()
        self._forgotten_at.add(self._rows)
        if self._latest is not None:
            self._latest.forget()

    def _append(self, header: tuple[str, ...], lines: bytes, count: int) -> None:
        """Write so many rows, into further files where they do not fit into the open one.

        A single row always fits into an empty file, because it cannot be made smaller.
        """
        segment, file = self._open_file(header)
        most_rows, most_bytes = self.limits.max_rows, self.limits.max_bytes
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

    def _write_lines(self, segment: FileSegment, file: SpoolFile, lines: bytes, count: int) -> None:
        file.write(lines)
        segment.rows += count
        self._rows += count
        if segment.rows >= self.limits.max_rows or file.full_size_bytes >= self.limits.max_bytes:
            segment.close()

    def _open_segment(self) -> FileSegment:
        """The segment to which what comes is added."""
        if not self._segments or not self._segments[-1].is_open:
            self._segments.append(FileSegment(first_row=self._rows))
        if self._waiting_since is None:
            self._waiting_since = self._clock()
        return self._segments[-1]

    def _open_file(self, header: tuple[str, ...]) -> tuple[FileSegment, SpoolFile]:
        """The open segment and its file, which has this header from here on."""
        segment = self._open_segment()
        if segment.file is None:
            segment.file = self.spool.new_file(header, self.converter.dialect)
        elif segment.file.parts[-1].columns != header:
            segment.file.widen(header, segment.rows)
            if segment.file.full_size_bytes >= self.limits.max_bytes:
                segment.file.parts.pop()
                segment.close()
                return self._open_file(header)
        return segment, segment.file


def _in_order(rows: Rows | None, deleted: Rows | None) -> tuple[Sequence[int], list[bool] | None]:
    """The places of rows and deletions as they arrived, and which are rows (None: all)."""
    of_rows: Sequence[int] = () if rows is None else rows.places
    if deleted is None:
        return of_rows, None
    are_rows = frozenset(of_rows)
    places = sorted([*of_rows, *deleted.places])
    return places, [place in are_rows for place in places]


def _part(counts: list[bool] | None, is_row: Sequence[bool] | None, *, rows: bool) -> list[bool] | None:
    """Which of the rows, or of the deletions, count (None: all)."""
    if counts is None or is_row is None:
        return counts
    return [count for count, each in zip(counts, is_row, strict=True) if each is rows]


def _is_unicode(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True
