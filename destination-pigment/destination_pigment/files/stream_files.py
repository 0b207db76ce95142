"""The records of one stream on their way into files."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from destination_pigment.config import FileLimits
from destination_pigment.files.batch import Batch, Pushed
from destination_pigment.files.columns import Column, ColumnMaker
from destination_pigment.files.dimension_checks import CheckedColumn
from destination_pigment.files.rows import Cells, NewColumns, Refused, RowMaker
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.imports.queue import Job
from destination_pigment.input.configured_streams import DestinationStream
from destination_pigment.targets import Target
from pigment_csv.dialect import CsvDialect
from pigment_csv.writer import CsvUnwritable, CsvWriter

logger = logging.getLogger("airbyte.pigment.destination")


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How files are written and when they are full."""

    dialect: CsvDialect
    limits: FileLimits
    clock: Callable[[], float]


class StreamWriter:
    """Fills files with the records of a stream, and hands over those that are full: each is a job of its own."""

    def __init__(
        self,
        stream: DestinationStream,
        target: Target,
        checks: Sequence[CheckedColumn],
        spool: Spool,
        options: FileOptions,
    ) -> None:
        self.stream = stream
        self.target = target
        self._checks = tuple(checks)
        self._spool = spool
        self._options = options
        self._csv = CsvWriter(options.dialect)
        self._maker = RowMaker(stream.columns, options.dialect)
        self._columns = ColumnMaker(stream, stream.columns, options.dialect)
        # All mutable state: the file being filled and how full it is, files that are full (replacing), jobs to hand
        # over, records counted into the open file or files, and what was refused, by reason.
        self._file: SpoolFile | None = None
        self._batch: Batch | None = None
        self._finished: list[SpoolFile] = []
        self._jobs: list[Job] = []
        self._records = 0
        self._refused = 0
        self._opened_at: float | None = None
        self._refusals: Counter[str] = Counter()

    def columns_of(self, block: bytes) -> Sequence[Column] | None:
        """The columns of a block of lines, if all of them are records of this stream and nothing needs a look."""
        return None if self._checks else self._columns.from_lines(block)

    def add_columns(self, columns: Sequence[Column]) -> None:
        """Take records as columns."""
        self._note_begin()
        self._put(columns, len(columns[0]))

    def add(self, records: Sequence[msgspec.Raw]) -> None:
        """Take records."""
        self._note_begin()
        columns = None if self._checks else self._columns.from_records(records)
        if columns is None:
            self._add_plainly(records)
        else:
            self._put(columns, len(records))

    def _note_begin(self) -> None:
        if self._opened_at is None:
            self._opened_at = self._options.clock()

    def _add_plainly(self, records: Sequence[msgspec.Raw]) -> None:
        rows: list[Cells] = []
        for record in records:
            made = self._maker.make(record)
            if isinstance(made, NewColumns):
                self._put_rows(rows)
                rows = []
                self._widen(made.names)
                made = self._maker.make(record)
            if isinstance(made, list) and self._passes(made):
                rows.append(made)
            elif not isinstance(made, NewColumns):
                self.refuse(made.reason if isinstance(made, Refused) else "an unknown item of a dimension")
        self._put_rows(rows)

    def take_jobs(self) -> list[Job]:
        """The jobs that are ready."""
        jobs, self._jobs = self._jobs, []
        return jobs

    def is_old(self) -> bool:
        """Whether the open file has waited long enough."""
        if self._opened_at is None:
            return False
        return self._options.clock() - self._opened_at >= self._options.limits.max_age.total_seconds()

    def flush(self) -> None:
        """Make a job of what is there, if anything is."""
        self._close_file()
        if self._records:
            self._hand_over()

    def summarize(self) -> None:
        """Say once what was refused and why."""
        for reason, count in sorted(self._refusals.items()):
            logger.warning("%d record(s) of the %s were refused: %s.", count, self.stream.subject, reason)
        for check in self._checks:
            check.summarize()

    def _passes(self, cells: Cells) -> bool:
        return all(check.lets_pass(cells, self._maker.columns) for check in self._checks)

    def refuse(self, reason: str) -> None:
        """Count a record that cannot become a row."""
        self._note_begin()
        self._records += 1
        self._refused += 1
        self._refusals[reason] += 1

    def _put_rows(self, rows: list[Cells]) -> None:
        if rows:
            self._put(list(zip(*rows, strict=True)), len(rows))

    def _put(self, columns: Sequence[Column], count: int) -> None:
        """Write rows, in halves where they do not fit into the file or one of them cannot be written."""
        try:
            lines = self._csv.columns(columns)
        except CsvUnwritable:
            if count == 1:
                self.refuse("a text that is not valid Unicode")
                return
            self._put_halves(columns, count)
            return
        file, batch = self._open()
        match batch.push(count, len(lines)):
            case Pushed.OVERFLOW if count > 1:
                self._put_halves(columns, count)
            case Pushed.OVERFLOW:
                self._full()
                self._put(columns, count)
            case pushed:
                file.write(lines)
                self._records += count
                if pushed is Pushed.FULL:
                    self._full()

    def _put_halves(self, columns: Sequence[Column], count: int) -> None:
        middle = count // 2
        self._put([column[:middle] for column in columns], middle)
        self._put([column[middle:] for column in columns], count - middle)

    def _open(self) -> tuple[SpoolFile, Batch]:
        if self._file is None or self._batch is None:
            self._file = self._spool.new_file(self._maker.columns)
            limits = self._options.limits
            self._batch = Batch(limits.max_bytes, limits.max_rows, self._file.header_bytes)
            if self._opened_at is None:
                self._opened_at = self._options.clock()
        return self._file, self._batch

    def _full(self) -> None:
        """The open file can take no more."""
        self.flush()

    def _close_file(self) -> None:
        if self._file is not None:
            file, self._file, self._batch = self._file, None, None
            file.finish()
            self._finished.append(file)

    def _hand_over(self) -> None:
        if self._finished or self._records:
            self._jobs.append(Job(self.stream, self.target, tuple(self._finished), self._records, self._refused))
        self._finished, self._records, self._refused, self._opened_at = [], 0, 0, None

    def _widen(self, names: tuple[str, ...]) -> None:
        """A wider header from here on."""
        logger.warning(
            "The %s has columns that its schema lacks: %s. They are sent: refresh the schema of the connection, and "
            "see that the import configuration maps them.",
            self.stream.subject,
            ", ".join(f'"{name}"' for name in names),
        )
        columns = sorted({*self._maker.columns, *names})
        self._widen_files(columns)
        self._maker = RowMaker(columns, self._options.dialect)
        self._columns = ColumnMaker(self.stream, columns, self._options.dialect)

    def _widen_files(self, columns: Sequence[str]) -> None:  # noqa: ARG002 - what has the old header goes as it is
        self.flush()
