"""The queues of imports without threads: a job runs when the machine says so, or in a wait.

While one job waits for Pigment, another may run from its beginning to its end, so imports overlap.
"""

from __future__ import annotations

from collections import deque

from destination_pigment.imports.importer import Importer
from destination_pigment.imports.queue import Job, JobDone
from destination_pigment.input.cancel import Cancelled


class QueuesInTurn:
    """Stands in for `ImportQueues`."""

    def __init__(self, importer: Importer) -> None:
        self._importer = importer
        self._jobs: deque[Job] = deque()
        self._running: list[Job] = []
        self._results: deque[tuple[Job, JobDone | Exception]] = deque()
        self._stopped = False

    @property
    def unfinished(self) -> list[Job]:
        """The jobs whose result has not been collected."""
        return [*self._jobs, *self._running, *(job for job, _ in self._results)]

    def has_room(self, job: Job) -> bool:
        """Whether the job may be submitted."""
        return sum(each.configuration_id == job.configuration_id for each in self.unfinished) < 2

    def submit(self, job: Job) -> None:
        """Queue a job."""
        self._jobs.append(job)

    def stop(self) -> None:
        """Begin no further import."""
        self._stopped = True

    def collect(self, timeout_seconds: float) -> tuple[Job, JobDone | Exception] | None:
        """The next result; a wait for it lets a job run."""
        if not self._results and timeout_seconds > 0:
            self.run_one()
        return self._results.popleft() if self._results else None

    def run_one(self, position: int = 0) -> None:
        """Run a job to its end: of those that could begin now, the one at this position."""
        busy = {job.configuration_id for job in self._running}
        first = {job.configuration_id: job for job in reversed(self._jobs) if job.configuration_id not in busy}
        if not first:
            return
        job = list(first.values())[position % len(first)]
        self._jobs.remove(job)
        self._running.append(job)
        result: JobDone | Exception
        try:
            result = Cancelled() if self._stopped else job.import_files(self._importer)
            self._stopped = self._stopped or (isinstance(result, JobDone) and result.problem is not None)
        except Exception as error:  # noqa: BLE001 - as the real queues do
            self._stopped = True
            result = error
        self._running.remove(job)
        self._results.append((job, result))
