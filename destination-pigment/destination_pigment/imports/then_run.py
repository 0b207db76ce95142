"""What Pigment runs inside itself behind a load: each is started in order, waited for and reported like an import.

Whatever goes wrong here is a config error: everything of the sync is stored by then, and the platform repeats any
other error by itself, which would add the rows of a full refresh once more and start a copy a second time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from threading import Thread
from typing import NoReturn

from destination_pigment.imports.importer import Importer
from destination_pigment.imports.polling import Words
from destination_pigment.imports.report import in_words, log_left_out
from destination_pigment.input.cancel import Cancelled
from pigment_airbyte.failures import ConfigProblem, TransientProblem, explain
from pigment_client.client import PigmentClient
from pigment_client.errors import ImportOutcomeUnknown, LimitReached, NotFound, PigmentError, RequestRejected
from pigment_client.models import CompletedImport, FailedImport, Import, ImportConfiguration, is_id
from pigment_client.wording import counted, listed


@dataclass(frozen=True, slots=True)
class Ending:
    """A sync once its imports have ended; by default one of which everything is stored.

    `is_empty` says that it has no stream, so that nothing can have been loaded. `unfinished` are the streams that the
    source has not read to their end; `unproved` those of which nothing says whether it has, although it did not fail.
    `unsettled` counts the records that are neither stored nor rejected, `unreadable` the lines that may have been
    records, `unsent_states` the states whose records were not confirmed.
    """

    has_failed: bool = False
    is_cancelled: bool = False
    is_dry_run: bool = False
    is_empty: bool = False
    unfinished: tuple[str, ...] = ()
    unproved: tuple[str, ...] = ()
    unsettled: int = 0
    unreadable: int = 0
    unsent_states: int = 0
    rejected: int = 0


class Concern(Enum):
    """Whose turn it is where not everything is stored."""

    SAID = auto()  # the sync ends with that by itself
    AGAIN = auto()  # another sync may store everything
    ROWS = auto()  # somebody must look at the rows


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why not everything is stored, as the end of a sentence that begins with "because"."""

    concern: Concern
    reason: str


def find_obstacle(ending: Ending) -> Obstacle | None:
    """Why not everything of a sync is stored; None where everything is."""
    lines = counted(ending.unreadable, "line of the input", "lines of the input")
    found = (
        (ending.has_failed, Concern.SAID, "the sync failed"),
        (ending.is_cancelled, Concern.SAID, "the sync was stopped"),
        (ending.is_dry_run, Concern.SAID, "this is a dry run"),
        (ending.is_empty, Concern.SAID, "the sync has no stream"),
        (ending.unfinished, Concern.AGAIN, f"the source did not finish the {', '.join(ending.unfinished)}"),
        (ending.unproved, Concern.ROWS, f"no state came that proves the {', '.join(ending.unproved)} complete"),
        (ending.unsettled, Concern.ROWS, f"{counted(ending.unsettled, 'record is', 'records are')} not stored"),
        (ending.unreadable, Concern.ROWS, f"{lines} could not be read and may have been records"),
        (ending.unsent_states, Concern.ROWS, f"{counted(ending.unsent_states, 'state was', 'states were')} not sent"),
        (ending.rejected, Concern.ROWS, f"{counted(ending.rejected, 'row was', 'rows were')} rejected"),
    )
    return next((Obstacle(concern, reason) for applies, concern, reason in found if applies), None)


_LOOK_EVERY_SECONDS = 0.5


def finish_in_background(work: Callable[[], None], cancelled: Callable[[], bool], grace_seconds: float) -> bool:
    """Whether the work has ended; not where it goes on so long after the platform cancelled. Raises what it raises."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - it is raised where the work is waited for
            errors.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    cancelled_at: float | None = None
    thread.join(_LOOK_EVERY_SECONDS)
    while thread.is_alive():
        if cancelled_at is None and cancelled():
            cancelled_at = time.monotonic()
        if cancelled_at is not None and time.monotonic() - cancelled_at > grace_seconds:
            return False
        thread.join(_LOOK_EVERY_SECONDS)
    for error in errors:
        raise error
    return True


logger = logging.getLogger("airbyte.pigment.destination")

# After the grace for what runs, and before the platform kills.
_END_WHEN_CANCELLED_SECONDS = 50.0

_LOOK = 'look at the "Update history" of its block in Pigment before you start it again'


@dataclass(frozen=True, slots=True)
class FollowUp:
    """An import from an integration, or a copy; its name where it is known."""

    id: str
    name: str | None = None

    @property
    def title(self) -> str:
        """What messages call it."""
        return f'"{self.name}" ({self.id})' if self.name else f'"{self.id}"'


def settle_follow_ups(wanted: Sequence[str], known: Sequence[ImportConfiguration]) -> tuple[FollowUp, ...]:
    """What is to be started, with the names that are known; raises `ConfigProblem` for what is no ID."""
    names = {each.id: each.name for each in known}
    for text in wanted:
        if not is_id(text):
            ids = {each.id for each in known if each.name == text}
            hint = f"enter {ids.pop()}" if len(ids) == 1 else "copy the ID in Pigment, from the configuration"
            raise ConfigProblem(f'"{text}" under "Then run" is no ID of a configuration: {hint}.')
    return tuple(FollowUp(each, names.get(each)) for each in wanted)


def reject_invisible(followups: Sequence[FollowUp], known: Sequence[ImportConfiguration]) -> None:
    """Raise `ConfigProblem` for what nobody shows to the key's owner; nothing is started to find out."""
    visible = {each.id for each in known}
    missing = [each.title for each in followups if each.id not in visible]
    if missing:
        there = listed(f"{each.name} ({each.id})" for each in known)
        raise ConfigProblem(
            f'"Then run" names {", ".join(missing)}, which no application has or the owner of the key cannot see: copy '
            f"the ID again in Pigment. There are: {there}."
        )


class FollowUps:
    """Runs what is to follow a sync."""

    def __init__(
        self, client: PigmentClient, importer: Importer, wanted: Sequence[FollowUp], timeout_seconds: float
    ) -> None:
        self._client = client
        self._importer = importer
        self._wanted = wanted
        self._timeout_seconds = timeout_seconds
        # Mutable state: what became of each so far.
        self._results: list[str] = []

    def run(self, ending: Ending) -> None:
        """Start each in order behind a sync of which everything is stored.

        Raises `ConfigProblem`, or `TransientProblem` where nothing was started and another sync may store everything.
        """
        obstacle = find_obstacle(ending)
        if not self._wanted:
            return
        try:
            if obstacle is None:
                self._run_in_background()
            elif obstacle.concern is not Concern.SAID:
                self._reject(obstacle.concern, obstacle.reason)
        finally:
            self._report("" if obstacle is None else f", because {obstacle.reason}")

    def _run_in_background(self) -> None:
        if finish_in_background(self._run_all, lambda: self._importer.cancelled, _END_WHEN_CANCELLED_SECONDS):
            return
        each = self._wanted[min(len(self._results), len(self._wanted) - 1)]
        self._fail(
            "may still run",
            f'The sync was stopped while {each.title} under "Then run" was started or waited for, and Pigment did not '
            f"respond: {_LOOK}.",
        )

    def _run_all(self) -> None:
        for position, each in enumerate(self._wanted):
            if self._importer.cancelled:
                return
            logger.info('Starting %s under "Then run" (%d of %d).', each.title, position + 1, len(self._wanted))
            try:
                self._results.append(self._run(each))
            except Cancelled:
                return
            except ConfigProblem as problem:
                behind = ", ".join(other.title for other in self._wanted[position + 1 :])
                others = f"; not started: {behind}" if behind else ""
                raise ConfigProblem(f"{problem} All records of this sync are stored{others}.") from None

    def _run(self, each: FollowUp) -> str:
        """Run one to its end; what came of it."""
        started = self._started(each)
        about = f'{each.title} under "Then run"'
        words = Words(each.title, f"run of {about}", f"{about} was started")
        try:
            ended = self._importer.running.ended(started, words)
        except ImportOutcomeUnknown as doubt:
            self._fail("may still run", f"{doubt} {_LOOK[0].upper()}{_LOOK[1:]}.")
        except Exception as error:  # noqa: BLE001 - it was started: whatever goes wrong must not start it again
            why = f"the connector met an error while it waited ({type(error).__name__})"
            self._fail("may still run", f"{about} was started, and {why}: {_LOOK}.")
        if isinstance(ended, FailedImport):
            self._reject_failed(each, ended)
        return self._completed(each, ended)

    def _started(self, each: FollowUp) -> Import:
        """Start one; raises `Cancelled` where it was not started for that reason."""
        try:
            return self._client.start_import(each.id, self._timeout_seconds)
        except Cancelled:
            raise
        except ImportOutcomeUnknown:
            self._fail(
                "may have run",
                f'The start of {each.title} under "Then run" was sent, but Pigment\'s response was lost, so it may '
                f"have run: {_LOOK}.",
            )
        except PigmentError as error:
            self._fail("was not started", f'{each.title} under "Then run" was not started. {_advise(error)}')
        except Exception as error:  # noqa: BLE001 - nobody knows whether it was sent
            self._fail(
                "may have run",
                f'{each.title} under "Then run" may have been started before the connector met an error '
                f"({type(error).__name__}): {_LOOK}.",
            )

    def _reject_failed(self, each: FollowUp, failed: FailedImport) -> NoReturn:
        reasons = f" ({', '.join(failed.error_names)})" if failed.error_names else ""
        taken = f", and {counted(failed.accepted, 'row')} as taken" if failed.accepted else ""
        self._fail(
            f"failed{reasons}",
            f'Pigment ended {each.title} under "Then run" as failed{reasons}{taken}: open the "Update history" of its '
            "block in Pigment to see why, fix that, and start it there; the next sync starts it, too.",
        )

    def _completed(self, each: FollowUp, done: CompletedImport) -> str:
        skipped = done.counts.skipped if done.counts else 0
        rejected = max(len({row.row for row in done.rejected_rows}), skipped)
        log_left_out(f'run of {each.title} under "Then run"', done, rejected)
        if rejected and self._importer.rules.fail_on_rejected:
            self._fail(
                f"completed with {counted(rejected, 'rejected row')}",
                f'{each.title} under "Then run" rejected {counted(rejected, "row")}, and the connection is set to stop '
                'then: see the log for reasons and columns, and fix the rows, or set "Rejected rows" to report.',
            )
        return f"completed: {in_words(done.counts)}"

    def _fail(self, result: str, message: str) -> NoReturn:
        self._results.append(result)
        raise ConfigProblem(message)

    def _reject(self, concern: Concern, reason: str) -> NoReturn:
        nothing = f'Nothing under "Then run" was started, because {reason}'
        if concern is Concern.AGAIN:
            raise TransientProblem(f"{nothing}: fix what stopped the source, and run the sync again.")
        raise ConfigProblem(
            f"{nothing} and what follows would work with a part: see the log, fix what is wrong at the source, and "
            "start it in Pigment yourself, or with the next sync that stores everything."
        )

    def _report(self, reason: str) -> None:
        """One line for each."""
        for number, each in enumerate(self._wanted):
            result = self._results[number] if number < len(self._results) else f"was not started{reason}"
            logger.info("Then run, %d of %d: %s %s.", number + 1, len(self._wanted), each.title, result)


def _advise(error: PigmentError) -> str:
    match error:
        case NotFound():
            return "Pigment does not know it, or the owner of the API key cannot see it: copy its ID again."
        case RequestRejected(status=status):
            return (
                f"Pigment rejected that (HTTP {status}), as it does with a configuration that takes files or has an "
                "error: enter one that imports from an integration, or copies a list or a metric."
            )
        case LimitReached():
            return "Pigment's limit is used up: start it in Pigment later, or leave it to the next sync."
        case _:
            return explain(error).message
