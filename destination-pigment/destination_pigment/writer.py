"""The sync: lines in, files out, states back when what they speak of is stored.

One thread runs this: it takes lines, fills files, hands them to the lanes, collects results, and is the only one that
sends states. What has been told to the platform is therefore always behind what has been stored.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from destination_pigment.catalog import StreamKey, WriteMode
from destination_pigment.checkpoints import Checkpoints
from destination_pigment.importer import Imported
from destination_pigment.jobs import Job, Lanes, NotBegun
from destination_pigment.protocol import (
    Ignored,
    Records,
    StateLine,
    StatusLine,
    StreamStatus,
    Unreadable,
    parse_block,
    with_stats,
)
from destination_pigment.stream_writer import StreamWriter
from pigment_airbyte.failures import TransientProblem, traced
from pigment_client.errors import PigmentError

logger = logging.getLogger("airbyte.pigment.destination")

_WAIT_SECONDS = 0.5

# Fifty seconds: the platform gives about a minute after SIGTERM, and what we spooled must be gone by then, even where
# a push waits for Pigment's limit.
_WAITS_WHEN_CANCELLED = 100

Emit = Callable[[bytes], None]


class Writer:
    """One run of `write`.

    `send_states` False keeps states back, for a dry run, which stores nothing.
    """

    def __init__(
        self, streams: Mapping[StreamKey, StreamWriter], lanes: Lanes, emit: Emit, *, send_states: bool = True
    ) -> None:
        self._streams = dict(streams)
        self._lanes = lanes
        self._emit = emit
        self._send_states = send_states
        # All mutable state: the states that wait, how the source ended each stream, for which streams a state came
        # after their last record and which of these states are final, what could not be used, the first failure, and
        # the stream that came last.
        self._checkpoints: Checkpoints[bytes] = Checkpoints()
        self._statuses: dict[StreamKey, StreamStatus] = {}
        self._confirmed: set[StreamKey] = set()
        self._final: set[StreamKey] = set()
        self._unusable: Counter[str] = Counter()
        self._failure: tuple[Exception, str] | None = None
        self._last: StreamKey | None = None

    @property
    def failed(self) -> bool:
        """Whether the sync cannot go on."""
        return self._failure is not None

    def take(self, block: bytes) -> None:
        """Take whole lines."""
        if not self._take_columns(block):
            for parsed in parse_block(block):
                if isinstance(parsed, Records):
                    self._add(parsed.key, len(parsed.data), partial(StreamWriter.add, records=parsed.data))
                else:
                    self._on(parsed)
        self.tick()

    def tick(self) -> None:
        """Do what is due: old files go, results come, states leave."""
        for writer in self._streams.values():
            if writer.is_old():
                writer.flush()
        self._submit()
        self._collect(0)
        self._release()

    def finish(self) -> None:
        """The input has ended: everything that may be stored is stored; raises what went wrong."""
        if not self.failed:
            for key, writer in self._streams.items():
                if writer.stream.mode is WriteMode.REPLACE:
                    self._end_replacing(key, writer)
                else:
                    writer.flush()
            self._submit()
        self._wait_for_all()
        self._summarize()
        if self._failure is not None:
            error, subject = self._failure
            raise traced(error, subject=subject) from None

    def stop(self) -> None:
        """The platform cancels: no new push; what runs is waited for, and its states leave."""
        self._lanes.stop()
        self._wait_for_all()
        self._summarize()

    def _on(self, parsed: StateLine | StatusLine | Unreadable | Ignored) -> None:
        match parsed:
            case StateLine(line=line, key=key, is_final=is_final):
                self._checkpoints.add(line, key)
                if is_final and key is not None:
                    self._final.add(key)
                self._confirmed.update(self._streams if key is None else {key})
            case StatusLine(key=key, status=status):
                self._statuses[key] = status
            case Unreadable():
                self._warn_once("lines that are no message of Airbyte's protocol")
            case Ignored():
                pass

    def _take_columns(self, block: bytes) -> bool:
        """Take a block in one step, where all its lines are records of the stream that came last."""
        writer = self._streams.get(self._last) if self._last else None
        columns = None if writer is None else writer.columns_of(block)
        if columns is None or self._last is None:
            return False
        self._add(self._last, len(columns[0]), partial(StreamWriter.add_columns, columns=columns))
        return True

    def _add(self, key: StreamKey, count: int, add: Callable[[StreamWriter], None]) -> None:
        if self.failed:
            return
        writer = self._streams.get(key)
        if writer is None:
            self._warn_once(f'records of the stream "{key[1]}", which the catalog does not have', count)
            return
        self._last = key
        self._confirmed.discard(key)
        self._checkpoints.receive(key, count)
        try:
            add(writer)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the sync, and is explained there
            self._fail(error, writer.stream.subject)
        self._submit()

    def _end_replacing(self, key: StreamKey, writer: StreamWriter) -> None:
        """Replace if the source has succeeded; otherwise leave Pigment as it is."""
        status = self._statuses.get(key)
        succeeded = status is StreamStatus.COMPLETE or (status is None and key in self._confirmed)
        if not succeeded:
            self._leave_untouched(writer)
            return
        if writer.stream.by_generation and not writer.records_came and key in self._final:
            # An attempt that goes on behind a finished stream looks just like a source that is empty.
            logger.warning(
                "The source sent no record for the %s and says that all of it is read: its block is left as it is, for "
                "this is also how a repeated attempt looks whose records are stored already. To empty the block, clear "
                "the stream in Airbyte.",
                writer.stream.subject,
            )
            return
        try:
            writer.replace()
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the sync, and is explained there
            self._fail(error, writer.stream.subject)

    def _leave_untouched(self, writer: StreamWriter) -> None:
        subject = writer.stream.subject
        if not writer.records_came:
            logger.warning(
                "The source sent nothing for the %s and did not say that it is complete: left as it is.", subject
            )
            return
        problem = TransientProblem(
            f"The source did not finish the {subject}, so its block in Pigment was left as it was: mend what stopped "
            "the source, and run the sync again."
        )
        self._fail(problem, subject)

    def _submit(self) -> None:
        """Hand the ready jobs to their lanes; waits while a lane is full, so that the disk is not filled."""
        for writer in self._streams.values():
            for job in writer.take_jobs():
                while not self.failed and not self._lanes.has_room(job):
                    self._collect(_WAIT_SECONDS)
                    self._release()
                if self.failed:
                    return
                self._lanes.submit(job)

    def _wait_for_all(self) -> None:
        waits = 0
        while self._lanes.outstanding and waits < _WAITS_WHEN_CANCELLED:
            self._collect(_WAIT_SECONDS)
            self._release()
            waits += self._lanes.cancelled
        self._release()

    def _collect(self, timeout_seconds: float) -> None:
        while (collected := self._lanes.collect(timeout_seconds)) is not None:
            timeout_seconds = 0
            job, result = collected
            for file in job.files:
                file.remove()
            if isinstance(result, Imported):
                self._settle(job, result)
            elif not isinstance(result, NotBegun):
                self._fail(result, job.stream.subject)

    def _settle(self, job: Job, done: Imported) -> None:
        rows = job.records - job.refused
        rejected = min(done.rejected, rows)
        self._checkpoints.settle(job.stream.key, stored=rows - rejected, rejected=rejected + job.refused)

    def _release(self) -> None:
        for released in self._checkpoints.release():
            if self._send_states:
                self._emit(with_stats(released.state, stored=released.stored, rejected=released.rejected))

    def _fail(self, error: Exception, subject: str) -> None:
        self._lanes.stop()
        if self._failure is None:
            self._failure = (error, subject)
        elif isinstance(error, PigmentError | TransientProblem):
            logger.error("%s: %s", subject, traced(error, subject=subject).message)

    def _warn_once(self, what: str, count: int = 1) -> None:
        if what not in self._unusable:
            logger.warning("There are %s; they are left out and counted.", what)
        self._unusable[what] += count

    def _summarize(self) -> None:
        for writer in self._streams.values():
            writer.summarize()
        for what, count in self._unusable.items():
            logger.warning("Left out in all: %d %s.", count, what)
        if self._checkpoints.waiting:
            logger.info("%d state(s) are not sent: their records are not stored.", self._checkpoints.waiting)
