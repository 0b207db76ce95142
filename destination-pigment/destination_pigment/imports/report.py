"""What Pigment reports of an import: how it is logged, and what stops the sync."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

from destination_pigment.files.dimension_checks import shortened
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.rejected_rows.store import BucketFailed
from pigment_airbyte.failures import ConfigProblem, TransientProblem
from pigment_client.models import CompletedImport, ImportCounts, RejectedRow, SkippedData
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import stored: its counts (None without a report), and how many rows were rejected for good.

    `numbered` are the rejected rows that the response names, `skipped` those that it counts by reason.
    `may_leave_rows` says that it ran in an import mode, in which Pigment may leave rows out. Where a
    `problem` came up behind the import, the rows are stored, and no state may say so.
    """

    counts: ImportCounts | None
    rejected: int
    numbered: tuple[RejectedRow, ...] = ()
    may_leave_rows: bool = False
    skipped: tuple[SkippedData, ...] = field(default=(), repr=False)
    problem: Exception | None = None

    @property
    def deleted(self) -> int | None:
        """How many rows it deleted; None where nobody knows."""
        return None if self.counts is None else self.counts.deleted

    @property
    def has_rows(self) -> bool:
        """Whether the block holds rows behind it for certain: stored by it, or there before and unchanged."""
        counts = self.counts
        return counts is not None and (counts.inserted + counts.updated > 0 or counts.skipped == 0)


class MayBeStored(ConfigProblem):
    """Rows may be in Pigment, or no longer: a repeat by the platform could do harm, so the user must look."""


class NotPushed(ConfigProblem):
    """The file was kept back; what was stored before it stands."""


class NotPushedYet(TransientProblem):
    """The same, for a reason that may pass."""


def not_pushed(failed: BucketFailed) -> NotPushed | NotPushedYet:
    """Rejected rows could not be written to the bucket, so the file that they came with was kept back."""
    return NotPushedYet(str(failed)) if failed.is_passing else NotPushed(str(failed))


@dataclass(frozen=True, slots=True)
class RowRules:
    """What the user wants done: stop at a rejected row; or a dry run, in which Pigment leaves out rows, or all."""

    fail_on_rejected: bool
    may_leave_rows: bool
    is_dry_run: bool = False

    def reject_arrived(self, rejected: int, subject: str) -> None:
        """Raise `NotPushed` where any row that was rejected on arrival is to stop the sync: nothing is sent then."""
        if rejected and self.fail_on_rejected:
            raise NotPushed(
                f"{counted(rejected, 'row')} of the {subject} could not go to Pigment, and nothing that came with it "
                'was sent, because "Rejected rows" is set to fail: see the log for reasons and columns, and fix the '
                'rows at their source, or set "Rejected rows" to report.'
            )

    def reject_rejected(self, rejected: int, stored: int, subject: str) -> None:
        """Raise `ConfigProblem` where any rejected row is to stop the sync."""
        if rejected and self.fail_on_rejected:
            raise ConfigProblem(
                f"Pigment rejected {counted(rejected, 'row')} of the {subject} and stored {stored:,}, which the next "
                'sync sends again, because "Rejected rows" is set to fail: see the log for reasons and columns, and '
                'fix the rows at their source, or set "Rejected rows" to report.'
            )

    def reject_contradiction(self, stream: DestinationStream, done: Imported, rows: int) -> None:
        """Raise `MayBeStored` where the counts cannot be those of the file; log it where they may be.

        Values that did not change may not count, nor cells that two rows share, so fewer is possible; more is not, and
        nothing at all is not either, unless rows are matched by a key, or a mode leaves them out.
        """
        counts = done.counts
        if counts is None:
            return
        written = counts.inserted + counts.updated
        may_be_unchanged = stream.mode is WriteMode.APPEND_DEDUP or self.may_leave_rows or done.may_leave_rows
        is_nothing = rows > 0 and written + counts.skipped == 0 and not may_be_unchanged
        sentence = (
            f"The file for the {stream.subject} has {counted(rows, 'row')}, and Pigment reports {counts.inserted:,} "
            f"inserted, {counts.updated:,} updated and {counts.skipped:,} skipped"
        )
        if written > rows or is_nothing:
            raise MayBeStored(
                f'{sentence}, which contradict each other: look at the block\'s "Update history" in Pigment before '
                "you run the sync again, which sends these rows once more."
            )
        if written + counts.skipped < rows:
            logger.warning("%s: the others may be unchanged, or share a cell; look at the block if in doubt.", sentence)


def log_result(subject: str, done: CompletedImport, rejected: int) -> None:
    """Say in the log what became of an import; values of rows are never quoted."""
    logger.info("Imported the %s: %s.", subject, in_words(done.counts))
    log_left_out(subject, done, rejected)


def in_words(counts: ImportCounts | None) -> str:
    """The counts of an import, if it has any."""
    if counts is None:
        return "Pigment gave no counts"
    deleted = "an unknown number" if counts.deleted is None else counts.deleted
    return f"{counts.inserted} inserted, {counts.updated} updated, {deleted} deleted, {counts.skipped} skipped"


def log_left_out(subject: str, done: CompletedImport, rejected: int) -> None:
    """Say in the log what an import did not take, by reason and column."""
    for skipped in done.skipped:
        logger.warning("Skipped in the %s: %s", subject, _say_skipped(skipped))
    if rejected and not done.skipped:
        places = Counter((row.code or "no code", row.column or "no column") for row in done.rejected_rows)
        for (code, column), count in sorted(places.items()):
            logger.warning(
                'Rejected in the %s: %s, %s in the column "%s".', subject, counted(count, "row"), code, column
            )


def _say_skipped(skipped: SkippedData) -> str:
    """The reason, column and count; samples only where they are names of dimension items, which are not values."""
    column = f' in the column "{skipped.column}"' if skipped.column else ""
    samples = ""
    if skipped.reason.startswith("MissingModalit") and skipped.samples:
        samples = ", such as " + ", ".join(f'"{shortened(sample)}"' for sample in skipped.samples[:5])
    return f"{counted(skipped.count, 'time')} {skipped.reason}{column}{samples}."
