"""A stream that adds to its block: files go while records come, as soon as the source has confirmed their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.files.stream_files import FileSegment, StreamFiles
from destination_pigment.imports.importer import Importer, check_verdict
from destination_pigment.imports.queue import JobDone
from destination_pigment.imports.second_push import push_rejected_again
from destination_pigment.imports.verdicts import (
    Effect,
    Imported,
    PartialWrite,
    judge,
    judge_failed_addition,
    judge_without_file,
    not_pushed,
    require_all_stored,
    require_known_deletions,
    require_none_rejected,
)
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
from pigment_client.errors import ImportFailed, ImportOutcomeUnknown


class Changes:
    """What becomes of the records of a stream that adds to its block."""

    def __init__(
        self,
        stream: DestinationStream,
        target: Target,
        files: StreamFiles,
        spool: Spool,
        keeper: RejectedRowKeeper = KEEPS_NOTHING,
    ) -> None:
        self.stream = stream
        self.files = files
        self.configuration_id = target.configuration_id
        self._spool = spool
        self._keeper = keeper

    @property
    def held_back(self) -> int:
        """How many records came after the last one that the source has confirmed."""
        return self.files.records

    def due_jobs(self, max_age_seconds: float) -> Sequence[ChangesJob]:
        """The full files, and all that is confirmed once a record has waited so long."""
        is_old = self.files.waiting_seconds >= max_age_seconds
        return self._jobs(self.files.pop_marked() if is_old else self.files.pop_full())

    def last_jobs(self, *, may_clear: bool) -> Sequence[ChangesJob]:  # noqa: ARG002 - a stream that adds clears nothing
        """All that is confirmed."""
        return self._jobs(self.files.pop_marked())

    def _jobs(self, segments: list[FileSegment]) -> list[ChangesJob]:
        name, spool, keeper = self.configuration_id, self._spool, self._keeper
        return [ChangesJob(self.stream, name, each, spool, keeper) for each in segments]


@dataclass(frozen=True, slots=True)
class ChangesJob:
    """One file to add."""

    stream: DestinationStream
    configuration_id: str
    segment: FileSegment
    spool: Spool
    keeper: RejectedRowKeeper = KEEPS_NOTHING

    @property
    def segments(self) -> tuple[FileSegment, ...]:
        """The one file; none where all its records were rejected on arrival."""
        return (self.segment,)

    def import_files(self, importer: Importer) -> JobDone:
        """Import the file; raises `PartialWrite`, `ConfigProblem`, `TransientProblem` or a `PigmentError`."""
        subject, name = self.stream.subject, self.configuration_id
        if self.segment.held is not None and importer.cancelled:
            raise Cancelled
        try:
            self.keeper.keep_arrived(self.stream, [self.segment.held])
        except BucketFailed as failed:
            raise not_pushed(failed) from None
        require_none_rejected(importer.fail_on_rejected, self.segment.rejected, subject)
        if self.segment.file is None:
            return JobDone(0, is_held=judge_without_file(importer.shown[name]).is_held)
        require_known_deletions(importer.shown[name], name, subject)
        done = self._import(importer, self.segment.file)
        verdict = judge(
            self.stream,
            name,
            self.segment.rows,
            done,
            effect=Effect.ADDS,
            shown=importer.shown[name],
            is_dry_run=importer.is_dry_run,
        )
        check_verdict(importer, name, verdict)
        done = push_rejected_again(importer, self.stream, name, self.spool, self.segment.file, self.segment.rows, done)
        problem = self._keep_rejected(self.segment.file, done)
        if problem is None:
            require_all_stored(importer.fail_on_rejected, done.rejected, self.segment.rows - done.rejected, subject)
        return JobDone(done.rejected, verdict.is_held, done.has_rows, problem, done.in_doubt)

    def _import(self, importer: Importer, file: SpoolFile) -> Imported:
        is_keyed = self.stream.mode is WriteMode.APPEND_DEDUP
        name = self.configuration_id
        try:
            return importer.import_file(file, self.stream.subject, name, repeatable=is_keyed)
        except (ImportFailed, ImportOutcomeUnknown) as error:
            raise judge_failed_addition(self.stream, name, self.segment.rows, error, importer.shown[name]) from None

    def _keep_rejected(self, file: SpoolFile, done: Imported) -> Exception | None:
        """Write the rows that Pigment rejected to the bucket; what went wrong there.

        Whatever it is, the other rows are stored, and must not be doubled.
        """
        try:
            self.keeper.keep_imported(
                self.stream, file.columns, file.read_rows, done.rejected, done.numbered, done.skipped
            )
        except Exception as error:  # noqa: BLE001 - see above
            failed = error if isinstance(error, BucketFailed) else unexpected(error)
            stored = self.segment.rows - done.rejected
            sentence = self.keeper.sentence_after_push(failed, self.stream, done.rejected, stored)
            if self.stream.mode is WriteMode.APPEND_DEDUP:
                again = f"{sentence} run the sync again: rows that are matched by a key may be sent twice."
                return problem_of(failed, again)
            return PartialWrite(
                f"{sentence} look at the block before you run the sync again, which sends these rows once more."
            )
        return None
