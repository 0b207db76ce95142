"""A stream that replaces what its block contains: all its rows, once the source has succeeded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from airbyte_cdk.models import FailureType

from destination_pigment.files.grouping import lead_with_scope
from destination_pigment.files.protected_rows import find_protected
from destination_pigment.files.segments import FileSegment
from destination_pigment.files.spool import SpoolFile
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.block_count import BlockCounts
from destination_pigment.imports.guards import (
    EmptySource,
    Unfilled,
    decide_unfilled,
    require_emptied,
    require_enough_rows,
    require_enough_written,
    require_every_value,
    require_no_rejection_by_pigment,
    require_no_rejection_on_arrival,
    require_one_block,
    require_one_that_adds,
    require_right_block,
    with_advice_on_clear,
)
from destination_pigment.imports.importer import Importer, check_effect, describe_sent
from destination_pigment.imports.queue import Job, JobDone, write_before_push
from destination_pigment.imports.skipped import left_out
from destination_pigment.imports.stored_files import StoredFiles
from destination_pigment.imports.verdicts import (
    BlockDescribed,
    Effect,
    NotPushed,
    NotPushedYet,
    PartialWrite,
)
from destination_pigment.input.cancel import Cancelled
from destination_pigment.input.catalog import DestinationStream, WriteMode
from destination_pigment.rejected_rows.store import BucketFailed, RejectedRowStore, problem_of
from destination_pigment.targets import Target
from pigment_airbyte.failures import ConfigProblem, TransientProblem, explain
from pigment_client.errors import ImportFailed, ImportOutcomeUnknown, PigmentError
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")

# How often all files are sent again from the first, where the response to one of them was lost.
_RESTARTS = 2

# A push whose response was lost may still be under way, for as long as a proxy waits for Pigment (one to two minutes in
# common ones). Accepted after files that add, it would delete them; the same single file may come in any order.
_WAITS_FOR_LATE_PUSH = 12

# Files in their order, each with the number of its rows.
Files = Sequence[tuple[SpoolFile, int]]


class Reload:
    """What becomes of the records of a stream that replaces its block, or a scope of it."""

    replaces = True
    goes_at_states = False

    def __init__(
        self,
        stream: DestinationStream,
        target: Target,
        files: StreamFiles,
        restart_seconds: float,
        store: RejectedRowStore | None,
        counts: BlockCounts,
    ) -> None:
        self.stream = stream
        self.target = target
        self.files = files
        self._restart_seconds = restart_seconds
        self._store = store
        self._counts = counts
        # Mutable state: the values of the scope that the files replace, and how many rows have each; how many rows of
        # these the block had, if enough of each are sent.
        self._scope_values: Mapping[str, int] = {}
        self._may_delete: int | None = None

    def due_jobs(self, max_age_seconds: float) -> Sequence[Job]:  # noqa: ARG002 - whatever waits, it waits for the end
        """None: a block is replaced as a whole."""
        return ()

    def last_jobs(self, *, is_clear: bool) -> Sequence[Job]:
        """All files as one job, or none where there is nothing to do; ask when the source has succeeded.

        Raises `EmptySource` or `ConfigProblem` where no row came and Pigment must be left as it is.
        """
        segments = self.files.pop_all()
        if not any(each.rows or each.rejected for each in segments):
            return self._jobs_without_rows(segments, is_clear=is_clear)
        try:
            self._require_rows(segments)
            segments = self._led_by_scope(segments)
            self._check_number_of_files(sum(each.file is not None for each in segments))
            obstacle = find_protected(self.stream, self.target.protected, segments)
        except ConfigProblem as problem:
            obstacle = problem
        return self._jobs(segments, self.import_segments, obstacle)

    def _require_rows(self, segments: list[FileSegment]) -> None:
        """Raise `ConfigProblem` where there are too few rows; people can open what was rejected anyway."""
        rows, rejected = sum(each.rows for each in segments), sum(each.rejected for each in segments)
        try:
            require_enough_rows(self.stream.subject, rows, rejected, self.target.minimum_rows or 0)
        except ConfigProblem:
            try:
                write_before_push(self._store, self.stream, segments)
            except (NotPushed, NotPushedYet) as failed:
                logger.warning("Also: %s", failed)
            raise

    def _led_by_scope(self, segments: list[FileSegment]) -> list[FileSegment]:
        """The same rows, a row of every value of the scope in the first file; raises `ConfigProblem`."""
        if self.target.scope is None:
            return segments
        files = self.files
        segments, values = lead_with_scope(self.stream, self.target.scope, segments, files.spool, files.limits)
        require_every_value(self.stream.subject, self.target.scope, self.files.scope_values - values.keys())
        self._scope_values = values
        return segments

    def _jobs_without_rows(self, segments: list[FileSegment], *, is_clear: bool) -> Sequence[Job]:
        """What becomes of the block where no row came."""
        subject = self.stream.subject
        unfilled = decide_unfilled(
            clears=self.target.clearing_id is not None,
            has_scope=self.target.scope is not None,
            minimum_rows=self.target.minimum_rows,
            is_clear=is_clear and self.stream.mode is WriteMode.REPLACE,
        )
        match unfilled:
            case Unfilled.EMPTIED:
                if not self.files.converter.header:
                    problem = ConfigProblem(
                        f"The block of the {subject} is to be emptied, and the schema of the stream has no columns, so "
                        "no file can be created for that: refresh the schema of the connection, or empty the block in "
                        "Pigment."
                    )
                    raise with_advice_on_clear(problem, subject) if is_clear else problem
                emptying = [*segments, self.files.header_only()]
                return self._jobs(emptying, self.clear if is_clear else self.import_segments)
            case Unfilled.STILL_FILLED:
                what = (
                    f'a file without a row clears no value of the column "{self.target.scope}"'
                    if self.target.scope is not None
                    else "its import configuration adds"
                )
                logger.warning(
                    "The %s is cleared in Airbyte, but Pigment still contains its rows, because %s: delete them in "
                    "Pigment if they must go.",
                    subject,
                    what,
                )
                return ()
            case Unfilled.AS_IT_WAS:
                logger.info(
                    'No row came for the %s, so no value of the column "%s" was replaced and nothing was pushed.',
                    subject,
                    self.target.scope,
                )
                return self._jobs(segments, self.import_segments) if segments else ()
            case Unfilled.REFUSED:
                raise EmptySource(subject)

    def _jobs(
        self,
        segments: Sequence[FileSegment],
        run: Callable[[Sequence[FileSegment], Importer], JobDone],
        obstacle: ConfigProblem | None = None,
    ) -> Sequence[Job]:
        files = tuple(segments)
        return [Job(self.stream, self.target.configuration_id, files, partial(run, files), obstacle)]

    def _check_number_of_files(self, files: int) -> None:
        """Only the first of several files may clear; raises `ConfigProblem` if that is not so."""
        subject, adding_id = self.stream.subject, self.target.configuration_id
        require_one_that_adds(subject, files, clearing_id=self.target.clearing_id, adding_id=adding_id)
        if files > 1:
            logger.info(
                "The %s is sent in %s, of which only the first clears. A list with a unique identifier then loses "
                "what people filled in for items of the later files, because the first file deletes these items; it "
                'loses nothing in one file: raise "Largest file (MB)" and "Most rows in a file" for that.',
                subject,
                counted(files, "file"),
            )

    @property
    def _clearing_id(self) -> str:
        if self.target.clearing_id is None:
            raise ValueError("a replacement needs an import configuration that clears")
        return self.target.clearing_id

    @property
    def _effect_again(self) -> str:
        """What another sync does, as the end of a sentence."""
        if self.target.scope is None:
            return "replaces all of the block"
        return f'replaces the rows with the same values in the column "{self.target.scope}"'

    def clear(self, segments: Sequence[FileSegment], importer: Importer) -> JobDone:
        """Empty the block, because the platform asks for that."""
        try:
            return self.import_segments(segments, importer)
        except Cancelled:
            raise
        except (ConfigProblem, TransientProblem, PigmentError) as error:
            raise with_advice_on_clear(error, self.stream.subject) from None

    def import_segments(self, segments: Sequence[FileSegment], importer: Importer) -> JobDone:
        """Import all files: the first through what clears, the others through what adds.

        Where the outcome of one is not known, all are sent again from the one that clears.

        Raises `ConfigProblem`, `TransientProblem`, `Cancelled` or a `PigmentError`.
        """
        if importer.cancelled:
            raise Cancelled
        write_before_push(self._store, self.stream, segments)
        rejected = sum(each.rejected for each in segments)
        require_no_rejection_on_arrival(importer.fail_on_rejected, rejected, self.stream.subject)
        files = [(each.file, each.rows) for each in segments if each.file is not None]
        if importer.is_dry_run or self.target.scope is not None:
            if not importer.is_dry_run:
                self._may_delete = self._counts.check_scope(self.target, self._scope_values, self.stream.subject)
            stored = self._import_until_known(importer, files)
            if not importer.is_dry_run:
                require_right_block(self.stream.subject, self.target.block_id, stored.blocks)
            return stored.job_done(scope_values=frozenset(self._scope_values))
        rows = _rows_of(files)
        before = self._counts.count_before(self.target, rows, self.stream.subject)
        stored = self._import_until_known(importer, files)
        require_right_block(self.stream.subject, self.target.block_id, stored.blocks)
        if not rows:
            self._check_emptied(stored)
            return stored.job_done()
        replacement = stored.replacement(self.stream, self._clearing_id, rows, before, self.target.block_id)
        return stored.job_done(to_count=replacement if self._counts.must_count(replacement) else None)

    def _import_until_known(self, importer: Importer, files: Files) -> StoredFiles:
        """Import all files, and all of them again if the outcome of one is not known."""
        seconds = 0.0
        for restart in range(_RESTARTS + 1):
            stored = StoredFiles(is_repeated=restart > 0)
            try:
                if restart:
                    importer.wait_before_restart(seconds)
                self._import_all(importer, files, stored)
            except ImportOutcomeUnknown as unknown:
                again = TransientProblem(f"{unknown} Run the sync again, which {self._effect_again}.")
                if importer.cancelled:
                    raise self._with_state_of_block(again, files, stored) from None
                self._require_ended(importer, unknown)
                if restart == _RESTARTS:
                    raise self._with_state_of_block(again, files, stored) from None
                may_come_late = unknown.import_id is None and len(files) > 1
                seconds = self._restart_seconds * (_WAITS_FOR_LATE_PUSH if may_come_late else restart + 1)
                subject = self.stream.subject
                logger.warning("%s All files of the %s are sent again in %.0f s.", unknown, subject, seconds)
            except Exception as error:
                has_begun = bool(stored.reports or restart) or not _was_not_taken(error)
                if not has_begun:
                    raise
                raise self._with_state_of_block(error, files, stored) from None
            else:
                return stored
        raise AssertionError("unreachable")

    def _check_emptied(self, stored: StoredFiles) -> None:
        """Count the block if Pigment deleted nothing when it was to be emptied; raises `ConfigProblem`."""
        if not stored.deleted_nothing:
            return
        logger.info(
            "Pigment deleted no row when the block of the %s was to be emptied: it was empty, or still contains its "
            "rows.",
            self.stream.subject,
        )
        rows_counted = self._counts.count_after(stored.countable(self.target.block_id))
        require_emptied(self.stream.subject, self._clearing_id, rows_counted)

    def _require_ended(self, importer: Importer, unknown: ImportOutcomeUnknown) -> None:
        """Raise `PartialWrite` if an import may still run: it would clear, or add to, what a restart stores."""
        if importer.may_restart_after(unknown, self.stream.subject):
            return
        raise PartialWrite(
            f"{unknown} Its import may still run, so the files of the {self.stream.subject} were not sent again, and "
            'its block may be empty or contain only a part now: wait until the block\'s "Update history" in Pigment '
            f"shows that the import has ended, and run the sync again, which {self._effect_again}."
        )

    def _import_all(self, importer: Importer, files: Files, stored: StoredFiles) -> None:
        """Import all files, noting each that is stored."""
        subject = self.stream.subject
        for position, (file, file_rows) in enumerate(files):
            first = Effect.CLEARS_ALL if self.target.scope is None else Effect.CLEARS_SCOPE
            effect = Effect.ADDS_TO_RELOAD if position else first
            configuration_id = self.target.configuration_id if position else self._clearing_id
            # Never repeated automatically: a clearing import accepted late would delete the files after it.
            done = importer.import_file(
                file,
                subject,
                configuration_id,
                rows=file_rows,
                repeatable=False,
                summed=self.stream.number_columns,
            )
            sent = describe_sent(self.stream, file, file_rows, self.files.converter.header)
            sent = replace(sent, may_delete=self._may_delete, rows_to_follow=_rows_of(files[position + 1 :]))
            verdict = check_effect(importer, sent, configuration_id, done, effect)
            stored.reports.append((done, verdict.rejected))
            ids = self._clearing_id, self.target.configuration_id
            require_one_block(subject, ids, stored.reports[0][0].blocks, done.blocks)
            stored.is_doubtful = stored.is_doubtful or verdict.is_doubtful
        rows, rejected = _rows_of(files), stored.rejected
        problem = None if self._store is None else self._write_rejected(self._store, files, stored)
        if not importer.is_dry_run:
            require_enough_written(subject, rows, rejected, self.target.minimum_rows or 0)
        if problem is not None:
            raise problem
        require_no_rejection_by_pigment(importer.fail_on_rejected, rejected, rows - rejected, subject, adds_again=False)

    def _write_rejected(self, store: RejectedRowStore, files: Files, stored: StoredFiles) -> Exception | None:
        """Write the rows that Pigment rejected to the bucket; what went wrong there."""
        try:
            for (file, _), (done, of_file) in zip(files, stored.reports, strict=True):
                reasons = left_out(done.skipped)
                store.write_imported(self.stream, file.columns, file.read_rows, of_file, done.numbered, reasons)
        except BucketFailed as failed:
            rejected = stored.rejected
            sentence = store.sentence_after_push(failed, self.stream, rejected, _rows_of(files) - rejected)
            return problem_of(failed, f"{sentence} run the sync again, which {self._effect_again}.")
        return None

    def _with_state_of_block(self, error: Exception, files: Files, stored: StoredFiles) -> Exception:
        """The error, with what is known of the block where the error itself does not say it."""
        if isinstance(error, Cancelled):
            error = TransientProblem(f"The sync was stopped before the {self.stream.subject} was replaced.")
        if isinstance(error, BlockDescribed) or len(stored.reports) == len(files):
            return error
        contains = "contains only a part now" if stored.reports else "may be empty or contain only a part now"
        failure = explain(error, subject=self.stream.subject)
        message = (
            f"{failure.message} The block of the {self.stream.subject} {contains}: once the cause is fixed, run the "
            f"sync again, which {self._effect_again}."
        )
        return ConfigProblem(message) if failure.type is FailureType.config_error else TransientProblem(message)


def _rows_of(files: Files) -> int:
    return sum(rows for _, rows in files)


def _was_not_taken(error: Exception) -> bool:
    """Whether Pigment did not take the file, so that no import of it has begun."""
    return isinstance(error, Cancelled | PigmentError) and not isinstance(error, ImportFailed | ImportOutcomeUnknown)
