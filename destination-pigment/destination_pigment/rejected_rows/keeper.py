"""Rejected rows on their way to the bucket: those rejected on arrival before the push, those of Pigment after it.

Where there is no bucket, nothing is done. Pigment numbers the rows that it rejects, or only counts them by reason; what
is only counted is written as counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from destination_pigment.input.catalog import DestinationStream
from destination_pigment.rejected_rows.bucket import BucketFailed
from destination_pigment.rejected_rows.csv_table import KeptRow, from_line
from destination_pigment.rejected_rows.store import RejectedRowStore
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.models import RejectedRow, SkippedData
from pigment_client.wording import counted

_NO_REASON = "rejected by Pigment"

# The data rows of a file, some at a time.
ReadRows = Callable[[], Iterable[list[list[str | None]]]]


@dataclass(frozen=True, slots=True)
class HeldRows:
    """Rows of one stream that were rejected on arrival, as a part of a file on disk."""

    path: Path
    begin: int
    end: int
    count: int

    def rows(self) -> Iterator[KeptRow]:
        """The rows."""
        with self.path.open("rb") as file:
            file.seek(self.begin)
            while file.tell() < self.end:
                yield from_line(file.readline())


@dataclass(frozen=True, slots=True)
class RejectedRowKeeper:
    """Brings rejected rows to the bucket, if there is one."""

    store: RejectedRowStore | None = None

    def keep_arrived(self, stream: DestinationStream, held: Sequence[HeldRows | None]) -> None:
        """Write what was rejected on arrival; raises `BucketFailed`: then nothing may be pushed.

        The text of the error is the whole sentence for the user.
        """
        found = [each for each in held if each is not None]
        if self.store is None or not found:
            return
        try:
            self.store.keep(stream.key, (row for each in found for row in each.rows()))
        except BucketFailed as failed:
            rows = counted(sum(each.count for each in found), "rejected row")
            sentence = (
                f'{rows} of the {stream.subject} could not be written to the bucket "{self.store.bucket.name}", '
                f"because {failed.cause}, so nothing of the file that they came with was sent to Pigment: "
                f"{failed.advice}, and run the sync again."
            )
            is_passing = failed.is_passing
            raise BucketFailed(failed.cause, failed.advice, is_passing=is_passing, sentence=sentence) from None

    def keep_imported(
        self,
        stream: DestinationStream,
        columns: tuple[str, ...],
        read_rows: ReadRows,
        rejected: int,
        numbered: Sequence[RejectedRow],
        skipped: Sequence[SkippedData],
    ) -> None:
        """Write what Pigment rejected of a file with these columns and rows; raises `BucketFailed`.

        `numbered` are the rejected rows that the response names, `skipped` those that it counts by reason.
        """
        if self.store is None or not rejected:
            return
        by_number = _by_number(numbered) if _are_quoted_right(columns, read_rows, numbered) else {}
        if 0 < len(by_number) <= rejected:
            self.store.keep(stream.key, _named_rows(columns, read_rows, by_number, self.store.now()))
        if len(by_number) < rejected:
            unnamed = skipped or (SkippedData(_NO_REASON, rejected - len(by_number)),)
            self.store.keep_counts(stream.key, unnamed)

    def sentence_after_push(self, failed: BucketFailed, stream: DestinationStream, rejected: int, stored: int) -> str:
        """What happened to rows that Pigment rejected while others are stored, up to what to do."""
        name = "" if self.store is None else self.store.bucket.name
        return (
            f"Pigment stored {counted(stored, 'row')} of the {stream.subject}, and {counted(rejected, 'row')} that it "
            f'rejected could not be written to the bucket "{name}", because {failed.cause}: {failed.advice}, and'
        )


KEEPS_NOTHING = RejectedRowKeeper()


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


def _are_quoted_right(columns: tuple[str, ...], read_rows: ReadRows, numbered: Sequence[RejectedRow]) -> bool:
    """Whether every number is that of a row that contains the value that the response quotes, if it quotes one."""
    left = _by_number(numbered)
    for number, row in _rows(read_rows):
        cells = dict(zip(columns, row, strict=False))
        for each in left.pop(number, ()):
            if each.value is not None and (cells.get(each.column or "", each.value) or "") != each.value:
                return False
    return not left


def _named_rows(
    columns: tuple[str, ...], read_rows: ReadRows, numbered: dict[int, list[RejectedRow]], at: datetime
) -> Iterator[KeptRow]:
    for number, row in _rows(read_rows):
        if errors := numbered.get(number):
            reasons = dict.fromkeys(each.code or _NO_REASON for each in errors)
            fields = dict.fromkeys(each.column for each in errors if each.column)
            yield KeptRow("; ".join(reasons), "; ".join(fields) or None, at, columns, tuple(row))


def _rows(read_rows: ReadRows) -> Iterator[tuple[int, list[str | None]]]:
    """The data rows and their numbers, from 1."""
    return enumerate((row for some in read_rows() for row in some), start=1)
