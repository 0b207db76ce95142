"""One file into one import configuration: pushed, waited for, and what came of it said in full."""

from __future__ import annotations

import logging
from dataclasses import replace

from destination_pigment.config import DestinationConfig
from destination_pigment.files.spool import SpoolFile
from destination_pigment.imports.deletions import Deletions
from destination_pigment.imports.polling import RunningImports, words_for_file
from destination_pigment.imports.report import Imported, RowRules, log_result
from destination_pigment.input.cancel import Cancel, Cancelled
from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from pigment_client.errors import (
    ImportFailed,
    ImportOutcomeUnknown,
    NotFound,
    PigmentError,
    ResponseNotUnderstood,
    TryLater,
)
from pigment_client.http.clock import Clock
from pigment_client.models import (
    CompletedImport,
    FailedImport,
    Import,
    PushOptions,
    RunningImport,
)
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")

# How long to wait before each question for the report of an import that has ended.
_REPORT_WAITS_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0)


class Importer:
    """Imports files; may be shared by threads."""

    def __init__(self, client: PigmentClient, config: DestinationConfig, cancel: Cancel, clock: Clock) -> None:
        self._client = client
        self._config = config
        self._cancel = cancel
        self._clock = clock
        self.deletions = Deletions()
        self.running = RunningImports(client, config.import_timeout, cancel, clock)

    @property
    def cancelled(self) -> bool:
        """Whether the platform cancels: what runs is finished, nothing new is pushed."""
        return self._cancel.requested

    @property
    def rules(self) -> RowRules:
        """What the user wants done about rows that Pigment does not take."""
        dry_run = self._config.dry_run
        return RowRules(self._config.fail_on_rejected, dry_run, dry_run)

    def wait(self, seconds: float) -> None:
        """Wait between two imports; raises `Cancelled`."""
        self._clock.sleep(seconds)
        if self.cancelled:
            raise Cancelled

    def import_file(self, file: SpoolFile, subject: str, configuration_id: str, *, repeatable: bool) -> Imported:
        """Import one file and wait for its end; `repeatable` says that importing it twice does no harm.

        Raises `ImportOutcomeUnknown`, another `PigmentError` (`ImportFailed` among them) where nothing of it was
        stored, or `Cancelled` before it was sent.
        """
        if self.cancelled:
            raise Cancelled
        mode = self._config.loading_of(configuration_id).import_mode
        options = PushOptions(
            repeatable,
            self._config.form,
            self._config.dry_run,
            mode,
            # Where the response holds the result, it takes as long as the import.
            response_timeout_seconds=self._config.import_timeout.total_seconds(),
        )
        logger.info("Pushing %s of the %s.", counted(file.size_bytes, "byte"), subject)
        try:
            pushed = self._client.push_csv(configuration_id, file.path, options)
        except ImportOutcomeUnknown:
            raise ImportOutcomeUnknown(
                reason=f"The file for the {subject} was sent, but Pigment's response was lost."
            ) from None
        try:
            return replace(self._result(pushed, subject), may_leave_rows=mode is not None)
        except (PigmentError, ConfigProblem):
            raise
        except Exception as error:
            # It was accepted: whatever goes wrong here must not make the platform send it again by itself.
            raise ImportOutcomeUnknown(
                reason=f"The file for the {subject} was accepted, and the connector met an error while it waited for "
                f"the result ({type(error).__name__}).",
                import_id=pushed.id,
            ) from error

    def _result(self, pushed: Import, subject: str) -> Imported:
        done = self._ended(pushed, subject)
        if done.counts is None or done.counts.deleted is None:
            done = self._with_report(done, subject)
        rejected = max(len({each.row for each in done.rejected_rows}), done.counts.skipped if done.counts else 0)
        log_result(subject, done, rejected)
        self._reject_stored_dry_run(done, subject)
        return Imported(done.counts, rejected, done.rejected_rows, skipped=done.skipped)

    def _with_report(self, done: CompletedImport, subject: str) -> CompletedImport:
        """A result that came at once does not say which rows were updated, and whether any were deleted."""
        for wait in _REPORT_WAITS_SECONDS:
            if wait:
                self._clock.sleep(wait * (0.5 + self._clock.random() / 2))
            try:
                asked = self._client.import_status(done.id)
            except (TryLater, Cancelled, NotFound, ResponseNotUnderstood):
                continue
            except PigmentError:
                break  # the key may not ask
            if isinstance(asked, FailedImport | RunningImport):
                asked = self._ended(asked, subject)
            if isinstance(asked, CompletedImport) and asked.counts is not None and asked.counts.deleted is not None:
                skipped = done.counts.skipped if done.counts else asked.counts.skipped
                return replace(
                    done, counts=replace(asked.counts, skipped=skipped), skipped=done.skipped or asked.skipped
                )
        logger.warning(
            "The import of the %s is completed, and there is no report of it that can be read: whether it deleted what "
            'was in its block is not known. It does if "Clear items prior to import" is on in Pigment.',
            subject,
        )
        return done

    def _reject_stored_dry_run(self, done: CompletedImport, subject: str) -> None:
        counts = done.counts
        # What an answer without deletions calls accepted, a dry run has only looked at.
        if not self._config.dry_run or counts is None or counts.deleted is None:
            return
        if counts.inserted + counts.updated + counts.deleted:
            raise ConfigProblem(
                f'Pigment stored rows of the {subject} although "Dry run" is on, which its public API does not know: '
                "the sync stopped after this file; switch the dry run off, and look at the block before the next sync."
            )

    def _ended(self, pushed: Import, subject: str) -> CompletedImport:
        ended = self.running.ended(pushed, words_for_file(subject))
        if isinstance(ended, FailedImport):
            if ended.accepted:
                raise ImportOutcomeUnknown(
                    reason=f"Pigment reports the import of the {subject} as failed, and "
                    f"{counted(ended.accepted, 'row')} as accepted."
                )
            raise ImportFailed(ended.id, ended.error_names)
        return ended

    def has_ended(self, doubt: ImportOutcomeUnknown, subject: str) -> bool:
        """Ask once more, as long as for any import; whether the one in doubt runs no more, as far as one can ask."""
        if doubt.import_id is None:
            return True
        try:
            self.running.ended(RunningImport(doubt.import_id), words_for_file(subject))
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody knows, and the caller says so
            logger.warning("Whether the import of the %s has ended is not known (%s).", subject, type(error).__name__)
            return False
        return True
