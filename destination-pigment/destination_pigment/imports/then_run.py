"""What Pigment runs inside itself after a sync: each is started in order, waited for and reported like an import.

Whatever goes wrong here is a config error: everything of the sync is stored by then, and the platform repeats any
other error automatically, which would add the rows of a full refresh once more and start a copy a second time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from threading import Thread
from typing import NoReturn

from destination_pigment.imports.importer import Importer, describe_counts, log_skipped
from destination_pigment.imports.polling import CancelGrace, ImportLabel
from destination_pigment.imports.skipped import count_left_out
from destination_pigment.input.cancel import Cancelled
from pigment_airbyte.failures import ConfigProblem, TransientProblem, explain
from pigment_client.client import PigmentClient
from pigment_client.errors import ImportOutcomeUnknown, LimitReached, NotFound, PigmentError, RequestRejected
from pigment_client.models import CompletedImport, FailedImport, Import, ImportConfiguration
from pigment_client.wording import and_the, counted, listed

logger = logging.getLogger("airbyte.pigment.destination")

_LOOK_EVERY_SECONDS = 0.5

_LOOK = 'look at the "Update history" of its block in Pigment before you start it again'


class Concern(Enum):
    """Whose turn it is where not everything is stored."""

    REPORTED = auto()  # the sync itself ends with that
    AGAIN = auto()  # another sync may store everything
    ROWS = auto()  # the user must look at the rows


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why not everything is stored, as the end of a sentence that begins with "because"."""

    concern: Concern
    reason: str


def find_obstacle(
    *,
    stopped: str = "",
    unfinished: Sequence[str] = (),
    unproved: Sequence[str] = (),
    not_accounted_for: int = 0,
    unreadable: int = 0,
    unsent_states: int = 0,
    rejected: int = 0,
) -> Obstacle | None:
    """Why not everything of a sync is stored; None where everything is.

    `stopped` is what the sync itself ends with. `unfinished` are the streams that the source has not read to their
    end; `unproved` those of which nothing says whether it has, although it did not fail. `not_accounted_for` counts the
    records that are neither stored nor rejected, `unreadable` the lines that may have been records, `unsent_states`
    the states whose records were not confirmed.
    """
    lines = counted(unreadable, "line of the input", "lines of the input")
    found = (
        (stopped, Concern.REPORTED, stopped),
        (unfinished, Concern.AGAIN, f"the source did not finish the {and_the(unfinished)}"),
        (unproved, Concern.ROWS, f"no state came that proves the {and_the(unproved)} complete"),
        (not_accounted_for, Concern.ROWS, f"{counted(not_accounted_for, 'record is', 'records are')} not stored"),
        (unreadable, Concern.ROWS, f"{lines} could not be read and may have been records"),
        (unsent_states, Concern.ROWS, f"{counted(unsent_states, 'state was', 'states were')} not sent"),
        (rejected, Concern.ROWS, f"{counted(rejected, 'row was', 'rows were')} rejected"),
    )
    return next((Obstacle(concern, reason) for applies, concern, reason in found if applies), None)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """An import from an integration, or a copy; its name where it is known."""

    id: str
    name: str | None = None

    @property
    def title(self) -> str:
        """What messages call it."""
        return f'"{self.name}" ({self.id})' if self.name else f'"{self.id}"'


def resolve_follow_ups(wanted: Sequence[str], known: Sequence[ImportConfiguration]) -> tuple[FollowUp, ...]:
    """What is to be started by its ID, with the names that are known."""
    names = {each.id: each.name for each in known}
    return tuple(FollowUp(each, names.get(each)) for each in wanted)


def require_visible(followups: Sequence[FollowUp], known: Sequence[ImportConfiguration]) -> None:
    """Raise `ConfigProblem` for what the key's owner cannot see; nothing is started to find out."""
    visible = {each.id for each in known}
    missing = [each.title for each in followups if each.id not in visible]
    if missing:
        there = listed(f"{each.name} ({each.id})" for each in known)
        raise ConfigProblem(
            f'"Then run" names {", ".join(missing)}, which no application has or the owner of the key cannot see: copy '
            f"the ID again in Pigment. There are: {there}."
        )


class ThenRun:
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

    def start_all(self, obstacle: Obstacle | None) -> None:
        """Start each in order after a sync, unless an obstacle forbids it.

        Raises `ConfigProblem`, or `TransientProblem` where nothing was started and another sync may store everything.
        """
        if not self._wanted:
            return
        try:
            if obstacle is None:
                self._run_unless_cancelled()
            elif obstacle.concern is not Concern.REPORTED:
                self._fail_unstarted(obstacle)
        finally:
            because = "" if obstacle is None else f", because {obstacle.reason}"
            for number, each in enumerate(self._wanted):
                result = self._results[number] if number < len(self._results) else f"was not started{because}"
                logger.info("Then run, %d of %d: %s %s.", number + 1, len(self._wanted), each.title, result)

    def _run_unless_cancelled(self) -> None:
        if finishes_in_time(self._run_all, lambda: self._importer.cancelled):
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
                self._results.append(self._run_one(each))
            except Cancelled:
                return
            except ConfigProblem as problem:
                after = ", ".join(other.title for other in self._wanted[position + 1 :])
                others = f"; not started: {after}" if after else ""
                raise ConfigProblem(f"{problem} All records of this sync are stored{others}.") from None

    def _run_one(self, each: FollowUp) -> str:
        """Run one to its end; what came of it."""
        started = self._start(each)
        about = f'{each.title} under "Then run"'
        label = ImportLabel(each.title, f"run of {about}", f"{about} was started")
        try:
            ended = self._importer.polling.wait_for_end(started, label)
        except ImportOutcomeUnknown as doubt:
            self._fail("may still run", f"{doubt} {_LOOK[0].upper()}{_LOOK[1:]}.")
        except Exception as error:  # noqa: BLE001 - it was started: whatever goes wrong must not start it again
            why = f"the connector met an error while it waited ({type(error).__name__})"
            self._fail("may still run", f"{about} was started, and {why}: {_LOOK}.")
        if isinstance(ended, FailedImport):
            self._fail_ended(each, ended)
        return self._completed(each, ended)

    def _start(self, each: FollowUp) -> Import:
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
        except Exception as error:  # noqa: BLE001 - it may have been sent
            self._fail(
                "may have run",
                f'{each.title} under "Then run" may have been started before the connector met an error '
                f"({type(error).__name__}): {_LOOK}.",
            )

    def _fail_ended(self, each: FollowUp, failed: FailedImport) -> NoReturn:
        reasons = f" ({', '.join(failed.error_names)})" if failed.error_names else ""
        accepted = f", and {counted(failed.accepted, 'row')} as accepted" if failed.accepted else ""
        self._fail(
            f"failed{reasons}",
            f'Pigment ended {each.title} under "Then run" as failed{reasons}{accepted}: open the "Update history" of '
            "its block in Pigment to see why, fix that, and start it there; the next sync starts it, too.",
        )

    def _completed(self, each: FollowUp, done: CompletedImport) -> str:
        log_skipped(f'run of {each.title} under "Then run"', done)
        rejected = count_left_out(done.counts, done.rejected_rows, done.skipped)
        if rejected and self._importer.fail_on_rejected:
            self._fail(
                f"completed with {counted(rejected, 'rejected row')}",
                f'{each.title} under "Then run" rejected {counted(rejected, "row")}, and "Rejected rows" is set to '
                'fail: see the log for reasons and columns, and fix the rows, or set "Rejected rows" to report.',
            )
        return f"completed: {describe_counts(done.counts)}"

    def _fail(self, result: str, message: str) -> NoReturn:
        self._results.append(result)
        raise ConfigProblem(message)

    def _fail_unstarted(self, obstacle: Obstacle) -> NoReturn:
        nothing = f'Nothing under "Then run" was started, because {obstacle.reason}'
        if obstacle.concern is Concern.AGAIN:
            raise TransientProblem(f"{nothing}: fix what stopped the source, and run the sync again.")
        raise ConfigProblem(
            f"{nothing} and what follows would work with incomplete data: see the log, fix what is wrong at the "
            "source, and start it in Pigment yourself, or with the next sync that stores everything."
        )


def finishes_in_time(work: Callable[[], None], cancelled: Callable[[], bool]) -> bool:
    """Do the work; whether it ended before the grace after a cancel was over. Raises what it raises."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - it is raised where the work is waited for
            errors.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    grace = CancelGrace(cancelled)
    thread.join(_LOOK_EVERY_SECONDS)
    while thread.is_alive():
        if grace.is_over():
            return False
        thread.join(_LOOK_EVERY_SECONDS)
    for error in errors:
        raise error
    return True


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
