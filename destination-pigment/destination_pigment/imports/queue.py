"""What is to be imported, as it waits for its turn: one lane for each import configuration, one import at a time."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Lock, Thread

from airbyte_cdk.models import FailureType

from destination_pigment.files.spool import SpoolFile
from destination_pigment.imports.importer import Imported, Importer, Route, Stopped
from destination_pigment.input.configured_streams import DestinationStream, WriteMode
from destination_pigment.targets import Target
from pigment_airbyte.failures import ConfigProblem, TransientProblem, explain
from pigment_client.errors import OutcomeUnknown
from pigment_client.models import ImportCounts

logger = logging.getLogger("airbyte.pigment.destination")

# How often the files of a replacing sync are sent anew from the first, when the answer to a later one was lost.
_TIMES_ANEW = 2


@dataclass(frozen=True, slots=True)
class Job:
    """Files of one stream, with the number of records they settle, of which so many were refused on arrival."""

    stream: DestinationStream
    target: Target
    files: tuple[SpoolFile, ...]
    records: int
    refused: int

    def run(self, importer: Importer) -> Imported:
        """Import the files; see `Importer.import_file` for what it raises."""
        done = self._replace(importer) if self.stream.mode is WriteMode.REPLACE else self._append(importer)
        importer.refuse(self.refused, self.stream.subject)
        return done

    def _append(self, importer: Importer) -> Imported:
        total = Imported(ImportCounts(), 0)
        target = self.target.configuration_id
        route = Route(target, self.stream.mode is WriteMode.APPEND_DEDUP, clears=False, again_through=target)
        for file in self.files:
            total = importer.import_file(file, self.stream.subject, route)
            if total.counts.deleted:
                raise ConfigProblem(
                    f"The import configuration of the {self.stream.subject} deletes what is in its block before each "
                    f"import ({total.counts.deleted} rows were deleted), so a second file would destroy the first: "
                    'switch off "Clear items prior to import" in Pigment, or choose a sync mode that overwrites.'
                )
        return total

    def _replace(self, importer: Importer) -> Imported:
        """The first file through the clearing configuration, the others through the adding one.

        Where the answer to a file is lost, all of them are sent anew, beginning with the one that clears.
        """
        for again in range(_TIMES_ANEW + 1):
            stored: list[Imported] = []
            try:
                while len(stored) < len(self.files):
                    stored.append(self._replace_one(importer, len(stored)))
            except OutcomeUnknown:
                if again == _TIMES_ANEW or importer.stopped:
                    raise
            except Stopped:
                if not stored:
                    raise
                raise self._only_a_part(TransientProblem("The sync was stopped before its end.")) from None
            except Exception as error:
                # A first file that is refused for its rows is in Pigment all the same.
                if stored or (len(self.files) > 1 and isinstance(error, ConfigProblem)):
                    raise self._only_a_part(error) from None
                raise
            else:
                return _sum(stored)
        raise AssertionError("unreachable")

    def _only_a_part(self, error: Exception) -> ConfigProblem | TransientProblem:
        failure = explain(error, subject=self.stream.subject)
        message = (
            f"{failure.message} The block of the {self.stream.subject} holds only a part now: once the cause is "
            "mended, run the sync again, which replaces all of it."
        )
        return ConfigProblem(message) if failure.type is FailureType.config_error else TransientProblem(message)

    def _replace_one(self, importer: Importer, position: int) -> Imported:
        adding = self.target.configuration_id
        clearing = self.target.replace_configuration_id or adding
        if position > 0 and importer.stopped:
            raise TransientProblem(
                f"The sync was stopped after {position} of the {len(self.files)} files of the {self.stream.subject}."
            )
        clears = position == 0
        # The clearing file may be repeated as it is; a later one only together with it.
        again_through = adding if adding != clearing else None
        route = Route(clearing if clears else adding, repeatable=clears, clears=clears, again_through=again_through)
        done = importer.import_file(self.files[position], self.stream.subject, route)
        if clears and not done.counts.deleted:
            logger.warning(
                "Nothing was deleted before the rows of the %s came in: if its block was not empty, the import "
                'configuration %s does not clear, and the old rows are still there. "Clear items prior to import" '
                "must be on for a sync mode that overwrites.",
                self.stream.subject,
                clearing,
            )
        if not clears and done.counts.deleted:
            raise ConfigProblem(
                f"The import configuration {adding} of the {self.stream.subject} deletes what is there before each "
                'import, so it cannot add the later files: switch off "Clear items prior to import" in it, and leave '
                "it on only in the replacing one."
            )
        return done


def _sum(done: list[Imported]) -> Imported:
    counts = ImportCounts(
        sum(each.counts.inserted for each in done),
        sum(each.counts.updated for each in done),
        sum(each.counts.deleted for each in done),
        sum(each.counts.skipped for each in done),
    )
    return Imported(counts, sum(each.rejected for each in done))


Result = tuple[Job, Imported | Exception]


class Lanes:
    """Runs jobs: those of one import configuration one after the other, those of different ones side by side.

    Once `cancelled` is set no further job begins.
    """

    def __init__(self, importer: Importer, cancelled: Event) -> None:
        self._importer = importer
        self._cancelled = cancelled
        self.results: Queue[Result] = Queue()
        # Mutable state, guarded by the lock: a queue for each configuration, and the number of jobs not yet collected.
        self._lock = Lock()
        self._queues: dict[str, Queue[Job]] = {}
        self._busy: dict[str, int] = {}
        self._stopped = Event()

    @property
    def outstanding(self) -> int:
        """Jobs whose result has not been collected."""
        with self._lock:
            return sum(self._busy.values())

    @property
    def cancelled(self) -> bool:
        """Whether the platform cancels the sync."""
        return self._cancelled.is_set()

    def cancelled_within(self, seconds: float) -> bool:
        """Whether the platform cancels now or so soon."""
        return self._cancelled.wait(seconds)

    def has_room(self, job: Job) -> bool:
        """Whether the job may be submitted: one may run and one may wait."""
        with self._lock:
            return self._busy.get(job.target.configuration_id, 0) < 2

    def submit(self, job: Job) -> None:
        """Queue a job."""
        lane = job.target.configuration_id
        with self._lock:
            self._busy[lane] = self._busy.get(lane, 0) + 1
            if lane not in self._queues:
                self._queues[lane] = Queue()
                Thread(target=self._work, args=(self._queues[lane],), daemon=True).start()
            self._queues[lane].put(job)

    def collect(self, timeout_seconds: float) -> Result | None:
        """The next result, if one comes in time."""
        try:
            result = self.results.get(timeout=timeout_seconds) if timeout_seconds > 0 else self.results.get_nowait()
        except Empty:
            return None
        with self._lock:
            self._busy[result[0].target.configuration_id] -= 1
        return result

    def stop(self) -> None:
        """Begin no further import; those that run go on to their end."""
        self._stopped.set()

    def _work(self, queue: Queue[Job]) -> None:
        while True:
            job = queue.get()
            self.results.put((job, self._attempt(job)))

    def _attempt(self, job: Job) -> Imported | Exception:
        if self._stopped.is_set() or self._cancelled.is_set():
            return NotBegun()
        try:
            return job.run(self._importer)
        except Stopped:
            return NotBegun()
        except Exception as error:  # noqa: BLE001 - it is collected with the result and explained there
            # Whatever waits behind a failure must not be sent: its rows would overtake those that failed.
            self.stop()
            return error


class NotBegun(Exception):
    """The job was not begun, because the sync stops."""
