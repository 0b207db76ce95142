"""The rows of one stream cut into files, and how far the source has confirmed them.

A file is cut where it is full and where its header grows. A mark stands behind the last row that the source has
confirmed, with a state or with COMPLETE; what may go is everything before it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

import msgspec

from destination_pigment.config import FileLimits
from destination_pigment.files.converter import Converted, RecordConverter
from destination_pigment.files.rejected import HeldRows, OnRejected, Rejection, Rows, leave_out
from destination_pigment.files.rows import Column
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.input.catalog import DestinationStream, StreamKey
from pigment_client.wording import counted
from pigment_csv.dialect import CsvDialect
from pigment_csv.writer import CsvUnwritable
from pigment_native.csv_lines import CsvLineWriter


class Pushed(Enum):
    """What became of the rows."""

    ADDED = auto()
    FULL = auto()
    OVERFLOW = auto()


@dataclass(slots=True)
class Batch:
    """The rows of one file, counted in rows and encoded bytes, the header line included."""

    max_bytes: int
    max_rows: int
    header_bytes: int
    rows: int = 0
    row_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return self.header_bytes + self.row_bytes

    def push(self, rows: int, size_bytes: int) -> Pushed:
        """Count the rows if they fit: a single row fits into an empty file, because it cannot be made smaller."""
        fits = self.rows + rows <= self.max_rows and self.size_bytes + size_bytes <= self.max_bytes
        if not fits and not (self.rows == 0 and rows == 1):
            return Pushed.OVERFLOW
        self.rows += rows
        self.row_bytes += size_bytes
        full = self.rows >= self.max_rows or self.size_bytes >= self.max_bytes
        return Pushed.FULL if full else Pushed.ADDED


logger = logging.getLogger("airbyte.pigment.destination")

_NOT_UNICODE = "a text that is not valid Unicode"


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How files are written and when they are full, and who takes what is rejected before it is counted.

    `take_rejected` gives it back, so many rows of a stream at a time, in the order in which they were counted.
    """

    dialect: CsvDialect
    limits: FileLimits
    clock: Callable[[], float]
    on_rejected: OnRejected = leave_out
    take_rejected: Callable[[StreamKey, int], HeldRows | None] = lambda _stream, _count: None


@dataclass(slots=True)
class FileSegment:
    """A file, the number of its rows, and how many records were rejected beside them; no file where all were.

    `held` are rejected ones, where they are kept: the first cut that is taken has all that the source has vouched for.
    """

    file: SpoolFile | None = None
    batch: Batch | None = None
    rows: int = 0
    rejected: int = 0
    is_open: bool = True
    held: HeldRows | None = None

    @property
    def records(self) -> int:
        """The records that are in it or were rejected beside it."""
        return self.rows + self.rejected

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return self.file.size_bytes if self.file is not None else 0

    def close(self) -> None:
        """Nothing more comes in; raises `TransientProblem` when the disk is full."""
        self.is_open = False
        if self.file is not None:
            self.file.finish()


@dataclass(frozen=True, slots=True)
class Watermark:
    """A place: behind so many cuts, and within the next behind so many bytes, rows and rejected records."""

    cuts: int
    size_bytes: int
    rows: int
    rejected: int


class StreamFiles:
    """Cuts the rows of a stream into files."""

    def __init__(
        self, stream: DestinationStream, converter: RecordConverter, spool: Spool, options: FileOptions
    ) -> None:
        self.stream = stream
        self.converter = converter
        self._spool = spool
        self._options = options
        self._csv = CsvLineWriter(options.dialect)
        # All mutable state: the cuts (only the last may be open), the mark, since when a record waits, and what was
        # rejected, by reason.
        self._cuts: list[FileSegment] = []
        self._mark: Watermark | None = None
        self._waiting_since: float | None = None
        self._rejections: Counter[str] = Counter()
        self._vouched_rejections = 0
        self._given_rejections = 0

    @property
    def records(self) -> int:
        """The records that have not been taken."""
        return sum(cut.records for cut in self._cuts)

    @property
    def waiting_seconds(self) -> float:
        """How long the first record has waited; 0 where none does."""
        return 0.0 if self._waiting_since is None else self._options.clock() - self._waiting_since

    def write_records(self, records: Sequence[msgspec.Raw]) -> None:
        """Take records."""
        self._put_all(self.converter.convert(records))

    def write_columns(self, columns: Sequence[Column]) -> None:
        """Take records as columns; see `RecordConverter.parse_lines`."""
        self._put_all(self.converter.checked(columns))

    def reject(self, rejection: Rejection) -> None:
        """Count records that cannot become rows."""
        self._options.on_rejected(self.stream, rejection)
        self._last().rejected += rejection.count
        self._rejections[rejection.reason] += rejection.count

    def raise_watermark(self) -> None:
        """The source confirms all that has come so far."""
        if self._cuts:
            last = self._cuts[-1]
            self._mark = Watermark(len(self._cuts) - 1, last.size_bytes, last.rows, last.rejected)
            self._vouched_rejections = self._rejections.total()

    def pop_full(self) -> list[FileSegment]:
        """The full files before the mark."""
        if self._mark is None:
            return []
        cut = self._cuts[self._mark.cuts]
        ends_here = not cut.is_open and (cut.rows, cut.rejected) == (self._mark.rows, self._mark.rejected)
        return self._take(self._mark.cuts + ends_here)

    def pop_marked(self) -> list[FileSegment]:
        """All that stands before the mark, the last file cut there."""
        if self._mark is None:
            return []
        self._split(self._mark)
        return self._take(self._mark.cuts + 1)

    def pop_all(self) -> list[FileSegment]:
        """All rows, under one header: what replaces a block is one file if it can be."""
        for cut in self._cuts:
            cut.close()
        headers = {cut.file.columns for cut in self._cuts if cut.file is not None}
        if len(headers) > 1:
            self._recut()
        taken, self._cuts, self._mark = self._cuts, [], None
        self._give_rejected(taken, self._rejections.total())
        return taken

    def header_only(self) -> FileSegment:
        """A file without a row."""
        file = self._spool.new_file(self.converter.header, self._options.dialect)
        file.finish()
        return FileSegment(file, is_open=False)

    def summarize(self) -> None:
        """Say once what was rejected and why."""
        for reason, count in sorted(self._rejections.items()):
            rejected = counted(count, "record was", "records were")
            logger.warning("%s rejected in the %s: %s.", rejected, self.stream.subject, reason)
        self.converter.summarize()

    def _take(self, count: int) -> list[FileSegment]:
        taken, self._cuts = self._cuts[:count], self._cuts[count:]
        if self._mark is not None:
            left = self._mark.cuts - count
            self._mark = replace(self._mark, cuts=left) if left >= 0 else None
        if taken:
            self._waiting_since = self._options.clock() if self._cuts else None
        self._give_rejected(taken, self._vouched_rejections)
        return taken

    def _give_rejected(self, taken: Sequence[FileSegment], up_to: int) -> None:
        """Hand over rejected rows before the first file that a state waits for: where that fails, none is pushed."""
        if taken:
            taken[0].held = self._options.take_rejected(self.stream.key, up_to - self._given_rejections)
            self._given_rejections = up_to

    def _split(self, mark: Watermark) -> None:
        """FileSegment at the mark."""
        cut = self._cuts[mark.cuts]
        if (cut.rows, cut.rejected) == (mark.rows, mark.rejected):
            cut.close()
            return
        behind = FileSegment(rows=cut.rows - mark.rows, rejected=cut.rejected - mark.rejected, is_open=cut.is_open)
        if mark.rows == 0:
            behind.file, cut.file, behind.batch = cut.file, None, cut.batch
        elif behind.rows > 0 and cut.file is not None:
            behind.file = self._spool.split(cut.file, mark.size_bytes)
            behind.batch = self._batch(behind.file, behind.rows)
            if not cut.is_open:
                behind.close()
        cut.rows, cut.rejected = mark.rows, mark.rejected
        cut.close()
        self._cuts.insert(mark.cuts + 1, behind)

    def _recut(self) -> None:
        """Write all rows once more under the header that has all columns."""
        old, self._cuts = self._cuts, []
        header = self.converter.header
        for cut in old:
            self._last().rejected += cut.rejected
            if cut.file is None:
                continue
            for rows in cut.file.read_rows():
                cells = dict(zip(cut.file.columns, zip(*rows, strict=True), strict=False))
                blank = (None,) * len(rows)
                if rows:
                    self._put(Rows(header, [cells.get(name, blank) for name in header], len(rows)))
            cut.file.remove()
        for cut in self._cuts:
            cut.close()

    def _put_all(self, converted: Iterable[Converted]) -> None:
        for each in converted:
            match each:
                case Rows():
                    self._put(each)
                case Rejection():
                    self.reject(each)

    def _put(self, rows: Rows) -> None:
        """Write rows, in halves where they do not fit into the file or one of them cannot be written."""
        try:
            lines = self._csv.lines(rows.columns)
        except CsvUnwritable:
            if rows.count == 1:
                self.reject(Rejection(_NOT_UNICODE, rows))
            else:
                self._put_halves(rows)
            return
        cut, file, batch = self._open(rows.header)
        match batch.push(rows.count, len(lines)):
            case Pushed.OVERFLOW if rows.count > 1:
                self._put_halves(rows)
            case Pushed.OVERFLOW:
                cut.close()
                self._put(rows)
            case pushed:
                file.write(lines)
                cut.rows += rows.count
                if pushed is Pushed.FULL:
                    cut.close()

    def _put_halves(self, rows: Rows) -> None:
        middle = rows.count // 2
        self._put(Rows(rows.header, [column[:middle] for column in rows.columns], middle))
        self._put(Rows(rows.header, [column[middle:] for column in rows.columns], rows.count - middle))

    def _last(self) -> FileSegment:
        """The open cut."""
        if not self._cuts or not self._cuts[-1].is_open:
            self._cuts.append(FileSegment())
        if self._waiting_since is None:
            self._waiting_since = self._options.clock()
        return self._cuts[-1]

    def _open(self, header: tuple[str, ...]) -> tuple[FileSegment, SpoolFile, Batch]:
        """The open cut with a file of this header."""
        cut = self._last()
        if cut.file is not None and cut.file.columns != header:
            cut.close()
            cut = self._last()
        if cut.file is None or cut.batch is None:
            cut.file = self._spool.new_file(header, self._options.dialect)
            cut.batch = self._batch(cut.file, 0)
        return cut, cut.file, cut.batch

    def _batch(self, file: SpoolFile, rows: int) -> Batch:
        limits = self._options.limits
        return Batch(limits.max_bytes, limits.max_rows, file.header_bytes, rows, file.size_bytes - file.header_bytes)
