"""The sync: lines in, files out, states back when what they speak of is stored.

One thread runs this: it takes lines, fills files, hands them to the lanes, collects results, and is the only one that
sends states. What has been told to the platform is therefore always behind what has been stored.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from destination_pigment.checkpoints import Checkpoints
from destination_pigment.files.stream_files import StreamWriter
from destination_pigment.imports.importer import Imported
from destination_pigment.imports.queue import Job, Lanes, NotBegun
from destination_pigment.imports.replace import ReplacingWriter
from destination_pigment.input.completion import SourceEnd, Verdict
from destination_pigment.input.configured_streams import StreamKey
from destination_pigment.input.messages import (
    Ignored,
    Parsed,
    Records,
    RefusedRecord,
    StateLine,
    StatusLine,
    Unreadable,
    parse_block,
    with_stats,
)
from pigment_airbyte.failures import TransientProblem, traced
from pigment_client.errors import PigmentError

logger = logging.getLogger("airbyte.pigment.destination")

_WAIT_SECONDS = 0.5

# Fifty seconds: the platform gives about a minute after SIGTERM, and what we spooled must be gone by then, even where
# a push waits for Pigment's limit.
_WAITS_WHEN_CANCELLED = 100

# A cancelling platform closes standard input first: where only a state says that the source is done, this long is
# waited for the signal before anything is replaced.
_CANCEL_FOLLOWS_SECONDS = 3.0

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
        # All mutable state: the states that wait, what is known about the end of each stream, jobs whose lane had no
        # room yet, what could not be used, the first failure, and the stream that came last.
        self._checkpoints: Checkpoints[bytes] = Checkpoints()
        self._source_end = SourceEnd()
        self._ready: list[Job] = []
        self._unusable: Counter[str] = Counter()
        self._failure: tuple[Exception, str] | None = None
        self._last: StreamKey | None = None
        for key, writer in self._streams.items():
            if isinstance(writer, ReplacingWriter):
                self._checkpoints.hold(key)

    @property
    def failed(self) -> bool:
        """Whether the sync cannot go on."""
        return self._failure is not None

    def take(self, block: bytes) -> None:
        """Take whole lines; nothing more once the sync has failed, so that no state stands for what was not taken."""
        if not self._take_columns(block):
            for parsed in parse_block(block):
                if self.failed:
                    break
                self._on(parsed)
        self.tick()

    def tick(self) -> None:
        """Do what is due: old files go, results come, states leave."""
        self._flush_old()
        self._submit()
        self._collect(0)
        self._release()

    def finish(self) -> None:
        """The input has ended: everything that may be stored is stored; raises what went wrong."""
        if not self.failed:
            for key, writer in self._streams.items():
                if isinstance(writer, ReplacingWriter):
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

    def _on(self, parsed: Parsed) -> None:
        match parsed:
            case Records(key=key, data=data):
                self._add(key, len(data), partial(StreamWriter.add, records=data))
            case RefusedRecord(key=key):
                reason = "it holds a number that JSON does not have, such as NaN"
                self._add(key, 1, partial(StreamWriter.refuse, reason=reason))
            case StateLine(line=line, key=key, is_final=is_final):
                self._checkpoints.add(line, key)
                self._source_end.on_state(key, is_final=is_final)
            case StatusLine(key=key, status=status):
                self._source_end.on_status(key, status)
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
        writer = self._streams.get(key)
        if writer is None:
            self._warn_once(f'records of the stream "{key[1]}", which the catalog does not have', count)
            return
        self._last = key
        self._source_end.on_records(key)
        self._checkpoints.receive(key, count)
        try:
            add(writer)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the sync, and is explained there
            self._fail(error, writer.stream.subject)
        self._submit()

    def _end_replacing(self, key: StreamKey, writer: ReplacingWriter) -> None:
        """Replace if the source has succeeded; otherwise leave Pigment as it is."""
        verdict = self._source_end.verdict(key, by_generation=writer.stream.by_generation)
        if verdict is Verdict.PROBABLY_COMPLETE and self._lanes.cancelled_within(_CANCEL_FOLLOWS_SECONDS):
            verdict = Verdict.NOT_FINISHED
        try:
            match verdict:
                case Verdict.COMPLETE | Verdict.PROBABLY_COMPLETE if writer.replace():
                    return
                case Verdict.COMPLETE | Verdict.PROBABLY_COMPLETE:
                    pass
                case Verdict.NOTHING_NEW:
                    writer.say_nothing_new()
                case Verdict.NOT_FINISHED:
                    writer.leave_untouched()
            # No record is concerned, so what the states say is true.
            self._checkpoints.free(key)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the sync, and is explained there
            self._fail(error, writer.stream.subject)

    def _flush_old(self) -> None:
        for writer in self._streams.values():
            if writer.is_old():
                writer.flush()
            self._ready += writer.take_jobs()

    def _submit(self) -> None:
        """Hand the ready jobs to their lanes; waits while a lane is full, so that the disk is not filled.

        A full lane holds up nobody else: files of other streams that grow old meanwhile go.
        """
        for writer in self._streams.values():
            self._ready += writer.take_jobs()
        while self._ready and not self.failed:
            self._hand_over()
            if self._ready:
                self._collect(_WAIT_SECONDS)
                self._release()
                self._flush_old()

    def _hand_over(self) -> None:
        kept: list[Job] = []
        full: set[str] = set()
        for job in self._ready:
            lane = job.target.configuration_id
            if lane in full or not self._lanes.has_room(job):
                full.add(lane)
                kept.append(job)
            else:
                self._lanes.submit(job)
        self._ready = kept

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
        self._checkpoints.free(job.stream.key)

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
