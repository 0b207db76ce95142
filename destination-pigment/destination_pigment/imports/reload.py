"""A stream that replaces what its block contains: all its rows, once the source has succeeded."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import NoReturn

from airbyte_cdk.models import FailureType

from destination_pigment.files.spool import SpoolFile
from destination_pigment.files.stream_files import FileSegment, StreamFiles
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.report import Imported, MayBeStored, not_pushed
from destination_pigment.input.cancel import Cancelled
from destination_pigment.input.catalog import DestinationStream
from destination_pigment.rejected_rows.store import KEEPS_NOTHING, BucketFailed, RejectedRowKeeper, problem_of
from destination_pigment.targets import Target
from pigment_airbyte.failures import ConfigProblem, TransientProblem, explain
from pigment_client.errors import ImportFailed, ImportOutcomeUnknown, PigmentError
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")


class Replace:
    """What becomes of the records of a stream that replaces."""

    def __init__(
        self,
        stream: DestinationStream,
        target: Target,
        files: StreamFiles,
        restart_seconds: float,
        unstored: RejectedRowKeeper = KEEPS_NOTHING,
    ) -> None:
        self.stream = stream
        self.files = files
        self._target = target
        self._restart_seconds = restart_seconds
        self._unstored = unstored

    def job(self, *, may_clear: bool) -> ReplaceJob | None:
        """All files as one job, or None where there is nothing to do; ask when the source has succeeded.

        Without a record the block is cleared if that is asked for. Raises `ConfigProblem` where Pigment must be left
        as it is.
        """
        cuts = self.files.pop_all()
        if not cuts and not may_clear:
            logger.warning(
                "No record came for the %s, and its state is not empty: its block is left as it is, for this is also "
                "how a second attempt looks whose records are stored already. To empty it, clear the stream in "
                "Airbyte.",
                self.stream.subject,
            )
            return None
        try:
            self._reject_guarded(cuts)
        except ConfigProblem:
            self._keep_all_the_same(cuts)
            raise
        if not cuts:
            if not self.files.converter.header:
                raise ConfigProblem(
                    f"The {self.stream.subject} is to be cleared, and its schema has no columns, so no file can be "
                    "made for that: refresh the schema of the connection, or clear the block in Pigment."
                )
            cuts = [self.files.header_only()]
        return ReplaceJob(self.stream, self._target, tuple(cuts), self._restart_seconds, self._unstored)

    def reject_unfinished(self) -> NoReturn:
        """Raise `TransientProblem`: the source did not succeed."""
        raise TransientProblem(
            f"The source did not finish the {self.stream.subject}, so its block in Pigment was left as it was: fix "
            "what stopped the source, and run the sync again."
        )

    def _keep_all_the_same(self, cuts: list[FileSegment]) -> None:
        """Write what was rejected to the bucket, so that people can open it, although nothing is counted."""
        try:
            self._unstored.keep_arrived(self.stream, [cut.held for cut in cuts])
        except BucketFailed as failed:
            logger.warning("Also: %s", failed)

    def _reject_guarded(self, cuts: list[FileSegment]) -> None:
        rows, rejected = sum(cut.rows for cut in cuts), sum(cut.rejected for cut in cuts)
        if rejected and not rows:
            raise ConfigProblem(
                f"Every record of the {self.stream.subject} was rejected ({rejected:,} in all), so its block in "
                "Pigment was left as it was: see the log for the reasons, and fix the records at their source."
            )
        if rows < self._target.minimum_rows:
            raise ConfigProblem(
                f"The {self.stream.subject} has {counted(rows, 'row')}, fewer than the {self._target.minimum_rows:,} "
                "that its target must have, so its block in Pigment was left as it was: look at the source, or lower "
                '"Fewest rows" under "Targets".'
            )
        if sum(cut.file is not None for cut in cuts) > 1 and self._target.clearing_id == self._target.configuration_id:
            raise ConfigProblem(
                f"The {self.stream.subject} is larger than one file, and a second file through an import configuration "
                "that clears would delete the first; nothing was pushed: let this one add, and enter another one that "
                'clears as "Replacing import configuration ID", or raise "Largest file (MB)".'
            )


# How often all files are sent again from the first, where the response to one of them was lost.
_RESTARTS = 2


@dataclass(frozen=True, slots=True)
class ReplaceJob:
    """All files of a stream: the first through what clears, the others through what adds."""

    stream: DestinationStream
    target: Target
    cuts: tuple[FileSegment, ...]
    restart_seconds: float
    unstored: RejectedRowKeeper = KEEPS_NOTHING

    @property
    def configuration_id(self) -> str:
        """The import configuration that adds."""
        return self.target.configuration_id

    @property
    def files(self) -> tuple[SpoolFile, ...]:
        """The files in their order."""
        return tuple(cut.file for cut in self.cuts if cut.file is not None)

    @property
    def records(self) -> int:
        """The records that they settle."""
        return sum(cut.records for cut in self.cuts)

    @property
    def rejected(self) -> int:
        """How many of them were rejected on arrival."""
        return sum(cut.rejected for cut in self.cuts)

    @property
    def is_certain(self) -> bool:
        """All files of its block are in it."""
        return True

    def run(self, importer: Importer) -> Imported:
        """Import the files; where nobody knows what became of one, all again from the one that clears.

        Raises `ConfigProblem`, `TransientProblem`, `Cancelled` or a `PigmentError`.
        """
        if importer.cancelled:
            raise Cancelled
        try:
            self.unstored.keep_arrived(self.stream, [cut.held for cut in self.cuts])
        except BucketFailed as failed:
            raise not_pushed(failed) from None
        importer.rules.reject_arrived(self.rejected, self.stream.subject)
        for restart in range(_RESTARTS + 1):
            stored: list[Imported] = []
            try:
                if restart:
                    importer.wait(restart * self.restart_seconds)
                return self._import_all(importer, stored)
            except ImportOutcomeUnknown as doubt:
                if importer.cancelled:
                    raise self._explained(_again(doubt), stored, is_begun=True) from None
                self._reject_running(importer, doubt)
                if restart == _RESTARTS:
                    raise self._explained(_again(doubt), stored, is_begun=True) from None
                logger.warning("%s All files of the %s are sent again, in a moment.", doubt, self.stream.subject)
            except Exception as error:
                is_begun = bool(stored or restart) or not _was_rejected(error)
                if isinstance(error, Cancelled) and not is_begun:
                    raise
                raise self._explained(error, stored, is_begun=is_begun) from None
        raise AssertionError("unreachable")

    def _reject_running(self, importer: Importer, doubt: ImportOutcomeUnknown) -> None:
        """Raise `MayBeStored` where an import may still run: it would clear, or add to, what a restart stores."""
        if importer.has_ended(doubt, self.stream.subject):
            return
        raise MayBeStored(
            f"{doubt} Its import may still run, so the files of the {self.stream.subject} were not sent again, and its "
            'block may be empty or hold only a part now: wait until the block\'s "Update history" in Pigment shows '
            "that the import has ended, and run the sync again, which replaces all of the block."
        )

    def _import_all(self, importer: Importer, stored: list[Imported]) -> Imported:
        """Import all files, noting each that is stored."""
        clearing, adding = self.target.clearing_id or "", self.target.configuration_id
        filled = [(cut.file, cut.rows) for cut in self.cuts if cut.file is not None]
        for position, (file, rows) in enumerate(filled):
            is_first = position == 0
            # Never repeated by itself: a clearing import that was accepted late would delete the files behind it.
            configuration_id = clearing if is_first else adding
            done = importer.import_file(file, self.stream.subject, configuration_id, repeatable=False)
            if not is_first and not importer.rules.is_dry_run:
                self._reject_unknown_deletions(done)
            self._reject_wrong_clearing(done, rows, is_first=is_first)
            importer.rules.reject_contradiction(self.stream, done, rows)
            stored.append(done)
        rejected = sum(each.rejected for each in stored)
        rows = sum(rows for _, rows in filled)
        problem = self._problem_of_keeping(stored, rejected, rows - rejected)
        if not importer.rules.is_dry_run:
            self._reject_little_written(stored, rows)
        if problem is not None:
            raise problem
        importer.rules.reject_rejected(rejected, rows - rejected, self.stream.subject)
        return Imported(None, rejected)

    def _problem_of_keeping(self, stored: list[Imported], rejected: int, rows: int) -> Exception | None:
        """Write the rows that Pigment rejected to the bucket; an error where that failed."""
        try:
            for file, done in zip(self.files, stored, strict=True):
                self.unstored.keep_imported(
                    self.stream, file.columns, file.read_rows, done.rejected, done.numbered, done.skipped
                )
        except BucketFailed as failed:
            sentence = self.unstored.sentence_after_push(failed, self.stream, rejected, rows)
            return problem_of(failed, f"{sentence} run the sync again, which replaces all of the block.")
        return None

    def _reject_little_written(self, stored: list[Imported], rows: int) -> None:
        """Raise `BlockDescribed` where Pigment cleared the block and wrote nothing, or less than it must have."""
        counts = [each.counts for each in stored if each.counts is not None]
        if not rows or len(counts) < len(stored):
            return
        written = sum(each.inserted + each.updated for each in counts)
        if written and written >= self.target.minimum_rows:
            return
        few = f", fewer than the {self.target.minimum_rows:,} that its target must have" if written else ""
        lower = ', or lower "Fewest rows" under "Targets"' if written else ""
        raise BlockDescribed(
            f"Pigment wrote {written:,} of the {counted(rows, 'row')} of the {self.stream.subject}{few}, and skipped "
            f"{sum(each.skipped for each in counts):,}, so its block may be empty or hold only a part now: see the log "
            f"for reasons and columns, fix the rows or the import configuration{lower}, and run the sync again, which "
            "replaces all of the block."
        )

    def _reject_unknown_deletions(self, done: Imported) -> None:
        """Raise `BlockDescribed` where a later file may have deleted those before it, and nobody says so."""
        if done.counts is not None and done.counts.deleted is not None:
            return
        raise BlockDescribed(
            f"Pigment did not report whether a later file of the {self.stream.subject} deleted those before it, so its "
            'block may hold only a part now: look whether "Clear items prior to import" is off for the import '
            f"configuration {self.target.configuration_id} in Pigment, and let the stream go in one file: raise "
            '"Largest file (MB)" and "Most rows in a file".'
        )

    def _reject_wrong_clearing(self, done: Imported, rows: int, *, is_first: bool) -> None:
        """Raise `MayBeStored` where the counts disprove what the user says of the import configurations."""
        counts = done.counts
        if counts is None:
            return
        if is_first and counts.updated and counts.deleted == 0:
            raise BlockDescribed(
                f"The import configuration {self.target.clearing_id} of the {self.stream.subject} updated "
                f"{counted(counts.updated, 'row')} and deleted none, so it does not clear its block, and old rows may "
                'still be there: switch on "Clear items prior to import" for it in Pigment, or choose a sync mode that '
                "appends."
            )
        if not is_first and counts.deleted:
            raise MayBeStored(
                f"The import configuration {self.target.configuration_id} of the {self.stream.subject} deletes what is "
                'there before each import, so it cannot add the later files: switch off "Clear items prior to import" '
                "in it, and leave it on only in the replacing one."
            )
        if is_first and counts.inserted and counts.deleted == 0:
            logger.warning(
                "Nothing was deleted before %s of the %s came in, as it is where the block was empty: if it "
                'was not, "Clear items prior to import" is off in the import configuration %s, and the old rows are '
                "still there.",
                counted(rows, "row"),
                self.stream.subject,
                self.target.clearing_id,
            )

    def _explained(self, error: Exception, stored: list[Imported], *, is_begun: bool) -> Exception:
        """The error, with what is to be known of the block where the error itself does not say it."""
        if isinstance(error, Cancelled):
            error = TransientProblem(f"The sync was stopped before the {self.stream.subject} was replaced.")
        if not is_begun or isinstance(error, BlockDescribed) or len(stored) == len(self.files):
            return error
        holds = "holds only a part now" if stored else "may be empty or hold only a part now"
        failure = explain(error, subject=self.stream.subject)
        message = (
            f"{failure.message} The block of the {self.stream.subject} {holds}: once the cause is fixed, run the sync "
            "again, which replaces all of it."
        )
        return ConfigProblem(message) if failure.type is FailureType.config_error else TransientProblem(message)


class BlockDescribed(MayBeStored):
    """An error that says itself what the block may hold now."""


def _again(doubt: ImportOutcomeUnknown) -> TransientProblem:
    return TransientProblem(f"{doubt} Run the sync again, which replaces all of the block.")


def _was_rejected(error: Exception) -> bool:
    """Whether Pigment did not take the file, so that no import of it has begun."""
    return isinstance(error, Cancelled) or (
        isinstance(error, PigmentError) and not isinstance(error, ImportFailed | ImportOutcomeUnknown)
    )
