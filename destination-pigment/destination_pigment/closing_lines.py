"""The lines that end the log of a sync: what became of each stream, and of all of them together."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from destination_pigment.imports.control_totals import describe_totals
from destination_pigment.imports.queue import Job, JobDone
from destination_pigment.input.catalog import DestinationStream, StreamKey
from pigment_client.wording import counted
from pigment_csv.totals import Totals

logger = logging.getLogger("airbyte.pigment.destination")


@dataclass(slots=True)
class _StreamLine:
    """What became of the records of one stream so far; `seconds` are those of its imports, one after the other.

    `sent` and `in_block` are control totals, if they are wanted: of the files, and of the block where it was counted.
    """

    rows: int = 0
    replaced: int = 0
    rejected: int = 0
    deletions: int = 0
    files: int = 0
    seconds: float = 0.0
    sent: Totals | None = None
    rejected_by_pigment: int = 0
    in_block: Totals | None = None

    @property
    def adds_nothing(self) -> bool:
        """Whether the line of its only import has said all of it."""
        return self.files <= 1 and not (self.replaced or self.rejected or self.deletions or self.sent is not None)

    def __str__(self) -> str:
        replaced = f" ({self.replaced:,} replaced by newer ones of the same key)" if self.replaced else ""
        deletions = f", {counted(self.deletions, 'deletion')} not sent" if self.deletions else ""
        totals = "" if self.sent is None else describe_totals(self.sent, self.rejected_by_pigment, self.in_block)
        return (
            f"{counted(self.rows, 'row')}{replaced}, {_rejected(self.rejected)}{deletions}, "
            f"{counted(self.files, 'file')} in {self.seconds:.1f} s{totals}"
        )


class ClosingLines:
    """Counts what became of the records of each stream, and logs it at the end; for one thread."""

    def __init__(self) -> None:
        # Mutable state: what is counted of each stream whose imports ended, and the records that may not be stored.
        self._lines: dict[StreamKey, _StreamLine] = defaultdict(_StreamLine)
        self._unconfirmed = 0
        self._began = time.monotonic()

    @property
    def rejected(self) -> int:
        """How many records were rejected, without deletions that are not sent."""
        return sum(each.rejected for each in self._lines.values())

    def count_job(self, job: Job, done: JobDone, *, stored: int) -> None:
        """Count the records of a job that has ended, of which this many are stored."""
        line, deletions = self._lines[job.stream.key], sum(each.deleted for each in job.segments)
        line.rows += stored
        line.replaced += sum(each.superseded for each in job.segments)
        line.rejected += sum(each.records for each in job.segments) - stored - deletions
        line.deletions += deletions
        line.files += sum(each.file is not None for each in job.segments)
        line.seconds += done.seconds
        if done.totals is not None:
            line.sent = line.sent or Totals()
            line.sent.add_totals(done.totals)
            line.rejected_by_pigment += done.rejected

    def note_block(self, key: StreamKey, in_block: Totals | None) -> None:
        """Note the control totals of a block that was counted."""
        if in_block is not None:
            self._lines[key].in_block = in_block

    def log_streams(self, streams: Iterable[DestinationStream], unconfirmed: Callable[[StreamKey], int]) -> None:
        """Log a line for each stream about which its imports did not log all.

        :param unconfirmed: how many records of a stream may not be stored.
        """
        for stream in streams:
            left = unconfirmed(stream.key)
            self._unconfirmed += left
            if left:
                logger.info(
                    "The %s was not stored completely: %s not confirmed; confirmed: %s.",
                    stream.subject,
                    counted(left, "record is", "records are"),
                    self._lines[stream.key],
                )
            elif stream.key in self._lines and not self._lines[stream.key].adds_nothing:
                logger.info("Stored the %s: %s.", stream.subject, self._lines[stream.key])

    def summary(self) -> str:
        """What is stored of all streams so far, for the last line of the log."""
        rows, streams = (
            sum(each.rows for each in self._lines.values()),
            sum(each.rows > 0 for each in self._lines.values()),
        )
        seconds = time.monotonic() - self._began
        left = f", {counted(self._unconfirmed, 'record')} not confirmed" if self._unconfirmed else ""
        return (
            f"Stored {counted(rows, 'row')} of {counted(streams, 'stream')}, {_rejected(self.rejected)}{left}, in "
            f"{seconds:.1f} s"
        )


def _rejected(count: int) -> str:
    return f"{count:,} rejected" if count else "none rejected"
