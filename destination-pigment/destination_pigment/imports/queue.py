"""What is to be imported, as it waits for its turn: a queue for each import configuration, one import at a time."""

from __future__ import annotations

from queue import Empty, Queue
from threading import Event, Lock, Thread
from typing import Protocol

from destination_pigment.files.spool import SpoolFile
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.report import Imported
from destination_pigment.input.cancel import Cancelled
from destination_pigment.input.catalog import DestinationStream


class Job(Protocol):
    """Files of one stream, with the number of records that they settle, of which so many were rejected on arrival."""

    @property
    def stream(self) -> DestinationStream: ...
    @property
    def configuration_id(self) -> str:
        """The import configuration whose queue it waits in."""

    @property
    def files(self) -> tuple[SpoolFile, ...]: ...
    @property
    def records(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def is_certain(self) -> bool:
        """Whether its result cannot be undone by what the same import configuration imports later."""

    def run(self, importer: Importer) -> Imported:
        """Import the files."""


Result = tuple[Job, Imported | Exception]


class ImportQueues:
    """Runs jobs: those of one import configuration one after the other, those of different ones side by side.

    Once the platform cancels, or after a failure, no further job begins. `one_at_a_time` puts all into one queue.
    """

    def __init__(self, importer: Importer, *, one_at_a_time: bool = False) -> None:
        self._importer = importer
        self._one_at_a_time = one_at_a_time
        self._results: Queue[Result] = Queue()
        # Mutable state, guarded by the lock: a queue for each configuration, and the jobs not yet collected, which are
        # counted for each queue.
        self._lock = Lock()
        self._queues: dict[str, Queue[Job]] = {}
        self._busy: dict[str, int] = {}
        self._unfinished: list[Job] = []
        self._stopped = Event()

    @property
    def outstanding(self) -> int:
        """Jobs whose result has not been collected."""
        with self._lock:
            return sum(self._busy.values())

    @property
    def unfinished(self) -> list[Job]:
        """Those jobs."""
        with self._lock:
            return list(self._unfinished)

    def has_room(self, job: Job) -> bool:
        """Whether the job may be submitted: one may run and one may wait."""
        with self._lock:
            return self._busy.get(self._name(job), 0) < 2

    def submit(self, job: Job) -> None:
        """Queue a job."""
        name = self._name(job)
        with self._lock:
            self._busy[name] = self._busy.get(name, 0) + 1
            self._unfinished.append(job)
            if name not in self._queues:
                self._queues[name] = Queue()
                Thread(target=self._work, args=(self._queues[name],), daemon=True).start()
            self._queues[name].put(job)

    def collect(self, timeout_seconds: float) -> Result | None:
        """The next result, if one comes in time."""
        try:
            result = self._results.get(timeout=timeout_seconds) if timeout_seconds > 0 else self._results.get_nowait()
        except Empty:
            return None
        with self._lock:
            self._busy[self._name(result[0])] -= 1
            self._unfinished = [job for job in self._unfinished if job is not result[0]]
        return result

    def stop(self) -> None:
        """Begin no further import; those that run go on to their end."""
        self._stopped.set()

    def _name(self, job: Job) -> str:
        return "" if self._one_at_a_time else job.configuration_id

    def _work(self, queue: Queue[Job]) -> None:
        while True:
            job = queue.get()
            self._results.put((job, self._attempt(job)))

    def _attempt(self, job: Job) -> Imported | Exception:
        if self._stopped.is_set():
            return Cancelled()
        try:
            done = job.run(self._importer)
        except Exception as error:  # noqa: BLE001 - it is collected with the result and explained there
            # Whatever waits behind a failure must not be sent: its rows would overtake those that failed.
            self.stop()
            return error
        if done.problem is not None:
            self.stop()
        return done
