"""One file into one import configuration: pushed, waited for, and its result logged in full."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from dataclasses import replace

from destination_pigment.config import DestinationConfig
from destination_pigment.files.dimension_checks import shortened
from destination_pigment.files.spool import SpoolFile
from destination_pigment.imports.polling import ImportPolling, label_of_file
from destination_pigment.imports.verdicts import (
    ClearingEvidence,
    Effect,
    Imported,
    Verdict,
    judge,
    require_completed,
    require_nothing_stored,
)
from destination_pigment.input.cancel import Cancel, Cancelled
from destination_pigment.input.catalog import DestinationStream
from pigment_airbyte.failures import ConfigProblem
from pigment_client.client import PigmentClient
from pigment_client.errors import ImportOutcomeUnknown, NotFound, PigmentError, ResponseNotUnderstood, TryLater
from pigment_client.http.clock import Clock
from pigment_client.models import (
    CompletedImport,
    FailedImport,
    Import,
    ImportCounts,
    PushOptions,
    RunningImport,
    SkippedData,
)
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")

# How long to wait before each question for the report of an import that has ended.
_REPORT_WAITS_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0)


class Importer:
    """Imports files; may be shared by threads.

    `evidence` is what this sync has seen of each import configuration. Only the thread of a configuration's queue reads
    and changes its entry.
    """

    def __init__(self, client: PigmentClient, config: DestinationConfig, cancel: Cancel, clock: Clock) -> None:
        self._client = client
        self._config = config
        self._cancel = cancel
        self._clock = clock
        self.fail_on_rejected = config.fail_on_rejected
        self.is_dry_run = config.dry_run
        self.evidence: dict[str, ClearingEvidence] = defaultdict(lambda: ClearingEvidence.NOTHING)
        self.polling = ImportPolling(client, config.import_timeout, cancel, clock)

    @property
    def cancelled(self) -> bool:
        """Whether the platform cancels: what runs is finished, nothing new is pushed."""
        return self._cancel.requested

    def wait_before_restart(self, seconds: float) -> None:
        """Wait before files are sent again; raises `Cancelled`."""
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
            # Where the response contains the result, it takes as long as the import.
            response_timeout_seconds=self._config.import_timeout.total_seconds(),
        )
        logger.info("Pushing %s of the %s.", counted(file.size_bytes, "byte"), subject)
        try:
            pushed = self._client.push_csv(configuration_id, file.path, options)
        except ImportOutcomeUnknown:
            reason = f"The file for the {subject} was sent, but Pigment's response was lost."
            raise ImportOutcomeUnknown(reason=reason) from None
        try:
            return replace(self._result(pushed, subject), has_mode=mode is not None)
        except (PigmentError, ConfigProblem):
            raise
        except Exception as error:
            # It was accepted: whatever goes wrong here must not make the platform send it again automatically.
            raise ImportOutcomeUnknown(
                reason=f"The file for the {subject} was accepted, and the connector met an error while it waited for "
                f"the result ({type(error).__name__}).",
                import_id=pushed.id,
            ) from error

    def may_restart_after(self, doubt: ImportOutcomeUnknown, subject: str) -> bool:
        """Whether an import of unknown outcome has certainly ended, so that its files may be sent again; polls it."""
        if doubt.import_id is None:
            return True
        try:
            self.polling.wait_for_end(RunningImport(doubt.import_id), label_of_file(subject))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not known, and the caller says so
            logger.warning("Whether the import of the %s has ended is not known (%s).", subject, type(error).__name__)
            return False
        return True

    def _result(self, pushed: Import, subject: str) -> Imported:
        done = self._completed(pushed, subject)
        if done.counts is None or done.counts.deleted is None:
            done = self._with_report(done, subject)
        logger.info("Imported the %s: %s.", subject, describe_counts(done.counts))
        rejected = count_and_log_rejected(subject, done)
        if self.is_dry_run:
            require_nothing_stored(done.counts, subject)
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
                asked = self._completed(asked, subject)
            if isinstance(asked, CompletedImport) and asked.counts is not None and asked.counts.deleted is not None:
                skipped = done.counts.skipped if done.counts else asked.counts.skipped
                return replace(
                    done, counts=replace(asked.counts, skipped=skipped), skipped=done.skipped or asked.skipped
                )
        logger.warning(
            "The import of the %s completed, but its report could not be read, so it is unknown whether existing rows "
            'were deleted. They were if "Clear items prior to import" is on in Pigment.',
            subject,
        )
        return done

    def _completed(self, pushed: Import, subject: str) -> CompletedImport:
        return require_completed(self.polling.wait_for_end(pushed, label_of_file(subject)), subject)


def check_effect(
    importer: Importer, stream: DestinationStream, configuration_id: str, rows: int, done: Imported, effect: Effect
) -> Verdict:
    """Judge the report of a file of this number of rows, remember what it shows of the configuration, and log warnings.

    Raises the problem of the verdict.
    """
    evidence = importer.evidence[configuration_id]
    verdict = judge(
        stream, configuration_id, rows, done, effect=effect, evidence=evidence, is_dry_run=importer.is_dry_run
    )
    importer.evidence[configuration_id] = verdict.evidence
    for warning in verdict.warnings:
        logger.warning(warning)
    if verdict.problem is not None:
        raise verdict.problem
    return verdict


def describe_counts(counts: ImportCounts | None) -> str:
    """The counts of an import, if it has any."""
    if counts is None:
        return "Pigment gave no counts"
    deleted = "an unknown number" if counts.deleted is None else counts.deleted
    return f"{counts.inserted} inserted, {counts.updated} updated, {deleted} deleted, {counts.skipped} skipped"


def count_and_log_rejected(subject: str, done: CompletedImport) -> int:
    """How many rows an import did not take; logs them by reason and column, and never quotes values of rows."""
    rejected = max(len({each.row for each in done.rejected_rows}), done.counts.skipped if done.counts else 0)
    for skipped in done.skipped:
        logger.warning("Skipped in the %s: %s", subject, _describe_skipped(skipped))
    if rejected and not done.skipped:
        places = Counter((row.code or "no code", row.column or "no column") for row in done.rejected_rows)
        for (code, column), count in sorted(places.items()):
            logger.warning(
                'Rejected in the %s: %s, %s in the column "%s".', subject, counted(count, "row"), code, column
            )
    return rejected


def _describe_skipped(skipped: SkippedData) -> str:
    """The reason, column and count; samples only where they are names of dimension items, which are not values."""
    column = f' in the column "{skipped.column}"' if skipped.column else ""
    samples = ""
    if skipped.reason.startswith("MissingModalit") and skipped.samples:
        samples = ", such as " + ", ".join(f'"{shortened(sample)}"' for sample in skipped.samples[:5])
    return f"{counted(skipped.count, 'time')} {skipped.reason}{column}{samples}."
