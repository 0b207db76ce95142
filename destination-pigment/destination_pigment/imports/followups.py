"""What Pigment runs inside itself behind a load: each is started in order, waited for and reported like an import.

Whatever goes wrong here is a config error: everything of the sync is stored by then, and the platform repeats any
other error by itself, which would add the rows of a full refresh once more and start a copy a second time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from destination_pigment.ending import Concern, Ending, find_obstacle
from destination_pigment.imports.background import finish_in_background
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.report import in_words, log_left_out
from destination_pigment.imports.running import InDoubt, Words
from destination_pigment.input.cancel import Cancelled
from pigment_airbyte.failures import ConfigProblem, TransientProblem, explain
from pigment_airbyte.name_list import listed
from pigment_airbyte.pasted_ids import is_id
from pigment_client.client import PigmentClient
from pigment_client.errors import LimitReached, NotFound, OutcomeUnknown, PigmentError, RequestRejected
from pigment_client.models import CompletedImport, FailedImport, Import, ImportConfiguration
from pigment_client.quantities import counted

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
        except InDoubt as doubt:
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
        except OutcomeUnknown:
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
