"""What becomes of the records of one stream on their way into files.

A record of a deduplicated stream is taken out if it is a deletion that is not sent (`deletions`), may be rejected
(`converter`), and is left out if an earlier one of its key counts (`latest`). Its row goes into the `segments`, with
the number of the earlier row that it replaces.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from destination_pigment.config import DeletedRows, FileLimits
from destination_pigment.files.converter import RecordConverter
from destination_pigment.files.deletions import DELETED, Deletions
from destination_pigment.files.latest import KeyMemory, Latest
from destination_pigment.files.lines import select_lines
from destination_pigment.files.rejected import RejectionsOnDisk
from destination_pigment.files.rows import Column, Rejection, Rows
from destination_pigment.files.segments import FileSegment, Segments
from destination_pigment.files.spool import Spool
from destination_pigment.input.catalog import WriteMode
from pigment_client.wording import counted
from pigment_csv.writer import CsvUnwritable
from pigment_native.csv_lines import CsvLineWriter

logger = logging.getLogger("airbyte.pigment.destination")

_NOT_UNICODE = "a text that is not valid Unicode"
_NO_KEY = "every column of its primary key is blank"


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
        self._csv = CsvLineWriter(converter.dialect)
        self._deletions = Deletions(self.stream, deleted_rows)
        self._memory = memory or KeyMemory()
        self._latest = Latest(self.stream, converter.dialect) if self.stream.primary_key else None
        self._scope = scope
        if self._latest is not None:
            self._memory.share(self._latest, self._forget_keys)
        self._segments = Segments(spool, converter.dialect, limits, clock)
        # All mutable state beyond the segments: whether keys were forgotten, what was rejected, by reason, how many
        # deletions are not sent, how many of these two the source has confirmed and were handed on, and the values of
        # the scope in all records of a deduplicated stream, including those that others replace.
        self._has_forgotten = False
        self._rejected: Counter[str] = Counter()
        self._deleted = 0
        self._kept_confirmed = 0
        self._kept_handed_on = 0
        self.scope_values: set[str | None] = set()

    @property
    def records(self) -> int:
        """The records that have not been popped."""
        return self._segments.records

    @property
    def waiting_seconds(self) -> float:
        """How long the first record has waited; 0 if none does."""
        return self._segments.waiting_seconds

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
        self._segments.open_segment().rejected += rejection.count
        self._rejected[rejection.reason] += rejection.count

    def raise_watermark(self) -> None:
        """The source confirms all that has come so far."""
        self._segments.raise_watermark()
        self._kept_confirmed = self._kept

    def pop_full(self) -> list[FileSegment]:
        """Remove and return the full files before the watermark."""
        return self._with_rejected_rows(self._segments.pop_full())

    def pop_confirmed(self) -> list[FileSegment]:
        """Remove and return everything before the watermark."""
        return self._with_rejected_rows(self._segments.pop_confirmed())

    def pop_all(self) -> list[FileSegment]:
        """Remove and return everything, under one header and in as few files as possible."""
        self._kept_confirmed = self._kept
        return self._with_rejected_rows(self._segments.pop_all(self.converter.file_header))

    def header_only(self) -> FileSegment:
        """A file without a row."""
        file = self.spool.new_file(self.converter.file_header, self.converter.dialect)
        file.finish()
        return FileSegment(file, is_open=False)

    @property
    def rejected_by_reason(self) -> Mapping[str, int]:
        """How many records were rejected for each reason."""
        return self._rejected

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

    def _with_rejected_rows(self, popped: list[FileSegment]) -> list[FileSegment]:
        """Rejected rows go with the first file that a state waits for: if they cannot be kept, none is pushed."""
        if popped and self._rejections is not None:
            popped[0].rejected_rows = self._rejections.read_back(self._kept_confirmed - self._kept_handed_on)
            self._kept_handed_on = self._kept_confirmed
        return popped

    def _write_sent(self, sent: Rows) -> None:
        """Check rows and write them."""
        if self._latest is not None:
            self._memory.free_some(self._latest)
            self._write_latest(sent, self._latest)
            return
        rows, lines, rejections = self._convert(sent)
        if rows.count:
            self._segments.append(self.converter.file_header, lines, rows.count)
        # After the rows, which may end in a later file: there may be states between these records (see `intake`), so
        # none may count in a file before those that came earlier.
        for each in rejections:
            self.reject(each)

    def _write_latest(self, sent: Rows, latest: Latest) -> None:
        """Write the rows that no other one replaces, and note those that they replace."""
        try:
            keys = latest.keys(sent)
        except CsvUnwritable:
            rest, rejection = self._without_unwritable(sent)
            self.reject(rejection)
            if rest.count:
                self._write_latest(rest, latest)
            return
        sent, cursors = Rows(sent.header, sent.columns, range(sent.count)), latest.cursors(sent)
        written, deleted = self._deletions.separate(sent)
        rows, lines, rejections = self._convert(self._with_key(written, keys, latest))
        # No state is between these records (see `intake`), so what is rejected may count before the rows.
        for each in rejections:
            self.reject(each)
        latest.require_distinct(keys, rows)
        places, is_row = _in_order(rows, deleted)
        if len(places) < len(keys):
            keys = [keys[place] for place in places]
            cursors = cursors and [cursors[place] for place in places]
        counts, replaced = latest.admit(keys, cursors, is_row, self._segments.rows)
        for some in (rows, deleted):
            if some is not None and self._scope in some.header:
                self.scope_values.update(some.columns[some.header.index(self._scope)])
        segment = self._segments.open_segment()
        if deleted is not None:
            self._count_deletions(segment, deleted, _part(counts, is_row, rows=False))
        if rows.count:
            which = _part(counts, is_row, rows=True)
            if which is not None and not all(which):
                segment.superseded += which.count(False)
                lines = select_lines(lines, which)
            self._segments.append(self.converter.file_header, lines, rows.count if which is None else which.count(True))
        self._segments.note_replaced(replaced, segment)

    def _convert(self, sent: Rows) -> tuple[Rows, bytes, list[Rejection]]:
        """The rows with their dates written, the same as lines, and what is rejected of them."""
        rows, rejections = self.converter.checked(sent)
        try:
            lines = self._csv.lines(self.converter.file_columns(rows))
        except CsvUnwritable:
            rows, unwritable = self._without_unwritable(rows)
            rejections.append(unwritable)
            lines = self._csv.lines(self.converter.file_columns(rows))
        return rows, lines, rejections

    def _without_unwritable(self, rows: Rows) -> tuple[Rows, Rejection]:
        """The rows without those that contain half of a surrogate pair, and these, which are rejected."""
        which = [all(cell is None or _is_unicode(cell) for cell in row) for row in zip(*rows.columns, strict=True)]
        return rows.selected(which), Rejection(_NOT_UNICODE, rows.selected([not each for each in which]))

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

    def _forget_keys(self) -> None:
        """Forget the keys that have come, and end the file that contains them."""
        if not self._has_forgotten:
            self._has_forgotten = True
            logger.warning(
                "The %s has more different keys than fit into memory, so of two records of a key that go in different "
                "files, the last to arrive counts from here on, even if its cursor is less: this changes nothing where "
                "the source sends records in the order of the cursor.",
                self.stream.subject,
            )
        self._segments.end_file()
        if self._latest is not None:
            self._latest.forget()


def _in_order(rows: Rows, deleted: Rows | None) -> tuple[Sequence[int], list[bool] | None]:
    """The places of rows and deletions as they arrived, and which are rows (None: all)."""
    if deleted is None:
        return rows.places, None
    are_rows = frozenset(rows.places)
    places = sorted([*rows.places, *deleted.places])
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
