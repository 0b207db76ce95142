"""What has become of imports, and what it means: for the states, for what may still be repeated, and for the sync."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from destination_pigment.failures import Failures
from destination_pigment.imports.first_imports import FirstImports
from destination_pigment.imports.queue import Job
from destination_pigment.imports.report import Imported, MayBeStored, NotPushedYet
from destination_pigment.input.cancel import Cancelled
from destination_pigment.input.catalog import StreamKey
from destination_pigment.state_output import States
from pigment_airbyte.failures import TransientProblem


class Outcomes:
    """Draws conclusions from results, one after the other; `stop` keeps further imports from beginning."""

    def __init__(self, states: States, to_replace: Iterable[StreamKey], stop: Callable[[], None]) -> None:
        self._states = states
        self._stop = stop
        # Mutable state: results that are not certain yet, streams still to be replaced, how many records were
        # rejected, and what went wrong.
        self.first_imports = FirstImports()
        self.to_replace = set(to_replace)
        self.rejected = 0
        self.failures = Failures()
        for key in self.to_replace:
            states.checkpoints.hold(key)

    @property
    def failed(self) -> bool:
        """Whether the sync cannot go on."""
        return bool(self.failures)

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Whatever goes wrong inside ends the sync, and is raised at its end."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - it is explained at the end, with all others
            self._fail(error, None)

    def send_due(self) -> None:
        """Send the states that may go."""
        with self.failing():
            self._states.send_due()

    def take(self, job: Job, result: Imported | Exception) -> None:
        """Take a result."""
        try:
            self._conclude(job, result)
        except Exception as error:  # noqa: BLE001 - the imports behind it are waited for all the same
            # Results are counted one after the other: what follows a gap would be reported too early.
            self._states.stop()
            self._fail(error, None)

    def end(self, unfinished: Iterable[Job]) -> None:
        """No result comes any more; what is left is certain, where no import that goes on may change it."""
        for job in unfinished:
            self.first_imports.on_doubt(job.configuration_id)
        with self.failing():
            for certain, done in self.first_imports.end():
                self._settle(certain, done)
        self.send_due()

    def free_replaced(self, streams: Iterable[StreamKey]) -> None:
        """Let the states of replaced streams go, if nothing went wrong anywhere.

        A second attempt begins behind the states that left: without a record, it would clear what is stored.
        """
        if self.failed or self.to_replace:
            return
        for key in streams:
            self._states.checkpoints.free(key)
        self.send_due()

    def _conclude(self, job: Job, result: Imported | Exception) -> None:
        for file in job.files:
            with suppress(OSError):  # it goes with its folder
                file.remove()
        if isinstance(result, Imported):
            for certain, done in self.first_imports.on_imported(job, result):
                self._settle(certain, done)
            if result.problem is not None:
                self._fail(result.problem, job.stream.subject)
        elif not isinstance(result, Cancelled):
            was_sent = isinstance(result, MayBeStored | TransientProblem) and not isinstance(result, NotPushedYet)
            if was_sent:
                self.first_imports.on_doubt(job.configuration_id)
            self._fail(result, job.stream.subject)

    def _settle(self, job: Job, done: Imported) -> None:
        if done.problem is not None:
            return
        rows = job.records - job.rejected
        rejected = min(done.rejected, rows)
        self.rejected += rejected + job.rejected
        self._states.checkpoints.settle(job.stream.key, stored=rows - rejected, rejected=rejected + job.rejected)
        self.to_replace.discard(job.stream.key)

    def _fail(self, error: Exception, subject: str | None) -> None:
        self._stop()
        self.failures.add(error, subject)
