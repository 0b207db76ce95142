"""A stream that adds to its block: files go while records come, as soon as the source has confirmed their rows."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, replace

from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.files.stream_files import FileSegment, StreamFiles
from destination_pigment.imports.deletions import maybe_deleted
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.report import Imported, MayBeStored, not_pushed
from destination_pigment.input.cancel import Cancelled
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.rejected_rows.store import (
    KEEPS_NOTHING,
    BucketFailed,
    RejectedRowKeeper,
    problem_of,
    unexpected,
)
from destination_pigment.targets import Target
from pigment_airbyte.failures import TransientProblem, explain
from pigment_client.errors import ImportFailed, ImportOutcomeUnknown
from pigment_client.models import RejectedRow
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")


class Append:
    """What becomes of the records of a stream that appends."""

    def __init__(
        self,
        stream: DestinationStream,
        target: Target,
        files: StreamFiles,
        spool: Spool,
        unstored: RejectedRowKeeper = KEEPS_NOTHING,
    ) -> None:
        self.stream = stream
        self.files = files
        self._target = target
        self._spool = spool
        self._unstored = unstored

    @property
    def configuration_id(self) -> str:
        """The import configuration that takes its files."""
        return self._target.configuration_id

    def due(self, max_age_seconds: float) -> list[AppendJob]:
        """The files that may go now: the full ones, and all once a record has waited so long."""
        is_old = self.files.waiting_seconds >= max_age_seconds
        return self._jobs(self.files.pop_marked() if is_old else self.files.pop_full())

    def last(self) -> list[AppendJob]:
        """What may go at the end of the input."""
        return self._jobs(self.files.pop_marked())

    def reject_held_back(self) -> None:
        """Raise `TransientProblem` where records came that the source has not confirmed."""
        if count := self.files.records:
            raise TransientProblem(
                f"The source did not finish the {self.stream.subject}, so what came behind its last state "
                f"({counted(count, 'record')}) was held back and not sent to Pigment: run the sync again, and the "
                "source sends it again."
            )

    def _jobs(self, cuts: list[FileSegment]) -> list[AppendJob]:
        return [AppendJob(self.stream, self._target.configuration_id, cut, self._spool, self._unstored) for cut in cuts]


@dataclass(frozen=True, slots=True)
class AppendJob:
    """One file to add."""

    stream: DestinationStream
    configuration_id: str
    cut: FileSegment
    spool: Spool
    unstored: RejectedRowKeeper = KEEPS_NOTHING

    @property
    def files(self) -> tuple[SpoolFile, ...]:
        """The file, if any row is in it."""
        return (self.cut.file,) if self.cut.file is not None else ()

    @property
    def records(self) -> int:
        """The records that it settles."""
        return self.cut.records

    @property
    def rejected(self) -> int:
        """How many of them were rejected on arrival."""
        return self.cut.rejected

    @property
    def is_certain(self) -> bool:
        """A configuration that clears deletes it with the next file."""
        return not self.files

    def run(self, importer: Importer) -> Imported:
        """Import the file; raises `MayBeStored`, `ConfigProblem`, `TransientProblem` or a `PigmentError`."""
        done = Imported(None, 0)
        if self.cut.held is not None and importer.cancelled:
            raise Cancelled
        try:
            self.unstored.keep_arrived(self.stream, [self.cut.held])
        except BucketFailed as failed:
            raise not_pushed(failed) from None
        importer.rules.reject_arrived(self.cut.rejected, self.stream.subject)
        if self.cut.file is not None:
            importer.deletions.reject_next(self.configuration_id, self.stream.subject)
            done = self._import(importer, self.cut.file)
            self._reject_deletion(importer, done)
            importer.rules.reject_contradiction(self.stream, done, self.cut.rows)
            if self._may_send_again(done) and not importer.cancelled:
                done = self._rejected_again(importer, self.cut.file, done)
            done = self._kept(self.cut.file, done)
        if done.problem is None:
            stored = self.cut.rows - done.rejected
            importer.rules.reject_rejected(done.rejected, stored, self.stream.subject)
        return done

    def _kept(self, file: SpoolFile, done: Imported) -> Imported:
        """The result, with a problem where rows that Pigment rejected could not be written to the bucket."""
        try:
            self.unstored.keep_imported(
                self.stream, file.columns, file.read_rows, done.rejected, done.numbered, done.skipped
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the other rows are stored, and may not be doubled
            failed = error if isinstance(error, BucketFailed) else unexpected(error)
            stored = self.cut.rows - done.rejected
            sentence = self.unstored.sentence_after_push(failed, self.stream, done.rejected, stored)
            if self.stream.mode is WriteMode.APPEND_DEDUP:
                again = f"{sentence} run the sync again: rows that are matched by a key may be sent twice."
                return replace(done, problem=problem_of(failed, again))
            problem = MayBeStored(
                f"{sentence} look at the block before you run the sync again, which sends these rows once more."
            )
            return replace(done, problem=problem)
        return done

    def _import(self, importer: Importer, file: SpoolFile) -> Imported:
        is_keyed = self.stream.mode is WriteMode.APPEND_DEDUP
        try:
            return importer.import_file(file, self.stream.subject, self.configuration_id, repeatable=is_keyed)
        except ImportFailed as failed:
            if not importer.deletions.may_have_followed(self.configuration_id):
                raise
            message = explain(failed, subject=self.stream.subject).message
            raise maybe_deleted(message, self.configuration_id) from None
        except ImportOutcomeUnknown as doubt:
            if is_keyed:
                again = "Run the sync again: rows that are matched by a key may be sent twice."
                raise TransientProblem(f"{doubt} {again}") from None
            raise MayBeStored(
                f'{doubt} Its {counted(self.cut.rows, "row")} may be stored: look at the block\'s "Update history" in '
                "Pigment before you run the sync again, which sends these rows once more."
            ) from None

    def _reject_deletion(self, importer: Importer, done: Imported) -> None:
        if done.deleted:
            raise MayBeStored(
                f"The import configuration of the {self.stream.subject} deletes what is in its block before each "
                f"import: {counted(done.deleted, 'row that was there is', 'rows that were there are')} gone, and the "
                f"file of {counted(self.cut.rows, 'row')} is stored. Empty or restore the block, switch off "
                '"Clear items prior to import" in Pigment and run the sync again, which sends these rows once more; or '
                "choose a sync mode that overwrites."
            )
        importer.deletions.on_imported(self.configuration_id, done, self.stream.subject)

    def _may_send_again(self, done: Imported) -> bool:
        """Whether it is certain which rows were rejected, and harmless to send them once more."""
        numbers = {each.row for each in done.numbered}
        return (
            self.stream.mode is WriteMode.APPEND
            and done.counts is not None
            and done.counts.deleted == 0
            and 0 < len(numbers) == done.counts.skipped
            and all(1 <= number <= self.cut.rows for number in numbers)
        )

    def _rejected_again(self, importer: Importer, file: SpoolFile, first: Imported) -> Imported:
        """The rejected rows once more, in one file; the first result stands whatever becomes of it."""
        try:
            second = self._second_import(importer, file, first)
        except Exception as error:  # noqa: BLE001 - whatever it is, the first import is stored and must be settled
            reason = (
                error
                if isinstance(error, ImportOutcomeUnknown)
                else explain(error, subject=self.stream.subject).message
            )
            logger.warning(
                "Sending %s of the %s once more had no result, so they stay rejected: %s%s",
                counted(first.rejected, "rejected row"),
                self.stream.subject,
                reason,
                self._said_of_deletions(importer, error),
            )
            return first
        if second is None:
            return first
        self._reject_deletion(importer, second)
        rejected = min(first.rejected, second.rejected)
        return Imported(first.counts, rejected, _numbered_as_first(first, second), skipped=second.skipped)

    def _said_of_deletions(self, importer: Importer, error: Exception) -> str:
        """The first result stands; what the second import may have done to it is for the user to look at."""
        may_have_begun = isinstance(error, ImportOutcomeUnknown | ImportFailed)
        if not (may_have_begun and importer.deletions.may_have_followed(self.configuration_id)):
            return ""
        return (
            ' If "Clear items prior to import" is on for the import configuration '
            f"{self.configuration_id}, the other rows may have been deleted by it: look at the block."
        )

    def _second_import(self, importer: Importer, file: SpoolFile, first: Imported) -> Imported | None:
        again = self.spool.selected(file, frozenset(each.row for each in first.numbered))
        try:
            if not _are_rejected(again, first.numbered):
                return None
            subject = f"{self.stream.subject} (its rejected rows once more)"
            return importer.import_file(again, subject, self.configuration_id, repeatable=False)
        finally:
            with suppress(OSError, TransientProblem):  # it goes with its folder
                again.remove()


def _numbered_as_first(first: Imported, second: Imported) -> tuple[RejectedRow, ...]:
    """The rows that were rejected twice, by their numbers in the first file; none where it is not certain which."""
    numbers = sorted({each.row for each in first.numbered})
    if not second.numbered:
        return first.numbered if second.rejected == len(numbers) else ()
    if any(not 1 <= each.row <= len(numbers) for each in second.numbered):
        return ()
    return tuple(replace(each, row=numbers[each.row - 1]) for each in second.numbered)


def _are_rejected(file: SpoolFile, numbered: tuple[RejectedRow, ...]) -> bool:
    """Whether the rows of the file hold the values that were rejected, as far as the response quotes them."""
    rows = [row for some in file.read_rows() for row in some]
    by_number = dict(zip(sorted({each.row for each in numbered}), rows, strict=False))
    for each in numbered:
        cells = dict(zip(file.columns, by_number.get(each.row, ()), strict=False))
        if not cells or (each.value is not None and (cells.get(each.column or "", each.value) or "") != each.value):
            return False
    return True
