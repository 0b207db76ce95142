"""Imports that run in Pigment: each is asked about until it has ended, all of them together within the limit."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock

from destination_pigment.input.cancel import Cancel, Cancelled
from pigment_airbyte.failures import explain
from pigment_client.client import PigmentClient
from pigment_client.errors import ImportOutcomeUnknown, NotFound, PigmentError, ResponseNotUnderstood, TryLater
from pigment_client.http.clock import Clock
from pigment_client.models import CompletedImport, FailedImport, Import, RunningImport, UnreadableStatus
from pigment_client.wording import counted

logger = logging.getLogger("airbyte.pigment.destination")

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 30.0
_GROWTH = 1.5

# The first questions come freely; then the imports of many streams share what the limit of requests leaves.
_QUESTIONS_AT_ONCE = 3
_SECONDS_BETWEEN_QUESTIONS = 1.5

# How long a cancelled sync waits for what runs in Pigment. The platform gives it about a minute after SIGTERM
# (airbyte-platform: GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS is 60), and what is on disk must be removed by then.
CANCEL_GRACE_SECONDS = 50.0


class CancelGrace:
    """Whether a cancelled sync has waited long enough; the time begins when the cancel is first seen here."""

    def __init__(self, cancelled: Callable[[], bool]) -> None:
        self._cancelled = cancelled
        self._cancelled_at: float | None = None

    def is_over(self) -> bool:
        """Whether to wait no longer."""
        if self._cancelled_at is None and self._cancelled():
            self._cancelled_at = time.monotonic()
        return self._cancelled_at is not None and time.monotonic() - self._cancelled_at > CANCEL_GRACE_SECONDS


# An import that still runs is given up a little earlier, so that its outcome is reported within the grace.
_GIVEN_UP_SECONDS = CANCEL_GRACE_SECONDS - 5.0

# An import that was accepted a moment ago may not be known to every server yet.
_TIMES_NOT_KNOWN = 5

# While Pigment works, one line is logged for all imports, at most this often.
_SECONDS_BETWEEN_LINES = 30.0

# No import is faster than this: a large file is first asked about later.
_MOST_BYTES_A_SECOND = 20_000_000

# Where the time that an import takes is known, its end is found this much later, as a share of that time. The next
# questions come at intervals twice as long, because an end is found half an interval later on average.
_LATENESS = 0.1
_SOONER = 1 - 2 * _LATENESS

# An import that is expected to take long is also asked about at these shares of that time: the last one may have been
# slow only because Pigment was busy, and then the end of this one would be found far too late. A request is worth more
# than a few seconds.
_EARLY = (0.1, 0.3, 0.6)
_EARLIEST_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class ImportLabel:
    """What messages call an import: what it fills, its name, and the beginning of "it was accepted, and …"."""

    subject: str
    name: str
    accepted: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What the time that an import takes depends on."""

    configuration_id: str
    size_bytes: int


class ImportTimes:
    """When an import may be done: known from the last one of its configuration, which one thread uses at a time."""

    def __init__(self) -> None:
        # Mutable state: of each configuration the size of its last file, and the seconds between which its import
        # ended, or may have ended: at the second it had, and at the first it still ran, or was not asked about.
        self._last: dict[str, tuple[int, float, float]] = {}

    def remember(self, expected: Expected, ran_at: float, ended_at: float) -> None:
        """Remember an import that ended between these seconds; it was not seen to run where `ran_at` is 0."""
        _, before, _ = self._last.get(expected.configuration_id, (0, 0.0, 0.0))
        # Where the question at the expected time finds the end, it may have come sooner: imports may get faster.
        earliest = max(ran_at, min(before, ended_at) * _SOONER)
        self._last[expected.configuration_id] = expected.size_bytes, earliest, ended_at

    def plan_questions(self, expected: Expected) -> list[float]:
        """Seconds until each question that is worth its request; none if no import of the configuration has ended.

        A smaller file takes less. A larger one is not known to take more: a question too early costs a request, and one
        too late costs time.
        """
        if expected.configuration_id not in self._last:
            return []
        last_bytes, ran_at, ended_at = self._last[expected.configuration_id]
        share = min(1.0, expected.size_bytes / last_bytes) if last_bytes else 1.0
        is_narrow = ended_at - ran_at <= max(_FIRST_WAIT_SECONDS, ended_at * _LATENESS)
        due = share * (ended_at if is_narrow else (ran_at + ended_at) / 2)
        early = [due * each for each in _EARLY]
        return [*(each for each in early if each > _EARLIEST_SECONDS), due]


def label_of_file(subject: str) -> ImportLabel:
    """The label for the import of a file."""
    return ImportLabel(subject, f"import of the {subject}", f"The file for the {subject} was accepted")


class ImportPolling:
    """Waits for imports; may be shared by threads."""

    def __init__(self, client: PigmentClient, timeout: timedelta, cancel: Cancel, clock: Clock) -> None:
        self._client = client
        self._timeout_seconds = timeout.total_seconds()
        self._cancel = cancel
        self._clock = clock
        self._times = ImportTimes()
        # Mutable state, guarded by the lock: how many imports are waited for, and when a line is due about them.
        self._lock = Lock()
        self._count = 0
        self._line_due = 0.0

    def wait_for_end(
        self, started: Import, label: ImportLabel, expected: Expected | None = None
    ) -> CompletedImport | FailedImport:
        """The import when it has ended; asks about it until the deadline.

        Where it is known how long it takes, asks when it may be done; otherwise at 1 s, growing to 30 s. Raises
        `ImportOutcomeUnknown`.
        """
        with self._lock:
            self._count += 1
        try:
            return self._ask_until_ended(started, label, expected)
        except ImportOutcomeUnknown as doubt:
            doubt.import_id = started.id
            raise
        finally:
            with self._lock:
                self._count -= 1

    def _ask_until_ended(
        self, started: Import, label: ImportLabel, expected: Expected | None
    ) -> CompletedImport | FailedImport:
        began = self._clock.monotonic()
        planned = [] if expected is None else self._times.plan_questions(expected)
        is_known = bool(planned)
        seconds = max(_FIRST_WAIT_SECONDS, expected.size_bytes / _MOST_BYTES_A_SECOND if expected else 0.0)
        cancelled_at: float | None = None
        questions, not_known, ran_at = 0, 0, 0.0
        while not isinstance(started, CompletedImport | FailedImport):
            is_planned = bool(planned)
            if is_planned:
                self._wait_until_due(began, planned.pop(0), label)
            if self._cancel.requested and cancelled_at is None:
                cancelled_at, seconds = self._clock.monotonic(), _FIRST_WAIT_SECONDS
            if not is_planned or cancelled_at is not None:
                self._clock.sleep(self._wait_seconds(began, cancelled_at, seconds, questions, label))
            questions += 1
            asked, asked_at = self._ask(started.id, label), self._clock.monotonic() - began
            grown = asked_at * 2 * _LATENESS if is_known and cancelled_at is None else seconds * _GROWTH
            seconds = max(_FIRST_WAIT_SECONDS, min(_LONGEST_WAIT_SECONDS, grown))
            if isinstance(asked, UnreadableStatus) and asked.completed:
                return CompletedImport(asked.id)
            not_known = not_known + 1 if asked is None or isinstance(asked, UnreadableStatus) else 0
            if not_known > _TIMES_NOT_KNOWN:
                known = (
                    "reports a status of its import that is not understood" if asked else "no longer knows its import"
                )
                raise ImportOutcomeUnknown(reason=f"{label.accepted}, and Pigment {known}.")
            started = asked or started
            if isinstance(started, CompletedImport) and expected is not None:
                self._times.remember(expected, ran_at, asked_at)
            elif not isinstance(started, FailedImport):
                ran_at = asked_at
                self._log_progress(began, label)
        return started

    def _wait_until_due(self, began: float, due: float, label: ImportLabel) -> None:
        """Wait until a planned question is due, until the deadline, or until the platform cancels."""
        until = began + min(due, self._timeout_seconds)
        while not self._cancel.requested and (left := until - self._clock.monotonic()) > 0:
            self._clock.sleep(min(left, _LONGEST_WAIT_SECONDS))
            self._log_progress(began, label)

    def _wait_seconds(
        self, began: float, cancelled_at: float | None, seconds: float, questions: int, label: ImportLabel
    ) -> float:
        """How long to wait before the next question: all running imports together ask about once a second.

        Once the platform cancels there is no time for that: each asks for itself, for the last time when the grace
        ends. Raises `ImportOutcomeUnknown` where the time is over.
        """
        now = self._clock.monotonic()
        if now - began >= self._timeout_seconds:
            minutes = counted(self._timeout_seconds / 60, "minute")
            raise ImportOutcomeUnknown(
                reason=f"The {label.name} has not ended within {minutes} and may still be "
                'running (raise "Import timeout (minutes)" if large imports take longer).'
            )
        if cancelled_at is None:
            if questions >= _QUESTIONS_AT_ONCE:
                seconds = max(seconds, self._count * _SECONDS_BETWEEN_QUESTIONS)
            return seconds * (0.5 + self._clock.random() / 2)
        left = _GIVEN_UP_SECONDS - (now - cancelled_at)
        if left <= 0:
            raise ImportOutcomeUnknown(reason=f"The sync was stopped while the {label.name} was running.")
        return min(left, seconds * (0.5 + self._clock.random() / 2))

    def _ask(self, import_id: str, label: ImportLabel) -> Import | None:
        """What Pigment reports of an import; None where it does not know it."""
        try:
            return self._client.import_status(import_id)
        except (TryLater, Cancelled):
            # The import goes on whether we can ask or not; the deadline ends this.
            return RunningImport(import_id)
        except (NotFound, ResponseNotUnderstood):
            return None
        except PigmentError as error:
            why = explain(error, subject=label.subject).message
            reason = f"{label.accepted}, but what became of it could not be asked: {why}"
            raise ImportOutcomeUnknown(reason=reason) from None

    def _log_progress(self, began: float, label: ImportLabel) -> None:
        """Log that Pigment works, in one line for all imports, where that is due."""
        now = self._clock.monotonic()
        taken = now - began
        with self._lock:
            if taken < _SECONDS_BETWEEN_LINES or now < self._line_due:
                return
            self._line_due = now + _SECONDS_BETWEEN_LINES
            others = self._count - 1
        until = self._clock.now() + timedelta(seconds=self._timeout_seconds - taken)
        logger.info(
            "Pigment has worked on the %s for %.0f s%s; the connector waits until %s UTC at most.",
            label.name,
            taken,
            f", and works on {counted(others, 'other import')}" if others else "",
            f"{until:%H:%M}",
        )
