"""One file into one import configuration: pushed, waited for, and its result logged in full."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from itertools import compress

from destination_pigment.config import DestinationConfig
from destination_pigment.files.spool import SpoolFile
from destination_pigment.imports.control_totals import describe_sums, total_file
from destination_pigment.imports.guards import has_stored, require_completed, require_nothing_stored
from destination_pigment.imports.polling import Expected, ImportPolling, label_of_file
from destination_pigment.imports.skipped import describe_skipped, left_out
from destination_pigment.imports.verdicts import ClearingEvidence, Effect, Imported, Sent, Verdict, judge
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
)
from pigment_client.wording import byte_size, counted
from pigment_csv.date_pattern import DatePattern
from pigment_csv.totals import Totals

logger = logging.getLogger("airbyte.pigment.destination")

# How long to wait before each question for the report of an import that has ended.
_REPORT_WAITS_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0)


# A push of this size takes long enough to be logged before its result.
_LARGE_BYTES = 1_000_000


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
        # Mutable state: the forms of dates that were logged.
        self._logged_patterns: set[DatePattern] = set()

    @property
    def cancelled(self) -> bool:
        """Whether the platform cancels: what runs is finished, nothing new is pushed."""
        return self._cancel.requested

    def wait_before_restart(self, seconds: float) -> None:
        """Wait before files are sent again; raises `Cancelled`."""
        self._clock.sleep(seconds)
        if self.cancelled:
            raise Cancelled

    def import_file(
        self,
        file: SpoolFile,
        subject: str,
        configuration_id: str,
        *,
        rows: int,
        repeatable: bool,
        summed: Collection[str] | None = None,
    ) -> Imported:
        """Import one file and wait for its end; `repeatable` says that importing it twice does no harm.

        `summed` are the columns of which there are control totals, if the user wants them; None: not of this file.

        Raises `ImportOutcomeUnknown`, another `PigmentError` (`ImportFailed` among them) where nothing of it was
        stored, or `Cancelled` before it was sent.
        """
        if self.cancelled:
            raise Cancelled
        self._log_form_of_dates(file.dialect.dates)
        began = self._clock.monotonic()
        size = f"{counted(rows, 'row')}, {byte_size(file.size_bytes)}"
        if file.size_bytes >= _LARGE_BYTES:
            logger.info("Pushing the %s: %s.", subject, size)
        expected = Expected(configuration_id, file.size_bytes)
        totals = total_file(file, rows, summed) if self._config.control_totals and summed is not None else None
        pushed = self._push(file, subject, configuration_id, repeatable=repeatable)
        try:
            done = self._result(pushed, subject, expected, size, began, totals)
            mode = self._config.loading_of(configuration_id).import_mode
            return replace(done, has_mode=mode is not None, was_repeated=pushed.was_repeated)
        except (PigmentError, ConfigProblem):
            raise
        except Exception as error:
            # It was accepted: whatever goes wrong here must not make the platform send it again automatically.
            raise ImportOutcomeUnknown(
                reason=f"The file for the {subject} was accepted, and the connector met an error while it waited for "
                f"the result ({type(error).__name__}).",
                import_id=pushed.id,
            ) from error

    def _push(self, file: SpoolFile, subject: str, configuration_id: str, *, repeatable: bool) -> Import:
        """Push a file; raises `ImportOutcomeUnknown` where the response was lost, or another `PigmentError`."""
        options = PushOptions(
            repeatable,
            self._config.form,
            self._config.dry_run,
            self._config.loading_of(configuration_id).import_mode,
            # Where the response contains the result, it takes as long as the import.
            response_timeout_seconds=self._config.import_timeout.total_seconds(),
        )
        try:
            return self._client.push_csv(configuration_id, file.path, options)
        except ImportOutcomeUnknown:
            reason = f"The file for the {subject} was sent, but Pigment's response was lost."
            raise ImportOutcomeUnknown(reason=reason) from None

    def _log_form_of_dates(self, pattern: DatePattern | None) -> None:
        """Show once what is sent: a configuration that expects another form reads other days, and reports nothing."""
        if pattern is not None and pattern not in self._logged_patterns:
            self._logged_patterns.add(pattern)
            logger.info(
                "2024-12-01 is sent as %s: the import configuration must read dates in the same form.", pattern.example
            )

    def may_restart_after(self, doubt: ImportOutcomeUnknown, subject: str) -> bool:
        """Whether an import of unknown outcome has ended, so that its files may be sent again; polls it.

        One without an id cannot be asked about: the caller waits until it would have been accepted.
        """
        if doubt.import_id is None:
            return True
        try:
            self.polling.wait_for_end(RunningImport(doubt.import_id), label_of_file(subject))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not known, and the caller says so
            logger.warning("Whether the import of the %s has ended is not known (%s).", subject, type(error).__name__)
            return False
        return True

    def _result(
        self, pushed: Import, subject: str, expected: Expected, size: str, began: float, totals: Totals | None
    ) -> Imported:
        done = self._completed(pushed, subject, expected)
        if done.counts is None or done.counts.deleted is None:
            done = self._with_report(done, subject)
        seconds = self._clock.monotonic() - began
        is_checked = self.is_dry_run and not has_stored(done.counts)
        verb, describe = ("Checked", describe_check) if is_checked else ("Imported", describe_counts)
        counts = describe(done.counts) + describe_sums(totals, done.counts)
        logger.info("%s the %s (%s in %.1f s): %s.", verb, subject, size, seconds, counts)
        log_skipped(subject, done)
        if self.is_dry_run:
            require_nothing_stored(done.counts, subject)
        return Imported(done.counts, done.rejected_rows, skipped=done.skipped, blocks=done.blocks, totals=totals)

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
                    asked,
                    counts=replace(asked.counts, skipped=skipped),
                    skipped=done.skipped or asked.skipped,
                    rejected_rows=done.rejected_rows,
                )
        logger.warning(
            "The import of the %s completed, but its report could not be read, so it is unknown whether existing rows "
            'were deleted. They were if "Clear items prior to import" is on in Pigment.',
            subject,
        )
        return done

    def _completed(self, pushed: Import, subject: str, expected: Expected | None = None) -> CompletedImport:
        return require_completed(self.polling.wait_for_end(pushed, label_of_file(subject), expected), subject)


def describe_sent(stream: DestinationStream, file: SpoolFile, rows: int, header: Sequence[str]) -> Sent:
    """A file as its report is judged by; `header` is that of the stream, without stamps."""
    columns = tuple(each for each in file.columns if each in header)
    return Sent(stream, rows, columns, file.dialect, partial(count_blanks, file, columns))


def count_blanks(file: SpoolFile, columns: Collection[str], numbers: Collection[int] | None = None) -> int:
    """The blank cells of these columns, in all rows or in those with these numbers."""
    are_counted = [name in columns for name in file.columns]
    rows = (row for some in file.read_rows() for row in some)
    kept = (row for number, row in enumerate(rows, start=1) if numbers is None or number in numbers)
    return sum(list(compress(row, are_counted)).count(None) for row in kept)


def check_effect(importer: Importer, sent: Sent, configuration_id: str, done: Imported, effect: Effect) -> Verdict:
    """Judge the report of a file, remember what it shows of the configuration, and log what the user should know.

    Raises the problem of the verdict.
    """
    evidence = importer.evidence[configuration_id]
    verdict = judge(sent, configuration_id, done, effect=effect, evidence=evidence, is_dry_run=importer.is_dry_run)
    importer.evidence[configuration_id] = verdict.evidence
    for sentence in verdict.information:
        logger.info(sentence)
    for warning in verdict.warnings:
        logger.warning(warning)
    if verdict.problem is not None:
        raise verdict.problem
    return verdict


def describe_counts(counts: ImportCounts | None) -> str:
    """The counts of an import, if it has any."""
    if counts is None:
        return "Pigment gave no counts"
    deleted = "an unknown number" if counts.deleted is None else f"{counts.deleted:,}"
    return f"{counts.inserted:,} inserted, {counts.updated:,} updated, {deleted} deleted, {counts.skipped:,} skipped"


def describe_check(counts: ImportCounts | None) -> str:
    """The counts of a dry run that Pigment itself has made, in which nothing is inserted."""
    if counts is None:
        return "Pigment gave no counts"
    if counts.deleted is None:
        return f"Pigment would accept {counts.inserted:,} and skip {counts.skipped:,}"
    return f"Pigment stored nothing and would skip {counts.skipped:,}"


def log_skipped(subject: str, done: CompletedImport) -> None:
    """Log what an import did not take, in a line for each reason and column; values of rows are never quoted."""
    for skipped in left_out(done.skipped):
        logger.warning(describe_skipped(subject, skipped))
    if not done.skipped:
        places = Counter((row.code or "no reason given", row.column or "") for row in done.rejected_rows)
        for (code, column), count in sorted(places.items()):
            where = f' in the column "{column}"' if column else ""
            logger.warning("Rejected %s of the %s: %s%s.", counted(count, "row"), subject, code, where)
