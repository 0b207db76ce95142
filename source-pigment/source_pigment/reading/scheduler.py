"""The slices of many streams, downloaded several at a time; they come in the order in which they are finished.

Workers take slices in turn, download them and report; the reader (one thread, the caller's) takes the reports. Each
worker goes on only once something finished has been taken, so that no more than `num_workers` downloads run or wait
on disk, beside the one that is being read. Workers do not log while Pigment sends: whoever reads the log may be slow.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Event, Lock, Semaphore, Thread
from typing import Any, Protocol, TypeVar

from pigment_client.errors import TryLater
from pigment_client.wording import counted
from source_pigment.config import Payload
from source_pigment.discovery.names import StreamName
from source_pigment.reading.progress import Progress
from source_pigment.reading.records import RecordBlock


class Fetched(Protocol):
    """A slice that is whole and wherever the stream keeps it, until it is closed; as a text, for the log."""

    @property
    def rows(self) -> int:
        """How many records it becomes."""

    @property
    def content_bytes(self) -> int:
        """How much came."""

    def close(self) -> None:
        """Give its place back."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a stream once the records before it are stored."""

    state: Mapping[str, Any]


F = TypeVar("F", bound=Fetched)


class SyncStream(Protocol[F]):
    """One stream of a sync; `slices` says what each of its parts is of."""

    name: StreamName
    subject: str
    progress: Progress

    @property
    def slices(self) -> tuple[Payload, ...]:
        """What is fetched by itself, one at least."""

    def download(self, position: int, stop: Event) -> F:
        """A slice, whole; may raise early once `stop` is set."""

    def records(self, finished: F) -> Iterator[RecordBlock | Checkpoint]:
        """The records of a slice, which is closed behind them."""

    def state(self, finished: Collection[int], sync: str | None) -> Mapping[str, Any]:
        """The state of the stream when these slices were sent, in the sync of this identity."""


AnyStream = SyncStream[Any]


logger = logging.getLogger("airbyte.pigment.source")

# The platform stops a source that says nothing for hours.
_SECONDS_BETWEEN_SIGNS = 60.0


@dataclass(frozen=True, slots=True)
class Started:
    """The first download of the stream is under way."""

    stream: AnyStream


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A slice is whole; who takes it closes the download."""

    stream: AnyStream
    position: int
    download: Fetched


@dataclass(frozen=True, slots=True)
class Failed:
    """A slice could not be downloaded."""

    stream: AnyStream
    error: Exception


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more comes of the stream."""

    stream: AnyStream


@dataclass(frozen=True, slots=True)
class Limited:
    """All requests wait until then for Pigment's limit, or (None) no longer."""

    until: datetime | None


Report = Started | Downloaded | Failed | Limited


class Reading:
    """Downloads the given slices of streams; iterate over it once."""

    def __init__(self, streams: Sequence[tuple[AnyStream, Collection[int]]], *, num_workers: int) -> None:
        self._num_workers = num_workers
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._stop = Event()
        # A place for each report that was taken.
        self._taken = Semaphore(0)
        # All other mutable state, guarded by the lock: the slices nobody has begun, how many of each stream are not
        # reported yet, which streams were begun, how many downloads run, and the rows of those that are finished.
        self._lock = Lock()
        self._waiting = deque((stream, position) for stream, positions in streams for position in sorted(positions))
        self._missing = Counter(stream for stream, _ in self._waiting)
        self._begun: set[AnyStream] = set()
        self._under_way = 0
        self._rows: Counter[AnyStream] = Counter()

    def __iter__(self) -> Iterator[Report | Ended]:
        for _ in range(min(self._num_workers, len(self._waiting))):
            Thread(target=self._work, daemon=True).start()
        try:
            while self._missing.total():
                report = self._next_report()
                if isinstance(report, Downloaded | Failed):
                    self._taken.release()
                    yield report
                    yield from self._after(report)
                else:
                    yield report
        finally:
            self._end()

    def _next_report(self) -> Report:
        while True:
            try:
                return self._reports.get(timeout=_SECONDS_BETWEEN_SIGNS)
            except Empty:
                under_way = counted(self._under_way, "export is", "exports are")
                logger.info(
                    "%s being downloaded, %s for that.", under_way, counted(len(self._waiting), "waits", "wait")
                )

    def report_limit(self, until: datetime | None) -> None:
        """All requests wait until then, or (None) no longer; may be called by any thread."""
        self._reports.put(Limited(until))

    def give_up(self, stream: AnyStream) -> None:
        """Begin no other slice of the stream."""
        with self._lock:
            others = [each for each in self._waiting if each[0] is not stream]
            self._missing[stream] -= len(self._waiting) - len(others)
            self._waiting = deque(others)

    def _after(self, report: Downloaded | Failed) -> Iterator[Ended]:
        if isinstance(report, Failed) and not isinstance(report.error, TryLater):
            # What is wrong with one slice for good is wrong with all.
            self.give_up(report.stream)
        with self._lock:
            self._missing[report.stream] -= 1
            has_ended = not self._missing[report.stream]
        if has_ended:
            yield Ended(report.stream)

    def _end(self) -> None:
        """Let the workers go, and close what nobody took."""
        self._stop.set()
        with self._lock:
            self._waiting.clear()
        self._taken.release(self._num_workers)
        while not self._reports.empty():
            report = self._reports.get()
            if isinstance(report, Downloaded):
                report.download.close()

    def _work(self) -> None:
        while not self._stop.is_set() and (taken := self._next()) is not None:
            self._reports.put(self._download(*taken))
            self._taken.acquire()

    def _next(self) -> tuple[AnyStream, int] | None:
        with self._lock:
            if not self._waiting:
                return None
            stream, position = self._waiting.popleft()
            if stream not in self._begun:
                self._begun.add(stream)
                self._reports.put(Started(stream))
            self._under_way += 1
            return stream, position

    def _download(self, stream: AnyStream, position: int) -> Downloaded | Failed:
        try:
            download = stream.download(position, self._stop)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the stream, and is explained there
            self._finish(stream, 0)
            return Failed(stream, error)
        self._finish(stream, download.rows)
        return Downloaded(stream, position, download)

    def _finish(self, stream: AnyStream, rows: int) -> None:
        """Count a download that has ended; the last one says how much came in all."""
        with self._lock:
            self._rows[stream] += rows
            self._under_way -= 1
            is_last = not (self._waiting or self._under_way or self._stop.is_set())
            total, streams = self._rows.total(), len(self._rows)
        if is_last:
            logger.info("All exports are downloaded: %s in %s.", counted(total, "row"), counted(streams, "stream"))
