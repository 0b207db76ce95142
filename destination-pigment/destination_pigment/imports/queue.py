"""What is to be imported, as it waits for its turn: a queue for each import configuration, one import at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from queue import Empty, Queue
from threading import Condition, Event, Thread
from typing import Protocol

from destination_pigment.files.segments import FileSegment
from destination_pigment.files.stream_files import StreamFiles
from destination_pigment.imports.doubts import Replacement
from destination_pigment.imports.importer import Importer
from destination_pigment.imports.verdicts import NotPushed, NotPushedYet
from destination_pigment.input.cancel import Cancelled
from destination_pigment.input.catalog import DestinationStream
from destination_pigment.rejected_rows.store import BucketFailed, RejectedRowStore
from destination_pigment.targets import Target
from pigment_airbyte.failures import ConfigProblem
from pigment_client.models import ImportedBlock
from pigment_client.wording import counted
from pigment_csv.totals import Totals


@dataclass(frozen=True, slots=True)
class JobDone:
    """What became of a job whose files are imported: how many of its rows Pigment rejected.

    `is_provisional`: a later import through the same configuration may still delete its rows, and `has_rows` that it
    would show it. Where a `problem` came up after the import, the rows are stored, and no state may cover them.
    `maybe_stored` is how many of the rejected rows may be stored anyway, because no response came to their second push.
    `to_count` is a replacement whose block must be counted before its states may leave. `blocks` are those that the
    imports wrote into, and `scope_values` the values of the scope that they cleared there. `seconds` is how long it
    took. `totals` are those of its files, if they are wanted.
    """

    rejected: int
    is_provisional: bool = False
    has_rows: bool = False
    problem: Exception | None = None
    maybe_stored: int = 0
    to_count: Replacement | None = None
    blocks: tuple[ImportedBlock, ...] = ()
    scope_values: frozenset[str | None] = frozenset()
    seconds: float = 0.0
    totals: Totals | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Files of one stream, with the records that they cover: their rows, and those rejected on arrival.

    It waits in the queue of its import configuration. `import_files` raises what ends the sync, or `Cancelled`. With an
    `obstacle`, it must not be imported; a dry run shows it anyway.
    """

    stream: DestinationStream
    configuration_id: str
    segments: tuple[FileSegment, ...]
    import_files: Callable[[Importer], JobDone]
    obstacle: ConfigProblem | None = None


class StreamImports(Protocol):
    """What becomes of the records of a stream: the files that they fill, and the jobs that import them."""

    @property
    def stream(self) -> DestinationStream: ...
    @property
    def files(self) -> StreamFiles: ...
    @property
    def target(self) -> Target: ...
    @property
    def replaces(self) -> bool:
        """Whether its rows take the place of what is in the block, or of a scope of it."""

    @property
    def goes_at_states(self) -> bool:
        """Whether rows go while records still come; otherwise all wait for the end of the input."""

    def due_jobs(self, max_age_seconds: float) -> Sequence[Job]:
        """What may go while records still come: full files, and all once a record has waited this long."""

    def last_jobs(self, *, is_clear: bool) -> Sequence[Job]:
        """All that waited for the end, when it may go; `is_clear` says that the platform asks to clear the stream.

        A job with an obstacle must not go. Raises `EmptySource` where no row came and that is not allowed, or
        `ConfigProblem` where no row came and nothing may go.
        """


def write_before_push(
    store: RejectedRowStore | None, stream: DestinationStream, segments: Sequence[FileSegment]
) -> None:
    """Write what was rejected on arrival to the bucket; raises `NotPushed` or `NotPushedYet` where that fails."""
    arrived = [each.rejected_rows for each in segments if each.rejected_rows is not None]
    if store is None or not arrived:
        return
    try:
        store.write_rows(stream.key, (row for each in arrived for row in each.rows()))
    except BucketFailed as failed:
        sentence = (
            f"{counted(sum(each.count for each in arrived), 'rejected row')} of the {stream.subject} could not be "
            f'written to the bucket "{store.bucket.name}", because {failed.cause}, so nothing of the file that they '
            f"came with was sent to Pigment: {failed.advice}, and run the sync again."
        )
        raise (NotPushedYet if failed.is_passing else NotPushed)(sentence) from None


Result = tuple[Job, JobDone | Exception]

# Each may have three descriptors: its file, the connection that sends it, and one that asks about it.
_MOST_AT_A_TIME = 60


class Queues(Protocol):
    """Takes jobs and gives their results."""

    @property
    def unfinished(self) -> list[Job]: ...
    def has_room(self, job: Job) -> bool: ...
    def submit(self, job: Job) -> None: ...
    def collect(self, timeout_seconds: float) -> Result | None: ...
    def stop(self) -> None: ...


class ImportQueues:
    """Imports jobs: those of one import configuration one after the other, those of different ones side by side.

    Once the platform cancels, or after a failure, no further job begins. `one_at_a_time` puts all into one queue.
    """

    def __init__(self, importer: Importer, *, one_at_a_time: bool = False) -> None:
        self._importer = importer
        self._one_at_a_time = one_at_a_time
        self._results: Queue[Result] = Queue()
        # Mutable state, guarded by the lock: the jobs that wait, the names of the queues of which one runs, the jobs
        # whose result has not been collected, and how many threads there are.
        self._lock = Condition()
        self._waiting: list[Job] = []
        self._running: set[str] = set()
        self._unfinished: list[Job] = []
        self._threads = 0
        self._stopped = Event()

    @property
    def unfinished(self) -> list[Job]:
        """The jobs whose result has not been collected."""
        with self._lock:
            return list(self._unfinished)

    def has_room(self, job: Job) -> bool:
        """Whether the job may be submitted: one may run and one may wait."""
        name = self._name(job)
        return sum(self._name(each) == name for each in self.unfinished) < 2

    def submit(self, job: Job) -> None:
        with self._lock:
            self._unfinished.append(job)
            self._waiting.append(job)
            if self._threads < min(len({*self._running, *map(self._name, self._waiting)}), _MOST_AT_A_TIME):
                self._threads += 1
                Thread(target=self._work, daemon=True).start()
            self._lock.notify()

    def collect(self, timeout_seconds: float) -> Result | None:
        """The next result, if one comes in time."""
        try:
            result = self._results.get(timeout=timeout_seconds) if timeout_seconds > 0 else self._results.get_nowait()
        except Empty:
            return None
        with self._lock:
            self._unfinished = [job for job in self._unfinished if job is not result[0]]
        return result

    def stop(self) -> None:
        """Begin no further import; those that run go on to their end."""
        self._stopped.set()

    def _name(self, job: Job) -> str:
        return "" if self._one_at_a_time else job.configuration_id

    def _work(self) -> None:
        while True:
            with self._lock:
                while (job := self._next()) is None:
                    self._lock.wait()
                self._waiting = [each for each in self._waiting if each is not job]
                self._running.add(self._name(job))
            result = self._attempt(job)
            with self._lock:
                self._running.discard(self._name(job))
                self._lock.notify()
            self._results.put((job, result))

    def _next(self) -> Job | None:
        return next((each for each in self._waiting if self._name(each) not in self._running), None)

    def _attempt(self, job: Job) -> JobDone | Exception:
        if self._stopped.is_set():
            return Cancelled()
        began = time.monotonic()
        try:
            done = job.import_files(self._importer)
        except Exception as error:  # noqa: BLE001 - it is collected with the result and explained there
            # What waits after a failure must not be sent: its rows would overtake those that failed.
            self.stop()
            return error
        if done.problem is not None:
            self.stop()
        return replace(done, seconds=time.monotonic() - began)
