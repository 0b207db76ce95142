"""Downloads the slices of many streams, several at a time, and hands them over in the order in which they finish.

Workers download slices in turn and report them; the reader (one thread, the caller's) takes the reports. A worker
continues only once a finished slice has been taken, so at most `num_workers` downloads are running or waiting on disk,
in addition to the one that is being read. Workers do not log while Pigment sends, because the reader of the log may be
slow.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Event, Lock, Semaphore, Thread
from typing import Any, Protocol

from source_pigment.config import Payload
from source_pigment.discovery.names import StreamName
from source_pigment.reading.records import RecordBlock

# How often long downloads are reported; the platform stops a source that is silent for hours.
_SECONDS_BETWEEN_SIGNS = 30.0


class FetchedSlice(Protocol):
    """A complete slice, wherever the stream keeps it until it is closed."""

    @property
    def rows(self) -> int:
        """How many records it becomes."""

    @property
    def content_bytes(self) -> int:
        """How much was received."""

    def close(self) -> None:
        """Free the space that it takes."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a stream once the records before it are stored."""

    state: Mapping[str, Any]


class SyncStream(Protocol):
    """One stream of a sync, which is read in slices."""

    name: StreamName
    subject: str

    @property
    def slices(self) -> tuple[Payload, ...]:
        """What each slice is, as JSON; at least one."""

    def download(self, slice_index: int, stop: Event) -> FetchedSlice:
        """A complete slice; may raise early once `stop` is set."""

    def records(self, fetched: Any) -> Iterator[RecordBlock | Checkpoint]:
        """The records of a slice that `download` gave, which is closed after them."""

    def state(self, sent_slices: Collection[int], sync_identity: str | None) -> Mapping[str, Any]:
        """The state of the stream once these slices have been sent, in the sync with this identity."""


@dataclass(frozen=True, slots=True)
class Started:
    """The first download of the stream is running."""

    stream: SyncStream


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A slice is complete; the receiver of the report closes the download."""

    stream: SyncStream
    slice_index: int
    fetched: FetchedSlice


@dataclass(frozen=True, slots=True)
class Failed:
    """A slice could not be downloaded."""

    stream: SyncStream
    error: Exception


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more comes of the stream."""

    stream: SyncStream


@dataclass(frozen=True, slots=True)
class Limited:
    """All requests wait until then because of Pigment's limit, or (None) no longer wait."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class StillDownloading:
    """Half a minute has passed since the last such report, and this many downloads are running."""

    running: int


Report = Started | Downloaded | Failed | Limited | StillDownloading


class DownloadScheduler:
    """Downloads the given slices of streams; iterate over it once."""

    def __init__(self, streams: Sequence[tuple[SyncStream, Collection[int]]], *, num_workers: int) -> None:
        self._num_workers = num_workers
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._stop = Event()
        # One permit for each report that was taken.
        self._taken = Semaphore(0)
        # All other mutable state, guarded by the lock: the slices that have not begun, how many of each stream are not
        # reported yet, which streams have begun, and how many downloads are running.
        self._lock = Lock()
        self._waiting = deque((stream, index) for stream, indexes in streams for index in sorted(indexes))
        self._missing = Counter(stream for stream, _ in self._waiting)
        self._begun: set[SyncStream] = set()
        self._running = 0
        # For the reader's thread: when it reports next that downloads are running.
        self._sign_due = 0.0

    def __iter__(self) -> Iterator[Report | Ended]:
        self._sign_due = time.monotonic() + _SECONDS_BETWEEN_SIGNS
        for _ in range(min(self._num_workers, len(self._waiting))):
            Thread(target=self._work, daemon=True).start()
        try:
            while self._missing.total():
                report = self._next_report()
                yield report
                if isinstance(report, Downloaded | Failed):
                    with self._lock:
                        self._missing[report.stream] -= 1
                        has_ended = not self._missing[report.stream]
                    if has_ended:
                        yield Ended(report.stream)
        finally:
            self._stop_workers()

    def _next_report(self) -> Report:
        try:
            report = self._reports.get(timeout=max(0.0, self._sign_due - time.monotonic()))
        except Empty:
            self._sign_due = time.monotonic() + _SECONDS_BETWEEN_SIGNS
            return StillDownloading(self._running)
        if isinstance(report, Downloaded | Failed):
            self._taken.release()
        return report

    def report_limit(self, until: datetime | None) -> None:
        """All requests wait until then, or (None) no longer wait; may be called by any thread."""
        self._reports.put(Limited(until))

    def skip_rest(self, stream: SyncStream) -> None:
        """Begin no other slice of the stream."""
        with self._lock:
            others = [each for each in self._waiting if each[0] is not stream]
            self._missing[stream] -= len(self._waiting) - len(others)
            self._waiting = deque(others)

    def _stop_workers(self) -> None:
        """Let the workers end, and close every download that was not taken."""
        self._stop.set()
        with self._lock:
            self._waiting.clear()
        self._taken.release(self._num_workers)
        while not self._reports.empty():
            report = self._reports.get()
            if isinstance(report, Downloaded):
                report.fetched.close()

    def _work(self) -> None:
        while not self._stop.is_set() and (slice_ := self._begin_next()) is not None:
            self._reports.put(self._download(*slice_))
            self._taken.acquire()

    def _begin_next(self) -> tuple[SyncStream, int] | None:
        with self._lock:
            if not self._waiting:
                return None
            stream, slice_index = self._waiting.popleft()
            if stream not in self._begun:
                self._begun.add(stream)
                self._reports.put(Started(stream))
            self._running += 1
            return stream, slice_index

    def _download(self, stream: SyncStream, slice_index: int) -> Downloaded | Failed:
        try:
            fetched = stream.download(slice_index, self._stop)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the stream, and is explained there
            return Failed(stream, error)
        finally:
            with self._lock:
                self._running -= 1
        return Downloaded(stream, slice_index, fetched)
