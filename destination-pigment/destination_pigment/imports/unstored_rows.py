"""Rows that are not stored, to the bucket: what was rejected on arrival before the push, what Pigment rejects after.

Where there is no bucket, nothing is done. Pigment numbers the rows it rejects, or only counts them by reason; what is
only counted is written as counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from destination_pigment.files.spool import SpoolFile
from destination_pigment.files.stream_files import FileSegment
from destination_pigment.imports.report import Imported, NotPushed, NotPushedYet
from destination_pigment.input.catalog import DestinationStream
from destination_pigment.rejected_rows.csv_table import KeptRow
from destination_pigment.rejected_rows.store import BucketFailed, RejectedRowStore
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.models import RejectedRow, SkippedData
from pigment_client.wording import counted

_NO_REASON = "rejected by Pigment"


@dataclass(frozen=True, slots=True)
class UnstoredRows:
    """Brings rejected rows to the bucket, if there is one."""

    store: RejectedRowStore | None = None

    def keep_arrived(self, stream: DestinationStream, cuts: Sequence[FileSegment]) -> None:
        """Write what was rejected on arrival; raises `NotPushed` or `NotPushedYet`: then nothing may be pushed."""
        held = [cut.held for cut in cuts if cut.held is not None]
        if self.store is None or not held:
            return
        try:
            self.store.keep(stream.key, (row for each in held for row in each.rows()))
        except BucketFailed as failed:
            rows = counted(sum(each.count for each in held), "rejected row")
            sentence = (
                f'{rows} of the {stream.subject} could not be written to the bucket "{self.store.bucket.name}", '
                f"because {failed.cause}, so nothing of the file that they came with was sent to Pigment: "
                f"{failed.advice}, and run the sync again."
            )
            raise (NotPushedYet(sentence) if failed.is_passing else NotPushed(sentence)) from None

    def keep_imported(self, stream: DestinationStream, file: SpoolFile, done: Imported) -> None:
        """Write what Pigment rejected of a file; raises `BucketFailed`."""
        if self.store is None or not done.rejected:
            return
        numbered = _by_number(done.numbered) if _are_quoted_right(file, done.numbered) else {}
        if 0 < len(numbered) <= done.rejected:
            self.store.keep(stream.key, _named_rows(file, numbered, self.store.now()))
        if len(numbered) < done.rejected:
            unnamed = done.skipped or (SkippedData(_NO_REASON, done.rejected - len(numbered)),)
            self.store.keep_counts(stream.key, unnamed)

    def sentence(self, failed: BucketFailed, stream: DestinationStream, rejected: int, stored: int) -> str:
        """What happened to rows that Pigment has rejected beside others that are stored, up to what to do."""
        name = "" if self.store is None else self.store.bucket.name
        return (
            f"Pigment stored {counted(stored, 'row')} of the {stream.subject}, and {counted(rejected, 'row')} that it "
            f'rejected could not be written to the bucket "{name}", because {failed.cause}: {failed.advice}, and'
        )


NOT_KEPT = UnstoredRows()


def problem_of(failed: BucketFailed, sentence: str) -> ConfigProblem | TransientProblem:
    """The failure as an error of the sync."""
    return TransientProblem(sentence) if failed.is_passing else ConfigProblem(sentence)


def unexpected(error: Exception) -> BucketFailed:
    """Any other error on the way to the bucket, which could happen again."""
    return BucketFailed(f"the connector met an error ({type(error).__name__})", "report it with the log of this sync")


def _by_number(numbered: Sequence[RejectedRow]) -> dict[int, list[RejectedRow]]:
    found: dict[int, list[RejectedRow]] = {}
    for each in numbered:
        found.setdefault(each.row, []).append(each)
    return found


def _are_quoted_right(file: SpoolFile, numbered: Sequence[RejectedRow]) -> bool:
    """Whether every number is that of a row, which holds the value that the response quotes, if it does."""
    left = _by_number(numbered)
    for number, row in _rows(file):
        cells = dict(zip(file.columns, row, strict=False))
        for each in left.pop(number, ()):
            if each.value is not None and (cells.get(each.column or "", each.value) or "") != each.value:
                return False
    return not left


def _named_rows(file: SpoolFile, numbered: dict[int, list[RejectedRow]], at: datetime) -> Iterator[KeptRow]:
    for number, row in _rows(file):
        if errors := numbered.get(number):
            reasons = dict.fromkeys(each.code or _NO_REASON for each in errors)
            fields = dict.fromkeys(each.column for each in errors if each.column)
            yield KeptRow("; ".join(reasons), "; ".join(fields) or None, at, file.columns, tuple(row))


def _rows(file: SpoolFile) -> Iterator[tuple[int, list[str | None]]]:
    """The data rows and their numbers, from 1."""
    return enumerate((row for some in file.read_rows() for row in some), start=1)
