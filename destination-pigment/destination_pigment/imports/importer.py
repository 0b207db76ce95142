"""One file into one import configuration: pushed, waited for, and what came of it said in full."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event, Lock

from destination_pigment.config import DestinationConfig
from destination_pigment.files.spool import Spool, SpoolFile
from pigment_airbyte.failures import ConfigProblem, TransientProblem, explain
from pigment_client.client import PigmentClient
from pigment_client.errors import ImportFailed, NotFound, PigmentError, ResponseNotUnderstood, TryLater
from pigment_client.models import (
    CompletedImport,
    FailedImport,
    Import,
    ImportCounts,
    PushOptions,
    RunningImport,
    SkippedData,
    UnknownImport,
)

logger = logging.getLogger("airbyte.pigment.destination")

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 30.0
_GROWTH = 1.5

# The first questions come as they like; then the imports of many streams share what the limit of requests leaves.
_QUESTIONS_AT_ONCE = 3
_SECONDS_BETWEEN_QUESTIONS = 1.5

# After SIGTERM the platform gives about a minute (reference: how it cancels); some of it is needed to clean up.
_GRACE_SECONDS = 45.0

# An import that was accepted a moment ago may not be known to every server yet.
_TIMES_NOT_KNOWN = 5


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import stored: its counts, and how many rows were refused for good."""

    counts: ImportCounts
    rejected: int


@dataclass(frozen=True, slots=True)
class Route:
    """How a file travels.

    `repeatable` says that a lost answer may be met by sending it again; `clears`, that deletions are meant;
    `again_through` names the import configuration for numbered rejected rows (None: they are not sent again, because
    that would delete the others).
    """

    configuration_id: str
    repeatable: bool
    clears: bool
    again_through: str | None


class Stopped(Exception):
    """The platform cancels while a request waits for its turn; it was not sent."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How to wait; a test brings its own."""

    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random
    stop: Event = field(default_factory=Event)
    sleep: Callable[[float], None] = time.sleep


class Importer:
    """Imports files; may be shared by threads."""

    def __init__(self, client: PigmentClient, config: DestinationConfig, spool: Spool, waiting: Waiting) -> None:
        self._client = client
        self._config = config
        self._spool = spool
        self._waiting = waiting
        # Mutable state, guarded by the lock: how many imports are waited for.
        self._lock = Lock()
        self._running = 0

    @property
    def stopped(self) -> bool:
        """Whether the platform cancels: what runs is finished, nothing new is pushed."""
        return self._waiting.stop.is_set()

    def import_file(self, file: SpoolFile, subject: str, route: Route) -> Imported:
        """Import one file and wait for its end.

        Raises a `PigmentError` (`OutcomeUnknown` where the file may have been imported), `ImportFailed`, or
        `TransientProblem` when the deadline is over.
        """
        done = self._push(file, subject, route.configuration_id, route)
        counts = done.counts or ImportCounts()
        numbers = frozenset(each.row for each in done.rejected_rows)
        rejected = max(len(numbers), counts.skipped)
        if numbers and route.again_through is not None and not self.stopped:
            again = self._spool.selected(file, numbers)
            try:
                second = self._push(again, subject, route.again_through, route)
            except Stopped:
                # What the first push stored is stored, and must be told of.
                second = None
            finally:
                again.remove()
            if second is not None:
                done, more = second, second.counts or ImportCounts()
                # What was refused without a number was not sent again.
                rejected += max(len({each.row for each in second.rejected_rows}), more.skipped) - len(numbers)
                counts = _added(counts, more, rejected)
        _log_result(subject, done, counts, rejected)
        self.refuse(rejected, subject)
        return Imported(counts, rejected)

    def refuse(self, rejected: int, subject: str) -> None:
        """Raise `ConfigProblem` where any rejected row shall stop the sync."""
        if rejected and self._config.fail_on_rejected:
            raise ConfigProblem(
                f"{rejected} row(s) of the {subject} were refused, and the connection is set to stop then: see the log "
                'for reasons and columns, mend them at their source, or set "Rejected rows" to report.'
            )

    def _push(self, file: SpoolFile, subject: str, configuration_id: str, route: Route) -> CompletedImport:
        options = PushOptions(route.repeatable, self._config.form, self._config.dry_run, self._config.import_mode)
        logger.info("Pushing %d bytes of the %s.", file.size_bytes, subject)
        pushed = self._client.push_csv(configuration_id, file.path, options)
        if isinstance(pushed, CompletedImport) and not route.clears:
            return self._with_deletions(pushed)
        match self._ended(pushed, subject):
            case CompletedImport() as done:
                return done
            case FailedImport(id=import_id, error_names=names):
                raise ImportFailed(import_id, names)

    def _with_deletions(self, done: CompletedImport) -> CompletedImport:
        """A result that came at once does not say whether rows were deleted, which an adding import must not do."""
        try:
            asked = self._client.import_status(done.id)
        except (PigmentError, Stopped):
            return done
        if not isinstance(asked, CompletedImport) or asked.counts is None:
            return done
        return replace(done, counts=replace(done.counts or ImportCounts(), deleted=asked.counts.deleted))

    def _ended(self, pushed: Import, subject: str) -> CompletedImport | FailedImport:
        """The import when it has ended; asks at 1 s, growing to 30 s, until the deadline."""
        with self._lock:
            self._running += 1
        try:
            return self._asked_until_ended(pushed, subject)
        finally:
            with self._lock:
                self._running -= 1

    def _pause(self, seconds: float, questions: int) -> float:
        """How long to wait before the next question: all running imports together ask about once a second."""
        if questions >= _QUESTIONS_AT_ONCE:
            seconds = max(seconds, self._running * _SECONDS_BETWEEN_QUESTIONS)
        return seconds * (0.5 + self._waiting.random() / 2)

    def _asked_until_ended(self, pushed: Import, subject: str) -> CompletedImport | FailedImport:
        began = self._waiting.clock()
        seconds, not_known, questions = _FIRST_WAIT_SECONDS, 0, 0
        stopped_at: float | None = None
        while isinstance(pushed, RunningImport):
            if self.stopped:
                stopped_at = self._waiting.clock() if stopped_at is None else stopped_at
                seconds = _FIRST_WAIT_SECONDS
            self._refuse_to_wait_longer(began, stopped_at, subject)
            self._waiting.sleep(self._pause(seconds, questions))
            questions += 1
            seconds = min(_LONGEST_WAIT_SECONDS, seconds * _GROWTH)
            try:
                pushed = self._client.import_status(pushed.id)
            except (TryLater, ResponseNotUnderstood, Stopped):
                # The import goes on whether we can ask or not; the deadline ends this.
                continue
            except NotFound as error:
                not_known += 1
                if not_known > _TIMES_NOT_KNOWN:
                    raise _accepted_but(error, subject) from None
            except PigmentError as error:
                raise _accepted_but(error, subject) from None
        if isinstance(pushed, UnknownImport):
            raise _accepted_but(ResponseNotUnderstood("import status", object_id=pushed.id), subject)
        return pushed

    def _refuse_to_wait_longer(self, began: float, stopped_at: float | None, subject: str) -> None:
        now = self._waiting.clock()
        if now - began > self._config.import_timeout.total_seconds():
            raise TransientProblem(
                f"The import of the {subject} has not ended within {self._config.import_timeout.total_seconds():.0f} "
                'seconds and may still be running: look at the block\'s "Update history" in Pigment before you run '
                'the sync again, and raise "Import time-out" if large imports take longer.'
            )
        if stopped_at is not None and now - stopped_at > _GRACE_SECONDS:
            raise TransientProblem(
                f"The sync was stopped while the import of the {subject} was running: look at the block's \"Update "
                'history" in Pigment before you run the sync again.'
            )


def _accepted_but(error: PigmentError, subject: str) -> ConfigProblem:
    reason = "Pigment does not know the import any more" if isinstance(error, NotFound) else explain(error).message
    return ConfigProblem(
        f"The file for the {subject} was accepted, but what became of it could not be asked: {reason}. Look at the "
        'block\'s "Update history" in Pigment before you run the sync again, which sends these rows once more.'
    )


def _added(first: ImportCounts, second: ImportCounts, rejected: int) -> ImportCounts:
    return ImportCounts(
        first.inserted + second.inserted, first.updated + second.updated, first.deleted + second.deleted, rejected
    )


def _log_result(subject: str, done: CompletedImport, counts: ImportCounts, rejected: int) -> None:
    logger.info(
        "Imported the %s: %d inserted, %d updated, %d deleted, %d skipped.",
        subject,
        counts.inserted,
        counts.updated,
        counts.deleted,
        counts.skipped,
    )
    for skipped in done.skipped:
        logger.warning("Skipped in the %s: %s", subject, _say_skipped(skipped))
    if rejected and not done.skipped:
        by_place: dict[tuple[str, str], int] = {}
        for row in done.rejected_rows:
            place = (row.code or "no code", row.column or "no column")
            by_place[place] = by_place.get(place, 0) + 1
        for (code, column), count in sorted(by_place.items()):
            logger.warning('Rejected in the %s: %d row(s), %s in the column "%s".', subject, count, code, column)


def _say_skipped(skipped: SkippedData) -> str:
    """The reason, column and count; samples only where they are names of dimension items, which are not values."""
    column = f' in the column "{skipped.column}"' if skipped.column else ""
    samples = ""
    if skipped.reason.startswith("MissingModalit") and skipped.samples:
        samples = ", such as " + ", ".join(f'"{sample}"' for sample in skipped.samples[:5])
    return f"{skipped.count} times {skipped.reason}{column}{samples}."
