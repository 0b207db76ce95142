"""A stream that adds to its block: files go while records come, as soon as the source has confirmed their rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from destination_pigment.files.protected_rows import find_protected
from destination_pigment.files.segments import FileSegment
from destination_pigment.files.spool import Spool, SpoolFile
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.guards import (
    require_known_deletions,
    require_no_rejection_by_pigment,
    require_no_rejection_on_arrival,
)
from destination_pigment.imports.importer import Importer, check_effect, describe_sent
from destination_pigment.imports.queue import Job, JobDone, write_before_push
from destination_pigment.imports.second_push import Rejected, push_rejected_again
from destination_pigment.imports.verdicts import (
    Effect,
    Imported,
    PartialWrite,
    is_provisional_without_file,
    judge_failed_addition,
)
from destination_pigment.input.cancel import Cancelled
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.rejected_rows.store import (
    BucketFailed,
    RejectedRowStore,
    problem_of,
)
from destination_pigment.targets import Target
from pigment_airbyte.failures import ConfigProblem
from pigment_client.errors import ImportFailed, ImportOutcomeUnknown


class Changes:
    """What becomes of the records of a stream that adds to its block."""

    replaces = False

    def __init__(
        self,
        stream: DestinationStream,
        target: Target,
        files: StreamFiles,
        spool: Spool,
        store: RejectedRowStore | None = None,
        *,
        goes_at_states: bool = True,
    ) -> None:
        self.stream = stream
        self.target = target
        self.files = files
        self.goes_at_states = goes_at_states
        self._spool = spool
        self._store = store

    def due_jobs(self, max_age_seconds: float) -> Sequence[Job]:
        """The full files, and all that is confirmed once a record has waited this long."""
        if not self.goes_at_states:
            return ()
        is_old = self.files.waiting_seconds >= max_age_seconds
        segments = self.files.pop_confirmed() if is_old else self.files.pop_full()
        return self._jobs(segments)

    def last_jobs(self, *, is_clear: bool) -> Sequence[Job]:  # noqa: ARG002 - what adds cannot clear
        """Everything, file by file in its order: the source has succeeded."""
        segments, obstacle = self.files.pop_all(), None
        if not self.goes_at_states:
            obstacle = find_protected(self.stream, self.target.protected, segments)
        return self._jobs(segments, obstacle)

    def _jobs(self, segments: Sequence[FileSegment], obstacle: ConfigProblem | None = None) -> Sequence[Job]:
        name = self.target.configuration_id
        return [Job(self.stream, name, (each,), partial(self.import_segment, each), obstacle) for each in segments]

    def import_segment(self, segment: FileSegment, importer: Importer) -> JobDone:
        """Import a file, if not all its records were rejected on arrival.

        Raises `PartialWrite`, `ConfigProblem`, `TransientProblem` or a `PigmentError`.
        """
        subject, name = self.stream.subject, self.target.configuration_id
        if segment.rejected_rows is not None and importer.cancelled:
            raise Cancelled
        if self.goes_at_states and (protected := find_protected(self.stream, self.target.protected, [segment])):
            raise protected
        write_before_push(self._store, self.stream, [segment])
        require_no_rejection_on_arrival(importer.fail_on_rejected, segment.rejected, subject)
        if segment.file is None:
            return JobDone(0, is_provisional=is_provisional_without_file(importer.evidence[name]))
        require_known_deletions(importer.evidence[name], name, subject)
        done = self._import(importer, segment.file, segment.rows)
        sent = describe_sent(self.stream, segment.file, segment.rows, self.files.converter.header)
        verdict = check_effect(importer, sent, name, done, Effect.ADDS)
        rejected = push_rejected_again(importer, sent, name, self._spool, segment.file, done, verdict.rejected)
        stored = segment.rows - rejected.count
        problem = None if self._store is None else self._write_rejected(self._store, segment.file, rejected, stored)
        if problem is None:
            adds_again = self.stream.mode is WriteMode.APPEND
            require_no_rejection_by_pigment(
                importer.fail_on_rejected, rejected.count, stored, subject, adds_again=adds_again
            )
        # Where as many rows as the file has are written, what counts as rejected may be stored in part.
        maybe_stored = max(
            rejected.maybe_stored, rejected.count - max(0, segment.rows - done.written) if done.counts else 0
        )
        return JobDone(
            rejected.count,
            verdict.is_provisional,
            done.has_rows,
            problem,
            maybe_stored,
            blocks=done.blocks,
            totals=done.totals,
        )

    def _import(self, importer: Importer, file: SpoolFile, rows: int) -> Imported:
        is_keyed = self.stream.mode is WriteMode.APPEND_DEDUP
        name = self.target.configuration_id
        try:
            return importer.import_file(
                file,
                self.stream.subject,
                name,
                rows=rows,
                repeatable=is_keyed,
                summed=self.stream.number_columns,
            )
        except (ImportFailed, ImportOutcomeUnknown) as error:
            raise judge_failed_addition(self.stream, name, rows, error, importer.evidence[name]) from None

    def _write_rejected(
        self, store: RejectedRowStore, file: SpoolFile, rejected: Rejected, stored: int
    ) -> Exception | None:
        """Write the rows that Pigment rejected to the bucket; what went wrong there.

        Whatever it is, the other rows are stored, and must not be doubled.
        """
        try:
            store.write_imported(
                self.stream, file.columns, file.read_rows, rejected.count, rejected.numbered, rejected.skipped
            )
        except Exception as error:  # noqa: BLE001 - see above
            why = f"the connector met an error ({type(error).__name__})"
            failed = (
                error if isinstance(error, BucketFailed) else BucketFailed(why, "report it with the log of this sync")
            )
            sentence = store.sentence_after_push(failed, self.stream, rejected.count, stored)
            if self.stream.mode is WriteMode.APPEND_DEDUP:
                again = f"{sentence} run the sync again: rows that are matched by a key may be sent twice."
                return problem_of(failed, again)
            return PartialWrite(
                f"{sentence} look at the block before you run the sync again, which sends these rows once more."
            )
        return None
